/* SPDX-License-Identifier: MIT */
/*
 * job.h - one sample, seen from the process that takes it.
 */
#ifndef BENCH_JOB_H
#define BENCH_JOB_H

#include <stdatomic.h>
#include <sched.h>

#include "clock.h"
#include "histogram.h"
#include "peer.h"
#include "tool/common/random.h"
#include "workload.h"

enum { SAMPLE_TEXT_MAX = 160, JOB_CPUS = CPU_SETSIZE };

/* What comes of it, in memory that is shared with the process that asked for it. */
struct sample {
	bool done;
	char error[SAMPLE_TEXT_MAX]; /* why there are no figures */
	char note[SAMPLE_TEXT_MAX];  /* what the reader has to know */
	double values[WORKLOAD_FIGURES];
	/* Of the thread that fared worst. */
	double off_cpu;
	uint64_t switches;
	struct histogram free, empty; /* of tail, in ns */
};

struct job {
	const struct bench_peer *peer;
	const struct bench_case *what;
	struct sample *sample;
	uint64_t length;       /* of the part that is timed, ns */
	unsigned frames_most;  /* that a thread of bulk, batch and rand holds */
	unsigned objects_most; /* that are in use in objects */
	uint64_t seed;
	unsigned cpus[JOB_CPUS], nr_cpus; /* that threads can be pinned to */
};

/* In this process; what comes of it is in job->sample. */
void job_run(struct job *job);

/* There will be no figures: ends the process. */
_Noreturn void job_fail(struct job *job, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* A block or the end of the process. */
static inline uint64_t job_alloc(struct job *job, unsigned order)
{
	uint64_t block = job->peer->alloc(order);

	if (__builtin_expect(block == BENCH_NONE, 0))
		job_fail(job, "it has no block of order %u", order);
	return block;
}

/* Zeroed and touched, so that no page fault falls into what is timed; or the end of the process. */
void *job_memory(struct job *job, size_t size);

/* ---- Threads ---------------------------------------------------------------------------- */

struct worker {
	struct job *job;
	unsigned index;
	struct random random;
	struct watch watch; /* of what was timed */
	double values[WORKLOAD_FIGURES];
	_Atomic unsigned *waiting; /* of those who have not reached team_wait() */
	void *own;		   /* the workload's */
};

typedef void worker_fn(struct worker *worker);

/*
 * Runs this many workers, each a thread pinned to a CPU, and puts what they say into the sample:
 * sums or means of the figures, the watch of the one that fared worst. Each calls team_wait() once,
 * when it is warm.
 */
void team_run(struct job *job, unsigned nr, worker_fn *run, void *own);
void team_wait(struct worker *worker);

/* Pins the calling thread to the CPU of worker number index. */
void team_pin(struct job *job, unsigned index);

#endif
