# SPDX-License-Identifier: MIT
# aged.sh - replays that begin with memory in use: what is read from each kind of file, what a wrong file is
# told, that every engine starts with the same frames, and that the start is no part of what is counted.
. "$(dirname "$0")/common.sh"
hand=$here/hand.trace

# 24 MiB of one zone and 16 of another. Free: 3 + 2 + 1 + 5 frames in small blocks, and 2 pageblocks.
cat >"$work/types" <<END
Page block order: 9
Pages per block:  512

Free pages count per migrate type at order       0      1      2      3      4      5      6      7      8      9     10 
Node    0, zone      DMA, type    Unmovable      3      1      0      0      0      0      0      0      0      0      0 
Node    0, zone      DMA, type      Movable      0      0      2      0      0      0      0      0      0      1      2 
Node    0, zone      DMA, type  Reclaimable      0      0      0      0      0      0      0      0      0      0      0 
Node    0, zone   Normal, type    Unmovable      4      0      0      0      0      0      0      0      1      0      0 
Node    0, zone   Normal, type      Movable      0      0      0      1      0      0      0      0      0      0      0 
Node    0, zone   Normal, type  Reclaimable      1      0      0      0      3      0      0      0      0      0      0 

Number of blocks type     Unmovable      Movable  Reclaimable 
Node 0, zone      DMA            2           10            0 
Node 0, zone   Normal            2            3            3 
END

# start ENGINE ARGUMENTS...: replays, and leaves what the report says of the start in $work/start.
start() {
	run 0 "$ROOST" replay --engine="$1" --quiet --json "${@:2}" "$hand"
	check "verified: $*" '[true,0,0,0,0]' \
		"$(value '[.verified, .frames_lost, .frames_doubled, .frames_corrupt, .misuses]')"
	value .start >"$work/start"
}

# 3 + 4 + 1 single frames, and so on: the engine zone has no reserve that would cut the largest.
for seed in 1 2 77; do
	start zone --aged="$work/types" --aged-seed=$seed
	check "free frames by order, seed $seed" '[8,2,8,8,48,0,0,0,256,512,2048,0]' \
		"$(jq -c '.free_by_order[:12]' "$work/start")"
	jq -c 'del(.free_by_order, .mixed, .empty_2m)' "$work/start" >"$work/zone-$seed"
	start "$ENGINE" --aged="$work/types" --aged-seed=$seed
	check "the same start with $ENGINE, seed $seed" "$(cat "$work/zone-$seed")" \
		"$(jq -c 'del(.free_by_order, .mixed, .empty_2m)' "$work/start")"
done
check "what is in use" '["pagetypeinfo",1,11348,2890]' \
	"$(jq -c '[.source, .seed, .in_use, .free]' "$work/zone-1")"
check "another seed, other places" 2 \
	"$(for seed in 1 2; do "$ROOST" map --engine="$ENGINE" --quiet --json --aged="$work/types" --aged-seed=$seed \
		"$hand" | jq -c '.maps[0] | del(.about)' | md5sum; done | sort -u | wc -l)"
sed '5s/      3      1 /     >3      1 /' "$work/types" >"$work/capped"
run 0 "$ROOST" replay --engine="$ENGINE" --aged="$work/capped" "$hand"
check "a count that the kernel did not finish" 1 "$(grep -c '1 counts are those at which the kernel gave up' "$work/err")"

# ---- What is counted -------------------------------------------------------------------------

fails='[.allocs, .failed_allocs, (.paths | [.alloc_pcp, .alloc_zone, .alloc_other, .alloc_reserve] | map(. // 0) | add)]'
replay 0 --json --quiet --aged=50% --memory=128M "$hand"
check "allocations of the start are not the trace's" true "$(value "$fails | .[0] == .[1] + .[2]")"
check "half of what the seed places is in use" '[13312,50,1]' \
	"$(value '[(.start.in_use_by_type | .movable + .unmovable + .reclaimable), .start.percent, .start.seed]')"
facts_aged=$(value "$facts")
replay 0 --json --quiet --memory=128M "$hand"
check "without it there is no start" null "$(value .start)"
check "the trace is the same" "$facts_aged" "$(value "$facts")"
for mode in --parallel --timing; do
	replay 0 --json --quiet $mode --aged=50% --memory=128M "$hand"
	check "the same start with $mode" 13312 "$(value '.start.in_use_by_type | .movable + .unmovable + .reclaimable')"
	check "allocations of the start are not the trace's, $mode" true "$(value "$fails | .[0] == .[1] + .[2]")"
done
if [ "$ENGINE" = pcpbuddy ]; then
	replay 0 --json --quiet --aged=50% --memory=128M "$hand"
	check "holds of the start are not the trace's" true "$(value '.holds.count == .paths.zone_lock')"
