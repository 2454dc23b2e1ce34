# SPDX-License-Identifier: MIT
# checks.sh - counts what scripts check. A folder of their own is $work; they end with finish.
set -u
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

# run WANTED_STATUS TOOL ARGUMENTS...: leaves stdout in $work/out, stderr in $work/err.
run() {
	local wanted=$1 tool=$2 status=0
	shift 2
	"$tool" "$@" >"$work/out" 2>"$work/err" || status=$?
	check "exit status of: $*" "$wanted" "$status"
	[ "$status" = "$wanted" ] || cat "$work/err"
}

# refused PATTERN WHAT: the last run said nothing on stdout, and in one line on stderr what is wrong.
refused() {
	check "stdout and stderr of: $2" '0 1' "$(wc -c <"$work/out") $(wc -l <"$work/err")"
	check "what $2 says is about $1" 1 "$(grep -c -e "$1" "$work/err")"
}

finish() {
	printf '%d passed, %d failed\n' $((checks - failures)) "$failures"
	[ "$failures" = 0 ]
}
