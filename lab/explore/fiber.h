/* SPDX-License-Identifier: MIT */
/*
 * fiber.h - coroutines: each context of the virtual machine runs on a stack of its own.
 *
 * A fiber that is not switched to any more is simply forgotten: nothing on its stack needs to be
 * undone, and fiber_start() makes it new.
 */
#ifndef LAB_FIBER_H
#define LAB_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ROOST_LAB_UCONTEXT: as on other processors, to test it. */
#if defined(__x86_64__) && !defined(ROOST_LAB_UCONTEXT)
#define FIBER_X86_64 1
#else
#define FIBER_X86_64 0
#include <ucontext.h>
#endif

enum { FIBER_STACK = 64 * 1024 };

struct fiber {
	char *stack; /* FIBER_STACK bytes; NULL: the stack that the program was started on */
#if FIBER_X86_64
	void *sp;
#else
	ucontext_t at;
#endif
};

/* Gives the fiber a stack. The program ends if there is no memory. */
void fiber_create(struct fiber *fiber);
/* Makes the fiber begin with enter(argument), which must never return, when it is switched to. */
void fiber_start(struct fiber *fiber, void (*enter)(void *), void *argument);
/* Goes on with the other fiber; comes back when somebody switches to this one. */
void fiber_switch(struct fiber *from, struct fiber *to);

static inline bool fiber_on_stack(const struct fiber *fiber, const void *address)
{
	return (uintptr_t)address - (uintptr_t)fiber->stack < FIBER_STACK;
}

#endif
