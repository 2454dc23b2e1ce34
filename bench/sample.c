/* SPDX-License-Identifier: MIT */
/*
 * sample.c - one sample, in a process of its own: what crashes or hangs there costs one sample, and
 * no peer finds what another left behind.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "job.h"
#include "tool/common/say.h"

enum {
	LENGTH_NS = 30000000,
	LENGTH_QUICK_NS = 1000000,
	FRAMES_MOST = 65536,
	FRAMES_MOST_QUICK = 2048,
	OBJECTS_MOST = 100000,
	OBJECTS_MOST_QUICK = 2000,
};

struct sample *sample_memory(void)
{
	void *memory = mmap(NULL, sizeof(struct sample), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("out of memory");
	return memory;
}

_Noreturn static void child_main(struct job *job)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	job_run(job);
	_exit(0);
}

/* False: it did not end in time and was ended. */
static bool wait_for(pid_t pid, unsigned seconds, int *status)
{
	struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	bool in_time = ended.fd < 0 || poll(&ended, 1, (int)seconds * 1000) == 1;

	if (!in_time)
		kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) != pid)
		if (errno != EINTR)
			die("a sample's process cannot be waited for: %s", strerror(errno));
	if (ended.fd >= 0)
		close(ended.fd);
	return in_time;
}

static void judge(struct sample *sample, bool in_time, int status, unsigned limit)
{
	if (!in_time)
		snprintf(sample->error, sizeof(sample->error),
			 "hung, or took longer than %u seconds", limit);
	else if (WIFSIGNALED(status))
		snprintf(sample->error, sizeof(sample->error), "crashed: %s",
			 strsignal(WTERMSIG(status)));
	else if (!sample->done && !sample->error[0])
		snprintf(sample->error, sizeof(sample->error), "ended without figures");
}

bool sample_take(struct sample *sample, const struct bench_options *options,
		 const struct bench_peer *peer, const struct bench_case *what, unsigned round)
{
	const unsigned times = what->workload->samples ? what->workload->samples : 1;
	struct job job = {
		.peer = peer,
		.what = what,
		.sample = sample,
		.length = (uint64_t)times * (options->quick ? LENGTH_QUICK_NS : LENGTH_NS),
		.frames_most = options->quick ? FRAMES_MOST_QUICK : FRAMES_MOST,
		.objects_most = options->quick ? OBJECTS_MOST_QUICK : OBJECTS_MOST,
		.seed = 1 + round,
	};
	bool in_time;
	int status;
	pid_t pid;

	memset(sample, 0, sizeof(*sample));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		die("a process for a sample could not be started: %s", strerror(errno));
	if (pid == 0)
		child_main(&job);
	in_time = wait_for(pid, options->timeout, &status);
	judge(sample, in_time, status, options->timeout);
	return !sample->error[0];
}
