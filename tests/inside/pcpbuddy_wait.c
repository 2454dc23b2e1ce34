/* SPDX-License-Identifier: MIT */
/*
 * pcpbuddy_wait.c - how often pcpbuddy searches with ROOST_WAIT while somebody stopped with a pcp
 * lock: every sleep is counted, and takes no time. What frees do while the zone lock is held.
 */
#include "pcpbuddy/pcpbuddy.h"

#include "harness.h"

#include <stdlib.h>
#include <time.h>

enum { FRAMES = 2 * BLOCK, TOO_OFTEN = 5 * ROOST_WAIT_ROUNDS };

int __wrap_nanosleep(const struct timespec *pause, struct timespec *left);

static struct rig rig;
static unsigned sleeps, let_go;

/* The word alone: another thread has it. */
static rst_lockword_t *lock(void)
{
	return &rig.roost->zones[0].pcps[1].lock.word;
}

int __wrap_nanosleep(const struct timespec *pause, struct timespec *left)
{
	(void)pause;
	(void)left;
	if (++sleeps == let_go)
		rst_word_drop(lock());
	return 0;
}

/* All free frames lie on CPU 1's pcp. Somebody has its lock, and lets go of it during that sleep of
 * the others. */
static void open_stopped(void *const *state, unsigned frames, unsigned at)
{
	rig_open_simple(&rig, state, 0, FRAMES, 2);
	rig_cpu(&rig, 1);
	assert_int_equal(rig_take_all(&rig, 0, 0), FRAMES);
	for (unsigned i = 0; i < frames; i++)
		rig_free(&rig, i);
	assert_int_equal(rig_cpu_holds(&rig, 1), frames);
	assert_true(rst_word_try(lock()));
	rig_cpu(&rig, 0);
	sleeps = 0;
	let_go = at;
}

static void close_stopped(void)
{
	if (sleeps < let_go)
		rst_word_drop(lock());
	rig_home(&rig);
	rig_close(&rig);
}

/* So a killed thread does not keep it waiting. */
static void larger_orders_search_so_many_rounds(void **state)
{
	for (unsigned order = 1; order <= 10; order += order < 9 ? 2 : 1) {
		for (unsigned frames = 0; frames <= 16; frames += 8) {
			struct roost_stats stats = {0};

			open_stopped(state, frames, TOO_OFTEN);
			assert_int_equal(rig_alloc(&rig, order, ROOST_WAIT), ROOST_NONE);
			assert_int_equal(sleeps, ROOST_WAIT_ROUNDS - 1);
			assert_int_equal(roost_stats(rig.roost, -1, -1, &stats), 0);
			assert_int_equal(stats.wait_rounds, sleeps);
			assert_int_equal(stats.fail_wait, 1);
			close_stopped();
		}
	}
}

/* They find what is let go of during the last sleep. */
static void the_last_search_finds(void **state)
{
	open_stopped(state, 16, ROOST_WAIT_ROUNDS - 1);
	assert_int_equal(rig_alloc(&rig, 3, ROOST_WAIT) % 8, 0);
	assert_int_equal(sleeps, ROOST_WAIT_ROUNDS - 1);
	close_stopped();
}

/* There is no bound: as often as somebody has the lock. */
static void single_frames_go_on(void **state)
{
	open_stopped(state, 16, TOO_OFTEN);
	assert_in_range(rig_alloc(&rig, 0, ROOST_WAIT), 0, 15);
	assert_int_equal(sleeps, TOO_OFTEN);
	close_stopped();
}

rst_irq_t __wrap_rst_irq_save(void);
rst_irq_t __real_rst_irq_save(void);

static rst_lockword_t *take_late; /* that others take once the next call has its interrupts off */

rst_irq_t __wrap_rst_irq_save(void)
{
	rst_lockword_t *taken = take_late;

	take_late = NULL;
	if (taken && !rst_word_try(taken))
		abort();
	return __real_rst_irq_save();
}

/* A free that must not wait looks at the zone lock, counts that it is held, and leaves the block on
 * the zone's list. So it does if others take the lock between its look and its try. */
static void a_held_zone_lock_is_a_failed_try(void **state)
{
	struct counters stats;
	rst_lockword_t *zone;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, FRAMES, 2);
	zone = &rig.roost->zones[0].lock.word;
	for (unsigned late = 0; late < 2; late++) {
		pfn = rig_get(&rig, 10, 0);
		if (late)
			take_late = zone;
		else
			assert_true(rst_word_try(zone));
		rig_free_nolock(&rig, pfn);
		assert_null(take_late);
		stats = rig_stats(&rig);
		assert_int_equal(stats.zone_trylock_fail, late + 1);
		assert_int_equal(stats.free_zone_llist, late + 1);
		rst_word_drop(zone);
	}
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(larger_orders_search_so_many_rounds, variants_one),
		SUITE_TEST(the_last_search_finds, variants_one),
		SUITE_TEST(single_frames_go_on, variants_one),
		SUITE_TEST(a_held_zone_lock_is_a_failed_try, variants_one),
	};

	return SUITE_RUN("pcpbuddy_wait", tests, argc, argv);
}
