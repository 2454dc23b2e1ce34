/* SPDX-License-Identifier: MIT */
/*
 * team.c - the threads of a sample.
 */
#include <pthread.h>

#include "job.h"

enum { TEAM_MOST = 64, SPINS = 1000 };

struct member {
	pthread_t thread;
	worker_fn *run;
	struct worker worker;
};

void team_pin(struct job *job, unsigned index)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(job->cpus[index % job->nr_cpus], &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0)
		job_fail(job, "a thread cannot be pinned to CPU %u",
			 job->cpus[index % job->nr_cpus]);
}

void team_wait(struct worker *worker)
{
	unsigned spins = 0;

	atomic_fetch_sub(worker->waiting, 1);
	while (atomic_load_explicit(worker->waiting, memory_order_acquire))
		if (++spins > SPINS)
			sched_yield(); /* more threads than CPUs */
}

static void *member_main(void *context)
{
	struct member *member = context;

	team_pin(member->worker.job, member->worker.index);
	member->run(&member->worker);
	return NULL;
}

static void add_up(struct job *job, const struct worker *worker, unsigned nr)
{
	struct sample *sample = job->sample;
	double share = job->what->workload->flags & SUMS ? 1 : 1.0 / nr;
	double off_cpu = watch_off_cpu(&worker->watch);

	for (unsigned i = 0; i < WORKLOAD_FIGURES; i++)
		sample->values[i] += worker->values[i] * share;
	if (off_cpu > sample->off_cpu)
		sample->off_cpu = off_cpu;
	if (worker->watch.switches > sample->switches)
		sample->switches = worker->watch.switches;
}

void team_run(struct job *job, unsigned nr, worker_fn *run, void *own)
{
	static struct member members[TEAM_MOST];
	_Atomic unsigned waiting = nr;

	if (nr > TEAM_MOST)
		job_fail(job, "%u threads are more than %d", nr, TEAM_MOST);
	for (unsigned i = 0; i < nr; i++) {
		struct member *m = &members[i];

		m->run = run;
		m->worker =
			(struct worker){.job = job, .index = i, .waiting = &waiting, .own = own};
		m->worker.random.state = job->seed + i * UINT64_C(0x5851f42d4c957f2d);
		if (pthread_create(&m->thread, NULL, member_main, m) != 0)
			job_fail(job, "a thread could not be started");
	}
	for (unsigned i = 0; i < nr; i++) {
		pthread_join(members[i].thread, NULL);
		add_up(job, &members[i].worker, nr);
	}
}
