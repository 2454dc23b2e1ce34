/* SPDX-License-Identifier: MIT */
/* stepping.h - SIGTRAP behind each instruction of the calling thread, by the processor's trap flag
 * (x86-64). */
#ifndef TESTS_STEPPING_H
#define TESTS_STEPPING_H

#include <stdbool.h>

enum { TRAP_FLAG = 0x100 };

static inline void step(bool on)
{
	unsigned long flags;

	/* Below the red zone. */
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tpopq %0\n\tlea 128(%%rsp), %%rsp"
			 : "=r"(flags)
			 :
			 : "memory", "cc");
	flags = on ? flags | TRAP_FLAG : flags & ~(unsigned long)TRAP_FLAG;
	__asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushq %0\n\tpopfq\n\tlea 128(%%rsp), %%rsp"
			 :
			 : "r"(flags)
			 : "memory", "cc");
}

#endif
