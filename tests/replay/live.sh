# SPDX-License-Identifier: MIT
# live.sh - `roost top` and `roost map --live` at a process that serves its statistics.
. "$(dirname "$0")/common.sh"

socket=$work/socket

# start PROGRAM ARGUMENTS...: waits until it is ready; $pid. It ends when descriptor 9 is closed.
start() {
	mkfifo "$work/in" "$work/ready"
	"$@" <"$work/in" >"$work/ready" 9>&- &
	pid=$!
	exec 9>"$work/in"
	check "ready: $1" ready "$(head -n 1 "$work/ready")"
	rm "$work/in" "$work/ready"
}

ROOST_SERVE=$socket start "$SERVING"

# ---- top ----------------------------------------------------------------------------------------

accept '"roost": 1' top --json "$socket"
check 'whose it is' "[$pid,\"serving\"]" "$(value '[.pid, .program]')"
check 'its pools' '[["small",8388608,1052672],["large",67108864,4603904]]' \
	"$(value '[.pools[] | [.name, .size, .used]]')"
check 'what is in use is not free' '[]' "$(value '[.pools[] | select(.used + .page_size *
	([.zones[] | .free + .free_pcp + .free_llist] | add) != .size)]')"
check 'each pageblock has a fill' '[4,32]' "$(value '[.pools[].fill | add]')"
check 'blocks of 4 MiB are large' 2 "$(value '.pools[1].fill[6]')"
check 'every allocation is on a CPU' '[2,1101]' "$(value '[.pools[].cpus | map(.allocs) | add]')"
check 'and counted by kind' '[2,1101]' "$(value '[.pools[].counters |
	.alloc_pcp + .alloc_zone + .alloc_other + .alloc_reserve]')"
check 'frees' 1000 "$(value '.pools[1].counters | .free_local + .free_remote + .free_direct')"
accept '^large  *64.0M  *4.4M  *4.4M  *64.0M  *1101  *1000 ' top --once --interval=0 "$socket"
check 'the fuller first' large "$(sed -n 3p "$work/out" | cut -d' ' -f1)"
accept '^small .* 0  *0  *0 $' top --interval=0.1 "$socket"
accept '^large .* 0  *0  *0 $' top --once --interval=0.1 --sort=name --per-cpu "$socket"
check 'sorted by name' 'large small' "$(grep -o '^large\|^small' "$work/out" | tr '\n' ' ' | sed 's/ $//')"
check 'CPUs' yes "$(grep -q '^  CPU 0 ' "$work/out" && echo yes)"

# ---- map ----------------------------------------------------------------------------------------

accept '"maps"' map --json --live="$socket"
check 'frames in use' '[257,1124]' "$(value '[.maps[].zones[0] | .managed - .free]')"
check 'pageblocks are the pools' '[2048,16384]' "$(value '[.maps[] | [.pageblocks[][1]] | add]')"
accept '^pool large of serving' map --live="$socket"
"$ROOST" map --live="$socket" -o "$work/live.svg"
check 'cells' 36 "$(grep -c "^<g class='cell'>" "$work/live.svg")"
check 'the picture is well-formed' '' "$(xmllint --noout "$work/live.svg" 2>&1)"

# ---- Nobody there -------------------------------------------------------------------------------

refuse '^roost: .*/none: no such socket' top "$work/none"
refuse '^roost: .*/none: no such socket' map --live="$work/none"
refuse '^roost: .*: no such socket' top --pid 4194304
: >"$work/file"
refuse '/file: no process serves there any more, or it is not a socket' top "$work/file"
refuse 'too long for the path' top "$(printf '%0200d' 0)"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
exec 9>&-
refuse '/socket: no process serves there any more' top "$socket"
refuse '/socket: no process serves there any more' top --json "$socket"
refuse '/socket: no process serves there any more' map --live="$socket"

# A socket that a killed process left is taken over; %p is the process, and so is --pid.
start "$SERVING" "$socket"
accept '^large ' top --interval=0 "$socket"
exec 9>&-
wait "$pid"
check 'the end of the process is the end of its socket' '' "$(ls "$work" | grep socket)"
# A pool and a program of any name.
cp "$SERVING" "$work/p"$'\e\xe4\xc3\xbc'
ROOST_SERVE=$socket start "$work/p"$'\e\xe4\xc3\xbc' "" $'a\\x\xe4\xc3\xbc\x01"'
accept '"roost": 1' top --json "$socket"
check 'names of any bytes' '["a\\x5cx\\xe4ü\\x01\"","p\\x1b\\xe4ü"]' "$(value '[.pools[0].name, .program]')"
accept '^roost top: p.x1b.xe4ü, ' top --interval=0 "$socket"
"$ROOST" map --live="$socket" -o "$work/names.svg"
check 'names of any bytes in a picture' '' "$(xmllint --noout "$work/names.svg" 2>&1)"
check 'and all of them' 1 "$(grep -c 'pool a.x5cx.xe4ü.x01" of p.x1b.xe4ü, process' "$work/names.svg")"
exec 9>&-
wait "$pid"
ROOST_SERVE= start "$SERVING"
accept '^large ' top --interval=0 --pid "$pid"
refuse "^roost: /tmp/roost-$pid.sock: one socket" top x "/tmp/roost-$pid.sock"
exec 9>&-
wait "$pid"
ROOST_SERVE=/nowhere/x start "$SERVING" 2>"$work/err"
check 'what cannot be is said' 'roost: ROOST_SERVE=/nowhere/x: No such file or directory' "$(cat "$work/err")"
exec 9>&-
wait "$pid"

