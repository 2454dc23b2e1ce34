#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs page_alloc_test.ko in a guest (scripts/guest), where it is in /:
#
#	sh /guest.sh PARAMETER=VALUE...
#	sh /guest.sh --faults FAULT[:TEST]... -- PARAMETER=VALUE...
#
# Before it and after it, at rest, /proc must agree with itself: the free lists in buddyinfo with the free
# pages in zoneinfo. Pages must not be missing, and the kernel must have had no complaint. The last line is
# "verdict: pass", or "verdict: FAIL" and the first reason. A hang ends the machine: then there is no verdict.
#
# With --faults: once for each fault, with the one test or all, and nothing is judged here. Between the lines
# "fault: FAULT" and "fault: end after N s" is what the module says.
set -u

lines='^(page_alloc_test: SKIP |KTAP version|1\.\.|ok |not ok |# )'

# A kernel that has no huge pages keeps little back: with it no test could see that GFP_ATOMIC goes below the min watermark.
marks=/proc/sys/vm/min_free_kbytes
[ "$(cat $marks)" -ge 32768 ] || echo 32768 >$marks

if [ "${1:-}" = --faults ]; then
	planted=
	while shift && [ $# -gt 0 ] && [ "$1" != -- ]; do
		planted="$planted $1"
	done
	[ $# = 0 ] || shift
	for each in $planted; do
		echo "fault: ${each%:*}"
		test=
		[ "$each" = "${each%:*}" ] || test=tests=${each#*:}
		begin=$(date +%s)
		# shellcheck disable=SC2086 # no test, no word
		insmod /page_alloc_test.ko "$@" "fault=${each%:*}" $test
		dmesg -c | sed -e 's/^\[[^]]*\] //' | grep -E "$lines"
		rmmod page_alloc_test
		echo "fault: end after $(($(date +%s) - begin)) s"
	done
	exit
fi

bad=
fail() {
	echo "proc: $*"
	[ -n "$bad" ] || bad=$*
}

# snapshot FILE: writes "FREE USED", pages with those in the lists of CPUs, and allocated - freed since boot
snapshot() {
	awk '/^nr_free_pages / { free = $2 } /^pgalloc_/ { used += $2 } /^pgfree / { used -= $2 }
		FILENAME ~ /zoneinfo/ && $1 == "count:" { free += $2 }
		END { printf "%d %d\n", free, used }' /proc/vmstat /proc/zoneinfo >"$1"
}

# Each zone's lists in buddyinfo are its free pages in zoneinfo, but for what CPUs have not folded yet.
agree() {
	awk -v when="$1" '
		FILENAME ~ /buddyinfo/ { zone = $2 $4; size = 1; for (i = 5; i <= NF; i++) { lists[zone] += $i * size; size *= 2 } }
		FILENAME ~ /zoneinfo/ && $1 == "Node" { zone = $2 $4 }
		/^ *pages free/ { free[zone] = $3 }
		/vm stats threshold:/ { may[zone] += $4 }
		END { for (zone in lists) {
			off = lists[zone] - free[zone]
			if (!(zone in may) || off > may[zone] || -off > may[zone]) {
				printf "%s the tests, zone %s: buddyinfo has %d pages, zoneinfo %d (tolerance %d)\n",
					when, zone, lists[zone], free[zone], may[zone]
				exit
			}
		} }' /proc/buddyinfo /proc/zoneinfo || echo "$1 the tests: /proc cannot be read"
}

at_rest() {
	sleep 1
	for _ in 1 2 3 4 5; do
		said=$(agree "$1")
		[ -n "$said" ] || break
		sleep 0.5
	done
	[ -z "$said" ] || fail "$said"
	snapshot "/tmp/$1"
}

at_rest before
insmod /page_alloc_test.ko "$@" || fail "the module does not load; see the lines above"
failures=$(cat /sys/module/page_alloc_test/parameters/failures)
dmesg | sed -e 's/^\[[^]]*\] //' | grep -E "$lines"
rmmod page_alloc_test || fail "the module does not go"
at_rest after
read -r free_before used_before </tmp/before
read -r free_after used_after </tmp/after
# shellcheck disable=SC2154 # read sets them
lost=$((free_before - free_after)) used=$((used_after - used_before))
echo "proc: $lost fewer pages are free than before the tests; pgalloc less pgfree rose by $used"
[ "${lost#-}" -le 2048 ] || fail "$lost pages are missing after the tests (tolerance 2048)"
dmesg | grep -E 'WARNING|BUG: |KASAN|UBSAN|Oops|INFO: .*(stall|blocked)|lock-?up|page allocation failure' &&
	fail "the kernel complains, see above"
[ "${failures:-1}" = 0 ] || bad=${bad:-$failures tests fail}
[ -z "$bad" ] || {
	echo "verdict: FAIL $bad"
	exit 1
}
echo "verdict: pass"
