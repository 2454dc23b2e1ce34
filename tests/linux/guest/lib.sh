# SPDX-License-Identifier: MIT
# What the scripts of guests share. $what is the test's name.

debug=/sys/kernel/debug

fail() {
	echo "verdict: $what FAIL $*"
	exit 1
}

# run COMMAND...: one of roost_test.ko's tests. What it says is written, the last line is its verdict
run() {
	echo "$*" >$debug/roost_test/run || fail "$* could not be run"
	cat $debug/roost_test/result
}

# The kernel must have had no complaint, and lockdep, if it is there, must still be at work.
kernel_is_content() {
	dmesg | grep -E 'WARNING|BUG:|KASAN|UBSAN|Oops|INFO: .*(stall|blocked)|lock-?up' &&
		fail "the kernel complains, see above"
	[ ! -e /proc/lockdep_stats ] || grep -q 'debug_locks: *1' /proc/lockdep_stats ||
		fail "lockdep has stopped"
}

[ -d $debug/tracing ] || mount -t debugfs none $debug || fail "no debugfs"
