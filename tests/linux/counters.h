/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/*
 * counters.h - the counters of the engine in roost.ko, in one structure and in the order of the
 * lines in debugfs's stats. Those that only pcpbuddy has are 0 with another.
 */
#ifndef RST_LINUX_COUNTERS_H
#define RST_LINUX_COUNTERS_H

#include <roost/pcpbuddy.h>
#include <roost/roost.h>

#define KT_COUNTERS(X)                                                                             \
	ROOST_COUNTERS(X)                                                                          \
	ROOST_PCPBUDDY_COUNTERS(X)

enum {
	KT_NR_COUNTERS = ROOST_NR_COUNTERS + ROOST_NR_PCPBUDDY_COUNTERS,
};

struct kt_counters {
#define KT_FIELD(name, text) u64 name;
	KT_COUNTERS(KT_FIELD)
#undef KT_FIELD
};

/* The place of a counter: the number of its line, from 0. */
#define KT_PLACE(name) (offsetof(struct kt_counters, name) / sizeof(u64))

static inline void kt_counters_read(struct kt_counters *c, const roost_t *roost)
{
	struct roost_stats every = {0};
	struct roost_pcpbuddy_stats own = {0};

	roost_stats(roost, -1, -1, &every);
#if ROOST_PCPBUDDY
	roost_pcpbuddy_stats(roost, -1, -1, &own);
#endif
#define KT_READ(name, text) c->name = every.name;
	ROOST_COUNTERS(KT_READ)
#undef KT_READ
#define KT_READ(name, text) c->name = own.name;
	ROOST_PCPBUDDY_COUNTERS(KT_READ)
#undef KT_READ
}

#endif
