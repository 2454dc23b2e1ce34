# SPDX-License-Identifier: MIT
# handmade.sh - hand.trace, of which every count is known, in both modes.
. "$(dirname "$0")/common.sh"

# lines, comments, blank, bad, notes of losses, lost, failed; events, allocs, frees, notes, of those
# on live frames; matched, unmatched, splits, unseen, inferred, live, on another CPU; the rest as
# it is named.
wanted='[43,5,1,8,2,12,1,21,9,12,2,1,8,4,4,2,2,3,6,
	{"mm_page_pcpu_drain":2,"sched_switch":1},
	{"before_trace":1,"bulk":1,"unknown":2},
	[[6,7],[1,2],[1,2],[1,1]],
	[["0",6,7],["1",0,4],["2",1,1],["3",1,0],["9",1,0]]]'

counts() {
	check "$1: counts" "$(jq -c . <<<"$wanted")" "$(value '[.lines, .comment_lines, .blank_lines,
		.bad_lines, .lost_lines, .lost_events, .failed_in_trace,
		.events, .allocs, .frees, .batched, .batched_on_live,
		.matched_frees, .unmatched_frees, .splits, .unseen_frees, .inferred, .live_at_end,
		.cross_cpu_frees, .passed_over, .unmatched,
		[.contexts | .task, .softirq, .hardirq, .nmi | [.allocs, .frees]],
		[.orders | to_entries[] | [.key, .value.allocs, .value.frees]]]')"
	equations "$1"
}

reasons='36: no TASK-PID at its start
37: pfn=0xzz is no number
38: pfn 0x1003 is no multiple of 2^1
39: order 77 is above 18
40: mm_page_alloc without migratetype=
41: CPU 4294967296 is above 4294967295
42: no time stamp after [CPU]
43: mm_page_free without pfn='

for free in $free_paths; do
	for check in 0 1 2 3; do
		replay 0 --json --free=$free --check=$check "$here/hand.trace"
		counts "ordered, $free, check $check"
		check "what it ran on" "[\"$ENGINE\",$([ "$ENGINE" = pcpbuddy ] && echo "\"$free\"" || echo null)]" \
			"$(value '[.engine, .free]')"
		check "no step in a handler" 0 "$(value '.handlers.steps')"
		replay 0 --json --free=$free --check=$check --parallel --stall=20 "$here/hand.trace"
		counts "parallel, $free, check $check"
		# 3 allocations, 5 frees and the 2 splits before one of them.
		check "steps in handlers" 10 "$(value '.handlers.steps')"
	done
done
check "broken lines on stderr" "$reasons" \
	"$(sed -n 's/^roost: .*hand.trace:\([0-9]*: .*\)/\1/p' "$work/err")"
check "broken lines in JSON" "$reasons" \
	"$(jq -r '.first_bad_lines[] | "\(.line): \(.reason)"' "$work/out")"
check "lost events on stderr" 1 "$(grep -c 'lost events (12' "$work/err")"

replay 0 --quiet "$here/hand.trace"
check "stderr when quiet" "" "$(cat "$work/err")"
check "the report for people" 1 "$(grep -c '^  verified$' "$work/out")"

# Most of the time goes into the stamps, so it is no speed; and a trace does not say how much memory there was.
check "no speed" 0 "$(grep -c 'operations per second' "$work/out")"
check "the memory is a guess" 1 "$(grep -c 'MiB (a guess; --memory sets it), check' "$work/out")"
replay 0 --quiet --timing --memory=64M "$here/hand.trace"
check "a speed" 1 "$(grep -c 'operations per second' "$work/out")"
check "the memory is as it is set" '1 0' "$(grep -c ' 64 MiB, check' "$work/out") $(grep -c 'a guess' "$work/out")"
replay 0 --json "$here/hand.trace"
check "the same in JSON" '[null,true]' "$(value '[.operations_per_second, .memory_guessed]')"

# Ten reasons are enough, but every line counts.
{ cat "$here/hand.trace"; echo; yes 'not a line' | head -n 500; } >"$work/many"
replay 0 --json "$work/many"
check "many broken lines" '[508,10]' "$(value '[.bad_lines, (.first_bad_lines | length)]')"
check "many broken lines on stderr" 10 "$(grep -c 'many:[0-9]*:' "$work/err")"
check "the rest of them" 1 "$(grep -c 'and 498 more lines' "$work/err")"

# All CPUs on one: no free is on another.
replay 0 --json --cpus=1 --parallel "$here/hand.trace"
check "one CPU" '[0,1,true]' "$(value '[.cross_cpu_frees, .cpus, .verified]')"
replay 0 --json --limit=5 "$here/hand.trace"
check "five events" '[5,4,1,3]' "$(value '[.events, .allocs, .frees, .live_at_end]')"

finish
