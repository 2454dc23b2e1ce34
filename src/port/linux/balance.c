// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * balance.c - when chunks come from the kernel and when they go back to it.
 *
 *	come   a zone has fallen below its low mark, or a call that could not wait has failed: the
 *	       engine's pressure hook, in whatever context that is, raises an irq_work, which
 *	       queues work, which takes chunks until the zone is above its high mark. Or a caller
 *	       that may sleep has found nothing, and takes one itself
 *	go     the kernel reclaims memory and asks the shrinker: chunks that are all free, but for
 *	       as many as the high mark says. Or the module is unloaded
 *
 * Taking chunks makes the kernel reclaim, and what the shrinker gives is what is taken next. So
 * a task that takes a chunk finds nothing to shrink, nobody goes on taking once the kernel wanted
 * some back, and every loop is bounded by the chunks that there can be.
 */
#include <linux/hash.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shrinker.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#include "linux.h"

/* As the engine's configuration has it: see chunks.c. */
static unsigned long high_mark(void)
{
	return 2 * rst_chunk_pages();
}

/* ---- More ---------------------------------------------------------------------------------- */

/* After the kernel has had none it is left alone for a while. */
#define GROW_PAUSE (HZ / 10)

static bool open;		  /* the module runs */
static unsigned long grow_from;	  /* jiffies before which nothing is tried again; racy, a hint */
static struct task_struct *taker; /* gives chunks back: what it does is no want of memory */
static atomic_long_t reclaimed;	  /* pages that the shrinker gave back */

/* Counts of the tasks that get a chunk just now, by a hash: two with one hash look like one. */
static atomic_t getting[1 << 6];

static atomic_t *getting_here(void)
{
	return &getting[hash_ptr(current, 6)];
}

static bool get_chunk(unsigned int zone)
{
	bool came;

	atomic_inc(getting_here());
	came = rst_chunk_come(zone);
	atomic_dec(getting_here());
	return came;
}

/* Chunks for a zone until this many pages are free; how many pages came. */
static unsigned long get_chunks(unsigned int zone, unsigned long pages)
{
	long before = atomic_long_read(&reclaimed);
	unsigned long n;

	for (n = 0; n < rst_chunks.nr_slots; n++) {
		if (roost_free_frames(rst_chunks.roost, zone, NULL) >= pages ||
		    atomic_long_read(&reclaimed) != before || fatal_signal_pending(current) ||
		    !get_chunk(zone))
			break;
		cond_resched();
	}
	return n << rst_chunks.order;
}

static void grow_zones(struct work_struct *work)
{
	for (unsigned int zone = 0; zone < rst_chunks.nr_zones; zone++) {
		get_chunks(zone, high_mark() + 1);
		if (roost_free_frames(rst_chunks.roost, zone, NULL) <= high_mark())
			WRITE_ONCE(grow_from, jiffies + GROW_PAUSE);
	}
}

static DECLARE_WORK(grow_work, grow_zones);

static void queue_grow(struct irq_work *work)
{
	queue_work(system_unbound_wq, &grow_work);
}

static DEFINE_IRQ_WORK(grow_irq_work, queue_grow);

void rst_balance_want_more(void)
{
	if (READ_ONCE(open) && time_after_eq(jiffies, READ_ONCE(grow_from)) &&
	    !(in_task() && READ_ONCE(taker) == current))
		irq_work_queue(&grow_irq_work);
}

unsigned long roost_grow(unsigned long pages)
{
	unsigned long came = 0;

	might_alloc(GFP_KERNEL);
	for (unsigned int zone = 0; zone < rst_chunks.nr_zones; zone++)
		came += get_chunks(zone, pages);
	return came;
}
EXPORT_SYMBOL_GPL(roost_grow);

int rst_balance_grow_for(unsigned int flags)
{
	unsigned int only = flags >> 8 & 0xff, node = flags >> 16 & 0xff;
	unsigned int here = node ? node - 1 : rst_zone_here(), first = only ? only - 1 : here;

	if (first >= rst_chunks.nr_zones || (flags & ROOST_THISNODE && first != here))
		return -1;
	if (get_chunk(first))
		return (int)first;
	if (only || flags & ROOST_THISNODE)
		return -1;
	for (unsigned int zone = 0; zone < rst_chunks.nr_zones; zone++)
		if (zone != first && get_chunk(zone))
			return (int)zone;
	return -1;
}

/* ---- Less ---------------------------------------------------------------------------------- */

/* One at a time, so that nobody takes what another counts on; reclaim only tries it. */
static DEFINE_MUTEX(taking);

#define DRAIN_PAUSE HZ

static unsigned long drain_from; /* jiffies; taking */

/* Free pages above the mark, in chunks that are known to be free as a whole, or at all. */
static unsigned long spare_pages(unsigned int zone, bool whole_only)
{
	u64 whole, free = roost_free_frames(rst_chunks.roost, zone, &whole);

	if (whole_only && whole < free)
		free = whole;
	return free > high_mark() ? (unsigned long)(free - high_mark()) & ~(rst_chunk_pages() - 1)
				  : 0;
}

