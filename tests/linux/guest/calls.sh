#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Arguments at their limits, in a guest with little memory (scripts/guest): calls of other modules,
# parameters, debugfs; right frees while another task walks over all pages; pages given
# to both allocators, and floods of misuse; growth beyond the memory; kills. What comes out ends with
# "verdict: calls pass", or FAIL and why.
#
#	sh /calls.sh PATH [PART...]	the free path, for pcpbuddy; only some parts, see the end
set -u

what=calls path=$1
. /lib.sh

# answer FILE TEXT WHAT: what the kernel says when TEXT is written; "" is nothing
answer() {
	said=$({ echo "$2" >"$debug/roost/$1"; } 2>&1)
	case $said in
	*"$3"*) [ -n "$3" ] || [ -z "$said" ] || fail "$1 of '$2': $said" ;;
	*) fail "$1 of '$2' says '$said', not '$3'" ;;
	esac
}

range='out of range' invalid='Invalid argument' memory='Cannot allocate memory'

answers() {
	for cpu in -1 0 1; do answer drain $cpu ''; done
	for cpu in -2 99999 -2147483648 4294967295 4294967296 18446744073709551616; do
		answer drain $cpu "$range"
	done
	for cpu in '' - x 1x '1 1' 0x1 1.5 99999999999999999999999999999; do
		answer drain "$cpu" "$invalid"
	done
	for pages in 0 1 3000; do answer grow $pages ''; done
	for pages in '' -1 x 3000x '1 1' 99999999999999999999999999999; do
		answer grow "$pages" "$invalid"
	done
	answer grow 18446744073709551616 "$range"
	answer grow 18446744073709551615 "$memory"
	for any in '' now -1 99999999999999999999999999999; do answer shrink "$any" ''; done
}

# refused WHAT PARAMETER...: the log names what is wrong, and nothing else is said there
refused() {
	dmesg -c >/dev/null
	name=$1
	shift
	insmod /roost.ko "$@" 2>/dev/null && fail "roost.ko takes $*"
	dmesg | grep -q "$name" || fail "the log does not name what is wrong with $*: $(dmesg)"
	kernel_is_content
}

parameters() {
	for mb in 1 4294967312 4294967295 16000000; do refused limit_mb limit_mb=$mb; done
	for order in 8 11; do refused chunk_order limit_mb=64 chunk_order=$order; done
	refused check_level limit_mb=64 check_level=4
	refused initial limit_mb=64 initial=-1
	refused free_path free_path=
	refused free_path free_path=trylocks
	dmesg -c >/dev/null
	insmod /roost.ko limit_mb=64 initial=4294967295 || fail "roost.ko refuses a large initial="
	dmesg | grep -q 'initial=4294967295: node 0 has 16 chunks' ||
		fail "fewer chunks than initial= says are not told: $(dmesg)"
	grep -q '^chunks 16$' $debug/roost/memory || fail "initial=: $(cat $debug/roost/memory)"
	rmmod roost || fail "roost.ko does not go"
}

start() {
	insmod /roost.ko free_path="$path" "$@" || fail "no roost.ko"
	insmod /roost_test.ko free_path="$path" || fail "no roost_test.ko"
}

end() {
	rmmod roost_test || fail "roost_test.ko does not go"
	rmmod roost || fail "roost.ko does not go"
}

# nothing_wrong: after which the log is empty
nothing_wrong() {
	dmesg | grep -E 'roost: misuse|never freed' && fail "right calls are said to be wrong, see above"
	kernel_is_content
	dmesg -c >/dev/null
}

# told N: this many misuses, in the log, or left out
told() {
	shown=$(dmesg | grep -c 'roost: misuse: .*[^t]$')
	lost=$(dmesg | sed -n 's/.*roost: misuse: \([0-9]*\) more reports were left out$/\1/p' |
		awk '{ n += $1 } END { print n + 0 }')
	echo "misuses: $shown shown, $lost left out"
	[ $((shown + lost)) = "$1" ] || fail "$1 misuses, but $shown in the log and $lost left out"
	[ "$shown" -lt 100 ] || fail "a flood of $shown reports in the log"
}

