/* SPDX-License-Identifier: MIT */
/*
 * test_dump.c - the text tables are laid out like those of /proc: they are parsed back here, as
 * a script for a kernel's tables would do it, and compared with roost_zone_info().
 */
#include "harness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CPUS = 2 };

static void open_busy(struct rig *rig, void *const *state)
{

	rig_open_unlike(rig, state, CPUS);
	for (unsigned i = 0; i < 400; i++) {
		rig_cpu(rig, i / 40);
		rig_get(rig, i % 4, ROOST_ZONE(i & 1) | i % 3);
	}
	for (roost_pfn pfn = 10; pfn < 14 * BLOCK; pfn += 3)
		if (shadow_order(&rig->shadow, pfn) >= 0)
			rig_free(rig, pfn);
	rig_cpu(rig, 0);
	roost_drain(rig->roost, 0);
	assert_int_equal(roost_isolate(rig->roost, 13 * BLOCK, true), 0);
	rig_check(rig);
}

static void close_busy(struct rig *rig)
{
	assert_int_equal(roost_isolate(rig->roost, 13 * BLOCK, false), 0);
	rig_home(rig);
	rig_close(rig);
}

/* ---- Text -------------------------------------------------------------------------------- */

struct page {
	char text[20000];
	size_t used;
};

static int append(void *context, const char *text, size_t length)
{
	struct page *page = context;

	if (page->used + length >= sizeof(page->text))
		return -ROOST_ENOSPC;
	memcpy(page->text + page->used, text, length);
	page->used += length;
	page->text[page->used] = 0;
	return 0;
}

static struct page *dump(const struct rig *rig, enum roost_dump what)
{
	static struct page page;

	page.used = 0;
	assert_int_equal(roost_dump(rig->roost, what, append, &page), 0);
	assert_true(page.used > 0);
	assert_int_equal(page.text[page.used - 1], '\n');
	return &page;
}

/* The next line, without its end; NULL after the last. */
static char *line(char **at)
{
	char *start = *at, *end = strchr(start, '\n');

	if (!end)
		return NULL;
	*end = 0;
	*at = end + 1;
	return start;
}

/* "Node %u, zone %s": where the rest of the line begins, or NULL if it is no such line. */
static const char *node_zone(const char *text, unsigned *node, char name[16])
{
	int used = 0;

	if (sscanf(text, "Node %u, zone %15[^, ]%n", node, name, &used) != 2)
		return NULL;
	return text + used;
}

/* Reads count numbers, and nothing may follow. */
static void numbers(const char *text, uint64_t *values, size_t count)
{
	char *end = NULL;

	for (size_t i = 0; i < count; i++) {
		values[i] = strtoull(text, &end, 10);
		assert_true(end != text);
		text = end;
	}
	assert_int_equal(strspn(text, " "), strlen(text));
}

static struct roost_zone_info info_of(const struct rig *rig, unsigned zone)
{
	struct roost_zone_info info;

	assert_int_equal(roost_zone_info(rig->roost, zone, &info), 0);
	return info;
}

/* ---- /proc/buddyinfo --------------------------------------------------------------------- */

static void buddyinfo(void **state)
{
	uint64_t values[ROOST_DEFAULT_MAX_ORDER + 1];
	unsigned node, zone = 0;
	char name[16], *at, *text;
	struct rig rig;

	open_busy(&rig, state);
	for (at = dump(&rig, ROOST_DUMP_BUDDYINFO)->text; (text = line(&at)); zone++) {
		struct roost_zone_info info = info_of(&rig, zone);
		const char *rest = node_zone(text, &node, name);

		assert_non_null(rest);
		assert_int_equal(node, info.node);
		assert_string_equal(name, info.name);
		numbers(rest, values, LENGTH(values));
		for (unsigned k = 0; k < LENGTH(values); k++) {
			for (unsigned list = 0; list < ROOST_NR_LISTS; list++)
				values[k] -= info.blocks[list][k];
			assert_int_equal(values[k], 0);
		}
	}
	assert_int_equal(zone, LENGTH(rig_unlike_zones));
	close_busy(&rig);
}

/* ---- /proc/pagetypeinfo ------------------------------------------------------------------ */

static int list_named(const char *name)
{
	static const char *const names[ROOST_NR_LISTS] = {
		[ROOST_LIST_MOVABLE] = "Movable",	  [ROOST_LIST_UNMOVABLE] = "Unmovable",
		[ROOST_LIST_RECLAIMABLE] = "Reclaimable", [ROOST_LIST_RESERVE] = "Reserve",
		[ROOST_LIST_ISOLATE] = "Isolate",	  [ROOST_LIST_ATOMIC] = "HighAtomic",
	};

	for (int i = 0; i < ROOST_NR_LISTS; i++)
		if (!strcmp(names[i], name))
			return i;
	fail_msg("no list is called %s", name);
	return -1;
}

