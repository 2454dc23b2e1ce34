#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The lines of docs/tracing.md, run: each line for bpftrace on a program with the library, in a virtual
# machine with Debian's kernel; then roost.ko's tracepoints with trace-cmd, perf and bpftrace.
#
#	tests/linux/tracing.sh BUILD MODULES IMAGE
#
# BUILD has the programs, MODULES roost.ko for the kernel IMAGE. About two
# minutes.
set -eu
cd "$(dirname "$0")/../.."
build=$1 modules=$2 image=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Each bpftrace line of the document, which may go on in the next ones, becomes one command: which
# program has the probe depends on the engine, and on whether it is one of the pool's.
sed -n '/^```$/,/^```$/p' docs/tracing.md | awk '
	/^bpftrace/ { if (line) print line; line = $0; next }
	/^\t/ { line = line " " $0; next }
	{ if (line) print line; line = "" }
	END { if (line) print line }' | while IFS= read -r line; do
	case $line in
	*roost:pool_misuse* | *roost:give_back* | *roost:grow* | *roost:object_misuse* | *roost:slab_*) program='/test_pool' ;;
	*roost:zone_lock* | *roost:free_fallback*) program='/stress_pcpbuddy --seconds=1' ;;
	*usdt:*) program='/stress_sets --seconds=1' ;;
	*tracepoint:*) program='/bin/busybox sh /traffic.sh' ;;
	esac
	printf '%s\n' "$line -c '$program'" | sed "s,\./PROGRAM,${program%% *},g; s,^bpftrace,timeout 120 /bpftrace,"
done >"$work/lines"
[ "$(wc -l <"$work/lines")" -gt 10 ] || {
	echo "tracing: found no lines in docs/tracing.md" >&2
	exit 1
}

cat >"$work/traffic.sh" <<'END'
echo 5000 >/sys/kernel/debug/roost/grow
echo 1 >/sys/kernel/debug/roost/shrink
END
{
	cat <<'END'
mount -t debugfs none /sys/kernel/debug
mount -t tracefs none /sys/kernel/tracing
insmod /roost.ko limit_mb=64 || exit 1
status=0
# seen NAME WANTED: what the last command said is in /tmp/out
seen() {
	grep -q "$2" /tmp/out || { echo "FAIL $1"; tail -n 5 /tmp/out; status=1; }
}
/trace-cmd record -q -e roost -o /tmp/t.dat /bin/busybox sh /traffic.sh >/dev/null 2>&1
/trace-cmd report /tmp/t.dat >/tmp/out 2>&1
seen 'trace-cmd: alloc' 'roost_alloc: *pfn=0x[0-9a-f]* order=10'
seen 'trace-cmd: grow' 'roost_grow: *pfn=0x[0-9a-f]* kernel_pfn=0x'
/perf stat -e roost:roost_alloc,roost:roost_free /bin/busybox sh /traffic.sh >/tmp/out 2>&1
seen 'perf' '[1-9][0-9]* *roost:roost_free'
END
	while IFS= read -r line; do
		# What bpftrace cannot attach to or read it says in a line with ERROR.
		printf '%s >/tmp/out 2>&1\n' "$line"
		printf 'grep -q ERROR /tmp/out && echo >/tmp/out\n'
		printf 'seen %s "Attaching"\n' "'$(printf '%s\n' "$line" | sed "s/'//g; s/ -c .*//; s/.*bpftrace -e //")'"
	done <"$work/lines"
	echo 'echo "lines: '"$(wc -l <"$work/lines")"'"; exit $status'
} >"$work/run.sh"

scripts/guest --seconds 500 --kernel "$image" --qemu '-smp 2 -m 2048' -- "$modules/roost.ko" "$work/run.sh" \
	"$work/traffic.sh" "$(command -v bpftrace)" "$(command -v trace-cmd)" "$(readlink -f "$(command -v perf)")" \
	"$build/tests/stress_sets" "$build/tests/stress_pcpbuddy" "$build/tests/test_pool" -- \
	'sh /run.sh'
