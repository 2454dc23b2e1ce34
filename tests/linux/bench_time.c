// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * bench_time.c - times. All peers in turn, round after round, so that what else the machine does
 * meets them alike; a different one begins each round. Works, each on one or two CPUs:
 *
 *	repeat   a block is allocated and freed again and again
 *	bulk     each CPU allocates its part of BLOCKS, then frees them in their order
 *	batch    the same by the calls that take many, of order 0
 *	rand     as bulk, but freed in random order
 *	remote   what one CPU allocated, the other frees
 *
 * The names but batch and remote are those of LLFree's workloads in the kernel. The answer, a line
 * for each phase of each round, the mean of the CPUs:
 *
 *	time WORK ORDER CPUS ROUND PEER PHASE NS*100
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/version.h>

#include "bench_ours.h"

enum {
	CPUS_MOST = 2,
	PAGES = 1 << 15, /* of all blocks of a round: half of what linux-bench gives roost.ko */
	OPERATIONS = 1 << 15, /* of a round, at least; of large blocks an eighth */
	LARGE = 6,
};

struct team {
	const struct bench_peer *peer;
	void (*run)(struct team *team, unsigned int me);
	unsigned int order, cpus, n; /* n: blocks of a CPU */
	unsigned int pairs, times;
	bench_block *blocks[CPUS_MOST];
	u64 ns[CPUS_MOST][2], operations;
	atomic_t arrived;
	struct completion done;
	bool failed;
};

struct member {
	struct team *team;
	unsigned int me;
};

/* Waits until all have come so often. */
static void meet(struct team *team, unsigned int *met)
{
	atomic_inc(&team->arrived);
	*met += team->cpus;
	while (atomic_read(&team->arrived) < (int)*met) {
		cpu_relax();
		cond_resched();
	}
}

/* ---- Works --------------------------------------------------------------------------------- */

static void repeat(struct team *team, unsigned int me)
{
	unsigned int met = 0;
	u64 start;

	meet(team, &met);
	start = ktime_get_ns();
	team->peer->pairs(team->order, BENCH_WAIT, team->pairs);
	team->ns[me][0] = ktime_get_ns() - start;
}

static unsigned int get_batches(struct team *team, bench_block *blocks)
{
	unsigned int got = 0, now;

	memset(blocks, 0, team->n * sizeof(*blocks));
	do {
		now = team->peer->get_batch(blocks + got, BENCH_BATCH);
		got += now;
	} while (now == BENCH_BATCH && got < team->n);
	return got;
}

static void put_batches(struct team *team, bench_block *blocks, unsigned int n)
{
	for (unsigned int i = 0; i < n; i += BENCH_BATCH)
		team->peer->put_batch(blocks + i, min_t(unsigned int, BENCH_BATCH, n - i));
}

/* No free in their order can foresee it; the same each time. */
static void shuffle(bench_block *blocks, unsigned int n)
{
	u64 state = 1;

	for (unsigned int i = n; i > 1; i--) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		swap(blocks[i - 1], blocks[(u32)(state >> 33) % i]);
	}
}

static void many(struct team *team, unsigned int me, bool batches, bool shuffled, bool remote)
{
	bench_block *blocks = team->blocks[me];
	unsigned int met = 0, got;
	u64 t[4];

	for (unsigned int i = 0; i < team->times; i++) {
		meet(team, &met);
		t[0] = ktime_get_ns();
		got = batches ? get_batches(team, blocks)
			      : team->peer->get(team->order, BENCH_WAIT, blocks, team->n);
		t[1] = ktime_get_ns();
		if (shuffled)
			shuffle(blocks, got);
		if (remote)
			bench_run_on(1 - me);
		meet(team, &met);
		t[2] = ktime_get_ns();
		if (batches)
			put_batches(team, blocks, got);
		else
			team->peer->put(team->order, blocks, got);
		t[3] = ktime_get_ns();
		team->failed |= got != team->n;
		team->ns[me][0] += t[1] - t[0];
		team->ns[me][1] += t[3] - t[2];
		if (remote)
			bench_run_on(me);
	}
}

static void bulk(struct team *team, unsigned int me)
{
	many(team, me, false, false, false);
}

static void batch(struct team *team, unsigned int me)
{
	many(team, me, true, false, false);
}

