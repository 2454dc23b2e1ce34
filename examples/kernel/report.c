/* SPDX-License-Identifier: MIT */
/* report.c - see report.h. */
#include "report.h"

#include <stddef.h>

#include "arch.h"
#include "console.h"
#include "cpu.h"
#include "memory.h"
#include "rounds.h"

static const char *const contexts[CONTEXTS] = {"thread", "timer", "ipi"};

/* What must have happened for a run to say anything, and how often at least. */
enum { STEPS = 4000, ROUNDS = 9, SOME = 20 };

struct rung {
	const char *name;
	uint64_t count, least;
};

static uint64_t fewest_steps(void)
{
	uint64_t fewest = UINT64_MAX;

	for (unsigned i = 0; i < nr_cpus; i++) {
		uint64_t steps = cpus[i].contexts[CONTEXT_THREAD].counts.calls;

		fewest = steps < fewest ? steps : fewest;
	}
	return fewest;
}

enum { RUNGS = 9 };

static void fill(struct rung rungs[RUNGS])
{
	struct counts thread = work_counts(CONTEXT_THREAD), timer = work_counts(CONTEXT_TIMER);
	struct counts ipi = work_counts(CONTEXT_IPI);
	bool many = nr_cpus > 1;
	const struct rung all[RUNGS] = {
		{"steps of each thread", fewest_steps(), STEPS},
		{"timer handlers: blocks allocated", timer.allocations, SOME},
		{"timer handlers: blocks freed", timer.local + timer.remote, SOME},
		{"ipi handlers: blocks allocated", ipi.allocations, SOME},
		{"ipi handlers: blocks freed", ipi.local + ipi.remote, SOME},
		{"blocks freed by another CPU", thread.remote + timer.remote + ipi.remote,
		 many ? SOME : 0},
		{"handlers on top of the allocator", timer.on_top + ipi.on_top, 1},
		{"ipi handlers on top of others", ipi.nested, many},
		{"CPUs off-line and back", rounds.done, many ? ROUNDS : 0},
	};

	for (unsigned i = 0; i < RUNGS; i++)
		rungs[i] = all[i];
}

bool report_is_complete(void)
{
	struct rung rungs[RUNGS];

	fill(rungs);
	for (unsigned i = 0; i < RUNGS; i++)
		if (rungs[i].count < rungs[i].least)
			return false;
	return true;
}

static void say_rungs(void)
{
	struct rung rungs[RUNGS];

	fill(rungs);
	for (unsigned i = 0; i < RUNGS; i++)
		say("%10lu  %s\n", rungs[i].count, rungs[i].name);
}

void report_progress(void)
{
	for (unsigned i = 0; i < nr_cpus; i++)
		say("CPU %u: %lu steps\n", i, cpus[i].contexts[CONTEXT_THREAD].counts.calls);
	say_rungs();
}

static void say_contexts(void)
{
	uint64_t longest = 0;

	say("\n%-8s%10s%12s%8s%10s%10s%10s\n", "context", "calls", "allocations", "failed", "local",
	    "remote", "sent");
	for (unsigned i = 0; i < CONTEXTS; i++) {
		struct counts c = work_counts(i);

		say("%-8s%10lu%12lu%8lu%10lu%10lu%10lu\n", contexts[i], c.calls, c.allocations,
		    c.failed, c.local, c.remote, c.sent);
		longest = c.longest > longest ? c.longest : longest;
	}
	say("local, remote: freed on the CPU that allocated it, or another\n");
	say("longest free: %lu us, with all that interrupted it\n",
	    longest * 1000000 / arch_clock_hz());
}

static void say_allocator(void)
{
	struct roost_stats s = {0};

	if (roost_stats(memory, -1, -1, &s))
		fail("no statistics");
	say("\nthe allocator's count: %lu frees to pageblocks of the CPU's own, %lu of others';\n"
	    "%lu pageblocks claimed; %lu allocations failed, %lu of them while enough was free\n",
	    s.free_local, s.free_remote, s.blocks_claimed, s.fail_wait + s.fail_nowait,
	    s.fail_while_free);
}

static int say_text(void *context, const char *text, size_t length)
{
	(void)context;
	while (length--) {
		if (*text == '\n')
			arch_putc('\r');
		arch_putc(*text++);
	}
	return 0;
}

void report(uint64_t before, uint64_t after)
{
	say_contexts();
	say_allocator();
	say("\n");
	roost_dump(memory, ROOST_DUMP_BUDDYINFO, say_text, NULL);
	say("\n");
	say_rungs();
	say("%10lu  free frames at the start\n%10lu  at the end\n", before, after);
}
