/* SPDX-License-Identifier: MIT */
/*
 * pool.h - memory for user programs: blocks of one page to 1 GiB, as pointers.
 *
 * A pool reserves address space for all that it may ever have, and takes memory from the kernel
 * when a block is first written to. The blocks are those of a page-frame allocator (roost.h) whose
 * frames are the pages of that address space, and its law holds: a free never waits, takes no lock
 * and makes no system call; allocating and freeing is legal in signal handlers, at any instruction,
 * also on top of the pool itself.
 *
 * Free memory goes back to the kernel outside of free: by roost_pool_trim(), by later allocations
 * or by a thread (decay_ms, decay_thread), page by page where a few blocks keep the rest of 2 MiB
 * from being free. Metadata lie elsewhere, so a free page is never touched.
 *
 * Sizes are bytes. A block is a power of two of pages (roost_pool_page_size()) and aligned to its
 * size. Functions that return int return 0 or a negative errno.
 *
 * Fork. fork() in thread context: parent and child go on, whatever other threads did, and nothing
 * is lost. It waits for nothing, and the program's own handlers of fork() may use the pools.
 * _Fork(), a raw clone, or fork() in a handler on top of a call of this header: both go on, but
 * pages that vanished threads held in registers at that instant are unavailable in the child
 * (struct roost_pool_info says how many) until roost_pool_recover().
 *
 * Cancellation. No call is a cancellation point, and none is left half done. A thread that may be
 * cancelled asynchronously (PTHREAD_CANCEL_ASYNCHRONOUS) must not call these. With glibc a handler
 * is in such a thread if it came on top of a cancellation point, as read(): in a thread that may be
 * cancelled it calls pthread_setcancelstate() before these, and again afterwards.
 *
 * A call that may wait and is made on top of another one that it would wait for, by a misuse hook
 * or the handler of a synchronous signal, writes its name to standard error and aborts. Other
 * signals are blocked while a thread holds a lock of a pool: for some pageblocks of a trim, one
 * chunk of a resize.
 */
#ifndef ROOST_POOL_H
#define ROOST_POOL_H

#include <roost/cache.h>

