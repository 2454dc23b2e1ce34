#!/bin/sh
# SPDX-License-Identifier: MIT
# headers.sh: each public header alone is C99 to C17 and C++11 to C++20, without a warning.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
warnings="-pedantic -Wall -Wextra -Wconversion -Werror -fsyntax-only"
cxx=g++
case ${CC:-cc} in *clang*) cxx=clang++ ;; esac

# compile COMPILER LANGUAGE STANDARD HEADER
compile() {
	{
		echo "#include <roost/$4>"
		[ "$4" != roost.h ] || echo "unsigned cpus(void);
			unsigned cpus(void) { struct roost_config c = ROOST_CONFIG_INIT;
			struct roost_stats s = {0}; (void)s; return c.size == sizeof(c) ? c.nr_cpus : 0; }"
	} | $1 $warnings -Wno-missing-field-initializers \
		-I"$root/include" -x "$2" -std="$3" - ||
		{ echo "$4: not $3 with $1" >&2; exit 1; }
}

for header in "$root"/include/roost/*.h; do
	header=$(basename "$header")
	for standard in c99 c11 c17; do
		compile "${CC:-cc}" c $standard "$header"
	done
	for standard in c++11 c++17 c++20; do
		compile $cxx c++ $standard "$header"
	done
	grep -q 'extern "C" {' "$root/include/roost/$header" || { echo "$header: no extern \"C\"" >&2; exit 1; }
done
