#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# console.sh [--short] BUILD DOCUMENT HEADING COUNT: runs the commands of a document's sections whose headings begin with
# HEADING, of which there are COUNT, and compares what they print with what the document says that they print.
#
# A block ```console has commands (`$ `, continued by a backslash) and their output. A line `...` there stands for any
# number of lines. Where a comment before the block says `<!-- numbers vary: REGEX -->`, words that contain a digit may differ
# on the lines that match. With --short, blocks behind `<!-- long -->` are left out. A block behind `<!-- file: NAME -->` is
# what that file has. All is done in a copy of the tree.
set -u
root=$(cd "$(dirname "$0")/../.." && pwd)
short=0
[ "$1" != --short ] || { short=1; shift; }
build=$1 document=$2 heading=$3 count=$4
name=${document#"$root"/}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/tree"
for entry in "$root"/*; do
	case ${entry##*/} in build* | demo | out) ;; *) ln -s "$entry" "$work/tree" ;; esac
done
ln -s "$(cd "$build" && pwd)" "$work/tree/build"
[ ! -e "$root/.git" ] || ln -s "$root/.git" "$work/tree/.git"

# One file for each command: 1.command, 1.wanted, 1.vary. Each quick start has some.
awk -v work="$work" -v name="$name" -v heading="## $heading" -v count="$count" -v short=$short '
function fault(text) {
	print name ":" NR ": " text > "/dev/stderr"
	failed = 1
	exit
}
/^## / && !saved {
	if (wanted && !commands)
		fault("\"" heading "\" without a command")
	wanted = index($0, heading) == 1
	sections += wanted
	commands = 0
}
!wanted { next }
/^<!-- file: [a-z.-]* -->$/ { saved = work "/tree/" $3; next }
saved && /^```/ { if (opened++) { close(saved); saved = ""; opened = 0 } next }
saved { print > saved; next }
/^<!-- long -->$/ { long = 1; next }
/^<!-- numbers vary: .* -->$/ {
	vary = $0
	gsub(/^<!-- numbers vary: | -->$/, "", vary)
	next
}
/^```console$/ { inside = 1; left_out = long && short; file = ""; next }
/^```/ { inside = 0; vary = ""; long = 0; next }
!inside { if ($0 != "") vary = long = ""; next }
left_out { next }
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
	if (!failed && sections != count) {
		print name ": " sections + 0 " sections \"" heading "\"; there are " count > "/dev/stderr"
		failed = 1
	}
	exit failed
}' "$document" || exit 1

# Is what came what is wanted?
agree='
function plain(line,	words, n, i, text) {
	if (vary == "" || line == "..." || line !~ vary)
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
	echo "$name, $heading: what this prints is not what is printed there:"
	sed 's/^/	$ /' "$work/$i.command"
	diff -u --label "$name" "$work/$i.wanted" --label "it printed" "$work/got"
done
echo "$commands commands"
exit $status
