/* SPDX-License-Identifier: MIT */
/*
 * test_trace_text.c - lines as kernels and trace-cmd write them, and lines as nobody should.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <roost/roost.h>

#include "trace_text.h"

struct good {
	const char *line;
	struct trace_event event;
};

#define NS(s) ((uint64_t)((s)*1000000000.0 + 0.5))

static const struct good good_lines[] = {
	/* ftrace, five columns of flags */
	{"          <idle>-0       [000] d..1.     0.000000: mm_page_alloc: page=00000000d9404f4e "
	 "pfn=0x779c order=1 migratetype=0 gfp_flags=GFP_KERNEL|__GFP_COMP",
	 {0, 0x779c, 0, TRACE_ALLOC, TRACE_TASK, 1, ROOST_UNMOVABLE | ROOST_WAIT}},
	/* four columns, no colour of pages, hard interrupt in a soft one */
	{"bash-1 [003] d.H1 12.345678: mm_page_free: page=0 pfn=0x10 order=4",
	 {NS(12.345678), 0x10, 3, TRACE_FREE, TRACE_HARDIRQ, 4, 0}},
	/* the pfn of older kernels is decimal */
	{"bash-1 [003] ..s1 12.345678: mm_page_free: page=ffffea0000f7ca00 pfn=16216 order=0",
	 {NS(12.345678), 16216, 3, TRACE_FREE, TRACE_SOFTIRQ, 0, 0}},
	/* record-tgid, with and without a known one */
	{"   sh-77 (     77) [001] .....  1.5: mm_page_free: page=1 pfn=0x8 order=3",
	 {NS(1.5), 8, 1, TRACE_FREE, TRACE_TASK, 3, 0}},
	{"   sh-77 (-------) [001] d.Z..  1.5: mm_page_free: page=1 pfn=0x8 order=3",
	 {NS(1.5), 8, 1, TRACE_FREE, TRACE_NMI, 3, 0}},
	/* names with everything in them */
	{"  my prog [2]: a-4-31 [002] ..... 1.5: mm_page_free: page=1 pfn=0x9 order=0",
	 {NS(1.5), 9, 2, TRACE_FREE, TRACE_TASK, 0, 0}},
	{"  x-1 [001] 1.0:-31 [002] ..... 1.5: mm_page_free: page=1 pfn=0x9 order=0",
	 {NS(1.5), 9, 2, TRACE_FREE, TRACE_TASK, 0, 0}},
	{"   kworker/u8:2-ev-43 [002] d.z.. 1.5: mm_page_free: page=1 pfn=0x9 order=0",
	 {NS(1.5), 9, 2, TRACE_FREE, TRACE_NMI, 0, 0}},
	{" <...>-123   [002] 12.345: mm_page_alloc: page=0xffffea00 pfn=0x79c order=0 "
	 "migratetype=1 gfp_flags=GFP_ATOMIC",
	 {NS(12.345), 0x79c, 2, TRACE_ALLOC, TRACE_TASK, 0, ROOST_MOVABLE | ROOST_RESERVE}},
	/* trace-cmd report: padded name, nanoseconds; -l: CPU and flags in one */
	{"  sh-9 [000] 59.123456789: kmem:mm_page_free_batched: page=0x1 pfn=0x79c order=0",
	 {UINT64_C(59123456789), 0x79c, 0, TRACE_BATCHED, TRACE_TASK, 0, 0}},
	{"  sh-9       1..h..     1.000001: mm_page_alloc:        page=0x1001 pfn=0x1001 order=0 "
	 "migratetype=2 gfp_flags=none",
	 {NS(1.000001), 0x1001, 1, TRACE_ALLOC, TRACE_HARDIRQ, 0, ROOST_RECLAIMABLE}},
	/* the latency format, and a clock that counts */
	{"  sh-9       1..s..   12us+: mm_page_free: page=0x1 pfn=0x2 order=1",
	 {12000, 2, 1, TRACE_FREE, TRACE_SOFTIRQ, 1, 0}},
	{"  sh-9 [001] ..... 4711: mm_page_free: page=0x1 pfn=0x2 order=1",
	 {4711, 2, 1, TRACE_FREE, TRACE_TASK, 1, 0}},
	/* what libtraceevent writes when it cannot make out a format */
	{"  sh-9 [001] 1.5: mm_page_free: [FAILED TO PARSE] pfn=17 order=0",
	 {NS(1.5), 17, 1, TRACE_FREE, TRACE_TASK, 0, 0}},
	/* four, five, six and seven columns of flags: PREEMPT_RT has one more before the context */
	{"  sh-9 [001] d.h1 1.5: mm_page_free: page=1 pfn=0x8 order=0",
	 {NS(1.5), 8, 1, TRACE_FREE, TRACE_HARDIRQ, 0, 0}},
	{"  sh-9 [001] dnLh10 1.5: mm_page_free: page=1 pfn=0x8 order=0",
	 {NS(1.5), 8, 1, TRACE_FREE, TRACE_HARDIRQ, 0, 0}},
	{"  sh-9 [001] d...1.. 1.5: mm_page_free: page=1 pfn=0x8 order=0",
	 {NS(1.5), 8, 1, TRACE_FREE, TRACE_TASK, 0, 0}},
	{"  sh-9 [001] dN.s1.2 1.5: mm_page_free: page=1 pfn=0x8 order=0",
	 {NS(1.5), 8, 1, TRACE_FREE, TRACE_SOFTIRQ, 0, 0}},
	{"  sh-9 [001] X..Z1.. 1.5: mm_page_free: page=1 pfn=0x8 order=0",
	 {NS(1.5), 8, 1, TRACE_FREE, TRACE_NMI, 0, 0}},
	{"  sh-9 [001] bB..f.. 1.5: mm_page_free: page=1 pfn=0x8 order=0",
	 {NS(1.5), 8, 1, TRACE_FREE, TRACE_TASK, 0, 0}},
	/* trace-cmd report --ts-diff, -R, --raw-ts with and without -l */
	{"  sh-9 [000]   100.000001: (+3)     mm_page_free:  page=1 pfn=0x8 order=0",
	 {NS(100.000001), 8, 0, TRACE_FREE, TRACE_TASK, 0, 0}},
	{"  sh-9 [000]   100.000001: (+-12)   mm_page_free:  page=1 pfn=0x8 order=0",
	 {NS(100.000001), 8, 0, TRACE_FREE, TRACE_TASK, 0, 0}},
	{"  sh-9 [000]  1509.182388: mm_page_alloc:         pfn=0x1642da order=0 "
	 "gfp_flags=0x440dc0 "
	 "migratetype=0",
	 {NS(1509.182388), 0x1642da, 0, TRACE_ALLOC, TRACE_TASK, 0, ROOST_UNMOVABLE}},
	{"  sh-9 [000]1509182388283: mm_page_free: page=0x8 pfn=0x8 order=0",
	 {UINT64_C(1509182388283), 8, 0, TRACE_FREE, TRACE_TASK, 0, 0}},
	{"  sh-9    0..h..1509182388283: mm_page_free: page=0x8 pfn=0x8 order=0",
	 {UINT64_C(1509182388283), 8, 0, TRACE_FREE, TRACE_HARDIRQ, 0, 0}},
	/* ftrace with the option fields */
	{"  sh-9 [000] ..... 1.5: mm_page_alloc: pfn=0x1642d (91181) order=0x0 (0) "
	 "gfp_flags=0x440dc0 (4460992) migratetype=0x2 (2)",
	 {NS(1.5), 0x1642d, 0, TRACE_ALLOC, TRACE_TASK, 0, ROOST_RECLAIMABLE}},
	/* a report of several files, or several buffers of one */
	{"  a.dat:           worker-1000    [000]    1.5: mm_page_free: page=1 pfn=0x8 order=0",
	 {NS(1.5), 8, 0, TRACE_FREE, TRACE_TASK, 0, 0}},
	{"my trace-1: b.dat:   worker-1000    [000]    1.5: mm_page_free: page=1 pfn=0x8 order=0",
	 {NS(1.5), 8, 0, TRACE_FREE, TRACE_TASK, 0, 0}},
	/* perf script */
	{"            bash  4763 [003]  1509.182388:       kmem:mm_page_alloc: page=0x1642da "
	 "pfn=0x1642da order=0 migratetype=0 gfp_flags=GFP_KERNEL",
	 {NS(1509.182388), 0x1642da, 3, TRACE_ALLOC, TRACE_TASK, 0, ROOST_UNMOVABLE | ROOST_WAIT}},
	{"my prog 2 4763/4764 [003]  1.500000: kmem:mm_page_free: page=0x8 pfn=0x8 order=0",
	 {NS(1.5), 8, 3, TRACE_FREE, TRACE_TASK, 0, 0}},
	/* CPUs and frames of any number */
	{"  sh-9 [1024] ..... 1.5: mm_page_free: page=1 pfn=0x100000000 order=4",
	 {NS(1.5), UINT64_C(0x100000000), 1024, TRACE_FREE, TRACE_TASK, 4, 0}},
	{"  sh-9 [001] ..... 1.5: mm_page_free: page=1 pfn=0xfffffffffffff order=0",
	 {NS(1.5), UINT64_C(0xfffffffffffff), 1, TRACE_FREE, TRACE_TASK, 0, 0}},
	/* names that look like another line */
	{"-1 [0] 1: a: -31 [002] ..... 1.5: mm_page_free: page=1 pfn=0x9 order=0",
	 {NS(1.5), 9, 2, TRACE_FREE, TRACE_TASK, 0, 0}},
	{"  #cpu-31 [002] ..... 1.5: mm_page_free: page=1 pfn=0x9 order=0",
	 {NS(1.5), 9, 2, TRACE_FREE, TRACE_TASK, 0, 0}},
	{"  CPU 1 is empty-31 [002] ..... 1.5: mm_page_free: page=1 pfn=0x9 order=0",
	 {NS(1.5), 9, 2, TRACE_FREE, TRACE_TASK, 0, 0}},
	{"  => \xff\x01-31 [002] ..... 1.5: mm_page_free: page=1 pfn=0x9 order=0",
	 {NS(1.5), 9, 2, TRACE_FREE, TRACE_TASK, 0, 0}},
	/* other migratetypes are movable; pfn 0 is a frame */
	{"  sh-9 [001] 1.5: mm_page_alloc: page=0xffff pfn=0x0 order=0 migratetype=4 "
	 "gfp_flags=GFP_NOWAIT",
	 {NS(1.5), 0, 1, TRACE_ALLOC, TRACE_TASK, 0, ROOST_MOVABLE}},
	{"  sh-9 [001] 1.5: mm_page_alloc: page=0xffff pfn=0x1 order=0 migratetype=-1 "
	 "gfp_flags=__GFP_IO|__GFP_DIRECT_RECLAIM|0x8000000|__GFP_HIGH",
	 {NS(1.5), 1, 1, TRACE_ALLOC, TRACE_TASK, 0, ROOST_MOVABLE | ROOST_WAIT | ROOST_RESERVE}},
};

