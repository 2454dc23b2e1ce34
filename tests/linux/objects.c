// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * objects.c - a small cache of objects, as a kmem_cache is one: pages are cut into objects, and
 * freeing the last object of a page frees the page. That happens under the lock of an XArray, with
 * interrupts off, in tasks and in hard interrupts: as when a node of an XArray is freed.
 *
 * A page: | 0: its stamp, count, block | objects 1 to 7 | 8: a stamp | objects 9 to 14 | 15: a
 * stamp |
 */
#include <linux/atomic.h>
#include <linux/mm.h>

#include "tree.h"
#include "load.h"

enum {
	SIZE = PAGE_SIZE / 16,
	OBJECTS = 13,
};

struct head {
	u64 stamp; /* see blocks.c */
	kt_block block;
	atomic_t used;
};

struct object {
	u64 first, between[SIZE / sizeof(u64) - 2], last;
};

static struct kt_tree tree;
static atomic_long_t by_tasks, by_interrupts, pages_by_tasks, pages_by_interrupts;

static u64 value_of(const struct object *object)
{
	return (u64)(unsigned long)object;
}

static unsigned long random_index(struct kt_who *who)
{
	return (kt_random(who) >> 8) % KT_TREE_SIZE;
}

/* Another page full of objects; how many. */
static size_t make(struct kt_who *who, struct object **objects)
{
	kt_block block = kt_take(who, 0);
	struct object *page = block ? page_address(kt_page_of(block)) : NULL;
	struct head *head = (struct head *)page;
	size_t n = 0;

	if (!page)
		return 0;
	for (unsigned int i = 1; i < 15; i++) {
		if (i == 8)
			continue;
		page[i].first = page[i].last = value_of(&page[i]);
		objects[n++] = &page[i];
	}
	head->block = block;
	atomic_set(&head->used, n);
	return n;
}

/* The lock is held. */
static void free_object(struct kt_who *who, struct object *object)
{
	bool task = who->kind != KT_TREE_IRQ;
	struct head *head;

	if (!object)
		return;
	head = (struct head *)((unsigned long)object & PAGE_MASK);
	if (object->first != value_of(object) || object->last != value_of(object))
		kt_bad(who, "a wrong object", virt_to_page(object), offset_in_page(object) / 8,
		       object->first, value_of(object));
	object->first = object->last = 0;
	atomic_long_inc(task ? &by_tasks : &by_interrupts);
	if (atomic_dec_and_test(&head->used)) {
		kt_give(who, head->block);
		atomic_long_inc(task ? &pages_by_tasks : &pages_by_interrupts);
	}
}

/* The lock is held. */
static void free_some(struct kt_who *who, unsigned int n)
{
	while (n--)
		free_object(who, kt_tree_swap(&tree, random_index(who), NULL));
}

void kt_objects_task(struct kt_who *who)
{
	struct object *objects[OBJECTS];
	size_t n = make(who, objects);
	unsigned long flags;

	kt_count_turn(who);
	for (size_t i = 0; i < n; i++)
		objects[i] = kt_tree_store(&tree, random_index(who), objects[i]);
	kt_tree_lock(&tree, flags);
	for (size_t i = 0; i < n; i++)
		free_object(who, objects[i]);
	free_some(who, 8);
	kt_tree_unlock(&tree, flags);
}

void kt_objects_interrupt(struct kt_who *who)
{
	struct object *objects[OBJECTS];
	unsigned long flags;
	size_t n = 0;

	kt_count_turn(who);
	kt_tree_lock(&tree, flags);
	if (kt_chance(who, 4))
		n = make(who, objects);
	for (size_t i = 0; i < n; i++)
		free_object(who, kt_tree_swap(&tree, random_index(who), objects[i]));
	free_some(who, 8);
	kt_tree_unlock(&tree, flags);
}

void kt_objects_begin(void)
{
	BUILD_BUG_ON(sizeof(struct head) > SIZE || sizeof(struct object) != SIZE);
	kt_tree_init(&tree);
	atomic_long_set(&by_tasks, 0);
	atomic_long_set(&by_interrupts, 0);
	atomic_long_set(&pages_by_tasks, 0);
	atomic_long_set(&pages_by_interrupts, 0);
}

void kt_objects_clear(struct kt_who *who)
{
	unsigned long flags;

	for (unsigned long i = 0; i < KT_TREE_SIZE; i++) {
		kt_tree_lock(&tree, flags);
		free_object(who, kt_tree_swap(&tree, i, NULL));
		kt_tree_unlock(&tree, flags);
	}
}

void kt_objects_end(void)
{
	kt_tree_destroy(&tree);
}

void kt_objects_report(void)
{
	kt_say("objects freed under " KT_LOCK_NAME ": %ld by tasks, %ld by hard interrupts\n",
	       atomic_long_read(&by_tasks), atomic_long_read(&by_interrupts));
	kt_say("pages freed by that: %ld by tasks, %ld by hard interrupts\n",
	       atomic_long_read(&pages_by_tasks), atomic_long_read(&pages_by_interrupts));
	if (!atomic_long_read(&pages_by_tasks) || !atomic_long_read(&pages_by_interrupts))
		kt_fail("no page was freed by the free of its last object");
}