# ---- Object caches ------------------------------------------------------------------------------

check 'no caches: no table of them' 0 "$(grep -c misuse "$work/out")"
start "$SERVING" "$socket" small objects
accept '"roost": 1' top --json "$socket"
check 'a pool without caches' '[]' "$(value '.pools[0].caches')"
check 'caches' '[["an \"object\"\\xe4",64,512,2,900,124,0,0],["unused",4000,16,0,0,0,0,0]]' \
	"$(value '.pools[1].caches | sort_by(.size) | map([.name, .size, .slab_objects, .slabs, .allocated,
	.free, .waste, .misused])')"
accept '^  an "object".xe4  *64B  *900  *124  *2  *0B  *0  *0 $' top --interval=0 "$socket"
check 'a table of 80 columns' yes "$([ "$(grep -A 2 '^  cache ' "$work/out" | wc -L)" -le 80 ] && echo yes)"
check 'the largest first' 'an unused' "$(sed -n '/^  cache /,$p' "$work/out" | awk 'NR > 1 && NR < 4 { print $1 }' | xargs)"
accept '"maps"' map --json --live="$socket"
check 'frames of slabs' '[0,16]' "$(value '[.maps[] | [.slabs[]?[1]] | add // 0]')"
check 'in pageblocks that are there' true "$(value '.maps[1] | [.slabs[][0]] - [.pageblocks[][0]] == []')"
accept '^ *0 .*:' map --live="$socket"
check 'a legend' 1 "$(grep -c '^: slabs of object caches' "$work/out")"
"$ROOST" map --live="$socket" -o "$work/slabs.svg"
check 'slabs in the picture, and in its legend' '1 1 1' "$(grep -c "16 of slabs" "$work/slabs.svg") $(
	grep -c "class='cell'>.*url(#slabs)" "$work/slabs.svg") $(grep -c 'slabs of object caches' "$work/slabs.svg")"
check 'the picture with slabs is well-formed' '' "$(xmllint --noout "$work/slabs.svg" 2>&1)"
exec 9>&-
wait "$pid"

start "$STRANGER" "$socket"
printf '%s\n' '220 hello' '' '{"roost":2,"pools":[]}' >&9
refuse 'is not in the format of roost' top --interval=0 "$socket"
refuse 'is not in the format of roost' top --json "$socket"
refuse 'is not in the format of roost' map --live="$socket"

# answer JSON: the next one, of a process with these pools.
answer() {
	printf '{"roost":1,"pid":1,"program":"a\\u001b[2Jb","time_ns":%s,"pools":[%s]}\n' "${2:-1}" "$1" >&9
}
# Numbers that are none, or that no count can be: an error, or at least a table that ends.
for number in 1e300 -1e9 0.5 -2; do
	answer '{"name":"p","size":1,"fill":[1,'$number',1]}'
	refuse 'a number in it is not a count' top --interval=0 "$socket"
	answer '{"name":"p","size":1,"cpus":[{"cpu":0,"allocs":'$number'}]}'
	refuse 'a number in it is not a count' top --interval=0 --per-cpu "$socket"
done
answer '{"name":"p","size":99999999999999999999}'
refuse 'is not in the format of roost: too big' top --interval=0 "$socket"
for name in '' '"name":1,' '"name":null,'; do
	answer "{$name\"size\":1}"
	refuse 'has a pool without a name' top --interval=0 "$socket"
done
most=9223372036854775807
for fill in -1,2,-1 0,0,0 $most,$most,$most,$most,$most,$most,$most 1,1,1,1,1,1,1,1,1,1,1,1 '"x",{}' -1,-1; do
	answer "{\"name\":\"p\",\"size\":$most,\"used\":-1,\"fill\":[$fill],\"counters\":{\"alloc_pcp\":$most}}"
	accept '^p  *8192P ' top --interval=0 "$socket"
	check "the table is as large as any, with $fill" '[7,1]' "[$(wc -l <"$work/out"),$(($(wc -L <"$work/out") < 130))]"
	check "the bar has 64 characters, with $fill" 1 "$(grep -c '^  \[.\{64\}\] ' "$work/out")"
