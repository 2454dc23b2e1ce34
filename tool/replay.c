/* SPDX-License-Identifier: MIT */
/*
 * replay.c - a plan carried out on a machine, and what came of it.
 *
 * The clock runs only while steps are taken, not while the trace is read, matched or freed. Besides
 * the allocator it measures the stamps, which are the first touch of each frame.
 *
 * With --timing there are no stamps, and no samples, whose cost differs between engines. What
 * remains besides the allocator is the loop over the steps. A replay of its own, which does not
 * call the allocator, measures that loop, and brings the plan into the caches.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <roost/posix.h>

#include "lanes.h"
#include "replay.h"
#include "tool/common/say.h"

enum {
	PAGEBLOCK = 1 << ROOST_PAGEBLOCK_ORDER,
	LEAST_FRAMES = 0x4000, /* 64 MiB: room for two zones whatever the trace */
	BAR_STEPS = 1 << 14,
};

static uint64_t round_up(uint64_t frames)
{
	return (frames + PAGEBLOCK - 1) / PAGEBLOCK * PAGEBLOCK;
}

/* As much as the traced machine had, and room for what was in use. */
static uint64_t memory_frames(const struct replay *replay)
{
	const struct options *options = replay->options;
	uint64_t frames = round_up(plan_machine(replay->plan));
	uint64_t needed =
		round_up(replay->plan->peak_frames + replay->plan->peak_frames / 8) + LEAST_FRAMES;

	if (options->memory)
		return options->memory >> MACHINE_FRAME_SHIFT;
	if (options->aged && !options->aged_percent)
		return replay->aged.nr > LEAST_FRAMES ? replay->aged.nr : LEAST_FRAMES;
	needed = round_up(needed / (100 - options->aged_percent) * 100);
	return frames > needed ? frames : needed;
}

/* Reads the start, which decides how large the machine is. */
static bool read_aged(struct replay *replay, char error[])
{
	const struct options *o = replay->options;

	if (!o->aged || o->aged_percent)
		return true;
	if (!aged_read(&replay->aged, o->aged, o->aged_seed, o->memory >> MACHINE_FRAME_SHIFT,
		       error))
		return false;
	if (!replay->aged.placed && o->aged_seed_given) {
		snprintf(error, ERROR_MAX,
			 "--aged-seed: %.300s says where each frame is; leave it out", o->aged);
		return false;
	}
	if (replay->aged.capped && !o->quiet)
		say_error("%s: %" PRIu64
			  " counts are those at which the kernel gave up (\">\"): taken "
			  "as they are",
			  o->aged, replay->aged.capped);
	if (replay->aged.overlaps && !o->quiet)
		say_error("%s: %" PRIu64
			  " of its blocks begin within another one, freed while Linux wrote "
			  "the file: the frames of both are in use",
			  o->aged, replay->aged.overlaps);
	return true;
}

static struct counts count(struct replay *replay)
{
	memset(&replay->counts, 0, sizeof(replay->counts));
	roost_stats(replay->machine.roost, -1, -1, &replay->counts.every);
	if (replay->own)
		replay->own(replay);
	return replay->counts;
}

/* What was counted up to the start is none of the trace's. */
static void subtract(struct counts *counts, const struct counts *start)
{
	uint64_t *of = (uint64_t *)(void *)counts;
	const uint64_t *by = (const uint64_t *)(const void *)start;

	_Static_assert(sizeof(*counts) == sizeof(counts->every) + sizeof(counts->pcpbuddy) &&
			       sizeof(*counts) % sizeof(*of) == 0,
		       "nothing but counters");
	for (size_t i = 0; i < sizeof(*counts) / sizeof(*of); i++)
		of[i] -= by[i];
}

/* An adapter does not know migratetypes. */
static bool is_typed(const struct replay *replay)
{
	return !replay->options->engine->load && !replay->options->engine->metadata;
}

static bool age(struct replay *replay, char error[])
{
	const struct options *o = replay->options;

	if (!o->aged)
		return true;
	if (o->aged_percent &&
	    !aged_make(&replay->aged, o->aged_seed, o->aged_percent, replay->machine.frames, error))
		return false;
	return start_make(&replay->start, &replay->machine, &replay->aged, replay->plan->nr_cpus,
			  is_typed(replay), error);
}

static bool open_machine(struct replay *replay, char error[])
{
	const struct options *options = replay->options;
	struct machine_config config = {
		.frames = memory_frames(replay),
		.cpus = replay->plan->nr_cpus,
		.max_order = replay->plan->max_order > ROOST_DEFAULT_MAX_ORDER
				     ? replay->plan->max_order
				     : ROOST_DEFAULT_MAX_ORDER,
		.check = options->check,
		.pcpbuddy = options->engine->has_pcps ? &options->pcpbuddy : NULL,
		.bare = options->timing,
		.full = options->aged,
	};

	return machine_open(&replay->machine, &config, error);
}

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void look(struct replay *replay, size_t step)
{
	if (replay->look && replay->look_at == step)
		replay->look(replay, replay->look_context);
}

