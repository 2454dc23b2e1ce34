/* SPDX-License-Identifier: MIT */
/*
 * test_misuse.c - each kind of misuse is found at the call that makes it, told once and
 * correctly, and does no harm.
 */
#include "harness.h"

#include <limits.h>
#include <string.h>

enum { FRAMES = 8 * BLOCK, START = 2 * BLOCK, CPUS = 3 };

/* Frames [START, START + FRAMES) with a hole, a reserved range, and far away one more range. */
static const struct roost_range ranges[] = {
	{START, START + 1000, 0, 0},
	{START + 1010, START + FRAMES, 0, 0},
	{START + 1500, START + 1600, 0, ROOST_RANGE_RESERVED},
	{UINT64_C(1) << 30, (UINT64_C(1) << 30) + 700, 0, 0},
};

enum { HOLE = START + 1005, RESERVED = START + 1550 };
#define LAST ((UINT64_C(1) << 30) + 700)

static void open_misused(struct rig *rig, void *const *state)
{
	struct roost_config config = rig_config(state);

	config.ranges = ranges;
	config.nr_ranges = LENGTH(ranges);
	config.nr_cpus = CPUS;
	rig_open(rig, &config);
}

static void close_misused(struct rig *rig)
{
	rig_home(rig);
	rig_close(rig);
}

/* ---- The ways to free -------------------------------------------------------------------- */

typedef void free_fn(roost_t *roost, roost_pfn pfn, unsigned order);

static void by_bulk(roost_t *roost, roost_pfn pfn, unsigned order)
{
	const struct roost_block block = {pfn, order};

	roost_free_bulk(roost, &block, 1);
}

static void by_bulk_nolock(roost_t *roost, roost_pfn pfn, unsigned order)
{
	const struct roost_block block = {pfn, order};

	roost_free_bulk_nolock(roost, &block, 1);
}

/* A split into pieces of the same or a smaller order asks for the same block as a free. */
static void by_split(roost_t *roost, roost_pfn pfn, unsigned order)
{
	assert_int_equal(roost_split(roost, pfn, order, 0), -ROOST_EINVAL);
}

static const struct way {
	const char *call;
	free_fn *run;
} ways[] = {
	{"roost_free", roost_free},   {"roost_free_nolock", roost_free_nolock},
	{"roost_free_bulk", by_bulk}, {"roost_free_bulk_nolock", by_bulk_nolock},
	{"roost_split", by_split},
};

/*
 * The call is made in every way, from every CPU; each time exactly that misuse is reported, and the
 * state of each frame is as before.
 */
static void misused(struct rig *rig, enum roost_misuse_kind kind, roost_pfn pfn, unsigned order,
		    int order_found, roost_pfn head_found)
{
	for (unsigned i = 0; i < LENGTH(ways) * CPUS; i++) {
		const struct way *way = &ways[i % LENGTH(ways)];
		const struct roost_misuse expected = {
			.kind = kind,
			.call = way->call,
			.pfn = pfn,
			.order_given = order > INT_MAX ? INT_MAX : (int)order,
			.order_found = order_found,
			.head_found = head_found,
		};

		rig_cpu(rig, i / LENGTH(ways));
		way->run(rig->roost, pfn, order);
		rig_expect(rig, &expected);
		rig_check(rig);
	}
	rig_compare(rig);
}

/* ---- Kinds ------------------------------------------------------------------------------- */

/* The free block that holds a frame, as roost_frame_info() knows it. */
static roost_pfn free_head(const struct rig *rig, roost_pfn pfn, int *order)
{
	struct roost_frame_info info;

	roost_frame_info(rig->roost, pfn, &info);
	for (unsigned k = 0; info.state == ROOST_FRAME_INSIDE; k++) {
		pfn &= ~((UINT64_C(1) << k) - 1);
		roost_frame_info(rig->roost, pfn, &info);
	}
	*order = (int)info.order;
	return pfn;
}

static void found_free(struct rig *rig, roost_pfn pfn, unsigned order)
{
	int order_found;
	roost_pfn head = free_head(rig, pfn, &order_found);

	misused(rig, ROOST_MISUSE_DOUBLE_FREE, pfn, order, order_found, head);
}

