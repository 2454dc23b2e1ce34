#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# quickstart.sh BUILD [README]: runs the commands of README.md's quick starts, and compares what they print with what README
# says that they print.
#
# A block ```console has commands (`$ `, continued by a backslash) and their output. A line `...` there stands for any
# number of lines. Where a comment before the block says `<!-- numbers vary: REGEX -->`, words that contain a digit may differ
# on the lines that match. The commands run in a copy of the tree, where nothing but demo/ is written.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$1
readme=${2:-$root/README.md}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree"
for entry in "$root"/*; do
	case ${entry##*/} in build* | demo | out) ;; *) ln -s "$entry" "$work/tree" ;; esac
done
ln -s "$(cd "$build" && pwd)" "$work/tree/build"

# One file for each command: 1.command, 1.wanted, 1.vary. Each quick start has some.
awk -v work="$work" '
function fault(text) {
	print "README.md:" NR ": " text > "/dev/stderr"
	failed = 1
	exit
}
/^## / {
	if (quick && !commands)
		fault("a quick start without a command")
	quick = /^## Quick start/
	quicks += quick
	commands = 0
}
/^<!-- numbers vary: .* -->$/ {
	vary = $0
	gsub(/^<!-- numbers vary: | -->$/, "", vary)
	next
}
/^```console$/ { inside = 1; file = ""; next }
/^```/ { inside = 0; if ($0 != "```console") vary = "" }
!inside { if ($0 != "") vary = ""; next }
more || /^\$ / {
	if (!more) {
		file = work "/" ++n
		printf "" > (file ".wanted")
		print vary > (file ".vary")
		commands++
	}
	print more ? $0 : substr($0, 3) > (file ".command")
	more = /\\$/
	next
}
!file { fault("output without a command") }
{ print > (file ".wanted") }
END {
	if (!failed && quicks != 3) {
		print "README.md: " quicks " quick starts; there are 3" > "/dev/stderr"
		failed = 1
	}
	exit failed
}' "$readme" || exit 1

# Is what came what is wanted?
agree='
function plain(line,	words, n, i, text) {
	if (vary == "" || line !~ vary)
		return line
	n = split(line, words, " ")
	for (i = 1; i <= n; i++)
		text = text " " (words[i] ~ /[0-9]/ ? "#" : words[i])
	return text
}
FNR == NR { want[++w] = plain($0); next }
{ got[++g] = plain($0) }
function begins(at, from, to,	i) {
	for (i = from; i <= to; i++)
		if (at + i - from > g || got[at + i - from] != want[i])
			return 0
	return 1
}
END {
	at = 1
	for (i = 1; i <= w + 1; i = end + 2) {
		for (end = i; end <= w && want[end] != "..."; end++)
			;
		end--
		long = end - i + 1
		last = end == w # to the end of the output, if no "..." follows
		if (last && i > 1 && long)
			at = g - long + 1 < at ? at : g - long + 1
		while (i > 1 && !last && at <= g && !begins(at, i, end))
			at++
		if (!begins(at, i, end))
			exit 1
		at += long
		if (last && long && at <= g)
			exit 1
	}
	exit w == 0 && g > 0
}'

status=0
commands=0
for ((i = 1; ; i++)); do
	[ -e "$work/$i.command" ] || break
	commands=$((commands + 1))
	(cd "$work/tree" && bash "$work/$i.command") >"$work/got" 2>&1 </dev/null
	awk -v vary="$(cat "$work/$i.vary")" "$agree" "$work/$i.wanted" "$work/got" && continue
	status=1
	echo "README.md, quick start: what this prints is not what is printed there:"
	sed 's/^/	$ /' "$work/$i.command"
	diff -u --label README.md "$work/$i.wanted" --label "it printed" "$work/got"
done
echo "$commands commands"
exit $status
