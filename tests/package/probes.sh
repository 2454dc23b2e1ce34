#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The probes in a library are those that docs/tracing.md lists, with as many arguments, and each has
# a line for bpftrace there.
#
#	tests/package/probes.sh ENGINE LIBRARY TRACING.MD
set -eu
engine=$1 library=$2 doc=$3
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

readelf -n "$library" 2>/dev/null | awk '
	/Provider:/ { provider = $2 }
	/Name:/ { name = $2 }
	/Arguments:/ { if (provider == "roost") print name, NF - 1 }' | sort -u >"$out/found"
# An argument is one piece of text to readelf, as -4@%eax is; none has a blank in it.
awk -F'|' -v engine="$engine" '/^\| `[a-z_]+` \|/ {
	gsub(/[` ]/, "", $2)
	if ($4 ~ "both" || $4 ~ "`" engine "`") print $2, split($3, part, ",") }' "$doc" |
	sort -u >"$out/wanted"
diff -u "$out/wanted" "$out/found" || {
	echo "docs/tracing.md (-) and the probes of $library (+) differ" >&2
	exit 1
}
while read -r name count; do
	grep -q "usdt:./PROGRAM:roost:$name " "$doc" || {
		echo "docs/tracing.md: no line for bpftrace uses $name" >&2
		exit 1
	}
done <"$out/found"
echo "$(wc -l <"$out/found") probes, as documented"
[ "$(wc -l <"$out/found")" -ge 7 ]