static void double_free(void **state)
{
	struct rig rig;

	open_misused(&rig, state);
	for (unsigned k = 0; k <= ROOST_DEFAULT_MAX_ORDER; k++) {
		roost_pfn pfn = rig_get(&rig, k, 0);

		rig_get(&rig, k % 3, 0);
		rig_cpu(&rig, k);
		rig_free(&rig, pfn);
		found_free(&rig, pfn, k);
		roost_drain(rig.roost, -1);
		found_free(&rig, pfn, k);
	}
	close_misused(&rig);
}

/* The block was freed by a remote CPU, or without locks, and may lie on a list. */
static void double_free_of_remote(void **state)
{
	struct rig rig;
	roost_pfn pfn[40];

	open_misused(&rig, state);
	for (unsigned i = 0; i < LENGTH(pfn); i++)
		pfn[i] = rig_get(&rig, i % 3, 0);
	rig_cpu(&rig, 1);
	for (unsigned i = 0; i < LENGTH(pfn); i += 2) {
		i & 2 ? rig_free(&rig, pfn[i]) : rig_free_nolock(&rig, pfn[i]);
		found_free(&rig, pfn[i], i % 3);
	}
	close_misused(&rig);
}

/* The frame is free as part of a larger block that merged. */
static void double_free_after_merge(void **state)
{
	struct rig rig;

	open_misused(&rig, state);
	assert_true(rig_take_all(&rig, 0, 0) > 0);
	rig_free_all(&rig);
	roost_drain(rig.roost, -1);
	for (unsigned i = 0; i < 20; i++)
		found_free(&rig, START + i * 17, 0);
	found_free(&rig, START + 3 * BLOCK + 64, 5);
	close_misused(&rig);
}

/* Inside of a block that is handed out, not its first frame. */
static void not_allocated(void **state)
{
	struct rig rig;

	open_misused(&rig, state);
	for (unsigned k = 1; k <= ROOST_DEFAULT_MAX_ORDER; k++) {
		roost_pfn pfn = rig_get(&rig, k, 0);
		uint64_t half = UINT64_C(1) << (k - 1);

		misused(&rig, ROOST_MISUSE_NOT_ALLOCATED, pfn + half, 0, (int)k, pfn);
		misused(&rig, ROOST_MISUSE_NOT_ALLOCATED, pfn + half, k - 1, (int)k, pfn);
		misused(&rig, ROOST_MISUSE_NOT_ALLOCATED, pfn + 2 * half - 1, 0, (int)k, pfn);
		rig_free(&rig, pfn);
	}
	close_misused(&rig);
}

static void wrong_order(void **state)
{
	struct rig rig;

	open_misused(&rig, state);
	for (unsigned k = 0; k <= ROOST_DEFAULT_MAX_ORDER; k++) {
		roost_pfn pfn = rig_get(&rig, k, 0);

		for (unsigned other = 0; other <= ROOST_DEFAULT_MAX_ORDER; other++)
			if (other != k && !(pfn & ((UINT64_C(1) << other) - 1)))
				misused(&rig, ROOST_MISUSE_WRONG_ORDER, pfn, other, (int)k, pfn);
		rig_free(&rig, pfn);
	}
	close_misused(&rig);
}

/* After a split only the order of the pieces is right. */
static void wrong_order_after_split(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	open_misused(&rig, state);
	pfn = rig_get(&rig, 5, 0);
	rig_split(&rig, pfn, 2);
	misused(&rig, ROOST_MISUSE_WRONG_ORDER, pfn, 5, 2, pfn);
	misused(&rig, ROOST_MISUSE_WRONG_ORDER, pfn + 8, 3, 2, pfn + 8);
	misused(&rig, ROOST_MISUSE_NOT_ALLOCATED, pfn + 9, 0, 2, pfn + 8);
	close_misused(&rig);
}

