// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * count.c - counts the counters of roost_stats() by the context in which they count, from the
 * tracepoints of roost.ko; and what each engine's must be.
 *
 * The engine sets counts blocks by their order, beside the counters; what roost_stats() makes of
 * them is made of the tracepoints alloc, free and free_remote here. In the end the sum over the
 * contexts must be what roost_stats() has, counter by counter. A shrinker that comes when only some
 * of the probes are there may or may not be counted, and one comes.
 */
#include <linux/delay.h>
#include <linux/percpu.h>
#include <linux/preempt.h>

#include "counters.h"
#include "load.h"
#include "rungs.h"
#include "trace.h"

struct counts {
	u64 of[KT_NR_COUNTERS];
	/* The engine sets: calls by context. */
	u64 allocated, freed, freed_large, freed_remote, freed_remote_large;
};

struct contexts {
	struct counts in[KT_NR_CONTEXTS];
};

static DEFINE_PER_CPU(struct contexts, counted);
/* Before and after the probes were put there, and were taken away. */
static struct kt_counters before[2], after[2];

static enum kt_context context(void)
{
	if (in_nmi())
		return KT_IN_NMI;
	if (in_hardirq())
		return KT_IN_HARDIRQ;
	return in_serving_softirq() ? KT_IN_SOFTIRQ : KT_IN_TASK;
}

/* ---- Probes: any context --------------------------------------------------------------------- */

static void on_count(void *unused, unsigned int counter, u64 n)
{
	this_cpu_add(counted.in[context()].of[counter], n);
}

static void on_alloc(void *unused, u64 pfn, unsigned int order)
{
	this_cpu_inc(counted.in[context()].allocated);
}

static void on_free(void *unused, u64 pfn, unsigned int order)
{
	this_cpu_inc(counted.in[context()].freed);
	if (order >= ROOST_PAGEBLOCK_ORDER)
		this_cpu_inc(counted.in[context()].freed_large);
}

static void on_free_remote(void *unused, unsigned int home, unsigned int order, u64 blocks)
{
	this_cpu_add(counted.in[context()].freed_remote, blocks);
	if (order >= ROOST_PAGEBLOCK_ORDER)
		this_cpu_add(counted.in[context()].freed_remote_large, blocks);
}

static bool direct_nmis;

/* The zone lock is held: an NMI comes right here, which on a single CPU none else would. */
static void on_zone_lock(void *unused, unsigned int zone, bool wait)
{
	static unsigned int n; /* racy: about so often */

	if (READ_ONCE(direct_nmis) && !in_nmi() && ++n % 256 == 0)
		kt_nmi_send(raw_smp_processor_id());
}

/* ---- Start and end --------------------------------------------------------------------------- */

static void read_stats(struct kt_counters *stats)
{
	kt_counters_read(stats, roost_linux());
}

/* Until nobody counts any more: roost.ko's worker may be at it. */
static void read_stats_at_rest(struct kt_counters *stats)
{
	struct kt_counters last;

	read_stats(stats);
	for (unsigned int i = 0; i < 40; i++) {
		last = *stats;
		msleep(50);
		read_stats(stats);
		if (!memcmp(&last, stats, sizeof(last)))
			return;
	}
}

void kt_direct_nmis(bool on)
{
	WRITE_ONCE(direct_nmis, on);
	tracepoint_synchronize_unregister(); /* nobody is about to send one any more */
}

static void come_and_go(void)
{
	roost_grow(4ul << roost_max_order(roost_linux()));
	roost_shrink();
}

int kt_count_begin(void)
{
	int err;

	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (cpu_possible(cpu))
			per_cpu(counted, cpu) = (struct contexts){0};
	read_stats_at_rest(&before[0]);
	err = register_trace_roost_alloc(on_alloc, NULL);
	come_and_go();
	if (!err)
		err = register_trace_roost_count(on_count, NULL);
	if (!err)
		err = register_trace_roost_free(on_free, NULL);
	if (!err)
		err = register_trace_roost_free_remote(on_free_remote, NULL);
	if (!err)
		err = register_trace_roost_zone_lock(on_zone_lock, NULL);
	if (err)
		kt_count_end();
	read_stats(&before[1]);
	return err;
}

/* Those that were not registered are none to be taken away, which is no harm. */
void kt_count_end(void)
{
	read_stats_at_rest(&after[0]);
	unregister_trace_roost_count(on_count, NULL);
	come_and_go();
	unregister_trace_roost_alloc(on_alloc, NULL);
	unregister_trace_roost_free(on_free, NULL);
	unregister_trace_roost_free_remote(on_free_remote, NULL);
	unregister_trace_roost_zone_lock(on_zone_lock, NULL);
	tracepoint_synchronize_unregister();
	read_stats(&after[1]);
}

