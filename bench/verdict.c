/* SPDX-License-Identifier: MIT */
/*
 * verdict.c - what has become faster or slower since an older report.
 *
 * Noise moves a median, and it moves quartiles apart. A difference counts only if the medians are
 * more than a fifth apart and the ranges between the quartiles do not touch: two takings of the
 * same program on a busy machine must come out as no difference.
 */
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "tool/common/say.h"

#define APART 1.2
enum { SAMPLES_LEAST = 5 };

enum verdict { SAME, FASTER, SLOWER, TOO_FEW, NOT_IN_BOTH, NR_VERDICTS };

static const char *const verdict_names[] = {"no difference", "faster", "slower", "too few samples",
					    "not in both"};

static bool differs(const struct summary *a, const struct summary *b)
{
	double less = a->median < b->median ? a->median : b->median;
	double more = a->median < b->median ? b->median : a->median;

	return more > less * APART && (a->q3 < b->q1 || b->q3 < a->q1);
}

static enum verdict judge(const struct summary *old, const struct summary *new, bool more_is_better)
{
	if (old->samples < SAMPLES_LEAST || new->samples < SAMPLES_LEAST)
		return TOO_FEW;
	if (!differs(old, new))
		return SAME;
	return (new->median > old->median) == more_is_better ? FASTER : SLOWER;
}

struct comparison {
	const json_t *old;
	json_t *rows;
	unsigned nr[NR_VERDICTS];
	bool say;
};

static bool summary_of(struct summary *s, const json_t *what, const char *peer, size_t figure)
{
	const json_t *found = find_named(json_object_get(what, "peers"), peer);

	return found && !json_object_get(found, "not_measured") && summary_make(s, found, figure);
}

/* The figure of that name in another report's case; the number of figures if there is none. */
static size_t index_of(const json_t *what, const char *figure)
{
	const json_t *figures = json_object_get(what, "figures");
	size_t i = 0;

	while (i < json_array_size(figures) &&
	       json_array_get(figures, i) != find_named(figures, figure))
		i++;
	return i;
}

static void note(struct comparison *c, const char *row, const char *peer, const struct summary *old,
		 const struct summary *new, enum verdict verdict)
{
	json_t *entry =
		json_pack("{s:s, s:s, s:f, s:f, s:s}", "row", row, "peer", peer, "old", old->median,
			  "new", new->median, "verdict", verdict_names[verdict]);

	if (json_array_append_new(c->rows, entry) != 0)
		die("out of memory");
	if (c->say && (verdict == FASTER || verdict == SLOWER))
		printf("  %-32s %-12s %10.2f -> %10.2f  %s\n", row, peer, old->median, new->median,
		       verdict_names[verdict]);
}

static void compare_figure(struct comparison *c, const json_t *what, size_t figure)
{
	const json_t *f = json_array_get(json_object_get(what, "figures"), figure), *peer;
	const char *case_name = json_string_value(json_object_get(what, "name"));
	const json_t *before = find_named(json_object_get(c->old, "cases"), case_name);
	size_t then = index_of(before, json_string_value(json_object_get(f, "name"))), i;
	char row[ROW_NAME_MAX];

	row_name(row, what, f);
	json_array_foreach(json_object_get(what, "peers"), i, peer)
	{
		const char *name = json_string_value(json_object_get(peer, "name"));
		struct summary old = {0}, new = {0};
		enum verdict verdict = NOT_IN_BOTH;

		bool was = summary_of(&old, before, name, then);

		if (summary_of(&new, what, name, figure) && was)
			verdict = judge(&old, &new,
					json_is_true(json_object_get(f, "more_is_better")));
		c->nr[verdict]++;
		note(c, row, name ? name : "", &old, &new, verdict);
	}
}

/* What makes a comparison worth less, however large a difference is. */
static void warn(const json_t *report, const json_t *old)
{
	static const char *const keys[] = {"cpu", "cores", "kernel", "governor"};
	const json_t *now = json_object_get(report, "machine"),
		     *then = json_object_get(old, "machine");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (!json_equal(json_object_get(now, keys[i]), json_object_get(then, keys[i])))
			printf("  beware: another machine: its %s is not the same\n", keys[i]);
	if (!json_equal(json_object_get(report, "quick"), json_object_get(old, "quick")))
		puts("  beware: only one of the two was measured with --quick");
}

static void store(json_t *report, const struct comparison *c, const char *old_path)
{
	json_t *comparison = json_pack("{s:s, s:o}", "old", old_path, "rows", c->rows);

	for (unsigned i = 0; i < NR_VERDICTS; i++)
		json_object_set_new(comparison, verdict_names[i], json_integer(c->nr[i]));
	if (json_object_set_new(report, "comparison", comparison) != 0)
		die("out of memory");
}

bool bench_compare(json_t *report, const json_t *old, const char *old_path, bool say)
{
	struct comparison c = {.old = old, .rows = json_array(), .say = say};
	const json_t *what;
	size_t i;

	if (say) {
		printf("\nsince %s:\n", old_path);
		warn(report, old);
	}
	json_array_foreach(json_object_get(report, "cases"), i, what)
	{
		for (size_t f = 0; f < json_array_size(json_object_get(what, "figures")); f++)
			compare_figure(&c, what, f);
	}
	if (say)
		printf("  %u faster, %u slower, %u without a difference that counts, %u with too "
		       "few samples, %u not measured in both\n",
		       c.nr[FASTER], c.nr[SLOWER], c.nr[SAME], c.nr[TOO_FEW], c.nr[NOT_IN_BOTH]);
	store(report, &c, old_path);
	return c.nr[SLOWER] == 0;
}
