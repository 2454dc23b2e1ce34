# SPDX-License-Identifier: MIT
# record.sh - `roost record`: a trace of this machine that replays; what is missing is named; tracing is left as it
# was. Where this may not trace, only what it says of that is checked.
# The caller may have left signals ignored, as nohup does SIGHUP, which the tool then ignores, too.
# This is always so here; then all are as a terminal leaves them.
if [ -z "${signals_are_default:-}" ]; then
	trap '' HUP
	signals_are_default=1 exec env --default-signal bash "$0" "$@"
fi
. "$(dirname "$0")/common.sh"

tracing=/sys/kernel/tracing
refuse '^roost: --duration=0: give a whole number from 1' record --duration=0
refuse '^roost: --buffer=1K: give a size from 64K to 4G' record --buffer=1K
refuse '^roost: --buffer=8: give a size' record --buffer=8
refuse '^roost: --duration=1: true says how long' record --duration=1 -- true
refuse '^roost: --output=/nowhere/x: cannot write' record -o /nowhere/x true
refuse '^roost: --output=.*: is a directory' record -o "$work" true
refuse '^roost: --bogus: unknown option' record --bogus true
accept '--buffer=SIZE' record --help

# ---- What somebody else planted ----------------------------------------------------------------

if [ "$(id -u)" = 0 ] && chown 65534 "$(mktemp -p "$work")" 2>/dev/null; then
	mkdir -m 1777 "$work/shared" "$work/shared/mine"
	mkdir "$work/kept" && echo kept >"$work/kept/file"
	for link in link:kept/file gone:kept/absent folder:kept; do
		ln -s "$work/${link#*:}" "$work/shared/${link%%:*}"
	done
	ln -s shared/link "$work/through"
	ln -s "$work/kept/file" "$work/shared/mine/link"
	mkfifo "$work/shared/pipe"
	chown -h 65534 "$work/shared/"*
	for name in shared/link shared/gone shared/folder/file shared/pipe through; do
		refuse '^roost: --output=.*: somebody else made this link or pipe' record -o "$work/$name" true
	done
	check "what it led to" 'kept file' "$(cat "$work/kept/file") $(ls "$work/kept")"
	ln -s kept/file "$work/loop1" && ln -sf loop1 "$work/loop2" && ln -sf loop2 "$work/loop1"
	refuse '^roost: --output=.*loop1: cannot write: Too many' record -o "$work/loop1" true
fi

# ---- Without what it takes ---------------------------------------------------------------------

# lacks PATTERN COMMAND...: which runs the tool where something is missing.
lacks() {
	local pattern=$1 status=0
	shift
	"$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
	check "exit status of: $*" 2 "$status"
	refused "$pattern" "$*"
	check "no trace of: $*" no "$([ -e "$work/none" ] && echo yes || echo no)"
}

# inside SCRIPT: in a mount namespace of its own, where it may break tracefs; runs "$@" of it.
inside() {
	unshare -m sh -c "$1"' && exec "$@"' sh "$ROOST" record -o "$work/none" true
}

if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null && [ -d $tracing/instances ]; then
	lacks '^roost: tracefs is not mounted; as root: mount -t tracefs' inside "umount -l $tracing"
	lacks '^roost: cannot write to .*Read-only.*record on its host$' inside "mount -o remount,bind,ro $tracing"
	lacks '^roost: the kernel has no event kmem/mm_page_alloc' inside "mount -t tmpfs none $tracing/events"
	chmod 755 "$work" && cp "$ROOST" "$work/roost" && chmod 755 "$work/roost" && mkdir -m 777 "$work/open"
	lacks '^roost: .*takes the rights of root: sudo roost record$' setpriv --reuid=65534 --regid=65534 --clear-groups \
		"$work/roost" record -o "$work/open/none" true
elif [ "$(id -u)" != 0 ]; then
	lacks '^roost: .*\(rights of root\|not mounted\|no tracefs\)' "$ROOST" record -o "$work/none" true
fi

# ---- With it -----------------------------------------------------------------------------------

