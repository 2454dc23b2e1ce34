/* SPDX-License-Identifier: MIT */
/*
 * pcpbuddy_stopped.c - a thread is gone in the middle of roost_add_range() of pcpbuddy, for which
 * roost_recover() does nothing: what is lost, and what goes on. (One that is gone in the middle of
 * roost_remove_range() has the zone lock.)
 */
#include "pcpbuddy/pcpbuddy.h"

#include "harness.h"

#include <pthread.h>

enum { HERE = 4 * BLOCK, FRAMES = 12 * BLOCK, CHUNKS = 2, REFUSED = -ROOST_EAGAIN };

void __wrap_rst_zone_free(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order,
			  bool wait);
void __real_rst_zone_free(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order,
			  bool wait);

static int chunks_left = -1; /* that are put before the thread is gone; -1: it stays */

void __wrap_rst_zone_free(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order,
			  bool wait)
{
	if (chunks_left >= 0 && chunks_left-- == 0)
		pthread_exit(NULL);
	__real_rst_zone_free(r, z, f, order, wait);
}

static void open_half(struct rig *rig, void *const *state)
{
	static const struct roost_range ranges[] = {{0, HERE, 0, 0},
						    {HERE, FRAMES, 0, ROOST_RANGE_ABSENT}};

	rig_open_zones(rig, state, ranges, LENGTH(ranges), NULL, 0, 2);
}

/* A recovery says that it has put nothing back, and ends nothing. */
static void no_change_is_possible(const struct rig *rig)
{
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(roost_add_range(rig->roost, FRAMES - BLOCK, BLOCK), REFUSED);
		assert_int_equal(roost_remove_range(rig->roost, 0, BLOCK), REFUSED);
		assert_int_equal(roost_recover(rig->roost), 0);
	}
}

/* Of two chunks, of order 9 and of order 10. */
static void *adds(void *arg)
{
	const struct rig *rig = arg;

	rig_cpu(rig, 1);
	return roost_add_range(rig->roost, 5 * BLOCK, 3 * BLOCK) ? NULL : arg;
}

static uint64_t take_all(const struct rig *rig, roost_pfn *pfns)
{
	uint64_t n = 0;

	while ((pfns[n] = roost_alloc(rig->roost, 0, 0)) != ROOST_NONE)
		n++;
	return n;
}

/* Chunks that it had not put yet are lost, though they are managed. All others can be allocated,
 * and come back. */
static void while_it_adds(void **state)
{
	static roost_pfn pfns[FRAMES];
	static struct rig rig;

	for (int put = 0; put < CHUNKS; put++) {
		uint64_t there = HERE + (put ? BLOCK : 0), n;
		struct roost_zone_info info;
		pthread_t thread;
		void *done;

		open_half(&rig, state);
		chunks_left = put;
		assert_int_equal(pthread_create(&thread, NULL, adds, &rig), 0);
		assert_int_equal(pthread_join(thread, &done), 0);
		assert_null(done);
		chunks_left = -1;
		no_change_is_possible(&rig);
		assert_int_equal(roost_zone_info(rig.roost, 0, &info), 0);
		assert_int_equal(info.managed, HERE + 3 * BLOCK);
		for (unsigned i = 0; i < 2; i++) {
			n = take_all(&rig, pfns);
			assert_int_equal(n, there);
			while (n-- > 0)
				roost_free(rig.roost, pfns[n], 0);
			assert_int_equal(rig_zone_free(&rig, 0), there);
		}
		rig_expect_none(&rig);
		rig_close(&rig);
	}
}

static void *adds_the_first(void *arg)
{
	const struct rig *rig = arg;

	rig_cpu(rig, 1);
	return roost_add_range(rig->roost, BLOCK, BLOCK) ? NULL : arg;
}

/* What is lost has no block, and nothing lies before it: the search for the block that a frame is
 * in ends where memory begins. */
static void what_is_lost_was_never_allocated(void **state)
{
	static const struct roost_range ranges[] = {{BLOCK, 2 * BLOCK, 0, ROOST_RANGE_ABSENT},
						    {2 * BLOCK, 4 * BLOCK, 0, 0}};
	static struct rig rig;
	pthread_t thread;
	void *done;

	rig_open_zones(&rig, state, ranges, LENGTH(ranges), NULL, 0, 2);
	chunks_left = 0;
	assert_int_equal(pthread_create(&thread, NULL, adds_the_first, &rig), 0);
	assert_int_equal(pthread_join(thread, &done), 0);
	assert_null(done);
	chunks_left = -1;
	roost_free(rig.roost, BLOCK + 1, 0);
	rig_expect(&rig, &(struct roost_misuse){.kind = ROOST_MISUSE_NOT_ALLOCATED,
						.call = "roost_free",
						.pfn = BLOCK + 1,
						.order_given = 0,
						.order_found = -1,
						.head_found = ROOST_NONE});
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(while_it_adds, variants_paths),
		SUITE_TEST(what_is_lost_was_never_allocated, variants_one),
	};

	return SUITE_RUN("pcpbuddy_stopped", tests, argc, argv);
}
