/* SPDX-License-Identifier: MIT */
/*
 * pool.h - the pool's data, and what its files offer each other.
 *
 *	registry.c   which pool an address is of
 *	thread.c     the calling thread; what calls that may block have around them
 *	fork.c       what a child does with what others were in the middle of
 *	lock.c       locks
 *	numa.c       nodes
 *	memory.c     the kernel's side: address space, memory in use or not, huge pages
 *	trim.c       free memory goes back to the kernel
 *	size.c       how much of the limit may be used
 *	alloc.c      allocation and free
 *	slabs.c      objects out of it
 *	info.c       how a pool is
 *	report.c     how all pools are, as text
 *	serve.c      answers to questions
 *	create.c     creating and destroying
 *
 * Each of them calls only those above it, and the page-frame allocator: scripts/check-layers.
 *
 * Pools lie in a table, since a free finds its pool by an address alone, in any context, while
 * others come and go. Letters beside a field say what guards it:
 *	c  constant while the pool is there
 *	a  nothing: atomic
 *	t  the trim lock
 *	n  the threads that create and destroy pools
 *
 * A thread holds any of the locks with signals blocked. Allocations only try the locks. Other
 * calls, in thread context, sleep in rounds until they have one. Rank: registry, then a pool's size
 * lock, then its trim lock. A trim releases its lock after every few pageblocks, so no signal waits
 * for the whole trim. fork() takes no lock.
 */
#ifndef RST_POOL_H
#define RST_POOL_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "core/held.h"
#include "core/probe.h"
#include "roost/pool.h"

enum {
	RST_PAGEBLOCK_PAGES = 1 << ROOST_PAGEBLOCK_ORDER,
	RST_POOL_BULK = 64,
};

struct rst_pool_lock {
	_Atomic uint64_t holder; /* a; see lock.c; 0: nobody */
	sigset_t signals;	 /* the holder's; those that it had blocked before */
	/* c; repairs what the lock guards when its holder has ended. Set by create.c. */
	void (*repair)(roost_pool_t *pool);
	roost_pool_t *pool; /* c */
};

struct roost_pool {
	/* Read by every call. */
	roost_t *frames;	 /* c */
	char *base;		 /* c; of the address space */
	size_t limit;		 /* c; bytes */
	unsigned page_shift;	 /* c */
	unsigned max_order;	 /* c */
	_Atomic uint64_t *freed; /* c; a: see trim.c; a bit for each pageblock */
	/* c; a: a bit for each page that the pool has handed out since it was last empty. Others
	 * read as zeroes, unless somebody uses the frames directly. */
	_Atomic uint64_t *used;
	_Atomic bool direct;	  /* a; somebody may: roost_pool_frames() was called */
	_Atomic uint32_t narrow;  /* a; flags of an allocation's first look: see size.c */
	_Atomic uint64_t changes; /* a; see rst_pool_has_more() */

	_Alignas(64) struct rst_pool_lock size_lock;
	_Atomic uint64_t budget;	/* a; see size.c */
	_Atomic uint64_t *taken;	/* c; a: a bit for each unit, see size.c */
	size_t step;			/* c */
	bool eager;			/* c; what may be used is made usable at once */
	_Atomic bool filled;		/* a; the kernel fills what is made usable: mlockall(2) */
	_Atomic uint64_t grown, shrunk; /* a */

	_Alignas(64) struct rst_pool_lock trim_lock;
	uint64_t *aged, *due; /* t; see trim.c */
	uint64_t *missed;     /* t; see trim.c */
	size_t nr_missed;     /* t */
	/* t; periods with frees since the missed ones were tried, and how many it takes to try them
	 * again. */
	unsigned periods, patience;
	bool emptied;		  /* t; the pockets were, since the last free */
	_Atomic size_t nr_due;	  /* t to write */
	size_t due_word;	  /* t; where to go on */
	_Atomic uint64_t tick_ms; /* t to write; when marks age next; 0: nobody has looked yet */
	/* t; the pageblock that is being given back, or ROOST_NONE. Held frames of it are the
	 * trim's. */
	roost_pfn in_hand;
	unsigned char has[RST_PAGEBLOCK_PAGES]; /* t; not on the stack of a handler */
	_Atomic uint64_t trims, given_back;	/* t to write */

