#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The pool's tests in a virtual machine with two NUMA nodes and reserved huge pages:
#
#	tests/pool/guest.sh BUILD
#
# About two minutes; x86-64.
set -eu
cd "$(dirname "$0")/../.."
build=${1:-build}

scripts/guest --seconds 900 \
	--qemu '-smp 4 -m 4096 -object memory-backend-ram,id=m0,size=2G -object memory-backend-ram,id=m1,size=2G
		-numa node,memdev=m0,cpus=0-1 -numa node,memdev=m1,cpus=2-3' \
	--append 'hugepagesz=1G hugepages=1 hugepagesz=2M hugepages=64' \
	-- "$build/tests/guest_pool" "$build/tests/test_pool" "$build/tests/test_pool_size" \
	"$build/tests/test_pool_fork" -- \
	'/guest_pool && /test_pool && /test_pool_size && /test_pool_fork'
