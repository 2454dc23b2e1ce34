/* SPDX-License-Identifier: MIT */
/* engine_pcpbuddy.c - the engine pcpbuddy as the explorer sees it. */
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pcpbuddy/pcpbuddy.h"
#include "memory.h"
#include "names.h"
#include "notes.h"
#include "vm.h"

static const struct roost *pool;

static const struct lock_class pcp_class = {"pcp", LOCK_TRIED, 1};
static const struct lock_class zone_class = {"zone", LOCK_WAITED, 2};

void engine_configure(struct roost_config *config, struct roost_pcpbuddy_config *own, unsigned path)
{
	own->free_path = (enum roost_free_path)path; /* engines.c has them in this order */
	config->pcpbuddy = own;
	vm.tries_wait = own->free_path == ROOST_FREE_BLOCKING;
}

static void add_lock(const struct lock_class *class, const rst_lockword_t *lock, const char *name)
{
	vm_add_lock(class, (void *)(uintptr_t)&lock->word, name);
}

enum { EVENT_OVER_HIGH }; /* engines.c */

static void count_written(const void *address, uint64_t value)
{
	const struct rst_pcp *pcp =
		(const void *)((const char *)address - offsetof(struct rst_pcp, count));

	if (value > rst_load_rlx(&pcp->high))
		note_event(vm.current, EVENT_OVER_HIGH);
}

void engine_register(roost_t *roost, const char *prefix)
{
	char name[32], suffix[16] = "";

	(void)prefix; /* there is but one: objects.h */
	pool = roost;
	for (unsigned i = 0; i < roost->base.nr_zones; i++) {
		struct rst_zone *z = &roost->zones[i];

		if (roost->base.nr_zones > 1)
			snprintf(suffix, sizeof(suffix), ".%u", i);
		for (unsigned cpu = 0; cpu < roost->base.nr_cpus; cpu++) {
			snprintf(name, sizeof(name), "pcp%u%s", cpu, suffix);
			add_lock(&pcp_class, &z->pcps[cpu].lock.word, name);
			memory_word(&z->pcps[cpu].count, sizeof(z->pcps[cpu].count))->written =
				count_written;
			vm_ignore(&z->pcps[cpu].count_of, sizeof(z->pcps[cpu].count_of));
		}
		snprintf(name, sizeof(name), "zone%s", suffix);
		add_lock(&zone_class, &z->lock.word, name);
	}
}

/* ---- Names --------------------------------------------------------------------------------- */

static const struct field pcp_fields[] = {FIELD(rst_pcp, lock),	    FIELD(rst_pcp, dead),
					  FIELD(rst_pcp, count),    FIELD(rst_pcp, high),
					  FIELD(rst_pcp, batch),    FIELD(rst_pcp, puts),
					  FIELD(rst_pcp, nonempty), FIELD(rst_pcp, lists),
					  FIELD(rst_pcp, llist),    FIELD(rst_pcp, fragmented)};
static const struct field zone_fields[] = {FIELD(rst_zone, lock),  FIELD(rst_zone, puts),
					   FIELD(rst_zone, free),  FIELD(rst_zone, blocks),
					   FIELD(rst_zone, lists), FIELD(rst_zone, nonempty),
					   FIELD(rst_zone, llist), FIELD(rst_zone, pressure)};
static const struct field frame_fields[] = {FIELD(rst_frame, next), FIELD(rst_frame, prev),
					    FIELD(rst_frame, state), FIELD(rst_frame, used)};
static const struct field block_fields[] = {FIELD(rst_block, owner), FIELD(rst_block, type),
					    FIELD(rst_block, zone_free), FIELD(rst_block, next),
					    FIELD(rst_block, prev)};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

bool engine_address(const void *address, char *text, size_t size)
{
	const size_t frames = pool ? (size_t)pool->nr_blocks << ROOST_PAGEBLOCK_ORDER : 0;

	if (!pool)
		return false;
	for (unsigned i = 0; i < pool->base.nr_zones; i++) {
		const struct array pcps = {
			"pcp",	    pool->zones[i].pcps, pool->base.nr_cpus, sizeof(struct rst_pcp),
			pcp_fields, COUNT_OF(pcp_fields)};

		if (name_address(&pcps, 1, address, text, size))
			return true;
	}
	const struct array arrays[] = {
		{"zone", pool->zones, pool->base.nr_zones, sizeof(struct rst_zone), zone_fields,
		 COUNT_OF(zone_fields)},
		{"block", pool->blocks, pool->nr_blocks, sizeof(struct rst_block), block_fields,
		 COUNT_OF(block_fields)},
		{"frame", pool->frames, frames, sizeof(struct rst_frame), frame_fields,
		 COUNT_OF(frame_fields)},
	};

	return name_address(arrays, COUNT_OF(arrays), address, text, size);
}
