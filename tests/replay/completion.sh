# SPDX-License-Identifier: MIT
# completion.sh - completion for bash and zsh offers what the tool takes, and every command has its words.
. "$(dirname "$0")/common.sh"
root=$(cd "$here/../.." && pwd)

# What the table of each command says, taken from its usage line.
options() {
	"$ROOST" $1 --help | sed -n '1,/^[A-Z][a-z]*s /p' | grep -o -- '--[a-z-]*' | sort -u
}
commands='record replay compare map top explore bench scale'

# ---- bash --------------------------------------------------------------------------------------

# offers WORDS...: what bash completes of the last word, a line each.
offers() {
	bash -c '. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _roost "$1" "${@: -1}"
		printf "%s\n" "${COMPREPLY[@]}"' bash "$root/completions/roost.bash" "$ROOST" "$@" 2>"$work/err"
	check "complaints about: $*" '' "$(cat "$work/err")"
}
check "commands" "$commands help" "$(offers '' | paste -sd' ')"
check "commands after help" 'explore' "$(offers help ex)"
check "options of the tool" '--help --version' "$(offers -- | paste -sd' ')"
for command in $commands; do
	[ "$command" != explore ] || [ -e "$ROOST-explore-$ENGINE" ] || continue
	[ "$command" != scale ] || [ -e "$ROOST-scale" ] || continue
	check "bash: options of $command" "$(options $command)" "$(offers $command -- | tr -d = | sort -u)"
done
check "a part of an option" '--irq-storm=' "$(offers replay --irq)"
check "engines" 'linux-pcp pcpbuddy sets zone' "$(offers replay --engine = '' | sort | paste -sd' ')"
for command in map explore; do # which draw and explore roost's own
	check "engines of $command" 'pcpbuddy sets' "$(offers $command --engine = '' | sort | paste -sd' ')"
	check "free paths of $command" 'blocking llist trylock' "$(offers $command --free = '' | sort | paste -sd' ')"
done
check "engines to compare" 'linux-pcp pcpbuddy sets zone' "$(offers compare --engines = '' | sort | paste -sd' ')"
check "an engine" pcpbuddy "$(offers replay --engine = pc)"
check "one more of a list" roost,pcpbuddy "$(offers compare --engines = roost,p)"
check "free paths" trylock "$(offers replay --free = t)"
check "what a map is coloured by" 'owner type' "$(offers map --by = | paste -sd' ')"
check "workloads" "$("$ROOST" bench --list | sed -n '/^Work/,/^Peers/s/^  \([a-z]*\) .*/\1/p' | grep ^b | paste -sd' ')" \
	"$(offers bench --workload = b | paste -sd' ')"
cd "$work" && : >one.trace && : >two.trace
check "files" 'one.trace two.trace' "$(offers replay "" | grep trace | sort | paste -sd' ')"
check "the file of an option" one.trace "$(offers map -o on)"
check "commands to record" yes "$(offers record -o x mk | grep -qx mkdir && echo yes)"
for value in $(offers replay --free = ''); do # each by the engine that has it
	run 0 "$ROOST" replay --quiet --free="$value" "$here/hand.trace"
	check "--free=$value is known" 1 "$(grep -c "free path $value," "$work/out")"
done
cd - >/dev/null || exit

# ---- zsh ---------------------------------------------------------------------------------------

if ! command -v zsh >/dev/null; then
	check "zsh, which scripts/deps test installs" there absent
	finish
	exit
fi

# zoffers WORDS...: the same of zsh, in which what shows the words prints them.
zoffers() {
	zsh -f -c 'ROOST_READ_ONLY=1; . $1; shift
		compadd() { print -l -- ${(P)2} }; compset() { : }; _files() { print FILES }; _command_names() { print COMMANDS }
		_describe() { print -l -- ${(P)2} | sed "s/:.*//" }
		words=("$@"); CURRENT=$#; _roost' zsh "$root/completions/_roost" "$ROOST" "$@" 2>"$work/err"
	check "complaints of zsh about: $*" '' "$(cat "$work/err")"
}
check "zsh: commands" "$commands help" "$(zoffers '' | paste -sd' ')"
for command in $commands; do
	[ "$command" != explore ] || [ -e "$ROOST-explore-$ENGINE" ] || continue
	check "zsh: options of $command" "$(options $command)" "$(zoffers $command -- | tr -d = | sort -u)"
done
check "zsh: engines" 'linux-pcp pcpbuddy sets zone' "$(zoffers replay --engine= | sort | paste -sd' ')"
for command in map explore; do
	check "zsh: engines of $command" 'pcpbuddy sets' "$(zoffers $command --engine= | sort | paste -sd' ')"
	check "zsh: free paths of $command" 'blocking llist trylock' "$(zoffers $command --free= | sort | paste -sd' ')"
done
check "zsh: files" "FILES FILES FILES" "$({ zoffers replay ""; zoffers map -o ""; zoffers bench --json=; } | paste -sd" ")"
check "zsh: commands to record" COMMANDS "$(zoffers record '')"
check "zsh: it is of roost" '#compdef roost' "$(head -n 1 "$root/completions/_roost")"

finish
