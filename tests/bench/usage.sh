# SPDX-License-Identifier: MIT
# usage.sh - command lines, good and bad, and peers of anybody's.
. "$(dirname "$0")/common.sh"

bench 0 --help
check "--help" yes "$(grep -q -e '--peer=PATH.so' "$work/out" && echo yes)"
bench 0 --list --peers=sets,pcpbuddy
check "--list: workloads" 'repeat bulk batch rand order remote nearfull tail storm frag init objects' \
	"$(sed -n '/^Workloads/,/^Peers/s/^  \([a-z]\+\) .*/\1/p' "$work/out" | paste -sd' ')"
check "--list: peers" '2' "$(sed -n '/^Peers/,$p' "$work/out" | grep -c -e '^  sets ' -e '^  pcpbuddy ')"

refuse '^roost: --workload: .*"never"; .*--list' --workload=repeat,never
refuse '^roost: --workload: repeat is named twice' --workload=repeat,repeat
refuse '^roost: --size=1X: give sizes from 16M' --size=1X
refuse '^roost: --size=8M: give sizes' --size=8M
refuse '^roost: --size=17000001K: give sizes' --size=17000001K
refuse '^roost: --size=99999999999999999999G: give sizes' --size=99999999999999999999G
refuse '^roost: --size=16T: give sizes' --size=16T
refuse '^roost: --size: 64M is named twice' --size=64M,64M
refuse '^roost: --threads=0: give a whole number from 1 to 64' --threads=0
refuse '^roost: --threads=1x: give' --threads=1,1x
refuse '^roost: --threads: 2 is named twice' --threads=2,2
refuse '^roost: --rounds=0: give a whole number from 1' --rounds=0
refuse '^roost: --tries=0: give' --tries=0
refuse '^roost: --timeout=0: give' --timeout=0
refuse '^roost: --peers: .*"never"; .*--peer=PATH.so' --peers=never
refuse '^roost: --peers: there are two peers "sets"' --peers=sets,sets
refuse '^roost: --peer=/nowhere.so: No such file' --peer=/nowhere.so
refuse '^roost: --peer=.*: cannot be used: .*' --list --peer="$work/err"
refuse 'cannot be used: it was made for contract 0, .* compile it again' --list --peer="$ADAPTER_OLD_SO"
refuse '^roost: --peer: there are two peers "mine"' --peer="$ADAPTER_SO" --peer="$ADAPTER_SO"
refuse '^roost: --json=/nowhere/x: cannot write' --json=/nowhere/x
refuse '^roost: --output=/nowhere/x.svg: cannot write' --output=/nowhere/x.svg
refuse '^roost: /nowhere.json: cannot be read as JSON' /nowhere.json
refuse '^roost: --bogus: unknown option' --bogus
refuse '^roost: --size: a value is missing' --size
echo '{"format": 99, "cases": []}' >"$work/other.json"
refuse '^roost: .*other.json: is no report' "$work/other.json"
refuse '^roost: .*other.json: is no report' --compare="$work/other.json"
refuse '^roost: b: one report at a time' a b

# Fewer rounds than a verdict takes are a look, and marked as one.
bench 0 --rounds=1 --peers=mmap --workload=repeat --size=64M --threads=1 --json="$work/few"
check "few rounds are marked" '1 true' "$(grep -c '^roost bench: 1 round, .*indicative' "$work/out") $(value .indicative "$work/few")"

# ---- A peer of anybody's ---------------------------------------------------------------------

# mine MANNER FILTER WANTED [OPTIONS...]: of the one peer's entry.
mine() {
	local manner=$1 filter=$2 wanted=$3
	shift 3
	ADAPTER=$manner bench 0 --quick --peers=sets --peer="$ADAPTER_SO" --workload=repeat \
		--size=64M --threads=1 --json=- "$@"
	check "a peer that is $manner" "$wanted" \
		"$(value ".cases[0].peers[1] | .name as \$n | $filter")"
	check "sets beside a peer that is $manner" true \
		"$(value '.cases[0].peers[0].figures[0].median > 0')"
}

mine good '[$n, .not_measured, (.samples | length), .figures[0].samples, .figures[0].median > 0]' \
	'["mine",null,1,1,true]'
check "its version" '"1.2.3"' "$(value '.peers[1].version')"
mine crash .not_measured '"crashed: Aborted"'
mine hang .not_measured '"hung, or took longer than 1 seconds"' --timeout=1
mine empty .not_measured '"it has no block of order 0"'
mine none .not_measured '"it has no pool of this size and order"'
mine absent .not_measured '"it is shy"'
mine sleepy '[.samples[] | [.round, .kept, .disturbed, .off_cpu > 0.05]]' \
	'[[0,false,true,true],[0,false,true,true],[0,true,true,true]]' --tries=3
check "nothing but disturbed samples: marked" '[true,1]' \
	"$(value '.cases[0].peers[1].figures[0] | [.disturbed, .samples]')"
ADAPTER=good bench 0 --quick --peers=sets --peer="$ADAPTER_SO" --size=64M \
	--workload=batch,nearfull,storm,frag,init,objects --json=-
check "what a plain malloc cannot do" '["batch","nearfull","storm","frag","init","objects"]' \
	"$(value '[.cases[] | select(.peers[1].not_measured) | .workload] |
		reduce .[] as $w ([]; if index($w) then . else . + [$w] end)')"

# Programs that are not there: a copy of the tool beside which lies one peer alone.
mkdir "$work/bin"
cp "$ROOST" "$work/bin/roost"
tool=$work/bin/roost
refuse '^roost: .*roost-bench is missing' --list
cp "$ROOST-bench" "$work/bin/roost-bench"
cp "$(dirname "$ROOST")/roost-peer-sets.so" "$work/bin"
bench 0 --quick --workload=repeat --size=64M --threads=1 --json=-
check "peers that are absent are not measured" true \
	"$(value '[.cases[0].peers[] | has("not_measured") == (.name != "sets")] |
		all and length > 3')"

# What is not read or written is said before the work, and leaves nothing. Names may be of any bytes.
mkdir "$work/dir" "$work/new"
refuse '^roost: --json=.*/dir: is a directory' --quick --json="$work/dir"
refuse '^roost: .*/none: cannot be read' --quick --json="$work/new/x" --compare="$work/none"
check "no empty report" '' "$(ls -A "$work/new")"
bench 0 --quick --peers=sets --workload=repeat --size=64M --threads=1 --json="$work/new/"$'\xe4\e.json'
check "the command, with a name of any bytes" "--json=$work/new/\\xe4\\x1b.json" \
	"$(jq -r '.command[-1]' "$work/new/"*)"

finish
