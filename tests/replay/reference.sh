# SPDX-License-Identifier: MIT
# reference.sh - the engines linux-pcp and zone: small traces whose counts were worked out by hand. Those
# of a real kernel: calibration.sh.
. "$(dirname "$0")/common.sh"

# batch KIND ORDER N SECONDS: lines for N blocks at that time. Blocks are freed in the order in which
# they were allocated; each order has pfns of its own.
batch() {
	awk -v kind="$1" -v order="$2" -v n="$3" -v at="$4" -v gfp="${5:-GFP_HIGHUSER_MOVABLE}" \
		-v first="${6:-0}" 'BEGIN {
		for (i = 0; i < n; i++) {
			printf "x-1 [000] ..... %d.%06d: mm_page_%s: page=0 pfn=0x%x order=%d ", at, i, kind,
				(1024 + first + order * 1024 + i) * 2 ^ order, order
			print kind == "alloc" ? "migratetype=1 gfp_flags=" gfp : ""
		}
	}'
}

# counts ARGUMENTS...: zone locks, frames either way, frames taken, frames drained, stranded at the end.
counts() {
	run 0 "$ROOST" replay --json --quiet --samples --memory=64M "$@"
	equations "$*"
	value '[.paths.zone_lock, .paths.zone_frames, .paths.refill_chunks, .paths.pcp_drained // 0,
		.series.seconds_blocks_free_on_cpus[-1][3]]' >"$work/counts"
}

# ---- By hand ---------------------------------------------------------------------------------

# The mark is 40 frames and a batch 10. A single frame at a time, 60 out and 60 back; one block of
# order 2, twice; one of order 4, which no pcp keeps.
{
	batch alloc 0 60 1
	batch free 0 60 1
	batch alloc 2 1 1
	batch free 2 1 1
	batch alloc 2 1 1
	batch free 2 1 1
	batch alloc 4 1 1
	batch free 4 1 1
} | awk '{ $4 = sprintf("1.%06d:", NR); print }' >"$work/fixed.trace"
marks='--high=40 --batch=10'

# 6.1: 6 refills of 10. The 40th free drains 10, the 50th 20, twice as many. Order 2 comes in twos
# (8 frames); its free, after drains and with few allocations since, empties the pcp (30 + 8); after
# the next one's refill (8) and free there is nothing to double any more.
# shellcheck disable=SC2086
counts --engine=linux-pcp --free=6.1 $marks "$work/fixed.trace"
check "6.1, by hand" '[13,176,92,68,8]' "$(cat "$work/counts")"
# 6.12: refills of 10, 20, and what fits below the mark, 30. The 40th free drains what leaves a batch,
# 30. The first free of order 2 (refill: 8) stays; the second in a row empties the pcp, 38.
# shellcheck disable=SC2086
counts --engine=linux-pcp --free=6.12 $marks "$work/fixed.trace"
check "6.12, by hand" '[8,168,84,68,0]' "$(cat "$work/counts")"
# Sorted: 126 holds of 120 single frames, 4 of 4 and 2 of 16; and with 6.1 8, 8, 7 times 10, 16, 16, 20, 38.
holds='[.holds | .count, .frames_p50, .frames_p99, .frames_longest, .ns_p50]'
counts --engine=zone "$work/fixed.trace"
# At the end all is free: in DMA 414 frames in blocks below a pageblock, and one pageblock that is no pair.
check "what is of no use to an order" '[0,0.029077,0.065037]' \
	"$(value '.series.unusable_end | [.[0, 9, 10] | . * 1000000 | round / 1000000]')"
check "without pcps 2 MiB without any use are free in one block" true "$(value '.series |
	.empty_2m_mean == .blocks_2m_mean and .empty_2m_min == .blocks_2m_min and .empty_2m_end == .blocks_2m_end')"
check "each sample of it" true "$(value '.series | .samples == (.seconds_unusable_mixed_empty | length) and
	.empty_2m_min == ([.seconds_unusable_mixed_empty[][3]] | min) and .mixed_max == ([.seconds_unusable_mixed_empty[][2]] | max) and
	.seconds_unusable_by_order[-1][1:] == .unusable_end and .samples == (.seconds_unusable_by_order | length) and
	.empty_1g_min == 0 and .unusable_end[9] == .seconds_unusable_mixed_empty[-1][1]')"
