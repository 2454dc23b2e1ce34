/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "job.h"

enum { DEFAULT_MAX_ORDER = 10, GIBIBYTE_ORDER = 18 };

void job_fail(struct job *job, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(job->sample->error, sizeof(job->sample->error), format, args);
	va_end(args);
	_exit(0);
}

void *job_memory(struct job *job, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		job_fail(job, "no memory for the benchmark's own lists");
	return memory;
}

static void find_cpus(struct job *job)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		CPU_ZERO(&set);
	for (unsigned cpu = JOB_CPUS; cpu-- > 0;) /* the last first: the first has the interrupts */
		if (CPU_ISSET(cpu, &set))
			job->cpus[job->nr_cpus++] = cpu;
	if (!job->nr_cpus)
		job_fail(job, "it cannot be found out which CPUs there are");
	if (!(job->what->workload->flags & SHARES_CPUS) && job->what->threads > job->nr_cpus)
		job_fail(job, "%u threads, but %u CPUs", job->what->threads, job->nr_cpus);
}

static void make_objects(struct job *job)
{
	const size_t size = (size_t)1 << job->what->parameter;

	if (!job->peer->objects->create(size, job->what->bytes))
		job_fail(job, "it has no objects of %zu bytes", size);
}

static void make_pool(struct job *job)
{
	unsigned order = job->what->workload->run == work_pairs ? job->what->parameter : 0;
	bool large = job->what->workload->flags & GIBIBYTES;
	unsigned least = large ? GIBIBYTE_ORDER : DEFAULT_MAX_ORDER;
	const struct bench_pool pool = {
		.bytes = job->what->bytes,
		.cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF),
		.max_order = order > least ? order : least,
	};
	uint64_t start = now_ns();

	if ((UINT64_C(1) << (BENCH_FRAME_SHIFT + order)) > pool.bytes)
		job_fail(job, "the pool is smaller than one block");
	if (!job->peer->create(&pool))
		job_fail(job, "it has no pool of this size and order");
	if (job->what->workload->flags & MAKES_POOL)
		job->sample->values[0] = (double)(now_ns() - start) / 1000;
}

void job_run(struct job *job)
{
	find_cpus(job);
	team_pin(job, 0);
	if (job->what->workload->flags & NEEDS_OBJECTS)
		make_objects(job);
	else
		make_pool(job);
	job->what->workload->run(job);
	if (!(job->what->workload->flags & NEEDS_OBJECTS))
		job->peer->destroy();
	job->sample->done = true;
}