fi
# What is full is full: 8 MiB of 112 are free, and the reserve is one 256th.
awk 'BEGIN { for (i = 0; i < 4096; i++)
	printf "x-1 [000] ..... 1.%06d: mm_page_alloc: page=0 pfn=%d order=0 migratetype=1 gfp_flags=GFP_KERNEL\n", i, i + 8192
}' >"$work/much.trace"
replay 0 --json --quiet --aged=93% --memory=128M "$work/much.trace"
check "allocations beyond what is free fail" true \
	"$(value '.verified and .start.free < 4096 and .failed_allocs >= 4096 - .start.free and .wrong_failures == 0')"
run 0 "$ROOST" replay --json --quiet --peer="$EXAMPLE_SO" --aged=50% --memory=128M "$hand"
check "an adapter starts with the same frames" '[true,13312]' \
	"$(value '[.verified, (.start.in_use_by_type | .movable + .unmovable + .reclaimable)]')"
run 0 "$ROOST" compare --quiet --runs=1 --engines="$ENGINE" --aged=50% --memory=128M "$hand"
check "a comparison says what it started from" 1 "$(grep -c '^Start: [0-9]* frames in use, ' "$work/out")"

# How a file is read does not depend on the engine.
if [ "$ENGINE" != sets ]; then
	finish
	exit
fi

# ---- The example of the documentation --------------------------------------------------------

# Rows: engine | failed | failed when aged | of order 9 | stolen | stolen when aged
sed -n '/^## An aged start/,/^## Linux/s/^| `\([a-z-]*\)` | \([0-9 |]*\) |$/\1 | \2/p' "$TRACES/../../docs/lab.md" >"$work/rows"
check "rows of the example" 4 "$(wc -l <"$work/rows")"
while read -r engine row; do
	for aged in '' --aged=60%; do
		run 0 "$ROOST" replay --engine="$engine" --quiet --json --timing --memory=1G ${aged:+"$aged"} "$TRACES/boot-mix.trace.zst"
		value '[.failed_allocs, .failed_by_order[9], .paths.blocks_stolen]' >"$work/${aged:-empty}"
	done
	check "the example, $engine" "$row" \
		"$(jq -sr '.[0] as $e | .[1] as $a | "| \($e[0]) | \($a[0]) | \($a[1]) | \($e[2]) | \($a[2])"' \
			"$work/empty" "$work/--aged=60%")"
done <"$work/rows"

# ---- page_owner ------------------------------------------------------------------------------

# owned ORDER PFN TYPE BLOCK_TYPE
owned() {
	echo "Page allocated via order $1, mask 0x1(GFP_X), pid 1, tgid 1 (init), ts 1 ns, free_ts 0 ns"
	echo "PFN $2 type $3 Block $(($2 >> 9)) type $4 Flags 0x1(x)"
	printf ' prep_new_page+0x1/0x2\n get_page_from_freelist+0x1/0x2\n\n'
}
{
	owned 3 8192 Unmovable Unmovable
	owned 0 8201 Movable Unmovable
	owned 9 8704 Movable Movable
	owned 0 0x2900 Reclaimable Reclaimable
} >"$work/owner"
start "$ENGINE" --aged="$work/owner" --memory=64M
check "page_owner" '["page_owner",null,522,{"movable":513,"unmovable":8,"reclaimable":1,"hole":0},1]' \
	"$(jq -c '[.source, .seed, .in_use, .in_use_by_type, .mixed]' "$work/start")"
# Linux wrote the file block by block: one of them was freed meanwhile, and a frame of it allocated again.
{
	owned 3 8192 Unmovable Unmovable
	for ((i = 1; i < 98; i++)); do owned 0 $((8704 + i)) Movable Movable; done
	owned 0 8193 Movable Unmovable
} >"$work/racy"
cp "$work/racy" "$work/racier"
owned 0 8900 Movable Movable >>"$work/racy"
start "$ENGINE" --aged="$work/racy" --memory=64M
check "one block of 100 within another" '[1,106,7]' "$(jq -c '[.overlaps, .in_use, .in_use_by_type.unmovable]' "$work/start")"
zstd -q -c "$work/owner" >"$work/owner.zst"
start "$ENGINE" --aged="$work/owner.zst" --memory=64M
check "compressed" 522 "$(jq .in_use "$work/start")"

# ---- kpageflags ------------------------------------------------------------------------------

