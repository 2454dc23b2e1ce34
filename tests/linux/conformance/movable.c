// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * movable.c - a file in memory (shmem) that has half of its pages, so they lie scattered, and the
 * kernel moves them to make room for others. Each is stamped, and the stamp must go with it.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/sched.h>
#include <linux/shmem_fs.h>

#include "test.h"

#ifdef CONFIG_SHMEM
static struct file *file;
static unsigned long pfns[PAT_FILE_PAGES]; /* where each was seen last; 0: it never was */
static unsigned long moved;

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
	for (unsigned long i = 0; i < PAT_FILE_PAGES; i++) {
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
	for (unsigned long i = 0; i < PAT_FILE_PAGES; i += 2)
		punch(i, 1);
	return true;
}

unsigned long pat_file_check(unsigned long index)
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

void pat_file_check_all(void)
{
	for (unsigned long i = 1; i < PAT_FILE_PAGES && !pat_is_bad(); i += 2) {
		pat_file_check(i);
		cond_resched();
	}
}

unsigned long pat_file_moved(void)
{
	return moved;
}

bool pat_file_open(void)
{
	moved = 0;
	file = shmem_file_setup("page_alloc_test", (loff_t)PAT_FILE_PAGES << PAGE_SHIFT,
				VM_NORESERVE);
	if (IS_ERR(file)) {
		pat_skip("no file in memory could be made");
		return false;
	}
	if (fill())
		return true;
	pat_skip("no memory for a file");
	pat_file_close();
	return false;
}

void pat_file_close(void)
{
	punch(0, PAT_FILE_PAGES);
	fput(file);
}
#else
bool pat_file_open(void)
{
	pat_skip("this kernel has no files in memory");
	return false;
}

void pat_file_close(void)
{
}

unsigned long pat_file_check(unsigned long index)
{
	return 0;
}

void pat_file_check_all(void)
{
}

unsigned long pat_file_moved(void)
{
	return 0;
}
#endif
