/* SPDX-License-Identifier: MIT */
/*
 * plan.c - matches frees with allocations.
 *
 * The map (frames.h) has a number for each traced frame: never seen, seen but not in use, or the
 * number of its block. All frames of a block are marked, so a part of a block is found as fast as
 * its head.
 */
#include <stdlib.h>
#include <string.h>

#include "frames.h"
#include "plan.h"
#include "tool/common/say.h"

enum {
	LARGE_MACHINE = 1 << 22, /* frames: 16 GiB */
	SPARSE = 16,		 /* frames to one in a pageblock that the trace touches */
};

enum { FRAME_NEVER = 0, FRAME_SEEN = 1, FRAME_BLOCK = 2 /* + number of the block */ };

const char *const unmatched_names[] = {"before_trace", "bulk", "unknown"};
const char *const unmatched_texts[] = {
	"not seen before: allocated before the trace began",
	"order 0, seen before: bulk allocations leave no event",
	"no reason known",
};
const char *const context_names[] = {"task", "softirq", "hardirq", "nmi"};

struct planner {
	struct plan *plan;
	struct frames map;
	uint32_t *traced; /* CPU numbers in order, if they are renumbered */
	uint64_t *heads;  /* traced first frame of each block */
	uint64_t live_frames;
	const struct trace_event *event; /* the one in work */
	uint16_t cpu;			 /* its virtual CPU */
};

static uint64_t frames(unsigned order)
{
	return UINT64_C(1) << order;
}

static void mark(struct planner *p, uint64_t pfn, unsigned order, uint32_t value)
{
	frames_set(&p->map, pfn, frames(order), value);
}

/* ---- Steps and blocks ------------------------------------------------------------------- */

static uint32_t new_block(struct planner *p, uint64_t head, unsigned order)
{
	struct plan *plan = p->plan;
	uint32_t id = plan->nr_blocks;

	if (id == plan->room_blocks) {
		if (id > UINT32_MAX / 4)
			die("the trace has more than a thousand million blocks; use --limit");
		plan->room_blocks = id * 2;
		plan->blocks = grow(plan->blocks, plan->room_blocks, sizeof(*plan->blocks));
		p->heads = grow(p->heads, plan->room_blocks, sizeof(*p->heads));
	}
	plan->blocks[id] = (struct block){
		.pfn = ROOST_NONE,
		.serial = id,
		.cpu = p->cpu,
		.order = (uint8_t)order,
	};
	p->heads[id] = head;
	plan->nr_blocks++;
	mark(p, head, order, id + FRAME_BLOCK);
	return id;
}

static struct step *new_step(struct planner *p, enum step_kind kind, uint32_t block)
{
	struct plan *plan = p->plan;
	struct step *step;

	if (plan->nr_steps == plan->room_steps) {
		plan->room_steps = plan->room_steps ? plan->room_steps * 2 : 4096;
		plan->steps = grow(plan->steps, plan->room_steps, sizeof(*plan->steps));
	}
	step = &plan->steps[plan->nr_steps++];
	*step = (struct step){
		.time_ns = p->event->time_ns,
		.block = block,
		.cpu = p->cpu,
		.kind = (uint8_t)kind,
		.context = p->event->context,
	};
	return step;
}

static void retire(struct planner *p, uint32_t id)
{
	unsigned order = p->plan->blocks[id].order;

	mark(p, p->heads[id], order, FRAME_SEEN);
	p->live_frames -= frames(order);
}

/* Halves the block; returns the half that pfn lies in. */
static uint32_t split(struct planner *p, uint32_t id, uint64_t pfn)
{
	unsigned order = p->plan->blocks[id].order - 1u;
	uint64_t head = p->heads[id];
	uint32_t lower = new_block(p, head, order);
	uint32_t upper = new_block(p, head + frames(order), order);
	struct block *blocks = p->plan->blocks;

	blocks[lower].serial = blocks[upper].serial = blocks[id].serial;
	blocks[lower].cpu = blocks[upper].cpu = blocks[id].cpu;
	new_step(p, STEP_SPLIT, id)->child = lower;
	p->plan->splits++;
	return pfn < head + frames(order) ? lower : upper;
}

/* Blocks that are still in use in these frames must have been freed without an event. */
static void free_unseen(struct planner *p, uint64_t pfn, unsigned order)
{
	for (uint64_t i = 0; i < frames(order); i++) {
		uint32_t value = frames_get(&p->map, pfn + i);

		if (value < FRAME_BLOCK)
			continue;
		new_step(p, STEP_UNSEEN_FREE, value - FRAME_BLOCK);
		retire(p, value - FRAME_BLOCK);
		p->plan->unseen_frees++;
	}
}

/* ---- Events ----------------------------------------------------------------------------- */

static void plan_alloc(struct planner *p)
{
	const struct trace_event *e = p->event;
	struct step *step;
	uint32_t id;

	free_unseen(p, e->pfn, e->order);
	id = new_block(p, e->pfn, e->order);
	step = new_step(p, STEP_ALLOC, id);
	step->flags = e->flags;
	if (e->context != TRACE_TASK)
		step->flags &= (uint8_t)~ROOST_WAIT;
	p->live_frames += frames(e->order);
	if (p->live_frames > p->plan->peak_frames)
		p->plan->peak_frames = p->live_frames;
	p->plan->allocs++;
}

static enum unmatched_reason why_unmatched(struct planner *p)
{
	const struct trace_event *e = p->event;
	bool seen = false;

	for (uint64_t i = 0; i < frames(e->order); i++)
		seen |= frames_get(&p->map, e->pfn + i) != FRAME_NEVER;
	if (!seen)
		return UNMATCHED_BEFORE_TRACE;
	return e->order == 0 ? UNMATCHED_BULK : UNMATCHED_UNKNOWN;
}

