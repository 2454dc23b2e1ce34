# SPDX-License-Identifier: MIT
# Completion of roost(1) for bash. Commands and options are those that the tool itself lists, so they are
# never out of date.

# _roost_commands TOOL
_roost_commands() {
	"$1" --help 2>/dev/null | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p'
}

# _roost_options TOOL COMMAND: each as it is typed, with = where a value has to follow.
_roost_options() {
	"$1" ${2:+"$2"} --help 2>/dev/null | sed -n 's/^  *\(-.,\)\{0,1\} *\(--[a-z-]*=\{0,1\}\).*/\2/p'
}

# _roost_values TOOL OPTION: words that its value, or each of a list, can be. $command is the tool's.
_roost_values() {
	local measures=bench engines=replay
	[ "${command:-}" != scale ] || measures=scale
	case ${command:-} in
	map | explore) engines=$command ;;
	esac
	case $2 in
	--engine | --engines) "$1" $engines --engine= 2>&1 | sed -n 's/.*the engines are: \([^;)]*\).*/\1/p' | tr -d , ;;
	--free)
		echo trylock llist blocking
		[ $engines != replay ] || echo 6.12 6.1
		;;
	--check) echo 0 1 2 3 ;;
	--by) echo owner type ;;
	--sort) echo used name allocations ;;
	--at) echo end ;;
	--workload) "$1" $measures --list 2>/dev/null | sed -n '/^Workloads/,/^Peers/s/^  \([a-z-]*\) .*/\1/p' ;;
	--peers) "$1" $measures --list 2>/dev/null | sed -n '/^Peers/,$s/^  \([a-z-]*\) .*/\1/p' ;;
	esac
}

_roost_files() {
	compopt -o filenames 2>/dev/null
	mapfile -t COMPREPLY < <(compgen -f -- "$1")
}

# _roost_value TOOL OPTION WORD
_roost_value() {
	local words list=
	case $2 in
	--json | --output | -o | --html | --save | --replay | --compare | --peer | --live | --mutate | --tree | --build | --aged)
		_roost_files "$3"
		return
		;;
	--engines | --peers | --workload | --at) list=${3%"${3##*,}"} ;; # those before the last comma
	esac
	words=$(_roost_values "$1" "$2")
	mapfile -t COMPREPLY < <(compgen -P "$list" -W "$words" -- "${3#"$list"}")
}

_roost() {
	local tool=$1 word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command= i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) ;;
		*) command=${COMP_WORDS[i]} && break ;;
		esac
	done
	# Bash takes --option=value apart.
	if [ "$word" = = ]; then
		_roost_value "$tool" "$before" ""
	elif [ "$before" = = ]; then
		_roost_value "$tool" "${COMP_WORDS[COMP_CWORD - 2]}" "$word"
	elif [ "$before" = -o ]; then
		_roost_value "$tool" -o "$word"
	elif [[ $word == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_roost_options "$tool" "$command")" -- "$word")
		[[ ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
	elif [ -z "$command" ] || [ "$command" = help ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_roost_commands "$tool")" -- "$word")
	elif [ "$command" = record ]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$word")
	else
		_roost_files "$word"
	fi
}

complete -F _roost roost