/* ---- Sums ------------------------------------------------------------------------------------ */

/* As roost_stats() does it, see src/sets/inspect.c. */
static void make_up(struct counts *c)
{
	c->of[KT_PLACE(alloc_pcp)] = c->allocated - c->of[KT_PLACE(alloc_zone)] -
				     c->of[KT_PLACE(alloc_other)] - c->of[KT_PLACE(alloc_reserve)];
	c->of[KT_PLACE(free_remote)] = c->freed_remote;
	c->of[KT_PLACE(free_direct)] = c->freed_large;
	c->of[KT_PLACE(free_local)] =
		c->freed - c->freed_large - (c->freed_remote - c->freed_remote_large);
}

static void sum_up(enum kt_context in, struct counts *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (cpu_possible(cpu))
			for (unsigned int i = 0; i < sizeof(*sum) / sizeof(u64); i++)
				((u64 *)sum)[i] += ((u64 *)&per_cpu(counted, cpu).in[in])[i];
	if (!kt_about.pcpbuddy)
		make_up(sum);
}

/* ---- Report ---------------------------------------------------------------------------------- */

static const char *const names[] = {
#define NAME(name, text) #name,
	KT_COUNTERS(NAME)
#undef NAME
};

static const char *const context_names[] = {"task", "softirq", "hardirq", "nmi"};

static struct counts sums[KT_NR_CONTEXTS];

static void sum_all_up(void)
{
	for (enum kt_context in = 0; in < KT_NR_CONTEXTS; in++)
		sum_up(in, &sums[in]);
}

bool kt_count_all_seen(bool nmi)
{
	sum_all_up();
	for (unsigned int i = 0; i < KT_NR_COUNTERS; i++)
		for (enum kt_context in = 0; in < KT_NR_CONTEXTS; in++)
			if (kt_rung(i).must & 1u << in && !sums[in].of[i] &&
			    (nmi || in != KT_IN_NMI))
				return false;
	return true;
}

/* Of the engine sets, alloc_pcp is what the others leave of all allocations. Allocations and the
 * others have probes that do not come and go at once, so all of them are compared. */
static bool is_rest(unsigned int counter)
{
	return !kt_about.pcpbuddy && counter == KT_PLACE(alloc_pcp);
}

static u64 counter_of(const struct kt_counters *stats, unsigned int counter)
{
	u64 n = ((const u64 *)stats)[counter];

	return is_rest(counter) ? n + stats->alloc_zone + stats->alloc_other + stats->alloc_reserve
				: n;
}

static void check_sum(unsigned int counter, u64 sum)
{
	u64 least = counter_of(&after[0], counter) - counter_of(&before[1], counter);
	u64 most = counter_of(&after[1], counter) - counter_of(&before[0], counter);

	for (enum kt_context in = 0; is_rest(counter) && in < KT_NR_CONTEXTS; in++)
		sum += sums[in].allocated - sums[in].of[counter];
	if (sum < least || sum > most)
		kt_fail("%s: the tracepoints counted %llu, roost_stats() says %llu to %llu",
			names[counter], sum, least, most);
}

static void check_rung(unsigned int counter, enum kt_context in, u64 n, bool nmi)
{
	struct kt_rung rung = kt_rung(counter);
	unsigned int bit = 1u << in;

	if (in == KT_IN_NMI && !nmi)
		return;
	if (rung.must & bit && !n)
		kt_fail("%s was never counted in context %s", names[counter], context_names[in]);
	if (rung.never & bit && n)
		kt_fail("%s was counted in context %s, where it cannot be", names[counter],
			context_names[in]);
}

void kt_count_report(bool nmi)
{
	sum_all_up();
	kt_say("%-20s %12s %12s %12s %12s\n", "counter", "task", "softirq", "hardirq", "nmi");
	for (unsigned int i = 0; i < KT_NR_COUNTERS; i++) {
		u64 n[KT_NR_CONTEXTS], sum = 0;

		for (enum kt_context in = 0; in < KT_NR_CONTEXTS; in++)
			sum += n[in] = sums[in].of[i];
		if (sum)
			kt_say("%-20s %12llu %12llu %12llu %12llu\n", names[i], n[KT_IN_TASK],
			       n[KT_IN_SOFTIRQ], n[KT_IN_HARDIRQ], n[KT_IN_NMI]);
		for (enum kt_context in = 0; in < KT_NR_CONTEXTS; in++)
			check_rung(i, in, n[in], nmi);
		check_sum(i, sum);
	}
}
