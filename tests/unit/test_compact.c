/* SPDX-License-Identifier: MIT */
/* test_compact.c - roost_alloc_range(), roost_compact(): what is in use is moved away. */
#include "harness.h"

enum { BLOCKS = 16, FRAMES = BLOCKS * BLOCK, CPUS = 2 };

struct mover {
	struct rig *rig;
	roost_pfn pinned[2]; /* frames that cannot be moved */
	unsigned moves, most;
};

static bool move(void *context, roost_pfn pfn, unsigned order)
{
	struct mover *m = context;
	roost_pfn to;

	assert_int_equal(shadow_order(&m->rig->shadow, pfn), order);
	for (unsigned i = 0; i < LENGTH(m->pinned); i++)
		if (m->pinned[i] >= pfn && m->pinned[i] - pfn < (roost_pfn)1 << order)
			return false;
	to = rig_alloc(m->rig, order, ROOST_WAIT);
	if (to == ROOST_NONE)
		return false;
	m->moves++;
	rig_free(m->rig, pfn);
	return true;
}

/* Everything is allocated in blocks of one order; a part of it is freed again, spread out. */
static void use(struct rig *rig, unsigned order, unsigned keep, unsigned of)
{
	roost_pfn size = (roost_pfn)1 << order;

	for (unsigned i = 0; rig_alloc(rig, order, i % 3) != ROOST_NONE; i++)
		rig_cpu(rig, i / 64 % CPUS);
	for (roost_pfn pfn = 0; pfn < FRAMES; pfn += size)
		if (pfn / size % of >= keep && shadow_order(&rig->shadow, pfn) == (int)order)
			rig_free(rig, pfn);
	rig_cpu(rig, 0);
}

static void enter(struct rig *rig, roost_pfn pfn, uint64_t n)
{
	for (uint64_t i = 0; i < n;) {
		unsigned order = rig_range_order(rig, pfn + i, n - i);

		assert_int_equal(roost_order(rig->roost, pfn + i), order);
		assert_null(shadow_take(&rig->shadow, pfn + i, order));
		i += UINT64_C(1) << order;
	}
}

static bool any_apart(const struct rig *rig)
{
	struct roost_zone_info info;

	assert_int_equal(roost_zone_info(rig->roost, 0, &info), 0);
	return info.pageblocks[ROOST_LIST_ISOLATE];
}

static void ranges_in_use(void **state)
{
	static const uint64_t ranges[][2] = {{0, 1},	      {5, 3 * BLOCK},	 {BLOCK, BLOCK},
					     {BLOCK - 1, 2},  {7 * BLOCK, 1200}, {FRAMES - 9, 9},
					     {100, 2 * BLOCK}};
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned order = 0; order < 6; order++)
		for (unsigned i = 0; i < LENGTH(ranges); i++) {
			struct mover m = {&rig, {ROOST_NONE, ROOST_NONE}, 0, 0};

			use(&rig, order, 1, 2);
			assert_int_equal(
				roost_alloc_range(rig.roost, ranges[i][0], ranges[i][1], move, &m),
				0);
			enter(&rig, ranges[i][0], ranges[i][1]);
			assert_in_range(m.moves, ranges[i][1] > 4u << order, ranges[i][1] + 2);
			assert_false(any_apart(&rig));
			rig_compare(&rig);
			rig_free_all(&rig);
			roost_drain(rig.roost, -1);
		}
	rig_home(&rig);
	rig_close(&rig);
}