# words N BYTES: in octal
words() {
	for ((i = 0; i < $1; i++)); do printf '%b' "$2"; done
}
free='\0000\0004\0000\0000\0000\0000\0000\0000' anon='\0040\0030\0000\0000\0000\0000\0000\0000'
slab='\0200\0000\0000\0000\0000\0000\0000\0000' hole='\0000\0000\0020\0000\0000\0000\0000\0000'
{
	words 1 "$hole"
	head -c $((8191 * 8)) /dev/zero # in use, and no flag: the kernel's
	words 300 "$free"
	words 200 "$slab"
	words 12 "$anon"
	words 7 "$hole"
	words 1 "$free"
	words 5 "$hole"
} >"$work/flags"
start "$ENGINE" --aged="$work/flags" --memory=64M
check "kpageflags" '["kpageflags",12,7,1]' "$(jq -c '[.source, .in_use_by_type.movable, .in_use_by_type.hole, .mixed]' "$work/start")"
check "what is behind the file is free" $((8192 - 212 - 7)) \
	"$(jq '.free' "$work/start")"

# ---- Files that make no sense ----------------------------------------------------------------

# wrong PATTERN FILE ARGUMENTS...
wrong() {
	refuse "$1" replay --engine="$ENGINE" --quiet --aged="$2" "${@:3}" "$hand"
}
wrong ':[0-9]*: .* overlap, as 1 of 99 blocks do' "$work/racier" --memory=64M
# types PATTERN SED_SCRIPT: the pagetypeinfo above, changed.
types() {
	sed "$2" "$work/types" >"$work/bad"
	wrong "^roost: $work/bad:$1" "$work/bad"
}
types '5: "-3" is no number of blocks' '5s/      3 /     -3 /'
types '5: "3x" is no number of blocks' '5s/      3 /     3x /'
types '6: 99999999 blocks of order 10 lie beyond' '6s/      2 *$/ 99999999 /'
types '6: "18446744073709551616" is no number' '6s/      2 *$/ 18446744073709551616 /'
types '1: the order of a pageblock is none' '1s/9/40/'
types '4: the heading does not count the orders' '4s/ 10 / 11 /'
types '5: "Strange" is no migratetype' '5s/Unmovable/Strange/'
types '7: the line ends too soon' '7s/      0 *$//'
types '14: the line ends too soon' '14s/ *3 *$//'
types '.*the file is cut off' '13,$d'
types '13: 6 lines of free blocks do not go with 1 zones' '14d'
types '3: this is no line' '3s/^/what/'
types '14: 999999 blocks of order 9 lie beyond' '14s/  3 *$/999999 /'
types '14: 1[0-9]* frames are free, but' '6s/      2 *$/     10 /'
wrong "^roost: $work/types:13: so far there are" "$work/types" --memory=40M
wrong ': order 30 is larger than' <(owned 30 0 Movable Movable)
wrong ': there is no order after' <(owned -1 0 Movable Movable)
wrong ':2: PFN 8193 is no multiple' <(owned 1 8193 Movable Movable)
wrong ':2: there is no frame number' <(owned 1 -5 Movable Movable)
wrong ':2: PFN 99999999999 of order 0 lies beyond' <(owned 0 99999999999 Movable Movable)
wrong ':2: PFN 16384 of order 0 lies beyond' <(owned 0 16384 Movable Movable) --memory=64M
wrong ':7: the blocks at PFN 8196 (order 0) and PFN 8192 (order 3, line 2) overlap' \
	<(owned 3 8192 Movable Movable; owned 0 8196 Movable Movable)
wrong ':2: PFN 8192 is not followed by' <(owned 3 8192 Movable Strange)
wrong ':1: the file ends within a block' <(owned 3 8192 Movable Movable | head -n 1)
wrong ':2: the block before has no line' <(owned 3 8192 Movable Movable | sed 's/^PFN.*/Page allocated via order 1, mask/')
wrong ':1: there is no line "Page allocated' <(owned 3 8192 Movable Movable | tail -n +2)
head -c 65533 "$work/flags" >"$work/bad"
wrong "^roost: $work/bad: ends within word 8191" "$work/bad"
words 1 '\0000\0000\0000\0000\0000\0000\0001\0000' >"$work/bad"
wrong 'word 0 is 0x1000000000000: these are no flags' "$work/bad"
words 8 "$hole" >"$work/bad"
wrong 'has no page at all' "$work/bad"
wrong 'word 8192: this frame lies beyond the memory' "$work/flags" --memory=32M
echo something >"$work/bad"
wrong "^roost: $work/bad: is no copy of" "$work/bad"
wrong 'is empty' /dev/null
wrong 'is a directory' /
wrong '^roost: nowhere: cannot open' nowhere
wrong '^roost: --aged=0%: ' 0%
wrong '^roost: --aged=100%: ' 100%
refuse '^roost: --aged-seed=3: ' replay --aged-seed=3 "$hand"
refuse '^roost: --aged-seed: .* says where each frame is' replay --quiet --aged="$work/owner" --aged-seed=3 "$hand"
refuse '^roost: --live=.*leave --aged out' map --aged=50% --live="$work/socket"
finish