	enum roost_pool_pages pages;	  /* c */
	unsigned chunk_order;		  /* c; smallest that goes in and out of use */
	unsigned decay_ms;		  /* c */
	unsigned nodes;			  /* c */
	uint8_t cpu_node[ROOST_MAX_CPUS]; /* c */
	size_t reserve, metadata;	  /* c */
	/* c; puts right what size.c has, before roost_recover(). Set by create.c. */
	void (*recover)(roost_pool_t *pool);
	unsigned check_level; /* c */
	/* What was mapped, each after its size; NULL: not mapped. */
	char *reserved;		      /* c; base is in it */
	size_t reserved_size;	      /* c */
	char *side;		      /* c; bitmaps */
	size_t side_size;	      /* c */
	char *records;		      /* c; of the page-frame allocator, metadata bytes */
	char *slabs;		      /* a; metadata of slabs: slabs.c; NULL: not made yet */
	roost_pool_misuse_fn *misuse; /* c */
	void *context;		      /* c */
	char name[32];		      /* c */

	bool has_thread;	    /* n */
	pthread_t thread;	    /* n */
	pthread_mutex_t stop_mutex; /* for the decay thread's end alone */
	pthread_cond_t stop_cond;
	_Atomic bool stop; /* stop_mutex to write */
};

static inline size_t rst_page_size(const roost_pool_t *pool)
{
	return (size_t)1 << pool->page_shift;
}

static inline size_t rst_pageblock_size(const roost_pool_t *pool)
{
	return (size_t)RST_PAGEBLOCK_PAGES << pool->page_shift;
}

static inline char *rst_address(const roost_pool_t *pool, roost_pfn pfn)
{
	return pool->base + (pfn << pool->page_shift);
}

static inline roost_pfn rst_pfn(const roost_pool_t *pool, const void *address)
{
	return (roost_pfn)((const char *)address - pool->base) >> pool->page_shift;
}

static inline size_t rst_nr_pageblocks(const roost_pool_t *pool)
{
	return pool->limit / rst_pageblock_size(pool);
}

/* The bits of pages pfn .. end in the word of the first of them. */
static inline uint64_t rst_used_bits(roost_pfn pfn, roost_pfn end)
{
	uint64_t bits = ~(uint64_t)0 << pfn % 64;

	return end > (pfn | 63) ? bits : bits & ~(~(uint64_t)0 << end % 64);
}

/* Words of a bitmap of all pages. */
static inline size_t rst_used_words(const roost_pool_t *pool)
{
	return ((pool->limit >> pool->page_shift) + 63) / 64;
}

/* Words of a bitmap of all pageblocks. */
static inline size_t rst_mark_words(const roost_pool_t *pool)
{
	return (rst_nr_pageblocks(pool) + 63) / 64;
}

/* ---- registry.c ---------------------------------------------------------------------------- */

/* Claims an unused entry of the table; NULL: there is none. */
roost_pool_t *rst_registry_claim(void);
/* From here on the pool is found by its addresses / no longer found. */
void rst_registry_publish(const roost_pool_t *pool);
void rst_registry_withdraw(const roost_pool_t *pool);
void rst_registry_release(roost_pool_t *pool);
/* Pool number i of ROOST_MAX_POOLS, or NULL. Unless the caller prevents that, it may disappear as
 * soon as this has returned. */
roost_pool_t *rst_registry_get(unsigned i);
/* Pool number i, if it is claimed but not found (not yet, or no longer). */
roost_pool_t *rst_registry_unfinished(unsigned i);
/* In a child: no pool has one. */
void rst_registry_without_threads(void);

/* For creating and destroying, and for walks over all pools. */
extern struct rst_pool_lock rst_registry_lock;

