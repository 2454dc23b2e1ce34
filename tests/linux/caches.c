// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * caches.c - object caches: a task allocates objects and stamps them, and another CPU frees them in
 * a hard interrupt, a softirq and an NMI, which allocate some, too. Each checks the stamps, so that
 * an object that was handed out twice is found. Then wrong calls, and the end of a cache with
 * objects out.
 *
 * A round: the task fills a box for each context, interrupts the other CPU (in whose hard interrupt
 * the tasklet is scheduled), sends it an NMI, and waits until all boxes are empty.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/mm.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>

#include "test.h"

enum kind { HARD, SOFT, NMI, KINDS };

enum { ROUNDS = 100, BATCH = 40, OWN = 4, WAITS = 20000 };

struct object {
	u64 self, between[126], again; /* slabs of 64, so that they come and go */
};

struct box {
	/* The task stores objects, then readies the box; the context empties it. */
	struct object *objects[BATCH];
	atomic_t ready;
	atomic_long_t freed, own, elsewhere;
};

static const char *const kind_names[] = {"hard interrupts", "softirqs", "NMIs"};
static struct box boxes[KINDS];
static roost_cache_t *cache;
static atomic_long_t bad; /* stamps */
static atomic_long_t wrong_context, interrupts;

static void stamp(struct object *object)
{
	object->self = object->again = (unsigned long)object;
}

static void free_checked(struct object *object)
{
	if (object->self != (unsigned long)object || object->again != (unsigned long)object)
		atomic_long_inc(&bad);
	object->self = object->again = 0;
	roost_cache_free(cache, object);
}

/* ---- Handlers ------------------------------------------------------------------------------- */

/* A CPU that is idle and polls takes such a call from its idle task, with interrupts off: no
 * interrupt comes (the kernel's flush_smp_call_function_queue()). */
static bool is_idle_call(void)
{
	return is_idle_task(current) && irqs_disabled() && !in_nmi();
}

static bool is_in(enum kind kind)
{
	if (kind == HARD && in_hardirq() && !in_nmi())
		atomic_long_inc(&interrupts);
	return kind == HARD   ? (in_hardirq() && !in_nmi()) || is_idle_call()
	       : kind == SOFT ? in_serving_softirq()
			      : in_nmi();
}

static void allocate_some(struct box *box)
{
	struct object *own[OWN];
	int n = 0;

	while (n < OWN && (own[n] = roost_cache_alloc(cache, 0)))
		stamp(own[n++]);
	atomic_long_add(n, &box->own);
	while (n--)
		free_checked(own[n]);
}

static void empty(enum kind kind)
{
	struct box *box = &boxes[kind];

	if (atomic_read_acquire(&box->ready) != 1)
		return;
	if (!is_in(kind))
		atomic_long_inc(&wrong_context);
	for (int i = 0; i < BATCH; i++)
		free_checked(box->objects[i]);
	allocate_some(box);
	atomic_long_add(BATCH, &box->freed);
	atomic_set_release(&box->ready, 0);
}

static void on_softirq(struct tasklet_struct *tasklet)
{
	empty(SOFT);
}

static DECLARE_TASKLET(tasklet, on_softirq);

static void on_interrupt(void *unused)
{
	empty(HARD);
	tasklet_schedule(&tasklet);
}

static void on_nmi(void)
{
	empty(NMI);
}

/* ---- Rounds --------------------------------------------------------------------------------- */

static bool fill(struct box *box)
{
	size_t n = roost_cache_alloc_bulk(cache, ROOST_WAIT, (void **)box->objects, BATCH);

	if (n != BATCH) {
		roost_cache_free_bulk(cache, (void *const *)box->objects, n);
		kt_fail("%zu of %d objects", n, BATCH);
		return false;
	}
	for (int i = 0; i < BATCH; i++)
		stamp(box->objects[i]);
	atomic_set_release(&box->ready, 1);
	return true;
}

static bool is_emptied(enum kind kind)
{
	for (int i = 0; i < WAITS; i++) {
		if (!atomic_read_acquire(&boxes[kind].ready))
			return true;
		usleep_range(50, 100);
	}
	kt_fail("%s never freed their objects", kind_names[kind]);
	return false;
}

/* Another CPU than the task's, if there is one, and each in turn. The task stays where it is. */
static int other_cpu(unsigned int turn)
{
	int cpu = cpumask_first(cpu_online_mask);

	for (turn %= num_online_cpus(); turn; turn--)
		cpu = cpumask_next(cpu, cpu_online_mask);
	if (cpu == smp_processor_id())
		cpu = cpumask_next(cpu, cpu_online_mask);
	return cpu < (int)nr_cpu_ids ? cpu : cpumask_first(cpu_online_mask);
}

