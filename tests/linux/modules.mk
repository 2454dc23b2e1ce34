# SPDX-License-Identifier: MIT OR GPL-2.0
# The test modules, for src/port/linux/Kbuild.

# roost_test.ko: tests of roost.ko from inside of the kernel.
obj-m += roost_test.o
roost_test-y := $(addprefix tests/linux/,main.o proof.o hang.o nmi.o load.o contexts.o slots.o \
	blocks.o xarray.o objects.o keeper.o count.o rungs.o calls.o wrong.o caches.o)

# pfns and pages are the same to roost_bench.ko: words of 64 bits. ROOST_BENCH=0: without it.
obj-$(if $(filter 0,$(ROOST_BENCH)),,m) += roost_bench.o
roost_bench-y := $(call objects,tests/linux/bench*.c)

# roost_fail.ko: an allocation that fails while roost.ko starts.
obj-$(if $(CONFIG_FAULT_INJECTION),m) += roost_fail.o
roost_fail-y := tests/linux/fail_load.o
