# SPDX-License-Identifier: MIT
# compare.sh - roost compare: its figures are those of single replays. Counts alone; no times.
. "$(dirname "$0")/common.sh"

# compare WANTED_STATUS ARGUMENTS...: by $tool, or the tool.
compare() {
	local wanted=$1
	shift
	run "$wanted" "${tool:-$ROOST}" compare "$@"
}

# refuse PATTERN ARGUMENTS...
refuse() {
	local pattern=$1
	shift
	compare 2 "$@"
	refused "$pattern" "compare $*"
}

part=$work/part.trace
zstd -q -dc "$TRACES/compile.trace.zst" | head -n 6000 >"$part"
small=--memory=64M

# ---- The figures -----------------------------------------------------------------------------

compare 0 --json --runs=7 $small "$part"
cp "$work/out" "$work/compared"
check "nothing on a stderr that is no terminal" "" "$(cat "$work/err")"
check "what takes part" '["pcpbuddy/trylock","pcpbuddy/llist","sets"]' \
	"$(value '[.traces[0].contenders[].name]')"
check "how it was run" "[\"ordered\",7,[\"$small\"],true,67108864]" \
	"$(value '[.mode, .runs, .options, .verified, .traces[0].memory]')"
check "as many figures as runs, sorted" true "$(value '[.traces[].contenders[] |
	.million_per_second, .zone_lock_per_million, .trylock_fail_per_million |
	(.sorted | length) == 7 and .sorted == (.sorted | sort) and .min == .sorted[0] and
	.median == .sorted[3] and .max == .sorted[6]] | all')"
# Not the least one: of so short a trace the loop alone can take longer than all of it, once.
check "the allocator took its time" true \
	"$(value '[.traces[].contenders[].million_per_second.median > 0] | all')"
check "sets takes no locks" '[0,0]' "$(value '.traces[0].contenders[2] |
	[.zone_lock_per_million.max, .trylock_fail_per_million.max]')"

for i in 0 1 2; do
	read -r engine free < <(jq -r ".traces[0].contenders[$i] | \"\(.engine) \(.free)\"" \
		"$work/compared")
	[ "$free" != null ] || free=$engine # it has no choice
	ENGINE=$engine replay 0 --json --samples --free="$free" $small "$part"
	single='del(.seconds, .operations_per_second, .cpu_seconds, .series) | if .holds then .holds |= del(.ns_p50, .ns_p99, .ns_longest, .clock_ns) else . end |
		del(.interrupts_off.ns_p50, .interrupts_off.ns_p99, .interrupts_off.ns_longest)'
	check "$engine/$free: the run with samples is a replay like any other" "$(value "$single")" \
		"$(jq -c ".traces[0].contenders[$i].sampled | $single" "$work/compared")"
	check "$engine/$free: so are its samples" "$(value .series | sha256sum)" \
		"$(jq -c ".traces[0].contenders[$i].sampled.series" "$work/compared" | sha256sum)"
	locks=$(value '[.zone_lock_per_million, .zone_lock_per_million]')
	check "$engine/$free: zone locks" "$locks" "$(jq -c ".traces[0].contenders[$i] |
		.zone_lock_per_million | [.min, .max]" "$work/compared")"
	check "$engine/$free: some zone locks" "$([ "$engine" = sets ] && echo false || echo true)" \
		"$(value '.zone_lock_per_million > 0')"
	check "$engine/$free: the sums of the series are those of its samples" true \
		"$(value '.series | .seconds_blocks_free_on_cpus as $s |
			.samples == ($s | length) and .samples > 400 and
			.on_cpus_max == ([$s[][3]] | max) and
			.blocks_2m_min == ([$s[][1]] | min) and .blocks_2m_end == $s[-1][1] and
			(.on_cpus_mean - ([$s[][3]] | add / length) | fabs) < 0.01 and
			(.blocks_2m_mean - ([$s[][1]] | add / length) | fabs) < 0.01')"
	check "$engine/$free: some frames lie on CPUs, and fewer than there are" true \
		"$(value '.series.on_cpus_max > 0 and .series.on_cpus_max < .frames_managed')"
	check "$engine/$free: metadata" true "$(value '.metadata > 1000 and
		.metadata < .memory / 100')"
	check "$engine/$free: what a CPU may keep is limited" \
		"$([ "$engine" = sets ] && echo false || echo true)" "$(value '.pcp_high > 0')"

	check "$engine/$free: each zone lock is a hold, and its frames" "$([ "$engine" = sets ] && echo null || echo true)" \
		"$(value 'if .holds == null then null else .holds.count == .paths.zone_lock and .holds.frames_longest >= 512 and
			.holds.frames_p50 <= .holds.frames_p99 and .holds.frames_p99 <= .holds.frames_longest and
			0 < .holds.ns_longest and .holds.ns_p50 <= .holds.ns_p99 end')"

	# For timing nothing is sampled, and what was done without the allocator left no trace.
	counts='[.paths, .live_at_end, .failed_allocs, .operations, .verified]'
	once=$(value "$counts")
	ENGINE=$engine replay 0 --json --timing --free="$free" $small "$part"
	check "$engine/$free: with --timing the counts are the same" "$once" "$(value "$counts")"
	check "$engine/$free: with --timing there are no samples" '[true,null,null]' \
		"$(value '[.timing, .series, .holds]')"
