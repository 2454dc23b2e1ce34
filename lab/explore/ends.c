/* SPDX-License-Identifier: MIT */
/* ends.c - see ends.h: an open hash table, never more than half full. */
#include "ends.h"

#include <string.h>

enum { SLOTS = 1 << 16, ENDS_MOST = SLOTS / 2 };

static uint64_t slots[SLOTS], list[ENDS_MOST];
static unsigned count;

void ends_forget(void)
{
	memset(slots, 0, sizeof(slots));
	count = 0;
}

/* Where the hash is, or belongs. */
static uint64_t *find(uint64_t hash)
{
	size_t i = hash % SLOTS;

	while (slots[i] && slots[i] != hash)
		i = (i + 1) % SLOTS;
	return &slots[i];
}

bool ends_has(uint64_t hash)
{
	return *find(hash) == hash;
}

void ends_add(uint64_t hash)
{
	uint64_t *slot = find(hash);

	if (*slot || count == ENDS_MOST)
		return;
	*slot = hash;
	list[count++] = hash;
}

unsigned ends_count(void)
{
	return count;
}

const uint64_t *ends_list(void)
{
	return list;
}
