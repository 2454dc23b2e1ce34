/* SPDX-License-Identifier: MIT */
/*
 * syscalls.c - between begin and end the first system call of the thread becomes a signal. Its
 * handler makes the call in its stead and lets the rest pass, so that a system call more or less is
 * not seen, but whether there is one.
 *
 * A call that changes the signal mask changes the handler's alone. A peer that blocks signals for a
 * while (as pcpbuddy does round the zone lock) has them unblocked then; no signal comes here.
 * Its own signal is not blocked in the handler either: it would be found in the mask, and
 * would be blocked for good when that is restored.
 */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "syscalls.h"

#if defined(__x86_64__) && defined(PR_SET_SYSCALL_USER_DISPATCH)

enum { PASS = 0, TRAP = 1 }; /* what the kernel reads */

static volatile char selector = PASS;
static volatile bool seen;

static void on_syscall(int signal, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	long result;

	(void)signal;
	selector = PASS; /* first of all: what follows makes system calls */
	seen = true;
	result = syscall(info->si_syscall, regs[REG_RDI], regs[REG_RSI], regs[REG_RDX],
			 regs[REG_R10], regs[REG_R8], regs[REG_R9]);
	regs[REG_RAX] = result == -1 ? -errno : result;
}

bool syscalls_watch(void)
{
	struct sigaction action = {.sa_sigaction = on_syscall, .sa_flags = SA_SIGINFO | SA_NODEFER};

	return sigaction(SIGSYS, &action, NULL) == 0 &&
	       prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector) == 0;
}

void syscalls_begin(void)
{
	seen = false;
	selector = TRAP;
}

bool syscalls_end(void)
{
	selector = PASS;
	return seen;
}

#else

bool syscalls_watch(void)
{
	return false;
}

void syscalls_begin(void)
{
}

bool syscalls_end(void)
{
	return false;
}

#endif