if ! [ -w $tracing/instances ] || ! [ -e $tracing/events/kmem/mm_page_alloc ]; then
	echo "this machine may not be traced here: nothing is recorded"
	finish
	exit
fi

# Others may record at the same time; an instance whose process is gone is one that was left behind.
state() {
	(cd $tracing && head -n 1000 tracing_on set_event current_tracer buffer_size_kb trace_clock events/kmem/enable)
	for instance in $(ls $tracing/instances); do
		[ -e "/proc/${instance#roost-}" ] || echo "$instance"
	done
}
before=$(state)
cd "$work" || exit

# One that makes page events: a file is written and removed.
load='i=0; while [ $i -lt 20 ]; do head -c 1000000 /dev/zero >x; rm x; i=$((i + 1)); done'
for file in plain packed.zst packed.gz; do
	run 0 "$ROOST" record --buffer=32M -o $file -- sh -c "echo said; $load"
	check "stdout is the command's" said "$(cat out)"
	check "what was recorded" 1 "$(grep -c "^roost: $file: [0-9]* events in .*; try: roost replay $file\$" err)"
	recorded=$(sed -n 's/^roost: .*: \([0-9]*\) events in .*/\1/p' err)
	replay 0 --quiet --json $file
	check "$file is a trace, of the three events alone" "[true,true,0,0,{}]" \
		"$(value '[.verified, .allocs > 1000, .lost_events, .bad_lines, .passed_over]')"
	check "all of them" "$recorded" "$(value '.events + .batched + .failed_in_trace')"
done
check "how it was recorded" 1 "$(head -n 1 plain | grep -c ', [0-9]* CPUs, clock global, 32768 KiB for each$')"
run 0 "$ROOST" record --quiet -o clock sh -c "cat $tracing/instances/roost-*/trace_clock"
check "the clock of the instance" yes "$(grep -q '\[global\]' out && echo yes)"
check "packed" '28b52ffd 1f8b' "$(head -c 4 packed.zst | od -An -tx1 | tr -d ' \n') $(head -c 2 packed.gz | od -An -tx1 | tr -d ' \n')"
run 0 "$ROOST" record --quiet sh -c 'exit 0'
check "the name of a trace that has none" 'yes 0' "$([ -s roost.trace.zst ] && echo yes) $(wc -c <err)"

# A trace has frame numbers and tasks of the whole machine: it is for its owner alone, also over a file with another mode.
umask 022
mkdir -m 1777 all
echo before >all/planted && chmod 4777 all/planted
chown 65534 all/planted
for file in new all/planted; do
	run 0 "$ROOST" record --quiet -o $file true
	check "owner and mode of $file" "600 $(id -u)" "$(stat -c '%a %u' $file)"
done
ln -s ../new all/link # of the user's own
run 0 "$ROOST" record --quiet -o all/link true
check "a link stays one" yes "$([ -L all/link ] && echo yes)"
if [ -w /dev/shm ]; then # a folder like any other, though below /dev
	shm=/dev/shm/roost-test-$$
	for old in absent 'a long text'; do
		[ "$old" = absent ] || yes "$old" | head -n 200000 >$shm
		run 0 "$ROOST" record --quiet -o $shm true
		check "a text that was there, in /dev/shm" 0 "$(grep -c "$old" $shm)"
	done
	rm -f $shm
fi
echo head >appended
"$ROOST" record --quiet -o /dev/stdout true >>appended
check "stdout, where it stands" 'head 1' "$(head -n 1 appended) $(grep -c '^# recorded by' appended)"
"$ROOST" record --quiet -o /dev/fd/7 true 7<appended 2>err
check "a descriptor that cannot be written" '2 1' "$? $(grep -c '^roost: --output=/dev/fd/7: cannot write: Bad file' err)"

