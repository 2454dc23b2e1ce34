# SPDX-License-Identifier: MIT
# map.sh - maps of replays: they add up to their zones, pictures are what they should be.
. "$(dirname "$0")/common.sh"

engine=--engine=$ENGINE
compile=$TRACES/compile.trace.zst
boot=$TRACES/boot-mix.trace.zst

# map ARGUMENTS...: with the engine; leaves stdout in $work/out.
map() {
	local status=0
	"$ROOST" map "$engine" --quiet "$@" >"$work/out" 2>"$work/err" || status=$?
	check "exit status of: map $*" 0 "$status"
	check "stderr of: map $*" '' "$(cat "$work/err")"
}

# Runs of pageblocks, one for each.
blocks='def blocks: .pageblocks[] | . as $r | range(0; $r[1]; 512) |
	{start: ($r[0] + .), zone: $r[2], owner: $r[3], type: $r[4], usable: $r[5], free: $r[6],
	 largest: $r[7], block: $r[8], whole: $r[9]};'

# ---- It agrees with the zones -------------------------------------------------------------------

map --json --at=0,1,500,20s,100000,end "$compile"
check 'maps of 6 moments' 6 "$(value '.maps | length')"
check 'in their order' true "$(value '[.maps[].about.events] | . == sort')"
check 'the events that were asked for' '[0,1,500]' "$(value '[.maps[:3][].about.events]')"
check 'each zone is the sum of its pageblocks' '[]' "$(value "$blocks"'[.maps[] | . as $map |
	range(.zones | length) as $z | [$map | blocks | select(.zone == $z)] |
	if (map(.usable) | add) == $map.zones[$z].managed and
	   (map(.free) | add) == $map.zones[$z].free then empty else $z end]')"
check 'free at first' 0 "$(value '.maps[0].zones | map(.managed - .free) | add')"
check 'in use later' true "$(value '.maps | last.zones | map(.managed - .free) | add > 1000')"
check 'whole is all free' '[]' "$(value "$blocks"'[.maps[] | blocks |
	select(.whole == 1 and (.free != 512 or .largest != 9 or .owner != -1 or .block != -1))]')"
check 'owners are CPUs' '[]' "$(value "$blocks"'[.maps[] | .cpus as $n | blocks |
	select(.owner >= $n)]')"
check 'CPUs have pageblocks in the end' true \
	"$(value "$blocks"'[.maps[-1] | blocks | select(.owner >= 0)] | length > 4')"

# A first allocation, and a free of it.
head -n 200 "$here/hand.trace" >"$work/hand"
map --json --at=1 "$here/hand.trace"
first=$(grep -m1 -o 'mm_page_alloc: .*order=[0-9]*' "$here/hand.trace" | sed 's/.*order=//')
check 'in use after one allocation' $((1 << first)) \
	"$(value '.maps[0].zones | map(.managed - .free) | add')"

# ---- Colours ------------------------------------------------------------------------------------

# coloured ENVIRONMENT...: how many letters have a colour on a terminal.
coloured() {
	env "$@" script -qec "'$ROOST' map --quiet $engine '$here/hand.trace'" /dev/null </dev/null | grep -c $'\033\\[38;5;'
}
check "colours on a terminal" yes "$([ "$(coloured TERM=xterm NO_COLOR=)" -gt 0 ] && echo yes)"
check "none with NO_COLOR" 0 "$(coloured TERM=xterm NO_COLOR=1)"
check "none on a dumb terminal" 0 "$(coloured TERM=dumb)"
map "$here/hand.trace"
check "none in a file" 0 "$(grep -c $'\033' "$work/out")"

# ---- Pictures -----------------------------------------------------------------------------------

# picture FILE: well-formed, and how many cells it has.
picture() {
	check "$1 is well-formed" '' "$(xmllint --noout "$1" 2>&1)"
	grep -c "^<g class='cell'>" "$1"
}

