// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * blocks.c - blocks with stamps: the first, the middle and the last word of each page say which
 * page it is and which allocation it belongs to, as long as it is allocated.
 *
 *	stamp	| 63 ... 32: pfn | 31 ... 10: number of the allocation | 9 ... 1: word | 0: 1 |
 *
 * Before a block is freed its stamps are compared, and bit 0 is cleared in all of them. So a page
 * that comes out of an allocation with a stamp of its own whose bit 0 is set has been handed out
 * twice, and its first holder will find a wrong stamp.
 */
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/smp.h>

#include "load.h"

static const char *const names[KT_NR_KINDS] = {
	[KT_TASK] = "task",	  [KT_SOFTIRQ] = "softirq",
	[KT_HRTIMER] = "hrtimer", [KT_IRQ_WORK] = "irq_work",
	[KT_NMI] = "nmi",	  [KT_HOARDER] = "hoarder",
	[KT_TREE] = "tree, task", [KT_TREE_IRQ] = "tree, irq",
};

const char *kt_kind_name(enum kt_kind kind)
{
	return names[kind];
}

/* ---- What each kind did ---------------------------------------------------------------------- */

struct tallies {
	struct kt_tally of[KT_NR_KINDS];
};

static DEFINE_PER_CPU(struct tallies, tallies);

void kt_count_turn(const struct kt_who *who)
{
	this_cpu_inc(tallies.of[who->kind].turns);
}

static void count_taken(const struct kt_who *who, size_t wanted, size_t got, unsigned int order)
{
	this_cpu_add(tallies.of[who->kind].taken, got);
	this_cpu_add(tallies.of[who->kind].failed, got < wanted ? 1 : 0);
	this_cpu_add(tallies.of[who->kind].pages_taken, (u64)got << order);
}

static void count_given(const struct kt_who *who, unsigned int order)
{
	this_cpu_inc(tallies.of[who->kind].given);
	this_cpu_add(tallies.of[who->kind].pages_given, 1ull << order);
}

void kt_tally(enum kt_kind kind, struct kt_tally *sum)
{
	*sum = (struct kt_tally){0};
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++) {
		const struct kt_tally *t;

		if (!cpu_possible(cpu))
			continue;
		t = &per_cpu(tallies, cpu).of[kind];
		sum->turns += t->turns;
		sum->taken += t->taken;
		sum->failed += t->failed;
		sum->given += t->given;
		sum->pages_taken += t->pages_taken;
		sum->pages_given += t->pages_given;
	}
}

/* ---- What is bad ----------------------------------------------------------------------------- */

static atomic_long_t bad;
static struct {
	const char *what;
	enum kt_kind kind;
	unsigned long pfn;
	unsigned int cpu, word;
	u64 found, expected;
} first_bad;

void kt_bad(const struct kt_who *who, const char *what, const struct page *page, unsigned int word,
	    u64 found, u64 expected)
{
	if (atomic_long_inc_return(&bad) != 1)
		return;
	first_bad.kind = who->kind;
	first_bad.cpu = raw_smp_processor_id();
	first_bad.pfn = page_to_pfn(page);
	first_bad.word = word;
	first_bad.found = found;
	first_bad.expected = expected;
	first_bad.what = what;
}

/* ---- Stamps ---------------------------------------------------------------------------------- */

enum {
	WORDS = PAGE_SIZE / sizeof(u64),
};

static const u16 stamped[] = {0, WORDS / 2, WORDS - 1};

static u64 stamp_of(unsigned long pfn, u32 number, unsigned int word)
{
	return (u64)pfn << 32 | (u64)number << 10 | word << 1 | 1;
}

static kt_block block_of(const struct page *page, u32 number, unsigned int order)
{
	return (u64)page_to_pfn(page) << 27 | (u64)number << 5 | order;
}

static u32 number_of(kt_block block)
{
	return block >> 5 & ((1u << 22) - 1);
}

static void stamp(kt_block block)
{
	unsigned long pfn = page_to_pfn(kt_page_of(block));

	for (unsigned long i = 0; i < 1ul << kt_order_of(block); i++) {
		u64 *words = page_address(kt_page_of(block) + i);

		for (unsigned int j = 0; j < ARRAY_SIZE(stamped); j++)
			WRITE_ONCE(words[stamped[j]],
				   stamp_of(pfn + i, number_of(block), stamped[j]));
	}
}

/* Looks at the stamps, and makes them those of a free page. */
static void unstamp(const struct kt_who *who, kt_block block)
{
	unsigned long pfn = page_to_pfn(kt_page_of(block));

	for (unsigned long i = 0; i < 1ul << kt_order_of(block); i++) {
		struct page *page = kt_page_of(block) + i;
		u64 *words = page_address(page);

		for (unsigned int j = 0; j < ARRAY_SIZE(stamped); j++) {
			u64 expected = stamp_of(pfn + i, number_of(block), stamped[j]);
			u64 found = READ_ONCE(words[stamped[j]]);

			if (found != expected)
				kt_bad(who, "a wrong stamp", page, stamped[j], found, expected);
			WRITE_ONCE(words[stamped[j]], expected & ~1ull);
		}
	}
}

/* What has just been allocated. */
static void look_at(const struct kt_who *who, struct page *first, unsigned int order)
{
	u64 at = roost_pfn_of_page(first);

	if (at == ROOST_NONE || at & ((1u << order) - 1))
		kt_bad(who, "a page that is not aligned, or not roost.ko's", first, 0, at, order);
	for (unsigned long i = 0; i < 1ul << order; i++) {
		struct page *page = first + i;
		u64 found = READ_ONCE(*(u64 *)page_address(page));

		if (page_count(page) != 1) /* nobody walks over all pages here */
			kt_bad(who, "a reference count", page, 0, page_count(page), 1);
		if (roost_pfn_of_page(page) != at + i)
			kt_bad(who, "a pfn", page, 0, roost_pfn_of_page(page), at + i);
		if (found >> 32 == (u32)page_to_pfn(page) && found & 1)
			kt_bad(who, "a page that was handed out twice", page, 0, found, 0);
	}
}

