/* SPDX-License-Identifier: MIT */
/* mailbox.h - blocks on their way from CPU to CPU: slots that anybody fills and anybody empties, in
 * any context, without waiting. */
#ifndef KERNEL_MAILBOX_H
#define KERNEL_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>

#include "block.h"

enum { MAILBOX_SLOTS = 32 };

struct mailbox {
	_Atomic uint64_t slots[MAILBOX_SLOTS]; /* block, or 0 */
};

/* Puts a block into one of eight slots from that one on. False: they are full. */
bool mailbox_put(struct mailbox *box, block b, unsigned from);

/* Takes a block of those; 0 if there is none. */
block mailbox_take(struct mailbox *box, unsigned from);

#endif
