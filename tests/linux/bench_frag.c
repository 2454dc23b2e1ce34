// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * bench_frag.c - frag, as LLFree calls it: what random churn leaves of the blocks of order 9.
 *
 * A pool of so many blocks of order 9 is filled with pages, of which a random half is freed. Then,
 * ROUNDS times, a random tenth of the rest is freed and allocated again. Before and after that,
 * blocks of order 9 are allocated until there is none; the ideal is what there would be if all
 * pages lay close together.
 *
 * The kernel's allocator has no pool: all blocks of order 9 are taken from it and as many as the
 * pool has are given back. It is asked twice: for what is there, and with all that it does for a
 * caller who may sleep (it empties its per-CPU lists, reclaims and compacts).
 *
 *	frag PEER pool BLOCKS filled PAGES held PAGES before N after N effort N ideal N
 */
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "bench.h"
#include "roost/linux.h"

enum {
	HUGE = 9,
	HUGE_MOST = 1 << 12, /* 8 GiB of what is not the pool's */
	ROUNDS = 20,
	PART = 10,
};

struct frag {
	const struct bench_peer *peer;
	bench_block *pages, *huge; /* huge: what is not to be the pool's, and room for the count */
	unsigned int nr_pages, nr_huge, blocks;
	u64 random;
};

static unsigned int draw(struct frag *f, unsigned int below)
{
	f->random = f->random * 6364136223846793005ull + 1442695040888963407ull;
	return (u32)(f->random >> 33) % below;
}

/* As many pages as there are places up to that one. */
static void fill_up(struct frag *f, unsigned int most)
{
	f->nr_pages +=
		f->peer->get(0, BENCH_TRY, f->pages + f->nr_pages, most - f->nr_pages);
}

static void free_random(struct frag *f, unsigned int n)
{
	while (n--) {
		bench_block *one = &f->pages[draw(f, f->nr_pages)];

		f->peer->put(0, one, 1);
		*one = f->pages[--f->nr_pages];
		if (!(n % 1024))
			cond_resched();
	}
}

static unsigned int count_huge(struct frag *f, enum bench_how how)
{
	bench_block *room = f->huge + f->nr_huge;
	unsigned int n;

	if (f->peer->drain)
		f->peer->drain();
	n = f->peer->get(HUGE, how, room, HUGE_MOST - f->nr_huge);
	f->peer->put(HUGE, room, n);
	return n;
}

static void churn(struct frag *f, unsigned int held)
{
	for (int i = 0; i < ROUNDS; i++) {
		free_random(f, held / PART);
		fill_up(f, held);
		cond_resched();
	}
}

/* All that is not of the pool is taken away. */
static int make_pool(struct frag *f)
{
	f->nr_huge = f->peer->get(HUGE, BENCH_TRY, f->huge, HUGE_MOST);
	if (f->nr_huge < f->blocks || f->nr_huge == HUGE_MOST)
		return -ENOMEM;
	f->nr_huge -= f->blocks;
	f->peer->put(HUGE, f->huge + f->nr_huge, f->blocks);
	return 0;
}

static int frag(struct frag *f)
{
	unsigned int filled, held, before, after, effort;
	int err = make_pool(f);

	if (err)
		return err;
	fill_up(f, 2 * f->blocks << HUGE);
	filled = f->nr_pages;
	free_random(f, filled / 2);
	held = f->nr_pages;
	before = count_huge(f, BENCH_TRY);
	churn(f, held);
	after = count_huge(f, BENCH_TRY);
	/* roost.ko would only take more from the kernel. */
	effort = f->peer == &bench_linux ? count_huge(f, BENCH_WAIT) : after;
	bench_say("frag %s pool %u filled %u held %u before %u after %u effort %u ideal %u\n",
		  f->peer->name, f->blocks, filled, f->nr_pages, before, after, effort,
		  f->blocks - min(DIV_ROUND_UP(f->nr_pages, 1u << HUGE), f->blocks));
	return 0;
}

int bench_frag(const struct bench_peer *peer, unsigned int pool_mb)
{
	struct frag f = {.peer = peer, .blocks = pool_mb >> (HUGE + PAGE_SHIFT - 20), .random = 1};
	int err = bench_run_on(0);

	if (err || pool_mb > 1 << 12)
		return err ? err : -EINVAL;
	f.pages = kvcalloc(2 * f.blocks << HUGE, sizeof(*f.pages), GFP_KERNEL);
	f.huge = kvcalloc(HUGE_MOST, sizeof(*f.huge), GFP_KERNEL);
	err = f.pages && f.huge ? frag(&f) : -ENOMEM;
	if (f.pages && f.huge) {
		peer->put(0, f.pages, f.nr_pages);
		peer->put(HUGE, f.huge, f.nr_huge);
	}
	kvfree(f.huge);
	kvfree(f.pages);
	return err;
}