# How it ends otherwise. What it leaves: the trace, and nothing of tracing.
run 1 "$ROOST" record -o failed sh -c 'exit 3'
check "a command that fails" 1 "$(grep -c '^roost: sh: its exit status is 3$' err)"
run 2 "$ROOST" record -o absent -- /nowhere/x
check "a command that is not there" '1 no' "$(grep -c '^roost: /nowhere/x: cannot run: No such' err) $([ -e absent ] && echo yes || echo no)"
run 0 "$ROOST" record -o timed --duration=1
check "after a second" 1 "$(grep -c '^roost: timed: [0-9]* events in [0-9]' err)"
for signal in INT TERM; do
	"$ROOST" record -o signalled$signal 2>err &
	pid=$!
	until ls $tracing/instances | grep -qx roost-$pid; do sleep 0.05; done
	sleep 0.2
	kill -$signal $pid
	wait $pid
	check "exit status after SIG$signal" 0 $?
	check "its trace" yes "$([ -s signalled$signal ] && echo yes)"
done
"$ROOST" record -o child sleep 60 2>err &
pid=$!
until ls $tracing/instances | grep -qx roost-$pid; do sleep 0.05; done
sleep 0.2
kill -TERM $pid
wait $pid
check "the command ends with it" '1 1' "$? $(grep -c '^roost: sleep: ended by signal 15' err)"

# until_true COMMAND...: waits until it is; a minute is more than any of them takes.
until_true() {
	local tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 1200 ] || return 1
		sleep 0.05
	done
}
has_instance() { [ -e $tracing/instances/roost-"$1" ]; }
has_none() { ! has_instance "$1"; }
has_gone() { ! grep -qs "^State:.[^Z]" "/proc/$1/status"; }
says() { grep -q "$1" "$2" 2>/dev/null; }

# What a caller left ignored, and what would end the tool without a word.
python=$(command -v python3)
if [ "$python" ]; then
	ignoring='import os,signal,sys; signal.signal(getattr(signal, sys.argv[1]), signal.SIG_IGN); os.execvp(sys.argv[2], sys.argv[2:])'
	status=0
	timeout -s KILL 60 "$python" -c "$ignoring" SIGCHLD "$ROOST" record -o ignored sh -c 'exit 3' 2>err || status=$?
	check "a command that fails, with SIGCHLD ignored" '1 1' "$status $(grep -c '^roost: sh: its exit status is 3$' err)"
	"$python" -c "$ignoring" SIGHUP "$ROOST" record -o nohup sh -c 'echo >log; while [ ! -e go ]; do sleep 0.05; done' 2>err &
	pid=$!
	until_true test -s log
	kill -HUP $pid
	sleep 0.5
	check "nohup: it goes on" yes "$(has_instance $pid && echo yes)"
	touch go
	wait $pid
	check "nohup: SIGHUP does not end it" '0 1' "$? $(grep -c '^roost: nohup: ' err)"
	rm -f log
fi
for signal in QUIT HUP USR1 ALRM; do
	"$ROOST" record -o signalled$signal 2>err &
	pid=$!
	until_true has_instance $pid
	until_true grep -qx 1 $tracing/instances/roost-$pid/tracing_on
	kill -$signal $pid
	wait $pid
	check "after SIG$signal: exit status, trace, and half of one" '0 yes 0' \
		"$? $([ -s signalled$signal ] && echo yes) $(find . -name '.roost*' | wc -l)"
done
(ulimit -f 1 && exec "$ROOST" record -o large -- sh -c "trap 'exit 0' TERM; $load; while :; do sleep 0.05; done") 2>err
check "a file that is too large ends the command, too" '2 1 0' \
	"$? $(grep -c '^roost: --output=large: cannot write: File too large' err) $(find . -name '.roost*' | wc -l)"
"$ROOST" record -o /dev/stdout --duration=60 2>err | true
check "a pipe without a reader" '2 1' "${PIPESTATUS[0]} $(grep -c '^roost: --output=/dev/stdout: cannot write: Broken pipe' err)"
run 0 "$ROOST" record -o defaults sh -c 'sed -n "s/^SigIgn:.*\(.\{7\}\)$/\1/p" /proc/self/status'
check "what the command ignores" "$(sed -n 's/^SigIgn:.*\(.\{7\}\)$/\1/p' /proc/self/status)" "$(cat out)"