static void parse(const char *line, struct text_line *out)
{
	trace_text_parse(line, strlen(line), out);
}

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_lines) / sizeof(good_lines[0]); i++) {
		const struct trace_event *wanted = &good_lines[i].event;
		struct text_line line;

		print_message("%s\n", good_lines[i].line);
		parse(good_lines[i].line, &line);
		assert_string_equal(line.reason, "");
		assert_int_equal(line.class, TEXT_EVENT);
		assert_int_equal(line.event.time_ns, wanted->time_ns);
		assert_int_equal(line.event.pfn, wanted->pfn);
		assert_int_equal(line.event.cpu, wanted->cpu);
		assert_int_equal(line.event.kind, wanted->kind);
		assert_int_equal(line.event.context, wanted->context);
		assert_int_equal(line.event.order, wanted->order);
		assert_int_equal(line.event.flags, wanted->flags);
	}
}

#define HEAD  "  sh-9 [001] ..... 1.5: "
#define FREE  HEAD "mm_page_free: page=1 "
#define ALLOC HEAD "mm_page_alloc: page=1 "

static const char *const bad_lines[][2] = {
	{"hello", "no TASK-PID at its start"},
	{"sh-", "no TASK-PID at its start"},
	{"  sh-x [001] ..... 1.5: mm_page_free: page=1 pfn=0x1 order=0",
	 "no TASK-PID at its start"},
	{"  sh-9", "no TASK-PID at its start"},
	{"  sh-9 [", "no [CPU] after TASK-PID"},
	{"  sh-9 [x] ..... 1.5: mm_page_free: page=1 pfn=0x1 order=0", "no [CPU] after TASK-PID"},
	{"  sh-9 [001", "no [CPU] after TASK-PID"},
	{"  sh-9 [001] ..... ", "no time stamp after [CPU]"},
	{"  sh-9 [001] ..... 1.5 mm_page_free: pfn=0x1 order=0", "no time stamp after [CPU]"},
	{HEAD, "no event name after the time stamp"},
	{HEAD "mm_page_free", "no event name after the time stamp"},
	{HEAD "mm page free: pfn=0x1", "no event name after the time stamp"},
	{FREE, "mm_page_free without pfn="},
	{FREE "pfn=0x1", "mm_page_free without order="},
	{FREE "order=0", "mm_page_free without pfn="},
	{FREE "pfn=0x1 order=", "order= is no number"},
	{FREE "pfn= order=0", "pfn= is no number"},
	{FREE "pfn=0x order=0", "pfn=0x is no number"},
	{FREE "pfn=12ab order=0", "pfn=12ab is no number"},
	{FREE "pfn=0x11112222333344445 order=0", "pfn=0x11112222333344445 is no number"},
	{FREE "pfn=0x1 order=-1", "order 255 is above 18"},
	{FREE "pfn=0x80000 order=19", "order 19 is above 18"},
	{FREE "pfn=0x6 order=2", "pfn 0x6 is no multiple of 2^2"},
	{FREE "pfn=0x10000000000000 order=0", "pfn 0x10000000000000 is above 2^52"},
	{FREE "pfn=0x\xe4\xf6\n order=0", "pfn=0x\\xe4\\xf6\\x0a is no number"},
	{FREE "pfn=1234567890123456789012345678901234567890 order=0",
	 "pfn=123456789012345678901234567890123... is no number"},
	{"  sh-9 [4294967296] ..... 1.5: mm_page_free: pfn=0x1 order=0",
	 "CPU 4294967296 is above 4294967295"},
	{"  sh-9 [001] ..... 18446744074.5: mm_page_free: pfn=0x1 order=0",
	 "no time stamp after [CPU]"},
	{"CPU:1 [LOST 99999999999999999999 EVENTS]", "no TASK-PID at its start"},
	{ALLOC "pfn=0x1 order=0 gfp_flags=none", "mm_page_alloc without migratetype="},
	{ALLOC "pfn=0x1 order=0 migratetype=1", "mm_page_alloc without gfp_flags="},
	{HEAD "mm_page_free_batched: page=1 order=0", "mm_page_free_batched without pfn="},
};

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++) {
		struct text_line line;

		print_message("%s\n", bad_lines[i][0]);
		parse(bad_lines[i][0], &line);
		assert_int_equal(line.class, TEXT_BAD);
		assert_string_equal(line.reason, bad_lines[i][1]);
	}
}

