/* SPDX-License-Identifier: MIT */
/*
 * churn.c - how many whole pageblocks churn leaves: a pool is filled to 80 %, then again and
 * again a random hundredth of the blocks is freed and as much allocated. A seed decides all, so
 * these are counts. On real CPUs (cpus.h) callers have a pocket, else they have none: then sets
 * does not look for holes before it breaks a larger run.
 */
#include <stdlib.h>

#include "harness.h"
#include "library.h"

enum { PAGEBLOCKS = 256, FRAMES = PAGEBLOCKS * BLOCK, FILLED = FRAMES / 5 * 4, PART = 100 };

struct churn {
	roost_t *roost;
	struct random random;
	unsigned largest; /* order; half of the blocks are single frames */
	struct roost_block *blocks;
	size_t nr;
	uint64_t frames;
};

static unsigned draw(struct churn *c)
{
	unsigned order = 0;

	while (order < c->largest && random_below(&c->random, 2))
		order++;
	return order;
}

static void fill_up(struct churn *c)
{
	while (c->frames + (1u << c->largest) <= FILLED) {
		unsigned order = draw(c);
		roost_pfn pfn = roost_alloc(c->roost, order, ROOST_MOVABLE);

		if (pfn == ROOST_NONE)
			fail_msg("no block of order %u beside %zu", order, c->nr);
		c->blocks[c->nr++] = (struct roost_block){pfn, order};
		c->frames += UINT64_C(1) << order;
	}
}

static void free_one(struct churn *c)
{
	struct roost_block *one = &c->blocks[random_below(&c->random, c->nr)];

	roost_free(c->roost, one->pfn, one->order);
	c->frames -= UINT64_C(1) << one->order;
	*one = c->blocks[--c->nr];
}

static unsigned whole(const struct churn *c)
{
	struct roost_zone_info info;
	unsigned n = 0;

	assert_int_equal(roost_zone_info(c->roost, 0, &info), 0);
	for (unsigned list = 0; list < ROOST_NR_LISTS; list++)
		for (unsigned order = ROOST_PAGEBLOCK_ORDER; order <= ROOST_MAX_ORDER; order++)
			n += (unsigned)info.blocks[list][order] << (order - ROOST_PAGEBLOCK_ORDER);
	return n;
}

/* Of the first pageblock that is claimed some frames lie in the pocket. */
static bool has_pockets(roost_t *roost)
{
	roost_pfn pfn = roost_alloc(roost, 0, ROOST_MOVABLE);
	struct roost_pageblock_info info;

	roost_free(roost, pfn, 0);
	assert_int_equal(roost_pageblock_info(roost, pfn, &info), 0);
	return !library_is_pcpbuddy && info.free < BLOCK;
}

/* At least these numbers are left after 200 batches; 51 is the ideal. */
static void leaves(void **state, unsigned largest, unsigned of_sets, unsigned with_pockets,
		   unsigned of_pcpbuddy)
{
	static struct roost_block blocks[FRAMES];
	struct churn c = {.random = {1}, .largest = largest, .blocks = blocks};
	unsigned n, least;
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, 2);
	rig_cpu(&rig, 0);
	c.roost = rig.roost;
	least = library_is_pcpbuddy ? of_pcpbuddy : has_pockets(c.roost) ? with_pockets : of_sets;
	fill_up(&c);
	for (unsigned batch = 0; batch < 200; batch++) {
		for (size_t left = c.nr / PART; left > 0; left--)
			free_one(&c);
		fill_up(&c);
	}
	roost_drain(c.roost, -1);
	n = whole(&c);
	if (getenv("ROOST_TEST_TABLE"))
		print_message("orders 0 to %u: %u whole pageblocks\n", largest, n);
	assert_in_range(n, least, PAGEBLOCKS / 5);
	while (c.nr)
		free_one(&c);
	rig_home(&rig);
	rig_close(&rig);
}

static void single_frames(void **state)
{
	leaves(state, 0, 48, 48, 50);
}

static void orders_0_to_3(void **state)
{
	leaves(state, 3, 38, 45, 48);
}

static void orders_0_to_5(void **state)
{
	leaves(state, 5, 17, 42, 44);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(single_frames, variants_one),
		SUITE_TEST(orders_0_to_3, variants_one),
		SUITE_TEST(orders_0_to_5, variants_one),
	};

	return SUITE_RUN("churn", tests, argc, argv);
}
