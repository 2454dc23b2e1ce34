# SPDX-License-Identifier: MIT
# scenario.sh - `roost explore`: what makes no sense in a scenario is said with its line; files.
. "$(dirname "$0")/common.sh"

scenario=$work/x.scn
explore=("$ROOST" explore --engine="$ENGINE" --pct=5 --jobs=1 --save="$work")

# explore WANTED_STATUS: the scenario.
explore() {
	run "$1" "${explore[@]}" "$scenario"
}

# wrong PATTERN LINES: a scenario with these lines after its first two, of which the first has the fault.
wrong() {
	printf 'pool cpus 2, pageblocks 2\nexpect all: pass\n%s\n' "$2" >"$scenario"
	explore 2
	refused "^roost: $scenario:3: $1" "a scenario with: $2"
}

# right LINES
right() {
	printf 'pool cpus 2, pageblocks 2\nexpect all: pass\n%s\n' "$1" >"$scenario"
	explore 0
}

task=$'\ntask cpu0: free k'

# ---- Names --------------------------------------------------------------------------------------

# Names beyond the parts would be frames of somebody else's.
wrong 'split: 3 names for parts of order 9, but a is a block of order 9 at most and has 1' \
	'task cpu0: a = alloc 9; split a 9 b c d'
wrong 'split: 3 names for parts of order 0, but a is a block of order 1 at most and has 2' \
	'task cpu0: a = alloc 1; split a 0 b c d'
wrong 'split: 2 names for parts of order 1, but b is a block of order 1' \
	'task cpu0: a = alloc 3; split a 1 b c; split b 1 d e'
wrong 'split: a is a block of order 1 at most, so it has no part of order 2' \
	'task cpu0: a = alloc 1; split a 2 b'
wrong 'split: 5 names for parts of order 0, but a is' \
	$'task cpu1: wait a; split a 0 b c d e f\ntask cpu0: a = alloc 2'
wrong 'the names of the parts are missing' 'task cpu0: a = alloc 1; split a 0'
wrong 'b is there twice' 'task cpu0: a = alloc 1; split a 0 b b'
wrong 'a is there twice' 'task cpu0: a a = alloc-bulk 0'
wrong 'no block of order 3 begins at frame 4' 'task cpu0: a = take 4 3'
wrong 'alloc, alloc-n, take, add and remove give one block' 'task cpu0: a b = take 8 3'
wrong 'no block of order 9 begins at frame 100' 'task cpu0: a = add 100 9'
wrong 'say which variable gets it' 'task cpu0: remove 0 9'
wrong 'say which variable gets it' 'task cpu0: take 8 3'
wrong 'a is there twice' $'finally cpu0: assert one-of a a\ntask cpu0: a = alloc 0'
wrong 'nothing gives b a value' 'task cpu0: a = alloc 0; free b'
wrong 'nothing gives b a value' 'task cpu0: split b 0 c d'
wrong "there can be 16 variables" 'task cpu0: a b c d e f g h = alloc-bulk 0; i j k l m n o p = alloc-bulk 0; q = alloc 0'
wrong 'a word has 23 characters at most: "abcdefghijklmnopqrstuvw" is longer' \
	'task cpu0: abcdefghijklmnopqrstuvwxyz = alloc 0'
wrong "';' should stand before" 'task cpu0: a = alloc 0; wait a b'
wrong "';' should stand before" 'task cpu0: a b = alloc-bulk 0; isolate a b'
# Fewer names than parts, the first part under the old name, a double free: all that may be wanted.
right $'setup cpu0: a = alloc 3; split a 0 b c\ntask cpu0: free b\ntask cpu1: free c'
right $'setup cpu0: a = alloc 1; split a 0 a b\ntask cpu0: free a\ntask cpu1: free b'
right $'misuse double-free 1\ntask cpu0: a = alloc 0; free a a'
# Of two blocks only one has that many parts: names of parts that are not there are none.
right $'setup cpu0: a = alloc 3; free a; a = alloc 0; split a 0 b c\ntask cpu0: free b c\nfinally cpu0: assert none c'