/* What was found may be reported or not, but must be true if it is. */
static void misaligned(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	open_misused(&rig, state);
	do
		pfn = rig_get(&rig, 0, 0);
	while (!(pfn & 1));
	ways[0].run(rig.roost, pfn, 1);
	assert_int_equal(rig.nr_misuse, 1);
	rig.nr_misuse = 0;
	for (unsigned k = 1; k <= ROOST_DEFAULT_MAX_ORDER; k++)
		if (rig.misuse[0].order_found < 0)
			misused(&rig, ROOST_MISUSE_MISALIGNED, pfn, k, -1, ROOST_NONE);
		else
			misused(&rig, ROOST_MISUSE_MISALIGNED, pfn, k, 0, pfn);
	close_misused(&rig);
}

static void out_of_range(void **state)
{
	static const roost_pfn outside[] = {
		0,	     START - 1,		START - BLOCK,	   LAST,
		LAST + 4096, UINT64_C(1) << 40, UINT64_C(1) << 63, ROOST_NONE};
	struct rig rig;

	open_misused(&rig, state);
	for (unsigned i = 0; i < LENGTH(outside); i++)
		misused(&rig, ROOST_MISUSE_OUT_OF_RANGE, outside[i], 0, -1, ROOST_NONE);
	misused(&rig, ROOST_MISUSE_OUT_OF_RANGE, 0, 7, -1, ROOST_NONE);
	close_misused(&rig);
}

static void hole(void **state)
{
	static const roost_pfn holes[] = {START + 1000,	  START + 1009,	     HOLE,
					  RESERVED,	  START + 1500,	     START + 1599,
					  START + FRAMES, START + (1 << 20), (1 << 30) - 1};
	struct rig rig;

	open_misused(&rig, state);
	for (unsigned i = 0; i < LENGTH(holes); i++)
		misused(&rig, ROOST_MISUSE_HOLE, holes[i], 0, -1, ROOST_NONE);
	close_misused(&rig);
}

static void bad_order(void **state)
{
	static const unsigned orders[] = {
		ROOST_DEFAULT_MAX_ORDER + 1, 32, 63, 64, 4096, INT_MAX, UINT_MAX};
	struct rig rig;
	roost_pfn pfn, pfns[3];

	open_misused(&rig, state);
	pfn = rig_get(&rig, ROOST_DEFAULT_MAX_ORDER, 0);
	for (unsigned i = 0; i < LENGTH(orders); i++) {
		int given = orders[i] > INT_MAX ? INT_MAX : (int)orders[i];
		struct roost_misuse expected = {.kind = ROOST_MISUSE_BAD_ORDER,
						.call = "roost_alloc",
						.pfn = ROOST_NONE,
						.order_given = given,
						.order_found = -1,
						.head_found = ROOST_NONE};

		for (unsigned w = 0; w < LENGTH(ways); w++) {
			ways[w].run(rig.roost, pfn, orders[i]);
			assert_int_equal(rig.misuse[0].kind, ROOST_MISUSE_BAD_ORDER);
			assert_int_equal(rig.misuse[0].order_given, given);
			assert_int_equal(rig.misuse[0].pfn, pfn);
			assert_string_equal(rig.misuse[0].call, ways[w].call);
			assert_int_equal(rig.nr_misuse, 1);
			rig.nr_misuse = 0;
		}
		assert_int_equal(roost_alloc(rig.roost, orders[i], 0), ROOST_NONE);
		rig_expect(&rig, &expected);
		expected.call = "roost_alloc_bulk";
		assert_int_equal(roost_alloc_bulk(rig.roost, orders[i], ROOST_WAIT, pfns, 3), 0);
		rig_expect(&rig, &expected);
	}
	rig_compare(&rig);
	close_misused(&rig);
}

