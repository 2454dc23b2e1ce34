/* SPDX-License-Identifier: MIT */
/* stress_report.c - the watchdog of the stress test and what is said in the end; see stress.h. */
#define _GNU_SOURCE
#include "library.h"
#include "stress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "counters.h"

double stress_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- Watchdog ---------------------------------------------------------------------------- */

static const char *const doing_names[] = {
	[DOING_NOTHING] = "between two calls",
	[DOING_ALLOC] = "in an allocation",
	[DOING_ALLOC_WAIT] = "in an allocation with ROOST_WAIT",
	[DOING_FREE] = "in a free",
	[DOING_SPLIT] = "in a split",
	[DOING_DRAIN] = "in a drain",
	[DOING_OFFLINE] = "taking a CPU off-line",
	[DOING_ONLINE] = "taking a CPU on-line",
	[DOING_ISOLATE] = "setting a pageblock apart",
	[DOING_PLUG] = "adding or removing a pageblock",
	[DOING_LOCKING] = "spinning for L",
	[DOING_ENDED] = "ended",
};

static void print_worker(struct worker *worker, double idle)
{
	printf("thread %2u on CPU %2u, %.1f s without progress: %s%s", worker->index,
	       (unsigned)worker->cpu, idle, doing_names[worker->contexts[0].doing],
	       worker->contexts[0].holds_lock ? ", HOLDS L" : "");
	for (unsigned d = 1; d <= worker->depth; d++)
		if (worker->contexts[d].doing)
			printf("; handler %u on top: %s%s", d,
			       doing_names[worker->contexts[d].doing],
			       worker->contexts[d].holds_lock ? ", HOLDS L" : "");
	putchar('\n');
}

static _Noreturn void stopped_dead(const double *since, double start, double now)
{
	printf("STOPPED DEAD after %.1f s: L is held by %s", now - start,
	       stress.lock ? "thread " : "nobody");
	if (stress.lock)
		printf("%u", (unsigned)stress.lock - 1);
	putchar('\n');
	for (unsigned i = 0; i < stress.options.threads; i++)
		print_worker(&stress.workers[i], now - since[i]);
	fflush(stdout);
	_exit(3);
}

/* Dead is: nobody has moved for the time allowed, or one has not for three times as long. */
static bool is_dead(const double *since, double now)
{
	double allowed = stress.options.watchdog;
	bool all = true, any = false;

	for (unsigned i = 0; i < stress.options.threads; i++) {
		if (stress.workers[i].contexts[0].doing == DOING_ENDED)
			continue;
		all = all && now - since[i] > allowed;
		any = any || now - since[i] > 3 * allowed;
	}
	return all || any;
}

static void look(uint64_t *beats, double *since, double now)
{
	for (unsigned i = 0; i < stress.options.threads; i++) {
		uint64_t seen = stress.workers[i].beats;

		if (seen != beats[i])
			since[i] = now;
		beats[i] = seen;
	}
}

void stress_watch(void)
{
	uint64_t beats[STRESS_THREADS] = {0};
	double since[STRESS_THREADS], start = stress_now();

	for (unsigned i = 0; i < STRESS_THREADS; i++)
		since[i] = start;
	while (stress.ended < stress.options.threads) {
		const struct timespec nap = {0, 20000000};
		double now;

		nanosleep(&nap, NULL);
		now = stress_now();
		look(beats, since, now);
		if (stress.ended < stress.options.threads && is_dead(since, now))
			stopped_dead(since, start, now);
		stress.greedy = (long)((now - start) * 4) & 1;
		if (now - start > stress.options.seconds)
			stress.stop = true;
	}
}

/* ---- Report ------------------------------------------------------------------------------ */

struct totals {
	uint64_t entries, in_lock, nested, allocated[2], failed[2], freed[2], freed_locked[2];
};

static void add_up(struct totals *t)
{
	memset(t, 0, sizeof(*t));
	for (unsigned i = 0; i < stress.options.threads; i++) {
		const struct worker *worker = &stress.workers[i];

		t->entries += worker->entries;
		t->in_lock += worker->entries_in_lock;
		t->nested += worker->entries_nested;
		for (unsigned d = 0; d < STRESS_DEPTH; d++) {
			t->allocated[d > 0] += worker->contexts[d].allocated;
			t->failed[d > 0] += worker->contexts[d].failed;
			t->freed[d > 0] += worker->contexts[d].freed;
			t->freed_locked[d > 0] += worker->contexts[d].freed_locked;
		}
	}
}

