#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Calls that may sleep, made where nothing may, on a kernel with DEBUG_ATOMIC_SLEEP: it must complain
# of each, though each would have had all that it needs.
#
#	sh /atomic.sh PATH	the free path, for pcpbuddy
set -u

what=atomic path=$1
. /lib.sh

insmod /roost.ko free_path="$path" limit_mb=64 || fail "no roost.ko"
insmod /roost_test.ko free_path="$path" || fail "no roost_test.ko"
run atomic | tee /tmp/result
rmmod roost_test || fail "roost_test.ko does not go"
rmmod roost || fail "roost.ko does not go"
calls=$(grep -c '^atomic: ' /tmp/result)
told=$(dmesg | grep -c 'BUG: sleeping function called from invalid context')
[ "$calls" -gt 0 ] && [ "$told" = "$calls" ] || fail "$told of $calls calls are reported"
echo "verdict: atomic pass"