done

# Memory is out: the failures are counted, and while frames were free there are none in order.
compare 0 --json --runs=7 --engines=sets,pcpbuddy/llist --memory=32M --limit=30000 \
	"$TRACES/compile.trace.zst"
check "what takes part if it is said" '["sets","pcpbuddy/llist"]' \
	"$(value '[.traces[0].contenders[].name]')"
check "out of memory" true "$(value '[.traces[0].contenders[] |
	.failed_allocs > 0 and .failed_allocs == .sampled.failed_allocs and
	.fail_while_free == .sampled.paths.fail_while_free] | all')"
check "fragmentation in figures" true "$(value '[.traces[0].contenders[] | .sampled.series as $s |
	(.figures | map({(.figure): .value}) | add) as $f | [$f.unusable_order_9, $f.mixed_max, $f.empty_2m_min, $f.mixed_mean > 0] ==
	[$s.unusable_mean[9], $s.mixed_max, $s.empty_2m_min, true]] | all')"
check "by order" true "$(value '[.traces[0].contenders[] | (.sampled.failed_by_order | add) == .failed_allocs and
	(.sampled.failed_by_order as $f | [range($f | length) | select($f[.] > 0) | "failed_order_\(.)"] - [.figures[].figure]) == [] and
	(.figures | map(select(.figure == "failed_order_17")) | length) == 0] | all')"
check "how long the lock was held" 'exact exact exact once once once' "$(value '[.traces[0].contenders[1].figures[] |
	select(.figure | startswith("hold_")).noise] | join(" ")' | tr -d '"')"
check "nobody waits in order" 0 "$(value '[.traces[0].contenders[1].figures[] | select(.figure | test("_waits|_try_"))] | length')"

# Marks are for engines that have them, and the report says for which not.
compare 0 --quiet --json="$work/marks" --runs=1 --engines=pcpbuddy/llist,linux-pcp/6.1,zone,sets --high=64 --batch=16 --check=2 \
	$small "$part"
check "marks" '[[64,16],[64,16],[0,0],[0,0]]' "$(jq -c '[.traces[0].contenders[].sampled | [.pcp_high, .pcp_batch]]' "$work/marks")"
check "check levels" '[2,1,1,2]' "$(jq -c '[.traces[0].contenders[].sampled.check]' "$work/marks")"
check "whose options" '[["--memory=64M","--check=2","--high=64","--batch=16"],["--memory=64M","--high=64","--batch=16"],["--memory=64M"],["--memory=64M","--check=2"]]' \
	"$(jq -c '[.traces[0].contenders[].options]' "$work/marks")"
check "whose not" '--check=2: without linux-pcp/6.1, zone (no check levels);--high=64: without zone, sets (no such mark);--batch=16: without zone, sets (no such mark)' \
	"$(grep '^--' "$work/out" | paste -sd';')"