static void print_totals(const struct totals *t)
{
	static const char *const who[] = {"threads", "handlers"};

	for (unsigned i = 0; i < 2; i++)
		printf("%-9s allocated %" PRIu64 ", failed %" PRIu64 ", freed %" PRIu64
		       ", of these under L %" PRIu64 "\n",
		       who[i], t->allocated[i], t->failed[i], t->freed[i], t->freed_locked[i]);
	printf("handlers entered %" PRIu64
	       ", while the thread held a pcp lock or moved frames %" PRIu64
	       ", on top of a handler %" PRIu64 "\n",
	       t->entries, t->in_lock, t->nested);
	printf("blocks freed by another thread %" PRIu64 ", CPUs off and on %" PRIu64
	       ", pageblocks set apart %" PRIu64 ", removed %" PRIu64 " of %" PRIu64
	       " tries, frames drained %" PRIu64 "\n",
	       (uint64_t)stress.changed_hands, (uint64_t)stress.hotplugs,
	       (uint64_t)stress.isolations, (uint64_t)stress.unplugs, (uint64_t)stress.unplug_tries,
	       (uint64_t)stress.drained);
}

static void print_counters(const struct counters *stats)
{
#define PRINT(name, text) printf("%-20s %12" PRIu64 "  %s\n", #name, stats->name, text);
	ALL_COUNTERS(PRINT)
#undef PRINT
}

static bool rung(const char *name, uint64_t used)
{
	if (!used)
		printf("rung not used: %s\n", name);
	return used > 0;
}

/* What only the reference has. */
static bool pcpbuddy_rungs_used(const struct counters *s)
{
	bool llist = stress.options.path == ROOST_FREE_LLIST, many = stress.options.cpus > 1;
	bool all = true;

	all &= rung("free: zone, the pcp lock being taken", s->free_fallback || llist);
	all &= rung("free: list of the owner", s->free_llist || !llist || !many);
	all &= rung("free: zone, the owner being off-line", s->free_dead);
	all &= rung("free: list of the zone", s->free_zone_llist || !many);
	all &= rung("free: remote", s->free_remote || llist || !many);
	return all;
}

static bool roost_rungs_used(const struct counters *s)
{
	bool all = rung("alloc: a pageblock claimed", s->blocks_claimed);

	all &= rung("free: remote", s->free_remote || stress.options.cpus == 1);
	return all;
}

/* The rungs of each ladder; which there are depends on the engine, the free path and the build. */
static bool all_rungs_used(const struct counters *s, const struct totals *t)
{
	bool all = library_is_pcpbuddy ? pcpbuddy_rungs_used(s) : roost_rungs_used(s);

	all &= rung("alloc: own pcp", s->alloc_pcp);
	all &= rung("alloc: zone", s->alloc_zone);
	all &= rung("alloc: another pcp", s->alloc_other || stress.options.cpus == 1);
	all &= rung("alloc: reserve", s->alloc_reserve);
	all &= rung("alloc: failed without waiting", s->fail_nowait);
	all &= rung("alloc: slept", s->wait_rounds);
	all &= rung("free: local", s->free_local);
	all &= rung("free: zone, directly", s->free_direct);
	all &= rung("free: under L", t->freed_locked[0]);
	all &= rung("free: under L in a handler", t->freed_locked[1] || !stress.options.hz);
	all &= rung("handler while a pcp lock was held, or frames were moved",
		    t->in_lock || !library_is_lab || !stress.options.hz);
	all &= rung("handler on top of a handler", t->nested || !stress.options.hz);
	return all;
}

bool stress_report(void)
{
	struct counters stats;
	struct totals totals;
	bool all;

	add_up(&totals);
	if (counters_read(&stats, stress.roost, -1, -1))
		frames_fault("no counters", 0, 0);
	if (!stress.options.quiet)
		print_counters(&stats);
	print_totals(&totals);
	all = all_rungs_used(&stats, &totals);
	return all || !stress.options.expect_all;
}