# A command that catches what ends the tool: tracing ends, each signal goes on, and the last one ends both.
stubborn='trap "echo INT >>log" INT; trap "echo HUP >>log" HUP; trap "exit 5" TERM; echo begun >log; while :; do sleep 0.05; done'
rm -f log
"$ROOST" record -o stubborn -- env --default-signal=INT sh -c "$stubborn" 2>err &
pid=$!
until_true says begun log
kill -INT $pid
until_true says INT log
until_true has_none $pid
check "no instance while it waits for the command" yes "$(has_none $pid && ! has_gone $pid && echo yes)"
kill -HUP $pid
until_true says HUP log
kill -TERM $pid
wait $pid
check "a command that ends at the third signal" '1 1' "$? $(grep -c '^roost: sh: its exit status is 5$\|^roost: env: its exit status is 5$' err)"
check "each signal comes once" 'begun INT HUP' "$(paste -sd' ' log)"

# From the terminal the command has it already.
if [ "$python" ]; then
	rm -f log
	cat >terminal.py <<'EOF_PY'
import os, pty, sys, time
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
for i in range(1200):
    if os.path.exists("log") and "begun" in open("log").read():
        break
    time.sleep(0.05)
os.write(terminal, b"\x03")
while True:
    try:
        if not os.read(terminal, 4096):
            break
    except OSError:
        break
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
EOF_PY
	count='import signal,time,os
signal.signal(signal.SIGINT, lambda *a: os.write(3, b"INT\n"))
os.write(3, b"begun\n")
while b"INT" not in open("log", "rb").read(): time.sleep(0.05)
time.sleep(0.5)'
	"$python" terminal.py sh -c 'exec 3>>log; exec "$@"' sh "$ROOST" record -o ctrl-c -- "$python" -c "$count" >/dev/null 2>&1
	check "Ctrl-C reaches the command once" 'begun INT' "$(paste -sd' ' log)"
fi

# Pipes that nobody reads.
mkfifo unread stalled
"$ROOST" record -o unread 2>err &
pid=$!
until_true sleep 0.3
check "no instance before there is a reader" yes "$(has_none $pid && echo yes)"
kill -TERM $pid
until_true has_gone $pid
check "a signal ends it" yes "$(has_gone $pid && echo yes)"
kill -KILL $pid 2>/dev/null
wait $pid 2>/dev/null
sleep 100 <>stalled & # reads nothing
reader=$!
"$ROOST" record -o stalled -- sh -c "while :; do $load; done" 2>err &
pid=$!
until_true has_instance $pid
kill -TERM $pid
until_true has_gone $pid
check "a signal ends one that is stalled" 'yes yes' "$(has_gone $pid && echo yes) $(has_none $pid && echo yes)"
kill -KILL $pid 2>/dev/null
kill $reader
wait $pid $reader 2>/dev/null
sleep 100 <>stalled &
reader=$!
"$ROOST" record -o stalled -- sh -c "$load; $load; echo >ended" 2>err &
pid=$!
until_true test -e ended
until_true grep -qsx 0 $tracing/instances/roost-$pid/tracing_on
check "the trace stops with the command, though nobody reads" 0 "$(cat $tracing/instances/roost-$pid/tracing_on)"
sleep 2.5
cat stalled >slow &
slow=$!
wait $pid
check "a reader that comes late gets all of it" '0 1' "$? $(grep -c '^roost: stalled: [0-9]* events' err)"
kill $reader
wait $slow
replay 0 --quiet --json slow
wait $pid $reader 2>/dev/null

# Somebody has a look at the instance just when it is to be removed.
"$ROOST" record -o looked-at 2>err &
pid=$!
until_true has_instance $pid
until_true grep -qx 1 $tracing/instances/roost-$pid/tracing_on
exec 8<$tracing/instances/roost-$pid/tracing_on
kill -TERM $pid
until_true grep -qx 0 $tracing/instances/roost-$pid/tracing_on
sleep 0.2
exec 8<&-
wait $pid
check "an instance that was in use for a moment" '0 yes 0' "$? $(has_none $pid && echo yes) $(grep -c 'stays behind' err)"

