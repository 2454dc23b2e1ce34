# SPDX-License-Identifier: MIT
# usage.sh - wrong command lines and wrong files: status 2 and one line that names the culprit.
. "$(dirname "$0")/common.sh"

other=$([ "$ENGINE" = roost ] && echo pcpbuddy || echo roost)
engine=--engine=$ENGINE
accept 'replay TRACE' --help
accept '^roost [0-9]' --version
accept 'replay TRACE' help
accept 'replay TRACE' -h
accept '^roost [0-9]' -V
for command in replay compare map top explore bench; do
	accept "^Usage: .*$command" help $command
	accept "^Usage: .*$command" $command -h
done
# argp breaks a line that is too long, and the rest begins in the first column.
check "lines of --help that argp broke" "" "$("$ROOST" --help | grep '^[a-z]')"
accept '--irq-storm=HZ' replay --help
accept '--irq-storm=HZ' replay "$engine" --help
accept '"verified": true' replay --json --quiet --engine "$ENGINE" "$here/hand.trace"
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
refuse '^roost: --json=1: ' replay --json=1 "$here/hand.trace"
refuse '^roost: --cpus=0: ' replay --cpus=0 "$here/hand.trace"
refuse '^roost: --cpus=9999: ' replay --cpus=9999 "$here/hand.trace"
refuse '^roost: --cpus=two: ' replay --cpus two "$here/hand.trace"
refuse '^roost: --check=4: ' replay --check=4 "$here/hand.trace"
refuse "^roost: --free=never: .*${free_paths/ /, }" replay "$engine" --free=never "$here/hand.trace"
refuse '^roost: --memory=1M: ' replay --memory=1M "$here/hand.trace"
refuse '^roost: --memory=1X: ' replay --memory=1X "$here/hand.trace"
refuse '^roost: --memory=99999999T: ' replay --memory=99999999T "$here/hand.trace"
refuse '^roost: --limit=-1: ' replay --limit=-1 "$here/hand.trace"
refuse '^roost: --irq-storm=0: ' replay --parallel --irq-storm=0 "$here/hand.trace"
refuse '^roost: --irq-storm: .*--parallel' replay --irq-storm=100 "$here/hand.trace"
refuse '^roost: --high=x: ' replay "$engine" --high=x "$here/hand.trace"
if [ "$ENGINE" != pcpbuddy ]; then
	for free in trylock llist blocking; do
		refuse "^roost: --free=$free: the engine $ENGINE has the free path $free_paths\$" \
			replay "$engine" --free=$free "$here/hand.trace"
	done
	refuse '^roost: --high=64: the engine roost has no such mark' \
		replay "$engine" --high=64 "$here/hand.trace"
	refuse '^roost: --batch=16: the engine roost has no such mark' \
		replay "$engine" --batch=16 "$here/hand.trace"
fi
refuse 'no engine "never": .*pcpbuddy, roost' replay --engine=never "$here/hand.trace"
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
refuse '/binary: is no trace' replay "$work/binary"
yes 'Lorem ipsum - dolor [sit] amet' | head -n 100000 >"$work/prose"
refuse '/prose: is no trace' replay "$work/prose"
grep -e '^#' -e drain "$here/hand.trace" >"$work/other"
refuse '/other: holds no mm_page_alloc' replay "$work/other"
gzip -c "$TRACES/README.md" | head -c 900 >"$work/cut.gz"
refuse '/cut.gz: cannot read' replay "$work/cut.gz"
"$MKDAT" <"$here/hand.trace" | head -c 700 >"$work/cut.dat"
refuse '/cut.dat: a trace.dat that libtracecmd cannot read' replay "$work/cut.dat"
refuse '^roost: --svg=/nowhere/x.svg: cannot write' replay --quiet --svg /nowhere/x.svg \
	"$here/hand.trace"
search=/nowhere
refuse '--svg: gnuplot is not installed; install the package' \
	replay --quiet --svg "$work/x.svg" "$here/hand.trace"

finish
