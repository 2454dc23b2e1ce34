#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Counts the instructions of an engine's hot paths by callgrind, and its zone locks in the traces of a
# real kernel, and compares them with instructions.txt. Counts, not times: they are the same on every
# run.
#
#	tests/instructions.sh ENGINE PROGRAM ROOST TRACES [--table]
#
# --table prints what was counted, in the form of instructions.txt.
set -eu
engine=$1 program=$2 roost=$3 traces=$4 table=${5:-}
here=$(dirname "$0")
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

valgrind --tool=callgrind --callgrind-out-file="$out/count" --collect-atstart=no "$program" \
	>"$out/log" 2>&1 || {
	cat "$out/log" >&2
	exit 1
}
for file in "$out"/count.*; do
	awk -v engine="$engine" '/^desc: Trigger: Client Request: / { split($5, part, ",") }
		/^(totals|summary):/ { count = $2 }
		END { if (part[2]) printf "%s %s %.1f\n", engine, part[1], count / part[2] }' "$file"
done >"$out/counts"

case $engine in
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
		exit bad || rows < 9
	}'
