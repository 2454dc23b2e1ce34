# SPDX-License-Identifier: MIT
# storm.sh - interrupts at any instant, also inside the allocator; and that the deadlock which
# they cause with pcpbuddy's free path `blocking` is noticed.
. "$(dirname "$0")/common.sh"

# Signals come late under thread sanitizer, never inside the allocator; and a trace takes long.
traces="boot-mix compile"
tsan=no
if grep -q __tsan_init "$ROOST"; then
	traces=compile
	tsan=yes
fi

for trace in $traces; do
	for free in $free_paths; do
		replay 0 --json --parallel --irq-storm=5000 --free=$free "$TRACES/$trace.trace.zst"
		equations "$trace $free"
		check "$trace $free: the storm blew" true "$(value '.handlers.storm_ticks > 0 and
			.handlers.storm_allocs > 0')"
		check "$trace $free: threads and handlers share a lock" true \
			"$(value '.handlers.storm_locked_steps > 0')"
		check "$trace $free: what it took it gave back" true \
			"$(value '.handlers.storm_allocs == .handlers.storm_frees')"
		check "$trace $free: a tick allocates" true "$(value '.handlers.storm_ticks ==
			.handlers.storm_allocs + .handlers.storm_failed')"
	done
done

# No room to spare: the rarer ways to a frame, and allocations that fail.
replay 0 --json --parallel --irq-storm=5000 --check=3 --memory=40M "$TRACES/compile.trace.zst"
equations "short of memory"
check "short of memory: some fail" true "$(value '.failed_allocs > 0')"

if [ "$ENGINE" != pcpbuddy ]; then
	finish
	exit
fi

# Few frames on each pcp: the handlers meet the zone lock.
replay 0 --json --parallel --irq-storm=5000 --high=64 --batch=16 --check=3 \
	"$TRACES/compile.trace.zst"
equations "small pcps"

# There is no deadlock to see where signals come late.
if [ "$tsan" = yes ]; then
	finish
	exit
fi

# With blocking, a thread that holds the handlers' lock waits for a pcp lock whose holder was
# interrupted by a handler that waits for the handlers' lock. Not in every run.
stuck=0
for _ in 1 2 3 4 5 6 7 8 9 10; do
	status=0
	"$ROOST" replay --engine=pcpbuddy --json --parallel --irq-storm=20000 --free=blocking --stall=3 \
		"$TRACES/compile.trace.zst" >"$work/out" 2>"$work/err" || status=$?
	[ "$(value .stuck)" = true ] && stuck=1 && break
done
check "blocking gets stuck" 1 "$stuck"
check "status of a replay that is stuck" 1 "$status"
check "it says so" '[false,1]' "$(value '[.verified, (.findings | length)]')"
check "and where" true "$([ "$(grep -c 'CPU [0-9]* is in step' "$work/err")" -ge 1 ] && echo true)"

finish
