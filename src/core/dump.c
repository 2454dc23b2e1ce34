/* SPDX-License-Identifier: MIT */
/*
 * dump.c - text tables laid out like /proc/buddyinfo, /proc/pagetypeinfo and /proc/zoneinfo.
 *
 * Built on the public interface alone, so all engines share it. Lines are made one at a time in
 * a buffer on the stack.
 */
#include "core/base.h"
#include "core/text.h"

struct dump {
	const roost_t *roost;
	roost_write_fn *write;
	void *context;
	struct rst_text text;
	char line[512];
};

/* Linux's order and names. */
static const struct {
	enum roost_list_type type;
	const char *name;
} list_types[ROOST_NR_LISTS] = {
	{ROOST_LIST_UNMOVABLE, "Unmovable"},	 {ROOST_LIST_MOVABLE, "Movable"},
	{ROOST_LIST_RECLAIMABLE, "Reclaimable"}, {ROOST_LIST_RESERVE, "Reserve"},
	{ROOST_LIST_ATOMIC, "HighAtomic"},	 {ROOST_LIST_ISOLATE, "Isolate"},
};

static struct rst_text *line_start(struct dump *dump)
{
	rst_text_start(&dump->text, dump->line, sizeof(dump->line));
	return &dump->text;
}

static int line_end(struct dump *dump)
{
	int err;

	rst_text_put(&dump->text, "\n");
	err = dump->write(dump->context, dump->line, (size_t)(dump->text.at - dump->line));
	return err < 0 ? err : 0;
}

static void zone_prefix(struct rst_text *text, const struct roost_zone_info *info, unsigned width)
{
	rst_text_put(text, "Node ");
	rst_text_dec(text, info->node, width);
	rst_text_put(text, ", zone ");
	rst_text_right(text, info->name, 8);
}

static int buddyinfo(struct dump *dump, unsigned zone, const struct roost_zone_info *info)
{
	struct rst_text *text = line_start(dump);

	(void)zone;
	zone_prefix(text, info, 0);
	rst_text_put(text, " ");
	for (unsigned order = 0; order <= roost_max_order(dump->roost); order++) {
		uint64_t blocks = 0;

		for (unsigned i = 0; i < ROOST_NR_LISTS; i++)
			blocks += info->blocks[i][order];
		rst_text_dec(text, blocks, 6);
		rst_text_put(text, " ");
	}
	return line_end(dump);
}

static int pagetypeinfo(struct dump *dump, unsigned zone, const struct roost_zone_info *info)
{
	(void)zone;
	for (unsigned i = 0; i < ROOST_NR_LISTS; i++) {
		struct rst_text *text = line_start(dump);
		int err;

		zone_prefix(text, info, 4);
		rst_text_put(text, ", type ");
		rst_text_right(text, list_types[i].name, 12);
		for (unsigned order = 0; order <= roost_max_order(dump->roost); order++) {
			rst_text_put(text, " ");
			rst_text_dec(text, info->blocks[list_types[i].type][order], 6);
		}
		err = line_end(dump);
		if (err)
			return err;
	}
	return 0;
}

static int pagetype_blocks(struct dump *dump, unsigned zone, const struct roost_zone_info *info)
{
	struct rst_text *text = line_start(dump);

	(void)zone;
	zone_prefix(text, info, 0);
	for (unsigned i = 0; i < ROOST_NR_LISTS; i++) {
		rst_text_put(text, " ");
		rst_text_dec(text, info->pageblocks[list_types[i].type], 12);
	}
	return line_end(dump);
}

static int named(struct dump *dump, const char *indent, const char *name, uint64_t value)
{
	struct rst_text *text = line_start(dump);

	rst_text_put(text, indent);
	rst_text_left(text, name, 8);
	rst_text_put(text, " ");
	rst_text_dec(text, value, 0);
	return line_end(dump);
}

