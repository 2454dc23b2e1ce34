#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Counts the instructions of each free of free_cost.c by callgrind and compares them with their
# bounds. Counts, not times: they are the same on every run.
#
#	tests/cost/free_cost.sh PROGRAM [--table]
set -eu
program=$1 table=${2:-}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

valgrind --tool=callgrind --callgrind-out-file="$out/cost" --toggle-collect=roost_free \
	"$program" >"$out/log" 2>&1 || {
	cat "$out/log" >&2
	exit 1
}
for file in "$out"/cost.*; do
	awk '/^desc: Trigger: Client Request: / { name = $5 }
		/^(totals|summary):/ { count = $2 }
		END { split(name, part, ","); print part[1], part[2], part[3], count, part[4] }' "$file"
done | sort -t- -k3n >"$out/counts"
[ -z "$table" ] || cat "$out/counts"
awk '$5 != "" { cases++ }
	$5 != "" && $4 + 0 > $5 + 0 { print "a free takes too many instructions: " $0; bad = 1 }
	$5 != "" && $4 + 0 == 0 { print "nothing was counted: " $0; bad = 1 }
	$4 + 0 > most { most = $4 + 0; name = $1 " " $2 " " $3 }
	END {
		print cases " cases; the longest free takes " most " instructions: " name
		exit bad || cases < 118
	}' "$out/counts"
