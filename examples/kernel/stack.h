/* SPDX-License-Identifier: MIT */
/* stack.h - what start.S knows of struct cpu and of stacks; cpu.c asserts it. */
#ifndef KERNEL_STACK_H
#define KERNEL_STACK_H

#define STACK_SIZE	16384
#define CPU_HARDWARE_ID 8    /* offset of the number that the firmware gives it */
#define CPU_STACK	16   /* offset of the top of the CPU's stack */
#define CPU_SIZE	2872 /* bytes of a struct cpu */

#endif