check "lengths of holds of zone" '[126,1,16,16,null]' "$(value "$holds")"
# shellcheck disable=SC2086
counts --engine=linux-pcp --free=6.1 $marks "$work/fixed.trace"
check "lengths of holds of 6.1" '[13,10,38,38,null]' "$(value "$holds")"
check "6.12 is the default" 6.12 "$("$ROOST" replay --engine=linux-pcp --json --quiet "$work/fixed.trace" |
	jq -r .free)"
counts --engine=zone "$work/fixed.trace"
check "zone, by hand" '[126,168,84,0,0]' "$(cat "$work/counts")"
check "all that came back merged: 20 pageblocks of Normal, 7 of DMA" 27 "$(value .series.blocks_2m_end)"

# Once more after the frees, which made the batch small again: the 40 out are the 30 that lie there and
# a refill of 10, in both. Order 3 comes in twos as well, though a batch has but one.
{
	batch alloc 0 60 1
	batch free 0 60 1
	batch alloc 0 40 1
	batch alloc 3 1 1
} | awk '{ $4 = sprintf("1.%06d:", NR); print }' >"$work/again.trace"
# shellcheck disable=SC2086
counts --engine=linux-pcp --free=6.1 $marks "$work/again.trace"
check "6.1, again" '[10,116,86,30,8]' "$(cat "$work/counts")"
# shellcheck disable=SC2086
counts --engine=linux-pcp --free=6.12 $marks "$work/again.trace"
check "6.12, again" '[6,116,86,30,8]' "$(cat "$work/counts")"

# The mark moves, from 213 (the low watermark of 10,240 frames beside 3,998 in DMA, without huge pages) to at most 1,280 (an
# eighth of the zone). 700 out: refills of 10, 20, 40, 80, 160, 320, 320 raise it to 1,163. 700 back fit. Each second takes an
# eighth: 1018, then 891, 780, 683, 598, 524, 459, 402, 352, 308, 270, 237 and 213, which drain 59, 111, 97, 85, 74, 65, 57, 50,
# 44, 38, 33, 24.
{
	batch alloc 0 700 1
	batch free 0 700 2
	batch alloc 0 1 20
} | awk '{ split($4, t, "."); $4 = sprintf("%d.%06d:", t[1] == 20 ? 20 : 1, NR); print }' >"$work/moving.trace"
counts --engine=linux-pcp --free=6.12 --batch=10 "$work/moving.trace"
check "a mark that moves" '[19,1687,950,737,212]' "$(cat "$work/counts")"
check "how far" '[1280,10]' "$(value '[.pcp_high, .pcp_batch]')"
# With --timing all steps are taken once more, before and without the allocator: time goes on once.
run 0 "$ROOST" replay --json --quiet --timing --memory=64M --engine=linux-pcp --batch=10 "$work/moving.trace"
check "a mark that moves, timed" '[19,950,737]' \
	"$(value '[.paths.zone_lock, .paths.refill_chunks, .paths.pcp_drained]')"
counts --engine=linux-pcp --free=6.1 --batch=10 "$work/moving.trace"
# At 213 it drains 10, 20, 40, 80, 160, and at most what leaves a batch, 203.
check "6.1 keeps its mark" '[213,10,513]' "$(value '[.pcp_high, .pcp_batch, .paths.pcp_drained]')"

# Frees move it, too. For two CPUs it is 106 to 640. One takes 950 for 700 (as above), the other frees them: at 106 it drains
# what leaves a batch, 96, and the mark becomes 116; there it drains 106, then at 222 212.
awk '$4 < 20 && /mm_page_free/ { sub(/\[000\]/, "[001]") } $4 < 20' "$work/moving.trace" >"$work/other.trace"
counts --engine=linux-pcp --free=6.12 --batch=10 "$work/other.trace"
check "frees on another CPU" '[10,1364,950,414,536]' "$(cat "$work/counts")"

# From 512 MiB on Linux uses huge pages, and then keeps more free. Of that each of four CPUs has a quarter: in guests with about
# that much, 207 and 3462 (/proc/zoneinfo).
for memory in 480M:209 1G:3465; do
	sed 's/\[000\]/[003]/' "$work/fixed.trace" >"$work/four.trace"
	run 0 "$ROOST" replay --json --quiet --memory=${memory%:*} --engine=linux-pcp --free=6.1 "$work/four.trace"
	check "the mark with ${memory%:*}" "${memory#*:}" "$(value .pcp_high)"
done

