# SPDX-License-Identifier: MIT OR GPL-2.0
# roost_test.ko: tests of roost.ko from inside of the kernel.
obj-m += roost_test.o
roost_test-y := $(addprefix tests/linux/,main.o proof.o hang.o nmi.o)
# The test modules, for src/port/linux/Kbuild.

# pfns and pages are the same to it: words of 64 bits.
ifdef CONFIG_64BIT
obj-m += roost_bench.o
roost_bench-y := $(call objects,tests/linux/bench*.c)
endif
