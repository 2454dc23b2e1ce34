#!/bin/sh
# SPDX-License-Identifier: MIT
# exports.sh LIBRARY ENGINE: the shared library exports each function of the public headers that are the
# engine's, and no more.
set -eu
root=$(dirname "$0")/../..
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

case $2 in
sets) headers='roost posix cache pool serve' others='pcpbuddy' ;;
pcpbuddy) headers='roost posix pcpbuddy' others='cache pool serve' ;;
*) echo "exports: $2: which headers has this engine?" >&2; exit 1 ;;
esac
include=$root/include/roost
for header in "$include"/*.h; do
	case " $headers $others " in
	*" $(basename "$header" .h) "*) ;;
	*) echo "exports: $header: of which engine?" >&2; exit 1 ;;
	esac
done
library=$1
set --
for header in $headers; do
	set -- "$@" "$include/$header.h"
done
"$root/scripts/public-functions" "$@" >"$out/declared"
nm -D --defined-only "$library" | awk '$2 != "A" {sub(/@@ROOST_.*/, "", $3); print $3}' | sort >"$out/exported"
[ -s "$out/declared" ] || { echo "exports: no function found in include/roost/*.h" >&2; exit 1; }
comm -23 "$out/declared" "$out/exported" >"$out/missing"
comm -13 "$out/declared" "$out/exported" >"$out/more"
[ ! -s "$out/missing" ] || echo "in include/roost/, but not exported (src/roost.map):" $(cat "$out/missing") >&2
[ ! -s "$out/more" ] || echo "exported, but in no public header:" $(cat "$out/more") >&2
readelf -d "$library" | grep -q 'FLAGS_1.*NODELETE' ||
	{ echo "$library: may be unloaded, which rseq does not survive (-z nodelete)" >&2; exit 1; }
readelf -d "$library" | grep -q 'SONAME.*\[libroost.so.0\]' || { echo "$library: not libroost.so.0" >&2; exit 1; }
[ ! -s "$out/missing" ] && [ ! -s "$out/more" ]