# Of another migratetype: two unmovable frames out of a block of order 10 (two pageblocks turn). The
# rest of the zone goes, movable; the next movable frame turns the second pageblock back; when that is
# full, the next one turns the first, of which all but two frames are free.
{
	batch alloc 0 2 1 GFP_KERNEL
	batch alloc 10 9 1
	batch alloc 0 1 1 GFP_HIGHUSER_MOVABLE 100
	for order in 8 7 6 5 4 3 2 1; do
		batch alloc $order 1 1
	done
	batch alloc 0 2 1 GFP_HIGHUSER_MOVABLE 200
} | awk '{ $4 = sprintf("1.%06d:", NR) } /GFP_KERNEL/ { sub(/migratetype=1/, "migratetype=0") } { print }' >"$work/steal.trace"
counts --engine=zone "$work/steal.trace"
check "a pageblock with both kinds" '[1,1]' "$(value '.series | [.mixed_max, .mixed_end]')"
check "pageblocks that turn, and frames" '[4,3]' "$(value '[.paths.blocks_stolen, .paths.refill_stolen]')"

# 1 GiB without any use: not the first, which has holes, nor one that the end cuts off.
empty() {
	run 0 "$ROOST" replay --quiet --json --engine="$1" --memory="$2" "$work/fixed.trace"
	value '.series | [.empty_1g_min, .empty_1g_end]' | tr -d '\n'
}
check "1 GiB without any use" '[0,0][0,0][1,1][2,2]' \
	"$(for memory in 1G 1025M 2052M 3G; do empty zone $memory; done)"
run 0 "$ROOST" replay --quiet --json --engine=pcpbuddy --memory=3G "$here/hand.trace"
check "pcpbuddy hands out of another GiB" '[true,1]' "$(value '.series | [.empty_1g_mean < 2, .empty_1g_min]')"
run 0 "$ROOST" replay --quiet --json --engine=zone --memory=68160K "$work/fixed.trace" # 33 pageblocks and a part
check "nor 2 MiB that the end cuts off" '[28,28]' "$(value '.series | [.empty_2m_end, .blocks_2m_end]')"

# ---- In the tool -----------------------------------------------------------------------------

refuse '^roost: --parallel: the engine zone' replay --engine=zone --parallel "$work/fixed.trace"
refuse '^roost: --parallel: the engine linux-pcp' compare --engines=linux-pcp --parallel "$work/fixed.trace"
refuse '^roost: --high=5: the engine zone' replay --engine=zone --high=5 "$work/fixed.trace"
refuse '^roost: --check=2: the engine linux-pcp' replay --engine=linux-pcp --check=2 "$work/fixed.trace"
refuse '^roost: --check=0: none .* check levels' compare --engines=zone --check=0 "$work/fixed.trace"
for mark in --high --batch; do
	refuse 'high, batch: must be at most 2^20' replay --quiet --engine=linux-pcp $mark=1048577 "$work/fixed.trace"
	refuse "^roost: $mark=4294967296: " replay --engine=linux-pcp $mark=4294967296 "$work/fixed.trace"
	for free in 6.12 6.1; do
		for n in 1 1048576; do
			counts --engine=linux-pcp --free=$free $mark=$n "$work/fixed.trace"
		done
	done
done
refuse 'less than 16 TiB' replay --quiet --engine=zone --memory=16T "$work/fixed.trace"
refuse 'engines are: pcpbuddy, sets' map --engine=zone "$work/fixed.trace"
refuse '^roost: --free=6.1: ' map --free=6.1 "$work/fixed.trace"
refuse '^roost: --free=6.6: .* 6.12 or 6.1$' replay --engine=linux-pcp --free=6.6 "$work/fixed.trace"
run 0 "$ROOST" compare --quiet --runs=1 --engines=linux-pcp,zone,sets --memory=64M "$work/fixed.trace"
check "side by side" 1 "$(grep -c 'linux-pcp/6.12  *linux-pcp/6.1  *zone  *sets$' "$work/out")"
check "whose speed is a model's" 1 "$(grep -c '^Operations per second, linux-pcp and zone: of a model' "$work/out")"
check "the zone's lock, once for each operation" 1 \
	"$(grep -c '^zone locks per million .* 1000000.0  *0.0$' "$work/out")"
check "what may be kept" 1 "$(grep -c '^frames a CPU may keep.* 0  *no limit$' "$work/out")"
check "whose frames on CPUs are explained" 'sets linux-pcp' \
	"$(sed -n 's/^Free frames on CPUs, \([^:]*\):.*/\1/p' "$work/out" | paste -sd' ')"
finish
