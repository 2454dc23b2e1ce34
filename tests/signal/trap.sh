#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Prints where the instructions of a library are in a program, relative to roost_alloc: for trap.c.
#
#	tests/signal/trap.sh PROGRAM LIBRARY NM OBJDUMP
set -eu
program=$1 library=$2 nm=$3 objdump=$4
names=$(mktemp)
trap 'rm -f "$names"' EXIT
"$nm" "$library" | awk '$2 ~ /^[tT]$/ { print $3 }' >"$names"
anchor=$("$nm" "$program" | awk '$3 == "roost_alloc" { print $1 }')
"$objdump" -d -j .text --no-show-raw-insn "$program" | awk -v names="$names" '
	BEGIN { while ((getline name < names) > 0) ours["<" name ">:"] = 1 }
	/^[0-9a-f]+ </ { inside = $2 in ours }
	inside && /^ +[0-9a-f]+:/ && $2 !~ /^\./ { sub(":", "", $1); print $1 }' |
	while read -r address; do
		echo $((0x$address - 0x$anchor))
	done
