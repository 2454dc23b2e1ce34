# SPDX-License-Identifier: MIT
# calibration.sh - the engine linux-pcp on the traces of a real kernel, beside that kernel's own events.
. "$(dirname "$0")/common.sh"

# within WHAT FOUND WANTED PERCENT
within() {
	check "$1: $2 is within $4 % of $3" yes "$(awk -v a="$2" -v b="$3" -v p="$4" \
		'BEGIN { d = 100 * (a - b) / b; print (d > p || d < -p) ? d " %" : "yes" }')"
}

# calibrate FILE VERSION TAKEN_PERCENT DRAINED_PERCENT ARGUMENTS...
calibrate() {
	local file=$1 version=$2 taken=$3 drained=$4 real found what
	what="$(basename "$file" .trace.zst) ${*:5}"
	shift 4
	real=$(zstd -q -dcf "$file" | grep -E ' mm_page_(alloc_zone_locked|pcpu_drain):' | awk '
		match($0, / order=[0-9]+/) {
			frames = 2 ^ substr($0, RSTART + 7, RLENGTH - 7)
			if (/ mm_page_pcpu_drain:/) drained += frames
			else taken += frames
		} END { print taken, drained }')
	run 0 "$ROOST" replay --json --quiet --engine=linux-pcp --free="$version" "$@" "$file"
	equations "$what"
	found=$(value '.paths | "\(.refill_chunks) \(.pcp_drained)"' | tr -d '"')
	within "$what: frames taken" "${found% *}" "${real% *}" "$taken"
	within "$what: frames drained" "${found#* }" "${real#* }" "$drained"
}

calibrate "$TRACES/boot-mix.trace.zst" 6.1 1 2 --memory=2G
calibrate "$TRACES/compile.trace.zst" 6.1 8.5 11 --memory=2G
calibrate "$TRACES/compile.trace.zst" 6.1 4 1 --memory=2G --high=3530 --batch=63 # why: docs/lab.md

# Of a guest whose pcps were empty when it began. Frees of what was allocated before have no allocation, and are not
# replayed; so each gets one on its own CPU.
mix=$TRACES/calibration/mix-6.12.trace.zst
calibrate "$mix" 6.12 7 27 --memory=472M
zstd -q -dc "$mix" | awk '
	{ line[NR] = $0 }
	$5 == "mm_page_alloc:" { live[$7] = 1 }
	$5 == "mm_page_free:" {
		if (!live[$7])
			print "init-1", $2, "..... 1.000000: mm_page_alloc: page=0", $7, $8, "migratetype=0 gfp_flags=GFP_KERNEL"
		live[$7] = 0
	}
	END { for (i = 1; i <= NR; i++) print line[i] }' >"$work/whole.trace"
calibrate "$work/whole.trace" 6.12 1 4 --memory=472M
check "frees of what was allocated before" 0 "$(value .unmatched.before_trace)"
finish
