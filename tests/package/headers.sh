#!/bin/sh
# SPDX-License-Identifier: MIT
# headers.sh: each public header alone, and a program that uses its macros, is C99 to C2x and C++11 to
# C++20, without a warning of the stricter kinds.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
warnings="-pedantic -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wswitch-enum -Wundef
	-Wredundant-decls ${WERROR--Werror} -fsyntax-only"
cxx=g++
case ${CC:-cc} in *clang*) cxx=clang++ ;; esac

# compile COMPILER LANGUAGE STANDARD HEADER WARNINGS...
compile() {
	compiler=$1 language=$2 standard=$3 header=$4
	shift 4
	{
		echo "#include <roost/$header>"
		[ "$header" != roost.h ] || echo "unsigned flags(void);
			unsigned flags(void) { struct roost_config c = ROOST_CONFIG_INIT;
			struct roost_stats s = {0}; (void)s; roost_pfn none = ROOST_NONE; (void)none;
			return c.size == sizeof(c) ? ROOST_ZONE(0) | ROOST_NODE(c.nr_cpus) : 0; }"
		[ "$header" != pool.h ] || echo "size_t limit(void);
			size_t limit(void) { struct roost_pool_config c = ROOST_POOL_CONFIG_INIT;
			return c.size == sizeof(c) ? c.limit : 0; }"
	} >"$out/program"
	"$compiler" $warnings -Wno-missing-field-initializers "$@" \
		-I"$root/include" -x "$language" -std="$standard" "$out/program" ||
		{ echo "$header: not $standard with $compiler $*" >&2; exit 1; }
}

for header in "$root"/include/roost/*.h; do
	header=$(basename "$header")
	for standard in c99 c11 c17 c2x; do
		compile "${CC:-cc}" c $standard "$header" -Wstrict-prototypes -Wmissing-prototypes
	done
	for standard in c++11 c++14 c++17 c++20; do
		compile $cxx c++ $standard "$header" -Wold-style-cast
	done
	grep -q 'extern "C" {' "$root/include/roost/$header" || { echo "$header: no extern \"C\"" >&2; exit 1; }
done
