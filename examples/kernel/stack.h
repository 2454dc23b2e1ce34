/* SPDX-License-Identifier: MIT */
/* stack.h - what start.S knows of struct cpu and of stacks; cpu.c asserts it. */
#ifndef KERNEL_STACK_H
#define KERNEL_STACK_H

#define STACK_SIZE 16384
#define CPU_STACK  16 /* offset of the top of the CPU's stack */

#endif
