/* SPDX-License-Identifier: MIT */
/*
 * step.c - see step.h. The child asks by SIGSTOP, which cannot be blocked and which its tracer does
 * not let through. So no instruction of any processor need be known here.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool/common/say.h"
#include "step.h"

enum wish { WISH_NONE, WISH_STEP, WISH_RUN, WISH_END };

/* Of both processes. The child is stopped while the other one writes, so nothing need be atomic. */
struct shared {
	volatile enum wish wish;
	volatile uint64_t steps;
	volatile int error; /* of the child, which could not begin */
};

static struct shared *shared;

static void ask(enum wish wish)
{
	shared->wish = wish;
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGSTOP);
}

void step_on(void)
{
	ask(WISH_STEP);
}

void step_off(void)
{
	ask(WISH_RUN);
}

void step_end(void)
{
	ask(WISH_END);
}

uint64_t step_count(void)
{
	return shared->steps;
}

/* ---- The process that counts ------------------------------------------------------------- */

static int wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, __WALL) != child)
		if (errno != EINTR)
			die("cannot wait for the replay: %s", strerror(errno));
	return status;
}

static void resume(pid_t child, bool stepping, int signal)
{
	if (ptrace(stepping ? PTRACE_SINGLESTEP : PTRACE_CONT, child, NULL, (long)signal) == 0 ||
	    errno == ESRCH) /* killed meanwhile: the next wait says so */
		return;
	kill(child, SIGKILL);
	die("--instructions: this system cannot stop a program after each instruction: %s",
	    strerror(errno));
}

/* Returns what the child's end was. */
static int count(pid_t child)
{
	bool stepping = false;
	int status;

	while (WIFSTOPPED(status = wait_for(child))) {
		int signal = WSTOPSIG(status);

		if (signal == SIGSTOP && shared->wish != WISH_NONE) {
			if (shared->wish == WISH_END) {
				ptrace(PTRACE_DETACH, child, NULL, NULL);
				return wait_for(child);
			}
			stepping = shared->wish == WISH_STEP;
			shared->wish = WISH_NONE;
			shared->steps = 0;
			signal = 0;
		} else if (signal == SIGTRAP && stepping) {
			shared->steps++;
			signal = 0;
		}
		resume(child, stepping, signal);
	}
	return status;
}

_Noreturn static void end_as(int status)
{
	if (WIFSIGNALED(status)) {
		signal(WTERMSIG(status), SIG_DFL);
		raise(WTERMSIG(status));
	}
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_USAGE);
}

/* On one CPU, since neither has anything to do while the other runs, and to wake another takes
 * longer than all the rest. */
static void share_cpu(void)
{
	const int cpu = sched_getcpu();
	cpu_set_t one;

	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return;
	CPU_ZERO(&one);
	CPU_SET((unsigned)cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void begin_child(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_USAGE);
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
		shared->error = errno;
		_exit(EXIT_USAGE);
	}
	ask(WISH_RUN);
}

bool step_begin(char error[])
{
	const pid_t parent = getpid();
	pid_t child;
	int status;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED) {
		snprintf(error, ERROR_MAX, "out of memory");
		return false;
	}
	share_cpu();
	fflush(NULL);
	child = fork();
	if (child == 0) {
		begin_child(parent);
		return true;
	}
	if (child < 0) {
		snprintf(error, ERROR_MAX, "cannot make a process: %s", strerror(errno));
		return false;
	}
	status = count(child);
	if (!shared->error)
		end_as(status);
	snprintf(error, ERROR_MAX,
		 "--instructions: this system does not let a program be traced (ptrace: %s)",
		 strerror(shared->error));
	return false;
}
