# SPDX-License-Identifier: MIT
# mutate.sh - `roost explore --mutate`: the example in docs/lab.md; what it finds, keeps and says; what it rejects.
. "$(dirname "$0")/common.sh"
root=$(cd "$here/../.." && pwd)
build=${ROOST%/*}
cd "$root" || exit
free=src/pcpbuddy/free.c
single=lab/scenarios/seed-single.scn

# mutate WANTED_STATUS ARGUMENTS...
mutate() {
	local wanted=$1
	shift
	run "$wanted" "$ROOST" explore --engine="$ENGINE" --build-dir="$build" "$@"
}

# ---- The example --------------------------------------------------------------------------------

# The section's first block: the file, the command, and what it prints. Seconds differ.
block=$(sed -n '/^## Which scenario finds which fault/,/^## /p' docs/lab.md | sed -n '/^```$/,/^```$/p' | sed '1d; /^```$/,$d')
sed -n '/^\$ cat/,/^\$ roost/p' <<<"$block" | sed '1d; $d' >"$work/free.mutants"
command=$(sed -n 's/^\$ roost explore //p' <<<"$block")
same_seconds() {
	sed -E 's/ [0-9]+[.][0-9]{2}  / S  /; s/ +S  / S  /'
}
sed '1,/^\$ roost/d' <<<"$block" | same_seconds >"$work/wanted"
check "the example has two mutants" 2 "$(grep -c ^mutant "$work/free.mutants")"
# shellcheck disable=SC2086
mutate 1 ${command/free.mutants/"$work/free.mutants"}
check "what docs/lab.md shows" "" "$(same_seconds <"$work/out" | diff "$work/wanted" - 2>&1)"
check "no progress but on a terminal" 0 "$(wc -c <"$work/err")"

# ---- What becomes of a change -------------------------------------------------------------------

find='if (q->r->free_path == ROOST_FREE_BLOCKING && q->wait && rst_in_task()) {'
cat >"$work/each.mutants" <<-EOF
	mutant found $free
	by seed-single trylock
	-$find
	+if (q->wait) {
	mutant invalid $free
	by seed-single trylock
	-$find
	+if (q->wait)) {
	mutant same $free
	by seed-single trylock
	-$find
	+if (q->r->free_path == ROOST_FREE_BLOCKING && (q->wait && rst_in_task())) {
	mutant otherwise $free
	by seed-single trylock
	as deadlock *
	-$find
	+if (q->wait) {
EOF
mutate 1 --json --mutate="$work/each.mutants" --save="$work/kept"
cp "$work/out" "$work/report"
check "statuses" '["found","invalid","same","survived"]' "$(value '[.mutants[].status]')"
check "what finds it" '[["seed-single","trylock","lock waits"]]' "$(value '[.mutants[0].found_by[] | [.scenario, .free, .outcome]]')"
check "sums" '[1,1,1,1]' "$(value '[.found, .survived, .same, .invalid]')"
check "what the compiler says, with the place" 1 "$(value '.mutants[1].error' | grep -c "^\"$free:[0-9]*:.*error")"
check "found, but not as it is to be" '"seed-single finds lock waits, not deadlock *"' "$(value '.mutants[3].error')"
run 1 "$work/kept/found/roost-explore-$ENGINE" --replay "$(jq -r '.mutants[0].found_by[0].schedule' "$work/report")"
mutate 0 --mutate="$work/each.mutants" --only=found,same
check "the others are left out" '2 mutants: 1 found, 0 survived, 1 the same code as unmodified' "$(tail -n 1 "$work/out")"
check "a change names its scenario" 1 "$(grep -c trylock "$work/out")"

# The tree and its build are as they were.
check "nothing is changed" "" "$(git status --porcelain "$free" 2>/dev/null)"

# ---- Generated ----------------------------------------------------------------------------------

if /usr/bin/python3 -c 'import clang.cindex' 2>/dev/null; then
	draw=("$ROOST" explore --engine="$ENGINE" --build-dir="$build" --json --mutate --generate=1 --seed=7 --first --executions=50 "$single")
	"${draw[@]}" >"$work/first"
	"${draw[@]}" >"$work/out"
	check "a seed draws the same faults" "" \
		"$(diff <(jq '[.mutants[].diff]' "$work/first") <(jq '[.mutants[].diff]' "$work/out") 2>&1)"
	check "as many as asked for" '[1,7]' "$(value '[(.mutants | length), .seed]')"
fi

# ---- What is rejected ---------------------------------------------------------------------------

# wrong PATTERN LINES: a file of changes.
wrong() {
	printf '%s\n' "$2" >"$work/x.mutants"
	refuse "^roost: $1" explore --engine="$ENGINE" --build-dir="$build" --mutate="$work/x.mutants" "$single"
}
at=$work/x.mutants
wrong "$at:2: a: $free has no line \"no such line\"" $'mutant a '"$free"$'\n-no such line'
wrong "$at:2: a: $free has \"}\" [0-9]* times, in lines .*: name its function" $'mutant a '"$free"$'\n-}'
wrong "$at:3: a: $free, trim(), has no line" "mutant a $free"$'\nin trim()\n-'"$find"$'\n+x'
wrong "$at:3: a: $free has no function nowhere()" "mutant a $free"$'\nin nowhere\n-x\n+y'
wrong "$at:1: src/none.c: cannot read it" $'mutant a src/none.c\n-x'
wrong "$at:1: a: roost-explore-pcpbuddy is not made of src/sets/free.c" "mutant a src/sets/free.c
-/* SPDX-License-Identifier: MIT */"
wrong "$at:1: /etc/passwd: name it from the root" $'mutant a /etc/passwd\n-x'
wrong "$at:1: a changes nothing" "mutant a $free"
wrong "$at:2: a changes nothing: - and + are the same" "mutant a $free"$'\n-x\n+x'
wrong "$at:2: a line + comes after" "mutant a $free"$'\n+x'
wrong "$at:3: a is there already, in line 1" $'mutant a '"$free"$'\n-x\nmutant a '"$free"$'\n-x'
wrong "$at:1: \"-\" before the first line \"mutant" '-x'
wrong "$at:1: \"frob\": a line begins with" frob
wrong "$at:1: it takes a name and a file" 'mutant a'
wrong "$at:1: \"..\": a name has" "mutant .. $free"
wrong "$at: no change in it" '# nothing'
refuse "^roost: $work/none: cannot read: No such file" explore --engine="$ENGINE" --mutate="$work/none"
printf 'mutant a %s\nby nowhere\n-%s\n+if (0) {\n' "$free" "$find" >"$at"
refuse "^roost: $at:1: a: there is no scenario nowhere" explore --engine="$ENGINE" --build-dir="$build" --mutate="$at"
refuse "^roost: --only=b: .* has no mutant b" explore --engine="$ENGINE" --mutate="$work/free.mutants" --only=b
refuse '^roost: --mutate: which changes' explore --mutate
refuse '^roost: --generate=3: --mutate=x names' explore --mutate=x --generate=3
refuse '^roost: --first is for --mutate' explore --first "$single"
refuse '^roost: --replay: not with --mutate' explore --mutate=x --replay=y
refuse "^roost: --tree=$work: no sources of roost there" explore --mutate="$work/free.mutants" --tree="$work"
cd / && refuse '^roost: --mutate: no sources here' explore --mutate="$work/free.mutants" && cd "$root" || exit
# A scenario that fails without the change.
printf 'pool cpus 1\nexpect all: pass\ntask cpu0: a = alloc 0 wait; assert none a\n' >"$work/fails.scn"
refuse "^roost: $work/fails.scn: fails on the unmodified tree: assert" explore --engine="$ENGINE" --build-dir="$build" \
	--mutate="$work/free.mutants" "$work/fails.scn"
refuse "^roost: $work/none.scn: fails on the unmodified tree" explore --engine="$ENGINE" --build-dir="$build" \
	--mutate="$work/free.mutants" "$work/none.scn"
# A tree that does not build as it is, or not at all.
mkdir "$work/tree" && cp -r CMakeLists.txt cmake src include tool lab examples bench man completions "$work/tree/"
mkdir -p "$work/tree/docs" "$work/tree/scripts"
echo 'int broken = ;' >>"$work/tree/include/roost/roost.h"
refuse "^roost: $work/tree: \(does not build unmodified\|cannot be configured\): .*error" explore --engine="$ENGINE" \
	--mutate="$work/free.mutants" --tree="$work/tree" --build-dir="$work/new"
refuse "^roost: $work/new: a build of $work/tree, not of" explore --engine="$ENGINE" --mutate="$work/free.mutants" \
	--build="$work/new"
finish
