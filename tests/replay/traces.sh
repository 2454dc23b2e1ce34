# SPDX-License-Identifier: MIT
# traces.sh - the traces of a real kernel: counts as expected, verified in every mode.
. "$(dirname "$0")/common.sh"

total=0
for trace in boot-mix compile; do
	file=$TRACES/$trace.trace.zst
	total=$((total + $(stat -c %s "$file")))
	wanted=$(jq -Sc --arg file "$trace.trace.zst" '.[$file]' "$TRACES/expected.json")
	keys=$(jq -c keys <<<"$wanted")

	# Some of the counts once more, without the tool.
	lines=$(zstd -q -dc "$file")
	check "$trace: allocs by grep" "$(jq .allocs <<<"$wanted")" \
		"$(grep -c ': mm_page_alloc: ' <<<"$lines")"
	check "$trace: frees by grep" "$(jq .frees <<<"$wanted")" \
		"$(grep -c ': mm_page_free: ' <<<"$lines")"
	check "$trace: SHA-256 of the text" 1 \
		"$(grep -c "^$(zstd -q -dc "$file" | sha256sum | cut -d' ' -f1) " "$TRACES/README.md")"
	unset lines

	# In order, one run is like the other, and the paths are those of one free path. No counter
	# is left out that has something to say (alloc_reserve of pcpbuddy is a part of alloc_zone).
	for free in $free_paths; do
		for mode in --parallel --ordered; do
			replay 0 --json "$mode" --free=$free "$file"
			check "$trace $mode $free: counts" "$wanted" \
				"$(jq -Sc --argjson keys "$keys" 'with_entries(select(.key as $k |
					$keys | index($k)))' "$work/out")"
			check "$trace $mode $free: failed" 0 "$(value .failed_allocs)"
			equations "$trace $mode $free"
		done
		run='del(.seconds, .operations_per_second, .cpu_seconds) | if .holds then .holds |= del(.ns_p50, .ns_p99, .ns_longest, .clock_ns) else . end | del(.interrupts_off.ns_p50, .interrupts_off.ns_p99, .interrupts_off.ns_longest)'
		once=$(value "$run")
		replay 0 --json --free="$free" "$file"
		check "$trace $free: two runs in order are the same" "$once" "$(value "$run")"
		check "$trace $free: allocations by path" "$(value .allocs)" \
			"$(value '.paths | .alloc_pcp + .alloc_zone + .alloc_other')"
		check "$trace $free: frees by path" "$(value '.matched_frees + .unseen_frees')" \
			"$(value '.paths | [.free_local, .free_remote, .free_llist, .free_fallback,
				.free_dead, .free_direct | values] | add')"
		check "$trace $free: its own counters" "$([ "$ENGINE" = pcpbuddy ] && echo 35 || echo 14)" \
			"$(value '.paths | length')"
		check "$trace $free: is llist used?" "$([ "$free" = llist ] && echo true || echo false)" \
			"$(value '(.paths.free_llist // 0) > 0')"
	done
	replay 0 --quiet "$file"
	check "$trace: the report names the engine" 1 "$(grep -c "in order, engine $ENGINE, " "$work/out")"
done
check "both traces are under 3 MB" yes "$([ "$total" -lt 3000000 ] && echo yes)"

# Too little memory: allocations fail, and that is no fault as long as it is really out.
replay 0 --json --memory=64M "$TRACES/compile.trace.zst"
check "out of memory" true "$(value '.failed_allocs > 1000 and .verified')"
check "out of memory: blocks add up" true \
	"$(value '.allocs + .inferred == .matched_frees + .live_at_end')"

if command -v gnuplot >/dev/null; then
	replay 0 --quiet --output "$work/x y'.svg" "$TRACES/compile.trace.zst"
	check "the plot is an SVG" 1 "$(grep -c '<svg' "$work/x y'.svg")"
	check "the plot has three panels, with three, three and five curves" 11 "$(grep -c 'id="gnuplot_plot_\([0-9][ab]\|[2-9]c\)' "$work/x y'.svg")"
fi

finish