/* ---- Take and give --------------------------------------------------------------------------- */

static atomic_t numbers;

static kt_block begin(const struct kt_who *who, struct page *page, unsigned int order)
{
	kt_block block = block_of(page, atomic_inc_return(&numbers) & ((1u << 22) - 1), order);

	look_at(who, page, order);
	stamp(block);
	return block;
}

static unsigned int random_flags(struct kt_who *who)
{
	static const u8 types[] = {ROOST_MOVABLE, ROOST_MOVABLE, ROOST_UNMOVABLE,
				   ROOST_RECLAIMABLE};

	return who->flags | types[kt_random(who) >> 16 & 3];
}

kt_block kt_take(struct kt_who *who, unsigned int order)
{
	struct page *page = roost_alloc_pages(order, random_flags(who));

	count_taken(who, 1, page != NULL, order);
	return page ? begin(who, page, order) : 0;
}

size_t kt_take_bulk(struct kt_who *who, unsigned int order, kt_block *blocks, size_t n)
{
	struct page *pages[KT_BULK];
	size_t got = roost_alloc_pages_bulk(order, random_flags(who), pages, n);

	count_taken(who, n, got, order);
	for (size_t i = 0; i < got; i++)
		blocks[i] = begin(who, pages[i], order);
	return got;
}

void kt_give(struct kt_who *who, kt_block block)
{
	if (!block)
		return;
	unstamp(who, block);
	count_given(who, kt_order_of(block));
	roost_free_pages(kt_page_of(block), kt_order_of(block));
}

void kt_give_nolock(struct kt_who *who, kt_block block)
{
	if (!block)
		return;
	unstamp(who, block);
	count_given(who, kt_order_of(block));
	roost_free_pages_nolock(kt_page_of(block), kt_order_of(block));
}

/* Blocks of one order go the way of pages, mixed ones the engine's. */
static void free_batch(const kt_block *blocks, size_t n)
{
	struct roost_block mixed[KT_BULK];
	struct page *pages[KT_BULK];
	bool one_order = true;

	for (size_t i = 0; i < n; i++) {
		pages[i] = kt_page_of(blocks[i]);
		mixed[i] =
			(struct roost_block){roost_pfn_of_page(pages[i]), kt_order_of(blocks[i])};
		one_order &= mixed[i].order == mixed[0].order;
	}
	if (n && one_order)
		roost_free_pages_bulk(pages, n, mixed[0].order);
	else
		roost_free_bulk(roost_linux(), mixed, n);
}

void kt_give_bulk(struct kt_who *who, const kt_block *blocks, size_t n)
{
	kt_block some[KT_BULK];
	size_t count = 0;

	for (size_t i = 0; i < n; i++) {
		if (!blocks[i])
			continue;
		unstamp(who, blocks[i]);
		count_given(who, kt_order_of(blocks[i]));
		some[count++] = blocks[i];
	}
	free_batch(some, count);
}

size_t kt_split(struct kt_who *who, kt_block block, kt_block *blocks)
{
	unsigned int order = kt_order_of(block);

	unstamp(who, block);
	if (roost_split(roost_linux(), roost_pfn_of_page(kt_page_of(block)), order, 0))
		kt_bad(who, "a block that could not be split", kt_page_of(block), 0, order, 0);
	for (size_t i = 0; i < 1ul << order; i++)
		blocks[i] = begin(who, kt_page_of(block) + i, 0);
	return 1ul << order;
}

unsigned int kt_random_order(struct kt_who *who)
{
	return __ffs((kt_random(who) >> 8) | 1u << roost_max_order(roost_linux()));
}

/* ---- Report ---------------------------------------------------------------------------------- */

void kt_blocks_begin(void)
{
	for (unsigned int cpu = 0; cpu < nr_cpu_ids; cpu++)
		if (cpu_possible(cpu))
			per_cpu(tallies, cpu) = (struct tallies){0};
	atomic_long_set(&bad, 0);
	atomic_set(&numbers, 0);
}

void kt_blocks_report(bool nmi)
{
	u64 taken = 0, given = 0;

	kt_say("%-12s %10s %10s %10s %10s\n", "worker", "turns", "allocated", "failed", "freed");
	for (enum kt_kind kind = 0; kind < KT_NR_KINDS; kind++) {
		struct kt_tally t;

		kt_tally(kind, &t);
		kt_say("%-12s %10llu %10llu %10llu %10llu\n", names[kind], t.turns, t.taken,
		       t.failed, t.given);
		taken += t.pages_taken;
		given += t.pages_given;
		if ((!t.turns || !t.taken || !t.given) && (kind != KT_NMI || nmi))
			kt_fail("nothing was done by: %s", names[kind]);
	}
	if (taken != given)
		kt_fail("%llu pages were allocated, %llu freed", taken, given);
	if (atomic_long_read(&bad))
		kt_fail("%ld bad pages, the first by %s on CPU %u: %s: pfn 0x%lx word %u 0x%llx, "
			"not 0x%llx",
			atomic_long_read(&bad), names[first_bad.kind], first_bad.cpu,
			first_bad.what, first_bad.pfn, first_bad.word, first_bad.found,
			first_bad.expected);
}
