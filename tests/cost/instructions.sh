#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Counts the instructions and the data references of an engine's hot paths by callgrind, and its zone
# locks in the traces of a real kernel, and compares them with instructions.txt. Counts, not times:
# they are the same on every run.
#
#	tests/cost/instructions.sh ENGINE PROGRAM ROOST TRACES [--table | --misses]
#
# ENGINE `pockets` is sets with its sequences; its zone locks are counted with the other. `objects` are
# caches of objects, with sequences. `malloc` is for comparison, and has no bounds: with --misses and
# build/tests/instructions_malloc, and the malloc in LD_PRELOAD. --table
# prints what was counted, in the form of instructions.txt. --misses prints for each case instructions,
# data references, and those that miss D1 (32 KiB, 8 ways) and LL (1 MiB, 16 ways) of simulated caches.
set -eu
engine=$1 program=$2 roost=$3 traces=$4 table=${5:-}
here=$(dirname "$0")
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

valgrind --tool=callgrind --cache-sim=yes --I1=32768,8,64 --D1=32768,8,64 --LL=1048576,16,64 \
	--callgrind-out-file="$out/count" --collect-atstart=no "$program" \
	>"$out/log" 2>&1 || {
	cat "$out/log" >&2
	exit 1
}
for file in "$out"/count.*; do
	awk -v engine="$engine" '/^desc: Trigger: Client Request: / { split($5, part, ",") }
		/^events:/ && $0 != "events: Ir Dr Dw I1mr D1mr D1mw ILmr DLmr DLmw" { exit 1 }
		/^(totals|summary):/ { count = $2; refs = $3 + $4; d1 = $6 + $7; ll = $9 + $10 }
		END {
			if (!(n = part[2])) exit
			printf "%s %s %.1f\n", engine, part[1], count / n
			if (n > 1) printf "%s %s-refs %.1f\n", engine, part[1], refs / n
			printf "%-9s %-14s %9.1f %9.1f %9.3f %9.3f\n", engine, part[1], count / n, refs / n,
				d1 / n, ll / n >>misses
		}' misses="$out/misses" "$file"
done >"$out/counts"

case $engine in
pockets | objects | malloc) paths= ;;
pcpbuddy) paths='trylock llist' ;;
*) paths=$engine ;;
esac
for path in $paths; do
	for trace in boot-mix compile; do
		"$roost" replay --engine="$engine" --free="$path" --json --quiet \
			"$traces/$trace.trace.zst" >"$out/report"
		jq -r --arg name "$engine zone-locks-$trace-$path" \
			'"\($name) \(.paths.zone_lock // 0)"' "$out/report" >>"$out/counts"
	done
done

if [ "$table" = --misses ]; then
	cat "$out"/misses
	exit
fi
[ -z "$table" ] || awk '{ printf "%-9s %-30s %9s %9.0f\n", $1, $2, $3, $3 * 1.15 + 0.5 }' "$out/counts"
grep "^$engine " "$here/instructions.txt" | awk -v counts="$out/counts" '
	BEGIN { while ((getline line < counts) > 0) { split(line, part, " "); found[part[2]] = part[3] } }
	{
		rows++
		if (!($2 in found)) { print "not counted: " $2; bad = 1 }
		else if (found[$2] + 0 > $4) {
			print $1 " " $2 ": " found[$2] ", the bound is " $4 " (it was " $3 ")"; bad = 1 }
		else if (found[$2] + 0 == 0 && $4 > 0) { print $1 " " $2 ": nothing was counted"; bad = 1 }
		delete found[$2]
	}
	END {
		for (name in found) { print "no bound in instructions.txt: " name; bad = 1 }
		print rows + 0 " counts are within their bounds" (bad ? ", but for these" : "")
		exit bad || rows < 18
	}'
