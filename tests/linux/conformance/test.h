/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* test.h - what the parts of page_alloc_test.ko know of each other. What it does: main.c. */
#ifndef PAT_TEST_H
#define PAT_TEST_H

#include <linux/gfp.h>
#include <linux/hrtimer.h>
#include <linux/mm.h>
#include <linux/types.h>
#include <linux/version.h>

/* ---- Names that changed ---------------------------------------------------------------------- */

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
#define PAT_MAX_ORDER MAX_PAGE_ORDER
#elif LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
#define PAT_MAX_ORDER MAX_ORDER
#else
#define PAT_MAX_ORDER (MAX_ORDER - 1)
#endif

/* On PREEMPT_RT a hard interrupt may neither allocate nor take an xa_lock: there timers and
 * irq_works run in threads of their CPU, on top of its tasks. */
#define PAT_TIMER_MODE                                                                             \
	(IS_ENABLED(CONFIG_PREEMPT_RT) ? HRTIMER_MODE_REL_PINNED_SOFT                              \
				       : HRTIMER_MODE_REL_PINNED_HARD)
#define PAT_IRQ_WORK_INIT(fn)                                                                      \
	(IS_ENABLED(CONFIG_PREEMPT_RT) ? IRQ_WORK_INIT(fn) : IRQ_WORK_INIT_HARD(fn))

static inline void pat_timer_init_as(struct hrtimer *timer,
				     enum hrtimer_restart (*fn)(struct hrtimer *),
				     enum hrtimer_mode mode)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	hrtimer_setup(timer, fn, CLOCK_MONOTONIC, mode);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, mode);
	timer->function = fn;
#endif
}

static inline void pat_timer_init(struct hrtimer *timer,
				  enum hrtimer_restart (*fn)(struct hrtimer *))
{
	pat_timer_init_as(timer, fn, PAT_TIMER_MODE);
}

static inline ktime_t pat_us(u64 us)
{
	return ns_to_ktime(us * NSEC_PER_USEC);
}

/* ---- main.c ---------------------------------------------------------------------------------- */

enum {
	PAT_MAX_CPUS = 64, /* that work, at most */
};

/* A promise is broken. The first call of a test gives its reason; after it the test ends early. Any
 * context. */
__printf(1, 2) void pat_bad(const char *format, ...);
bool pat_is_bad(void);
/* The test cannot show anything here. In its own thread. */
void pat_skip(const char *why);
/* What the test did, for its line. In its own thread. */
__printf(1, 2) void pat_did(const char *format, ...);
/* Starts the test's time, and asks whether some of it is left. */
void pat_time_begin(void);
bool pat_time_left(void);
/* Waits until no time is left. */
void pat_time_wait(void);
/* And where all is slow, up to 20 times as long, until it is done. */
void pat_time_wait_for(bool (*done)(void));
/* The CPUs on which tests work: all but the first, which watches, if there are others. */
unsigned int pat_workers(unsigned int *cpus);

/* A number that differs for each call and each seed, for pat_random(); not 0. */
u32 pat_seed(void);

