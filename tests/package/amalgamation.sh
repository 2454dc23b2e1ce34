#!/bin/sh
# SPDX-License-Identifier: MIT
# amalgamation.sh: roost.c and roost.h of scripts/amalgamate are made twice alike, are complete,
# compile without warnings, pass a unit test of the posix port, and run a program.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
compile() {
	"${CC:-cc}" -std=gnu11 -O1 -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes ${WERROR--Werror} "$@"
}

fail() {
	echo "amalgamation, engine $engine, port $port: $*" >&2
	exit 1
}

# make ENGINE PORT
make() {
	engine=$1 port=$2
	"$root/scripts/amalgamate" --engine "$engine" --port "$port" --output "$out"
	"$root/scripts/amalgamate" --engine "$engine" --port "$port" --output "$out/two"
	cmp -s "$out/roost.c" "$out/two/roost.c" && cmp -s "$out/roost.h" "$out/two/roost.h" ||
		fail "differs from run to run"
	! grep -nE '^#include "|^#include <roost' "$out/roost.c" "$out/roost.h" | grep -v '"roost.h"$' ||
		fail "includes a file of the project"
}

# What a newcomer types first. Both say what they take; "$out/two" above was not there before.
engine=none port=none
"$root/scripts/amalgamate" --help | grep -q -e '--port posix' || fail "--help does not say what it takes"
if "$root/scripts/amalgamate" --output=/dev/null/x 2>"$out/err" || ! grep -q '/dev/null/x: cannot make' "$out/err"; then
	fail "a directory that cannot be made is not named"
fi

# The headers under their own names, for programs that ask for them so.
mkdir "$out/roost"
for header in "$root"/include/roost/*.h; do
	echo '#include "../roost.h"' >"$out/roost/$(basename "$header")"
done

echo '#include <roost/pcpbuddy.h>
	int main(void) { struct roost_pcpbuddy_stats s = {0}; return roost_pcpbuddy_stats((void *)&s, 0, 0, &s); }' >"$out/own.c"

for engine in sets pcpbuddy; do
	make $engine extern
	for smp in 0 1; do
		compile -ffreestanding -DROOST_SMP=$smp -c "$out/roost.c" -o "$out/roost.o"
	done
	make $engine posix
	compile -c "$out/roost.c" -o "$out/roost.o"
	compile -I"$out" "$root/examples/embed.c" "$out/roost.o" -pthread -o "$out/embed"
	"$out/embed" >/dev/null || fail "examples/embed.c fails"
	pcpbuddy=1
	if [ $engine = sets ]; then # whose roost.h does not have this one
		pcpbuddy=0
		cp "$root/include/roost/pcpbuddy.h" "$out/roost"
	else
		echo '#include "../roost.h"' >"$out/roost/pcpbuddy.h"
	fi
	"${CC:-cc}" -std=gnu11 -I"$out" -DTEST_UP=0 -DTEST_LAB=0 -DTEST_PCPBUDDY=$pcpbuddy \
		-I"$root" -I"$root/tests/common" \
		"$root"/tests/unit/test_split.c "$root"/tests/common/library.c \
		"$root"/tests/common/harness.c "$root"/tests/common/harness_check.c \
		"$root"/tests/common/shadow.c "$root"/tests/common/cpus.c "$out/roost.o" -lcmocka -pthread -o "$out/unit"
	"$out/unit" >"$out/log" 2>&1 || { cat "$out/log" >&2; fail "tests/unit/test_split.c fails"; }

	# What only pcpbuddy has, no other library links.
	linked=0
	"${CC:-cc}" -std=gnu11 -I"$out" "$out/own.c" "$out/roost.o" -pthread -o "$out/own" 2>"$out/log" && linked=1
	[ $linked = $pcpbuddy ] || { cat "$out/log" >&2; fail "links roost_pcpbuddy_stats(): $linked, not $pcpbuddy"; }
	[ $linked = 1 ] || grep -q 'undefined.*roost_pcpbuddy_stats' "$out/log" || fail "does not name roost_pcpbuddy_stats()"
done
