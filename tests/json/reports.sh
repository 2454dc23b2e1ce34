# SPDX-License-Identifier: MIT
# reports.sh - the reports of all commands in JSON, each as docs/json.schema.json says.
. "$(dirname "$0")/../common/checks.sh"
hand=$ROOT/tests/replay/hand.trace
part=$work/part.trace
zstd -q -dc "$ROOT/lab/traces/compile.trace.zst" | head -n 3000 >"$part"
"$MKDAT" <"$hand" >"$work/hand.dat"
old=$ROOT/docs/data/bench-2026-11-24.json

# report NAME WANTED_STATUS ARGUMENTS...
report() {
	local name=$1 wanted=$2
	shift 2
	run "$wanted" "$ROOST" "$@"
	mv "$work/out" "$work/$name.json"
}

for engine in sets pcpbuddy; do
	report "replay-$engine" 0 replay --quiet --json --samples --engine=$engine "$hand"
	report "map-$engine" 0 map --quiet --json --at=1,end --engine=$engine "$hand"
	# What a build with a sanitizer has no explorer for.
	if [ -e "$ROOST-explore-$engine" ]; then
		report "explore-$engine" 0 explore --json --seconds=1 --save="$work" --engine=$engine \
			"$ROOT/lab/scenarios/all-stopped-nowait.scn"
	fi
done
if [ -e "$ROOST-explore-pcpbuddy" ]; then
	report explore-finding 1 explore --json --seconds=5 --save="$work" --engine=pcpbuddy --free=blocking \
		"$ROOT/lab/scenarios/seed-single.scn"
	if [ -e "${ROOST%/*}/build.ninja" ]; then # by which one change is built
		report mutate 0 explore --json --quiet --engine=pcpbuddy --tree="$ROOT" --build-dir="${ROOST%/*}" \
			--mutate="$ROOT/lab/mutate/pcpbuddy.mutants" --only=free-waits
	fi
	report explore-replay 1 explore --json --engine=pcpbuddy --replay "$work/seed-single-blocking.sched"
fi
report replay-dat 0 replay --quiet --json --parallel --irq-storm=500 "$work/hand.dat"
report replay-aged 0 replay --quiet --json --aged=50% --memory=64M "$hand"
report replay-aged-file 0 replay --quiet --json --aged="$ROOT/tests/fuzz/corpus/aged/owner" --memory=64M "$hand"
report replay-timing 0 replay --quiet --json --timing "$part"
report compare 0 compare --quiet --json --runs=1 --memory=64M "$part"
report compare-baseline 0 compare --quiet --json --runs=6 --memory=64M --engines=zone,sets --baseline=zone \
	--build=same="$(dirname "$ROOST")" "$hand"
report compare-stepped 0 compare --quiet --json --runs=1 --memory=64M --engines=pcpbuddy/llist,zone --instructions "$hand"
report compare-peer 0 compare --quiet --json --runs=1 --memory=64M --engines=sets --peer="$EXAMPLE_SO" "$part"
report bench 0 bench --quick --json --peers=sets,mmap,buddy --size=64M --threads=1 --workload=repeat,tail
report bench-compared 0 bench --json --compare="$work/bench.json" "$work/bench.json"
run 0 "$ROOST" bench "$old"

if [ -e "$ROOST-scale" ]; then
	report scale 0 scale --json --peers=sets,buddy --workload=pair --cpus=1,2 --ops=4
fi

mkfifo "$work/in" "$work/ready"
ROOST_SERVE=$work/socket "$SERVING" "" small objects <"$work/in" >"$work/ready" 9>&- &
exec 9>"$work/in"
check "a process that serves" ready "$(head -n 1 "$work/ready")"
report pools 0 top --json "$work/socket"
report map-live 0 map --json --live="$work/socket"
exec 9>&-
wait

/usr/bin/python3 "$ROOT/tests/json/validate" "$ROOT/docs/json.schema.json" "$ROOT/docs/json.md" "$work"/*.json \
	>"$work/found" 2>&1
check "reports that are as the schema says" 0 "$?"
cat "$work/found"
finish
