/* SPDX-License-Identifier: MIT */
/* objects_none.c - for the engines on which object caches are not explored: see objects.h. */
#include "objects.h"

#include "tool/common/say.h"

bool objects_start(const struct scenario *s, const struct roost_config *config)
{
	(void)config;
	if (s->nr_caches)
		say_error("%s: object caches are explored on the engine sets, not on %s; say "
			  "\"expect sets: pass\"",
			  s->file, engine->name);
	return !s->nr_caches;
}

void objects_do(struct context *c, const struct statement *s, unsigned i)
{
	(void)c;
	(void)s;
	(void)i;
}

bool objects_on(roost_pfn frame)
{
	(void)frame;
	return false;
}

void objects_write(roost_pfn frame, uint64_t frames)
{
	(void)frame;
	(void)frames;
}

uint64_t objects_frames(void)
{
	return 0;
}

bool objects_judge(void)
{
	return true;
}

bool objects_address(const void *address, char *text, size_t size)
{
	(void)address;
	(void)text;
	(void)size;
	return false;
}