static int zoneinfo_pcp(struct dump *dump, unsigned zone, unsigned cpu)
{
	struct roost_pcp_info info;
	struct rst_pcp_marks marks = rst_pcp_marks(dump->roost, zone, cpu);
	int err;

	roost_pcp_info(dump->roost, zone, cpu, &info);
	if ((err = named(dump, "    ", "cpu:", cpu)) ||
	    (err = named(dump, "              ", "count:", info.count)) ||
	    (err = named(dump, "              ", "high:", marks.high)) ||
	    (err = named(dump, "              ", "batch:", marks.batch)) ||
	    (err = named(dump, "              ", "llist:", info.llist)) ||
	    (err = named(dump, "              ", "online:", info.online)))
		return err;
	return 0;
}

static int zoneinfo(struct dump *dump, unsigned zone, const struct roost_zone_info *info)
{
	struct rst_text *text = line_start(dump);
	int err;

	zone_prefix(text, info, 0);
	if ((err = line_end(dump)) || (err = named(dump, "  pages free     ", "", info->free)) ||
	    (err = named(dump, "        ", "min", info->min)) ||
	    (err = named(dump, "        ", "low", info->low)) ||
	    (err = named(dump, "        ", "high", info->high)) ||
	    (err = named(dump, "        ", "spanned", info->spanned)) ||
	    (err = named(dump, "        ", "present", info->present)) ||
	    (err = named(dump, "        ", "managed", info->managed)) ||
	    (err = named(dump, "        ", "absent", info->absent)) ||
	    (err = named(dump, "        ", "pcp", info->free_pcp)) ||
	    (err = named(dump, "        ", "llist", info->free_llist)))
		return err;
	line_start(dump);
	rst_text_put(&dump->text, "  pagesets");
	if ((err = line_end(dump)))
		return err;
	for (unsigned cpu = 0; cpu < roost_nr_cpus(dump->roost); cpu++)
		if ((err = zoneinfo_pcp(dump, zone, cpu)))
			return err;
	return named(dump, "  start_pfn:           ", "", info->start_pfn);
}

typedef int dump_fn(struct dump *dump, unsigned zone, const struct roost_zone_info *info);

static int each_zone(struct dump *dump, dump_fn *one)
{
	for (unsigned zone = 0; zone < roost_nr_zones(dump->roost); zone++) {
		struct roost_zone_info info;
		int err;

		roost_zone_info(dump->roost, zone, &info);
		err = one(dump, zone, &info);
		if (err)
			return err;
	}
	return 0;
}

static int pagetypeinfo_all(struct dump *dump)
{
	struct rst_text *text;
	int err;

	if ((err = named(dump, "", "Page block order:", ROOST_PAGEBLOCK_ORDER)) ||
	    (err = named(dump, "", "Pages per block: ", 1u << ROOST_PAGEBLOCK_ORDER)))
		return err;
	line_start(dump);
	if ((err = line_end(dump)))
		return err;
	text = line_start(dump);
	rst_text_left(text, "Free pages count per migrate type at order", 43);
	for (unsigned order = 0; order <= roost_max_order(dump->roost); order++) {
		rst_text_dec(text, order, 6);
		rst_text_put(text, " ");
	}
	if ((err = line_end(dump)) || (err = each_zone(dump, pagetypeinfo)))
		return err;
	line_start(dump);
	if ((err = line_end(dump)))
		return err;
	text = line_start(dump);
	rst_text_left(text, "Number of blocks type", 22);
	for (unsigned i = 0; i < ROOST_NR_LISTS; i++) {
		rst_text_put(text, " ");
		rst_text_right(text, list_types[i].name, 12);
	}
	if ((err = line_end(dump)))
		return err;
	return each_zone(dump, pagetype_blocks);
}

int roost_dump(const roost_t *roost, enum roost_dump what, roost_write_fn *write, void *context)
{
	struct dump dump = {.roost = roost, .write = write, .context = context};

	switch (what) {
	case ROOST_DUMP_BUDDYINFO:
		return each_zone(&dump, buddyinfo);
	case ROOST_DUMP_PAGETYPEINFO:
		return pagetypeinfo_all(&dump);
	case ROOST_DUMP_ZONEINFO:
		return each_zone(&dump, zoneinfo);
	}
	return -ROOST_EINVAL;
}
