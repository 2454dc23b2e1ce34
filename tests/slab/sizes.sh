#!/bin/sh
# SPDX-License-Identifier: MIT
# The table of sizes in docs/caches.md is what the library does: sizes.sh PROGRAM DOCUMENT
set -eu
program=$1 document=$2
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

"$program" >"$out/found"
awk '/^\| asked for \|/ { on = 1 } on && !/^\|/ { exit } on && /^\| [0-9]/' "$document" >"$out/written"
if ! [ -s "$out/written" ] || ! diff "$out/written" "$out/found"; then
	echo "docs/caches.md: the table of sizes differs (>: what it should be)" >&2
	exit 1
fi
