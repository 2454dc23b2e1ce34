# SPDX-License-Identifier: MIT
# common.sh - for the scripts beside it. Wants: ROOST, the tool; ADAPTER_SO and ADAPTER_OLD_SO, peers.
set -u
# A malloc beside a sanitizer's own is none of our business.
others=()
[ -z "$SANITIZE" ] || others=(--peers=roost,pcpbuddy,buddy,mmap)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
checks=0
failures=0

# check WHAT WANTED FOUND
check() {
	checks=$((checks + 1))
	[ "$2" = "$3" ] && return
	failures=$((failures + 1))
	printf 'FAILED: %s\n  wanted: %s\n  found:  %s\n' "$1" "$2" "$3"
}

# bench WANTED_STATUS ARGUMENTS...: leaves stdout in $work/out, stderr in $work/err.
bench() {
	local wanted=$1 status=0
	shift
	case " $* " in
	*" --peers"* | *" --help "*) "${tool:-$ROOST}" bench "$@" ;;
	*) "${tool:-$ROOST}" bench "${others[@]}" "$@" ;;
	esac >"$work/out" 2>"$work/err" || status=$?
	check "exit status of: bench $*" "$wanted" "$status"
	[ "$status" = "$wanted" ] || cat "$work/err"
}

# refuse PATTERN ARGUMENTS...: status 2, nothing on stdout, one line on stderr that says what.
refuse() {
	local pattern=$1
	shift
	bench 2 "$@"
	check "stdout and stderr of: bench $*" '0 1' \
		"$(wc -c <"$work/out") $(wc -l <"$work/err")"
	check "what bench $* says is about $pattern" 1 "$(grep -c -e "$pattern" "$work/err")"
}

# value FILTER [FILE]: of a report.
value() {
	jq -c "$1" "${2:-$work/out}"
}

finish() {
	printf '%d passed, %d failed\n' $((checks - failures)) "$failures"
	[ "$failures" = 0 ]
}
