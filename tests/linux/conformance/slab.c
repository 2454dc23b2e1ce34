// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * slab.c - objects of a kmem_cache, of two pages each, so that few fill a slab and the free of the
 * last one gives its pages back: in tasks, softirqs and hard interrupts (load.c), under the xa_lock
 * of an XArray with interrupts off, as when a node of one is freed. The start of the deadlock that
 * the test lock looks for.
 */
#include <linux/slab.h>
#include <linux/xarray.h>

#include "test.h"

enum {
	WORDS = 2 * PAGE_SIZE / sizeof(u64),
	SIZE = 256, /* of the tree */
};

struct object {
	u64 words[WORDS]; /* first and last: see mark() */
};

static struct kmem_cache *cache;
static DEFINE_XARRAY_FLAGS(tree, XA_FLAGS_LOCK_IRQ);
static atomic_long_t freed[PAT_NR_CONTEXTS], home[PAT_NR_CONTEXTS];

static void mark(struct object *o)
{
	o->words[0] = (unsigned long)o;
	o->words[WORDS - 1] = ~(unsigned long)o;
}

/* The constructor runs when a slab comes: an object that comes is not in use. */
static void construct(void *o)
{
	memset(o, 0, sizeof(struct object));
}

static struct object *take(gfp_t gfp)
{
	struct object *o = shim_object(cache, gfp | __GFP_NOWARN);

	if (!o)
		return NULL;
	if (o->words[0] || o->words[WORDS - 1]) {
		pat_bad("an object is handed out twice, or its page is: %#llx and %#llx at its "
			"ends, page %#lx",
			o->words[0], o->words[WORDS - 1], page_to_pfn(virt_to_page(o)));
		return NULL;
	}
	mark(o);
	return o;
}

/* The lock is held. */
static void give(enum pat_context c, struct object *o)
{
	struct page *page;

	if (!o)
		return;
	if (o->words[0] != (unsigned long)o || o->words[WORDS - 1] != ~(unsigned long)o) {
		pat_bad("an object changed while it was allocated: %#llx and %#llx at its ends, "
			"page %#lx",
			o->words[0], o->words[WORDS - 1], page_to_pfn(virt_to_page(o)));
		return;
	}
	o->words[0] = o->words[WORDS - 1] = 0;
	page = virt_to_head_page(o);
	kmem_cache_free(cache, o);
	atomic_long_inc(&freed[c]);
	/* A count, no promise: another slab may have come there by now. */
	if (!PageSlab(page))
		atomic_long_inc(&home[c]);
}

static void turn(enum pat_context c, u32 *random)
{
	struct object *objects[4] = {};
	unsigned long flags;

	/* Fills and empties the tree by turns, so that slabs empty. */
	if (pat_below(random, 2))
		for (unsigned int i = 0; i < ARRAY_SIZE(objects); i++)
			objects[i] = take(c == PAT_TASK ? GFP_KERNEL : GFP_ATOMIC);
	xa_lock_irqsave(&tree, flags);
	for (unsigned int i = 0; i < ARRAY_SIZE(objects); i++) {
		void *old = __xa_erase(&tree, pat_below(random, SIZE));

		give(c, old);
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(objects); i++) {
		void *old;

		if (!objects[i])
			continue;
		old = __xa_store(&tree, pat_below(random, SIZE), objects[i],
				 GFP_NOWAIT | __GFP_NOWARN);
		give(c, xa_is_err(old) ? objects[i] : old);
	}
	xa_unlock_irqrestore(&tree, flags);
}

static void clear(void)
{
	unsigned long flags;

	xa_lock_irqsave(&tree, flags);
	for (unsigned long i = 0; i < SIZE; i++)
		give(PAT_TASK, __xa_erase(&tree, i));
	xa_unlock_irqrestore(&tree, flags);
	xa_destroy(&tree);
}

static long went_home(void)
{
	long sum = 0;

	for (unsigned int c = 0; c < PAT_NR_CONTEXTS; c++)
		sum += atomic_long_read(&home[c]);
	return sum;
}

static bool has_one_gone_home(void)
{
	return went_home();
}

void pat_slab(void)
{
	unsigned int n;

	cache = kmem_cache_create("page_alloc_test", sizeof(struct object), 0, 0, construct);
	if (!cache) {
		pat_skip("no kmem_cache could be made");
		return;
	}
	for (unsigned int c = 0; c < PAT_NR_CONTEXTS; c++) {
		atomic_long_set(&freed[c], 0);
		atomic_long_set(&home[c], 0);
	}
	n = pat_load_begin(turn);
	if (n) {
		pat_time_wait_for(has_one_gone_home);
		pat_load_end();
		clear();
		if (!went_home())
			pat_bad("the test's own error: no page went home");
		pat_did("objects freed by tasks %ld, softirqs %ld, hrtimers %ld, irq_works %ld; "
			"slabs that went home under the xa_lock %ld",
			atomic_long_read(&freed[PAT_TASK]), atomic_long_read(&freed[PAT_SOFTIRQ]),
			atomic_long_read(&freed[PAT_HRTIMER]),
			atomic_long_read(&freed[PAT_IRQ_WORK]), went_home());
	}
	shim_object_stop(cache);
	kmem_cache_destroy(cache);
}
