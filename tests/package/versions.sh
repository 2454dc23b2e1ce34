#!/bin/sh
# SPDX-License-Identifier: MIT
# versions.sh VERSION: the version of CMakeLists.txt is that of the header, CHANGELOG.md and debian/.
set -eu
cd "$(dirname "$0")/../.."
status=0

# same WHAT VERSION
same() {
	[ "$2" = "$version" ] || { echo "$1 says version \"$2\", CMakeLists.txt \"$version\"" >&2; status=1; }
}

version=$1
part() { sed -nE "s/^#define ROOST_VERSION_$1 +\"?([0-9.]+)\"?/\1/p" include/roost/roost.h; }
same "ROOST_VERSION_MAJOR, _MINOR, _PATCH" "$(part MAJOR).$(part MINOR).$(part PATCH)"
same ROOST_VERSION_STRING "$(part STRING)"
same CHANGELOG.md "$(sed -nE 's/^## ([0-9.]+).*/\1/p' CHANGELOG.md | head -n 1)"
same debian/changelog "$(sed -nE '1s/^roost \(([0-9.]+)\).*/\1/p' debian/changelog)"
exit $status