# ---- Places -------------------------------------------------------------------------------------

wrong 'fill is for setup only' 'task cpu0: fill 3'
for statement in 'lock l' 'lock-irqsave l' 'unlock l' irq-off irq-on 'wait k' 'slab-free k l'; do
	wrong "${statement%% *} is for tasks and handlers only" "setup cpu0: k = alloc 0; $statement$task"
	wrong "${statement%% *} is for tasks and handlers only" "finally cpu0: k = alloc 0; $statement$task"
done
wrong 'there is a line "pool" already' "pool cpus 1$task"
printf 'pool cpus 2\nexpect all: pass\nmisuse double-free 1\nmisuse double-free 2\n' >"$scenario"
explore 2
refused 'x.scn:4: double-free is there already' "a misuse that is there twice"
# Nobody would do what comes after "stop".
printf 'pool cpus 2\nexpect all: pass\nstop cpu1\n  k = alloc 0\ntask cpu0: free k\n' >"$scenario"
explore 2
refused 'x.scn:4: a line begins with' "a stop that goes on"
# A line is read to its end, whatever is in it.
printf 'pool cpus 2\nexpect all: pass\ntask cpu0: a = alloc 0;\0 free k\n' >"$scenario"
explore 2
refused 'x.scn:3: a zero byte' "a zero byte"
printf 'pool cpus 2\nexpect all: pass\ntask cpu0: a = alloc 0;\r free k\n' >"$scenario"
explore 2
refused 'x.scn:3: nothing gives k a value' "a carriage return in a line"
printf 'pool cpus 2\r\nexpect all: pass\r\ntask cpu0: a = alloc 0; free a' >"$scenario"
explore 0
wrong 'there is no operation "": ' $'task cpu0: \e[31m\xe4'
wrong 'the name of a variable should stand before ".x1b.31m.xe4"' $'task cpu0: a = alloc 0; free a \e[31m\xe4'

# ---- CPUs without a task ------------------------------------------------------------------------

# An interrupt, or an NMI, of an idle CPU comes at any moment; nobody else need do anything.
right $'task cpu0: a = alloc 0; free a\nhardirq cpu1: b = alloc 0'
right $'nmi cpu1: b = alloc 0; free-nolock b'
right $'task cpu0: a = alloc 0\nsoftirq cpu1: b = alloc 0\nhardirq cpu1: wait a; free a\nnmi cpu1: d = alloc 0'
right $'hardirq cpu0: a = alloc 0\nhardirq cpu1: b = alloc 0\nstop cpu1'
# As many handlers as there can be, and the idle tasks of all CPUs beside them.
many=
for cpu in 0 1 2 3; do many+=$'\n'"hardirq cpu$cpu: a = alloc 0"$'\n'"softirq cpu$cpu: b = alloc 0"$'\n'"nmi cpu$cpu: c = alloc 0"; done
printf 'pool cpus 4, pageblocks 4\nexpect all: pass%s\n' "$many" >"$scenario"
explore 0
printf 'pool cpus 4, pageblocks 4\nexpect all: pass%s\nnmi cpu0: d = alloc 0\n' "$many" >"$scenario"
explore 2
refused 'x.scn:15: there can be 12 tasks and handlers at most' "13 handlers"

# ---- Several tasks on a CPU ---------------------------------------------------------------------

