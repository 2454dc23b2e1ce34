/* SPDX-License-Identifier: MIT */
/*
 * patience.c - what a trim missed is tried again ever more seldom, but only as long as something is
 * missed: what is missed later is tried at once. Periods pass here when the test says so.
 */
#include "pool/pool.h"

#include "harness.h"

enum { MIB = 1 << 20 };

/* Something is freed, and a period passes. */
static void period(roost_pool_t *pool)
{
	roost_pool_free(roost_pool_alloc(pool, 4096, 0));
	pool->tick_ms = 0;
	rst_trim_step(pool);
}

static void miss(roost_pool_t *pool)
{
	pool->missed[0] |= 1;
	pool->nr_missed = 1;
}

static void is_forgotten_when_nothing_is_missed(void **state)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	roost_pool_t *pool;
	unsigned periods = 0;

	(void)state;
	roost_posix_set_cpu(0); /* without a pocket, in which the page would be missed */
	config.limit = 4 * MIB;
	config.pages = ROOST_PAGES_NO_THP;
	config.decay_ms = 1000000;
	assert_int_equal(roost_pool_create(&pool, &config), 0);
	for (unsigned wanted = 1; wanted <= 64; wanted *= 2) {
		miss(pool); /* again in the same period: it is locked, say */
		for (periods = 0; pool->nr_missed; periods++) {
			assert_in_range(periods, 0, wanted);
			period(pool);
		}
		assert_int_equal(periods, wanted);
	}
	period(pool);
	miss(pool);
	period(pool);
	assert_int_equal(pool->nr_missed, 0);
	roost_pool_destroy(pool);
	roost_posix_set_cpu(-1);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(is_forgotten_when_nothing_is_missed, variants_one),
	};

	return SUITE_RUN("patience", tests, argc, argv);
}