static inline u32 pat_random(u32 *state)
{
	u32 x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

/* A number below n. */
static inline u32 pat_below(u32 *state, u32 n)
{
	return (pat_random(state) >> 8) % n;
}

/* An order; k half as often as k - 1. */
static inline unsigned int pat_some_order(u32 *state)
{
	return min_t(unsigned int, __builtin_ctz(pat_random(state) | 1u << 31), PAT_MAX_ORDER);
}

/* ---- watch.c: hangs -------------------------------------------------------------------------- */

int pat_watch_start(void);
void pat_watch_stop(void);
/* From now on each of the first n counters must move, or it is a hang, and the machine ends. where
 * says in a line what the CPUs are at, or is NULL. n = 0: nobody watches. */
void pat_watch(unsigned int n, const char *(*where)(void));
void pat_beat(unsigned int i);
/* What the watcher says before it ends the machine (main.c). */
void pat_say_hang(const char *where, unsigned int seconds);

/* A thread on a CPU; ERR_PTR. It ends when it is joined. */
struct task_struct *pat_thread(int (*fn)(void *), void *data, unsigned int cpu);
void pat_join(struct task_struct *thread);

/* ---- block.c: blocks with stamps ------------------------------------------------------------- */

int pat_blocks_start(void);
void pat_blocks_stop(void);

/* A block that is allocated: 36 bits of its pfn, 22 of a number that was counted up for it, 4 of
 * its order. 0 is none. */
typedef u64 pat_block;

struct page *pat_page_of(pat_block block);
unsigned int pat_order_of(pat_block block);

/* Allocates, checks what came, and stamps it. 0: there was nothing, or it was wrong. */
pat_block pat_take(gfp_t gfp, unsigned int order, int nid);
/* Checks the stamps, and frees. */
void pat_give(pat_block block);

/* The two halves of each, for calls of other kinds. Checks 2^order pages that came for gfp, and
 * stamps them. */
pat_block pat_adopt(struct page *page, gfp_t gfp, unsigned int order, int nid);
/* Checks the stamps; the caller frees the page that it gets. */
struct page *pat_release(pat_block block);
/* Has a test one of n pages? Which, then. */
bool pat_owned(unsigned long pfn, unsigned long n, unsigned long *found);
/* All pages are below this pfn, those that can come later, too. */
unsigned long pat_limit(void);
/* The same for n pages from an address, one by one. False: wrong, which has been said. */
bool pat_adopt_pages(struct page *page, unsigned long n);
bool pat_release_pages(struct page *page, unsigned long n);
/* Stamps of a block become those of its pages, each a block of order 0. How many. */
unsigned long pat_break_up(pat_block block, pat_block *blocks);

/* ---- shim.c: the allocator's calls, with planted faults -------------------------------------- */

/* NULL or "": none. -EINVAL: there is no such fault. */
int pat_shim_start(const char *fault);
/* Undoes what the fault did. */
void pat_shim_stop(void);

struct page *shim_alloc(gfp_t gfp, unsigned int order, int nid);
void shim_free(struct page *page, unsigned int order);
unsigned long shim_bulk(gfp_t gfp, unsigned int n, struct page **pages);
/* The fault "stamp": is the stamp of this block left out? */
bool shim_skips_stamp(void);
struct kmem_cache;
void *shim_object(struct kmem_cache *cache, gfp_t gfp);
/* Before the cache goes. */
void shim_object_stop(struct kmem_cache *cache);
/* 0: the pages are the caller's; -EBUSY, ... */
int shim_contig(unsigned long pfn, unsigned long n);
/* Takes a block of memory off-line. */
int shim_offline(unsigned int block);
/* Removes memory that is off-line. */
int shim_remove(u64 start, u64 size);
struct device;
/* Pages for a driver, and their address for the device; NULL. */
struct page *shim_area(struct device *device, unsigned long n, dma_addr_t *address);
void shim_area_free(struct device *device, struct page *page, unsigned long n, dma_addr_t address);

/* ---- rest.c: what must be true when nobody allocates ----------------------------------------- */

struct pat_rest {
	long free;  /* NR_FREE_PAGES of all zones, with what CPUs have not folded into it */
	long lists; /* pages in the zones' free lists */
	long pcp;   /* pages in the lists of CPUs */
	long used;  /* pages allocated - freed since boot, by the events */
};

void pat_rest_read(struct pat_rest *rest);
/* Pages by which the rest of the machine may differ between two reads. */
long pat_rest_tolerance(void);
/* Waits until what is free is what it was, and judges it. */
void pat_rest_check(const struct pat_rest *before);
/* Notes in the log, and no more, if the events do not agree with what is free. */
void pat_rest_note(const char *name, const struct pat_rest *before);

long pat_rest_free(void); /* with the lists of CPUs */
/* What was free before the test is that many more, and what was used by the events. */
void pat_rest_add(long free, long used);
/* A CPU that is off-line may have nothing. */
void pat_rest_of_cpu(unsigned int cpu);

/* ---- lists.c --------------------------------------------------------------------------------- */

void pat_lists_check(void);

/* ---- files.c --------------------------------------------------------------------------------- */

/* A file whose path has the number n in it, if it has a %u. 0 or how many bytes; or -errno. */
int pat_write(const char *format, unsigned int n, const char *text);
int pat_read(const char *format, unsigned int n, char *text, size_t size);

/* ---- movable.c: pages that the kernel moves -------------------------------------------------- */

enum {
	PAT_FILE_PAGES = 4096, /* of the file, of which the odd ones stay */
};

/* False: there is none, and the test is skipped. */
bool pat_file_open(void);
void pat_file_close(void);
/* Where that page is, by its stamps; 0: it cannot be read, which has been said. */
unsigned long pat_file_check(unsigned long index);
void pat_file_check_all(void);
/* How often one was not where it had been seen. */
unsigned long pat_file_moved(void);

/* One that stays. */
static inline unsigned long pat_file_some(u32 *random)
{
	return 1 + 2 * pat_below(random, PAT_FILE_PAGES / 2);
}

/* ---- load.c: contexts that take turns -------------------------------------------------------- */

enum pat_context {
	PAT_TASK,
	PAT_SOFTIRQ,
	PAT_HRTIMER,
	PAT_IRQ_WORK,
	PAT_NR_CONTEXTS,
};

extern const char *const pat_context_names[];

typedef void (*pat_turn)(enum pat_context c, u32 *random);

/* How many CPUs have them, and are watched; 0: none, which is a skip. */
unsigned int pat_load_begin(pat_turn turn);
void pat_load_end(void);
/* The CPU has come back. */
void pat_load_settle(unsigned int cpu);

/* ---- contexts.c: blocks of all orders for all contexts --------------------------------------- */

unsigned int pat_mix_begin(void); /* as pat_load_begin() */
void pat_mix_end(void);
/* Puts a block into one of the slots, and returns what was there. Any context. */
pat_block pat_mix_swap(u32 *random, pat_block block);
/* Blocks that came from ZONE_MOVABLE. */
long pat_mix_movable(void);

/* ---- The tests ------------------------------------------------------------------------------- */

void pat_orders(void);	 /* calls.c */
void pat_split(void);	 /* calls.c */
void pat_parts(void);	 /* calls.c */
void pat_exact(void);	 /* calls.c */
void pat_bulk(void);	 /* calls.c */
void pat_folios(void);	 /* calls.c */
void pat_counters(void); /* counters.c */
void pat_nodes(void);	 /* policy.c */
void pat_policy(void);	 /* policy.c */
void pat_lock(void);	 /* lock.c */
void pat_slab(void);	 /* slab.c */
void pat_contexts(void); /* contexts.c */
void pat_nmi(void);	 /* nmi.c */
void pat_cpus(void);	 /* hotplug.c */
void pat_memory(void);	 /* hotplug.c */
void pat_contig(void);	 /* contig.c */
void pat_cma(void);	 /* cma.c */
void pat_exhaust(void);	 /* exhaust.c */

#endif
