/* SPDX-License-Identifier: MIT */
/* top_table.c - the table of `roost top`. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tool/common/printable.h"
#include "tool/common/say.h"
#include "top.h"

const char *const top_sort_names[TOP_NR_SORTS] = {"used", "name", "allocations"};

enum { NAME_COLUMNS = 16, PROGRAM_COLUMNS = 40 };

/* Counts are whole numbers (live.c) and never negative. */
static double count_of(const json_t *value)
{
	double count = (double)json_integer_value(value);

	return count > 0 ? count : 0;
}

static double number(const json_t *object, const char *key)
{
	return count_of(json_object_get(object, key));
}

static double at(const json_t *array, size_t i)
{
	return count_of(json_array_get(array, i));
}

/* A pool now and at the sample before, and the seconds between the two. */
struct row {
	const json_t *now, *before;
	const char *name;
	size_t place;	/* in the answer */
	double seconds; /* 0: no rates */
};

/* Events per second of a group of counters. */
static double rate(const struct row *row, const char *const names[])
{
	const json_t *now = json_object_get(row->now, "counters");
	const json_t *before = json_object_get(row->before, "counters");
	double events = 0;

	for (unsigned i = 0; names[i]; i++)
		events += number(now, names[i]) - (row->seconds > 0 ? number(before, names[i]) : 0);
	return row->seconds > 0 ? events / row->seconds : events;
}

static const char *const all_allocs[] = {"alloc_pcp", "alloc_zone", "alloc_other", "alloc_reserve",
					 NULL};
static const char *const all_frees[] = {"free_local", "free_remote", "free_direct", NULL};
static const char *const all_failed[] = {"fail_wait", "fail_nowait", NULL};

static void write_size(FILE *out, const json_t *value)
{
	static const char units[] = "BKMGTP";
	double size = count_of(value);
	unsigned unit = 0;

	if (!json_is_integer(value)) {
		fputs("       -", out);
		return;
	}
	while (size >= 1000 && unit < 5) {
		size /= 1024;
		unit++;
	}
	fprintf(out, " %6.*f%c", unit && size < 100 ? 1 : 0, size, units[unit]);
}

static void write_count_in(FILE *out, double count, int columns)
{
	static const char units[] = " kMGTPEZYRQ";
	unsigned unit = 0;

	while ((count >= 99999 || count <= -99999) && unit < sizeof(units) - 2) {
		count /= 1000;
		unit++;
	}
	fprintf(out, " %*.0f%c", columns - 2, count, units[unit]);
}

static void write_count(FILE *out, double count)
{
	write_count_in(out, count, 10);
}

/* A printable name in that many columns. */
static void write_name(FILE *out, const char *name, unsigned columns)
{
	char text[4 * 64];

	printable_again(text, sizeof(text), columns, name);
	fprintf(out, "%s%*s", text, (int)(columns - printable_columns(text)), "");
}

/* ---- Pools --------------------------------------------------------------------------------- */

static void write_pool(FILE *out, const struct row *row)
{
	static const char *const keys[] = {"size", "used", "resident", "limit"};

	write_name(out, row->name, NAME_COLUMNS);
	for (unsigned i = 0; i < 4; i++)
		write_size(out, json_object_get(row->now, keys[i]));
	write_count(out, rate(row, all_allocs));
	write_count(out, rate(row, all_frees));
	write_count(out, rate(row, all_failed));
	putc('\n', out);
}

static void write_kinds(FILE *out, const struct row *row)
{
	static const struct {
		const char *name, *counters[2];
	} kinds[] = {
		{"from its own CPU", {"alloc_pcp"}}, {"the zone", {"alloc_zone"}},
		{"another CPU", {"alloc_other"}},    {"the reserve", {"alloc_reserve"}},
		{"freed at home", {"free_local"}},   {"to another CPU", {"free_remote"}},
		{"large or apart", {"free_direct"}}, {"claims", {"blocks_claimed"}},
		{"steals", {"blocks_stolen"}},
	};

	fputs("  ", out);
	for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		fprintf(out, "%s%s %.0f%s", i == 0 || i == 4 ? "" : "  ", kinds[i].name,
			rate(row, kinds[i].counters), i == 3 ? "\n  " : "");
	putc('\n', out);
}