map --json "$compile"
pageblocks=$(value "$blocks"'[.maps[] | blocks] | length')
for by in owner type; do
	map --by=$by "$compile" -o "$work/$by.svg"
	check "a cell for each pageblock, by $by" "$pageblocks" "$(picture "$work/$by.svg")"
	check "says how large a cell is, by $by" 1 "$(grep -c "$pageblocks pageblocks; a cell is 1 " "$work/$by.svg")"
	check "no row out of the picture, by $by" 1 "$(awk -v RS="'" '
		/height=$/ { getline; if (!height) height = $0 } / y=$/ { getline; if ($0 > most) most = $0 }
		END { print most + 10 < height }' "$work/$by.svg")"
done
check 'colours are by CPU' 1 "$(grep -c '>CPU 0<' "$work/owner.svg")"
check 'colours are by migratetype' 1 "$(grep -c '>reclaimable<' "$work/type.svg")"
for key in 'whole and free' 'one large block in use' reserve isolated hole; do
	check "the legend has: $key" 1 "$(grep -c "class='note'>$key<" "$work/owner.svg")"
done
map --at=1s,10s,end "$boot" -o "$work/three.svg"
check 'the size of the memory is a guess' '982 MiB (a guess)' "$("$ROOST" map --quiet "$compile" | head -n 1 | grep -o '[0-9]* MiB (a guess)')"
"$ROOST" map --quiet --memory=2G "$compile" >"$work/out"
check 'or it is set' '2048 MiB 0' "$(head -n 1 "$work/out" | grep -o '[0-9]* MiB;' | tr -d ';') $(grep -c guess "$work/out")"
check 'three maps in a picture' 3 "$(grep -c "class='title'" "$work/three.svg")"
map --memory=64G "$boot" -o "$work/large.svg"
check 'thirty thousand pageblocks are a few thousand cells' true \
	"$([ "$(picture "$work/large.svg")" -lt 6200 ] && echo true)"
check 'and it says so' 1 "$(grep -c '32764 pageblocks; a cell is 8 of them' "$work/large.svg")"
map --memory=128M --limit=1000 "$boot" -o "$work/small.svg"
check '64 pageblocks but for the 4 of a kernel image' 60 "$(picture "$work/small.svg")"
if command -v rsvg-convert >/dev/null; then
	map "$compile" -o "$work/map.png"
	check 'a PNG' 89504e470d0a1a0a "$(head -c 8 "$work/map.png" | od -An -tx1 | tr -d ' \n')"
fi

# ---- Text ---------------------------------------------------------------------------------------

map "$compile"
check 'a letter for each pageblock' "$pageblocks" "$(awk '/^ *0x?[0-9a-f]* / && !/zone/ {
	sub(/^ *(0x[0-9a-f]+|0) /, ""); gsub(/ /, ""); n += length($0) } END { print n }' "$work/out")"
check 'no colours into a file' 0 "$(grep -c "$(printf '\033')" "$work/out")"

# ---- What makes no sense ------------------------------------------------------------------------

accept '--at=WHEN' map --help
refuse 'which trace' map
refuse '^roost: --at=yesterday: give seconds' map "$engine" --at=yesterday "$compile"
refuse '^roost: --at=: ' map "$engine" --at= "$compile"
refuse '^roost: --at=-1: ' map "$engine" --at=-1 "$compile"
refuse '^roost: --at=nans: ' map "$engine" --at=nans "$compile"
refuse '^roost: --at=9999s: the trace is' map "$engine" --quiet --at=9999s "$compile"
refuse '^roost: --at=99999999: the trace has only' map "$engine" --quiet --at=99999999 "$compile"
refuse '^roost: --at: at most 16' map "$engine" --at=1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17 "$compile"
refuse '^roost: --by=colour: ' map "$engine" --by=colour "$compile"
refuse '^roost: --output=x.gif: ' map "$engine" -o x.gif "$compile"
refuse '^roost: --output=/nowhere/x.svg: cannot write' map "$engine" -o /nowhere/x.svg "$compile"
refuse '^roost: --live=x: ' map "$engine" --live=x "$compile"
refuse '^roost: /nowhere/x: cannot open' map "$engine" /nowhere/x
refuse '^roost: --bogus: unknown option' map "$engine" --bogus
search=/nowhere
refuse 'rsvg-convert is not installed; install the package librsvg2-bin' map "$engine" -o x.png "$compile"

finish
