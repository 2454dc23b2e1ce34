/* SPDX-License-Identifier: MIT */
/* mailbox.c - see mailbox.h. */
#include "mailbox.h"

enum { TRIES = 8 };

bool mailbox_put(struct mailbox *box, block b, unsigned from)
{
	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t empty = 0;

		/* Release: the CPU that takes it sees the stamps. */
		if (atomic_compare_exchange_strong_explicit(&box->slots[(from + i) % MAILBOX_SLOTS],
							    &empty, b, memory_order_release,
							    memory_order_relaxed))
			return true;
	}
	return false;
}

block mailbox_take(struct mailbox *box, unsigned from)
{
	for (unsigned i = 0; i < TRIES; i++) {
		_Atomic uint64_t *slot = &box->slots[(from + i) % MAILBOX_SLOTS];
		block b;

		if (!atomic_load_explicit(slot, memory_order_relaxed))
			continue;
		b = atomic_exchange_explicit(slot, 0, memory_order_acquire);
		if (b)
			return b;
	}
	return 0;
}
