/* SPDX-License-Identifier: MIT */
/* model.c - see model.h. */
#include "model.h"

#include <stdio.h>
#include <string.h>

#include "child.h"
#include "machine.h"
#include "tool/common/say.h"

struct order {
	struct result *result;
	const struct work *work;
	const struct bench_peer *peer;
	unsigned cpus, ops;
	uint64_t seed;
	unsigned latency;
};

static void meet(struct worker *worker)
{
	(void)worker;
	machine_meet();
}

static const struct stage stage = {machine_count,  machine_yield, meet, machine_outside,
				   machine_enough, NULL,	  NULL};

static void run(void *context)
{
	const struct order *o = context;
	struct result *r = o->result;
	struct worker *all =
		work_begin(o->work, o->peer, o->cpus, o->ops, o->seed, &stage, r->error);
	void *own[LINES_CPUS];

	if (!all)
		return;
	for (unsigned i = 0; i < o->cpus; i++)
		own[i] = &all[i];
	machine_latency = o->latency;
	if (!machine_run(o->cpus, o->seed, work_run, own) && !r->error[0])
		snprintf(r->error, sizeof(r->error), "its CPUs wait for each other forever");
	r->cut = machine_cut();
	r->elapsed = machine_elapsed();
	memcpy(r->counts, machine_counts, sizeof(machine_counts));
	if (!r->error[0] && !r->counts[KIND_ALLOC].accesses)
		snprintf(
			r->error, sizeof(r->error),
			"none of its accesses is seen: compile it with -fsanitize=thread, and link "
			"it without");
}

void model_run(struct result *result, const struct work *work, const struct bench_peer *peer,
	       unsigned cpus, unsigned ops, uint64_t seed, unsigned latency)
{
	struct order order = {result, work, peer, cpus, ops, seed, latency};
	const char *wrong;

	memset(result, 0, sizeof(*result));
	wrong = child_run(run, &order);
	if (wrong)
		snprintf(result->error, sizeof(result->error), "%s", wrong);
}

struct result *model_memory(void)
{
	return child_memory(sizeof(struct result));
}
