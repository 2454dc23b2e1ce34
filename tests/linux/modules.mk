# SPDX-License-Identifier: MIT OR GPL-2.0
# The test modules, for src/port/linux/Kbuild.

# pfns and pages are the same to it: words of 64 bits.
ifdef CONFIG_64BIT
obj-m += roost_bench.o
roost_bench-y := $(call objects,tests/linux/bench*.c)
endif
