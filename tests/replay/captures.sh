# SPDX-License-Identifier: MIT
# captures.sh - the traces of what hurts: their counts are as expected, each engine carries them out, from the start
# that the guest had as well, and the documentation's table of zone locks is true.
. "$(dirname "$0")/common.sh"
docs=$TRACES/../../docs/lab.md
small=0
for trace in net tmpfs pressure purge exit; do
	file=$TRACES/$trace.trace.zst
	[ "$(stat -c %s "$file")" -gt 150000 ] || small=$((small + 1))
	check "$trace: SHA-256 of the text" 1 \
		"$(grep -c "^$(zstd -q -dc "$file" | sha256sum | cut -d' ' -f1)  the text of $trace\$" "$TRACES/README.md")"
	wanted=$(jq -Sc --arg file "$trace.trace.zst" '.[$file]' "$TRACES/expected.json")
	row="| \`$trace\`"
	for engine in linux-pcp/6.12 linux-pcp/6.1 pcpbuddy/trylock sets/sets; do
		run 0 "$ROOST" replay --json --quiet --memory=256M --engine="${engine%/*}" --free="${engine#*/}" "$file"
		equations "$trace on $engine"
		check "$trace on $engine: counts" "$wanted" "$(jq -Sc --argjson wanted "$wanted" \
			'with_entries(select(.key as $k | $wanted | has($k)))' "$work/out")"
		row="$row | $(value '"\(.paths.zone_lock // 0) (\(.series.on_cpus_mean | floor))"' | jq -r .)"
	done
	check "$trace: the documentation's figures" "$row |" "$(grep "^| \`$trace\` | [0-9]* ([0-9]*) | " "$docs")"
	run 0 "$ROOST" replay --json --quiet --aged="$TRACES/$trace.pagetypeinfo" "$file"
	check "$trace: from the start of the guest" '[true,0,"pagetypeinfo"]' \
		"$(value '[.verified, .failed_allocs, .start.source]')"
done
check "traces that are small" 5 $small

# by TRACE KIND: how often each task did that, the busiest first.
by() {
	zstd -q -dc "$TRACES/$1.trace.zst" | awk -v kind=": mm_page_$2: " '$0 ~ kind { sub(/-[0-9]+$/, "", $1); n[$1]++ }
		END { for (name in n) print n[name], name }' | sort -rn
}
check "net: frees in softirq" true "$(jq '.["net.trace.zst"].contexts.softirq.frees > 1000' "$TRACES/expected.json")"
check "tmpfs: by truncate" truncate "$(by tmpfs free | sed -n '1s/.* //p')"
check "pressure: by kswapd" yes "$(by pressure free | awk '$2 == "kswapd0" && $1 > 1000 { print "yes" }')"
check "purge: most frees on another CPU" true "$(jq '.["purge.trace.zst"] | .cross_cpu_frees * 10 > .frees * 9' "$TRACES/expected.json")"
check "exit: frees of processes that exit" load "$(by exit free | sed -n '1s/.* //p')"

# Without a guest: the script knows its workloads, and their program compiles.
root=$TRACES/../..
run 2 "$root/scripts/capture" nothing
check "the workloads" 1 "$(grep -c 'workloads: exit mix net pressure purge tmpfs$' "$work/err")"
check "load.c compiles" "" "$(gcc -std=gnu11 -Wall -Wextra -Wconversion -Werror -fsyntax-only "$root/lab/capture/load.c" 2>&1)"
finish
