#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Object caches in the kernel, for scripts/linux-test: objects freed in all contexts, misuse in the log
# with the name of the cache, debugfs.
#
#	sh /caches.sh PATH	the free path, for pcpbuddy
set -u

what=caches path=$1
. /lib.sh

insmod /roost.ko free_path="$path" limit_mb=64 || fail "no roost.ko"
insmod /roost_test.ko free_path="$path" || fail "no roost_test.ko"
[ -z "$(cat $debug/roost/caches)" ] || fail "there are caches at the start"
run caches | tee /tmp/result
tail -n 1 /tmp/result | grep -q '^verdict: caches pass$' || exit 1
sleep 0.2 # the log is written a moment later
for text in 'is free already' 'is inside an object, or past the last one of a slab' 'is in no slab: it is no object of any cache'; do
	dmesg | grep -q "roost: misuse: roost_cache_free: object .* of cache kt_test: $text" ||
		fail "the log does not say: $text"
done
grep -q '^cache  *size' $debug/roost/caches || fail "debugfs has no caches"
[ "$(cat $debug/roost/validate)" = ok ] || fail "validate: $(cat $debug/roost/validate)"
rmmod roost_test || fail "roost_test.ko does not go"
rmmod roost || fail "roost.ko does not go"
dmesg | grep -E 'roost: .*(never destroyed|are lost)' && fail "pages are lost"
kernel_is_content
echo "verdict: caches pass"