static const struct {
	const char *line;
	enum text_class class;
	const char *name;
	uint64_t lost;
} other_lines[] = {
	{"", TEXT_BLANK, NULL, 0},
	{"  \t ", TEXT_BLANK, NULL, 0},
	{"# tracer: nop", TEXT_COMMENT, NULL, 0},
	{"##### CPU 2 buffer started ####", TEXT_COMMENT, NULL, 0},
	{"cpus=4", TEXT_COMMENT, NULL, 0},
	{"version = 6", TEXT_COMMENT, NULL, 0},
	{"CPU 3 is empty", TEXT_COMMENT, NULL, 0},
	{"CPU:2 [LOST 123 EVENTS]", TEXT_LOST, NULL, 123},
	{"CPU:2 [LOST EVENTS]", TEXT_LOST, NULL, 0},
	{"CPU:0 [7 EVENTS DROPPED]", TEXT_LOST, NULL, 7},
	{"CPU:0 [EVENTS DROPPED]", TEXT_LOST, NULL, 0},
	{"  a.dat: CPU:1 [12 EVENTS DROPPED]", TEXT_LOST, NULL, 12},
	{"  a b: c.dat: CPU:1 [LOST EVENTS]", TEXT_LOST, NULL, 0},
	{"  a.dat: cpus=2", TEXT_COMMENT, NULL, 0},
	{"    CPU:0 [SUBBUFFER START] [1509182388283:0x1000]", TEXT_COMMENT, NULL, 0},
	{"  swapper     0 [000]     0.000000: PERF_RECORD_LOST lost 34", TEXT_LOST, NULL, 34},
	{ALLOC "pfn=0x1 order=0 migratetype=0 gfp_flags=none", TEXT_EVENT, "mm_page_alloc", 0},
	{HEAD "mm_page_alloc: page=(null) pfn=0 order=4 migratetype=0 gfp_flags=GFP_KERNEL",
	 TEXT_FAILED, "mm_page_alloc", 0},
	{HEAD "mm_page_alloc: page=0000000000000000 pfn=0x0 order=4 migratetype=0 gfp_flags=none",
	 TEXT_FAILED, "mm_page_alloc", 0},
	{HEAD "mm_page_alloc_extfrag: page=1 pfn=0x1 whatever", TEXT_OTHER, "mm_page_alloc_extfrag",
	 0},
	{HEAD "sched:sched_switch: prev_comm=a-1 [000] 1.0: mm_page_free: pfn=0x1 order=0",
	 TEXT_OTHER, "sched_switch", 0},
	{"  sh-9 [001] ..... 1.5: mm_page_alloc: page=(nil) pfn=0xffffffffffffffff order=4 "
	 "migratetype=0 gfp_flags=GFP_KERNEL",
	 TEXT_FAILED, "mm_page_alloc", 0},
	{HEAD "mm_page_alloc: pfn=0xffffffffffffffff order=0 gfp_flags=0x40dc0 migratetype=0",
	 TEXT_FAILED, "mm_page_alloc", 0},
	{HEAD "mm_page_alloc: pfn=0xffffffff order=0 gfp_flags=0x40dc0 migratetype=0", TEXT_FAILED,
	 "mm_page_alloc", 0},
	{HEAD "mm_page_alloc: pfn=-1 order=0 gfp_flags=0x40dc0 migratetype=0", TEXT_FAILED,
	 "mm_page_alloc", 0},
	{HEAD "mm_page_alloc: page=00000000aa001000 pfn=0xffffffff order=0 migratetype=0 "
	      "gfp_flags=none",
	 TEXT_EVENT, "mm_page_alloc", 0},
	{HEAD "my-event.2/x=\xc3\xa4(1): mm_page_free: pfn=0x5", TEXT_OTHER,
	 "my-event.2/x=\xc3\xa4(1)", 0},
	{HEAD "a:b:c: x", TEXT_OTHER, "a:b:c", 0},
	{HEAD "<ev>: x", TEXT_OTHER, "<ev>", 0},
	{HEAD "<user stack trace>", TEXT_OTHER, "(stack trace)", 0},
	{HEAD "<something new>  ", TEXT_OTHER, "<something new>", 0},
	{HEAD "ext4_sync [ext4] <-vfs_sync", TEXT_OTHER, "(function)", 0},
	{" =>  <00007f39f8a1b0d3>", TEXT_OTHER, "(stack trace)", 0},
	{" => ??", TEXT_OTHER, "(stack trace)", 0},
	{"  a.dat:  => __free_pages", TEXT_OTHER, "(stack trace)", 0},
	{"\t    ffffffff811b8b5f __alloc_pages+0x1df ([kernel.kallsyms])", TEXT_OTHER,
	 "(stack trace)", 0},
	{HEAD "do_idle <-cpu_startup_entry", TEXT_OTHER, "(function)", 0},
	{HEAD "<stack trace>", TEXT_OTHER, "(stack trace)", 0},
	{" => __free_pages", TEXT_OTHER, "(stack trace)", 0},
};

