# SPDX-License-Identifier: MIT
# verdict.sh - tables and verdicts of reports made by hand.
. "$(dirname "$0")/common.sh"

# report FILE VALUES [MORE_IS_BETTER [DISTURBED [TARGET]]]: one case, measured with roost; DISTURBED:
# this many of the last values are. TARGET: a JSON object.
report() {
	jq -n --argjson values "$2" --argjson more "${3:-false}" --argjson disturbed "${4:-0}" \
		--argjson target "${5:-null}" '{format: 1, quick: false,
		machine: {cpu: "a", cores: 2, kernel: "k", governor: null}, settings: {rounds: 7},
		versions: {}, peers: [{name: "sets"}, {name: "gone", not_measured: "no file"}],
		cases: [{name: "w/1G/1", workload: "w", text: "some work",
			figures: [({name: "pair", unit: "ns", more_is_better: $more} +
				if $target then {target: $target} else {} end)],
			peers: [{name: "sets", samples: [range($values | length) as $i | {round: $i,
				kept: true, disturbed: ($i >= ($values | length) - $disturbed),
				values: [$values[$i]]}]},
				{name: "gone", not_measured: "no file"},
				{name: "far", not_measured: "no file"}]}]}' >"$work/$1"
}

# verdict STATUS WANTED OLD NEW: wanted is what is said of the one row.
verdict() {
	bench "$1" --compare="$work/$3" --json=- "$work/$4"
	check "from $3 to $4" "\"$2\"" "$(value '.comparison.rows[0].verdict')"
	check "from $3 to $4: counted" true \
		"$(value ".comparison | .[\"$2\"] == ([.rows[] | select(.verdict == \"$2\")] | length)")"
}

report ten '[9.8,9.9,10,10,10,10.1,10.2]'
report eleven '[10.8,10.9,11,11,11,11.1,11.2]'
report twelve '[12.2,12.2,12.3,12.3,12.3,12.4,12.4]'
report twenty '[19,19.5,20,20,20,20.5,21]'
report noisy '[5,9,10,20,30,35,40]'
report few '[20,20,20,20]'
report zero '[0,0,0,0,0,0,0]'
verdict 0 'no difference' ten ten
verdict 0 'no difference' ten eleven
verdict 1 slower ten twelve
verdict 1 slower ten twenty
verdict 0 faster twenty ten
verdict 0 'no difference' ten noisy
verdict 0 'no difference' noisy ten
verdict 0 'too few samples' ten few
verdict 0 'too few samples' few ten
verdict 0 'no difference' zero zero
verdict 1 slower zero ten
verdict 0 faster ten zero
report more10 '[9.8,9.9,10,10,10,10.1,10.2]' true
report more20 '[19,19.5,20,20,20,20.5,21]' true
verdict 0 faster more10 more20
verdict 1 slower more20 more10

# A case, a figure or a peer that only one of the two has.
jq '.cases[0].name = "other"' "$work/ten" >"$work/other"
verdict 0 'not in both' other twenty
jq '.cases[0].figures[0].name = "other"' "$work/ten" >"$work/figure"
verdict 0 'not in both' figure twenty
jq '.cases[0].peers[0].name = "other"' "$work/ten" >"$work/peer"
verdict 0 'not in both' peer twenty
# Figures are found by their names, not by their places.
jq '.cases[0].figures |= [{name: "x"}] + . | .cases[0].peers[0].samples[].values |= [1] + .' \
	"$work/ten" >"$work/moved"
verdict 1 slower moved twenty

# ---- Samples that count ----------------------------------------------------------------------

# median FILE: as the table has it
median() {
	bench 0 "$work/$1"
	awk '/^  sets/ { print $2, $3, $4, $6, $7 }' "$work/out"
}

report some '[10,10,10,10,99,99,99]' false 3
check "disturbed samples do not count" '10.00 10.00 0.0 1.00 ' "$(median some)"
report most '[10,10,10,99,99,99,99]' false 4
check "unless most are, and then it is said" '99.00 10.00 89.9 1.00 ~' "$(median most)"
jq '.cases[0].peers[0].samples |= [.[] | ., (.kept = false | .values = [1])]' "$work/ten" \
	>"$work/repeated"
check "samples that were repeated do not count" '10.00 9.80 1.0 1.00 ' "$(median repeated)"
report even '[1,2,3,4,5,6]'
check "quartiles between samples" '3.50 1.00 71.4 1.00 ' "$(median even)"

# ---- For people ------------------------------------------------------------------------------

bench 0 "$work/ten"
check "one line for all that were not measured for one reason" \
	'  not measured: gone, far: no file' "$(grep 'far' "$work/out")"
check "no target, no word of it" 0 "$(grep -c -e 'at most' -e 'at least' "$work/out")"
report target '[10,10,10]' false 0 '{"at_most": 10}'
bench 0 "$work/target"
check "a target that is met" 1 "$(grep -c '  at most 10: met$' "$work/out")"
report target '[10,10,10]' false 0 '{"at_most": 9.5}'
bench 0 "$work/target"
check "a target that is missed" 1 "$(grep -c '  at most 9.5: MISSED$' "$work/out")"
report target '[10,10,10]' true 0 '{"at_least": 11}'
bench 0 "$work/target"
check "a target that is a least" 1 "$(grep -c '  at least 11: MISSED$' "$work/out")"

bench 1 --compare="$work/ten" "$work/twenty"
check "a comparison names the row" 1 \
	"$(grep -c '^  w/1G/1:pair  *sets  *10.00 ->  *20.00  slower$' "$work/out")"
check "and counts" 1 "$(grep -c '0 faster, 1 slower, 0 without .*, 2 not measured in both$' "$work/out")"
check "on the same machine no warning" 0 "$(grep -c beware "$work/out")"
jq '.machine.cpu = "b" | .quick = true' "$work/ten" >"$work/elsewhere"
bench 1 --compare="$work/elsewhere" "$work/twenty"
check "another machine" 1 "$(grep -c 'beware: another machine: its cpu' "$work/out")"
check "one with --quick" 1 "$(grep -c 'beware: .*--quick' "$work/out")"

bench 1 --quiet --compare="$work/ten" --json="$work/new" "$work/twenty"
check "the report is written, with the verdicts" '["slower",7]' \
	"$(value '[.comparison.rows[0].verdict, (.cases[0].peers[0].samples | length)]' "$work/new")"
if command -v gnuplot >/dev/null; then
	bench 0 --output="$work/x y'.svg" "$work/ten"
	check "a plot" 1 "$(grep -c '<svg' "$work/x y'.svg")"
	check "gnuplot has nothing to say" '' "$(cat "$work/err")"
fi

finish
