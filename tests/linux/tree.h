/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * tree.h - pages in an XArray, whose lock is the caller's lock L: hard interrupts take it, and
 * frees come while it is held and interrupts are off. As at the end of writeback.
 *
 * On PREEMPT_RT an xa_lock sleeps, so that no hard interrupt takes it and nothing is proved by it.
 * There L is a raw spinlock, and what it guards an array.
 */
#ifndef RST_LINUX_TREE_H
#define RST_LINUX_TREE_H

#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

enum {
	KT_TREE_SIZE = 512,
};

#ifdef CONFIG_PREEMPT_RT
#define KT_LOCK_NAME "a raw spinlock"

struct kt_tree {
	raw_spinlock_t lock;
	void *entry[KT_TREE_SIZE];
};

#define kt_tree_init(t)		 raw_spin_lock_init(&(t)->lock)
#define kt_tree_lock(t, flags)	 raw_spin_lock_irqsave(&(t)->lock, flags)
#define kt_tree_unlock(t, flags) raw_spin_unlock_irqrestore(&(t)->lock, flags)

/* The lock is held. */
static inline void *kt_tree_swap(struct kt_tree *t, unsigned long i, void *entry)
{
	swap(t->entry[i], entry);
	return entry;
}

/* What was there before. */
static inline void *kt_tree_store(struct kt_tree *t, unsigned long i, void *entry)
{
	unsigned long flags;

	kt_tree_lock(t, flags);
	entry = kt_tree_swap(t, i, entry);
	kt_tree_unlock(t, flags);
	return entry;
}

static inline void kt_tree_destroy(struct kt_tree *t)
{
}

#else
#define KT_LOCK_NAME "the xa_lock"

struct kt_tree {
	struct xarray xa;
};

#define kt_tree_init(t)		 xa_init_flags(&(t)->xa, XA_FLAGS_LOCK_IRQ)
#define kt_tree_lock(t, flags)	 xa_lock_irqsave(&(t)->xa, flags)
#define kt_tree_unlock(t, flags) xa_unlock_irqrestore(&(t)->xa, flags)

/* The lock is held. Returns what was there before; what cannot be stored, for want of memory. */
static inline void *kt_tree_swap(struct kt_tree *t, unsigned long i, void *entry)
{
	void *old = __xa_store(&t->xa, i, entry, GFP_NOWAIT | __GFP_NOWARN);

	return xa_is_err(old) ? entry : old;
}

static inline void *kt_tree_store(struct kt_tree *t, unsigned long i, void *entry)
{
	void *old = xa_store_irq(&t->xa, i, entry, GFP_KERNEL);

	return xa_is_err(old) ? entry : old;
}

static inline void kt_tree_destroy(struct kt_tree *t)
{
	xa_destroy(&t->xa);
}
#endif

#endif
