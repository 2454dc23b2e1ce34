# SPDX-License-Identifier: MIT
# quick.sh - everything once, with all peers that are here: what there is to be is there. No times.
. "$(dirname "$0")/common.sh"

bench 0 --quick --peer="$ADAPTER_SO" --json="$work/json" --timeout=60
check "nothing on a stderr that is no terminal" '' "$(cat "$work/err")"
json() {
	value "$1" "$work/json"
}

check "every case" 67 "$(json '.cases | length')"
check "their names" \
	'["repeat/64M/1","repeat/64M/2","repeat/1G/1","repeat/1G/2","remote/1G/one-way","remote/1G/both-ways","nearfull/64M","nearfull/1G","tail/1G","storm/1G","frag/64M/50","frag/64M/80","frag/64M/compact-50-order-0","frag/64M/compact-80-order-0","frag/64M/compact-50-orders-0-3","frag/64M/compact-80-orders-0-3","frag/64M/shuffled-50-order-0","frag/64M/shuffled-80-order-0","frag/64M/shuffled-50-orders-0-3","frag/64M/shuffled-80-orders-0-3","frag/64M/compact-50-tainted","frag/64M/compact-80-tainted","frag/64M/shuffled-50-tainted","frag/64M/shuffled-80-tainted","frag/64M/compact-50-empty","frag/64M/compact-80-empty","frag/64M/shuffled-50-empty","frag/64M/shuffled-80-empty","init/64M","init/1G"]' \
	"$(json '[.cases[] | .name | select(test("^(repeat|remote|near|tail|storm|frag|init)"))]')"
check "each order" '[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18]' \
	"$(json '[.cases[] | select(.workload == "order") | .parameter]')"
check "it says of what" true "$(json '.quick and .roost == 1 and .report == "bench" and (.machine.kernel | length) > 0 and
	(.versions | .roost and .compiler and .glibc and .flags) and
	(.command | index("--quick") > 0) and .settings.rounds == 1')"
check "each peer in each case, in the order of the list" true \
	"$(json '[.peers[].name] as $names | [.cases[] | [.peers[].name] == $names] | all')"
check "measured, or it is said why not" true "$(json '[.cases[] | (.figures | length) as $n |
	.peers[] | if has("not_measured") then (.not_measured | length) > 0 else
	(.samples | length) == 1 and (.figures | length) == $n and
	([.samples[].values | length] | all(. == $n)) end] | all')"
[ "$(nproc)" = 1 ] || check "the engines in every case, pcpbuddy without objects" '[]' "$(json '[.cases[] | .name as $c |
	(.workload == "objects") as $o | .peers[] | select(.name == "sets" or .name == "pcpbuddy" and ($o | not)) |
	select(.not_measured) | [$c, .name, .not_measured]]')"
check "every figure of theirs is a number, and times are not 0" true "$(json '[.cases[] | .figures as $f |
	.peers[] | select(.name == "sets" or .name == "pcpbuddy") | .figures // [] | to_entries[] |
	.key as $i | .value.median | type == "number" and
	(. > 0 or $f[$i].name == "free-syscalls" or $f[$i].unit == "%" or $f[$i].unit == "GiB")] | all')"
check "no library is absent for want of room" '[]' \
	"$(json '[.peers[].not_measured // "" | select(test("TLS"))]')"
check "what needs a pool of a size is not asked of mmap" '["frag","init","nearfull"]' \
	"$(json '[.cases[] | select(.peers[] | .name == "mmap" and .not_measured ==
		"it has no pool of a size") | .workload] | unique')"
check "a handler must not free in a buddy with a lock" '["a signal handler must not free"]' \
	"$(json '[.cases[] | select(.workload == "storm") | .peers[] | select(.name == "buddy") |
		.not_measured]')"
check "sets makes no system call in a free, mmap always" '[0,1000]' \
	"$(json '.cases[] | select(.workload == "tail") | [.peers[] | select(.name == "sets" or
		.name == "mmap") | .figures[5].median]')"
check "histograms of tail: as many frees as empty loops" true \
	"$(json '[.cases[] | select(.workload == "tail") | .peers[] | select(.free_ns) |
		([.free_ns[]] | add) == ([.empty_ns[]] | add) and ([.free_ns[]] | add) > 0] |
		all and length > 2')"
check "metadata of sets" true "$(json '[.cases[] | select(.workload == "init") | .peers[0] |
	.figures[1].median | . > 0.02 and . < 0.05] | all')"
check "what is left of 2 MiB blocks is at most the ideal" true "$(json '[.cases[] |
	select(.workload == "frag" and .series == null) | .peers[] | select(.figures) | .figures[0].median |
	. > 10 and . <= 100] | all and length > 2')"
check "so it is at each iteration" '["iteration",["0","7","20","50","100","200"],true]' \
	"$(json '[.cases[] | select(.series)] | [.[0].series, [.[0].figures[].name],
	([.[].peers[] | select(.figures) | .figures[].median | . >= 0 and . <= 100] | all)]')"
check "a compact pool begins with nearly all, a shuffled one with nearly nothing" true "$(json '[.cases[] |
	select(.series and .figures[0].unit == "%") | (.name | test("compact")) as $c | .peers[] | select(.figures) |
	.figures[0].median | if $c then . > 90 else . < 10 end] | all and length > 15')"
# The cases of tainted GiB are followed by those of empty ones, in the same order; each has the same churn.
check "a GiB is not tainted and empty at once, and there is a tainted one" true "$(json '[.cases[] |
	select(.figures[0].unit == "GiB") | [.peers[] | select(.figures) | .figures[].median]] |
	[.[:4], .[4:] | add] | transpose | (map(.[0] > 0 and .[0] + .[1] <= 1) | all) and length == 72')"
check "no sample of a count is disturbed" '[false]' "$(json '[.cases[] | select(.series) |
	.peers[].samples[]?.disturbed] | unique')"
check "objects: their cases" \
	'["objects/pair/64","objects/bulk/64","objects/random-1000/64","objects/random-100000/64","objects/burst/64","objects/one-way/64","objects/one-way-untouched/64"]' \
	"$(json '[.cases[] | select(.workload == "objects") | .name]')"
check "objects: peers that have none" '["buddy","mine","mmap","pcpbuddy"]' "$(json '[.cases[] | select(.workload == "objects") |
	.peers[] | select(.not_measured == "it has no objects smaller than a frame") | .name] | unique')"
check "objects: peers that have them have figures" true "$(json '[.cases[] | select(.workload == "objects") | .figures as $f |
	.peers[] | select(.samples) | .figures | length == ($f | length) and all(.median > 0)] | all and length >= 7')"
check "lists of objects are measured there alone, if they are here" '[]' "$(json '[.cases[] |
	select(.workload != "objects") | .peers[] | select(.name == "ck" or .name == "urcu") | select(.samples)]')"
check "a table of the series: a line for each peer and case" 48 "$(grep -c \
	'^  \(sets\|pcpbuddy\|buddy\)  *\([0-9.]\+ *\)\{6\}$' "$work/out")"
check "a table for each workload, a block for each row" '18 74' \
	"$(grep -c '^  *median  *least' "$work/out") $(grep -c '^[a-z]*/.*:.*, ' "$work/out")"

finish
