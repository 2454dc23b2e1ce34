#!/bin/sh
# SPDX-License-Identifier: MIT
# kernel-name.sh - scripts/linux-kernel makes one kernel for one configuration, whatever its comments say.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
version=6.1
dpkg-query -W "linux-source-$version" >/dev/null 2>&1 && [ -e /usr/src/linux-source-$version.tar.xz ] || {
	echo "linux-source-$version is not installed; skipped" >&2
	exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/scripts" "$work/tests/linux"
cp "$root/scripts/linux-kernel" "$work/scripts"
cp -r "$root/tests/linux/config" "$work/tests/linux"
status=0

name() {
	"$work/scripts/linux-kernel" --name $version smp
}

# is same|another TEXT: after a change
is() {
	got=same
	[ "$(name)" = "$before" ] || got=another
	[ "$got" = "$1" ] || {
		echo "FAIL $2: $got kernel" >&2
		status=1
	}
}

before=$(name)
printf '# a comment\n\n' >>"$work/tests/linux/config/smp"
is same 'a comment'
echo '# CONFIG_NUMA is not set' >>"$work/tests/linux/config/smp"
is another 'an option that is not set'
before=$(name)
echo CONFIG_NUMA=y >>"$work/tests/linux/config/smp"
is another 'an option'
exit $status