static unsigned zone_named(const char *name)
{
	return !strcmp(name, rig_unlike_zones[1].name);
}

/* One line "Node, zone, type, numbers". */
static void type_line(const struct rig *rig, const char *rest, const char *zone, unsigned *seen)
{
	struct roost_zone_info info = info_of(rig, zone_named(zone));
	uint64_t values[ROOST_DEFAULT_MAX_ORDER + 1];
	char type[20];
	int used, list;

	assert_int_equal(sscanf(rest, ", type %19s%n", type, &used), 1);
	list = list_named(type);
	numbers(rest + used, values, LENGTH(values));
	for (unsigned k = 0; k < LENGTH(values); k++)
		assert_int_equal(values[k], info.blocks[list][k]);
	*seen += 1u << (list * 4 + 2 * (int)zone_named(zone));
}

/* One line "Node, zone, numbers" under the heading that names the columns. */
static void blocks_line(const struct rig *rig, const char *rest, const char *zone, char *heading)
{
	struct roost_zone_info info = info_of(rig, zone_named(zone));
	uint64_t values[ROOST_NR_LISTS];
	char columns[200], *save = NULL, *word;

	snprintf(columns, sizeof(columns), "%s", heading);
	numbers(rest, values, LENGTH(values));
	word = strtok_r(columns, " ", &save);
	for (unsigned i = 0; i < ROOST_NR_LISTS; i++, word = strtok_r(NULL, " ", &save)) {
		assert_non_null(word);
		assert_int_equal(values[i], info.pageblocks[list_named(word)]);
	}
	assert_null(word);
}

static void pagetypeinfo(void **state)
{
	static const char blocks_start[] = "Number of blocks type";
	char name[16], *at, *text, *heading = NULL;
	unsigned node, seen = 0, blocks = 0;
	struct rig rig;

	open_busy(&rig, state);
	at = dump(&rig, ROOST_DUMP_PAGETYPEINFO)->text;
	assert_int_equal(strncmp(at, "Page block order: 9\n", 20), 0);
	assert_non_null(strstr(at, "\nPages per block:  512\n"));
	while ((text = line(&at))) {
		const char *rest = node_zone(text, &node, name);

		if (!strncmp(text, blocks_start, strlen(blocks_start)))
			heading = text + strlen(blocks_start);
		if (!rest)
			continue;
		assert_int_equal(node, rig_unlike_zones[zone_named(name)].node);
		if (heading) {
			blocks_line(&rig, rest, name, heading);
			blocks++;
		} else {
			type_line(&rig, rest, name, &seen);
		}
	}
	assert_int_equal(seen, 0x555555); /* each list of each zone, once */
	assert_int_equal(blocks, LENGTH(rig_unlike_zones));
	close_busy(&rig);
}

/* ---- /proc/zoneinfo ---------------------------------------------------------------------- */

/* The value behind a name on a line of its own. */
static bool value(const char *text, const char *name, uint64_t *number)
{
	char word[20];
	int used = 0;

	text += strspn(text, " ");
	if (!strncmp(text, "pages free", 10)) {
		snprintf(word, sizeof(word), "free");
		used = 10;
	} else if (sscanf(text, "%19s%n", word, &used) != 1) {
		return false;
	}
	return !strcmp(word, name) && sscanf(text + used, "%" SCNu64, number) == 1;
}

struct expected {
	const char *name;
	uint64_t number;
	unsigned seen;
};

static void look_for(struct expected *expected, size_t count, const char *text)
{
	uint64_t number;

	for (size_t i = 0; i < count; i++)
		if (value(text, expected[i].name, &number)) {
			assert_int_equal(number, expected[i].number);
			expected[i].seen++;
			return;
		}
}

