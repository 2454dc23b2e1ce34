/* SPDX-License-Identifier: MIT */
/*
 * test_histogram.c - a bucket holds what it says, and a quantile is at most an eighth too large.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "histogram.h"

/* Each value alone: a histogram of it and a larger one gives it back, rounded up. */
static void one_value(void **state)
{
	(void)state;
	for (uint64_t value = 0; value < UINT64_C(1) << 40; value += 1 + value / 7) {
		struct histogram histogram = {0};
		uint64_t found;

		histogram_add(&histogram, value);
		histogram_add(&histogram, UINT64_C(1) << 50);
		found = histogram_quantile(&histogram, 0.5);
		assert_true(found >= value);
		assert_true(found <= value + value / HISTOGRAM_STEPS);
	}
}

static void bounds_rise(void **state)
{
	(void)state;
	for (unsigned bucket = 1; bucket < HISTOGRAM_BUCKETS; bucket++)
		assert_true(histogram_bound(bucket) > histogram_bound(bucket - 1));
}

static void quantiles(void **state)
{
	struct histogram histogram = {0};

	(void)state;
	for (unsigned i = 0; i < 999; i++)
		histogram_add(&histogram, 5);
	histogram_add(&histogram, 1000);
	assert_int_equal(histogram_quantile(&histogram, 0.5), 5);
	assert_int_equal(histogram_quantile(&histogram, 0.999), 5);
	assert_int_equal(histogram_quantile(&histogram, 0.9995), 1000);
	assert_int_equal(histogram_quantile(&histogram, 1), 1000);
	assert_int_equal(histogram.all, 1000);
	assert_int_equal(histogram.most, 1000);
}

static void largest_value(void **state)
{
	struct histogram histogram = {0};

	(void)state;
	histogram_add(&histogram, UINT64_MAX);
	assert_int_equal(histogram.counts[HISTOGRAM_BUCKETS - 1], 1);
	assert_true(histogram_quantile(&histogram, 1) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_value),
		cmocka_unit_test(bounds_rise),
		cmocka_unit_test(quantiles),
		cmocka_unit_test(largest_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
