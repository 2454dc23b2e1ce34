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
 *	s  the size lock to write; read racily
 *	t  the trim lock
 *	n  the threads that create and destroy pools
 *
 * A thread holds any of the locks with signals blocked. Allocations only try them; other calls, in
 * thread context, sleep in rounds until they have one. Rank: registry, then size before trim of a
 * pool. A trim lets go after each few pageblocks, so nobody's signals wait for all of it. fork()
 * takes none.
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
	/* c; makes what the lock guards right when its holder is no more. Set by create.c. */
	void (*repair)(roost_pool_t *pool);
	roost_pool_t *pool; /* c */
};

struct roost_pool {
	/* Read by every call. */
	roost_t *frames;	  /* c */
	char *base;		  /* c; of the address space */
	size_t limit;		  /* c; bytes */
	unsigned page_shift;	  /* c */
	unsigned max_order;	  /* c */
	_Atomic uint64_t *freed;  /* c; a: see trim.c; a bit for each pageblock */
	_Atomic uint32_t growing; /* a; an allocation that fails may grow it */
	_Atomic uint64_t changes; /* a; see rst_pool_has_more() */

	_Alignas(64) struct rst_pool_lock size_lock;
	_Atomic size_t size;		/* s; bytes that may be used */
	size_t step;			/* c */
	uint64_t *unused;		/* s; stack of chunks out of use: pfn << 8 | order. All are
					 * held (core/held.h): the stack says in which order */
	size_t nr_unused;		/* s */
	_Atomic uint64_t grown, shrunk; /* s to write */

	_Alignas(64) struct rst_pool_lock trim_lock;
	uint64_t *aged, *due; /* t; see trim.c */
	uint64_t *missed;     /* t; see trim.c */
	size_t nr_missed;     /* t */
	/* t; periods with frees since what was missed was tried, and how many are too few to try it
	 * again. */
	unsigned periods, patience;
	bool emptied;		  /* t; the pockets were, since the last free */
	_Atomic size_t nr_due;	  /* t to write */
	size_t due_word;	  /* t; where to go on */
	_Atomic uint64_t tick_ms; /* t to write; when marks age next */
	/* t; the pageblock that is being given back, or ROOST_NONE. Held frames of it are the
	 * trim's. */
	roost_pfn in_hand;
	_Atomic uint64_t trims, given_back; /* t to write */