/* A bar of 64 characters, each kind of pageblock by its share. */
static void write_fill(FILE *out, const json_t *pool)
{
	static const char marks[] = ".1234@#"; /* as "fill" in roost/serve.h */
	const json_t *fill = json_object_get(pool, "fill");
	double all = 0, sum = 0;
	unsigned drawn = 0;

	for (size_t i = 0; i < sizeof(marks) - 1; i++)
		all += at(fill, i);
	fputs("  [", out);
	for (size_t i = sizeof(marks) - 1; all > 0 && i-- > 0;) { /* the fullest first */
		sum += at(fill, i);
		for (; drawn < (unsigned)(sum / all * 64 + 0.5); drawn++)
			putc(marks[i], out);
	}
	fprintf(out, "%*s] %.0f pageblocks, %.0f whole\n", (int)(64 - drawn), "", all, at(fill, 0));
}

static void write_cpus(FILE *out, const struct row *row)
{
	const json_t *cpus = json_object_get(row->now, "cpus");
	const json_t *old = json_object_get(row->before, "cpus");

	for (size_t i = 0; i < json_array_size(cpus); i++) {
		const json_t *cpu = json_array_get(cpus, i), *was = json_array_get(old, i);
		double seconds = row->seconds > 0 ? row->seconds : 1;

		fprintf(out, "  CPU %-4.0f %6.0f pageblocks %8.0f frames free", number(cpu, "cpu"),
			number(cpu, "pageblocks"), number(cpu, "free"));
		if (row->seconds <= 0)
			was = NULL;
		write_count(out, (number(cpu, "allocs") - number(was, "allocs")) / seconds);
		write_count(out, (number(cpu, "frees") - number(was, "frees")) / seconds);
		write_count(out, (number(cpu, "failed") - number(was, "failed")) / seconds);
		putc('\n', out);
	}
}

/* ---- Caches -------------------------------------------------------------------------------- */

/* Bytes of a cache's slabs; as a float, whose order is all that matters. */
static double memory_of(const json_t *cache, const json_t *pool)
{
	double order = number(cache, "slab_order");

	return ldexp(number(cache, "slabs") * number(pool, "page_size"),
		     order < 64 ? (int)order : 64);
}

struct cache_row {
	const json_t *cache;
	double memory;
	size_t place;
};

static int by_memory(const void *a, const void *b)
{
	const struct cache_row *x = a, *y = b;

	if (x->memory != y->memory)
		return x->memory < y->memory ? 1 : -1;
	return (x->place > y->place) - (x->place < y->place);
}

static void write_cache(FILE *out, const json_t *cache)
{
	const char *name = json_string_value(json_object_get(cache, "name"));

	fputs("  ", out);
	write_name(out, name ? name : "?", NAME_COLUMNS);
	write_size(out, json_object_get(cache, "size"));
	write_count(out, number(cache, "allocated"));
	write_count(out, number(cache, "free"));
	write_count_in(out, number(cache, "slabs"), 8);
	write_size(out, json_object_get(cache, "waste"));
	write_count_in(out, number(cache, "failed"), 8);
	write_count_in(out, number(cache, "misused"), 8);
	putc('\n', out);
}

/* Those whose slabs have the most memory first. */
static void write_caches(FILE *out, const json_t *pool)
{
	const json_t *caches = json_object_get(pool, "caches");
	size_t nr = json_array_size(caches);
	struct cache_row *rows;

	if (!nr)
		return;
	rows = grow(NULL, nr, sizeof(*rows));
	for (size_t i = 0; i < nr; i++) {
		const json_t *cache = json_array_get(caches, i);

		rows[i] = (struct cache_row){cache, memory_of(cache, pool), i};
	}
	qsort(rows, nr, sizeof(*rows), by_memory);
	fprintf(out, "  %-16s %7s %8s  %8s  %6s  %7s %6s  %6s\n", "cache", "size", "objects",
		"free", "slabs", "waste", "failed", "misuse");
	for (size_t i = 0; i < nr; i++)
		write_cache(out, rows[i].cache);
	free(rows);
}