static bool do_round(unsigned int turn, bool nmi)
{
	int cpu, err;

	for (enum kind kind = 0; kind < KINDS; kind++)
		if ((kind != NMI || nmi) && !fill(&boxes[kind]))
			return false;
	preempt_disable();
	cpu = other_cpu(turn);
	err = smp_call_function_single(cpu, on_interrupt, NULL, 1);
	preempt_enable();
	if (err) {
		kt_fail("CPU %d is not interrupted", cpu);
		return false;
	}
	if (nmi)
		kt_nmi_send((unsigned int)cpu);
	return is_emptied(HARD) && is_emptied(SOFT) && is_emptied(NMI);
}

static void rounds(void)
{
	bool nmi = !kt_nmi_start(on_nmi);

	cpus_read_lock();
	for (int i = 0; i < ROUNDS && !kt_failed(); i++) {
		if (!do_round((unsigned int)i, nmi))
			break;
		cond_resched();
	}
	cpus_read_unlock();
	if (nmi)
		kt_nmi_stop();
	tasklet_kill(&tasklet);
	for (enum kind kind = 0; kind < KINDS; kind++) {
		long freed = atomic_long_read(&boxes[kind].freed);

		kt_say("objects freed by %s on another CPU: %ld; allocated there: %ld\n",
		       kind_names[kind], freed, atomic_long_read(&boxes[kind].own));
		if ((kind != NMI || nmi) &&
		    (freed != ROUNDS * BATCH || !atomic_long_read(&boxes[kind].own)))
			kt_fail("%s: too few", kind_names[kind]);
	}
	if (atomic_long_read(&bad))
		kt_fail("%ld objects with a wrong stamp", atomic_long_read(&bad));
	if (!atomic_long_read(&interrupts))
		kt_fail("no interrupt freed an object");
	if (atomic_long_read(&wrong_context))
		kt_fail("%ld boxes emptied elsewhere", atomic_long_read(&wrong_context));
}

/* ---- Wrong calls, and the end ---------------------------------------------------------------- */

static void is_sound(const char *when)
{
	struct roost_violation v = {0};

	if (roost_slabs_validate(roost_linux_slabs(), &v))
		kt_fail("%s: %s: %llu, not %llu", when, v.invariant, v.found, v.expected);
}

static u64 misused(void)
{
	struct roost_cache_stats stats;

	roost_cache_stats(cache, &stats);
	return stats.misused;
}

static void try_wrong_calls(void)
{
	struct object *object = roost_cache_alloc(cache, ROOST_WAIT);
	struct page *page = roost_alloc_pages(0, ROOST_WAIT);
	u64 before = misused();

	if (!object || !page) {
		kt_fail("no object, or no page");
		return;
	}
	roost_cache_free(cache, object->between);    /* inside an object */
	roost_cache_free(cache, &cache);	     /* the module's own memory */
	roost_cache_free(cache, page_address(page)); /* roost.ko's, but no slab */
	roost_cache_free(cache, object);
	roost_cache_free(cache, object); /* again */
	if (misused() != before + 4)
		kt_fail("%llu misuses are found, of 4", misused() - before);
	roost_free_pages(page, 0);
}

static void try_end(void)
{
	struct object *out[5];
	u64 left = 0;
	size_t n = roost_cache_alloc_bulk(cache, ROOST_WAIT, (void **)out, 5);
	int err = roost_cache_destroy(cache, &left);

	kt_say("end with %zu objects out: %d, %llu left\n", n, err, left);
	if (n != 5 || err != -ROOST_EBUSY || left != 5)
		kt_fail("the end of a cache with 5 objects out: %d, %llu left", err, left);
	roost_cache_free_bulk(cache, (void *const *)out, n);
	is_sound("in the end");
	err = roost_cache_destroy(cache, &left);
	if (err || left)
		kt_fail("the end of a cache: %d, %llu left", err, left);
}

void kt_caches(void)
{
	roost_slabs_t *slabs = roost_linux_slabs();
	unsigned int at = 0;
	struct roost_cache_stats stats;

	memset(boxes, 0, sizeof(boxes));
	atomic_long_set(&bad, 0);
	atomic_long_set(&wrong_context, 0);
	if (!slabs ||
	    roost_cache_create(&cache, slabs, "kt_test", sizeof(struct object), 0, 0, NULL)) {
		kt_fail("no cache");
		kt_verdict("caches");
		return;
	}
	rounds();
	is_sound("after the rounds");
	roost_cache_stats(cache, &stats);
	kt_say("slabs made: %llu, released: %llu, there: %llu; objects out: %llu\n", stats.made,
	       stats.released, stats.slabs, stats.allocated);
	if (stats.allocated && !kt_failed())
		kt_fail("%llu objects are lost", stats.allocated);
	if ((stats.made < 2 || !stats.released) && !kt_failed())
		kt_fail("no slab came and went");
	try_wrong_calls();
	if (!roost_slabs_stats(slabs, &at, &stats) || strcmp(stats.name, "kt_test"))
		kt_fail("the cache is not among all");
	try_end();
	kt_verdict("caches");
}
