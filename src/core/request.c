/* SPDX-License-Identifier: MIT */
/* request.c - reads a caller's request; and the small queries. */
#include "core/base.h"

enum {
	KNOWN_FLAGS = ROOST_MIGRATETYPE_MASK | ROOST_WAIT | ROOST_RESERVE | ROOST_THISNODE |
		      ROOST_ONCE | ROOST_NOSTEAL | ROOST_ATOMIC | 0xff << 8 | 0xff << 16,
};

static bool complain(const struct rst_request *q, enum roost_misuse_kind kind)
{
	struct roost_misuse misuse = rst_misuse_of(q->call, ROOST_NONE, q->order);

	misuse.kind = kind;
	rst_report(q->base, &misuse);
	return false;
}

bool rst_request_read(struct rst_request *q, const struct rst_base *base, const char *call,
		      unsigned order, unsigned flags)
{
	unsigned zone = flags >> 8 & 0xff, node = flags >> 16 & 0xff;

	q->base = base;
	q->call = call;
	q->order = order;
	q->flags = flags;
	q->frames = rst_size_of_order(order).frames;
	q->type = flags & ROOST_MIGRATETYPE_MASK;
	if (order > base->max_order)
		return complain(q, ROOST_MISUSE_BAD_ORDER);
	if (flags & ~(unsigned)KNOWN_FLAGS || q->type >= RST_TYPES || zone > base->nr_zones ||
	    node > base->nr_nodes || (flags & ROOST_ONCE && flags & ROOST_WAIT))
		return complain(q, ROOST_MISUSE_BAD_FLAGS);
	q->cpu = rst_this_cpu(base);
	q->wait = (flags & ROOST_WAIT) && !rst_nmi();
	q->steal = !(flags & ROOST_NOSTEAL);
	q->reserve = flags & ROOST_RESERVE;
	node = node ? node - 1 : base->cpu_node[q->cpu];
	q->node = flags & ROOST_THISNODE ? (int)node : -1;
	q->zones = rst_zones_of(base, node);
	if (zone) {
		q->one_zone[0] = (uint8_t)(zone - 1);
		q->one_zone[1] = 0xff;
		q->zones = q->one_zone;
	}
	return true;
}

/* struct roost begins with its base. */
static const struct rst_base *base_of(const roost_t *roost)
{
	return (const struct rst_base *)(const void *)roost;
}

unsigned roost_nr_zones(const roost_t *roost)
{
	return base_of(roost)->nr_zones;
}

unsigned roost_nr_cpus(const roost_t *roost)
{
	return base_of(roost)->nr_cpus;
}

unsigned roost_max_order(const roost_t *roost)
{
	return base_of(roost)->max_order;
}
