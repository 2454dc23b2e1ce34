#!/bin/sh
# SPDX-License-Identifier: MIT
#
# A signal at each instruction of the engine roost: see trap.c.
#
#	tests/trap.sh PROGRAM LIBRARY
set -eu
program=$1 library=$2
names=$(mktemp)
trap 'rm -f "$names"' EXIT
nm "$library" | awk '$2 ~ /^[tT]$/ { print $3 }' >"$names"
anchor=$(nm "$program" | awk '$3 == "roost_alloc" { print $1 }')
objdump -d -j .text --no-show-raw-insn "$program" | awk -v names="$names" '
	BEGIN { while ((getline name < names) > 0) ours["<" name ">:"] = 1 }
	/^[0-9a-f]+ </ { inside = $2 in ours }
	inside && /^ +[0-9a-f]+:/ { sub(":", "", $1); print $1 }' |
	while read -r address; do
		echo $((0x$address - 0x$anchor))
	done | ROOST_TEST_CPUS=real "$program"