# Instructions are counted one by one, and so the same twice. With a sanitizer there are ten times as many, none of the
# allocator's.
if [ -z "${SANITIZED:-}" ]; then
	stepped=(--quiet --runs=1 --engines=pcpbuddy/llist,sets,zone --instructions --high=64 --limit=250 $small "$part")
	compare 0 --json="$work/stepped" "${stepped[@]}"
	instructions='[.traces[0].contenders[].figures | map(select(.figure | test("instructions")) | [.figure, .value, .noise])]'
	check "in the table" 1 "$(grep -c '^instructions in a hold, p50  *exact  *[1-9][0-9]*  *no lock  *unknown$' "$work/out")"
	compare 0 --json="$work/stepped.2" "${stepped[@]}"
	check "instructions, twice" "$(jq -c "$instructions" "$work/stepped")" "$(jq -c "$instructions" "$work/stepped.2")"
	check "each hold moves frames, with interrupts off" true "$(jq '.traces[0].contenders[0] | .stepped as $s | .sampled as $t |
		$s.holds.count == $t.holds.count and $s.interrupts_off.count == $t.interrupts_off.count and $s.holds.count == $s.paths.zone_lock and
		$s.holds.frames_longest == $t.holds.frames_longest and $s.holds.ns_p50 == null and $t.holds.instructions_p50 == null and
		($s.holds | 0 < .instructions_p50 and .instructions_p50 <= .instructions_p99 and .instructions_p99 <= .instructions_longest) and
		$s.holds.instructions_longest < $s.interrupts_off.instructions_longest and
		$t.holds.ns_longest < $t.interrupts_off.ns_longest' "$work/stepped")"
	check "sets never turns interrupts off" '[null,0,0]' "$(jq -c '.traces[0].contenders[1] |
		[.stepped.holds, .stepped.interrupts_off.count, (.figures[] | select(.figure == "irqs_off_instructions_longest").value)]' "$work/stepped")"
	check "of a model nobody knows" '[null,null]' "$(jq -c '.traces[0].contenders[2] |
		[.stepped, (.figures[] | select(.figure == "irqs_off_ns_p50").value)]' "$work/stepped")"
fi
check "only if it is asked for" 0 "$(jq '[.traces[].contenders[] | .figures[].figure | select(test("instructions"))] | length' "$work/marks")"
refuse '^roost: --instructions: leave --parallel out' --instructions --parallel "$part"
refuse '^roost: --instructions: of none' --instructions --engines=zone "$part"
refuse '^roost: --high=64: none .* such mark' --engines=zone,sets --high=64 "$part"
refuse '^roost: --check=2: none .* check levels' --engines=zone --check=2 "$part"
# Beside a baseline: counts in order are exact.
compare 0 --quiet --json="$work/beside" --runs=1 --engines=pcpbuddy/llist,zone,sets --baseline=zone --high=1024 $small "$part"
check "what is beside it" '["zone",[false,true,false]]' \
	"$(jq -c '[.baseline, [.traces[0].contenders[].figures | [.[].beside] | all(. == null)]]' "$work/beside")"
check "counts beside it" true "$(jq '.traces[0].contenders as $c | [$c[0,2].figures[] |
	select(.figure != "rate" and .beside.verdict != "unknown") | . as $f |
	($c[1].figures[] | select(.figure == $f.figure).value) as $base |
	.noise == "exact" and .beside.low == .beside.value and .beside.high == .beside.value and
	.beside.is == (if $base == 0 then "difference" else "ratio" end) and
	(.beside.value - (if $base == 0 then .value - $base else .value / $base end) | fabs) < 1e-6 and
	.beside.verdict == (if .value == $base then "the same" elif .value < $base then "less" else "more" end)] |
	length == 43 and all' "$work/beside")"
check "what an engine does not count is not 0" '[null,"unknown"]' "$(jq -c '[.traces[0].contenders[1].fail_while_free,
	(.traces[0].contenders[2].figures[] | select(.figure == "fail_while_free").beside.verdict)]' "$work/beside")"
check "a limit and none are not set beside each other" '["unknown",null,null]' \
	"$(jq -c '.traces[0].contenders[0].figures[] | select(.figure == "pcp_high").beside | [.verdict, .is, .value]' "$work/beside")"
check "in the table" "zone locks per million operations exact x0.00 - x0" "$(sed -n '/^Beside zone:/,$p' "$work/out" |
	grep '^zone locks' | tr -s ' ' | sed 's/x0\.00[0-9]*/x0.00/')"
check "a difference from nothing" 1 "$(sed -n '/^Beside zone:/,$p' "$work/out" | grep -c '^free frames on CPUs, mean  *exact  *+[0-9.]*  *-  *+[0-9.]*$')"
check "one run cannot tell times" 1 "$(sed -n '/^Beside zone:/,$p' "$work/out" | grep -c '^million .* (too few runs)  *-  *x')"
refuse '^roost: --baseline=pcpbuddy: it is not compared; these are: pcpbuddy/trylock, pcpbuddy/llist, sets$' \
	--baseline=pcpbuddy "$part"
