# SPDX-License-Identifier: MIT
# formats.sh - one trace in every form that it can have gives one report.
. "$(dirname "$0")/common.sh"

# same NAME WANTED FILTER FILE
same() {
	replay 0 --json "$4"
	check "$1" "$2" "$(value "$3")"
}

all='del(.trace, .compression, .seconds, .operations_per_second, .cpu_seconds)'
hand=$here/hand.trace
replay 0 --json "$hand"
whole=$(value "$all")
what=$(value "$facts")

gzip -c "$hand" >"$work/gzip"
zstd -q -c "$hand" >"$work/zstd"
xz -c "$hand" >"$work/xz"
cp "$work/zstd" "$work/misnamed.gz"
for form in gzip zstd xz misnamed.gz; do
	same "$form" "$whole" "$all" "$work/$form"
done
check "what it was packed with" '"zstd"' "$(value .compression)"
"$ROOST" replay --engine="$ENGINE" --json - <"$work/gzip" >"$work/out" 2>/dev/null
check "standard input" "$whole" "$(value "$all")"
sed 's/$/\r/' "$hand" >"$work/crlf"
same "lines that end in CR LF" "$whole" "$all" "$work/crlf"

# Broken lines are not in a trace.dat; all else is.
"$MKDAT" <"$hand" >"$work/dat"
what=$(jq -c '.bad_lines = 0' <<<"$what")
gzip -c "$work/dat" >"$work/dat.gz"
zstd -q -c "$work/dat" >"$work/dat.zst"
for form in dat dat.gz dat.zst; do
	same "$form" "$what" "$facts" "$work/$form"
	check "$form: lost events" 12 "$(value .lost_events)"
	check "$form: format" '"trace.dat"' "$(value .format)"
	equations "$form"
done
# Nothing of a buffer of an instance is left out, whatever its name is.
sed "20a # instance pa\xe4es" "$hand" | "$MKDAT" >"$work/instance.dat"
same "a trace.dat with an instance" "$what" "$facts" "$work/instance.dat"
check "what its buffers hold" '[["",14,14],["pa\\xe4es",13,9]]' \
	"$(value '[.buffers[] | [.name, .records, .page_events]]')"
check "no event is in both" 0 "$(grep -c 'of the same time' "$work/err")"
equations "a trace.dat with an instance"
{ cat "$hand"; echo; echo "# instance again"; cat "$hand"; } | "$MKDAT" >"$work/twice.dat"
replay 0 --json "$work/twice.dat"
check "events that may be in both" 1 "$(grep -c 'buffers "" and "again" .* the same time' "$work/err")"
"$ROOST" replay --engine="$ENGINE" --json - <"$work/dat" >"$work/out" 2>/dev/null
check "trace.dat on standard input" "$what" "$(value "$facts")"

# A part of a real trace: waiting and not waiting must come out the same from names and numbers.
zstd -q -dc "$TRACES/compile.trace.zst" | head -n 60000 >"$work/part"
"$MKDAT" <"$work/part" >"$work/part.dat"
paths='.paths, .live_at_end, .contexts'
replay 0 --json "$work/part"
what=$(value "$paths")
same "a real trace as trace.dat" "$what" "$paths" "$work/part.dat"

# Where memory is short it matters which calls may wait and which may take the reserve.
short='.paths | [.fail_wait, .fail_nowait, .alloc_reserve]'
replay 0 --json --memory=40M "$work/part"
what_short=$(value "$short")
check "some wait, some do not, some take the reserve" true "$(value "$short | all(. > 0)")"
replay 0 --json --memory=40M "$work/part.dat"
check "a real trace as trace.dat, short of memory" "$what_short" "$(value "$short")"

# What trace-cmd itself makes of it, where there is one.
if command -v trace-cmd >/dev/null; then
	trace-cmd report -i "$work/part.dat" >"$work/report" 2>/dev/null
	same "trace-cmd report" "$(jq -c .[0] <<<"[$(head -n1 <<<"$what")]")" .paths "$work/report"
	check "trace-cmd report: broken lines" 0 "$(value .bad_lines)"
	trace-cmd report -t -i "$work/part.dat" >"$work/report" 2>/dev/null
	same "trace-cmd report -t" "$(head -n1 <<<"$what")" .paths "$work/report"
	trace-cmd report -l -i "$work/part.dat" >"$work/report" 2>/dev/null
	same "trace-cmd report -l" "$what" "$paths" "$work/report"
	head -n 4000 "$work/part" | "$MKDAT" >"$work/small.dat"
	replay 0 --json "$work/small.dat"
	small=$(value "$facts | del(.contexts)")
	for option in --ts-diff --raw-ts '--raw-ts -l' '--ts-diff -t' '-l -t' --debug; do
		# shellcheck disable=SC2086 # two options are two words
		trace-cmd report $option -i "$work/small.dat" >"$work/report" 2>/dev/null
		replay 0 --json "$work/report"
		check "trace-cmd report $option: every line is read" "$small" "$(value "$facts | del(.contexts)")"
	done
	# Raw fields: what gfp_flags say is lost, which is said; what failed is still known.
	trace-cmd report -R -i "$work/dat" >"$work/report" 2>/dev/null
	replay 0 --json "$work/report"
	check "trace-cmd report -R" '[0,1,9,12,9]' \
		"$(value '[.bad_lines, .failed_in_trace, .allocs, .frees, .gfp_numbers]')"
	check "trace-cmd report -R: it is said" 1 "$(grep -c '9 allocations give their gfp_flags as a number' "$work/err")"
	# Several files, and buffers of instances: each line has a name before it.
	cp "$work/dat" "$work/a-1 b: [2].dat"
	(cd "$work" && trace-cmd report -i "a-1 b: [2].dat" -i dat) >"$work/report" 2>/dev/null
	replay 0 --json "$work/report"
	check "trace-cmd report of two files" '[0,18,24,2,24,2]' "$(value '[.bad_lines, .allocs, .frees,
		.lost_lines, .lost_events, .failed_in_trace]')"
	trace-cmd report -i "$work/instance.dat" >"$work/report" 2>/dev/null
	replay 0 --json "$work/report"
	check "trace-cmd report of an instance" '[0,9,12]' "$(value '[.bad_lines, .allocs, .frees]')"
	trace-cmd report -i "$work/dat" >"$work/report" 2>/dev/null
	replay 0 --json "$work/report"
	check "events that trace-cmd calls dropped" '[1,12,1]' \
		"$(value '[.lost_lines, .lost_events, .failed_in_trace]')"
	trace-cmd convert -i "$work/part.dat" -o "$work/v7.dat" --file-version 7 \
		--compression zstd >"$work/convert" 2>&1 &&
		same "trace.dat of version 7, compressed" "$what" "$paths" "$work/v7.dat"
else
	echo "no trace-cmd here: its own output is not tested"
fi

# As a reader of trace_pipe gets it: a free on one CPU before its allocation on another, 5 us later in the file;
# and what is out of order by more than that, which stays.
for late in 1.000005 0.900000; do
	cat >"$work/late" <<-END
		x-1 [001] ..... 1.000010: mm_page_free: page=0 pfn=0x10 order=0
		x-1 [000] ..... $late: mm_page_alloc: page=0 pfn=0x10 order=0 migratetype=1 gfp_flags=GFP_KERNEL
	END
	replay 0 --json --quiet "$work/late"
	check "an allocation that comes late, $late" "$([ $late = 1.000005 ] && echo '[1,0,0]' || echo '[0,1,1]')" \
		"$(value '[.matched_frees, .unmatched_frees, .live_at_end]')"
done

finish
