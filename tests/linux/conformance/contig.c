// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * contig.c - contiguous ranges, compaction and huge pages, while all contexts allocate and free
 * (contexts.c). The kernel moves pages of a file (movable.c) to make room. A range that comes must
 * have nobody's page in it.
 */
#include <linux/gfp.h>
#include <linux/memory_hotplug.h>
#include <linux/mmzone.h>
#include <linux/sched.h>

#include "test.h"

#ifdef CONFIG_CONTIG_ALLOC
static unsigned long ranges, refused, huge, gigantic;

/* ---- Ranges ---------------------------------------------------------------------------------- */

static bool is_in_one_zone(unsigned long start, unsigned long n)
{
	struct page *first = pfn_to_online_page(start), *last = pfn_to_online_page(start + n - 1);

	return first && last && page_zone(first) == page_zone(last);
}

/* All pages round one of the file's, or some of them. */
static void one_range(u32 *random)
{
	unsigned long index = pat_file_some(random), pfn = pat_file_check(index), start, n;

	if (!pfn)
		return;
	start = ALIGN_DOWN(pfn, pageblock_nr_pages);
	n = pageblock_nr_pages;
	if (pat_below(random, 2)) {
		start = pfn;
		n = 1 + pat_below(random, 64);
	}
	if (!is_in_one_zone(start, n) || shim_contig(start, n)) {
		refused++;
		return;
	}
	ranges++;
	if (!pat_adopt_pages(pfn_to_page(start), n) || pat_is_bad())
		return;
	pfn = pat_file_check(index);
	if (pfn >= start && pfn < start + n)
		pat_bad("a range from page %#lx of %lu is handed out while page %#lx in it is a "
			"file's",
			start, n, pfn);
	cond_resched();
	if (pat_release_pages(pfn_to_page(start), n))
		free_contig_range(start, n);
}

/* Of 1 GiB, where a processor and a node have them. */
#define GIGANTIC "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages"

/* Asks for that many, by a file that has their number, and gives them back. How many came. */
static unsigned int some_huge_pages(const char *path, const char *wanted)
{
	char text[20];
	unsigned int n = 0;

	if (pat_write(path, 0, wanted))
		return 0;
	if (pat_read(path, 0, text, sizeof(text)) <= 0 || sscanf(text, "%u", &n) != 1)
		n = 0;
	pat_write(path, 0, "0");
	return n;
}

/* ---- The test -------------------------------------------------------------------------------- */

static void work(u32 *random)
{
	unsigned int turns = 0;

	do {
		if (turns % 8 == 1)
			huge += some_huge_pages("/proc/sys/vm/nr_hugepages", "8");
		else if (turns % 8 == 3)
			pat_write("/proc/sys/vm/compact_memory", 0, "1");
		else
			one_range(random);
		if (turns % 64 == 63)
			pat_file_check_all();
		turns++;
		cond_resched();
	} while (pat_time_left() || (turns < (ranges ? 5 : 100) && !pat_is_bad()));
	gigantic = some_huge_pages(GIGANTIC, "1");
	pat_file_check_all();
}

void pat_contig(void)
{
	u32 random = pat_seed();

	ranges = refused = huge = gigantic = 0;
	if (!pat_file_open())
		return;
	if (pat_mix_begin()) {
		work(&random);
		pat_mix_end();
		if (!ranges)
			pat_skip("no range came: the kernel moved no page away");
	}
	pat_file_close();
	pat_did("%lu ranges, refused %lu times; pages of the file moved %lu times; %lu huge pages, "
		"%lu of 1 GiB",
		ranges, refused, pat_file_moved(), huge, gigantic);
}
#else
void pat_contig(void)
{
	pat_skip("this kernel has no contiguous ranges");
}
#endif
