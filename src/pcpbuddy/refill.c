/* SPDX-License-Identifier: MIT */
/*
 * refill.c - how an empty pcp gets frames from the zone: the four phases of the RFC.
 *
 *	0 recover  fragments of blocks that this CPU owns: they are marked and merge again. Only
 *	           if they are no fewer frames than are wanted
 *	1 claim    a whole pageblock of the migratetype: this CPU owns it from now on
 *	2 chunks   chunks of the migratetype below pageblock size, for batching only: not owned
 *	3 steal    a block of another migratetype is converted if that is worth it, and 1 and 2
 *	           are tried again; else its largest chunk is taken as it is
 *
 * Each stops when a block of the wanted order is there and about batch frames came, and none takes
 * more than the floor leaves. Pcp lock and zone lock are held.
 */
#include "pcpbuddy/pcpbuddy.h"

struct refill {
	struct roost *r;
	struct rst_zone *z;
	struct rst_pcp *pcp;
	unsigned order, type;
	bool steal; /* also from blocks that are not whole */
	uint64_t floor;
	size_t got; /* frames so far */
};

static bool enough(const struct refill *q)
{
	return q->pcp->nonempty[q->type] >> q->order && q->got >= rst_load_rlx(&q->pcp->batch);
}

static uint64_t room(const struct refill *q)
{
	return rst_zone_room(q->z, q->floor);
}

static void put(struct refill *q, rst_frame_id f, unsigned order)
{
	rst_pcp_put(q->r, q->pcp, f, order, q->type);
	q->got += 1u << order;
}

static void recover_block(struct refill *q, rst_block_id id)
{
	rst_frame_id at = id << ROOST_PAGEBLOCK_ORDER, end = at + RST_PAGEBLOCK, f;

	while ((f = rst_zone_next_in_block(q->r, &at, end)) != RST_NO_FRAME) {
		unsigned order = rst_order_of(rst_load_state(q->r, f));

		if (room(q) < 1u << order)
			return;
		rst_zone_remove(q->r, q->z, f, order);
		put(q, f, order);
	}
}

enum { LOOKS = 32 };

/*
 * The next fragmented block worth recovering. What cannot hold the block that is wanted stays in
 * the zone, where it merges as well: otherwise a call that fails, and gathers, would move it there
 * and back each time. It goes to the end of the list, or it would hide what is behind it: then
 * whole blocks are broken while fragments that would do lie there.
 */
static rst_block_id next_fragmented(const struct refill *q)
{
	rst_block_id *list = &q->pcp->fragmented[q->type];

	for (unsigned i = 0; i < LOOKS && *list != RST_NO_BLOCK; i++) {
		if (q->r->blocks[*list].zone_free >= 1u << q->order)
			return *list;
		*list = q->r->blocks[*list].next;
	}
	return RST_NO_BLOCK;
}

static void recover(struct refill *q)
{
	rst_block_id id;

	while (!enough(q) && (id = next_fragmented(q)) != RST_NO_BLOCK) {
		size_t before = q->got;

		recover_block(q, id);
		RST_COUNT_PCP(q->pcp, refill_recovered, q->got - before);
		RST_COUNT_PCP(q->pcp, blocks_recovered, q->got != before);
		if (q->r->blocks[id].zone_free) /* the floor was in the way */
			break;
	}
}

static void claim(struct refill *q)
{
	rst_frame_id f;

	if (enough(q) || room(q) < RST_PAGEBLOCK ||
	    rst_load_rlx(&q->pcp->count) + RST_PAGEBLOCK > rst_load_rlx(&q->pcp->high))
		return;
	f = rst_zone_take(q->r, q->z, ROOST_PAGEBLOCK_ORDER, q->type);
	if (f == RST_NO_FRAME)
		return;
	/* Whole in the zone, so nobody owned it. Relaxed: a free can meet this block only with
	 * a frame that this CPU hands out later, and the hand-over orders the two. */
	rst_store_rlx(&rst_block_of(q->r, f)->owner, (uint16_t)(q->pcp->cpu + 1));
	rst_block_of(q->r, f)->zone_free = 0;
	put(q, f, ROOST_PAGEBLOCK_ORDER);
	RST_PROBE3(claim, q->pcp->cpu, rst_pfn_of(rst_span_of(&q->r->base.map, f), f), q->type);
	RST_COUNT_PCP(q->pcp, refill_claimed, RST_PAGEBLOCK);
	RST_COUNT_PCP(q->pcp, blocks_claimed, 1);
}

/* The largest order below a pageblock's that the type's lists have and that is no more than what is
 * still wanted: few moves under the lock, the splitting is done on the pcp. */
static unsigned chunk_order(const struct refill *q)
{
	uint32_t batch = rst_load_rlx(&q->pcp->batch);
	uint64_t want = q->got < batch ? batch - q->got : 1;
	uint32_t have = q->z->nonempty[q->type] & ((1u << ROOST_PAGEBLOCK_ORDER) - 1);

	if (want > room(q))
		want = room(q);
	have = have >> q->order << q->order;
	while (have && 1u << (31 - __builtin_clz(have)) > want)
		have &= ~(1u << (31 - __builtin_clz(have)));
	return have ? 31u - (unsigned)__builtin_clz(have) : q->order;
}

static void chunks(struct refill *q)
{
	while (!enough(q) && room(q) >= 1u << q->order) {
		unsigned order = chunk_order(q);
		rst_frame_id f = rst_zone_take(q->r, q->z, order, q->type);

		if (f == RST_NO_FRAME)
			break;
		put(q, f, order);
		RST_COUNT_PCP(q->pcp, refill_chunks, 1u << order);
	}
}

static void steal(struct refill *q)
{
	rst_frame_id f;

	if (q->pcp->nonempty[q->type] >> q->order || room(q) < 1u << q->order)
		return;
	if (rst_zone_convert(q->r, q->z, q->order, q->type, q->steal)) {
		claim(q);
		chunks(q);
		return;
	}
	if (!q->steal)
		return;
	f = rst_zone_take_other(q->r, q->z, q->order, q->type);
	if (f == RST_NO_FRAME)
		return;
	put(q, f, q->order);
	RST_COUNT_PCP(q->pcp, refill_stolen, 1u << q->order);
}

size_t rst_pcp_refill(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp,
		      const struct rst_request *ask, uint64_t floor)
{
	struct refill q = {.r = r,
			   .z = z,
			   .pcp = pcp,
			   .order = ask->order,
			   .type = ask->type,
			   .steal = ask->steal,
			   .floor = floor};
	rst_irq_t irq;

	if (!rst_zone_enter(r, z, ask->wait, &irq))
		return 0;
	recover(&q);
	claim(&q);
	chunks(&q);
	steal(&q);
	rst_zone_leave(z, irq);
	return q.got;
}