# The recipe of the documentation, with another load.
sed -n '/^mkdir .*instances\/pages/,/^```/{/^```/!p}' "$TRACES/../../docs/tracing.md" |
	sed "s|/pages|/pages-$$|g; s|/tmp/pages-$$.trace|$work/recipe|; s|^make .*|$load|" >recipe.sh
check "lines of the recipe" 12 "$(wc -l <recipe.sh)"
(cd "$work" && sh recipe.sh >recipe.said 2>&1)
replay 0 --quiet --json recipe
check "a trace by the recipe" '[true,true,0,0,{}]' \
	"$(value '[.verified, .allocs > 1000, .lost_events, .bad_lines, .passed_over]')"
check "the recipe leaves no instance" no "$([ -e "$tracing/instances/pages-$$" ] && echo yes || echo no)"

# The instance: not one of somebody else's, none that a killed recording left, and none of the options of other tracing.
"$ROOST" record -o killed 2>err &
pid=$!
until_true has_instance $pid
kill -KILL $pid
wait $pid 2>/dev/null
foreign='mkdir $0/instances/roost-$$ && echo 777 >$0/instances/roost-$$/buffer_size_kb && cat $0/instances/roost-$$/buffer_size_kb >size && echo $$ >foreign && exec "$@"'
run 0 sh -c "$foreign" $tracing "$ROOST" record --quiet -o beside true
check "the instance of a recording that was killed is removed" yes "$(has_none $pid && echo yes)"
foreign=$tracing/instances/roost-$(cat foreign)
check "one of the same name stays as it is" "$(cat size)" "$(cat "$foreign/buffer_size_kb")"
rmdir "$foreign"
options=$(cat $tracing/trace_options)
trap 'for option in $options; do echo "$option" >$tracing/trace_options; done 2>/dev/null; rm -rf "$work"' EXIT
for option in raw hex bin fields verbose latency-format printk-msg-only nocontext-info noirq-info; do
	echo $option >$tracing/trace_options 2>/dev/null || continue
	run 0 "$ROOST" record --quiet -o options sh -c "$load"
	echo "$(echo "$options" | grep -x "$option\|no$option\|${option#no}")" >$tracing/trace_options
	replay 0 --quiet --json options
	check "with the option $option" '[true,true,0]' "$(value '[.verified, .allocs > 100, .bad_lines]')"
done
check "the options are as they were" "$options" "$(cat $tracing/trace_options)"

# Faults of tracefs. Where the trace could not be held, it would record with options that are not set yet.
if [ "${TRACEFS_FAULT_SO:-}" ]; then
	run 2 env LD_PRELOAD="$TRACEFS_FAULT_SO" TRACEFS_FAULT=trace_off "$ROOST" record -o held true
	check "a trace that cannot be held" '1 no' \
		"$(grep -c '^roost: cannot hold the trace: Input/output error' err) $([ -e held ] && echo yes || echo no)"
	if [ -e $tracing/per_cpu/cpu1 ]; then
		run 1 env LD_PRELOAD="$TRACEFS_FAULT_SO" TRACEFS_FAULT=gap "$ROOST" record -o gap true
		check "events lost on a CPU after one that is gone" 1 "$(grep -c '^roost: gap: 7 events were lost' err)"
		check "the kernel has no line about them, so the tool writes one" "CPU:1 [LOST 7 EVENTS]" "$(tail -n 1 gap)"
	fi
fi

# Too little room: what is lost is counted.
status=0
"$ROOST" record --buffer=64K -o lost -- sh -c "$load; $load; $load" >out 2>err || status=$?
if [ "$status" = 1 ]; then
	lost=$(sed -n 's/^roost: lost: \([0-9]*\) events were lost; give more room: --buffer=.*/\1/p' err)
	check "how many were lost" yes "$([ "${lost:-0}" -gt 0 ] && echo yes)"
	run 0 "$ROOST" replay --quiet --json lost
	check "the trace says so, too" "$lost" "$(value .lost_events)"
else
	check "nothing was lost" 0 "$status"
fi

check "tracing is as it was" "$before" "$(state)"
finish
