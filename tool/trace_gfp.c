/* SPDX-License-Identifier: MIT */
/*
 * trace_gfp.c - translates Linux's gfp names into roost's flags.
 *
 * It reads names, not numbers: the bits of gfp_t change from kernel to kernel, the names hardly
 * ever. An unknown name or a bare number sets no flag. The allocation then does not wait, which is
 * legal everywhere.
 */
#include <string.h>

#include <roost/roost.h>

#include "trace.h"

static const struct {
	const char *name;
	uint8_t flags;
} gfp_names[] = {
	{"GFP_KERNEL", ROOST_WAIT},
	{"GFP_KERNEL_ACCOUNT", ROOST_WAIT},
	{"GFP_USER", ROOST_WAIT},
	{"GFP_HIGHUSER", ROOST_WAIT},
	{"GFP_HIGHUSER_MOVABLE", ROOST_WAIT},
	{"GFP_NOFS", ROOST_WAIT},
	{"GFP_NOIO", ROOST_WAIT},
	{"GFP_TEMPORARY", ROOST_WAIT},
	{"GFP_TRANSHUGE", ROOST_WAIT},
	{"__GFP_DIRECT_RECLAIM", ROOST_WAIT},
	{"__GFP_RECLAIM", ROOST_WAIT},
	{"__GFP_WAIT", ROOST_WAIT},
	{"GFP_ATOMIC", ROOST_RESERVE},
	{"__GFP_ATOMIC", ROOST_RESERVE},
	{"__GFP_HIGH", ROOST_RESERVE},
	{"__GFP_MEMALLOC", ROOST_RESERVE},
};

static uint8_t name_flags(const char *name, size_t length)
{
	for (size_t i = 0; i < sizeof(gfp_names) / sizeof(gfp_names[0]); i++)
		if (strlen(gfp_names[i].name) == length && !memcmp(gfp_names[i].name, name, length))
			return gfp_names[i].flags;
	return 0;
}

uint8_t trace_gfp_flags(const char *text, size_t length)
{
	const char *end = text + length;
	uint8_t flags = 0;

	while (text < end) {
		const char *bar = memchr(text, '|', (size_t)(end - text));

		if (!bar)
			bar = end;
		flags |= name_flags(text, (size_t)(bar - text));
		text = bar + (bar < end);
	}
	return flags;
}

/* High-atomic, CMA and isolated pageblocks hold movable pages, or none. */
uint8_t trace_migratetype(int64_t migratetype)
{
	switch (migratetype) {
	case 0:
		return ROOST_UNMOVABLE;
	case 2:
		return ROOST_RECLAIMABLE;
	default:
		return ROOST_MOVABLE;
	}
}
