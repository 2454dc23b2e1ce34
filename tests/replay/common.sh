# SPDX-License-Identifier: MIT
# common.sh - for the scripts beside it. Wants: ROOST, the tool; MKDAT; TRACES, a folder; ENGINE.
. "$(dirname "${BASH_SOURCE[0]}")/../common/checks.sh"
# shellcheck disable=SC2034 # used by the scripts that read this one
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
case $ENGINE in
pcpbuddy) free_paths='trylock llist' ;;
*) free_paths=$ENGINE ;;
esac
# shellcheck disable=SC2034
readonly free_paths

# replay WANTED_STATUS ARGUMENTS...: with the engine.
replay() {
	local wanted=$1
	shift
	run "$wanted" "$ROOST" replay --engine="$ENGINE" "$@"
}

# refuse PATTERN ARGUMENTS...; search, if set, is where programs are looked for.
refuse() {
	local pattern=$1 status=0
	shift
	PATH=${search:-$PATH} "$ROOST" "$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
	check "exit status of: roost $*" 2 "$status"
	check "lines on stderr of: roost $*" 1 "$(wc -l <"$work/err")"
	check "bytes on stdout of: roost $*" 0 "$(wc -c <"$work/out")"
	check "what roost $* says is about $pattern" 1 "$(grep -c -e "$pattern" "$work/err")"
}

# accept PATTERN ARGUMENTS...
accept() {
	local pattern=$1 status=0
	shift
	"$ROOST" "$@" >"$work/out" 2>"$work/err" || status=$?
	check "exit status of: roost $*" 0 "$status"
	check "stderr of: roost $*" "" "$(cat "$work/err")"
	check "what roost $* says is about $pattern" yes \
		"$(grep -q -e "$pattern" "$work/out" && echo yes)"
}

# value FILTER: of the last report in JSON.
value() {
	jq -c "$1" "$work/out"
}

# What the trace says, without what the run of it came to.
# shellcheck disable=SC2034
facts='{events, allocs, frees, batched, batched_on_live, failed_in_trace, bad_lines, matched_frees,
	unmatched_frees, unmatched, splits, unseen_frees, inferred, live_at_end, cross_cpu_frees,
	peak_frames, end_pfn, traced_cpus, orders, contexts}'

# The equations that every report must fulfil. One run of jq names those that do not hold.
equations() {
	check "$1: equations" '[]' "$(value '[
		if .allocs + .inferred == .matched_frees + .live_at_end then empty else "blocks" end,
		if .frees == .matched_frees + .unmatched_frees then empty else "frees" end,
		if .unmatched_frees == ([.unmatched[]] | add) then empty else "reasons" end,
		if .lines == .comment_lines + .blank_lines + .bad_lines + .lost_lines +
			.failed_in_trace + .events + .batched + ([.passed_over[]] | add // 0)
			then empty else "lines" end,
		if ([.orders[] | .allocs] | add) == .allocs then empty else "orders" end,
		if ([.contexts[] | .frees] | add) == .frees then empty else "contexts" end]')"
	check "$1: verified" '[true,0,0,0,0,[]]' "$(value '[.verified, .frames_lost,
		.frames_doubled, .frames_corrupt, .misuses, .findings]')"
}