refuse '^roost: --batch=0: give a positive' --batch=0 "$part"
refuse '^roost: --high=x: give a positive' --high=x "$part"

# ---- Two builds --------------------------------------------------------------------------------

# other [FILTER]: another build, in the folder other, whose reports have gone through the filter.
mkdir "$work/other"
other() {
	for program in replay timing; do
		for engine in sets pcpbuddy; do
			printf '#!/bin/sh\n"%s" "$@" | jq '\''%s'\''\n' "$ROOST-$program-$engine" "${1:-.}" >"$work/other/roost-$program-$engine"
			chmod +x "$work/other/roost-$program-$engine"
		done
	done
}
other 'if .engine == "sets" and .series then .series.on_cpus_max += 7 else . end | .zone_lock_per_million += 3'
compare 0 --quiet --json="$work/builds" --runs=1 --build=before="$work/other" --engines=sets,pcpbuddy/llist,zone --baseline=before:sets \
	$small "$part"
check "what takes part with another build" '[["sets",null],["pcpbuddy/llist",null],["zone",null],["before:sets","before"],["before:pcpbuddy/llist","before"]]' \
	"$(jq -c '[.traces[0].contenders[] | [.name, .build.name]]' "$work/builds")"
check "engine and free path" '["pcpbuddy","llist"]' "$(jq -c '.traces[0].contenders[4] | [.engine, .free]' "$work/builds")"
check "both programs are that build's" '[7,3]' "$(jq -c '.traces[0].contenders | map(.sampled.series.on_cpus_max) as $most |
	map(.zone_lock_per_million.max) as $locks | [$most[3] - $most[0], $locks[3] - $locks[0]]' "$work/builds")"
check "which build it is" 1 "$(grep -c "^before: the build in $work/other\$" "$work/out")"
(cd "$work" && compare 0 --quiet --runs=1 --build=b=other --engines=b:sets $small "$part")
check "named alone, in a folder of here" 1 "$(grep -c '^  *b:sets$' "$work/out")"
other '.events += 1 | del(.series.blocks_2m_min)'
compare 0 --quiet --runs=1 --build=b="$work/other" --engines=sets,b:sets $small "$part"
check "what was another replay" 1 "$(grep -c '^b:sets did another replay: events [0-9]*, not [0-9]*$' "$work/out")"
check "what an older build does not report" 1 "$(grep -c '^  least  *exact  *[0-9]*  *unknown$' "$work/out")"
other '.verified = false'
compare 1 --quiet --runs=1 --build=b="$work/other" --engines=sets,b:sets $small "$part"
printf '#!/bin/sh\necho "roost: never heard of it" >&2; exit 2\n' >"$work/other/roost-timing-sets"
compare 2 --quiet --runs=1 --build=b="$work/other" --engines=b:sets $small "$part"
check "whose error it is" 1 "$(grep -c "^roost: b:sets: that was the program of this build: .*/other/roost-timing-sets\$" "$work/err")"
rm "$work/other/roost-timing-sets"
refuse '^roost: --build=b=.*: there is no program .*/other/roost-timing-sets' --build=b="$work/other" --engines=b:sets "$part"
refuse '^roost: --build=other: give NAME=DIRECTORY' --build=other "$part"
refuse '^roost: --build=a/b=/: give NAME=DIRECTORY' --build=a/b=/ "$part"
refuse '^roost: --build=b=/nowhere: /nowhere is no directory' --build=b=/nowhere "$part"
refuse '^roost: --build: there are two of the name b$' --build=b=/ --build=b=/ "$part"
refuse '^roost: --engines: there is no build "b"; ' --engines=b:sets "$part"

# ---- Policies ----------------------------------------------------------------------------------
# Two that are tried: high doubled, and a build with another batch. On counts the verdict follows from two single replays, and it is
# what such a change does: a larger high takes the zone lock less often and keeps more on the CPUs; a smaller batch takes it more
# often, for less.