static void test_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(other_lines) / sizeof(other_lines[0]); i++) {
		struct text_line line;

		print_message("%s\n", other_lines[i].line);
		parse(other_lines[i].line, &line);
		assert_int_equal(line.class, other_lines[i].class);
		assert_int_equal(line.lost, other_lines[i].lost);
		if (!other_lines[i].name)
			continue;
		assert_int_equal(line.name_length, strlen(other_lines[i].name));
		assert_memory_equal(line.name, other_lines[i].name, line.name_length);
	}
}

/* Every beginning of every line is read without going past its end (for the sanitizers). */
static void test_cut_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good_lines) / sizeof(good_lines[0]); i++)
		for (size_t n = strlen(good_lines[i].line); n-- > 0;) {
			char *exact = test_malloc(n + 1);
			struct text_line line;

			memcpy(exact + 1, good_lines[i].line, n);
			trace_text_parse(exact + 1, n, &line);
			test_free(exact);
			assert_true(line.class <= TEXT_BAD);
		}
}

/* What is counted adds up, and the first broken lines are kept with their numbers. */
static void test_accounts(void **state)
{
	struct trace trace = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(good_lines) / sizeof(good_lines[0]); i++)
		trace_text_line(&trace, good_lines[i].line, strlen(good_lines[i].line));
	for (size_t i = 0; i < sizeof(other_lines) / sizeof(other_lines[0]); i++)
		trace_text_line(&trace, other_lines[i].line, strlen(other_lines[i].line));
	for (size_t i = 0; i < sizeof(bad_lines) / sizeof(bad_lines[0]); i++)
		trace_text_line(&trace, bad_lines[i][0], strlen(bad_lines[i][0]));
	assert_int_equal(trace.lines, trace.comments + trace.blank + trace.lost_lines + trace.bad +
					      trace.failed + trace.passed_over + trace.nr);
	assert_int_equal(trace.bad, sizeof(bad_lines) / sizeof(bad_lines[0]));
	assert_int_equal(trace.first_bad[0].line, trace.lines - trace.bad + 1);
	assert_string_equal(trace.first_bad[9].reason, bad_lines[9][1]);
	assert_int_equal(trace.lost_events, 176);
	assert_int_equal(trace.nr_names, 8);
	assert_int_equal(trace.gfp_numbers, 2);
	trace_release(&trace);
}

