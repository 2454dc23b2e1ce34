// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * bench_frag.c - frag, as the authors of LLFree measure it: what random churn makes of a pool in
 * which everything was in pieces.
 *
 * A pool of a number of blocks of order 9 is filled with pages, and random ones are freed until
 * half is free. In each iteration a tenth of the blocks is freed, random ones, each followed at
 * once by allocations up to the same half: of order 0, or (mixed) of orders 0 to 3, half of them
 * single pages. Now and then blocks of order 9 are allocated until there is none: the ideal is what
 * there would be if all that is held lay close together.
 *
 * The kernel's allocator has no pool: all blocks of order 9 are taken from it and as many as the
 * pool has are given back. It is asked with all that it does for a caller that may sleep: it
 * empties its per-CPU lists, reclaims, and compacts (though a page of a module cannot be moved).
 * What it keeps in reserve should be made small: vm.min_free_kbytes.
 *
 *	frag PEER 0|1 pool BLOCKS filled PAGES, and for each count
 *	frag PEER 0|1 ITERATION HELD FOUND IDEAL
 */
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "bench.h"

enum {
	HUGE = 9,
	HUGE_MOST = 1 << 12, /* 8 GiB of what is not the pool's */
	PART = 10,
	LARGEST = 1 << 3,
};

static const unsigned int counted[] = {0, 7, 20, 50, 100, 400};

struct held {
	bench_block block;
	unsigned int order;
};

struct frag {
	const struct bench_peer *peer;
	enum bench_how how;
	bool mixed;
	struct held *held;
	bench_block *huge; /* what is not to be the pool's, and room for the count */
	unsigned int nr_held, nr_huge, blocks, room;
	unsigned long pages; /* that are held */
	u64 random;
};

static unsigned int draw(struct frag *f, unsigned int below)
{
	f->random = f->random * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(f->random >> 33) % below;
}

static unsigned int draw_order(struct frag *f)
{
	static const u8 orders[] = {0, 0, 0, 0, 1, 1, 2, 3};

	return f->mixed ? orders[draw(f, ARRAY_SIZE(orders))] : 0;
}

static bool add(struct frag *f, unsigned int order)
{
	struct held *one = &f->held[f->nr_held];

	if (f->nr_held == f->room || !f->peer->get(order, f->how, &one->block, 1))
		return false;
	one->order = order;
	f->nr_held++;
	f->pages += 1ul << order;
	return true;
}

static void remove_random(struct frag *f)
{
	struct held *one = &f->held[draw(f, f->nr_held)];

	f->peer->put(one->order, &one->block, 1);
	f->pages -= 1ul << one->order;
	*one = f->held[--f->nr_held];
}

/* As many pages, give or take the largest block. */
static void fill_up(struct frag *f, unsigned long pages)
{
	while (f->pages + (f->mixed ? LARGEST : 1) <= pages && add(f, draw_order(f)))
		;
}

/* All that there are. */
static unsigned int take_huge(struct frag *f)
{
	if (f->peer->drain)
		f->peer->drain();
	return f->peer->get(HUGE, f->how, f->huge + f->nr_huge, HUGE_MOST - f->nr_huge);
}

static unsigned int count_huge(struct frag *f)
{
	unsigned int n = take_huge(f);

	f->peer->put(HUGE, f->huge + f->nr_huge, n);
	return n;
}

/* All that is not of the pool is taken away. */
static int make_pool(struct frag *f)
{
	bench_make_room(f->peer, f->blocks << HUGE);
	f->nr_huge = take_huge(f);
	if (f->nr_huge < f->blocks || f->nr_huge == HUGE_MOST)
		return -ENOMEM;
	f->nr_huge -= f->blocks;
	f->peer->put(HUGE, f->huge + f->nr_huge, f->blocks);
	return 0;
}

static void say_count(struct frag *f, unsigned int iteration)
{
	unsigned int least = (unsigned int)DIV_ROUND_UP(f->pages, 1ul << HUGE);

	bench_say("frag %s %u %u %lu %u %u\n", f->peer->name, f->mixed, iteration, f->pages,
		  count_huge(f), f->blocks - min(least, f->blocks));
}

static void churn(struct frag *f, unsigned long half)
{
	unsigned int iteration = 0;

	for (int i = 0; i < ARRAY_SIZE(counted); i++) {
		for (; iteration < counted[i]; iteration++) {
			for (unsigned int n = f->nr_held / PART; n; n--) {
				remove_random(f);
				fill_up(f, half);
			}
			cond_resched();
		}
		say_count(f, iteration);
	}
}

static int frag(struct frag *f)
{
	int err = make_pool(f);

	if (err)
		return err;
	while (add(f, 0))
		;
	bench_say("frag %s %u pool %u filled %u\n", f->peer->name, f->mixed, f->blocks, f->nr_held);
	while (f->nr_held > f->blocks << HUGE >> 1)
		remove_random(f);
	churn(f, f->nr_held);
	return 0;
}

int bench_frag(const struct bench_peer *peer, unsigned int pool_mb, bool mixed)
{
	struct frag f = {
		.peer = peer,
		/* roost.ko would take more from the kernel for a caller that waits. */
		.how = peer == &bench_linux ? BENCH_WAIT : BENCH_TRY,
		.mixed = mixed,
		.random = 1,
	};
	int err = bench_run_on(0);

	if (err || pool_mb > 1 << 12)
		return err ? err : -EINVAL;
	f.blocks = pool_mb >> (HUGE + PAGE_SHIFT - 20);
	f.room = 2 * f.blocks << HUGE; /* the kernel has some that are in no block of the pool */
	f.held = kvcalloc(f.room, sizeof(*f.held), GFP_KERNEL);
	f.huge = kvcalloc(HUGE_MOST, sizeof(*f.huge), GFP_KERNEL);
	err = f.held && f.huge ? frag(&f) : -ENOMEM;
	while (f.held && f.nr_held)
		remove_random(&f);
	if (f.huge)
		peer->put(HUGE, f.huge, f.nr_huge);
	kvfree(f.huge);
	kvfree(f.held);
	return err;
}
