#!/bin/sh
# SPDX-License-Identifier: MIT
#
# In the guest: loads roost.ko and roost_test.ko, lets the latter do what is said, shows its result
# and what the kernel has to say.
#
#	run.sh FREE_PATH COMMAND...
free_path=$1
shift
mount -t debugfs none /sys/kernel/debug
insmod /roost.ko limit_mb=64 free_path="$free_path" || exit 1
insmod /roost_test.ko free_path="$free_path" || exit 1
if [ "$1" = load ] && [ -e /hotplug.sh ]; then
	sh /hotplug.sh "$2" &
fi
echo "$*" >/sys/kernel/debug/roost_test/run || echo "verdict: $1 FAIL the command was refused"
wait
cat /sys/kernel/debug/roost_test/result
echo "validate: $(cat /sys/kernel/debug/roost/validate)"
rmmod roost_test || echo 'verdict: rmmod FAIL roost_test.ko cannot be unloaded'
rmmod roost || echo 'verdict: rmmod FAIL roost.ko cannot be unloaded'
echo 'dmesg:'
dmesg
