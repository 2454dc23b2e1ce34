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
accept '^large .* 0  *0  *0 $' top --once --interval=0.1 --sort=name --cpus "$socket"
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
refuse '/file: nobody serves there any more, or it is no socket' top "$work/file"
refuse 'too long for the path' top "$(printf '%0200d' 0)"
kill -KILL "$pid"
wait "$pid" 2>/dev/null
exec 9>&-
refuse '/socket: nobody serves there any more' top "$socket"
refuse '/socket: nobody serves there any more' top --json "$socket"
refuse '/socket: nobody serves there any more' map --live="$socket"

# A socket that a killed process left is taken over; %p is the process, and so is --pid.
start "$SERVING" "$socket"
accept '^large ' top --interval=0 "$socket"
exec 9>&-
wait "$pid"
check 'the end of the process is the end of its socket' '' "$(ls "$work" | grep socket)"
ROOST_SERVE= start "$SERVING"
accept '^large ' top --interval=0 --pid "$pid"
refuse "^roost: /tmp/roost-$pid.sock: one socket" top x "/tmp/roost-$pid.sock"
exec 9>&-
wait "$pid"
ROOST_SERVE=/nowhere/x start "$SERVING" 2>"$work/err"
check 'what cannot be is said' 'roost: ROOST_SERVE=/nowhere/x: No such file or directory' "$(cat "$work/err")"
exec 9>&-
wait "$pid"

start "$STRANGER" "$socket"
refuse 'does not speak as roost does' top "$socket"
refuse 'does not speak as roost does' top --json "$socket"
refuse 'does not speak as roost does' map --live="$socket"
exec 9>&-
wait "$pid"

# ---- What makes no sense ------------------------------------------------------------------------

accept '--pid=N' top --help
refuse 'which process' top
refuse '^roost: --pid=0: ' top --pid=0
refuse '^roost: --pid: .*one of the two' top --pid=1 x
refuse '^roost: --interval=soon: ' top --interval=soon x
refuse '^roost: --sort=size: ' top --sort=size x
refuse '^roost: --bogus: unknown option' top --bogus

finish
