# SPDX-License-Identifier: MIT
# usage.sh - wrong command lines and wrong files: status 2 and one line that names the culprit.
. "$(dirname "$0")/common.sh"

other=$([ "$ENGINE" = sets ] && echo pcpbuddy || echo sets)
engine=--engine=$ENGINE
accept 'replay TRACE' --help
accept '^roost [0-9]' --version
accept 'replay TRACE' help
accept 'replay TRACE' -h
accept '^roost [0-9]' -V
# Builds with a sanitizer have no explorer.
for command in record replay compare map top bench $([ ! -e "${ROOST%/*}/roost-explore-$ENGINE" ] || echo explore); do
	accept "^Usage: .*$command" help $command
	accept "^Usage: .*$command" $command -h
done
# argp breaks a line that is too long, and the rest begins in the first column.
check "lines of --help that argp broke" "" "$("$ROOST" --help | grep '^[a-z]')"
accept '--irq-storm=HZ' replay --help
accept '--irq-storm=HZ' replay "$engine" --help
accept '"verified": true' replay --json --quiet --engine "$ENGINE" "$here/hand.trace"
run 0 "$ROOST" replay --quiet "$engine" --json="$work/report" "$here/hand.trace"
check "a report in a file, beside the one for people" "true 1" \
	"$(jq .verified "$work/report") $(grep -c '^  verified$' "$work/out")"
chmod 4666 "$work/report"
run 0 "$ROOST" replay --quiet "$engine" --json="$work/report" "$here/hand.trace"
check "the mode of a file that is replaced stays, but for setuid" 666 "$(stat -c %a "$work/report")"
run 0 "$ROOST" map --quiet "$engine" --json="$work/report" "$here/hand.trace"
check "a map in a file, beside the letters" "1 1" \
	"$(jq '.maps | length' "$work/report") $(grep -c '^zone Normal' "$work/out")"
run 0 "$ROOST" replay --quiet "$engine" --cpus=1 "$here/hand.trace"
check "one CPU is not 1 CPUs" 1 "$(grep -c '[ ,]1 CPU,' "$work/out")"

