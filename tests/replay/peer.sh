# SPDX-License-Identifier: MIT
# peer.sh - an allocator of the user's in a replay and a comparison, by examples/engine.c and worse ones.
. "$(dirname "$0")/common.sh"
root=$(cd "$here/../.." && pwd)
hand=$here/hand.trace
part=$work/part.trace
zstd -q -dc "$TRACES/compile.trace.zst" | head -n 6000 >"$part"

# variant NAME SED...: the example with a change, compiled as its head says.
variant() {
	local name=$1
	shift
	sed "$@" "$root/examples/engine.c" >"$work/$name.c"
	cmp -s "$work/$name.c" "$root/examples/engine.c" && check "a change in $name" there none
	"${CC:-cc}" -O2 -shared -fPIC -I "$root/bench" -o "$work/$name.so" "$work/$name.c" || check "$name compiles" yes no
}
check "the example is short, and docs/lab.md names it" 'yes 1' \
	"$([ "$(wc -l <"$root/examples/engine.c")" -lt 100 ] && echo yes) $(grep -q 'examples/engine.c' "$root/docs/lab.md" && echo 1)"

run 0 "$ROOST" replay --quiet --json --peer="$EXAMPLE_SO" "$part"
check "a replay on it" '[true,"bitmap",null,true,{},true]' \
	"$(value '[.verified, .engine, .free, .allocs > 1000, .paths, .metadata > 0]')"
run 0 "$ROOST" compare --quiet --json="$work/json" --runs=1 --memory=64M --engines=sets --peer="$EXAMPLE_SO" "$part"
check "beside an engine" '[["sets","bitmap"],[true,true],null,null,null]' "$(jq -c '.traces[0].contenders |
	[map(.name), map(.verified), .[1].zone_lock_per_million, .[1].trylock_fail_per_million, .[1].fail_while_free]' "$work/json")"
check "what an adapter does not tell is not 0" 1 "$(grep -c '^zone locks.* exact  *0\.0  *unknown$' "$work/out")"
check "what may differ in another run" 'spread once' "$(jq -r '.traces[0].contenders[1].figures[] |
	select(.figure == "failed" or .figure == "blocks_2m_mean").noise' "$work/json" | sort -r | paste -sd' ')"
check "what it tells is there" 1 "$(grep -c '^metadata, KiB  *exact  *[1-9][0-9]*  *[1-9][0-9]*$' "$work/out")"
run 0 "$ROOST" compare --quiet --runs=1 --memory=64M --peer="$EXAMPLE_SO" "$part"
check "beside all engines" 1 "$(grep -c '^verified  *yes  *yes  *yes  *yes$' "$work/out")"

# Two builds of it, side by side.
run 0 "$ROOST" compare --quiet --json="$work/json" --runs=1 --memory=64M --engines=sets --peer="$EXAMPLE_SO" --peer=after="$EXAMPLE_SO" \
	--baseline=bitmap "$part"
check "a name for each" '["sets","bitmap","after"]' "$(jq -c '.traces[0].contenders | map(.name)' "$work/json")"
cp "$EXAMPLE_SO" "$work/a=b.so"
(cd "$work" && run 0 "$ROOST" compare --quiet --runs=1 --memory=64M --engines=sets --peer=a=b.so "$part")
check "a file whose name has =" 1 "$(grep -c '^  *sets  *bitmap$' "$work/out")"

variant coloured 's/"bitmap"/"\\033[31mred\\n"/'
run 0 "$ROOST" replay --quiet --peer="$work/coloured.so" "$hand"
check "a name with control characters" '1 0' "$(grep -c 'engine \\x1b\[31mred\\x0a,' "$work/out") $(grep -c "$(printf '\033')" "$work/out")"

# Faults of it are found.
variant twice 's/found = next;/found = 0;/'
run 1 "$ROOST" replay --quiet --json --peer="$work/twice.so" "$hand"
check "frames that are handed out twice" '[false,true]' "$(value '[.verified, .frames_doubled > 0]')"
run 1 "$ROOST" compare --quiet --runs=1 --engines=sets --peer="$work/twice.so" "$hand"
check "in a comparison" 1 "$(grep -c '^verified  *yes  *NO$' "$work/out")"
variant outside 's/return found;/return found == BENCH_NONE ? found : frames;/'
run 1 "$ROOST" replay --quiet --json --peer="$work/outside.so" "$hand"
check "no frames of the pool" '[false,true]' "$(value '[.verified, .frames_doubled > 0]')"

# A block whose parts cannot be freed comes back whole, and with the order that it was allocated with.
variant strict -e 's/| BENCH_FREES_PARTS//' -e 's/^static uint64_t frames, next;/& static unsigned char orders[1 << 24];/' \
	-e 's/^\t\tmemset(used + found, 1, count);/\t\tmemset(used + found, 1, count), orders[found] = 1 + order;/' \
	-e 's/^\tmemset(used + block, 0, .*/\tif (orders[block] != 1 + order) abort();\n\torders[block] = 0;\n&/'
run 0 "$ROOST" replay --quiet --json --peer="$work/strict.so" "$hand"
check "blocks that were split" '[true,4]' "$(value '[.verified, .splits]')"

refuse '^roost: --peer=/nowhere.so: No such file' compare --peer=/nowhere.so "$hand"
refuse '^roost: --peer=/nowhere.so: No such file' replay --peer=/nowhere.so "$hand"
refuse '^roost: --peer=.*: cannot be used: it was made for contract 0' compare --peer="$ADAPTER_OLD_SO" "$hand"
refuse '^roost: --peer=.*: a replay needs .*BENCH_FRAMES' compare --peer="$ADAPTER_SO" "$hand"
refuse '^roost: --peer=.*: a replay needs .*BENCH_FRAMES' replay --peer="$ADAPTER_SO" "$hand"
refuse '^roost: --parallel: leave it out with --peer' compare --parallel --peer="$EXAMPLE_SO" "$hand"
refuse '^roost: --parallel: leave it out with --peer' replay --parallel --peer="$EXAMPLE_SO" "$hand"
refuse '^roost: --engine=sets: --peer is given' replay --engine=sets --peer="$EXAMPLE_SO" "$hand"
refuse '^roost: --peer=.*: there are two of the name bitmap' compare --peer="$EXAMPLE_SO" --peer="$EXAMPLE_SO" "$hand"
refuse '^roost: --peer=PATH.so: give one' replay --peer="$EXAMPLE_SO" --peer="$EXAMPLE_SO" "$hand"

finish