two=$'task cpu0: a = alloc 0; free a\ntask cpu0: b = alloc 0; free b'
right "machine preempt"$'\n'"$two"
right "machine preempt, migrate"$'\n'"$two"$'\nhardirq cpu1: c = alloc 0'
wrong '"now" is no mode of the machine: preempt, migrate, rt' "machine now$task"
wrong '"" is no mode of the machine' "machine$task"
wrong 'preempt is there twice' "machine preempt, preempt$task"
wrong 'migrate needs preempt' "machine migrate$task"
wrong 'rt needs preempt' "machine migrate, rt$task"
# twice_wrong PATTERN LINES: the same of the second of the lines.
twice_wrong() {
	printf 'pool cpus 2, pageblocks 2\nexpect all: pass\n%s\n' "$2" >"$scenario"
	explore 2
	refused "^roost: $scenario:4: $1" "a scenario with: $2"
}
twice_wrong 'CPU 0 has a task already; .* write "machine preempt" before it' "$two"
twice_wrong 'there is a line "machine" already' $'machine preempt\nmachine preempt\n'"$two"
twice_wrong '"machine" comes before the first task' $'task cpu0: a = alloc 0\nmachine preempt'
twice_wrong 'a machine that preempts has no CPUs that stop' $'machine preempt\nstop cpu1\n'"$two"
printf 'pool cpus 1, pageblocks 2\nexpect all: pass\nmachine preempt, migrate\n%s\n' "$two" >"$scenario"
explore 2
refused '^roost: .*x.scn:3: migrate needs a second CPU' "a move from the only CPU"
sed 's/, migrate//' "$scenario" >"$work/one.scn"
run 2 "$ROOST-explore-$ENGINE-up" "$work/one.scn"
refused '^roost: .*one.scn:3: .*uniprocessor builds' "preemption of a uniprocessor build"
many_tasks=
for _ in 1 2 3 4 5 6 7 8; do many_tasks+=$'\n''task cpu0: a = alloc 0'; done
wrong '8 tasks and handlers are too many for this machine on 2 CPUs' "machine preempt, migrate$many_tasks"
right "machine preempt$(echo "$many_tasks" | head -n 4)"
# On PREEMPT_RT a lock sleeps, so it is not for NMIs, nor with interrupts off; lock-irqsave leaves them on.
rt=$'machine preempt, rt\n'
right "$rt"$'hardirq cpu0: lock-irqsave L; a = alloc 0; unlock-irqrestore L\ntask cpu0: lock L; b = alloc 0; unlock L'
for there in 'nmi cpu0: lock L; unlock L:in an NMI' 'task cpu0: irq-off; lock L; unlock L; irq-on:with interrupts off'; do
	printf 'pool cpus 2, pageblocks 2\nexpect all: lock sleep\n%s%s\n' "$rt" "${there%:*}" >"$scenario"
	explore 0
	run 1 "${explore[@]}" --free="$ENGINE" "$scenario"
	check "a lock that sleeps ${there##*:}" 1 "$(grep -c " takes L, for which it may sleep, ${there##*:}$" "$work/out")"
	rm "$work/x-$ENGINE.sched"
done
# A task that waits for its turn cannot have it while the other one spins with preemption disabled.
printf 'pool cpus 2, pageblocks 1\nexpect all: pass\nmachine preempt\ntask cpu0: a = alloc 0\ntask cpu0: lock L;\n wait a; unlock L\n' >"$scenario"
run 1 "${explore[@]}" --json "$scenario"
check "a task that is kept off its CPU" '["livelock ",["task cpu0 preempted task cpu0/2","task cpu0/2 acquired L","task cpu0/2 stuck null"]]' \
	"$(value '.results[0] | [.outcome, [.places[] | "\(.context) \(.does) \(.what)"]]')"
rm "$work/x-$ENGINE.sched"

# ---- Calls that may sleep -----------------------------------------------------------------------

# never_here LINES: they are found to sleep where that is wrong, though there is no need to sleep.
never_here() {
	printf 'pool cpus 2, pageblocks 2\nexpect all: lock sleep\nsetup cpu0: k = alloc 0\n%s\n' "$1" >"$scenario"
	explore 0
}

never_here 'task cpu0: lock l; a = alloc 0 wait; unlock l'
never_here 'task cpu0: lock-irqsave l; a b = alloc-bulk 0 wait; unlock-irqrestore l'
never_here 'task cpu0: irq-off; a = alloc-n 3 wait; irq-on'
never_here $'task cpu0: free k\nhardirq cpu0: a = alloc 0 wait'
never_here 'softirq cpu1: a = alloc 0 wait'
never_here 'nmi cpu1: drain all'
for call in 'drain cpu0' 'offline cpu1' 'online cpu1' 'isolate k' 'unisolate k'; do
	never_here "task cpu0: lock l; $call; unlock l"
done
right $'setup cpu0: k = alloc 0\ntask cpu0: lock l; a = alloc 0; free a; unlock l; b = alloc 0 wait; drain all'
right $'task cpu0: lock l; wait k; unlock l\ntask cpu1: k = alloc 0 wait'

# ---- Setups, and scenarios of other engines -------------------------------------------------------

printf 'pool cpus 1, pageblocks 1\nexpect all: pass\ntask cpu0: a = alloc 0; free a\n' >"$work/fine.scn"
printf 'pool cpus 1, pageblocks 1\nexpect all: assert\nsetup cpu0: k = alloc 0; assert none k\ntask cpu0: free k\n' >"$scenario"
run 1 "${explore[@]}" "$scenario" "$work/fine.scn"
check "a setup that fails is never as expected, and the rest goes on" '1 1 1' \
	"$(grep -c '^x .* setup: assert .*NOT AS EXPECTED' "$work/out") $(grep -c '^fine .* pass' "$work/out") $(grep -c '^2 explored, 1 not as expected' "$work/out")"
check "what failed in the setup" 1 "$(grep -c '^setup: "assert none k" does not hold (line 3)' "$work/out")"
printf 'pool cpus 1, pageblocks 1, reserve 5000\nexpect all: pass\ntask cpu0: a = alloc 0\n' >"$scenario"
run 2 "${explore[@]}" "$scenario" "$work/fine.scn"
check "a pool that is refused, and the rest goes on" '1 1 1' \
	"$(grep -c '^roost: .*x.scn: pool: ' "$work/err") $(grep -c '^fine .* pass' "$work/out") $(grep -c '^1 of them not run' "$work/out")"
run 2 "${explore[@]}" --json "$scenario" "$work/fine.scn"
check "the same in JSON" '["refused","pass"]' "$(value '[.results[].outcome]')"
printf 'pool cpus 1, pageblocks 1\nexpect trylock: pass\ntask cpu0: a = alloc 0\n' >"$work/other.scn"
run 0 "${explore[@]}" "$work/other.scn" "$work/fine.scn"
check "a scenario of another engine" 1 "$(grep -c "^1 passed over, which expects nothing of the engine $ENGINE: other$" "$work/out")"
run 0 "${explore[@]}" --json "$work/other.scn" "$work/fine.scn"
check "the same in JSON" '[1,["other"]]' "$(value '[(.results | length), .passed_over]')"

# ---- What some execution must do ------------------------------------------------------------------

# reach WANTED OUTCOME LINES: with the first of two CPUs, and what may meet there.
reach() {
	printf 'pool cpus 2, pageblocks 2\nexpect all: pass\n%s\nsetup cpu0: k = alloc 0\ntask cpu0: lock-irqsave L; a = alloc 0; unlock-irqrestore L\ntask cpu1: lock L; unlock L\nnmi cpu0: free-nolock k\n' \
		"$3" >"$scenario"
	run "$1" "$ROOST" explore --engine="$ENGINE" --executions=500 --jobs=1 --save="$work" "$scenario"
	check "reached: $3" 1 "$(grep -c "^x  *$ENGINE  *$2 " "$work/out")"
}

reach 0 pass 'reach L lock busy'
reach 0 pass 'reach L lock waited in task'
reach 0 pass 'reach L lock taken # by both'
reach 0 pass 'reach L lock interrupted in nmi'
reach 0 pass 'reach alloc_pcp'
reach 0 pass 'reach roost_free_nolock() in nmi'
reach 0 pass $'reach roost_alloc() in task\nreach L lock busy'
reach 3 vacuous 'reach L lock busy in nmi'
check "what was not reached" 1 "$(grep -c '^x: free path .*: vacuous: no execution.* reached: L lock busy in nmi (line 3)$' "$work/out")"
check "the summary" 1 "$(grep -c '^1 vacuous: ' "$work/out")"
reach 3 vacuous $'reach L lock busy\nreach fail_wait'
reach 3 vacuous 'reach roost_alloc() in handler'
# What another engine has, or another path, is not asked of this one.
reach 0 pass $'reach over high\nreach free_fallback\nreach zone lock busy\nreach pcp1 lock taken'
reach 0 pass 'reach trylock, llist: fail_wait'
# A finding is more than that nothing was reached, and says so by the exit status.
reach 3 vacuous 'reach fail_wait'
printf 'pool cpus 1, pageblocks 1\nexpect all: pass\ntask cpu0: a = alloc 0; free a a\n' >"$work/twice.scn"
mkdir "$work/twice"
run 1 "$ROOST" explore --engine="$ENGINE" --pct=20 --jobs=1 --save="$work/twice" "$scenario" "$work/twice.scn"
wrong '"frees" is nothing that can be reached' $'reach frees\ntask cpu0: a = alloc 0'
wrong 'no lock is called M' $'reach M lock busy\ntask cpu0: lock L; unlock L'
wrong 'a lock is busy, taken, waited, interrupted or preempted, not "lost"' $'reach L lock lost\ntask cpu0: lock L; unlock L'
wrong '"in" task, softirq, hardirq, nmi or handler, not "cpu0"' $'reach alloc_pcp in cpu0\ntask cpu0: a = alloc 0'
wrong "')' should stand before" $'reach roost_alloc(\ntask cpu0: a = alloc 0'
# Without a line "reach" the report says what was done, and what is suspicious.
reach 0 pass '# nothing'
# The list is as long as it is: it goes on in the next lines.
check "functions of a context" 1 "$(sed -n '/^  nmi cpu0 .*functions:/,/counters:/p' "$work/out" | grep -qw roost_free_nolock && echo 1)"
printf 'pool cpus 2, pageblocks 2\nexpect all: pass\nsetup cpu0: k = alloc 0\ntask cpu0: lock L; unlock L; a = alloc 0\ntask cpu1: wait a; lock L; unlock L\n' >"$scenario"
run 0 "$ROOST" explore --engine="$ENGINE" --executions=500 --jobs=1 "$scenario"
check "a lock that nobody waits for" 1 "$(grep -c '^x .*: warning: nobody ever waited for L$' "$work/out")"
run 0 "$ROOST" explore --engine="$ENGINE" --json --executions=500 --jobs=1 "$scenario"
check "the same in JSON" '["nobody ever waited for L","task cpu0",true]' \
	"$(value '.results[0] | [.warning, .contexts[0].name, (.contexts[0].functions | any(. == "roost_alloc"))]')"

# ---- Places -------------------------------------------------------------------------------------

# A deadlock: what each party holds and waits for, and the statements that acquired it and wait. The handler
# comes while the task holds M; what it holds besides is named, too.
printf 'pool cpus 2, pageblocks 1\nexpect all: pass\ntask cpu0: lock K; lock L; unlock K;\n lock M; unlock M; unlock L\ntask cpu1: lock N; lock M; lock L; unlock L; unlock M; unlock N\n' \
	>"$scenario"
parties='[["task cpu0","acquired","L","lock L","x.scn",3],["task cpu0","waits","M","lock M","x.scn",4],["task cpu1","acquired","N","lock N","x.scn",5],["task cpu1","acquired","M","lock M","x.scn",5],["task cpu1","waits","L","lock L","x.scn",5]]'
places='[.results[0].places[] | [.context, .does, .what, (.calls[] | .name, .file, .line)]]'
run 1 "${explore[@]}" --json "$scenario"
check "the places of a deadlock" "$parties" "$(value "$places | sort_by(.[0])")"
run 1 "${explore[@]}" --json --replay "$work/x-$ENGINE.sched"
check "the same of a replay" "$parties true" "$(value "$places | sort_by(.[0])") $(value '.results[0].outcome == "deadlock L M"')"
run 1 "${explore[@]}" --replay "$work/x-$ENGINE.sched"
check "the same in words" 'task cpu1 waits for L: lock L x.scn:5' \
	"$(grep -A1 '^task cpu1 waits for L:$' "$work/out" | tr -s ' \n' ' ' | sed 's/ $//')"
# lockdep's rule, of which no execution need fail: where L is waited for and M under it, and where M is held
# with interrupts on.
printf 'pool cpus 2, pageblocks 1\nexpect all: pass\nhardirq cpu0: lock L; lock M; unlock M; unlock L\ntask cpu1: lock M;\n a = alloc 0; unlock M\n' \
	>"$scenario"
run 1 "${explore[@]}" --json "$scenario"
check "the places of an inversion" \
	'["lock inversion",[["hardirq cpu0","waits","L","lock L","x.scn",3],["hardirq cpu0","acquired","L","lock L","x.scn",3],["hardirq cpu0","waits","M","lock M","x.scn",3],["task cpu1","interruptible","M","lock M","x.scn",4]]]' \
	"$(value "[.results[0].outcome, $places]")"

# A step that fails: the calls that the context is in there, and none that it has left.
printf 'pool cpus 1, pageblocks 1\nexpect all: pass\ntask cpu0: a = alloc 3; b = alloc 0 wait; free b;\n free a a\n' >"$scenario"
run 1 "${explore[@]}" --json "$scenario"
check "the place of misuse" '["fails","roost_free","free a a",true,4,1]' \
	"$(value '.results[0].places[0] | [.does, .calls[-2].name, .calls[-1].name, .calls[-1].statement, .calls[-1].line, ([.calls[] | select(.statement)] | length)]')"

# line_of INDEX OF_CALL: the line of the source that a place of the last run names.
line_of() {
	local file line
	read -r file line < <(jq -r ".results[0].places[$1].calls[$2] | \"\(.file) \(.line)\"" "$work/out")
	sed -n "${line}p" "$here/../../$file"
}

# In the engine: the chain of calls from the statement on. Its lines are those that the compiler left, if it did.
debug=$(readelf -S "$ROOST-explore-pcpbuddy" | grep -c '[.]debug_info')
mkdir "$work/seed"
deadlock=("$ROOST" explore --engine=pcpbuddy --jobs=1 --pct=1000 --free=blocking --save="$work/seed" --json)
for again in "$here/../../lab/scenarios/seed-single.scn" "--replay=$work/seed/seed-single-blocking.sched"; do
	run 1 "${deadlock[@]}" "$again"
	check "what each party does in the seed's deadlock" \
		'["task cpu1 acquired xa_lock","task cpu1 waits pcp0","task cpu0 acquired pcp0","task cpu0 interrupted hardirq cpu0","hardirq cpu0 waits xa_lock"]' \
		"$(value '[.results[0].places[] | "\(.context) \(.does) \(.what)"]')"
	check "the call that waits" '["roost_free","free a",true,"seed-single.scn"]' \
		"$(value '.results[0].places[1].calls[-2:] | [.[0].name, .[1].name, .[1].statement, .[1].file]')"
	if [ "$debug" = 1 ] && [ "$(value '.results[0].no_lines')" != '"roost was built without libdw (Debian: libdw-dev)"' ]; then
		check "all lines are known" null "$(value '.results[0].no_lines')"
		check "the try that acquired the lock, inlined" "$(printf 'rst_cas32_acq\nrst_try')" \
			"$(value '[.results[0].places[2].calls[].name] | .[0], (.[] | select(. == "rst_try"))' | tr -d '"')"
		check "the line where the function that it is inlined in calls it" 1 \
			"$(line_of 2 "$(value '[.results[0].places[2].calls[].name] | index("rst_try") + 1')" | grep -c 'rst_try(')"
		check "the line that waits" 1 \
			"$(line_of 1 "$(value '[.results[0].places[1].calls[].name] | index("lock_pcp")')" | grep -c 'rst_wait_wrongly(')"
	fi
done
# Without what the compiler left for debuggers, and without any symbols.
for strip in --strip-debug --strip-all; do
	strip $strip -o "$work/stripped" "$ROOST-explore-pcpbuddy"
	run 1 "$work/stripped" --jobs=1 --pct=1000 --free=blocking --save="$work/seed" "$here/../../lab/scenarios/seed-single.scn"
	check "$strip: it says what is missing" 1 "$(grep -c '^(no files and lines: ' "$work/out")"
	wanted='^    roost_free()$'
	[ $strip = --strip-debug ] || wanted='^    0x[0-9a-f]*$'
	check "$strip: the function, or its address" 1 "$(sed -n '/^task cpu1 waits for pcp0:/,/^$/p' "$work/out" | grep -c "$wanted" | sed 's/[2-9]/1/')"
	check "$strip: the statement" 1 "$(grep -c '^    lock xa_lock  *seed-single.scn:[0-9]*$' "$work/out")"
done
rm "$work/x-$ENGINE.sched"

# ---- Files --------------------------------------------------------------------------------------

: >"$work/empty.scn"
mkdir "$work/dir"
for file in "$work/none.scn:No such file" "$work/dir:Is a directory" "$work/empty.scn::1: nobody does anything"; do
	run 2 "${explore[@]}" "${file%%:*}"
	refused "^roost: ${file%%:*}.*${file#*:}" "explore ${file%%:*}"
	run 2 "${explore[@]}" --replay "${file%%:*}"
	case $file in
	*empty*) refused "names no scenario: not a saved schedule" "explore --replay ${file%%:*}" ;;
	*) refused "^roost: ${file%%:*}: cannot read: ${file#*:}" "explore --replay ${file%%:*}" ;;
	esac