# passes COMMAND...
passes() {
	run "$@" >/tmp/result
	cat /tmp/result
	tail -n 1 /tmp/result | grep -q '^verdict: .* pass$' || fail "$(tail -n 1 /tmp/result)"
	dmesg | grep -q "page .* has .* references" && [ "$1" != wrong ] && fail "$1: misuse, see above"
}

# A task that takes a reference of each page for a moment, again and again.
walked() {
	start limit_mb=64
	[ -e $debug/split_huge_pages ] || fail "nobody can walk over all pages"
	while :; do echo 1 >$debug/split_huge_pages; done 2>/dev/null &
	walker=$!
	passes frees 20
	end
	kill $walker
	wait $walker 2>/dev/null
	nothing_wrong
}

# A kill ends what takes long, and the verdict says so.
at_work() {
	dmesg | grep -c 'load: all contexts are at work' || :
}

# Not before it has begun, which takes seconds on a slow machine.
killed() {
	before=$(at_work)
	(echo load 60 >$debug/roost_test/run) &
	long=$!
	while [ "$(at_work)" = "$before" ] && kill -0 $long 2>/dev/null; do sleep 1; done
	kill -9 $long
	wait $long
	grep -q 'verdict: load FAIL a signal ended it' $debug/roost_test/result ||
		fail "a load goes on when it is killed: $(tail -n 1 $debug/roost_test/result)"
}

# chunks NAME: as in roost's file. Without another program: a wait for one is quick
chunks() {
	while read -r key number; do
		[ "$key" != "$1" ] || echo "$number"
	done <$debug/roost/memory
}

# There is less memory than roost.ko may have. Growth ends where the kernel has no more, and is not
# what the shrinker has just given back. A kill ends it before.
grown() {
	insmod /roost.ko free_path="$path" limit_mb=3000 || fail "no roost.ko"
	(echo 100000000 >$debug/roost/grow) 2>/dev/null &
	grower=$!
	while [ "$(chunks chunks)" -lt 6 ]; do :; done
	kill -9 $grower
	wait $grower
	first=$(chunks chunks)
	answer grow 100000000 "$memory"
	echo "chunks: $first when killed, $(chunks chunks) then; grown $(chunks grown), shrunk $(chunks shrunk)"
	[ "$first" -lt "$(chunks chunks)" ] || fail "growth goes on when it is killed: $first chunks"
	[ "$(chunks grown)" -lt "$(chunks chunks_max)" ] || fail "growth goes on with what was shrunk"
	[ "$(cat $debug/roost/validate)" = ok ] || fail "validate: $(cat $debug/roost/validate)"
	rmmod roost || fail "roost.ko does not go"
	nothing_wrong
}

# While the kernel takes chunks back, growth does not take them again.
tugged() {
	insmod /roost.ko free_path="$path" limit_mb=64 || fail "no roost.ko"
	(echo 16384 >$debug/roost/grow) 2>/dev/null &
	grower=$!
	n=0
	while [ $n -lt 60 ] && kill -0 $grower 2>/dev/null; do
		echo 2 >/proc/sys/vm/drop_caches
		n=$((n + 1))
	done
	wait $grower
	echo "chunks: grown $(chunks grown), shrunk $(chunks shrunk)"
	[ "$(chunks shrunk)" -gt 0 ] || fail "nothing was shrunk"
	[ "$(chunks grown)" -le "$(chunks chunks_max)" ] || fail "growth takes what was shrunk"
	rmmod roost || fail "roost.ko does not go"
	nothing_wrong
}

right() {
	start limit_mb=64
	passes calls
	misuses=$(sed -n 's/^misuses: //p' /tmp/result)
	end
	told "$misuses"
	dmesg | grep 'never freed' && fail "pages were lost"
	kernel_is_content
	dmesg -c >/dev/null
}

# wrong COMMAND: what it does is reported
wrong() {
	start limit_mb=64
	passes "$1"
	misuses=$(sed -n 's/^misuses: //p' /tmp/result)
	end
	told "$misuses"
	kernel_is_content
	dmesg -c >/dev/null
}

files() {
	start limit_mb=64
	answers
	killed
	end
	nothing_wrong
}

[ $# -gt 1 ] || set -- "$path" parameters files right walked tugged grown 'wrong left' 'wrong wrong'
shift
for part; do
	$part
done
echo "verdict: calls pass"
