# SPDX-License-Identifier: MIT
# scale.sh - how many cache lines operations of the engines move between CPUs (modelled, so exact), and the command
# line of `roost scale`. COUNTED_SO is a peer whose accesses are known, and UNCOUNTED_SO the same, not
# instrumented.
. "$(dirname "$0")/../common/checks.sh"

# scale WANTED_STATUS ARGUMENTS...
scale() {
	local wanted=$1
	shift
	run "$wanted" "$ROOST" scale "$@"
}

# most KIND COUNTS: the largest number of these counts for each operation, over all cases and peers.
most() {
	jq -r "[.cases[].peers[] | .$1 | ($2) / .ops] | max" "$work/out"
}

# cases: those that were counted, peers and numbers of CPUs.
cases() {
	jq -r '[.cases[].peers[] | select(.alloc.ops > 0 and .free.ops > 0)] | length' "$work/out"
}

# none WHAT CASES ARGUMENTS...: no line moves.
none() {
	local what=$1 number=$2
	shift 2
	scale 0 --json "$@"
	check "$what: cases" "$number" "$(cases)"
	check "$what: lines that an allocation fetches, or others lose" 0 "$(most alloc '.fetched + .upgraded + .invalidated')"
	check "$what: lines that a free fetches, or others lose" 0 "$(most free '.fetched + .upgraded + .invalidated')"
	check "$what: compare-and-exchanges that fail, turns of loops" '0 0' \
		"$(most alloc '.failed + .turns + .sleeps + .fences') $(most free '.failed + .turns + .sleeps + .fences')"
}

# ---- Bounds -----------------------------------------------------------------------------------

none "a CPU's own frames" 18 --peers=sets,sets-no-pockets,pcpbuddy --workload=pair,bulk --cpus=2,16,64 --ops=1
none "a CPU's own frames, at random" 9 --peers=sets,sets-no-pockets,pcpbuddy --workload=random --cpus=2,16,64 --ops=64
none "a CPU's own frames, 512 CPUs" 1 --peers=sets --workload=pair --cpus=512 --ops=16
none "a CPU's own frames, 512 CPUs, at random" 1 --peers=sets --workload=random --cpus=512 --ops=16
none "2 MiB blocks on one CPU" 2 --peers=sets,pcpbuddy --workload=huge --cpus=1 --ops=16

scale 0 --json --peers=sets,sets-no-pockets --workload=remote,scatter,one-way --cpus=2,16 --ops=1024
check "frames of another CPU: cases" 12 "$(cases)"
check "a free of another CPU's frame moves at most 3 lines" true \
	"$(jq '[.cases[].peers[].free | (.fetched + .upgraded) / .ops] | max <= 3' "$work/out")"
check "and fails in no compare-and-exchange, turns in no loop" 0 "$(most free '.failed + .turns + .sleeps')"

# An allocation that fails reads what it has read before.
scale 0 --json --peers=sets,sets-no-pockets --workload=full --cpus=2,16 --ops=2
check "lines that move when an allocation fails" 0 "$(most alloc '.fetched + .upgraded')"

# ---- The model itself --------------------------------------------------------------------------

# known HOW FILTER WANTED: of the peer's counts on 64 CPUs, a for an allocation and f for a free.
known() {
	COUNTED=$1 scale 0 --json --peers=buddy --peer="$COUNTED_SO" --workload=pair --cpus=64 --ops=64
	check "a peer that is $1: $2" "$3" \
		"$(jq -c ".cases[0].peers[1] | .alloc as \$a | .free as \$f | $2" "$work/out")"
}
# A free also reads which of the three it does.
known own '[$a.ops, $a.accesses, $a.atomic, $f.accesses, $a.fetched + $f.fetched]' '[4096,4096,4096,8192,0]'
known shared '[$a.fetched, $f.accesses, $f.failed, $f.upgraded]' '[0,8192,0,0]'
known shared '$f.fetched / $f.ops > 0.9 and $f.fetched == $f.invalidated' true
known spin '$f.turns > 10 * $f.ops and $f.fetched > 10 * $f.ops' true

