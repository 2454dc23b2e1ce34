# SPDX-License-Identifier: MIT
# calibration.sh - the engine linux-pcp on the traces of a real kernel, beside that kernel's own events.
. "$(dirname "$0")/common.sh"

# within WHAT FOUND WANTED PERCENT
within() {
	check "$1: $2 is within $4 % of $3" yes "$(awk -v a="$2" -v b="$3" -v p="$4" \
		'BEGIN { d = 100 * (a - b) / b; print (d > p || d < -p) ? d " %" : "yes" }')"
}

# calibrate TRACE TAKEN_PERCENT DRAINED_PERCENT ARGUMENTS...
calibrate() {
	local trace=$1 taken=$2 drained=$3 real found
	shift 3
	real=$(zstd -q -dc "$TRACES/$trace.trace.zst" | grep -E ' mm_page_(alloc_zone_locked|pcpu_drain):' | awk '
		match($0, / order=[0-9]+/) {
			frames = 2 ^ substr($0, RSTART + 7, RLENGTH - 7)
			if (/ mm_page_pcpu_drain:/) drained += frames
			else taken += frames
		} END { print taken, drained }')
	run 0 "$ROOST" replay --json --quiet --engine=linux-pcp --free=6.1 --memory=2G "$@" \
		"$TRACES/$trace.trace.zst"
	equations "$trace $*"
	found=$(value '.paths | "\(.refill_chunks) \(.pcp_drained)"' | tr -d '"')
	within "$trace $*: frames taken" "${found% *}" "${real% *}" "$taken"
	within "$trace $*: frames drained" "${found#* }" "${real#* }" "$drained"
}

calibrate boot-mix 1 2
calibrate compile 8.5 11
calibrate compile 4 1 --high=3530 --batch=63 # why: docs/lab.md
finish