static void rand(struct team *team, unsigned int me)
{
	many(team, me, false, true, false);
}

static void remote(struct team *team, unsigned int me)
{
	many(team, me, false, false, true);
}

static const struct {
	const char *name;
	void (*run)(struct team *team, unsigned int me);
	const char *phase[2];
} works[] = {
	{"repeat", repeat, {"pair", NULL}}, {"bulk", bulk, {"get", "put"}},
	{"batch", batch, {"get", "put"}},   {"rand", rand, {NULL, "put"}},
	{"remote", remote, {NULL, "put"}},
};

/* ---- A round of a peer --------------------------------------------------------------------- */

static int thread(void *data)
{
	struct member *member = data;

	member->team->run(member->team, member->me);
	/* The module may be gone right after. */
	kthread_complete_and_exit(&member->team->done, 0);
}

/* A thread on each CPU; they all run to their end once they have met. */
static int run_team(struct team *team)
{
	struct member members[CPUS_MOST];
	struct task_struct *tasks[CPUS_MOST];

	atomic_set(&team->arrived, 0);
	init_completion(&team->done);
	memset(team->ns, 0, sizeof(team->ns));
	for (unsigned int i = 0; i < team->cpus; i++) {
		members[i] = (struct member){team, i};
		tasks[i] = kthread_create(thread, &members[i], "bench/%u", i);
		if (IS_ERR(tasks[i])) {
			while (i--)
				kthread_stop(tasks[i]); /* it never ran */
			return -ENOMEM;
		}
	}
	for (unsigned int i = 0; i < team->cpus; i++) {
		/* Not bound forever: remote moves. */
		set_cpus_allowed_ptr(tasks[i], cpumask_of(i));
		wake_up_process(tasks[i]);
	}
	for (unsigned int i = 0; i < team->cpus; i++)
		wait_for_completion(&team->done);
	return team->failed ? -ENOMEM : 0;
}

static void say_round(const struct team *team, int work, unsigned int round)
{
	for (int phase = 0; phase < 2; phase++) {
		u64 ns = 0;

		if (!works[work].phase[phase])
			continue;
		for (unsigned int i = 0; i < team->cpus; i++)
			ns += team->ns[i][phase];
		bench_say("time %s %u %u %u %s %s %llu\n", works[work].name, team->order,
			  team->cpus, round, team->peer->name, works[work].phase[phase],
			  ns * 100 / team->cpus / team->operations);
	}
}

static const struct bench_peer *const peers[] = {&bench_linux, &bench_roost, &bench_pfn};

static int run_rounds(struct team *team, int work, unsigned int rounds)
{
	int err = 0;

	/* The first warms up. */
	for (unsigned int round = 0; round <= rounds && !err; round++)
		for (unsigned int i = 0; i < ARRAY_SIZE(peers) && !err; i++) {
			team->peer = peers[(i + round) % ARRAY_SIZE(peers)];
			err = run_team(team);
			if (round && !err)
				say_round(team, work, round);
		}
	return err;
}

int bench_time(const char *work, unsigned int order, unsigned int cpus, unsigned int rounds)
{
	struct team team = {.order = order, .cpus = cpus};
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(works) && strcmp(works[i].name, work); i++)
		;
	if (i == ARRAY_SIZE(works) || order > 9 || !cpus || cpus > CPUS_MOST ||
	    (works[i].run == remote && num_online_cpus() < 2))
		return -EINVAL;
	for (unsigned int cpu = 0; cpu < cpus; cpu++)
		if (!cpu_online(cpu))
			return -EINVAL;
	team.run = works[i].run;
	team.n = (PAGES >> order) / cpus;
	team.pairs = OPERATIONS / 2 >> (order < LARGE ? 0 : 3);
	team.times = max(team.pairs / (PAGES >> order), 1u);
	team.operations = team.run == repeat ? team.pairs : team.n * team.times;
	for (unsigned int cpu = 0; cpu < cpus; cpu++) {
		team.blocks[cpu] = kvcalloc(team.n, sizeof(bench_block), GFP_KERNEL);
		if (!team.blocks[cpu])
			err = -ENOMEM;
	}
	if (!err)
		err = run_rounds(&team, i, rounds);
	for (unsigned int cpu = 0; cpu < cpus; cpu++)
		kvfree(team.blocks[cpu]);
	return err;
}
