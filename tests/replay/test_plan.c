/* SPDX-License-Identifier: MIT */
/*
 * test_plan.c - matching frees with allocations: small traces with known answers, and random ones
 * against the equation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frames.h"
#include "plan.h"

static struct trace trace;
static struct plan plan;

static void event(enum trace_kind kind, uint32_t cpu, uint64_t pfn, unsigned order)
{
	struct trace_event e = {
		.time_ns = trace.nr,
		.pfn = pfn,
		.cpu = cpu,
		.kind = (uint8_t)kind,
		.order = (uint8_t)order,
	};

	trace_add(&trace, &e);
}

static void make(unsigned cpus)
{
	plan_make(&plan, &trace, cpus);
	assert_int_equal((int64_t)plan.allocs + plan_inferred(&plan),
			 plan.matched_frees + plan.live_at_end);
	assert_int_equal(plan.frees, plan.matched_frees + plan_unmatched(&plan));
}

static int teardown(void **state)
{
	(void)state;
	plan_release(&plan);
	trace_release(&trace);
	return 0;
}

static void expect_steps(const char *kinds)
{
	static const char letters[] = "AFSU"; /* in the order of enum step_kind */

	assert_int_equal(plan.nr_steps, strlen(kinds));
	for (size_t i = 0; i < plan.nr_steps; i++)
		assert_int_equal(letters[plan.steps[i].kind], kinds[i]);
}

static void test_pairs(void **state)
{
	(void)state;
	event(TRACE_ALLOC, 0, 8, 3);
	event(TRACE_ALLOC, 1, 4, 0);
	event(TRACE_FREE, 1, 8, 3);
	event(TRACE_BATCHED, 1, 8, 0);
	event(TRACE_FREE, 1, 4, 0);
	event(TRACE_ALLOC, 1, 8, 1); /* the same frames, another block */
	make(0);
	expect_steps("AAFFA");
	assert_int_equal(plan.nr_blocks, 3);
	assert_int_equal(plan.live_at_end, 1);
	assert_int_equal(plan.cross_cpu_frees, 1);
	assert_int_equal(plan.peak_frames, 9);
	assert_int_equal(plan.end_pfn, 16);
	assert_int_equal(plan.batched, 1);
	assert_int_equal(plan.batched_alone, 0);
	assert_int_equal(plan.steps[2].block, 0);
	assert_int_equal(plan.steps[4].block, 2);
}

static void test_cpus_modulo(void **state)
{
	(void)state;
	event(TRACE_ALLOC, 5, 8, 3);
	event(TRACE_FREE, 3, 8, 3);
	make(2);
	assert_int_equal(plan.nr_cpus, 2);
	assert_int_equal(plan.traced_cpus, 6);
	assert_int_equal(plan.steps[0].cpu, 1);
	assert_int_equal(plan.cross_cpu_frees, 0);
}

/* CPU numbers that are beyond the allocator's are not refused, and make no CPUs that nobody is. */
static void test_cpus_renumbered(void **state)
{
	(void)state;
	event(TRACE_ALLOC, UINT32_MAX, 8, 0);
	event(TRACE_FREE, 1024, 8, 0);
	event(TRACE_ALLOC, 7, 9, 0);
	event(TRACE_FREE, UINT32_MAX, 9, 0);
	make(0);
	assert_true(plan.renumbered);
	assert_int_equal(plan.traced_cpus, 3);
	assert_int_equal(plan.nr_cpus, 3);
	assert_int_equal(plan.steps[0].cpu, 2);
	assert_int_equal(plan.steps[1].cpu, 1);
	assert_int_equal(plan.steps[2].cpu, 0);
	assert_int_equal(plan.steps[3].cpu, 2);
	assert_int_equal(plan.cross_cpu_frees, 2);
}

static void test_more_cpus_than_can_be(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3000; i++)
		event(TRACE_ALLOC, i, i, 0);
	make(0);
	assert_int_equal(plan.traced_cpus, 3000);
	assert_int_equal(plan.nr_cpus, ROOST_MAX_CPUS);
	assert_int_equal(plan.steps[2999].cpu, 2999 % ROOST_MAX_CPUS);
}

/* What is kept of frames, and the machine for the replay, are as large as what is touched. */
static void test_frames_far_up(void **state)
{
	const uint64_t top = UINT64_C(1) << TRACE_MAX_PFN_BITS;

	(void)state;
	event(TRACE_ALLOC, 0, top - 1, 0);
	event(TRACE_ALLOC, 0, top / 2, 3);
	event(TRACE_FREE, 0, top - 1, 0);
	event(TRACE_FREE, 0, top / 2 + 7, 0);
	make(0);
	expect_steps("AAFSSSF");
	assert_int_equal(plan.end_pfn, top);
	assert_int_equal(plan.touched, 2);
	assert_int_equal(plan_machine(&plan), (uint64_t)16 << 30 >> 12);
}

static void test_frames_map(void **state)
{
	struct frames frames = {0};
	uint64_t random = 1;

	(void)state;
	assert_int_equal(frames_get(&frames, 5), 0);
	frames_set(&frames, 512 * 7 - 2, 4, 42); /* across a border */
	assert_int_equal(frames_get(&frames, 512 * 7 - 3), 0);
	assert_int_equal(frames_get(&frames, 512 * 7 - 2), 42);
	assert_int_equal(frames_get(&frames, 512 * 7 + 1), 42);
	assert_int_equal(frames_get(&frames, 512 * 7 + 2), 0);
	assert_int_equal(frames.nr, 2);
	for (uint32_t i = 0; i < 50000; i++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		frames_set(&frames, random >> 12, 1, i + 1);
		assert_int_equal(frames_get(&frames, random >> 12), i + 1);
	}
	/* Wherever they lie, a frame is found by a few looks. */
	assert_true(frames.probes < 50000 * 10);
	frames_release(&frames);
}