# One CPU has nobody to move a line to; more CPUs that wait for one lock move more.
scale 0 --json --peers=buddy --workload=bulk --cpus=1,4,16 --ops=1
check "the textbook buddy, by CPUs" true \
	"$(jq '[.cases[].peers[0].alloc | .fetched / .ops] | .[0] == 0 and .[1] > 1 and .[2] > 2 * .[1]' "$work/out")"

# A line that is on its way for long is used more than once before it goes on.
latency() {
	COUNTED=shared scale 0 --json --peers=buddy --peer="$COUNTED_SO" --workload=pair --cpus=2 --ops=4096 --latency="$1"
	jq '.cases[0].peers[1].free | .fetched / .ops' "$work/out"
}
check "lines that move if a transfer takes time" true "$(jq -n "$(latency 100) < $(latency 0) / 2")"

# counts FILE ARGUMENTS...
counts() {
	local file=$1
	shift
	scale 0 --json --peers=sets,buddy --workload=scatter,claim --cpus=8 --ops=64 "$@"
	jq -c .cases "$work/out" >"$work/$file"
}
counts one --seed=7
counts two --seed=7
counts three --seed=8
check "the same seed, the same counts" yes "$(cmp -s "$work/one" "$work/two" && echo yes)"
check "another seed, other counts" '' "$(cmp -s "$work/one" "$work/three" && echo yes)"

# ---- The report --------------------------------------------------------------------------------

scale 0 --peers=sets,buddy --workload=pair --cpus=1,2 --ops=4 --json="$work/report" --output="$work/x.svg"
check "a table" '1 4' "$(grep -c modelled "$work/out") $(grep -c '^  sets .* 0  *0 *$' "$work/out")"
check "a report beside it" '[true,2]' "$(jq -c '[.modelled, (.cases | length)]' "$work/report")"
check "a picture" yes "$(grep -q '</svg>' "$work/x.svg" && echo yes)"
check "no progress where there is no terminal" 0 "$(wc -c <"$work/err")"
scale 0 --list
check "--list" 'pair bulk random remote scatter one-way nearfull full claim huge' \
	"$(sed -n '/^Workloads/,/^Peers/s/^  \([a-z-]*\) .*/\1/p' "$work/out" | paste -sd' ')"
COUNTED=own scale 0 --json --peers=sets --peer="$UNCOUNTED_SO" --workload=pair --cpus=2 --ops=4
check "a peer that is not instrumented" 1 "$(jq -r '.cases[0].peers[1].not_counted' "$work/out" | grep -c 'fsanitize=thread')"

# refuse PATTERN ARGUMENTS...
refuse() {
	local pattern=$1
	shift
	scale 2 "$@"
	refused "$pattern" "scale $*"
}
refuse '^roost: --workload: there is no workload "never"; .*--list' --workload=pair,never
refuse '^roost: --workload: pair is named twice' --workload=pair,pair
refuse '^roost: --cpus=0: give a whole number from 1 to 512' --cpus=0
refuse '^roost: --cpus=513: give' --cpus=2,513
refuse '^roost: --cpus: 2 is named twice' --cpus=2,2
refuse '^roost: --cpus=: give' --cpus=
refuse '^roost: --ops=0: give a whole number from 1' --ops=0
refuse '^roost: --seed=x: give' --seed=x
refuse '^roost: --latency=10001: give' --latency=10001
refuse '^roost: --peers: there is no peer "never"; .*--peer=PATH.so' --peers=never
refuse '^roost: --peers: there are two peers "sets"' --peers=sets,sets
refuse '^roost: --peer=/nowhere.so: No such file' --peer=/nowhere.so
refuse '^roost: --json=/nowhere/x: cannot write' --json=/nowhere/x
refuse '^roost: --output=/nowhere/x.svg: cannot write' --output=/nowhere/x.svg
refuse '^roost: x: .*takes no argument' x
refuse '^roost: --bogus: unknown option' --bogus
refuse '^roost: --ops: a value is missing' --ops

finish
