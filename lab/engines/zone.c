/* SPDX-License-Identifier: MIT */
/*
 * zone.c - the engine zone: no pcps. Each allocation and each free takes the zone lock once.
 */
#include <roost/posix.h>

#include "buddy.h"

uint32_t policy_heads(const struct roost_config *config)
{
	(void)config;
	return 0;
}

size_t policy_size(const struct roost_config *config)
{
	(void)config;
	return 0;
}

void policy_init(struct roost *roost, const struct roost_config *config, uint32_t first_head)
{
	(void)roost;
	(void)config;
	(void)first_head;
}

uint32_t policy_alloc(struct roost *roost, struct zone *zone, unsigned order, unsigned type)
{
	const uint32_t page = buddy_take(roost, zone, order, type);

	buddy_count_lock(roost, page == BUDDY_NO_PAGE ? 0 : UINT64_C(1) << order);
	roost->stats.alloc_zone += page != BUDDY_NO_PAGE;
	return page;
}

void policy_free(struct roost *roost, struct zone *zone, uint32_t page, unsigned order)
{
	buddy_count_lock(roost, UINT64_C(1) << order);
	buddy_give(roost, zone, page, order);
	roost->stats.free_direct++;
}

void policy_look(struct roost *roost, struct zone *zone, unsigned order)
{
	(void)roost;
	(void)zone;
	(void)order;
}

void policy_drain(struct roost *roost, int cpu)
{
	(void)roost;
	(void)cpu;
}

uint64_t policy_stranded(const struct roost *roost, const struct zone *zone)
{
	(void)roost;
	(void)zone;
	return 0;
}

int roost_pcpbuddy_pcp_info(const roost_t *roost, unsigned zone, unsigned cpu,
			    struct roost_pcpbuddy_pcp_info *info)
{
	(void)roost;
	(void)zone;
	(void)cpu;
	*info = (struct roost_pcpbuddy_pcp_info){0};
	return 0;
}

void roost_posix_set_cpu(int cpu)
{
	(void)cpu;
}