# One word has one meaning, and is explained in the same words by every command.
for command in record replay compare map top bench $([ ! -e "${ROOST%/*}/roost-explore-$ENGINE" ] || echo explore); do
	"$ROOST" $command --help | awk '
		function end() { if (name) print name ":" text; name = "" }
		/^  ? ? ? ? ?-/ { end(); sub(/^ *(-., )?--/, ""); name = $0; sub(/[ =[].*/, "", name)
			text = $0; sub(/^[^ ]*/, "", text); next }
		/^                    / { if (name) text = text $0; next }
		{ end() } END { end() }' | sed 's/  */ /g; s/ $//'
done | grep . | sort -u >"$work/options"
check "options that two commands explain differently" "" "$(cut -d: -f1 "$work/options" | uniq -d)"
check "options that there are" yes "$(grep -q '^json:' "$work/options" && grep -q '^timeout:' "$work/options" && echo yes)"
accept '"verified": true' "replay" --json --quiet "$here/hand.trace"

refuse 'roost replay TRACE'
refuse '^roost: --bogus: ' --bogus
refuse '^roost: -x: ' -x
refuse '^roost: frob: unknown command; see' frob
refuse '^roost: repaly: unknown command; did you mean replay?' repaly
refuse '^roost: exlpore: unknown command; did you mean explore?' exlpore
refuse '^roost: bnech: unknown command; did you mean bench?' help bnech
refuse '^roost: more: help takes one command' help replay more
refuse 'which trace' replay
refuse '^roost: --bogus: ' replay --bogus "$here/hand.trace"
refuse '^roost: -z: ' replay "$here/hand.trace" -z
refuse '^roost: -zq: ' replay "$here/hand.trace" -zq
refuse '^roost: --cpus: a value is missing' replay "$here/hand.trace" --cpus
refuse '^roost: --quiet=1: --quiet takes no value' replay --quiet=1 "$here/hand.trace"
refuse '^roost: --json=: give the name of a file' replay --json= "$here/hand.trace"
refuse '^roost: --json=/nowhere/x: cannot write' replay --quiet --json=/nowhere/x "$here/hand.trace"
refuse '^roost: --json=/nowhere/x: cannot write' map --quiet --json=/nowhere/x "$here/hand.trace"
refuse '^roost: --output=x.gif: .*\.svg or \.png$' replay -o x.gif "$here/hand.trace"
refuse '^roost: --output=x.gif: .*\.svg or \.png$' map -o x.gif "$here/hand.trace"
refuse '^roost: --cpus=0: ' replay --cpus=0 "$here/hand.trace"
refuse '^roost: --cpus=9999: ' replay --cpus=9999 "$here/hand.trace"
refuse '^roost: --cpus=two: ' replay --cpus two "$here/hand.trace"
refuse '^roost: --check=4: ' replay --check=4 "$here/hand.trace"
refuse "^roost: --free=never: .*${free_paths/ /, }" replay "$engine" --free=never "$here/hand.trace"
refuse '^roost: --memory=1M: ' replay --memory=1M "$here/hand.trace"
refuse '^roost: --memory=1X: ' replay --memory=1X "$here/hand.trace"
refuse '^roost: --memory=99999999T: ' replay --memory=99999999T "$here/hand.trace"
refuse '^roost: --instructions: leave --parallel out' replay --instructions --parallel "$here/hand.trace"
refuse '^roost: --instructions and --timing: give one' replay --instructions --timing "$here/hand.trace"
refuse '^roost: --instructions: of zone nobody knows' replay --instructions --engine=zone "$here/hand.trace"
refuse '^roost: --limit=-1: give a positive whole number$' replay --limit=-1 "$here/hand.trace"
refuse '^roost: --limit=abc: give a positive whole number$' map --limit=abc "$here/hand.trace"
refuse '^roost: --limit=0: give a positive whole number$' replay --limit=0 "$here/hand.trace"
refuse '^roost: --ordered and --parallel: give one' replay --ordered --parallel "$here/hand.trace"
refuse '^roost: --irq-storm=0: ' replay --parallel --irq-storm=0 "$here/hand.trace"
refuse '^roost: --irq-storm: .*--parallel' replay --irq-storm=100 "$here/hand.trace"
refuse '^roost: --high=x: ' replay "$engine" --high=x "$here/hand.trace"
if [ "$ENGINE" != pcpbuddy ]; then
	for free in trylock llist blocking; do
		refuse "^roost: --free=$free: the engine $ENGINE has the free path $free_paths\$" \
			replay "$engine" --free=$free "$here/hand.trace"
	done
	refuse '^roost: --high=64: the engine sets has no such mark' \
		replay "$engine" --high=64 "$here/hand.trace"
	refuse '^roost: --batch=16: the engine sets has no such mark' \
		replay "$engine" --batch=16 "$here/hand.trace"
fi
refuse 'no engine "never": .*pcpbuddy, sets' replay --engine=never "$here/hand.trace"
refuse 'no engine "../x": ' replay --engine=../x "$here/hand.trace"
refuse 'no engine "": ' replay --engine= "$here/hand.trace"
refuse '^roost: --engine: a value is missing' replay "$here/hand.trace" --engine
refuse "^roost: --engine=$other: this program has the engine $ENGINE alone" \
	replay "$engine" "$engine" --engine="$other" "$here/hand.trace"
refuse 'one trace at a time' replay "$here/hand.trace" "$here/hand.trace"

refuse '^roost: /nowhere/x: cannot open: No such file' replay /nowhere/x
refuse "^roost: $work: is a directory" replay "$work"
: >"$work/empty"
refuse '/empty: is empty' replay "$work/empty"
head -c 5000 "$ROOST" >"$work/binary"
refuse '/binary: is no trace, .* line 1: ' replay "$work/binary"
printf 'one\ntwo\n' >"$work/two"
refuse '/two: is no trace, .*: 2 lines and not one event in them; line 1: no TASK-PID at its start$' \
	replay "$work/two"
printf '# tracer: nop\n sh-9 [000] ..... 1.5: mm_page_free: pfn=0x1\n' >"$work/one"
refuse '/one: is no trace, .*; line 2: mm_page_free without order=$' replay "$work/one"
{ cat "$work/one"; grep drain "$here/hand.trace"; } >"$work/none"
refuse '/none: holds no mm_page_alloc .*; line 2: mm_page_free without order=$' replay "$work/none"
yes 'Lorem ipsum - dolor [sit] amet' | head -n 100000 >"$work/prose"
refuse '/prose: is no trace' replay "$work/prose"
grep -e '^#' -e drain "$here/hand.trace" >"$work/other"
refuse '/other: holds no mm_page_alloc' replay "$work/other"
gzip -c "$TRACES/README.md" | head -c 900 >"$work/cut.gz"
refuse '/cut.gz: cannot read' replay "$work/cut.gz"
"$MKDAT" <"$here/hand.trace" | head -c 700 >"$work/cut.dat"
refuse '/cut.dat: a trace.dat that libtracecmd cannot read' replay "$work/cut.dat"
# Where it ends sooner than it says libtracecmd crashes, which is no crash of the tool.
for bytes in 11 2000 3000 4000 6000 8000 12000; do
	"$MKDAT" <"$here/hand.trace" | head -c $bytes >"$work/cut$bytes.dat"
	refuse "/cut$bytes.dat: .*libtracecmd c.*; is " replay "$work/cut$bytes.dat"
done
refuse '^roost: --output=/nowhere/x.svg: cannot write' replay --quiet -o /nowhere/x.svg \
	"$here/hand.trace"

# ---- What cannot be written ------------------------------------------------------------------

hand=$here/hand.trace
# unwritten ARGUMENTS...: with a stdout that takes nothing, because it is full or because it is closed.
unwritten() {
	local status
	for way in full closed; do
		status=0
		if [ $way = full ]; then
			"$ROOST" "$@" >/dev/full 2>"$work/err" </dev/null || status=$?
		else
			"$ROOST" "$@" >&- 2>"$work/err" </dev/null || status=$?
		fi
		check "exit status of: roost $*, stdout is $way" 2 "$status"
		check "stderr of: roost $*, stdout is $way" 1 \
			"$(grep -c '^roost: cannot write to stdout' "$work/err")"
		check "and nothing else" 1 "$(wc -l <"$work/err")"
	done
}
unwritten --help
unwritten --version
unwritten replay --help
unwritten replay --quiet "$engine" "$hand"
unwritten replay --quiet "$engine" --json --samples "$TRACES/compile.trace.zst"
unwritten map --quiet "$engine" "$hand"
unwritten map --quiet "$engine" --json "$hand"
unwritten map --help
unwritten top --help
unwritten bench --list
if command -v gnuplot >/dev/null && command -v rsvg-convert >/dev/null; then
	unwritten replay --quiet "$engine" --output "$work/x.svg" "$hand"
	check "no picture without a report" no "$([ -e "$work/x.svg" ] && echo yes || echo no)"

	# A picture is whole or not there, and what was there before stays until then.
	echo before >"$work/old.svg"
	cp "$work/old.svg" "$work/old.png"
	mkdir "$work/dir.svg" "$work/broken"
	printf '#!/bin/sh\nhead -c 100\nexit 1\n' >"$work/broken/gnuplot"
	cp "$work/broken/gnuplot" "$work/broken/rsvg-convert"
	chmod +x "$work/broken/"*
	files() { ls -A "$work" | grep -v '^err$\|^out$'; }
	before=$(files)
	refuse '^roost: --output=.*/dir.svg: is a directory' replay --quiet "$engine" --output "$work/dir.svg" "$hand"
	refuse '^roost: --output=.*/dir.svg: is a directory' map --quiet "$engine" -o "$work/dir.svg" "$hand"
	refuse '^roost: /nowhere/x: ' replay --quiet "$engine" --output "$work/new.svg" /nowhere/x
	refuse '^roost: /nowhere/x: ' map --quiet "$engine" -o "$work/new.svg" /nowhere/x
	refuse '^roost: --at=9999s' map --quiet "$engine" --at=9999s -o "$work/old.svg" "$hand"
	ln -s /dev/full "$work/full.svg"
	refuse '^roost: --output=.*/full.svg: cannot write: No space' map --quiet "$engine" -o "$work/full.svg" "$hand"
	rm "$work/full.svg"
	status=0
	PATH=$work/broken:$PATH "$ROOST" replay --json --quiet "$engine" --output "$work/old.svg" "$hand" >/dev/null \
		2>"$work/err" || status=$?
	check "a gnuplot that fails" "2 1" "$status $(grep -c '/old.svg: gnuplot failed' "$work/err")"
	search=$work/broken:$PATH
	refuse '/old.png: rsvg-convert failed' map --quiet "$engine" -o "$work/old.png" "$hand"
	search=
	check "no failure leaves a file" "$before" "$(files)"
	check "or changes one" 'before before' "$(cat "$work/old.svg" "$work/old.png" | tr '\n' ' ' | sed 's/ $//')"

	# What goes well replaces what was there, through links, with the rights that it had.
	ln -s old.svg "$work/link.svg"
	chmod 640 "$work/old.svg"
	run 0 "$ROOST" map --quiet "$engine" -o "$work/link.svg" "$hand"
	check "the link stays, and the rights" 'symbolic link 640' \
		"$(stat -c %F "$work/link.svg") $(stat -c %a "$work/old.svg")"
	check "the picture is whole" '' "$(xmllint --noout "$work/old.svg" 2>&1)"
	long=$(printf '%0251d' 0).svg # as long as a name may be
	run 0 "$ROOST" map --quiet "$engine" -o "$work/$long" "$hand"
	check "a long name" '' "$(xmllint --noout "$work/$long" 2>&1)"
fi

# ---- Names of any bytes ------------------------------------------------------------------------

name=$'Gr\xc3\xbc\xc3\x9fe\e[31m\n\xe4<&\\x41".trace' # UTF-8, control characters, Latin-1, XML, a backslash
sed $'s/mm_page_pcpu_drain/ev\xe4\e\xc3\xbc<\x01/' "$hand" >"$work/$name"
shown='Grüße\x1b[31m\x0a\xe4<&\x5cx41".trace'
replay 0 --json "$work/$name"
check "the name of a file in JSON" "$work/$shown" "$(jq -r .trace "$work/out")"
check "names of events in JSON" '{"ev\\xe4\\x1bü<\\x01":2,"sched_switch":1}' "$(value .passed_over)"
check "on stderr no control character, and one line for each error" '0 9' \
	"$(tr -d '\n' <"$work/err" | grep -c '[[:cntrl:]]') $(grep -c '^roost: ' "$work/err")"
replay 0 --quiet "$work/$name"
check "the name of a file in a report" 1 "$(grep -cF "replay: $work/$shown (text" "$work/out")"
check "names of events in a report" 1 "$(grep -cF '  ev\xe4\x1bü<\x01  ' "$work/out")"
run 0 "$ROOST" map --quiet "$engine" --json "$work/$name"
check "the name of a file in a map's JSON" "$work/$shown" "$(jq -r '.maps[0].about.trace' "$work/out")"
run 0 "$ROOST" map --quiet "$engine" -o "$work/$name.svg" "$work/$name"
check "and in its picture" "" "$(xmllint --noout "$work/$name.svg" 2>&1)"
check "whole" 1 "$(grep -c 'Grüße.x1b.31m.x0a.xe4&lt;&amp;.x5cx41".trace at' "$work/$name.svg")"
if command -v rsvg-convert >/dev/null; then
	run 0 "$ROOST" map --quiet "$engine" -o "$work/$name.png" "$work/$name"
	check "a PNG" 89504e47 "$(head -c 4 "$work/$name.png" | od -An -tx1 | tr -d ' \n')"
fi
refuse 'no such\|No such' replay $'/nowhere/\e[2J\xff'
check "an error has no control characters" 1 "$(grep -c '^roost: /nowhere/.x1b.2J.xff: cannot open' "$work/err")"
refuse '^roost: --.x1b.xe4: unknown option' replay $'--\e\xe4' "$hand"

search=/nowhere
refuse '--output: gnuplot is not installed; install the package' \
	replay --quiet --output "$work/x.svg" "$here/hand.trace"

finish