	enum roost_pool_pages pages;	  /* c */
	unsigned chunk_order;		  /* c; smallest that goes in and out of use */
	unsigned decay_ms;		  /* c */
	unsigned nodes;			  /* c */
	uint8_t cpu_node[ROOST_MAX_CPUS]; /* c */
	size_t reserve, metadata;	  /* c */
	/* What was mapped, each behind its size: NULL, or it is there. */
	char *reserved;		      /* c; base is in it */
	size_t reserved_size;	      /* c */
	char *side;		      /* c; bitmaps and the stack */
	size_t side_size;	      /* c */
	char *records;		      /* c; of the page-frame allocator, metadata bytes */
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

/* Words of a bitmap of all pageblocks. */
static inline size_t rst_mark_words(const roost_pool_t *pool)
{
	return (rst_nr_pageblocks(pool) + 63) / 64;
}

/* ---- registry.c ---------------------------------------------------------------------------- */

/* An unused entry of the table, or NULL. */
roost_pool_t *rst_registry_claim(void);
/* From here on addresses are found / not found any more. */
void rst_registry_publish(const roost_pool_t *pool);
void rst_registry_withdraw(const roost_pool_t *pool);
void rst_registry_release(roost_pool_t *pool);
/* Pool number i of ROOST_MAX_POOLS, or NULL. It may go as soon as this has returned, unless the
 * caller keeps it from it. */
roost_pool_t *rst_registry_get(unsigned i);
/* Number i, if somebody claimed it and it is not found (yet, or any more). */
roost_pool_t *rst_registry_unfinished(unsigned i);
/* In a child: no pool has one. */
void rst_registry_without_threads(void);

/* For creating and destroying, and for walks over all pools. */
extern struct rst_pool_lock rst_registry_lock;

/* ---- thread.c ------------------------------------------------------------------------------ */

/* Initial-exec: the first use of a thread-local in a dlopened library could call malloc. */
#define RST_POOL_THREAD _Thread_local __attribute__((tls_model("initial-exec")))

/* How many calls of the pool the thread is in, one on top of the other. */
extern RST_POOL_THREAD volatile unsigned rst_pool_inside;

/* What the innermost of them is called, in reports of misuse; NULL: none. */
extern RST_POOL_THREAD const char *volatile rst_pool_calling;

/* Names the call; what is named then is the caller's to name again when it ends. */
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

/* Of a thread that never has any signal open. */
extern RST_POOL_THREAD bool rst_pool_no_signals;

/* The caller's name, which no other thread ever has; in a child it is another. Never 0. */
uint64_t rst_thread_self(void);
/* Did that thread, another one, end? */
bool rst_thread_is_gone(uint64_t thread);
/* In a child: threads take new names; the one that the caller had before. */
uint64_t rst_thread_rename(void);

/*
 * Around each public call that may block: it is no cancellation point. pthread_create() and open()
 * are in some, so it would not do to leave out those of the pool.
 */
struct rst_pool_call {
	int cancel;
	int error;	   /* errno, which is kept */
	const char *outer; /* see rst_pool_name(); each asker for a lock gives its own */
	sigset_t signals;
};
void rst_pool_begin(struct rst_pool_call *call);
void rst_pool_end(struct rst_pool_call *call);

void rst_pool_sleep(unsigned round);
/* Writes the text to standard error and aborts. Any context. */
_Noreturn void rst_pool_fatal(const char *text, int length);

/* ---- fork.c -------------------------------------------------------------------------------- */

/* If this is a child: breaks the locks of vanished threads. False: another thread is at that. Any
 * context. */
bool rst_fork_look(void);
/* What others had in hand of the page-frame allocator is put back; pages. Nobody else is inside. */
size_t rst_fork_recover(roost_pool_t *pool);

/* ---- lock.c -------------------------------------------------------------------------------- */

bool rst_pool_try(struct rst_pool_lock *lock);
/* Sleeps until it has it. If its holder ended with it, what it guards is repaired. If that is the
 * caller, it is fatal. Thread context, between rst_pool_begin() and rst_pool_end(). */
void rst_pool_lock(struct rst_pool_lock *lock, const char *call);
void rst_pool_unlock(struct rst_pool_lock *lock);
/* The holder of one of the pool's locks put frames back, or made room for growth: waiters for
 * memory look again. Before it lets go: a waiter that sees the lock free sees this. Not after work
 * that changed nothing, or a decay thread would keep waiters going forever. */
static inline void rst_pool_has_more(roost_pool_t *pool)
{
	atomic_fetch_add(&pool->changes, 1);
}
/* Does somebody else have one of them? Thread context. */
bool rst_pool_is_busy(roost_pool_t *pool);
/* rst_registry_lock. Signals are blocked while it is held: no handler forks in between. */
void rst_registry_enter(struct rst_pool_call *call, const char *name_of_call);
void rst_registry_leave(struct rst_pool_call *call);

/* ---- numa.c -------------------------------------------------------------------------------- */

unsigned rst_numa_nodes(void);		     /* 1 without libnuma */
unsigned rst_numa_node_of_cpu(unsigned cpu); /* 0 if not known */
void rst_numa_place(void *address, size_t bytes, unsigned node);

/* ---- memory.c ------------------------------------------------------------------------------ */

/* Reserves address space for base .. base + limit, aligned to the largest block. 0 or -ENOMEM. */
int rst_memory_reserve(roost_pool_t *pool);
/* Memory may be used from now on; no byte of it has been touched. 0 or -ENOMEM. */
int rst_memory_use(const roost_pool_t *pool, char *address, size_t bytes);
/* Nobody has anything there: it goes back to the kernel. */
void rst_memory_unuse(const roost_pool_t *pool, char *address, size_t bytes);
/* The same for free pages that stay in use, where the kernel can. True if it did. */
bool rst_memory_give_back(char *address, size_t bytes);
/* Has memory come without being touched, since it is locked (mlockall(2), MCL_FUTURE)? */
bool rst_memory_is_filled(char *address);
/* Zeroed memory for metadata, which comes as it is touched; NULL. */
void *rst_memory_zeroed(size_t bytes);
/* Unmaps it, if it is there, and says so. A child that is made in between finds it as it was, or
 * empty, or loses nothing but address space. */
void rst_memory_drop(char **address, size_t bytes);
/* Which pages of a pageblock have memory: bit i of pages[]. False: not known. */
bool rst_memory_resident(const roost_pool_t *pool, char *address,
			 uint64_t pages[ROOST_PAGEBLOCK_WORDS]);

/* ---- trim.c -------------------------------------------------------------------------------- */

/* Something of these pages was freed. Any context. */
void rst_trim_mark(roost_pool_t *pool, roost_pfn pfn, unsigned order);
/* Every 256th allocation of a thread: lets marks age and gives a little back. Any context. */
void rst_trim_step(roost_pool_t *pool);
/* The holder of the trim lock is gone: what it had in hand is put back. */
void rst_trim_repair(roost_pool_t *pool);
int rst_trim_start_thread(roost_pool_t *pool);
void rst_trim_stop_thread(roost_pool_t *pool);

/* ---- size.c -------------------------------------------------------------------------------- */

/* Everything is taken out of use, then so much as given put in again. 0 or -ENOMEM. */
int rst_size_init(roost_pool_t *pool, size_t initial);
/* Before an allocation of this many bytes fails: has the pool grown? */
enum rst_growth {
	RST_NOT_GROWN, /* it may not, or there is no more */
	RST_GROWN,
	RST_OTHERS_GROW, /* or shrink it just now */
};
/* On the node first, or there only. */
enum rst_growth rst_size_grow_for(roost_pool_t *pool, size_t bytes, unsigned node, bool only);
/* The holder of the size lock is gone: the stack and the size are made anew. */
void rst_size_repair(roost_pool_t *pool);

/* Reserved huge pages would have to be found again at the next touch. */
static inline bool rst_can_give_back(const roost_pool_t *pool)
{
	return pool->pages < ROOST_PAGES_2M;
}

/* ---- alloc.c ------------------------------------------------------------------------------- */

/* The page-frame allocator's hook; context is the pool. */
void rst_pool_frame_misuse(void *context, const struct roost_misuse *misuse);

#endif
