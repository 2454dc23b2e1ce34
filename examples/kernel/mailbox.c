/* SPDX-License-Identifier: MIT */
/* mailbox.c - see mailbox.h. */
#include "mailbox.h"

#include "console.h"
#include "memory.h"

enum { TRIES = 8 };

struct letter {
	block b;
};

static roost_cache_t *letters;

void mailboxes_open(void)
{
	int err =
		roost_cache_create(&letters, objects, "letters", sizeof(struct letter), 0, 0, NULL);

	if (err)
		fail("no cache of letters: %s", roost_strerror(err));
}

void mailboxes_close(void)
{
	struct roost_violation v;
	uint64_t left;

	if (roost_slabs_validate(objects, &v))
		fail("%s, frame 0x%lx: %lu instead of %lu", v.invariant, v.pfn, v.found,
		     v.expected);
	if (roost_cache_destroy(letters, &left))
		fail("%lu letters are lost", left);
}

bool mailbox_put(struct mailbox *box, block b, unsigned from)
{
	struct letter *letter = roost_cache_alloc(letters, 0);

	if (!letter)
		return false;
	letter->b = b;
	for (unsigned i = 0; i < TRIES; i++) {
		struct letter *empty = NULL;

		/* Release: the CPU that takes it sees the letter, and the stamps. */
		if (atomic_compare_exchange_strong_explicit(&box->slots[(from + i) % MAILBOX_SLOTS],
							    &empty, letter, memory_order_release,
							    memory_order_relaxed))
			return true;
	}
	roost_cache_free(letters, letter);
	return false;
}

block mailbox_take(struct mailbox *box, unsigned from)
{
	for (unsigned i = 0; i < TRIES; i++) {
		_Atomic(struct letter *) *slot = &box->slots[(from + i) % MAILBOX_SLOTS];
		struct letter *letter;
		block b;

		if (!atomic_load_explicit(slot, memory_order_relaxed))
			continue;
		letter = atomic_exchange_explicit(slot, NULL, memory_order_acquire);
		if (!letter)
			continue;
		b = letter->b;
		roost_cache_free(letters, letter);
		return b;
	}
	return 0;
}
