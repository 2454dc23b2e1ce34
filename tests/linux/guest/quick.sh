#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What CI runs of the tests for guests, one after the other in one guest:
#
#	sh /quick.sh PATH [calls|conformance]	the free path, for pcpbuddy; with calls: /calls.sh, too; with
#						conformance: first the tests of the kernel's own page allocator,
#						/page_alloc_test.ko, whose script is /guest.sh
#
# What comes out ends with "verdict: quick pass", or with the verdict of the part that failed.
set -u

# Not all: some want two nodes of memory, or take longer than CI has.
if [ "${2:-}" = conformance ]; then
	sh /guest.sh seconds=1 timeout=60 tests=orders,split,parts,exact,bulk,folios,lock,contexts,counters >/tmp/conformance
	failed=$?
	cat /tmp/conformance
	[ $failed = 0 ] || {
		echo "verdict: conformance FAIL $(sed -nE 's/^(\[[^]]*\] )?not ok [0-9]+ //p' /tmp/conformance | head -n 1)"
		exit 1
	}
fi
sh /test.sh hang "$1" 3 || exit
sh /test.sh load "$1" 10 || exit
sh /caches.sh "$1" || exit
[ "${2:-}" != calls ] || sh /calls.sh "$1" || exit
echo "verdict: quick pass"