/* What CPUs have about them goes to the zones; true if that was not done just now. */
static bool drain(void)
{
	if (time_before(jiffies, drain_from))
		return false;
	drain_from = jiffies + DRAIN_PAUSE;
	roost_drain(rst_chunks.roost, -1);
	return true;
}

static unsigned long take_from(unsigned int zone, unsigned long wanted)
{
	unsigned long went = 0;

	wanted = min(wanted, rst_chunks.nr_slots << rst_chunks.order);
	while (went < wanted && !fatal_signal_pending(current)) {
		if (!spare_pages(zone, true) &&
		    (!spare_pages(zone, false) || !drain() || !spare_pages(zone, true)))
			break;
		if (!rst_chunk_go(zone))
			break;
		went += rst_chunk_pages();
	}
	return went;
}

static unsigned long take(unsigned int zone, unsigned long wanted)
{
	unsigned long went;

	WRITE_ONCE(taker, current);
	went = take_from(zone, wanted);
	WRITE_ONCE(taker, NULL);
	return went;
}

unsigned long roost_shrink(void)
{
	unsigned long went = 0;

	might_sleep();
	if (mutex_lock_killable(&taking))
		return 0;
	drain_from = jiffies;
	rst_caches_reclaim(ULONG_MAX);
	for (unsigned int zone = 0; zone < rst_chunks.nr_zones; zone++)
		went += take(zone, ULONG_MAX);
	mutex_unlock(&taking);
	return went;
}
EXPORT_SYMBOL_GPL(roost_shrink);

/* ---- The shrinker -------------------------------------------------------------------------- */

/* The zone of a node; false: it has none of its own. */
static bool has_zone(int node, unsigned int *zone)
{
	*zone = rst_chunks.zone_of_node[node];
	return rst_chunks.node[*zone] == node;
}

static unsigned long shrinker_count(struct shrinker *shrinker, struct shrink_control *control)
{
	unsigned int zone;
	unsigned long pages;

	if (atomic_read(getting_here()))
		return 0;
	pages = has_zone(control->nid, &zone) ? spare_pages(zone, false) : 0;
	return pages ? pages : SHRINK_EMPTY;
}

static unsigned long shrinker_scan(struct shrinker *shrinker, struct shrink_control *control)
{
	unsigned long went = 0;
	unsigned int zone;

	if (!atomic_read(getting_here()) && has_zone(control->nid, &zone) &&
	    mutex_trylock(&taking)) {
		rst_caches_reclaim(control->nr_to_scan);
		went = take(zone, control->nr_to_scan);
		mutex_unlock(&taking);
		atomic_long_add((long)went, &reclaimed);
	}
	control->nr_scanned = max(went, control->nr_to_scan);
	return went ? went : SHRINK_STOP;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 7, 0)
static struct shrinker *shrinker;

static int start_shrinker(void)
{
	shrinker = shrinker_alloc(SHRINKER_NUMA_AWARE, "roost");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = shrinker_count;
	shrinker->scan_objects = shrinker_scan;
	shrinker->batch = (long)rst_chunk_pages();
	shrinker_register(shrinker);
	return 0;
}

static void stop_shrinker(void)
{
	shrinker_free(shrinker);
}
#else
static struct shrinker the_shrinker = {
	.count_objects = shrinker_count,
	.scan_objects = shrinker_scan,
	.seeks = DEFAULT_SEEKS,
	.flags = SHRINKER_NUMA_AWARE,
};

static int start_shrinker(void)
{
	the_shrinker.batch = (long)rst_chunk_pages();
	return register_shrinker(&the_shrinker, "roost");
}

static void stop_shrinker(void)
{
	unregister_shrinker(&the_shrinker);
}
#endif

/* ---- Start and end ------------------------------------------------------------------------- */

static void say_what_is_missing(unsigned int initial_chunks)
{
	for (unsigned int zone = 0; zone < rst_chunks.nr_zones; zone++) {
		u64 chunks = roost_free_frames(rst_chunks.roost, zone, NULL) >> rst_chunks.order;

		if (chunks < initial_chunks)
			pr_warn("roost: initial=%u: node %d has %llu chunks now, of %lu at most\n",
				initial_chunks, rst_chunks.node[zone], chunks, rst_chunks.nr_slots);
	}
}

int rst_balance_start(unsigned int initial_chunks)
{
	int err = start_shrinker();

	if (err)
		return err;
	WRITE_ONCE(grow_from, jiffies);
	WRITE_ONCE(open, true);
	roost_grow((unsigned long)initial_chunks << rst_chunks.order);
	if (fatal_signal_pending(current)) {
		rst_balance_stop();
		return -EINTR;
	}
	say_what_is_missing(initial_chunks);
	return 0;
}

void rst_balance_stop(void)
{
	WRITE_ONCE(open, false);
	stop_shrinker();
	irq_work_sync(&grow_irq_work);
	cancel_work_sync(&grow_work);
	roost_drain(rst_chunks.roost, -1);
	for (unsigned int zone = 0; zone < rst_chunks.nr_zones; zone++)
		while (rst_chunk_go(zone))
			cond_resched();
}