static void test_split_into_all_pieces(void **state)
{
	(void)state;
	event(TRACE_ALLOC, 0, 16, 4);
	for (uint64_t i = 0; i < 16; i++)
		event(TRACE_FREE, 1, 31 - i, 0);
	make(0);
	assert_int_equal(plan.splits, 15);
	assert_int_equal(plan.matched_frees, 16);
	assert_int_equal(plan.live_at_end, 0);
	assert_int_equal(plan.cross_cpu_frees, 16);
	for (uint32_t i = 0; i < plan.nr_blocks; i++)
		assert_int_equal(plan.blocks[i].serial, 0);
}

/* As __free_pages() does for a page that others still hold: the larger parts first. */
static void test_split_unequally(void **state)
{
	(void)state;
	event(TRACE_ALLOC, 0, 16, 3);
	event(TRACE_FREE, 0, 20, 2);
	event(TRACE_FREE, 0, 18, 1);
	event(TRACE_FREE, 0, 17, 0);
	event(TRACE_FREE, 0, 16, 0);
	make(0);
	expect_steps("ASFSFSFF");
	assert_int_equal(plan.live_at_end, 0);
}

static void test_unseen_frees(void **state)
{
	(void)state;
	event(TRACE_ALLOC, 0, 16, 0);
	event(TRACE_ALLOC, 0, 17, 0);
	event(TRACE_ALLOC, 0, 16, 1); /* on top of both */
	event(TRACE_ALLOC, 0, 17, 0); /* inside */
	make(0);
	expect_steps("AAUUAUA");
	assert_int_equal(plan.unseen_frees, 3);
	assert_int_equal(plan_inferred(&plan), -3);
	assert_int_equal(plan.live_at_end, 1);
}

static void test_unmatched(void **state)
{
	(void)state;
	event(TRACE_FREE, 0, 32, 0); /* never seen */
	event(TRACE_FREE, 0, 32, 0); /* seen: was allocated without an event */
	event(TRACE_FREE, 0, 32, 1); /* not what bulk allocations are like */
	event(TRACE_FREE, 0, 64, 5); /* never seen, and large */
	event(TRACE_ALLOC, 0, 48, 0);
	event(TRACE_FREE, 0, 48, 2); /* larger than what is there */
	make(0);
	expect_steps("AU");
	assert_int_equal(plan.unmatched[UNMATCHED_BEFORE_TRACE], 2);
	assert_int_equal(plan.unmatched[UNMATCHED_BULK], 1);
	assert_int_equal(plan.unmatched[UNMATCHED_UNKNOWN], 2);
	assert_int_equal(plan.unseen_frees, 1);
}

static void test_interrupts_do_not_wait(void **state)
{
	struct trace_event e = {.pfn = 1, .kind = TRACE_ALLOC, .flags = ROOST_WAIT | ROOST_RESERVE};

	(void)state;
	for (e.context = TRACE_TASK; e.context < TRACE_NR_CONTEXTS; e.context++, e.pfn++)
		trace_add(&trace, &e);
	make(0);
	assert_int_equal(plan.steps[0].flags, ROOST_WAIT | ROOST_RESERVE);
	for (unsigned i = 1; i < TRACE_NR_CONTEXTS; i++)
		assert_int_equal(plan.steps[i].flags, ROOST_RESERVE);
}

/* A block is made by one step and ended by at most one, later. */
static void check_blocks(void)
{
	unsigned char *seen = test_calloc(plan.nr_blocks, 1);

	for (size_t i = 0; i < plan.nr_steps; i++) {
		const struct step *s = &plan.steps[i];

		if (s->kind == STEP_ALLOC) {
			assert_int_equal(seen[s->block], 0);
			seen[s->block] = 1;
			continue;
		}
		assert_int_equal(seen[s->block], 1);
		seen[s->block] = 2;
		if (s->kind == STEP_SPLIT)
			seen[s->child] = seen[s->child + 1] = 1;
	}
	for (uint32_t id = 0; id < plan.nr_blocks; id++)
		assert_int_not_equal(seen[id], 0);
	test_free(seen);
}

/* Nonsense from a small range of frames: everything overlaps with everything. */
static void test_random(void **state)
{
	uint32_t random = 1;

	(void)state;
	for (unsigned run = 0; run < 200; run++) {
		for (unsigned i = 0; i < 500; i++) {
			unsigned order, cpu;
			uint64_t pfn;

			random = random * 1664525u + 1013904223u;
			order = (random >> 10) % 6;
			cpu = (random >> 14) % 3;
			pfn = (random >> 18) % 128 >> order << order;
			event((random >> 28) % 3, cpu, pfn, order);
		}
		make(0);
		check_blocks();
		teardown(state);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_pairs),
		TEST(test_cpus_modulo),
		TEST(test_cpus_renumbered),
		TEST(test_more_cpus_than_can_be),
		TEST(test_frames_far_up),
		TEST(test_frames_map),
		TEST(test_split_into_all_pieces),
		TEST(test_split_unequally),
		TEST(test_unseen_frees),
		TEST(test_unmatched),
		TEST(test_interrupts_do_not_wait),
		TEST(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
