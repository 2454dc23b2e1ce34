#!/bin/sh
# SPDX-License-Identifier: MIT
#
# What CI runs of the tests for guests, one after the other in one guest:
#
#	sh /quick.sh PATH [calls]	the free path, for pcpbuddy; with calls: /calls.sh, too
#
# What comes out ends with "verdict: quick pass", or with the verdict of the part that failed.
set -u

sh /test.sh hang "$1" 5 || exit
sh /test.sh load "$1" 12 || exit
[ "${2:-}" != calls ] || sh /calls.sh "$1" || exit
echo "verdict: quick pass"
