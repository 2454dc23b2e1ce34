/* SPDX-License-Identifier: MIT */
/*
 * fiber.c - the switch by hand on x86-64 (some ten instructions), by ucontext elsewhere, where it
 * takes system calls.
 */
#include "fiber.h"

#include <stdio.h>
#include <stdlib.h>

void fiber_create(struct fiber *fiber)
{
	if (fiber->stack)
		return;
	fiber->stack = aligned_alloc(64, FIBER_STACK);
	if (!fiber->stack) {
		perror("roost: stack");
		exit(2);
	}
}

#if FIBER_X86_64

/* Saves what a called function must keep, on the stack, and goes on where the other did so. */
void fiber_swap(void **save, void *load);
__asm__(".text\n"
	".p2align 4\n"
	".type fiber_swap, @function\n"
	"fiber_swap:\n"
	"	push %rbp\n"
	"	push %rbx\n"
	"	push %r12\n"
	"	push %r13\n"
	"	push %r14\n"
	"	push %r15\n"
	"	mov %rsp, (%rdi)\n"
	"	mov %rsi, %rsp\n"
	"	pop %r15\n"
	"	pop %r14\n"
	"	pop %r13\n"
	"	pop %r12\n"
	"	pop %rbx\n"
	"	pop %rbp\n"
	"	ret\n"
	".size fiber_swap, .-fiber_swap\n");

/* The first switch to a fiber "returns" here: r12 is the function, r13 its argument. */
void fiber_first(void);
__asm__(".text\n"
	".type fiber_first, @function\n"
	"fiber_first:\n"
	"	mov %r13, %rdi\n"
	"	call *%r12\n"
	"	ud2\n"
	".size fiber_first, .-fiber_first\n");

void fiber_start(struct fiber *fiber, void (*enter)(void *), void *argument)
{
	void **sp = (void **)(void *)(fiber->stack + FIBER_STACK - 64);

	*--sp = NULL;
	*--sp = NULL; /* here the stack is aligned to 16, as it must be before a call */
	*--sp = (void *)fiber_first;
	*--sp = NULL;	       /* rbp */
	*--sp = NULL;	       /* rbx */
	*--sp = (void *)enter; /* r12 */
	*--sp = argument;      /* r13 */
	*--sp = NULL;	       /* r14 */
	*--sp = NULL;	       /* r15 */
	fiber->sp = sp;
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
	fiber_swap(&from->sp, to->sp);
}

#else

static void first(unsigned high, unsigned low, unsigned high2, unsigned low2)
{
	void (*enter)(void *) = (void (*)(void *))((uintptr_t)high << 16 << 16 | low);

	enter((void *)((uintptr_t)high2 << 16 << 16 | low2));
}

void fiber_start(struct fiber *fiber, void (*enter)(void *), void *argument)
{
	uintptr_t f = (uintptr_t)enter, a = (uintptr_t)argument;

	getcontext(&fiber->at);
	fiber->at.uc_stack.ss_sp = fiber->stack;
	fiber->at.uc_stack.ss_size = FIBER_STACK;
	fiber->at.uc_link = NULL;
	makecontext(&fiber->at, (void (*)(void))first, 4, (unsigned)(f >> 16 >> 16), (unsigned)f,
		    (unsigned)(a >> 16 >> 16), (unsigned)a);
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
	swapcontext(&from->at, &to->at);
}

#endif