done
run 2 "${explore[@]}"
refused 'which scenario' 'explore'
for option in --bogus=x --seconds=soon --seconds=-1 --bound=128 --jobs=0 --engine=x --free=never; do
	run 2 "$ROOST-explore-$ENGINE" $option "$scenario"
	refused "^roost: ${option%%=*}" "explore $option"
done
for way in /dev/full closed; do
	right $'task cpu0: a = alloc 0; free a'
	status=0
	if [ $way = closed ]; then
		"${explore[@]}" "$scenario" >&- 2>"$work/err" || status=$?
	else
		"${explore[@]}" "$scenario" >$way 2>"$work/err" || status=$?
	fi
	check "stdout is $way" '2 1' "$status $(grep -c '^roost: cannot write to stdout' "$work/err")"
done

# ---- Finds: their schedules, and names of any bytes -----------------------------------------------

find=$'pool cpus 1, pageblocks 1\nexpect all: pass\ntask cpu0: a = alloc 0; free a a'
name=$'Gr\xc3\xbc\e[2J\xe4'
printf '# a title\e[31m \xe4\n%s\n' "$find" >"$work/$name.scn"
run 1 "${explore[@]}" --json "$work/$name.scn"
check "names in JSON" '["Grü\\x1b[2J\\xe4",true]' "$(value '[.results[0].scenario, (.results[0].schedule | endswith(".sched"))]')"
saved=$(ls "$work" | grep -a 'sched$')
run 1 "${explore[@]}" "$work/$name.scn"
check "nothing else" "$saved" "$(ls "$work" | grep -a 'sched$')"
check "names in a report" yes "$(grep -q '^Grü.x1b.2J.xe4: free path' "$work/out" && echo yes)"
check "no control characters" 0 "$(tr -d '\n' <"$work/out" | grep -ac '[[:cntrl:]]')"
check "the title" 1 "$(grep -c '^a title.x1b.31m .xe4$' "$work/out")"
printf '%s\n' "$find" >"$scenario"
run 1 "${explore[@]}" --replay "$work/$saved"
check "the schedule repeats" 1 "$(grep -c 'misuse double free' "$work/out" | sed 's/[2-9]/1/')"
# From wherever it is started; with another file of the same scenario; and if both have moved.
(cd "$work" && mkdir a b && mv x.scn a/ && cd a && "${explore[@]}" --save=../b "x.scn") >"$work/out" 2>"$work/err"
(cd "$work/dir" && "${explore[@]}" --replay "../b/x-$ENGINE.sched") >"$work/out" 2>"$work/err"
check "a replay in another folder" "1" "$(grep -c '^x: free path' "$work/out")"
cp "$work/a/x.scn" "$work/y.scn"
run 1 "${explore[@]}" --replay "$work/b/x-$ENGINE.sched" "$work/y.scn"
check "a replay with a scenario that is named" 1 "$(grep -c '^y: free path' "$work/out")"
mv "$work/a/x.scn" "$work/b/"
run 1 "${explore[@]}" --replay "$work/b/x-$ENGINE.sched"
rm "$work/b/x.scn"
run 2 "${explore[@]}" --replay "$work/b/x-$ENGINE.sched"
refused "its scenario $work/a/x.scn is not there" "a replay without its scenario"
# The step that fails makes no access after the one that others notice, and another task could go on.
printf 'pool cpus 2, pageblocks 1\nexpect all: pass\ntask cpu0: a = alloc 0; b = alloc 0\ntask cpu1: assert got a\n' >"$scenario"
run 1 "$ROOST" explore --engine="$ENGINE" --bound=0 --jobs=1 --save="$work" "$scenario"
check "it is printed, and saved" "1 1" "$(grep -c '^([0-9]* turns; saved, replay' "$work/out") $(ls "$work" | grep -c "^x-$ENGINE.sched")"
rm -f "$work/x-$ENGINE.sched"
# A message is whole, however long it is.
variable=$(printf 'v%022d' 1)
printf 'pool cpus 2, pageblocks 1\nexpect all: pass\ntask cpu0: %s = alloc 0; b c d e f g = alloc-bulk 0\ntask cpu1: assert got %s b c d e f g\n' \
	"$variable" "$variable" >"$scenario"