# verdicts JSON CONTENDER BASELINE FIGURES...: of the figures, as words.
verdicts() {
	local json=$1 contender=$2
	shift 2
	jq -r --arg name "$contender" '.traces[0].contenders[] | select(.name == $name).figures[] |
		select(.figure | IN($ARGS.positional[])) | "\(.figure): \(.beside.verdict)"' "$json" --args "$@" | paste -sd';' | sed 's/;/; /g'
}
# single ENGINE PATH OPTIONS...: zone locks per million, and most frames on CPUs, of a replay.
single() {
	ENGINE=$1 replay 0 --json --free="$2" "${@:3}" "$part"
	value '[.zone_lock_per_million, .series.on_cpus_max, .holds.frames_p99]'
}
for engine in pcpbuddy/llist linux-pcp/6.12; do
	name=${engine%/*} path=${engine#*/}
	compare 0 --quiet --json="$work/policy" --runs=1 --engines="$engine,$engine+high=128" --high=64 --batch=16 --baseline="$engine" $small "$part"
	once=$(single "$name" "$path" --high=64 --batch=16 $small)
	doubled=$(single "$name" "$path" --high=128 --batch=16 $small)
	check "$engine: high doubled, ratios of counts" "$(jq -cn "[$once, $doubled] | transpose | map(.[1] / .[0] * 1e6 | round)")" \
		"$(jq -c '.traces[0].contenders[1].figures | map({(.figure): ((.beside.value // 0) * 1e6 | round)}) | add |
			[.zone_locks, .on_cpus_max, .hold_frames_p99]' "$work/policy")"
	check "$engine: high doubled" "zone_locks: less; pcp_high: more; on_cpus_max: more; metadata_kib: the same; failed: the same" \
		"$(verdicts "$work/policy" "$engine+high=128" zone_locks pcp_high on_cpus_max metadata_kib failed)"
done
check "whose marks" '[["--memory=64M","--high=64","--batch=16"],["--memory=64M","--high=64","--batch=16","--high=128"]]' \
	"$(jq -c '[.traces[0].contenders[].options]' "$work/policy")"
# The build's default is another: it gets no option.
mkdir "$work/smaller"
for program in replay timing; do
	printf '#!/bin/sh\nexec "%s" --batch=4 "$@"\n' "$ROOST-$program-pcpbuddy" >"$work/smaller/roost-$program-pcpbuddy"
	chmod +x "$work/smaller/roost-$program-pcpbuddy"
done
compare 0 --quiet --json="$work/policy" --runs=1 --engines=pcpbuddy/llist --build=smaller="$work/smaller" --baseline=pcpbuddy/llist --high=64 $small "$part"
check "a build with half the batch" "zone_locks: more; hold_frames_p50: less; pcp_high: the same; metadata_kib: the same; failed: the same" \
	"$(verdicts "$work/policy" smaller:pcpbuddy/llist zone_locks hold_frames_p50 pcp_high metadata_kib failed)"
compare 0 --quiet --json="$work/policy" --runs=1 --engines=pcpbuddy/llist --build=same="${ROOST%/*}" --baseline=pcpbuddy/llist $small "$part"
check "a build that is the same: no count differs, and of times nothing is said" '["one run","the same","too few runs"]' \
	"$(jq -c '[.traces[0].contenders[1].figures[].beside.verdict] | unique' "$work/policy")"
refuse '^roost: --engines: sets+high=64: the engine sets has no such mark$' --engines=sets+high=64 "$part"
refuse '^roost: --engines: pcpbuddy+low: after + give high=N or batch=N$' --engines=pcpbuddy+low=3 "$part"
refuse '^roost: --high=0: give a' --engines=pcpbuddy+high=0 "$part"
refuse 'pcpbuddy/llist+high=8 is named twice' --engines=pcpbuddy/llist+high=8,pcpbuddy/llist+high=8 "$part"

# ---- For people ------------------------------------------------------------------------------

svg=()
command -v gnuplot >/dev/null && svg=(-o "$work/x.svg" --html="$work/x.html")
compare 0 --runs=7 --quiet --parallel --irq-storm=2000 $small "${svg[@]}" "$part" "$here/hand.trace"
check "a table for each trace" 2 "$(grep -c 'pcpbuddy/trylock  *pcpbuddy/llist  *sets$' "$work/out")"
check "no lock, no holds" 2 "$(grep -c '^ns of a hold.* once .* no lock$' "$work/out")"
check "its rows" 2 "$(grep -c '^verified  *yes  *yes  *yes$' "$work/out")"
check "how the replays were run" 1 "$(grep -c 'in parallel, --irq-storm=2000, --memory=64M$' \
	"$work/out")"
