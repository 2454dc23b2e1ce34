# SPDX-License-Identifier: MIT
# common.sh - for the scripts beside it. Wants: ROOST, the tool; ADAPTER_SO and ADAPTER_OLD_SO, peers.
. "$(dirname "${BASH_SOURCE[0]}")/../common/checks.sh"
# A malloc beside a sanitizer's own is none of our business.
others=()
[ -z "$SANITIZE" ] || others=(--peers=sets,pcpbuddy,buddy,mmap)

# bench WANTED_STATUS ARGUMENTS...: by $tool, or the tool.
bench() {
	local wanted=$1
	shift
	case " $* " in
	*" --peers"* | *" --help "*) run "$wanted" "${tool:-$ROOST}" bench "$@" ;;
	*) run "$wanted" "${tool:-$ROOST}" bench "${others[@]}" "$@" ;;
	esac
}

# refuse PATTERN ARGUMENTS...
refuse() {
	local pattern=$1
	shift
	bench 2 "$@"
	refused "$pattern" "bench $*"
}

# value FILTER [FILE]: of a report.
value() {
	jq -c "$1" "${2:-$work/out}"
}
