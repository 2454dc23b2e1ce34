/* SPDX-License-Identifier: MIT */
/* library.c - see library.h and counters.h. */
#include "library.h"

#include "counters.h"

const bool library_is_up = TEST_UP;
const bool library_is_lab = TEST_LAB;
const bool library_is_pcpbuddy = TEST_PCPBUDDY;

int counters_read(struct counters *c, const roost_t *roost, int zone, int cpu)
{
	struct roost_stats every = {0};
	struct roost_pcpbuddy_stats own = {0};
	int err = roost_stats(roost, zone, cpu, &every);

#if TEST_PCPBUDDY
	err |= roost_pcpbuddy_stats(roost, zone, cpu, &own);
#endif
#define READ(name, text) c->name = every.name;
	ROOST_COUNTERS(READ)
#undef READ
#define READ(name, text) c->name = own.name;
	ROOST_PCPBUDDY_COUNTERS(READ)
#undef READ
	return err;
}

struct roost_pcpbuddy_pcp_info marks_of(const roost_t *roost, unsigned zone, unsigned cpu)
{
	struct roost_pcpbuddy_pcp_info info = {0};

#if TEST_PCPBUDDY
	(void)roost_pcpbuddy_pcp_info(roost, zone, cpu, &info);
#else
	(void)roost;
	(void)zone;
	(void)cpu;
#endif
	return info;
}
