#!/bin/sh
# SPDX-License-Identifier: MIT
# embedding.sh: the sources compile as docs/embedding.md says, in a project of another C standard and with
# warnings that are not ours, without one; with the pool and without it; and a program with them runs.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
strict="-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wcast-qual -Wswitch-enum -Wundef -Wredundant-decls ${WERROR--Werror}"

# What docs/embedding.md says is what is tried here.
recipe=$(tr '\n' ' ' <"$root/docs/embedding.md")
for words in '`src/core/*.c src/sets/*.c`' '`src/pcpbuddy/*.c`' '`-Iinclude -Isrc -Isrc/port/PORT`' \
	'`src/port/posix/posix.c` and `-pthread`' '`src/pool/*.c` and `src/slab/*.c`'; do
	case $recipe in
	*"$words"*) ;;
	*) echo "embedding: docs/embedding.md no longer says $words; does this test do what it says?" >&2; exit 1 ;;
	esac
done

# embed ENGINE EXAMPLE FLAGS...: compiles all and runs the example
embed() {
	engine=$1 example=$2
	shift 2
	[ "$example" != pool ] || set -- "$@" "$root"/src/pool/*.c "$root"/src/slab/*.c
	"${CC:-cc}" $strict "$@" -I"$root/include" -I"$root/src" -I"$root/src/port/posix" "$root"/src/core/*.c \
		"$root/src/$engine"/*.c "$root/src/port/posix/posix.c" "$root/examples/$example.c" -pthread -o "$out/program" ||
		{ echo "embedding: engine $engine, with $example: does not compile" >&2; exit 1; }
	"$out/program" >"$out/log" || { cat "$out/log" >&2; echo "embedding: $example of $engine fails" >&2; exit 1; }
}

embed sets embed -std=c11
embed pcpbuddy embed -std=c17
embed sets pool -std=c2x -DNDEBUG
# Programs that define what these sources define, too.
"${CC:-cc}" $strict -std=gnu11 -D_GNU_SOURCE -fsyntax-only -I"$root/include" -I"$root/src" \
	-I"$root/src/port/posix" "$root"/src/pool/*.c "$root"/src/slab/*.c "$root/src/port/posix/posix.c"
