#!/bin/sh
# SPDX-License-Identifier: MIT
# exports.sh LIBRARY: the shared library exports each function of the public headers, and no more.
set -eu
root=$(dirname "$0")/../..
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

"$root/scripts/public-functions" >"$out/declared"
nm -D --defined-only "$1" | awk '$2 != "A" {sub(/@@ROOST_.*/, "", $3); print $3}' | sort >"$out/exported"
[ -s "$out/declared" ] || { echo "exports: no function found in include/roost/*.h" >&2; exit 1; }
comm -23 "$out/declared" "$out/exported" >"$out/missing"
comm -13 "$out/declared" "$out/exported" >"$out/more"
[ ! -s "$out/missing" ] || echo "in include/roost/, but not exported (src/roost.map):" $(cat "$out/missing") >&2
[ ! -s "$out/more" ] || echo "exported, but in no public header:" $(cat "$out/more") >&2
readelf -d "$1" | grep -q 'FLAGS_1.*NODELETE' ||
	{ echo "$1: may be unloaded, which rseq does not survive (-z nodelete)" >&2; exit 1; }
readelf -d "$1" | grep -q 'SONAME.*\[libroost.so.0\]' || { echo "$1: not libroost.so.0" >&2; exit 1; }
[ ! -s "$out/missing" ] && [ ! -s "$out/more" ]