done
for cache in '{}' '{"name":"\\x1b","slabs":9223372036854775807,"slab_order":9223372036854775807,"free":9}' 1 '"x",[]'; do
	answer "{\"name\":\"p\",\"size\":1,\"caches\":[$cache]}"
	accept '^  cache  *size' top --interval=0 "$socket"
	check "the table is no wider, with $cache" 1 $(($(wc -L <"$work/out") < 130))
done
# What runs backwards, or stands still, gives no rates; what counts backwards is no surprise.
for time in 1 7; do
	answer '{"name":"p","counters":{"alloc_pcp":7}}' 7
	answer '{"name":"p","counters":{"alloc_pcp":5}}' $time
	accept '^p .* 5  *0  *0 $' top --once --interval=0.01 "$socket"
	check "time from 7 to $time: no rates" 1 "$(grep -c 'since the beginning$' "$work/out")"
done
# Pools that share a name are distinguished by their order.
two() {
	answer '{"name":"a","counters":{"alloc_pcp":'"$1"'}},{"name":"b"},{"name":"a","counters":{"alloc_pcp":'"$2"'}}' "$3"
}
two 100 9000 1
two 103 9005 1000000001
accept '^roost top: a\\x1b\[2Jb, process 1, 3 pools' top --once --interval=0.01 --sort=name "$socket"
check "the rates of pools of one name" 'a 3,a 5,b 0,' "$(awk '/^[ab] / { printf "%s %s,", $1, $6 }' "$work/out")"
# Nothing that a name holds reaches the terminal; what it holds can be read again.
answer '{"name":"p\u001b[31m\u0007\r","size":1},{"name":"Gr\\xc3\\xbc\\xe4","size":1},{"name":"中文中文中文中文中文","size":1}'
accept '^p.x1b\[31m.x07' top --interval=0 "$socket"
check "no control character, and no byte that is no UTF-8" '' "$(tr -d '\n' <"$work/out" |
	iconv -f UTF-8 -t UTF-8 2>&1 | grep -a '[[:cntrl:]]')"
check "the name in UTF-8, and the byte that is none" 1 "$(grep -c '^Grü.xe4  *1B' "$work/out")"
check "two columns for a wide character" 1 "$(grep -c '^中文中文中文\.\.\.  *1B' "$work/out")"
answer '{"name":"p\u001b[31m\u0007"},{"name":"Gr\\xc3\\xbc\\xe4"}'
accept '"roost"' top --json "$socket"
check "the names in JSON" '["p\\x1b[31m\\x07","Grü\\xe4","a\\x1b[2Jb"]' \
	"$(value '[.pools[].name, .program]')"
# Maps of memory that cannot be.
map='"name":"p","page_size":4096,"cpus":[],"zones":[{"name":"Z\u001b","managed":1,"free":0}]'
for run in -1,512,0 0,0,0 0,99999999999,0 0,512,1 4503599627370497,512,0 '0,4294967296,0,-1,0,1,0,-1,-1,0],[0,512,0'; do
	answer "{$map,\"pageblocks\":[[$run,-1,0,512,0,-1,-1,0]]}"
	refuse 'its answer is wrong' map --live="$socket"
done
answer "{$map,\"pageblocks\":[[1024,512,0,-1,0,512,0,-1,-1,0],[0,512,0,-1,0,512,512,9,-1,1]]}"
accept '^zone Z.x1b, 4 KiB' map --live="$socket"
for slabs in '[1,1]' '[0,513]' '[0,-1]' '[0]' '1,1' '[0,"x"]'; do
	answer "{$map,\"pageblocks\":[[0,512,0,-1,0,512,0,-1,-1,0]],\"slabs\":[$slabs]}"
	refuse 'its answer is wrong\|a number in it is not a count' map --live="$socket"
done
answer "{$map,\"pageblocks\":[[0,512,0,-1,0,512,0,-1,-1,0]],\"slabs\":[[0,512]]}"
accept '^ *0 \$$' map --live="$socket"
answer "{$map,\"pageblocks\":[[1024,512,0,-1,0,512,0,-1,-1,0],[0,512,0,-1,0,512,512,9,-1,1]]}"
accept '^zone Z.x1b, 4 KiB' map --live="$socket"
check "pageblocks in the order of their addresses" 1 "$(grep -c '^ *0 \. =$' "$work/out")"
exec 9>&-
wait "$pid"
rm "$socket"

# ---- What makes no sense ------------------------------------------------------------------------

accept '--pid=N' top --help
refuse 'which process' top
refuse '^roost: --pid=0: ' top --pid=0
refuse '^roost: --pid: .*one of the two' top --pid=1 x
refuse '^roost: --interval=soon: ' top --interval=soon x
refuse '^roost: --sort=size: ' top --sort=size x
refuse '^roost: --bogus: unknown option' top --bogus

finish