static void bad_flags(void **state)
{
	static const unsigned flags[] = {3,
					 1u << 24,
					 ROOST_ONCE | ROOST_WAIT,
					 1u << 31,
					 ROOST_ZONE(1),
					 ROOST_ZONE(200),
					 ROOST_NODE(7),
					 ROOST_NODE(1) | ROOST_WAIT,
					 ROOST_WAIT | 1u << 24};
	struct roost_misuse expected = {.kind = ROOST_MISUSE_BAD_FLAGS,
					.call = "roost_alloc",
					.pfn = ROOST_NONE,
					.order_given = 2,
					.order_found = -1,
					.head_found = ROOST_NONE};
	roost_pfn pfns[3];
	struct rig rig;

	open_misused(&rig, state);
	for (unsigned i = 0; i < LENGTH(flags); i++) {
		expected.call = "roost_alloc";
		assert_int_equal(roost_alloc(rig.roost, 2, flags[i]), ROOST_NONE);
		rig_expect(&rig, &expected);
		expected.call = "roost_alloc_bulk";
		assert_int_equal(roost_alloc_bulk(rig.roost, 2, flags[i], pfns, 3), 0);
		rig_expect(&rig, &expected);
	}
	close_misused(&rig);
}

/* Of zones and nodes that no field has room for. */
static void no_such_zone(void **state)
{
	static const long long numbers[] = {1,	   32,	    254,     255,      256,	  257,
					    65535, 1 << 24, INT_MAX, UINT_MAX, 1LL << 32, -1,
					    -2,	   -255,    -256,    INT_MIN};
	static const unsigned constants[] = {ROOST_ZONE(255), ROOST_NODE(255), ROOST_ZONE(-1),
					     ROOST_NODE(-1), ROOST_ZONE(1LL << 32)};
	struct rig rig;
	roost_pfn pfns[3];

	open_misused(&rig, state);
	for (unsigned i = 0; i < 2 * LENGTH(numbers) + LENGTH(constants); i++) {
		long long number = i < 2 * LENGTH(numbers) ? numbers[i / 2] : 0;
		unsigned flags = i >= 2 * LENGTH(numbers) ? constants[i - 2 * LENGTH(numbers)]
				 : i & 1		  ? ROOST_ZONE(number)
							  : ROOST_NODE(number);

		assert_int_equal(roost_alloc(rig.roost, 0, flags | ROOST_RESERVE), ROOST_NONE);
		assert_int_equal(roost_alloc_bulk(rig.roost, 0, flags, pfns, 3), 0);
		assert_int_equal(roost_alloc_bulk(rig.roost, 0, flags, pfns, 0), 0);
		assert_int_equal(rig.nr_misuse, 3);
		assert_int_equal(rig.misuse[0].kind, ROOST_MISUSE_BAD_FLAGS);
		rig.nr_misuse = 0;
	}
	for (int zone = 0; zone == 0;) /* evaluated once */
		rig_free(&rig, rig_get(&rig, 0, ROOST_ZONE(zone++)));
	close_misused(&rig);
}

/* ---- In batches -------------------------------------------------------------------------- */

static roost_pfn take_unshadowed(struct rig *rig, unsigned order)
{
	roost_pfn pfn = rig_get(rig, order, 0);

	assert_null(shadow_put(&rig->shadow, pfn));
	return pfn;
}

static unsigned times(const struct rig *rig, enum roost_misuse_kind kind, roost_pfn pfn)
{
	unsigned n = 0;

	for (unsigned i = 0; i < rig->nr_misuse && i < RIG_MISUSES; i++)
		n += rig->misuse[i].kind == kind && rig->misuse[i].pfn == pfn;
	return n;
}

/* The good blocks round the bad ones are freed; each bad one is reported, once. */
static void check_batch(struct rig *rig, bool nolock)
{
	roost_pfn kept = rig_get(rig, 1, 0), twice = take_unshadowed(rig, 0);
	const struct roost_block blocks[] = {
		{twice, 0},
		{twice, 0},
		{kept + 1, 0}, /* inside */
		{take_unshadowed(rig, 3), 3},
		{kept, 0}, /* wrong order */
		{ROOST_NONE, 0},
		{take_unshadowed(rig, 0), 0},
		{HOLE, 0},
		{take_unshadowed(rig, ROOST_DEFAULT_MAX_ORDER), ROOST_DEFAULT_MAX_ORDER},
	};

	rig_cpu(rig, nolock);
	nolock ? roost_free_bulk_nolock(rig->roost, blocks, LENGTH(blocks))
	       : roost_free_bulk(rig->roost, blocks, LENGTH(blocks));
	assert_int_equal(rig->nr_misuse, 5);
	assert_int_equal(times(rig, ROOST_MISUSE_DOUBLE_FREE, twice), 1);
	assert_int_equal(times(rig, ROOST_MISUSE_NOT_ALLOCATED, kept + 1), 1);
	assert_int_equal(times(rig, ROOST_MISUSE_WRONG_ORDER, kept), 1);
	assert_int_equal(times(rig, ROOST_MISUSE_OUT_OF_RANGE, ROOST_NONE), 1);
	assert_int_equal(times(rig, ROOST_MISUSE_HOLE, HOLE), 1);
	rig->nr_misuse = 0;
	rig_compare(rig);
}