static void refused_ranges(void **state)
{
	struct mover m = {NULL, {2 * BLOCK + 7, ROOST_NONE}, 0, 0};
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	m.rig = &rig;
	use(&rig, 0, 1, 2);
	if (shadow_state(&rig.shadow, m.pinned[0]) == SHADOW_FREE)
		m.pinned[0]--;
	assert_int_equal(roost_alloc_range(rig.roost, 0, 4 * BLOCK, move, &m), -ROOST_EBUSY);
	assert_false(any_apart(&rig));
	assert_int_equal(roost_isolate(rig.roost, 3 * BLOCK, true), 0);
	m.moves = 0;
	assert_int_equal(roost_alloc_range(rig.roost, 0, 4 * BLOCK, move, &m), -ROOST_EBUSY);
	assert_int_equal(m.moves, 0);
	assert_true(any_apart(&rig));
	assert_int_equal(roost_isolate(rig.roost, 3 * BLOCK, false), 0);
	assert_int_equal(roost_alloc_range(rig.roost, 0, 0, move, &m), -ROOST_EINVAL);
	assert_int_equal(roost_alloc_range(rig.roost, 5, FRAMES, move, &m), -ROOST_EINVAL);
	assert_int_equal(roost_alloc_range(rig.roost, 5, UINT64_MAX, move, &m), -ROOST_EINVAL);
	assert_int_equal(m.moves, 0);
	assert_false(any_apart(&rig));
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* The largest order at 70 % in use, and of that the cheapest range. */
static void cheapest_first(void **state)
{
	struct roost_compaction c = {0};
	struct mover m = {NULL, {ROOST_NONE, ROOST_NONE}, 0, 0};
	struct rig rig;
	unsigned steps = 0;
	int err;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	m.rig = &rig;
	use(&rig, 0, 7, 10);
	for (roost_pfn pfn = 6 * BLOCK; pfn < 8 * BLOCK; pfn++) /* cheaper than others */
		if (pfn % 5 && shadow_order(&rig.shadow, pfn) == 0)
			rig_free(&rig, pfn);
	while ((err = roost_compact(rig.roost, ROOST_DEFAULT_MAX_ORDER, move, &m, &c)) ==
	       -ROOST_EAGAIN)
		assert_in_range(steps++, 0, 100);
	assert_int_equal(err, 0);
	assert_int_equal(c.pfn, 6 * BLOCK);
	enter(&rig, c.pfn, 2 * BLOCK);
	assert_int_equal(c.moved, m.moves);
	assert_int_equal(c.moved_frames, m.moves);
	assert_int_equal(c.looked, BLOCKS);
	assert_int_equal(c.refused, 0);
	assert_true(steps >= 1);
	assert_false(any_apart(&rig));
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* If a block cannot be moved the next one is tried, and each but once. */
static void refused_ones_are_passed(void **state)
{
	struct roost_compaction c = {0};
	struct mover m = {NULL, {ROOST_NONE, ROOST_NONE}, 0, 0};
	struct rig rig;
	int err;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	m.rig = &rig;
	use(&rig, 0, 1, 2);
	for (roost_pfn pfn = 4 * BLOCK; pfn < 5 * BLOCK; pfn++)
		if (pfn % 8 && shadow_order(&rig.shadow, pfn) == 0)
			rig_free(&rig, pfn);
	for (roost_pfn pfn = 4 * BLOCK; m.pinned[0] == ROOST_NONE; pfn++)
		if (shadow_order(&rig.shadow, pfn) == 0)
			m.pinned[0] = pfn;
	while ((err = roost_compact(rig.roost, 9, move, &m, &c)) == -ROOST_EAGAIN)
		;
	assert_int_equal(err, 0);
	assert_int_not_equal(c.pfn, 4 * BLOCK);
	assert_int_equal(c.refused, 1);
	enter(&rig, c.pfn, BLOCK);
	assert_false(any_apart(&rig));
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

static bool refuse(void *context, roost_pfn pfn, unsigned order)
{
	struct mover *m = context;

	(void)pfn;
	(void)order;
	m->moves++;
	return false;
}

static void all_refused_or_given_up(void **state)
{
	struct roost_compaction c = {0};
	struct mover m = {NULL, {ROOST_NONE, ROOST_NONE}, 0, 0};
	struct rig rig;
	int err = -ROOST_EAGAIN;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	m.rig = &rig;
	use(&rig, 0, 1, 2);
	for (unsigned turn = 0; turn < 2; turn++) {
		m.moves = 0;
		while ((err = roost_compact(rig.roost, 9, refuse, &m, &c)) == -ROOST_EAGAIN)
			;
		assert_int_equal(err, -ROOST_EBUSY);
		assert_int_equal(m.moves, BLOCKS);
		assert_int_equal(c.refused, BLOCKS * (turn + 1));
		assert_false(any_apart(&rig));
	}
	assert_int_equal(roost_compact(rig.roost, 8, refuse, &m, &c), -ROOST_EINVAL);
	assert_int_equal(roost_compact(rig.roost, 10, refuse, &m, &c), -ROOST_EINVAL);
	while (!any_apart(&rig))
		assert_int_equal(roost_compact(rig.roost, 9, move, &m, &c), -ROOST_EAGAIN);
	roost_compact_end(rig.roost, &c);
	assert_false(any_apart(&rig));
	assert_int_equal(roost_compact(rig.roost, 10, refuse, &m, &c), -ROOST_EAGAIN);
	roost_compact_end(rig.roost, &c);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* Nothing that spans zones or holes, nor of the reserve. */
static void only_what_can_be_one_block(void **state)
{
	struct roost_compaction c = {0};
	struct mover m = {NULL, {ROOST_NONE, ROOST_NONE}, 0, 0};
	struct rig rig;
	int err;

	rig_open_unlike(&rig, state, CPUS);
	m.rig = &rig;
	for (unsigned i = 0; i < 3; i++) {
		while ((err = roost_compact(rig.roost, 9, move, &m, &c)) == -ROOST_EAGAIN)
			;
		if (err)
			break;
		enter(&rig, c.pfn, BLOCK);
		rig_compare(&rig);
	}
	assert_int_equal(m.moves, 0);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(ranges_in_use, variants_paths),
		SUITE_TEST(refused_ranges, variants_paths),
		SUITE_TEST(cheapest_first, variants_paths),
		SUITE_TEST(refused_ones_are_passed, variants_paths),
		SUITE_TEST(all_refused_or_given_up, variants_paths),
		SUITE_TEST(only_what_can_be_one_block, variants_one),
	};

	return SUITE_RUN("compact", tests, argc, argv);
}