/* ---- thread.c ------------------------------------------------------------------------------ */

/* Initial-exec: the first use of a thread-local in a dlopened library could call malloc. */
#define RST_POOL_THREAD _Thread_local __attribute__((tls_model("initial-exec")))

/* How many calls of the pool the thread is inside, one on top of the other. */
extern RST_POOL_THREAD volatile unsigned rst_pool_inside;

/* What the innermost of them is called, in reports of misuse; NULL: none. */
extern RST_POOL_THREAD const char *volatile rst_pool_calling;

/* Names the call and returns the name before. The caller restores that at its end. */
static inline const char *rst_pool_name(const char *call)
{
	const char *outer = rst_pool_calling;

	rst_pool_calling = call;
	return outer;
}

/* The compiler must not move the call's own work out of between the two. */
static inline void rst_pool_enter(void)
{
	rst_pool_inside = rst_pool_inside + 1;
	atomic_signal_fence(memory_order_seq_cst);
}

static inline void rst_pool_leave(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	rst_pool_inside = rst_pool_inside - 1;
}

/* True in a thread that never has any signal open. */
extern RST_POOL_THREAD bool rst_pool_no_signals;

/* The caller's name, which no other thread ever has; in a child it is another. Never 0. */
uint64_t rst_thread_self(void);
/* Did that thread, another one, end? */
bool rst_thread_is_gone(uint64_t thread);
/* In a child: makes threads take new names, and returns the caller's name before that. */
uint64_t rst_thread_rename(void);

/*
 * Around each public call that may block, so that it is no cancellation point. That includes the
 * calls that others make for it, such as pthread_create() and open().
 */
struct rst_pool_call {
	int cancel;
	int error;	   /* errno, which is preserved */
	const char *outer; /* see rst_pool_name(); each asker for a lock gives its own */
};
void rst_pool_begin(struct rst_pool_call *call);
void rst_pool_end(struct rst_pool_call *call);

void rst_pool_sleep(unsigned round);
/* Writes the text to standard error and aborts. Any context. */
_Noreturn void rst_pool_fatal(const char *text, int length);

/* ---- fork.c -------------------------------------------------------------------------------- */

/* If this is a child: breaks the locks of threads that no longer exist. False: another thread is
 * doing that. Any context. */
bool rst_fork_look(void);
/* Puts back what other threads held of the page-frame allocator, and returns how many pages. No
 * other context is inside. */
size_t rst_fork_recover(roost_pool_t *pool);

/* ---- lock.c -------------------------------------------------------------------------------- */

bool rst_pool_try(struct rst_pool_lock *lock);
/* Sleeps until it has the lock. If the lock's holder has ended, it repairs what the lock guards. If
 * the holder is the caller, that is fatal. Thread context, between rst_pool_begin() and
 * rst_pool_end(). */
void rst_pool_lock(struct rst_pool_lock *lock, const char *call);
void rst_pool_unlock(struct rst_pool_lock *lock);
/* For the holder of one of the pool's locks that put frames back or made room for growth: makes
 * waiters for memory look again. Called before it releases the lock, so a waiter that sees the lock
 * free sees this. Not called if nothing changed, or a decay thread would keep waiters busy
 * forever. */
static inline void rst_pool_has_more(roost_pool_t *pool)
{
	atomic_fetch_add(&pool->changes, 1);
}
/* Does another thread have one of them? Thread context. */
bool rst_pool_is_busy(roost_pool_t *pool);
/* rst_registry_lock. Signals are blocked while it is held: no handler forks in between. */
void rst_registry_enter(sigset_t *signals, const char *name_of_call);
void rst_registry_leave(const sigset_t *signals);

/* ---- numa.c -------------------------------------------------------------------------------- */

unsigned rst_numa_nodes(void);		     /* 1 without libnuma */
unsigned rst_numa_node_of_cpu(unsigned cpu); /* 0 if not known */
void rst_numa_place(void *address, size_t bytes, unsigned node);

/* ---- memory.c ------------------------------------------------------------------------------ */