static void check_zone_section(const struct rig *rig, unsigned zone, char *section)
{
	struct roost_zone_info info = info_of(rig, zone);
	struct roost_pcp_info pcp;
	struct roost_pcpbuddy_pcp_info marks;
	struct expected expected[] = {
		{"free", info.free, 0},
		{"min", info.min, 0},
		{"low", info.low, 0},
		{"high", info.high, 0},
		{"spanned", info.spanned, 0},
		{"present", info.present, 0},
		{"managed", info.managed, 0},
		{"absent", info.absent, 0},
		{"start_pfn:", info.start_pfn, 0},
		{"cpu:", 0, 0},
		{"count:", 0, 0},
		{"high:", 0, 0},
		{"batch:", 0, 0},
	};
	char *text;

	while ((text = line(&section))) {
		if (value(text, "cpu:", &expected[9].number)) {
			unsigned cpu = (unsigned)expected[9].number;

			assert_int_equal(roost_pcp_info(rig->roost, zone, cpu, &pcp), 0);
			expected[10].number = pcp.count;
			marks = marks_of(rig->roost, zone, cpu);
			assert_int_equal(!marks.high, !library_is_pcpbuddy);
			expected[11].number = marks.high;
			expected[12].number = marks.batch;
		}
		look_for(expected, LENGTH(expected), text);
	}
	for (size_t i = 0; i < LENGTH(expected); i++)
		assert_int_equal(expected[i].seen, i < 9 ? 1 : roost_nr_cpus(rig->roost));
}

static void zoneinfo(void **state)
{
	char *text, *second;
	struct rig rig;

	open_busy(&rig, state);
	text = dump(&rig, ROOST_DUMP_ZONEINFO)->text;
	assert_int_equal(strncmp(text, "Node 0, zone      DMA\n", 22), 0);
	second = strstr(text + 1, "Node 2, zone   Normal\n");
	assert_non_null(second);
	second[-1] = 0;
	check_zone_section(&rig, 1, second);
	second[-1] = '\n';
	*second = 0;
	check_zone_section(&rig, 0, text);
	close_busy(&rig);
}

/* What is known and not present counts as neither present nor managed. */
static void absent_memory(void **state)
{
	static const struct roost_range ranges[] = {{0, 2 * BLOCK, 0, 0},
						    {2 * BLOCK, 5 * BLOCK, 0, ROOST_RANGE_ABSENT}};
	struct rig rig;

	rig_open_zones(&rig, state, ranges, LENGTH(ranges), NULL, 0, 1);
	assert_int_equal(info_of(&rig, 0).absent, 3 * BLOCK);
	check_zone_section(&rig, 0, dump(&rig, ROOST_DUMP_ZONEINFO)->text);
	assert_int_equal(rig_add_range(&rig, 3 * BLOCK, BLOCK), 0);
	assert_int_equal(info_of(&rig, 0).absent, 2 * BLOCK);
	check_zone_section(&rig, 0, dump(&rig, ROOST_DUMP_ZONEINFO)->text);
	rig_close(&rig);
}

/* ---- The write function ------------------------------------------------------------------ */

static unsigned writes;

static int third_fails(void *context, const char *text, size_t length)
{
	assert_ptr_equal(context, &writes);
	assert_non_null(text);
	assert_true(length > 0);
	return ++writes == 3 ? -77 : 0;
}

static void failing_write_ends_it(void **state)
{
	struct rig rig;

	open_busy(&rig, state);
	writes = 0;
	assert_int_equal(roost_dump(rig.roost, ROOST_DUMP_PAGETYPEINFO, third_fails, &writes), -77);
	assert_int_equal(writes, 3);
	close_busy(&rig);
}

/* A dump fits whatever the width: the largest order has columns too. */
static void largest_order(void **state)
{
	const struct roost_range range = {0, (1 << 18) + 1, 0, 0};
	struct roost_config config = rig_config(state);
	uint64_t values[ROOST_MAX_ORDER + 1];
	unsigned node;
	char name[16], *at;
	const char *rest;
	struct rig rig;

	config.ranges = &range;
	config.nr_ranges = 1;
	config.max_order = ROOST_MAX_ORDER;
	rig_open(&rig, &config);
	at = dump(&rig, ROOST_DUMP_BUDDYINFO)->text;
	rest = node_zone(line(&at), &node, name);
	assert_non_null(rest);
	numbers(rest, values, LENGTH(values));
	for (unsigned k = 0; k < LENGTH(values); k++)
		assert_int_equal(values[k], k == 0 || k == ROOST_MAX_ORDER);
	rig_home(&rig);
	rig_close(&rig);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(buddyinfo, variants_paths),
		SUITE_TEST(pagetypeinfo, variants_paths),
		SUITE_TEST(zoneinfo, variants_paths),
		SUITE_TEST(absent_memory, variants_one),
		SUITE_TEST(failing_write_ends_it, variants_one),
		SUITE_TEST(largest_order, variants_one),
	};

	return SUITE_RUN("dump", tests, argc, argv);
}