/* A list of names that is searched from its beginning takes hours for that many. */
static void test_many_names(void **state)
{
	enum { NAMES = 300000 };
	struct trace trace = {0};
	char line[80];

	(void)state;
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < NAMES; i++) {
			int length = snprintf(line, sizeof(line), HEAD "event_%u: x=1", i);

			trace_text_line(&trace, line, (size_t)length);
		}
	assert_int_equal(trace.nr_names, NAMES);
	assert_int_equal(trace.passed_over, 2 * NAMES);
	for (unsigned i = 0; i < NAMES; i++) {
		snprintf(line, sizeof(line), "event_%u", i);
		assert_int_equal(trace.names[i]->count, 2);
		assert_memory_equal(trace.names[i]->name, line, trace.names[i]->length);
	}
	trace_release(&trace);
}

/* A name with a zero byte in it is another one than its beginning. */
static void test_zero_byte(void **state)
{
	static const char one[] = HEAD "a\0b: x", other[] = HEAD "a: x";
	struct trace trace = {0};

	(void)state;
	trace_text_line(&trace, one, sizeof(one) - 1);
	trace_text_line(&trace, other, sizeof(other) - 1);
	assert_int_equal(trace.nr_names, 2);
	assert_int_equal(trace.names[0]->length, 3);
	trace_release(&trace);
}

static void test_lost_without_end(void **state)
{
	static const char line[] = "CPU:1 [LOST 18446744073709551615 EVENTS]";
	struct trace trace = {0};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		trace_text_line(&trace, line, sizeof(line) - 1);
	assert_int_equal(trace.lost_lines, 3);
	assert_int_equal(trace.lost_events, UINT64_MAX);
	trace_release(&trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	  cmocka_unit_test(test_bad),
		cmocka_unit_test(test_others),	  cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_accounts),  cmocka_unit_test(test_many_names),
		cmocka_unit_test(test_zero_byte), cmocka_unit_test(test_lost_without_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