/* Reserves address space for base .. base + limit, aligned to the largest block. 0 or -ENOMEM. */
int rst_memory_reserve(roost_pool_t *pool);
/* Memory may be used from now on; no byte of it has been touched. 0 or -ENOMEM. */
int rst_memory_use(const roost_pool_t *pool, char *address, size_t bytes);
/* Gives memory that nothing uses back to the kernel. */
void rst_memory_unuse(const roost_pool_t *pool, char *address, size_t bytes);
/* The same for free pages that stay in use, where the kernel can. True if it did. */
bool rst_memory_give_back(char *address, size_t bytes);
/* Is new memory there without being touched, because it is locked (mlockall(2), MCL_FUTURE)? */
bool rst_memory_is_filled(char *address);
/* Zeroed memory for metadata, which the kernel provides as it is touched; or NULL. */
void *rst_memory_zeroed(size_t bytes);
/* Unmaps memory that is mapped, and notes that. A child that is forked in between finds it as it
 * was, or empty, or loses only address space. */
void rst_memory_drop(char **address, size_t bytes);
/* Sets bit i of pages[] if page i of a pageblock has memory. False: not known. has: for its use. */
bool rst_memory_resident(const roost_pool_t *pool, char *address,
			 unsigned char has[RST_PAGEBLOCK_PAGES],
			 uint64_t pages[ROOST_PAGEBLOCK_WORDS]);

/* ---- trim.c -------------------------------------------------------------------------------- */

/* Marks these pages: some of them were freed. Any context. */
void rst_trim_mark(roost_pool_t *pool, roost_pfn pfn, uint64_t pages);
/* Every 256th allocation of a thread: lets marks age and gives a little back. Any context. */
void rst_trim_step(roost_pool_t *pool);
/* The holder of the trim lock has ended: puts back what it held. */
void rst_trim_repair(roost_pool_t *pool);
int rst_trim_start_thread(roost_pool_t *pool);
void rst_trim_stop_thread(roost_pool_t *pool);

/* ---- size.c -------------------------------------------------------------------------------- */

/* Bytes that may be used; that are in use, or being brought in. */
size_t rst_size_allowed(const roost_pool_t *pool);
size_t rst_size_in(const roost_pool_t *pool);
/* How much of each node is there at first, in pages, and how much may be used. */
void rst_size_lay_out(roost_pool_t *pool, size_t initial, roost_pfn first[ROOST_MAX_NODES]);
/* Makes what is there at first usable. 0 or -ENOMEM. */
int rst_size_init(roost_pool_t *pool, const roost_pfn first[ROOST_MAX_NODES]);
/* Before an allocation of this many bytes fails: has the caller made the pool grow? On the node
 * first, or there only. Any context; waits for nobody. */
bool rst_size_grow_for(roost_pool_t *pool, size_t bytes, unsigned node, bool only);
/* The holder of the size lock has ended: completes what it took out of use. */
void rst_size_repair(roost_pool_t *pool);
/* Units in the hands of threads that are gone can be brought in again. Nobody else is inside;
 * roost_recover() follows. */
void rst_size_recover(roost_pool_t *pool);

/* Not for reserved huge pages: the next touch might find none. */
static inline bool rst_can_give_back(const roost_pool_t *pool)
{
	return pool->pages < ROOST_PAGES_2M;
}

/* ---- slabs.c ------------------------------------------------------------------------------- */

/* The metadata, or NULL. Acquire: it was made before it was published. */
static inline char *rst_slabs_of(const roost_pool_t *pool)
{
	return __atomic_load_n(&pool->slabs, __ATOMIC_ACQUIRE);
}

/* Unmaps the metadata of slabs, if there is any. */
void rst_slabs_take_down(roost_pool_t *pool);

/* ---- alloc.c ------------------------------------------------------------------------------- */

/* The page-frame allocator's hook; context is the pool. */
void rst_pool_frame_misuse(void *context, const struct roost_misuse *misuse);

#endif