#ifdef __cplusplus
extern "C" {
#ifndef __clang__ /* g++ calls a structure and a function of one name shadowing */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#endif

typedef struct roost_pool roost_pool_t;

/* What the kernel backs a pool with. */
enum roost_pool_pages {
	ROOST_PAGES_SYSTEM = 0, /* as the system is set up */
	/* Transparent huge pages, asked for with madvise(2). A trim splits those that are only
	 * partly free, and khugepaged may later fill the gaps again. */
	ROOST_PAGES_THP = 1,
	ROOST_PAGES_NO_THP = 2, /* small pages alone */
	/* Reserved huge pages (hugetlbfs) of 2 MiB, 1 GiB. The pool takes them when it grows, and
	 * the kernel clears them then; growing fails when the system, or the container, has no more
	 * of them. Only roost_pool_resize() gives them back. */
	ROOST_PAGES_2M = 3,
	ROOST_PAGES_1G = 4,
};

/*
 * Called for each misuse that is found (a double free, a pointer into a block, ...), from the
 * context of the offending caller. block is what it named; what says in English what is wrong, and
 * lasts as long as the call. When
 * it returns, the call has no effect. (A pointer that lies in no pool has no hook: it is written to
 * standard error, then abort().)
 */
typedef void roost_pool_misuse_fn(void *context, const char *call, const void *block,
				  const char *what);

/* Start from ROOST_POOL_CONFIG_INIT. It grows as struct roost_config does. */
struct roost_pool_config {
	size_t size;	  /* sizeof(struct roost_pool_config): set by ROOST_POOL_CONFIG_INIT */
	const char *name; /* for reports; copied, at most 31 bytes; NULL: "pool" */
	/* The pool never has more than this; so much address space is reserved. Rounded up to
	 * 2 MiB, for ROOST_PAGES_1G and with several nodes to 1 GiB of each. */
	size_t limit;
	/* How much of it may be used at first, rounded as limit: made usable at once. 0: all of it,
	 * made usable as it is needed, in steps of 4 to 64 MiB; reserved huge pages at once. */
	size_t initial;
	/* By how much the pool grows by itself when it has no block left, up to the limit. 0: only
	 * by roost_pool_resize(). */
	size_t step;
	size_t reserve; /* only for callers with ROOST_RESERVE; 0: none */
	enum roost_pool_pages pages;
	/* What was free for this long, or up to twice as long, goes back to the kernel: every 256th
	 * allocation of a thread looks at the clock and gives back 16 MiB at most. After two of
	 * these times without a look all that is free does. 0: not so. */
	unsigned decay_ms;
	/* A thread does that too, also when nobody allocates. It wakes once in decay_ms; an idle
	 * pool costs no other system call. A child has no such thread. */
	bool decay_thread;
	/* One zone for each NUMA node, its memory on the node; callers get memory of their own
	 * node first. Without libnuma, or on one node: no difference. */
	bool numa;
	unsigned check_level;	      /* ROOST_CHECK_* */
	roost_pool_misuse_fn *misuse; /* NULL: it is written to standard error, then abort() */
	void *context;		      /* given to the hook */
};

#ifdef __cplusplus /* as ROOST_CONFIG_INIT */
static inline roost_pool_config roost_pool_config_init()
{
	roost_pool_config config = roost_pool_config();

	config.size = sizeof(config);
	config.decay_ms = 10000;
	config.check_level = ROOST_CHECK_STATE;
	return config;
}
#define ROOST_POOL_CONFIG_INIT roost_pool_config_init()
#else
#define ROOST_POOL_CONFIG_INIT                                                                     \
	{                                                                                          \
		.size = sizeof(struct roost_pool_config), .decay_ms = 10000,                       \
		.check_level = ROOST_CHECK_STATE,                                                  \
	}
#endif

enum {
	ROOST_MAX_POOLS = 64, /* at a time in a process */
};

/*
 * Makes a pool. Thread context. 0 and *pool, or -EINVAL (roost_pool_config_error() says why),
 * -ENOMEM (no address space or, ROOST_PAGES_2M and 1G, not enough reserved huge pages), -ENOSPC
 * (ROOST_MAX_POOLS), -EAGAIN (decay_thread: the system gives no thread; as pthread_create(3)).
 * Nothing is left behind when it fails.
 *
 * Locked memory: after mlockall(2) with MCL_FUTURE the kernel fills what is made usable, and the
 * metadata, and counts both against RLIMIT_MEMLOCK (-ENOMEM). The pool does not undo that, since a
 * program that locks memory wants no page fault later. With initial that is so at once; without, as
 * the pool grows, 4 MiB at a time; with MCL_ONFAULT as it is written to.
 */
ROOST_MUST_CHECK int roost_pool_create(roost_pool_t **pool, const struct roost_pool_config *config);

/* Why a configuration is refused, in English, or NULL if it is good. Thread context. */
const char *roost_pool_config_error(const struct roost_pool_config *config);

/* Unmaps the pool with all its blocks. Nobody else may use it any more. Thread context. */
void roost_pool_destroy(roost_pool_t *pool);

/* ---- Blocks ------------------------------------------------------------------------------- */

/*
 * All bytes of the block are 0. Pages that the pool has not handed out yet, or not since it gave
 * them back to the kernel, are so already, and are not touched. Once roost_pool_frames() was called
 * it cannot know, and clears all of them.
 */
#define ROOST_ZEROED (1u << 24)

/*
 * A block of at least size bytes, rounded up to pages and then to 4, 5, 6, 7, 8, 10, 12, 14, 16, 20
 * ... of them (roost_alloc_n() in roost.h), so that less than a fifth of it is more than was asked
 * for: roost_pool_usable_size(). It is aligned to the largest power of two that divides this; a
 * caller that needs a larger alignment asks for a power of two. What is in it is not defined,
 * unless flags have ROOST_ZEROED.
 * Any context; with ROOST_WAIT thread context.
 * flags: ROOST_WAIT, ROOST_RESERVE, ROOST_NODE(n), ROOST_THISNODE, ROOST_ZEROED, a migratetype.
 * NULL and errno ENOMEM if there is none, or larger than the largest (1 GiB, or less if the limit
 * is). With ROOST_WAIT it also waits for threads that trim or change the size, some 1.7 s asleep at
 * most. Without ROOST_WAIT it may also fail while others have the last of it in hand (roost.h),
 * free pages as well as address space, or while another thread resizes, trims or forks. Growing
 * waits for nobody. It takes 1.2 KiB of stack at most (x86-64, -O2), for many blocks 2 KiB.
 */
ROOST_MUST_CHECK void *roost_pool_alloc(roost_pool_t *pool, size_t size, unsigned flags);

/*
 * Frees a block by its pointer, whichever pool it is from; NULL is none. Any context; no lock, no
 * system call, errno is kept. Cost: a look for the pool (one compare each), roost_free(), and one
 * OR if its 2 MiB had no free since the last trim; 512 bytes of stack at most, 2 KiB for many.
 */
void roost_pool_free(void *block);

/* Up to count blocks into blocks[]; how many. Contexts as above. */
ROOST_MUST_CHECK size_t roost_pool_alloc_bulk(roost_pool_t *pool, size_t size, unsigned flags,
					      void **blocks, size_t count);
void roost_pool_free_bulk(void *const *blocks, size_t count);

/* Bytes of an allocated block; 0 if there begins none. Any context. */
size_t roost_pool_usable_size(const void *block);

/* The pool in whose address space an address lies, or NULL. Any context. */
roost_pool_t *roost_pool_of(const void *address);

/* Bytes of the smallest block. Any context. */
size_t roost_pool_page_size(void);

/* ---- Objects ------------------------------------------------------------------------------- */

/*
 * Where caches of objects out of this pool are made (roost/cache.h). The first call makes it; it
 * lasts as long as the pool. NULL and errno ENOMEM if there is no memory for its metadata. Misuse
 * of objects goes to the pool's hook, with the object as the block. Thread context.
 */
roost_slabs_t *roost_pool_slabs(roost_pool_t *pool);

/* ---- How much ------------------------------------------------------------------------------ */

/*
 * Lets the pool have this many bytes (rounded up as the limit), by taking free memory out of use or
 * putting it in again. 0, -EINVAL (above the limit, or less than the reserve), -ENOMEM (the kernel
 * gives no more), -EAGAIN (so much is in use: it is as small as could be). Waits for
 * another thread that does the same. Thread context.
 */
int roost_pool_resize(roost_pool_t *pool, size_t bytes);

/* Gives all that is free, but for the reserve, back to the kernel; how many bytes it had. What is
 * locked (mlock(2)) stays, and is tried again by later calls. Thread context; waits for others that
 * do the same. Cost: a system call or more for each 2 MiB in which something was freed.
 */
size_t roost_pool_trim(roost_pool_t *pool);

struct roost_pool_info {
	char name[32];
	size_t limit, size; /* bytes that it may have at most; that it may have now */
	size_t used;	    /* in blocks that are allocated */
	size_t reserve;
	size_t metadata;	   /* bytes of address space for it; touched as they are needed */
	size_t page_size, largest; /* of blocks */
	unsigned nodes;
	uint64_t grown, shrunk; /* times */
	/* Pageblocks looked at; bytes that had memory, or what an allocation gave back: that had
	 * been handed out. */
	uint64_t trims, given_back;
	size_t set_aside; /* bytes in hand of threads, which may be no more: see Fork above */
};

/* Describes a pool. Thread context; exact only at rest. */
void roost_pool_info(const roost_pool_t *pool, struct roost_pool_info *info);

/* Bytes of a pool that have memory of the kernel's now, by mincore(2): 1 byte is read for each
 * page. Thread context. */
size_t roost_pool_resident(const roost_pool_t *pool);

/*
 * In a child of _Fork() or the like, or after threads ended in the middle of it: finds what no
 * thread holds any more, and puts it back; how many bytes. No other thread may be inside the pool;
 * the call waits for the pool's decay thread, and for threads that trim or change the size. Thread
 * context. Cost: a look at each page's byte of metadata.
 */
size_t roost_pool_recover(roost_pool_t *pool);

/*
 * The page-frame allocator below, for statistics and dumps: frame n is the nth page of the pool's
 * address space. What is allocated or freed there directly is not given back to the kernel.
 * roost_remove_range() takes pages out of the pool, which counts them as used until
 * roost_add_range() brings them back. (What the pool itself has not brought in it refuses:
 * -EINVAL.) What is said above of fork() and of cancellation holds for both: a child finds each
 * range present or absent, and no thread leaves one half done.
 */
roost_t *roost_pool_frames(const roost_pool_t *pool);
void *roost_pool_address(const roost_pool_t *pool, roost_pfn pfn);

#ifdef __cplusplus
}
#ifndef __clang__
#pragma GCC diagnostic pop
#endif
#endif

#endif
