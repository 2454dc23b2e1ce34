/* SPDX-License-Identifier: MIT */
/* list.c - lists of frame records linked by index. Neither locks nor calls a port. */
#include "pcpbuddy/pcpbuddy.h"

void rst_list_init(struct rst_list *list)
{
	list->head = RST_NO_FRAME;
	rst_store_rlx(&list->nr, 0);
}

void rst_list_push(struct rst_frame *frames, struct rst_list *list, rst_frame_id f)
{
	frames[f].prev = RST_NO_FRAME;
	frames[f].next = list->head;
	if (list->head != RST_NO_FRAME)
		frames[list->head].prev = f;
	list->head = f;
	rst_store_rlx(&list->nr, rst_load_rlx(&list->nr) + 1);
}

void rst_list_del(struct rst_frame *frames, struct rst_list *list, rst_frame_id f)
{
	rst_frame_id next = frames[f].next, prev = frames[f].prev;

	if (next != RST_NO_FRAME)
		frames[next].prev = prev;
	if (prev != RST_NO_FRAME)
		frames[prev].next = next;
	else
		list->head = next;
	rst_store_rlx(&list->nr, rst_load_rlx(&list->nr) - 1);
}

uint32_t rst_llist_push(struct rst_frame *frames, struct rst_llist *list, rst_frame_id f,
			unsigned order)
{
	uint64_t old = rst_load_rlx(&list->word), new;
	uint32_t on_list;

	rst_store_rlx(&frames[f].state, rst_state(RST_LLIST, order));
	do {
		frames[f].next = (uint32_t)old ? (uint32_t)old - 1 : RST_NO_FRAME;
		on_list = (uint32_t)(old >> 32) + (1u << order);
		new = (uint64_t)on_list << 32 | (f + 1);
		/* Releases the record just written to the taker's acquire. Sequentially consistent
		 * because a push then looks whether the CPU is dead: see push_remote(). */
	} while (!rst_cas64_sc(&list->word, &old, new));
	return on_list;
}

rst_frame_id rst_llist_take(struct rst_llist *list)
{
	/* The load spares idle lists the exchange. It may miss a push that is under way; where that
	 * matters (a dead CPU's list), the CPU that drops the lock looks again: rst_pcp_leave(). */
	uint64_t word = rst_load_rlx(&list->word);

	if (!word)
		return RST_NO_FRAME;
	/* Acquires the records that the pushes released. */
	word = rst_xchg_acq(&list->word, 0);
	return (uint32_t)word ? (uint32_t)word - 1 : RST_NO_FRAME;
}