static void take_steps(struct replay *replay, struct player *player, struct bar *bar)
{
	const struct plan *plan = replay->plan;
	void (*clock)(roost_t * roost, uint64_t now_ns) = replay->options->engine->clock;

	for (size_t i = 0; i < plan->nr_steps; i++) {
		const struct step *step = &plan->steps[i];

		look(replay, i);
		if (i % replay->series.every == 0)
			series_take(&replay->series, &replay->machine, step->time_ns);
		if (i % BAR_STEPS == 0)
			bar_show(bar, i, plan->nr_steps);
		roost_posix_set_cpu(step->cpu);
		if (clock && !replay->machine.dry)
			clock(replay->machine.roost, step->time_ns);
		player_step(player, step);
	}
	look(replay, plan->nr_steps);
}

/* Takes all steps without the allocator. In order, each step that reads a block comes after the one
 * that writes it, so this leaves nothing that the real replay would read. */
static void run_loop(struct replay *replay)
{
	struct player player = {.machine = &replay->machine, .plan = replay->plan};
	struct bar none = {0};
	double start;

	replay->machine.dry = true;
	start = now(CLOCK_THREAD_CPUTIME_ID);
	take_steps(replay, &player, &none);
	replay->loop_seconds = now(CLOCK_THREAD_CPUTIME_ID) - start;
	replay->machine.dry = false;
}

static void run_in_order(struct replay *replay)
{
	struct player player = {.machine = &replay->machine, .plan = replay->plan};
	struct bar bar;
	double start, cpu_start;

	if (replay->options->timing)
		run_loop(replay);
	bar_open(&bar, "replaying", !replay->options->json && !replay->options->quiet);
	start = now(CLOCK_MONOTONIC);
	cpu_start = now(CLOCK_THREAD_CPUTIME_ID);
	take_steps(replay, &player, &bar);
	replay->cpu_seconds = now(CLOCK_THREAD_CPUTIME_ID) - cpu_start;
	replay->seconds = now(CLOCK_MONOTONIC) - start;
	bar_close(&bar);
	tally_add(&replay->tally, &player.tally);
}

/* Blocks whose allocation failed count as left, too: in the trace they are in use. */
static void free_left(struct replay *replay)
{
	struct plan *plan = replay->plan;

	for (uint32_t id = 0; id < plan->nr_blocks; id++) {
		struct block *block = &plan->blocks[id];
		uint32_t state = atomic_load_explicit(&block->state, memory_order_relaxed);

		replay->left_at_end += state != BLOCK_FREED;
		if (state == BLOCK_LIVE)
			machine_free(&replay->machine, block->pfn, block->order, block->serial,
				     false);
	}
	storm_drain(&replay->exchange, &replay->machine, &replay->storm);
}

static void begin_holds(const struct replay *replay)
{
	if (!replay->options->timing)
		holds_begin(replay->options->instructions ? HOLDS_INSTRUCTIONS : HOLDS_NS);
}

bool replay_run(struct replay *replay, char error[])
{
	const struct plan *plan = replay->plan;
	struct counts start = {0};

	if (!read_aged(replay, error))
		return false;
	begin_holds(replay);
	if (!open_machine(replay, error) || !age(replay, error))
		return false;
	if (replay->options->aged) {
		start = count(replay);
		begin_holds(replay); /* anew */
	}
	if (replay->options->timing || replay->look) /* no samples */
		series_open_idle(&replay->series);
	else
		series_open(&replay->series, plan->nr_steps, plan->nr_cpus, plan->first_ns);
	if (replay->options->parallel)
		lanes_run(replay);
	else
		run_in_order(replay);
	count(replay);
	subtract(&replay->counts, &start);
	holds_end(&replay->holds);
	if (!replay->stuck)
		series_take(&replay->series, &replay->machine, plan->last_ns);
	series_sort(&replay->series);
	if (replay->stuck)
		return true;
	roost_posix_set_cpu(0);
	free_left(replay);
	if (replay->options->aged)
		start_end(&replay->machine, &replay->aged, is_typed(replay));
	machine_finish(&replay->machine, &replay->verdict);
	return true;
}

void replay_release(struct replay *replay)
{
	series_close(&replay->series);
	machine_close(&replay->machine);
	aged_release(&replay->aged);
}

uint64_t replay_operations(const struct replay *replay)
{
	return tally_operations(&replay->tally) + replay->storm.allocs + replay->storm.failed +
	       replay->storm.frees;
}

/* Was everything done that was planned, block for block? */
static bool equation_holds(const struct replay *replay)
{
	const struct tally *t = &replay->tally;
	const struct plan *plan = replay->plan;

	return t->allocs + t->failed_allocs == plan->allocs && t->splits == plan->splits &&
	       t->unseen_frees == plan->unseen_frees &&
	       t->frees + t->frees_of_failed == plan->matched_frees &&
	       replay->left_at_end == plan->live_at_end &&
	       (int64_t)plan->allocs + plan_inferred(plan) ==
		       (int64_t)(plan->matched_frees + plan->live_at_end);
}

bool replay_verified(const struct replay *replay)
{
	const struct machine *machine = &replay->machine;

	return !replay->stuck && replay->verdict.valid && replay->verdict.lost == 0 &&
	       machine->doubled == 0 && machine->corrupt == 0 && machine->misuses == 0 &&
	       replay->tally.wrong_failures == 0 && equation_holds(replay);
}
