/* SPDX-License-Identifier: MIT */
/*
 * mailbox.h - blocks on their way from CPU to CPU: slots that anybody fills and anybody empties, in
 * any context, without waiting. A block travels in a letter, an object of a cache (roost/cache.h),
 * which one CPU allocates and another frees.
 */
#ifndef KERNEL_MAILBOX_H
#define KERNEL_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "block.h"

enum { MAILBOX_SLOTS = 32 };

struct letter;

struct mailbox {
	_Atomic(struct letter *) slots[MAILBOX_SLOTS]; /* NULL: empty */
};

/* Before the first letter; after the last one: all of them must have been freed. */
void mailboxes_open(void);
void mailboxes_close(void);

/* Puts a block into one of eight slots from that one on. False: they are full, or there is no
 * memory for a letter. */
bool mailbox_put(struct mailbox *box, block b, unsigned from);

/* Takes a block of those; 0 if there is none. */
block mailbox_take(struct mailbox *box, unsigned from);

#endif
