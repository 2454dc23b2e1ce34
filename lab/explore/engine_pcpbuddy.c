/* SPDX-License-Identifier: MIT */
/* engine_pcpbuddy.c - the engine pcpbuddy as the explorer sees it. */
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pcpbuddy/pcpbuddy.h"
#include "vm.h"

static const struct roost *pool;

static const struct lock_class pcp_class = {"pcp", LOCK_TRIED, 1};
static const struct lock_class zone_class = {"zone", LOCK_WAITED, 2};

void engine_configure(struct roost_config *config, unsigned path)
{
	config->free_path = (enum roost_free_path)path; /* engines.c has them in this order */
}

static void add_lock(const struct lock_class *class, const rst_lockword_t *lock, const char *name)
{
	vm_add_lock(class, (void *)(uintptr_t)&lock->word, name);
}

void engine_register(roost_t *roost)
{
	char name[32], suffix[16] = "";

	pool = roost;
	for (unsigned i = 0; i < roost->nr_zones; i++) {
		struct rst_zone *z = &roost->zones[i];

		if (roost->nr_zones > 1)
			snprintf(suffix, sizeof(suffix), ".%u", i);
		for (unsigned cpu = 0; cpu < roost->nr_cpus; cpu++) {
			snprintf(name, sizeof(name), "pcp%u%s", cpu, suffix);
			add_lock(&pcp_class, &z->pcps[cpu].lock.word, name);
			vm_ignore(&z->pcps[cpu].count_of, sizeof(z->pcps[cpu].count_of));
		}
		snprintf(name, sizeof(name), "zone%s", suffix);
		add_lock(&zone_class, &z->lock.word, name);
	}
}

/* ---- Names --------------------------------------------------------------------------------- */

struct field {
	size_t offset, size;
	const char *name;
};

#define FIELD(type, name)                                                                          \
	{                                                                                          \
		offsetof(struct type, name), sizeof(((struct type *)0)->name), #name               \
	}

static const struct field pcp_fields[] = {FIELD(rst_pcp, lock),	    FIELD(rst_pcp, dead),
					  FIELD(rst_pcp, count),    FIELD(rst_pcp, high),
					  FIELD(rst_pcp, batch),    FIELD(rst_pcp, puts),
					  FIELD(rst_pcp, nonempty), FIELD(rst_pcp, lists),
					  FIELD(rst_pcp, llist),    FIELD(rst_pcp, fragmented)};
static const struct field zone_fields[] = {FIELD(rst_zone, lock),  FIELD(rst_zone, puts),
					   FIELD(rst_zone, free),  FIELD(rst_zone, blocks),
					   FIELD(rst_zone, lists), FIELD(rst_zone, nonempty),
					   FIELD(rst_zone, llist), FIELD(rst_zone, pressed)};
static const struct field frame_fields[] = {FIELD(rst_frame, next), FIELD(rst_frame, prev),
					    FIELD(rst_frame, state), FIELD(rst_frame, used)};
static const struct field block_fields[] = {FIELD(rst_block, owner), FIELD(rst_block, type),
					    FIELD(rst_block, zone_free), FIELD(rst_block, next),
					    FIELD(rst_block, prev)};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool name_in(const char *base, size_t count, size_t size, const void *address,
		    const struct field *fields, size_t nr_fields, const char *what, char *text,
		    size_t room)
{
	size_t at = (size_t)((const char *)address - base), index = at / size;

	if ((const char *)address < base || index >= count)
		return false;
	for (size_t i = 0; i < nr_fields; i++) {
		size_t in = at % size - fields[i].offset;

		if (at % size < fields[i].offset || in >= fields[i].size)
			continue;
		if (in)
			snprintf(text, room, "%s%zu.%s+%zu", what, index, fields[i].name, in);
		else
			snprintf(text, room, "%s%zu.%s", what, index, fields[i].name);
		return true;
	}
	snprintf(text, room, "%s%zu+%zu", what, index, at % size);
	return true;
}

bool engine_address(const void *address, char *text, size_t size)
{
	if (!pool)
		return false;
	for (unsigned i = 0; i < pool->nr_zones; i++)
		if (name_in((const char *)pool->zones[i].pcps, pool->nr_cpus,
			    sizeof(struct rst_pcp), address, pcp_fields, COUNT_OF(pcp_fields),
			    "pcp", text, size))
			return true;
	return name_in((const char *)pool->zones, pool->nr_zones, sizeof(struct rst_zone), address,
		       zone_fields, COUNT_OF(zone_fields), "zone", text, size) ||
	       name_in((const char *)pool->blocks, pool->nr_blocks, sizeof(struct rst_block),
		       address, block_fields, COUNT_OF(block_fields), "block", text, size) ||
	       name_in((const char *)pool->frames, (size_t)pool->nr_blocks << ROOST_PAGEBLOCK_ORDER,
		       sizeof(struct rst_frame), address, frame_fields, COUNT_OF(frame_fields),
		       "frame", text, size);
}
