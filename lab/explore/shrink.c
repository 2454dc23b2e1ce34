/* SPDX-License-Identifier: MIT */
/*
 * shrink.c - a shorter schedule with the same failure.
 *
 * Tries to do without each run of turns, long runs first, then without each old read, and begins
 * again for as long as something went. What a context does not do in a turn that went, it does
 * later, so a turn less is a context switch or an interrupt less.
 */
#include <stdlib.h>
#include <string.h>

#include "schedule.h"

static bool fails(struct schedule *s, const char *key)
{
	return schedule_run(s) == RUN_FAILED && !strcmp(vm.failure.key, key);
}

/* The schedule without n turns (or reads) from the given one on, in *out. */
static void without(const struct schedule *s, unsigned from, unsigned n, bool reads,
		    struct schedule *out)
{
	*out = *s;
	if (reads) {
		memmove(&out->reads[from], &out->reads[from + n],
			(s->nr_reads - from - n) * sizeof(out->reads[0]));
		out->nr_reads -= n;
	} else {
		memmove(&out->turns[from], &out->turns[from + n],
			(s->nr_turns - from - n) * sizeof(out->turns[0]));
		out->nr_turns -= n;
	}
}

static bool pass(struct schedule *s, struct schedule *try, const char *key, bool reads)
{
	unsigned nr = reads ? s->nr_reads : s->nr_turns;
	bool shorter = false;

	for (unsigned n = nr; n > 0; n /= 2)
		for (unsigned from = 0; from + n <= (reads ? s->nr_reads : s->nr_turns);) {
			without(s, from, n, reads, try);
			if (fails(try, key)) {
				*s = *try;
				shorter = true;
			} else {
				from += n;
			}
		}
	return shorter;
}

void schedule_shrink(struct schedule *s, const char *key)
{
	struct schedule *try = malloc(sizeof(*try));

	if (!try)
		return;
	if (fails(s, key)) {
		for (unsigned i = 0; i < 8; i++)
			if (!pass(s, try, key, false) && !pass(s, try, key, true))
				break;
		/* What was really done, in as few turns. */
		fails(s, key);
		schedule_take(try);
		if (fails(try, key) && try->nr_turns <= s->nr_turns)
			*s = *try;
		fails(s, key);
	}
	free(try);
}
