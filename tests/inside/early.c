/* SPDX-License-Identifier: MIT */
/*
 * early.c - a constructor of the program uses pools, as one may in a program that is linked
 * statically: a thread ends in the middle of making one, and the next call repairs what it left.
 */
#include "pool/pool.h"

#include "harness.h"

static unsigned unfinished_before, unfinished_after;
static int created = 1;

static unsigned unfinished(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ROOST_MAX_POOLS; i++)
		n += rst_registry_unfinished(i) != NULL;
	return n;
}

/* As roost_pool_create(), and ends within. */
static void *begin_to_create(void *arg)
{
	struct rst_pool_call call;
	sigset_t signals;

	rst_pool_begin(&call);
	rst_registry_enter(&signals, "roost_pool_create");
	rst_registry_claim();
	return arg;
}

static __attribute__((constructor(102))) void before_other_constructors(void)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	roost_pool_t *pool;
	pthread_t thread;

	if (pthread_create(&thread, NULL, begin_to_create, NULL))
		return;
	pthread_join(thread, NULL);
	unfinished_before = unfinished();
	config.limit = 2 << 20;
	created = roost_pool_create(&pool, &config);
	unfinished_after = unfinished();
	if (!created)
		roost_pool_destroy(pool);
}

static void a_constructor_repairs(void **state)
{
	(void)state;
	assert_int_equal(unfinished_before, 1);
	assert_int_equal(created, 0);
	assert_int_equal(unfinished_after, 0);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(a_constructor_repairs, variants_one),
	};

	return SUITE_RUN("early", tests, argc, argv);
}
