#!/bin/sh
# SPDX-License-Identifier: MIT
#
# growth.sh: a program of today's header runs on the library of tomorrow, and the other way round. In
# tomorrow's, the configuration has a field more, there is one more counter, and a field of the
# zone's description that takes room which was reserved: what docs/abi.md allows.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

for engine in sets pcpbuddy; do
	mkdir -p "$out/today" "$out/tomorrow"
	"$root/scripts/amalgamate" --engine "$engine" --output "$out/today"
	cp "$out/today/roost.c" "$out/tomorrow"
	sed -e '/given to both hooks/a uint64_t future;' \
		-e 's/X(pressure, "calls of the pressure hook")/& X(future_events, "to come")/' \
		-e 's/uint64_t reserved\[7\];/uint64_t future, reserved[6];/' \
		"$out/today/roost.h" >"$out/tomorrow/roost.h"
	[ "$(diff "$out/today/roost.h" "$out/tomorrow/roost.h" | grep -c '^>')" = 3 ] ||
		{ echo "growth: the header is not as this test knows it" >&2; exit 1; }
	for when in today tomorrow; do
		future=
		[ $when = today ] || future=-DFUTURE
		"${CC:-cc}" -std=gnu11 -I"$out/$when" -c "$out/$when/roost.c" -o "$out/$when/library.o"
		"${CC:-cc}" -std=gnu11 -I"$out/$when" $future -c "$root/tests/package/growth.c" -o "$out/$when/program.o"
	done
	for program in today tomorrow; do
		for library in today tomorrow; do
			[ $program$library != tomorrowtomorrow ] || continue # there is no such program
			"${CC:-cc}" "$out/$program/program.o" "$out/$library/library.o" -pthread -o "$out/run"
			"$out/run" || { echo "growth: $engine: $program's program on $library's library: growth.c, line $?" >&2; exit 1; }
		done
	done
done
