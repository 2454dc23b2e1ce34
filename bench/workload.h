/* SPDX-License-Identifier: MIT */
/*
 * workload.h - what is measured, and the parameters that it is measured with.
 *
 * Words used throughout the benchmark:
 *   workload  what is done to a peer, under a name: repeat, bulk, ...
 *   case      a workload with its parameters: size of the pool, threads, and one of its own
 *   figure    one of the numbers that a case yields
 *   sample    one run of a case on a peer, in a process of its own: each figure once
 *   row       a figure of a case: what the peers are compared by
 */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include <stdbool.h>
#include <stdint.h>

struct job;

struct figure {
	const char *name, *unit;
	bool more_is_better;
};

enum { WORKLOAD_FIGURES = 6, CASE_NAME_MAX = 64 };

enum {
	/* What a peer must be able to do. */
	NEEDS_BOUNDED = 1u << 0,
	NEEDS_BULK = 1u << 1,
	NEEDS_HANDLER = 1u << 2,
	NEEDS_HUGE = 1u << 3,
	NEEDS_METADATA = 1u << 4,
	NEEDS_FRAMES = 1u << 5,
	NEEDS_OBJECTS = 1u << 6, /* of 2^parameter bytes, and no pool; without it, blocks */
	/* Which cases there are of it. */
	EACH_SIZE = 1u << 8,	 /* else the largest alone */
	SMALLEST = 1u << 9,	 /* the smallest instead */
	EACH_THREADS = 1u << 10, /* else as many as it says */
	TERABYTE = 1u << 11,	 /* 1 TiB as well, if no sizes are named */
	MANY_REGIONS = 1u << 12, /* 8 GiB if no sizes are named, else as SMALLEST */
	/* How it is run. */
	MAKES_POOL = 1u << 16,	/* itself; else it finds one */
	GIBIBYTES = 1u << 20,	/* the largest block of the pool is one of 1 GiB */
	SUMS = 1u << 17,	/* the figures of its threads are added, else it is their mean */
	SHARES_CPUS = 1u << 18, /* threads that wait for a CPU are what it is about */
	COUNTS = 1u << 19,	/* no times, so one round is enough unless more are asked for */
};

struct workload {
	const char *name, *text;
	struct figure figures[WORKLOAD_FIGURES]; /* the rest without a name */
	const char *manner; /* what a case is named by instead of the pool's size, or NULL */
	unsigned flags, threads;
	const uint8_t *parameters;	    /* 0 ends; NULL: it has none */
	const char *const *parameter_names; /* NULL: the numbers */
	unsigned samples;		    /* times the usual length; 0: once */
	const char *series; /* figures are one value, at ...; their names say when */
	void (*run)(struct job *job);
};

extern const struct workload workloads[];
extern const unsigned nr_workloads;

/* The first of that name; the next ones, which have it too, follow it. */
const struct workload *workload_find(const char *name);
unsigned workload_figures(const struct workload *workload);

struct bench_case {
	const struct workload *workload;
	uint64_t bytes;
	unsigned threads, parameter;
	char name[CASE_NAME_MAX]; /* "repeat/64G/2" */
};

/* ---- The workloads, by file ------------------------------------------------------------- */

void work_pairs(struct job *job); /* repeat, order */
void work_bulk(struct job *job);
void work_batch(struct job *job);
void work_rand(struct job *job);
void work_remote(struct job *job);
void work_nearfull(struct job *job);
void work_tail(struct job *job);
void work_storm(struct job *job);
void work_frag(struct job *job);
void work_churn(struct job *job); /* frag by iterations */
void work_init(struct job *job);
void work_object_pair(struct job *job);
void work_object_bulk(struct job *job);
void work_object_random(struct job *job);
void work_object_random_many(struct job *job);
void work_object_burst(struct job *job);
void work_object_one_way(struct job *job);
void work_object_untouched(struct job *job);

#endif