static void plan_unmatched_free(struct planner *p)
{
	p->plan->unmatched[why_unmatched(p)]++;
	free_unseen(p, p->event->pfn, p->event->order);
	mark(p, p->event->pfn, p->event->order, FRAME_SEEN);
}

static void plan_free(struct planner *p)
{
	const struct trace_event *e = p->event;
	uint32_t value = frames_get(&p->map, e->pfn);
	struct plan *plan = p->plan;
	uint32_t id = value - FRAME_BLOCK;

	plan->frees++;
	if (value < FRAME_BLOCK || plan->blocks[id].order < e->order) {
		plan_unmatched_free(p);
		return;
	}
	while (plan->blocks[id].order > e->order)
		id = split(p, id, e->pfn);
	new_step(p, STEP_FREE, id);
	retire(p, id);
	plan->matched_frees++;
	plan->cross_cpu_frees += plan->blocks[id].cpu != p->cpu;
}

static void plan_event(struct planner *p)
{
	const struct trace_event *e = p->event;
	struct plan *plan = p->plan;

	switch (e->kind) {
	case TRACE_ALLOC:
		plan_alloc(p);
		plan->orders[e->order].allocs++;
		plan->contexts[e->context].allocs++;
		break;
	case TRACE_FREE:
		plan_free(p);
		plan->orders[e->order].frees++;
		plan->contexts[e->context].frees++;
		break;
	case TRACE_BATCHED:
		plan->batched++;
		plan->batched_alone += frames_get(&p->map, e->pfn) >= FRAME_BLOCK;
		break;
	}
}

/* ---- The whole -------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Finds the CPUs of the trace, in the order of their numbers. */
static void renumber(struct planner *p, const struct trace *trace)
{
	unsigned nr = 0;

	p->traced = grow(NULL, trace->nr, sizeof(*p->traced));
	for (size_t i = 0; i < trace->nr; i++)
		p->traced[i] = trace->events[i].cpu;
	qsort(p->traced, trace->nr, sizeof(*p->traced), by_number);
	for (size_t i = 0; i < trace->nr; i++)
		if (!i || p->traced[nr - 1] != p->traced[i])
			p->traced[nr++] = p->traced[i];
	p->plan->traced_cpus = nr;
	p->plan->renumbered = true;
}

static uint16_t virtual_cpu(const struct planner *p, uint32_t cpu)
{
	const uint32_t *at = p->traced;

	if (at)
		at = bsearch(&cpu, at, p->plan->traced_cpus, sizeof(*at), by_number);
	return (uint16_t)((at ? (unsigned)(at - p->traced) : cpu) % p->plan->nr_cpus);
}

static void measure(struct planner *p, const struct trace *trace)
{
	struct plan *plan = p->plan;
	uint64_t cpus = 0;

	plan->first_ns = UINT64_MAX;
	for (size_t i = 0; i < trace->nr; i++) {
		const struct trace_event *e = &trace->events[i];

		if (e->pfn + frames(e->order) > plan->end_pfn)
			plan->end_pfn = e->pfn + frames(e->order);
		if (e->cpu >= cpus)
			cpus = e->cpu + UINT64_C(1);
		if (e->order > plan->max_order)
			plan->max_order = e->order;
		if (e->time_ns < plan->first_ns)
			plan->first_ns = e->time_ns;
		if (e->time_ns > plan->last_ns)
			plan->last_ns = e->time_ns;
	}
	plan->traced_cpus = (unsigned)cpus;
	if (cpus > ROOST_MAX_CPUS)
		renumber(p, trace);
}

static void count_live(struct planner *p)
{
	/* A block is in use if the map still says so at its head. */
	for (uint32_t id = 0; id < p->plan->nr_blocks; id++)
		p->plan->live_at_end += frames_get(&p->map, p->heads[id]) == id + FRAME_BLOCK;
}

void plan_make(struct plan *plan, const struct trace *trace, unsigned cpus)
{
	struct planner p = {.plan = plan};

	memset(plan, 0, sizeof(*plan));
	measure(&p, trace);
	plan->room_blocks = 4096;
	plan->blocks = grow(NULL, plan->room_blocks, sizeof(*plan->blocks));
	p.heads = grow(NULL, plan->room_blocks, sizeof(*p.heads));
	plan->nr_cpus = cpus ? cpus : plan->traced_cpus;
	if (plan->nr_cpus > ROOST_MAX_CPUS)
		plan->nr_cpus = ROOST_MAX_CPUS;
	for (size_t i = 0; i < trace->nr; i++) {
		p.event = &trace->events[i];
		p.cpu = virtual_cpu(&p, p.event->cpu);
		plan_event(&p);
	}
	count_live(&p);
	plan->touched = p.map.nr;
	frames_release(&p.map);
	free(p.traced);
	free(p.heads);
}

uint64_t plan_machine(const struct plan *plan)
{
	uint64_t most = plan->touched * SPARSE * FRAMES_CHUNK;

	if (most < LARGE_MACHINE)
		most = LARGE_MACHINE;
	return plan->end_pfn < most ? plan->end_pfn : most;
}

void plan_release(struct plan *plan)
{
	free(plan->steps);
	free(plan->blocks);
	memset(plan, 0, sizeof(*plan));
}

int64_t plan_inferred(const struct plan *plan)
{
	return (int64_t)plan->splits - (int64_t)plan->unseen_frees;
}

uint64_t plan_unmatched(const struct plan *plan)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < UNMATCHED_NR; i++)
		sum += plan->unmatched[i];
	return sum;
}
