#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Runs one of roost_test.ko's tests in a guest (scripts/guest), where both modules lie in /:
#
#	sh /test.sh load PATH SECONDS [no_nmi]
#	sh /test.sh order PATH single|bulk [free_first]
#	sh /test.sh hang PATH SECONDS
#
# PATH is the free path: trylock, llist or blocking; with the engine sets any will do. What comes
# out ends with "verdict: WHAT pass" or "verdict: WHAT FAIL", and the exit status says the same. A
# hang ends the machine: its "verdict: hang yes" comes from the kernel. $ROOST_ARGS are more
# parameters of roost.ko.
#
# While the load runs CPUs come and go and the kernel's shrinkers are called. In the end the modules
# must go without a complaint, and the kernel must have had none: no warning, no lockdep report
# (unless one is wanted), and lockdep, if it is there, still at work.
set -u

what=$1 path=$2
shift 2
cpus=/sys/devices/system/cpu
. /lib.sh

# Has roost.ko taken notice that this CPU is gone, and does nothing come to lie there any more?
is_gone() {
	awk -v cpu="$1" '$1 == "cpu:" { at = $2 == cpu; seen += at }
		at && ($1 == "online:" || $1 == "count:" || $1 == "llist:") && $2 != 0 { bad = 1 }
		END { exit bad || !seen }' $debug/roost/zoneinfo
}

# Takes each CPU off-line and on-line again, but for the first.
turn_cpus() {
	for cpu in "$cpus"/cpu[1-9]*; do
		[ -e "$cpu/online" ] || continue
		echo 0 >"$cpu/online"
		sleep 0.2
		is_gone "${cpu#"$cpus"/cpu}" || echo "${cpu##*/} is off-line, but not for roost.ko" |
			tee -a /tmp/bad
		echo 1 >"$cpu/online"
	done
}

# The first rounds are for the load alone: on some kernels under QEMU the timers of a CPU that has
# come back are coarse.
disturb() {
	rounds=0
	while [ ! -e /tmp/done ]; do
		rounds=$((rounds + 1))
		echo 2 >/proc/sys/vm/drop_caches
		sleep 0.5
		[ $rounds -lt 6 ] || turn_cpus
	done
	echo "$what: $rounds rounds of CPUs and shrinkers"
}

# shellcheck disable=SC2086 # they are several words
insmod /roost.ko free_path="$path" ${ROOST_ARGS:-limit_mb=64} || fail "no roost.ko"
insmod /roost_test.ko free_path="$path" || fail "no roost_test.ko"
if [ "$what" = load ]; then
	(
		run "$what" "$@" >/tmp/result
		touch /tmp/done
	) &
	disturb
	wait
	cat /tmp/result
	sleep 1 # nobody shrinks any more; roost.ko's worker has done what it had to do
	cat $debug/roost/memory
	valid=$(cat $debug/roost/validate)
	echo "validate: $valid"
else
	run "$what" "$@" | tee /tmp/result
fi
shrunk=$(sed -n 's/^shrunk //p' $debug/roost/memory)
verdict=$(grep '^verdict: ' /tmp/result | tail -n 1)
rmmod roost_test || fail "roost_test.ko does not go"
rmmod roost || fail "roost.ko does not go"
dmesg | grep -q 'were never freed' && fail "pages were never freed"
dmesg | grep 'roost: misuse' && fail "right calls are said to be wrong"

wanted=silent
case $what/$path in
order/blocking) wanted=reported ;;
hang/blocking) fail "it did not hang: $verdict" ;;
load/*)
	[ "$verdict" = "verdict: load pass" ] || exit 1
	[ ! -e /tmp/bad ] || fail "$(cat /tmp/bad)"
	[ "$valid" = ok ] || fail "validate at rest: $valid"
	[ "$shrunk" -gt 0 ] || fail "the shrinker never gave anything back"
	;;
hang/*) [ "${verdict#verdict: hang no}" != "$verdict" ] || fail "not shown: $verdict" ;;
esac
[ "$what" != order ] || [ "${verdict#verdict: order "$wanted"}" != "$verdict" ] ||
	fail "$wanted was wanted: $verdict"
[ $wanted != silent ] || kernel_is_content
echo "verdict: $what pass"