check "no limit in the engine sets" 2 "$(grep -c 'may keep.* \([0-9]\+\)  *\1  *no limit$' "$work/out")"
[ ${#svg[@]} = 0 ] ||
	check "eight panels of three curves for each trace" 48 "$(grep -c 'id="gnuplot_plot_[234][a-z]' "$work/x.svg")"
check "what is 0 throughout has an axis, too" "" "$(cat "$work/err")"

# As one page, whatever the trace is called. What is in it is what is in the JSON.
hostile=$work/"it's <script>alert(1)<script> & \"x\" <!--.trace"
cp "$here/hand.trace" "$hostile"
if [ ${#svg[@]} != 0 ]; then
	check "a page of both traces" "2 tables, 16 plots, 0 faults" "$("$here/page" "$work/x.html" "$work/x.raw")"
	compare 0 --quiet --runs=1 --engines=zone,pcpbuddy/llist --baseline=zone --html="$work/y.html" --json="$work/y.json" "$hostile"
	check "a page of a hostile name" "1 tables, 8 plots, 0 faults" "$("$here/page" "$work/y.html" "$work/y.raw")"
	check "its name, in the heading and in the command" 2 "$(grep -c '<script>alert(1)<script> & "x" <!--.trace' "$work/y.raw.text")"
	check "no element of it" 0 "$(grep -ci '<script\|<!--' "$work/y.html")"
	check "its raw data are the JSON" "$(jq -cS . "$work/y.json")" "$(jq -cS . "$work/y.raw")"
	check "its figures are those of the table" "$(grep '^zone locks per' "$work/out" | tr -s ' ' | cut -d ' ' -f 7-8 | head -n 1)" \
		"$(grep '^zone locks per' "$work/y.raw.text" | sed 's/ x[0-9.]*//' | cut -f 3-4 | tr '\t' ' ')"
	refuse '^roost: --html=/nowhere/x: cannot write' --html=/nowhere/x "$part"
	check "without gnuplot" "roost: --html: gnuplot is not installed; install the package gnuplot-nox, or leave --html out" \
		"$(PATH=/nowhere "$ROOST" compare --html="$work/z.html" "$part" 2>&1)"
fi

# A look that takes a moment is marked as what it is, in both reports.
compare 0 --json="$work/few" --runs=2 --quiet --engines=sets $small "$part"
check "few runs are marked" '1 true 2' "$(grep -c '^Indicative only: ' "$work/out") $(jq -c '.indicative, .runs' "$work/few" |
	paste -sd' ')"
check "an engine without free paths" null "$(jq -c '.traces[0].contenders[0].free' "$work/few")"
check "enough runs are not" false "$(jq .indicative "$work/compared")"

# ---- Wrong command lines and traces ----------------------------------------------------------

refuse 'which traces'
refuse '^roost: --runs=0: give a whole number from 1' --runs=0 "$part"
refuse 'no engine "never"' --engines=sets,never "$part"
refuse '^roost: --engines: pcpbuddy/never: .*trylock' --engines=pcpbuddy/never "$part"
refuse '^roost: --engines: sets/llist: .*sets$' --engines=sets/llist "$part"
refuse 'pcpbuddy/blocking deadlocks' --engines=pcpbuddy/blocking "$part"
refuse 'pcpbuddy/llist is named twice' --engines=pcpbuddy/llist,pcpbuddy "$part"
refuse '^roost: --irq-storm: .*--parallel' --irq-storm=100 "$part"
refuse '^roost: -: each trace is read many times' -
refuse '^roost: --bogus: unknown option' --bogus "$part"
refuse '^roost: --memory=1X: ' --memory=1X "$part"
refuse '^roost: /nowhere/x: cannot open' /nowhere/x
refuse '^roost: --output=/nowhere/x.svg: cannot write' -o /nowhere/x.svg "$part"
compare 0 --help
check "--help" yes "$(grep -q -e '--engines=LIST' "$work/out" && echo yes)"

# ---- Replays that go wrong -------------------------------------------------------------------

# A copy of the tool, with a program beside it that is not what it should be: $1, a filter of the
# report of the real one.
mkdir "$work/bin"
cp "$ROOST" "$work/bin/roost"
tool=$work/bin/roost
for program in replay timing; do
	for engine in sets pcpbuddy; do
		ln -s "$ROOST-$program-$engine" "$work/bin/roost-$program-$engine"
	done
done
stand_in() {
	rm -f "$work/bin/roost-$1-sets"
	printf '#!/bin/sh\n"%s" "$@" | %s\n' "$ROOST-$1-sets" "$2" >"$work/bin/roost-$1-sets"
	chmod +x "$work/bin/roost-$1-sets"
}

two=--engines=pcpbuddy/llist,sets
stand_in timing "jq '.verified = false'"
compare 1 --json --runs=7 $two $small "$part"
check "a replay for times does not verify" '[false,[true,false]]' \
	"$(value '[.verified, [.traces[0].contenders[].verified]]')"
# What looking at the allocator takes is in no time; the engines differ in that most of all.
stand_in timing "jq '.verified = .timing and .series == null'"
compare 0 --quiet --runs=7 --engines=sets $small "$part"
# Verdicts on times: both engines take the seconds that are said.
# beside RUNS SECONDS [BASELINE]: verdict, ratio and range; $n is the number of the round, from 1 on.
beside() {
	for program in "sets $2" "pcpbuddy ${3:-1}"; do
		rm -f "$work/bin/roost-timing-${program%% *}" "$work/round.${program%% *}"
		cat >"$work/bin/roost-timing-${program%% *}" <<-END
			#!/bin/sh
			echo >>"$work/round.${program%% *}"
			"$ROOST-timing-${program%% *}" "\$@" | jq --argjson n \$(wc -l <"$work/round.${program%% *}") \
				'.loop_seconds = 0 | .cpu_seconds = ${program#* }'
		END
		chmod +x "$work/bin/roost-timing-${program%% *}"
	done
	compare 0 --quiet --json="$work/beside" --runs="$1" $two --baseline=pcpbuddy/llist $small "$here/hand.trace"
	jq -c '.traces[0].contenders[1].figures[0].beside | [.verdict, (.value, .low, .high | . * 1000 | round / 1000)]' "$work/beside"
}
check "the range leaves out the least and the most of 11" '["more",6,2,10]' "$(beside 11 '1 / $n')"
check "of 7 it has all" '["more",4,1.5,7]' "$(beside 7 '(if $n == 1 then 2 / 3 else 1 / $n end)')"
check "ratios are of rounds" '["within the spread",1,0.143,7]' "$(beside 7 '$n' '8 - $n')"
check "half as fast in each round" '["less",0.5,0.5,0.5]' "$(beside 7 2)"
check "sometimes faster, sometimes slower" '["within the spread",1.25,0.5,1.25]' "$(beside 7 'if $n % 2 == 1 then 0.8 else 2 end')"
check "in the table" 1 "$(sed -n '/^Beside/,$p' "$work/out" | grep -c '^million .*  -  *within the spread$')"
check "few runs" '["too few runs",0.5,0.5,0.5]' "$(beside 5 2)"
ln -sf "$ROOST-timing-pcpbuddy" "$work/bin/roost-timing-pcpbuddy"
ln -sf "$ROOST-timing-sets" "$work/bin/roost-timing-sets"
compare 0 --quiet --json="$work/beside" --runs=7 --parallel $two --baseline=sets $small "$part"
check "tries that failed, by lock" true "$(jq '[.traces[0].contenders[0].figures[] | {(.figure): .value}] | add |
	.zone_try_fails != null or .pcp_try_fails != null or .trylock_fails == 0' "$work/beside")"
check "in parallel nothing but what is set up is exact" '["fail_while_free spread","failed spread","metadata_kib exact","on_cpus_mean once","pcp_high exact","rate spread","zone_locks spread"]' \
	"$(jq -c '[.traces[0].contenders[0].figures[] | select(.figure | IN("rate", "zone_locks", "failed", "fail_while_free", "on_cpus_mean", "metadata_kib", "pcp_high")) |
		"\(.figure) \(.noise)"] | sort' "$work/beside")"
check "and one run cannot tell" true "$(jq '[.traces[0].contenders[0].figures[] | select(.figure == "on_cpus_mean").beside.verdict] == ["one run"]' "$work/beside")"

stand_in replay "jq '.verified = false'"
compare 1 --runs=7 --quiet $two $small "$part"
check "the replay with samples does not verify" 1 "$(grep -c '^verified  *yes  *NO$' "$work/out")"
stand_in replay "head -c 100"
compare 2 --quiet --runs=7 --engines=sets $small "$part"
check "a replay without a report" 1 "$(grep -c 'on sets ended without a report' "$work/err")"
rm "$work/bin/roost-replay-sets"
compare 2 --quiet --runs=7 --engines=sets $small "$part"
check "a program is missing" 1 "$(grep -c 'roost-replay-sets is missing' "$work/err")"

finish