/* ---- Order --------------------------------------------------------------------------------- */

static enum top_sort sort_key;

static int by_place(const struct row *a, const struct row *b)
{
	return (a->place > b->place) - (a->place < b->place);
}

static int by_name(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : by_place(x, y);
}

static int before_in_order(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	double left, right;

	if (sort_key == TOP_BY_NAME)
		return by_name(a, b);
	left = sort_key == TOP_BY_USED ? number(x->now, "used") : rate(x, all_allocs);
	right = sort_key == TOP_BY_USED ? number(y->now, "used") : rate(y, all_allocs);
	return left != right ? (left < right) - (left > right) : by_place(x, y);
}

/* ---- Then and now -------------------------------------------------------------------------- */

/* The pools of an answer in the order of their names. */
static struct row *rows_of(const json_t *answer, size_t *nr)
{
	const json_t *pools = json_object_get(answer, "pools");
	struct row *rows;

	*nr = json_array_size(pools);
	rows = grow(NULL, *nr, sizeof(*rows));
	for (size_t i = 0; i < *nr; i++) {
		const json_t *pool = json_array_get(pools, i);

		rows[i] = (struct row){.now = pool, .place = i};
		rows[i].name = json_string_value(json_object_get(pool, "name"));
	}
	if (*nr)
		qsort(rows, *nr, sizeof(*rows), by_name);
	return rows;
}

/* Pairs each pool with the one of its name in the answer before. Pools that share a name are paired
 * in their order, since a process always lists its pools in the same order. */
static void find_before(struct row *rows, size_t nr, const json_t *before, double seconds)
{
	size_t nr_old, j = 0;
	struct row *old = rows_of(before, &nr_old);

	for (size_t i = 0; i < nr; i++) {
		while (j < nr_old && strcmp(old[j].name, rows[i].name) < 0)
			j++;
		if (j == nr_old || strcmp(old[j].name, rows[i].name) != 0)
			continue;
		rows[i].before = old[j++].now;
		rows[i].seconds = seconds;
	}
	free(old);
}

static void write_head(FILE *out, const json_t *now, bool rates)
{
	const char *program = json_string_value(json_object_get(now, "program"));
	char name[4 * PROGRAM_COLUMNS];

	fprintf(out, "roost top: %s, process %.0f, %zu pools; allocations and frees %s\n",
		printable_again(name, sizeof(name), PROGRAM_COLUMNS, program ? program : "?"),
		number(now, "pid"), json_array_size(json_object_get(now, "pools")),
		rates ? "per second" : "since the beginning");
	fprintf(out, "%-16s %7s %7s %7s %7s %9s %9s %9s\n", "pool", "size", "used", "resident",
		"limit", "allocs", "frees", "failed");
}

void top_write(FILE *out, const json_t *now, const json_t *before, const struct top_view *view)
{
	double seconds = (number(now, "time_ns") - number(before, "time_ns")) / 1e9;
	size_t nr;
	struct row *rows = rows_of(now, &nr);

	if (before && seconds > 0)
		find_before(rows, nr, before, seconds);
	sort_key = view->sort;
	if (nr)
		qsort(rows, nr, sizeof(*rows), before_in_order);
	write_head(out, now, before && seconds > 0);
	for (size_t i = 0; i < nr; i++) {
		write_pool(out, &rows[i]);
		write_kinds(out, &rows[i]);
		write_fill(out, rows[i].now);
		if (view->cpus)
			write_cpus(out, &rows[i]);
		if (!view->no_caches)
			write_caches(out, rows[i].now);
	}
	fputs("[# in a large block  @ full  4 3 2 1 quarters in use  . whole and free]\n", out);
	free(rows);
}