static void bad_ones_in_a_batch(void **state)
{
	struct rig rig;

	open_misused(&rig, state);
	for (unsigned round = 0; round < 6; round++)
		check_batch(&rig, round & 1);
	close_misused(&rig);
}

/* ---- The hook ---------------------------------------------------------------------------- */

static unsigned in_hook;

/* No lock is held in the hook: it may allocate and free. */
static void working_hook(void *context, const struct roost_misuse *misuse)
{
	struct rig *rig = context;
	roost_pfn small = rig_get(rig, 0, 0), large = rig_get(rig, ROOST_DEFAULT_MAX_ORDER, 0);

	(void)misuse;
	in_hook++;
	assert_int_equal(roost_posix_locks_held(), 0);
	rig_free(rig, small);
	rig_free(rig, large);
	roost_drain(rig->roost, -1);
	assert_int_equal(rig_cpu_holds(rig, 0), 0);
}

static void hook_holds_no_lock(void **state)
{
	struct roost_config config = rig_config(state);
	struct rig rig;
	roost_pfn pfn;

	open_misused(&rig, state);
	config = rig.config;
	config.misuse = working_hook;
	memset(rig.metadata, 0, rig.metadata_size);
	assert_int_equal(roost_init(&rig.roost, &config, rig.metadata, rig.metadata_size), 0);
	pfn = rig_get(&rig, 0, 0);
	rig_free(&rig, pfn);
	in_hook = 0;
	for (unsigned i = 0; i < LENGTH(ways); i++)
		ways[i].run(rig.roost, pfn, 0);
	assert_int_equal(in_hook, LENGTH(ways));
	assert_int_equal(roost_alloc(rig.roost, 99, 0), ROOST_NONE);
	assert_int_equal(roost_alloc(rig.roost, 0, 3), ROOST_NONE);
	assert_int_equal(in_hook, LENGTH(ways) + 2);
	close_misused(&rig);
}

static void every_kind_has_a_name(void **state)
{
	(void)state;
	for (int kind = ROOST_MISUSE_DOUBLE_FREE; kind <= ROOST_MISUSE_CORRUPT; kind++) {
		assert_true(strlen(roost_misuse_name((enum roost_misuse_kind)kind)) > 5);
		for (int other = 0; other < kind; other++)
			assert_string_not_equal(roost_misuse_name((enum roost_misuse_kind)kind),
						roost_misuse_name((enum roost_misuse_kind)other));
	}
	assert_non_null(roost_misuse_name((enum roost_misuse_kind)99));
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(double_free, variants_checked),
		SUITE_TEST(double_free_of_remote, variants_checked),
		SUITE_TEST(double_free_after_merge, variants_checked),
		SUITE_TEST(not_allocated, variants_checked),
		SUITE_TEST(wrong_order, variants_checked),
		SUITE_TEST(wrong_order_after_split, variants_checked),
		SUITE_TEST(misaligned, variants_checked),
		SUITE_TEST(out_of_range, variants_checked),
		SUITE_TEST(hole, variants_checked),
		SUITE_TEST(bad_order, variants_checked),
		SUITE_TEST(bad_flags, variants_checked),
		SUITE_TEST(no_such_zone, variants_paths),
		SUITE_TEST(bad_ones_in_a_batch, variants_checked),
		SUITE_TEST(hook_holds_no_lock, variants_checked),
		SUITE_TEST(every_kind_has_a_name, variants_one),
	};

	return SUITE_RUN("misuse", tests, argc, argv);
}
