#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Allocations of the kernel that fail, modules that come and go, on a kernel with FAULT_INJECTION,
# KASAN and lockdep:
#
#	sh /faults.sh PATH [PART...]	the free path, for pcpbuddy; only some parts, see the end
#
# Half of all chunks fail, under a load; kprobes are armed while the module goes and comes; two loops
# load and unload at once. By its name alone, since it takes minutes: insmod with each of roost.ko's
# allocations failing in turn (insmod_fails).
set -u

what=faults path=$1
. /lib.sh

prepare() {
	for kind in failslab fail_page_alloc; do
		echo 2 >$debug/$kind/verbose # with the stack
		echo 0 >$debug/$kind/verbose_ratelimit_interval_ms
		echo N >$debug/$kind/ignore-gfp-wait
	done
	echo 0 >$debug/fail_page_alloc/min-order
}

# nothing_left: when roost.ko is not there, nothing of it is. In the list of the kernel's memory a caller of a module
# that is gone has no name.
nothing_left() {
	[ ! -d $debug/roost ] || fail "failure $n leaves files in debugfs"
	grep roost /sys/devices/system/cpu/hotplug/states && fail "failure $n leaves CPUs watched"
	awk '$3 ~ /^0x/' /proc/vmallocinfo | grep . && fail "failure $n leaves memory"
}

# Each allocation of roost.ko's start fails in turn: it comes all the same, or it does not, and leaves
# nothing. The last ones are those of many files in debugfs, which it can do without: a few will do.
insmod_fails() {
	echo 0 >$debug/failslab/verbose
	echo 0 >$debug/fail_page_alloc/verbose
	insmod /roost_fail.ko || fail "no roost_fail.ko"
	n=0 came=0 left=0 on_end=0 metadata=0
	while [ "$left" = 0 ] && [ $on_end -lt 12 ]; do
		n=$((n + 1))
		echo $n >/sys/module/roost_fail/parameters/nth
		insmod /roost.ko limit_mb=32 free_path="$path" 2>/dev/null
		left=$(cat /sys/module/roost_fail/parameters/left)
		if [ -d /sys/module/roost ]; then
			came=$((came + 1)) on_end=$((on_end + 1))
			rmmod roost || fail "roost.ko does not go after failure $n"
		else
			on_end=0
		fi
		nothing_left
		dmesg | grep -q 'no memory for the metadata' && metadata=$((metadata + 1))
		dmesg | grep 'never freed' && fail "failure $n loses chunks"
		kernel_is_content
		dmesg -c >/dev/null
	done
	rmmod roost_fail
	echo "insmod: $n failures, $metadata of them of the metadata; roost.ko came in spite of $came"
	[ $metadata -gt 2 ] && [ $came -gt 3 ] && [ $((n - came)) -gt $metadata ] || fail "not shown"
}

start() {
	insmod /roost.ko limit_mb=64 free_path="$path" || fail "no roost.ko"
	insmod /roost_test.ko free_path="$path" || fail "no roost_test.ko"
}

end() {
	rmmod roost_test || fail "roost_test.ko does not go"
	rmmod roost || fail "roost.ko does not go"
}

# Half of the allocations of chunks fail.
chunks_fail() {
	start
	echo 9 >$debug/fail_page_alloc/min-order
	echo 50 >$debug/fail_page_alloc/probability
	echo -1 >$debug/fail_page_alloc/times
	run frees 8 >/tmp/result
	echo 0 >$debug/fail_page_alloc/probability
	tail -n 1 /tmp/result | grep -q 'verdict: frees pass' || fail "$(tail -n 1 /tmp/result)"
	tail -n 3 $debug/roost/memory
	[ "$(sed -n 's/^grow_failed //p' $debug/roost/memory)" -gt 0 ] || fail "no chunk failed"
	end
}

trace=$debug/tracing

# probe 1|0: all probes are armed, or none
probe() {
	echo "$1" >$trace/events/roost_in/enable && echo "$1" >$trace/events/roost_out/enable ||
		fail "the probes do not become $1"
}

# Calls, after which each probe was hit more often than before.
hit() {
	cp $trace/kprobe_profile /tmp/hits
	run frees 1 | tail -n 1
	cat $trace/kprobe_profile
	awk 'NR == FNR { was[FNR] = $2; next } $2 <= was[FNR] { bad = 1 } END { exit bad || FNR != 10 }' \
		/tmp/hits $trace/kprobe_profile || fail "not every probe was hit"
}

# Probes on calls and returns, armed when the module goes, and when it comes again.
probes() {
	start
	for call in roost_alloc_pages roost_free_pages roost_alloc_pages_bulk roost_grow roost_shrink; do
		echo "p:roost_in/$call roost:$call" >>$trace/kprobe_events &&
			echo "r:roost_out/$call roost:$call" >>$trace/kprobe_events ||
			fail "no probe on $call"
	done
	probe 1
	hit
	end
	start
	hit
	probe 0
	end
	echo >$trace/kprobe_events
}

# Two at once load and unload, and shrink and read meanwhile.
come_and_go() {
	m=0
	while [ $m -lt 15 ]; do
		insmod /roost.ko limit_mb=32 free_path="$path" && echo >>/tmp/came."$1"
		cat $debug/roost/stats $debug/roost/validate $debug/roost/zoneinfo
		echo 3 >/proc/sys/vm/drop_caches
		rmmod roost
		m=$((m + 1))
	done >/dev/null 2>&1
}

parallel() {
	come_and_go 1 &
	one=$!
	come_and_go 2 &
	wait $one $!
	[ ! -d /sys/module/roost ] || rmmod roost || fail "roost.ko does not go"
	echo "came: $(cat /tmp/came.* | wc -l) times"
	[ "$(cat /tmp/came.* | wc -l)" -gt 4 ] || fail "roost.ko hardly ever came"
}

prepare
[ $# -gt 1 ] || set -- "$path" chunks_fail probes parallel
shift
for part; do
	$part
	dmesg | grep -E 'roost: misuse|never freed' && fail "$part: pages are lost, see above"
	kernel_is_content
done
echo "verdict: faults pass"
