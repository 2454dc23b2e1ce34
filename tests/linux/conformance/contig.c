// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * contig.c - contiguous ranges, compaction and huge pages, while all contexts allocate and free
 * (contexts.c). A file in memory (shmem) has half of its pages, so they lie scattered, and the
 * kernel moves them to make room. Each is stamped, and the stamp must go with it; a range that
 * comes must have nobody's page in it.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/memory_hotplug.h>
#include <linux/mmzone.h>
#include <linux/sched.h>
#include <linux/shmem_fs.h>

#include "test.h"

#if defined(CONFIG_CONTIG_ALLOC) && defined(CONFIG_SHMEM)
enum {
	PAGES = 4096, /* of the file, of which the odd ones stay */
};

static struct file *file;
static unsigned long pfns[PAGES]; /* where each was seen last; 0: it never was */
static unsigned long ranges, refused, moved, huge;

/* ---- The file's pages ------------------------------------------------------------------------ */

static u64 stamp_of(unsigned long index)
{
	return 0x70616765ull << 32 | index;
}

/* The page, with a reference, or NULL. */
static struct page *page_at(unsigned long index)
{
	struct page *page = shmem_read_mapping_page(file->f_mapping, index);

	return IS_ERR(page) ? NULL : page;
}

static void punch(unsigned long index, unsigned long n)
{
	vfs_fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (loff_t)index << PAGE_SHIFT,
		      (loff_t)n << PAGE_SHIFT);
}

/* False: memory is short. */
static bool fill(void)
{
	memset(pfns, 0, sizeof(pfns));
	for (unsigned long i = 0; i < PAGES; i++) {
		struct page *page = page_at(i);
		u64 *words;

		if (!page)
			return false;
		lock_page(page);
		words = page_address(page);
		words[0] = stamp_of(i);
		words[PAGE_SIZE / sizeof(u64) - 1] = ~stamp_of(i);
		set_page_dirty(page);
		unlock_page(page);
		pfns[i] = page_to_pfn(page);
		put_page(page);
		cond_resched();
	}
	for (unsigned long i = 0; i < PAGES; i += 2)
		punch(i, 1);
	return true;
}

/* Where it is; 0: it cannot be read, which has been said. */
static unsigned long check(unsigned long index)
{
	struct page *page = page_at(index);
	unsigned long pfn;
	u64 *words;

	if (!page) {
		pat_bad("page %lu of a file in memory cannot be read any more", index);
		return 0;
	}
	lock_page(page);
	pfn = page_to_pfn(page);
	words = page_address(page);
	if (words[0] != stamp_of(index) || words[PAGE_SIZE / sizeof(u64) - 1] != ~stamp_of(index))
		pat_bad("a page of a file changed: page %#lx has %#llx and %#llx at its ends, and "
			"not %#llx and %#llx; it was at %#lx",
			pfn, words[0], words[PAGE_SIZE / sizeof(u64) - 1], stamp_of(index),
			~stamp_of(index), pfns[index]);
	unlock_page(page);
	put_page(page);
	moved += pfn != pfns[index];
	pfns[index] = pfn;
	return pfn;
}

static void check_all(void)
{
	for (unsigned long i = 1; i < PAGES && !pat_is_bad(); i += 2) {
		check(i);
		cond_resched();
	}
}

/* ---- Ranges ---------------------------------------------------------------------------------- */

static bool is_in_one_zone(unsigned long start, unsigned long n)
{
	struct page *first = pfn_to_online_page(start), *last = pfn_to_online_page(start + n - 1);

	return first && last && page_zone(first) == page_zone(last);
}

/* All pages round one of the file's, or some of them. */
static void one_range(u32 *random)
{
	unsigned long index = 1 + 2 * pat_below(random, PAGES / 2), pfn = check(index), start, n;

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
	pfn = check(index);
	if (pfn >= start && pfn < start + n)
		pat_bad("a range from page %#lx of %lu is handed out while page %#lx in it is a "
			"file's",
			start, n, pfn);
	cond_resched();
	if (pat_release_pages(pfn_to_page(start), n))
		free_contig_range(start, n);
}

static void some_huge_pages(void)
{
	char text[20];
	unsigned int n = 0;

	if (pat_write("/proc/sys/vm/nr_hugepages", 0, "8"))
		return;
	if (pat_read("/proc/sys/vm/nr_hugepages", 0, text, sizeof(text)) > 0 &&
	    sscanf(text, "%u", &n) == 1)
		huge += n;
	pat_write("/proc/sys/vm/nr_hugepages", 0, "0");
}

/* ---- The test -------------------------------------------------------------------------------- */

static void work(u32 *random)
{
	unsigned int turns = 0;

	do {
		if (turns % 8 == 1)
			some_huge_pages();
		else if (turns % 8 == 3)
			pat_write("/proc/sys/vm/compact_memory", 0, "1");
		else
			one_range(random);
		if (turns % 64 == 63)
			check_all();
		turns++;
		cond_resched();
	} while (pat_time_left() || (turns < (ranges ? 5 : 100) && !pat_is_bad()));
	check_all();
}

void pat_contig(void)
{
	u32 random = pat_seed();

	ranges = refused = moved = huge = 0;
	file = shmem_file_setup("page_alloc_test", (loff_t)PAGES << PAGE_SHIFT, VM_NORESERVE);
	if (IS_ERR(file)) {
		pat_skip("no file in memory could be made");
		return;
	}
	if (!fill()) {
		pat_skip("no memory for a file");
	} else if (pat_mix_begin()) {
		work(&random);
		pat_mix_end();
		if (!ranges)
			pat_skip("no range came: the kernel moved no page away");
	}
	punch(0, PAGES);
	fput(file);
	pat_did("%lu ranges, refused %lu times; pages of the file moved %lu times; %lu huge pages",
		ranges, refused, moved, huge);
}
#else
void pat_contig(void)
{
	pat_skip("this kernel has no contiguous ranges, or no files in memory");
}
#endif
