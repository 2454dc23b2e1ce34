/* SPDX-License-Identifier: MIT */
/* test_odd.c - roost_alloc_n() and its like: blocks whose size is no power of two. */
#include "harness.h"

enum { BLOCKS = 8, FRAMES = BLOCKS * BLOCK, CPUS = 2 };

/* Four sizes from one power of two to the next; each is exact, aligned, and comes back. */
static void sizes(void **state)
{
	uint64_t size, most = 1 << ROOST_DEFAULT_MAX_ORDER;
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (uint64_t n = 1; n <= most; n += n < 80 ? 1 : n / 16 + n % 3) {
		roost_pfn pfn = rig_get_n(&rig, n, (unsigned)(n % 3));

		size = rig_size(n);
		assert_true(size >= n && (size - n) * 5 < size);
		assert_int_equal(roost_frames(rig.roost, pfn), size);
		assert_int_equal(roost_order(rig.roost, pfn), shadow_order(&rig.shadow, pfn));
		for (uint64_t i = 1; i < size; i++)
			assert_int_equal(roost_frames(rig.roost, pfn + i), 0);
		assert_int_equal(shadow_taken(&rig.shadow, 0), size);
		rig_compare(&rig);
		roost_free_n(rig.roost, pfn, n); /* the size that was asked for will do */
		assert_null(shadow_put(&rig.shadow, pfn));
		rig_compare(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Powers of two are ordinary blocks, whichever call is used. */
static void powers_of_two_are_blocks(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	for (unsigned order = 0; order <= ROOST_DEFAULT_MAX_ORDER; order++) {
		pfn = rig_get_n(&rig, UINT64_C(1) << order, 0);
		rig_free(&rig, pfn);
		pfn = rig_get(&rig, order, 0);
		assert_null(shadow_put(&rig.shadow, pfn));
		roost_free_n(rig.roost, pfn, UINT64_C(1) << order);
		rig_check(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Whatever the size, others get all that is beside the blocks, to the last frame. */
static void others_get_the_rest(void **state)
{
	static const unsigned some[] = {3,  5,	6,   7,	  10,  12,  14,	 20,  24,  28,	40,  48, 56,
					80, 96, 112, 160, 192, 224, 320, 384, 448, 640, 768, 896};
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned i = 0; i < LENGTH(some); i++) {
		uint64_t n = 0;

		while (rig_alloc_n(&rig, some[i], i % 3) != ROOST_NONE)
			n++;
		assert_true(n >= FRAMES / rig_size(2 * some[i] - 1));
		rig_check(&rig);
		assert_int_equal(rig_take_all(&rig, 0, 0), FRAMES - n * some[i]);
		rig_compare(&rig);
		rig_free_all(&rig);
		roost_drain(rig.roost, -1);
		rig_compare(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* One finds its place where no run of the next power of two is left (sets; pcpbuddy needs one). */
static void fits_between(void **state)
{
	static const struct {
		unsigned n, first;
	} holes[] = {{5, 1}, {7, 13}, {6, 18}, {3, 33}, {20, 36}, {48, 16}, {80, 176}, {320, 64}};
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	for (unsigned i = 0; i < LENGTH(holes) && !library_is_pcpbuddy; i++) {
		unsigned n = holes[i].n, first = 2 * BLOCK + holes[i].first;

		assert_int_equal(rig_take_range(&rig, 0, FRAMES), 0);
		rig_split(&rig, 0, 0);
		for (roost_pfn pfn = 0; pfn < FRAMES; pfn += 1 << ROOST_DEFAULT_MAX_ORDER)
			if (pfn)
				rig_split(&rig, pfn, 0);
		for (unsigned at = first; at < first + n; at++)
			rig_free(&rig, at);
		assert_int_equal(rig_get_n(&rig, n, i % 2 ? ROOST_WAIT : 0), first);
		rig_compare(&rig);
		rig_free(&rig, first);
		assert_int_equal(rig_get_n(&rig, n, 0), first); /* out of where it went */
		assert_int_equal(rig_alloc_n(&rig, n, ROOST_WAIT), ROOST_NONE);
		rig_free_all(&rig);
		roost_drain(rig.roost, -1);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Into blocks, each of which is then a block like others; parts of them; and together again. */
static void in_pieces(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, FRAMES, CPUS);
	for (unsigned n = 3; n <= 1 << ROOST_DEFAULT_MAX_ORDER; n = (unsigned)rig_size(n + 1)) {
		pfn = rig_get_n(&rig, n, n % 3);
		rig_split_n(&rig, pfn);
		rig_compare(&rig);
		rig_free_all(&rig);
		for (unsigned order = 0; 1u << order < n; order++)
			for (roost_pfn at = 0; at + (1u << order) <= n; at += n / 4 + 1) {
				pfn = rig_get_n(&rig, n, n % 3);
				if (((pfn + at) & ((1u << order) - 1)) == 0) {
					rig_free_part(&rig, pfn + at, order);
					assert_int_equal(shadow_taken(&rig.shadow, 0),
							 n - (1u << order));
					rig_check(&rig);
				}
				rig_free_all(&rig);
			}
		rig_compare(&rig);
	}
	assert_int_equal(rig_take_range(&rig, 0, 64), 0);
	rig_free_all(&rig);
	pfn = rig_get_n(&rig, 5, 0) & ~(roost_pfn)7;
	for (roost_pfn at = pfn; at < pfn + 8; at++)
		if (shadow_state(&rig.shadow, at) == SHADOW_FREE)
			assert_int_equal(rig_take_range(&rig, at, 1), 0);
	rig_merge(&rig, pfn, 3);
	rig_compare(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

static void expect(struct rig *rig, const char *call, enum roost_misuse_kind kind, roost_pfn pfn,
		   uint64_t given, uint64_t found)
{
	assert_int_equal(rig->nr_misuse, 1);
	assert_string_equal(rig->misuse[0].call, call);
	assert_int_equal(rig->misuse[0].kind, kind);
	assert_int_equal(rig->misuse[0].pfn, pfn);
	assert_int_equal(rig->misuse[0].frames_given, given);
	assert_int_equal(rig->misuse[0].frames_found, found);
	rig->nr_misuse = 0;
}

/* Another size, a part, the rest of the power of two, twice: reported, and nothing changes. */
static void misuse_is_told(void **state)
{
	static const unsigned some[] = {3, 5, 6, 7, 12, 20, 56, 80, 448, 640};
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	for (unsigned i = 0; i < LENGTH(some); i++) {
		unsigned n = some[i], order = 0, less = n - n / 4;
		roost_pfn pfn = rig_get_n(&rig, n, 0);

		while (1u << order < n)
			order++;
		roost_free_n(rig.roost, pfn, n + n / 4 + 1);
		assert_true(rig.misuse[0].kind == ROOST_MISUSE_WRONG_ORDER ||
			    rig.misuse[0].kind == ROOST_MISUSE_MISALIGNED);
		rig.nr_misuse = 0;
		if (rig_size(less) != n && (pfn & ((rig_size(less) & -rig_size(less)) - 1)) == 0) {
			roost_free_n(rig.roost, pfn, less);
			expect(&rig, "roost_free_n", ROOST_MISUSE_WRONG_ORDER, pfn, less, n);
		}
		if ((pfn & ((1u << order) - 1)) == 0) { /* as the power of two */
			roost_free(rig.roost, pfn, order);
			expect(&rig, "roost_free", ROOST_MISUSE_WRONG_ORDER, pfn, 0, n);
			assert_int_equal(roost_split(rig.roost, pfn, order, 0), -ROOST_EINVAL);
			expect(&rig, "roost_split", ROOST_MISUSE_WRONG_ORDER, pfn, 0, n);
		}
		roost_free(rig.roost, pfn + 1, 0); /* an inner part */
		expect(&rig, "roost_free", ROOST_MISUSE_NOT_ALLOCATED, pfn + 1, 0, n);
		roost_free(rig.roost, pfn + n - 1, 0);
		expect(&rig, "roost_free", ROOST_MISUSE_NOT_ALLOCATED, pfn + n - 1, 0, n);
		roost_free_n(rig.roost, pfn + n, 1); /* what is beside it */
		assert_int_equal(rig.misuse[0].frames_found == n, false);
		assert_true(rig.misuse[0].kind == ROOST_MISUSE_NOT_ALLOCATED ||
			    rig.misuse[0].kind == ROOST_MISUSE_DOUBLE_FREE); /* as it was used */
		rig.nr_misuse = 0;
		roost_free_part(rig.roost, (pfn + n - 1) & ~(roost_pfn)1, 1);
		if ((pfn + n) & 1) { /* half of it is not the block's */
			assert_int_equal(rig.nr_misuse, 1);
			rig.nr_misuse = 0;
		} else {
			assert_int_equal(rig.nr_misuse, 0);
			assert_null(shadow_put_part(&rig.shadow, (pfn + n - 1) & ~(roost_pfn)1, 1));
			rig_free_all(&rig);
			pfn = rig_get_n(&rig, n, 0);
		}
		rig_compare(&rig);
		rig_free(&rig, pfn);
		roost_free_n(rig.roost, pfn, n);
		assert_int_equal(rig.nr_misuse, 1);
		assert_int_equal(rig.misuse[0].kind, ROOST_MISUSE_DOUBLE_FREE);
		rig.nr_misuse = 0;
		assert_int_equal(roost_split_n(rig.roost, pfn, n), -ROOST_EINVAL);
		assert_int_equal(rig.misuse[0].kind, ROOST_MISUSE_DOUBLE_FREE);
		rig.nr_misuse = 0;
		rig_compare(&rig);
	}
	rig_home(&rig);
	rig_close(&rig);
}

/* Sizes and flags that do not exist. */
static void no_such_size(void **state)
{
	static const uint64_t bad[] = {0, (1 << ROOST_DEFAULT_MAX_ORDER) + 1, UINT64_C(1) << 32,
				       UINT64_C(1) << 63, UINT64_MAX};
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	for (unsigned i = 0; i < LENGTH(bad); i++) {
		assert_int_equal(roost_alloc_n(rig.roost, bad[i], 0), ROOST_NONE);
		assert_int_equal(rig.misuse[0].kind, ROOST_MISUSE_BAD_ORDER);
		assert_int_equal(rig.nr_misuse, 1);
		rig.nr_misuse = 0;
		roost_free_n(rig.roost, 0, bad[i]);
		expect(&rig, "roost_free_n", ROOST_MISUSE_BAD_ORDER, 0, bad[i], 0);
		assert_int_equal(roost_split_n(rig.roost, 0, bad[i]), -ROOST_EINVAL);
		expect(&rig, "roost_split_n", ROOST_MISUSE_BAD_ORDER, 0, bad[i], 0);
	}
	assert_int_equal(roost_alloc_n(rig.roost, 5, 1u << 30), ROOST_NONE);
	assert_int_equal(rig.misuse[0].kind, ROOST_MISUSE_BAD_FLAGS);
	rig.nr_misuse = 0;
	roost_free_n(rig.roost, FRAMES, 5);
	expect(&rig, "roost_free_n", ROOST_MISUSE_OUT_OF_RANGE, FRAMES, 5, 0);
	roost_free_n(rig.roost, 1, 6);
	expect(&rig, "roost_free_n", ROOST_MISUSE_MISALIGNED, 1, 6, 0);
	assert_int_equal(roost_frames(rig.roost, FRAMES), 0);
	rig_home(&rig);
	rig_close(&rig);
}

/* In the statistics a block is one allocation, and its frames are gone. */
static void counted(void **state)
{
	struct counters before, after;
	roost_pfn pfns[20];
	struct rig rig;

	rig_open_simple(&rig, state, 0, FRAMES, 1);
	before = rig_stats(&rig);
	for (unsigned i = 0; i < 20; i++)
		pfns[i] = rig_get_n(&rig, 3 + i * 3, 0);
	after = rig_stats(&rig);
	assert_int_equal(after.alloc_pcp + after.alloc_zone - before.alloc_pcp - before.alloc_zone,
			 20);
	assert_int_equal(roost_free_frames(rig.roost, 0, NULL), shadow_free(&rig.shadow, 0));
	for (unsigned i = 0; i < 20; i++)
		rig_free(&rig, pfns[i]);
	rig_check(&rig);
	rig_home(&rig);
	rig_close(&rig);
}

/* Each pageblock has a free run of four frames, in which five have no place; the last one has a
 * fifth frame before it. */
static void open_with_one_place(struct rig *rig, void *const *state, unsigned blocks)
{
	rig_open_simple(rig, state, 0, blocks * BLOCK, 1);
	assert_int_equal(rig_take_range(rig, 0, blocks * BLOCK), 0);
	for (roost_pfn pfn = 0; pfn < blocks * BLOCK; pfn += BLOCK)
		rig_free_part(rig, pfn + 4, 2);
	rig_free_part(rig, (blocks - 1) * BLOCK + 3, 0);
	roost_drain(rig->roost, -1);
}

/* A call that does not wait looks at 16 pageblocks of a list and size. If there are more, its
 * failure may have missed a place, and is counted so. */
static void what_is_not_looked_at_is_counted(void **state)
{
	enum { LOOKS = 16 };

	for (unsigned blocks = LOOKS; blocks <= LOOKS + 2; blocks++) {
		bool found = !library_is_pcpbuddy && blocks <= LOOKS;
		struct rig rig;
		roost_pfn pfn;

		open_with_one_place(&rig, state, blocks);
		pfn = rig_alloc_n(&rig, 5, 0);
		assert_int_equal(pfn, found ? (blocks - 1) * BLOCK + 3 : ROOST_NONE);
		assert_int_equal(rig_stats(&rig).fail_nowait, !found);
		assert_int_equal(rig_stats(&rig).fail_while_free, !found);
		if (!found && !library_is_pcpbuddy)
			assert_int_equal(rig_get_n(&rig, 5, ROOST_WAIT), (blocks - 1) * BLOCK + 3);
		rig_home(&rig);
		rig_close(&rig);
	}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(sizes, variants_all),
		SUITE_TEST(powers_of_two_are_blocks, variants_all),
		SUITE_TEST(others_get_the_rest, variants_all),
		SUITE_TEST(fits_between, variants_all),
		SUITE_TEST(in_pieces, variants_checked),
		SUITE_TEST(misuse_is_told, variants_checked),
		SUITE_TEST(no_such_size, variants_checked),
		SUITE_TEST(counted, variants_one),
		SUITE_TEST(what_is_not_looked_at_is_counted, variants_one),
	};

	return SUITE_RUN("odd", tests, argc, argv);
}