run 1 "$ROOST" explore --engine="$ENGINE" --bound=0 --jobs=1 --save="$work" "$scenario"
check "its message in the column" 1 \
	"$(sed -n '/^CPU0/,/^$/p' "$work/out" | tr -s ' \n' ' ' | grep -c "[*][*][*] task cpu1: \"assert got $variable b c d e f g\" does not hold (line 4)")"
sed -n '/^CPU0/,/turns/p' "$work/out" | sed '$d' >"$work/wanted"
run 1 "$ROOST" explore --engine="$ENGINE" --replay "$work/x-$ENGINE.sched"
check "it repeats to the letter" "" "$(sed -n '/^CPU0/,/turns/p' "$work/out" | sed '$d' | diff "$work/wanted" - | head -n 5)"
# A long name, in a folder with a long name.
folder=$work/$(printf '%0200d' 0)
mkdir "$folder"
long=$(printf '%0200d' 1)
printf '%s\n' "$find" >"$folder/$long.scn"
run 1 "${explore[@]}" --save="$folder" "$folder/$long.scn"
check "its schedule is there" 1 "$(ls "$folder" | grep -c "^$long-.*sched\$")"
run 1 "${explore[@]}" --replay "$folder/$long"-*.sched
run 1 "${explore[@]}" --save=/nowhere "$folder/$long.scn"
check "a schedule that cannot be saved" 1 "$(grep -c '^roost: --save=/nowhere/.*: cannot write: No such file' "$work/err")"
check "nothing is left" 2 "$(ls -A "$folder" | wc -l)"

finish
