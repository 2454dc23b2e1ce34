/* SPDX-License-Identifier: MIT */
/*
 * trim.c - free memory goes back to the kernel.
 *
 * A free only marks its pageblock. Later, outside of frees, marks age:
 *
 *	freed	something was freed since the marks last aged
 *	aged	it was freed before that, and nothing since
 *	due	and for a whole period nothing was freed: to be given back
 *
 *	missed	it was given back, but not all of it that is free: some of that lay in a CPU's
 *		pocket, was on its way, or is locked
 *
 * To give a pageblock back, a trim holds all its free pages, calls madvise() for them, and frees
 * them again. Meanwhile it has no lock that another thread waits for. So free pages between blocks
 * in use go back, too.
 *
 * Missed pages stay out of reach until something moves. So the decay thread tries again after
 * periods with frees, waiting for more and more of them each time. It tries once more, with the
 * pockets emptied, when a period has passed without a free. After that an idle pool has nothing to
 * do. roost_pool_trim() empties the pockets, too.
 *
 * A mark is set in its new place before it is cleared in the old one, and pages that are held are
 * noted the same way. So a child finds all of them, whichever threads no longer exist.
 */
#define _GNU_SOURCE 1
#include <signal.h>

#include "pool/pool.h"

enum { AT_ONCE = 8 }; /* pageblocks that an allocation gives back at most */

/* ---- Marks --------------------------------------------------------------------------------- */

static void mark_word(_Atomic uint64_t *word, uint64_t bits)
{
	/* Sequentially consistent, after the free. A trim clears the mark and then takes what is
	 * free. So it either finds the page, or it cleared the mark before this look, which then
	 * sets it again. A free into a pocket is no full barrier: its page may stay until the next
	 * free in the pageblock. */
	if ((atomic_load(word) & bits) != bits)
		atomic_fetch_or(word, bits);
}

/* A block of several pageblocks begins at a multiple of the next power of two. */
void rst_trim_mark(roost_pool_t *pool, roost_pfn pfn, uint64_t pages)
{
	size_t b = pfn >> ROOST_PAGEBLOCK_ORDER;
	size_t n = (pages + RST_PAGEBLOCK_PAGES - 1) >> ROOST_PAGEBLOCK_ORDER;

	for (; n >= 64; n -= 64, b += 64)
		mark_word(&pool->freed[b / 64], ~(uint64_t)0);
	if (n)
		mark_word(&pool->freed[b / 64], (((uint64_t)1 << n) - 1) << b % 64);
}

static size_t count_marks(const roost_pool_t *pool, const uint64_t *marks)
{
	size_t n = 0;

	for (size_t i = 0; i < rst_mark_words(pool); i++)
		n += (size_t)__builtin_popcountll(marks[i]);
	return n;
}

static void count_due(roost_pool_t *pool)
{
	atomic_store_explicit(&pool->nr_due, count_marks(pool, pool->due), memory_order_relaxed);
}

/* Makes the missed pageblocks due. */
static void try_missed(roost_pool_t *pool)
{
	for (size_t i = 0; i < rst_mark_words(pool); i++) {
		if (!pool->missed[i])
			continue;
		pool->due[i] |= pool->missed[i];
		atomic_signal_fence(memory_order_seq_cst);
		pool->missed[i] = 0;
	}
	count_due(pool);
	pool->nr_missed = 0;
}

/* Ages one word of marks; true if there were frees. */
static bool age_word(roost_pool_t *pool, size_t i, bool all)
{
	/* A relaxed look first: most words are 0, and stay untouched. */
	uint64_t freed = atomic_load_explicit(&pool->freed[i], memory_order_relaxed);
	uint64_t due = all ? pool->aged[i] | freed : pool->aged[i] & ~freed;
	uint64_t aged = all ? 0 : freed;

	if (due)
		pool->due[i] |= due;
	atomic_signal_fence(memory_order_seq_cst);
	if (pool->aged[i] != aged)
		pool->aged[i] = aged;
	/* Sequentially consistent, before the look at what is free: see mark_word(). */
	if (freed)
		atomic_fetch_and(&pool->freed[i], ~freed);
	return freed;
}

enum { MOST_PATIENCE = 63 };

/* A period has passed: ages the marks. all: everything becomes due. True if there were frees. */
static bool age(roost_pool_t *pool, bool all)
{
	bool freed = false;

	for (size_t i = 0; i < rst_mark_words(pool); i++)
		freed |= age_word(pool, i, all);
	count_due(pool);
	pool->emptied &= !freed;
	pool->periods += freed;
	if (!pool->nr_missed)
		pool->patience = 0; /* what is missed from now on starts again */
	if (pool->nr_missed && (all || pool->periods > pool->patience)) {
		pool->periods = 0;
		if (all)
			pool->patience = 0;
		else if (pool->patience < MOST_PATIENCE)
			pool->patience = 2 * pool->patience + 1;
		try_missed(pool);
	}
	return freed;
}

/* ---- Give back ----------------------------------------------------------------------------- */

static bool has(const uint64_t *bits, unsigned i)
{
	return bits[i / 64] >> i % 64 & 1;
}

/* Which pages of a pageblock have memory, or had been handed out. That is exact, this takes no
 * system call, and is for allocations. */
static void note_memory(roost_pool_t *pool, roost_pfn first, bool exact,
			uint64_t had[ROOST_PAGEBLOCK_WORDS])
{
	if (exact && rst_memory_resident(pool, rst_address(pool, first), pool->has, had))
		return;
	for (unsigned i = 0; i < ROOST_PAGEBLOCK_WORDS; i++)
		had[i] = exact ? 0
			       : atomic_load_explicit(&pool->used[first / 64 + i],
						      memory_order_relaxed);
}

/* The kernel has these pages, and they are held still: what is handed out next is empty. */
static void became_empty(roost_pool_t *pool, roost_pfn pfn, roost_pfn end)
{
	for (; pfn < end; pfn = (pfn | 63) + 1)
		atomic_fetch_and_explicit(&pool->used[pfn / 64], ~rst_used_bits(pfn, end),
					  memory_order_relaxed);
}

/* Gives the kernel each run of held pages. *pages: how many of them had something. False: it keeps
 * some, which are locked. */
static bool tell(roost_pool_t *pool, roost_pfn first, const uint64_t *frames, bool exact,
		 size_t *pages)
{
	uint64_t had[ROOST_PAGEBLOCK_WORDS];
	bool all = true;

	note_memory(pool, first, exact, had);
	*pages = 0;
	for (unsigned i = 0, end; i < RST_PAGEBLOCK_PAGES; i = end) {
		size_t n = 0;

		for (end = i; end < RST_PAGEBLOCK_PAGES && has(frames, end); end++)
			n += has(had, end);
		if (end == i) {
			end++;
		} else if (rst_memory_give_back(rst_address(pool, first + i),
						(size_t)(end - i) << pool->page_shift)) {
			became_empty(pool, first + i, first + end);
			*pages += n;
		} else {
			all = false;
		}
	}
	return all;
}

/* How many pages of a pageblock are the end of a block that begins before it. */
static uint64_t pages_from_before(const roost_pool_t *pool, roost_pfn first)
{
	for (unsigned k = ROOST_PAGEBLOCK_ORDER + 1; k <= pool->max_order; k++) {
		roost_pfn head = first >> k << k;
		uint64_t n = roost_frames(pool->frames, head);

		if (head < first && n > first - head)
			return n - (first - head);
	}
	return 0;
}

/* Is a page neither held (by this trim, or as a slab) nor in a block? Then it is in a pocket, or
 * another thread is moving it from one set to another. Racy: a page that a thread is about to
 * allocate or free looks like that, too. */
static bool misses_some(const roost_pool_t *pool, roost_pfn first, const uint64_t *frames)
{
	struct roost_pageblock_info info;
	uint64_t i = pages_from_before(pool, first);

	if (!roost_pageblock_info(pool->frames, first, &info) && info.block >= 0)
		return false; /* perhaps a block that begins before it */
	while (i < RST_PAGEBLOCK_PAGES) {
		uint64_t n = has(frames, (unsigned)i) ? 1 : roost_frames(pool->frames, first + i);
		int held = n ? 0 : rst_held_order(pool->frames, first + i);

		if (held < 0)
			return true;
		i += n ? n : (uint64_t)1 << held;
	}
	return false;
}

/* Gives back one pageblock, which is due. Returns how many bytes; exact: see note_memory(). */
static size_t give_back(roost_pool_t *pool, size_t b, bool exact)
{
	uint64_t frames[ROOST_PAGEBLOCK_WORDS], bit = (uint64_t)1 << b % 64;
	roost_pfn first = (roost_pfn)b << ROOST_PAGEBLOCK_ORDER;
	size_t pages = 0;
	bool missed;

	pool->in_hand = first;
	atomic_signal_fence(memory_order_seq_cst);
	pool->due[b / 64] &= ~bit;
	atomic_fetch_sub(&pool->nr_due, 1);
	if (rst_hold_rest(pool->frames, first, frames)) {
		missed = !tell(pool, first, frames, exact, &pages) ||
			 misses_some(pool, first, frames);
		rst_unhold_rest(pool->frames, first, frames);
		rst_pool_has_more(pool);
		RST_PROBE3(give_back, pool->base, first, pages);
		atomic_fetch_add(&pool->trims, 1);
		atomic_fetch_add(&pool->given_back, pages << pool->page_shift);
	} else {
		missed = misses_some(pool, first, frames);
	}
	if (missed) {
		pool->missed[b / 64] |= bit;
		pool->nr_missed++;
	}
	atomic_signal_fence(memory_order_seq_cst);
	pool->in_hand = ROOST_NONE;
	return pages << pool->page_shift;
}

/* Gives back up to most due pageblocks, from where the last call ended. */
static size_t give_back_some(roost_pool_t *pool, size_t most, bool exact)
{
	size_t words = rst_mark_words(pool), bytes = 0;

	for (size_t i = 0; i < words && most; i++) {
		size_t word = (pool->due_word + i) % words;

		while (pool->due[word] && most) {
			if (atomic_load(&pool->stop))
				return bytes;
			bytes += give_back(pool,
					   word * 64 + (unsigned)__builtin_ctzll(pool->due[word]),
					   exact);
			most--;
		}
		if (!most)
			pool->due_word = word;
	}
	return bytes;
}

void rst_trim_repair(roost_pool_t *pool)
{
	uint64_t frames[ROOST_PAGEBLOCK_WORDS];

	for (unsigned i = 0; i < ROOST_PAGEBLOCK_WORDS; i++)
		frames[i] = ~(uint64_t)0;
	if (pool->in_hand != ROOST_NONE) {
		rst_unhold_rest(pool->frames, pool->in_hand, frames);
		rst_trim_mark(pool, pool->in_hand, 1);
		pool->in_hand = ROOST_NONE;
	}
	count_due(pool);
	pool->nr_missed = count_marks(pool, pool->missed);
}

size_t roost_pool_trim(roost_pool_t *pool)
{
	struct rst_pool_call call;
	size_t bytes;

	if (!rst_can_give_back(pool))
		return 0;
	rst_pool_begin(&call);
	rst_pool_lock(&pool->trim_lock, "roost_pool_trim");
	age(pool, true);
	roost_drain(pool->frames, -1); /* after the marks: pages in pockets were marked */
	bytes = give_back_some(pool, AT_ONCE, true);
	/* Signals come in between. Pageblocks that others make due meanwhile are left to them. */
	for (size_t left = rst_nr_pageblocks(pool) / AT_ONCE;
	     left && atomic_load(&pool->nr_due) && !atomic_load(&pool->stop); left--) {
		rst_pool_unlock(&pool->trim_lock);
		rst_pool_lock(&pool->trim_lock, "roost_pool_trim");
		bytes += give_back_some(pool, AT_ONCE, true);
	}
	rst_pool_unlock(&pool->trim_lock);
	rst_pool_end(&call);
	return bytes;
}

/* ---- By and by ----------------------------------------------------------------------------- */

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/*
 * Ages the marks if their time has come. After a gap of two periods or more they age twice: what
 * was freed before the gap had a whole period without a free, though nobody looked at the clock. So
 * a program that was idle gives memory back when it wakes. What it freed since goes back early.
 */
static void age_by(roost_pool_t *pool, uint64_t now)
{
	uint64_t tick = atomic_load_explicit(&pool->tick_ms, memory_order_relaxed);

	if (now < tick)
		return;
	age(pool, false);
	if (tick && now - tick >= pool->decay_ms)
		age(pool, false);
	atomic_store_explicit(&pool->tick_ms, now + pool->decay_ms, memory_order_relaxed);
}

void rst_trim_step(roost_pool_t *pool)
{
	uint64_t now;

	if (!rst_fork_look() || !pool->decay_ms || pool->has_thread || !rst_can_give_back(pool))
		return;
	now = clock_ms(CLOCK_MONOTONIC_COARSE);
	if (now < atomic_load_explicit(&pool->tick_ms, memory_order_relaxed) &&
	    !atomic_load_explicit(&pool->nr_due, memory_order_relaxed))
		return;
	if (!rst_pool_try(&pool->trim_lock))
		return; /* another thread is at it */
	age_by(pool, now);
	give_back_some(pool, AT_ONCE, false);
	rst_pool_unlock(&pool->trim_lock);
}

/* Sleeps for a period; false if the thread is to end. */
static bool sleep_period(roost_pool_t *pool)
{
	uint64_t end = clock_ms(CLOCK_MONOTONIC) + pool->decay_ms;
	struct timespec at = {.tv_sec = (time_t)(end / 1000),
			      .tv_nsec = (long)(end % 1000) * 1000000};
	bool stop;

	pthread_mutex_lock(&pool->stop_mutex);
	while (!pool->stop && clock_ms(CLOCK_MONOTONIC) < end)
		pthread_cond_timedwait(&pool->stop_cond, &pool->stop_mutex, &at);
	stop = pool->stop;
	pthread_mutex_unlock(&pool->stop_mutex);
	return !stop;
}

static void decay_once(roost_pool_t *pool)
{
	bool freed = age(pool, false);

	give_back_some(pool, SIZE_MAX, true);
	if (freed || !pool->nr_missed || pool->emptied)
		return;
	pool->emptied = true;
	roost_drain(pool->frames, -1);
	try_missed(pool);
	give_back_some(pool, SIZE_MAX, true);
}

static void *decay(void *arg)
{
	roost_pool_t *pool = arg;

	rst_pool_no_signals = true; /* it began with all of them blocked */
	while (sleep_period(pool)) {
		rst_pool_enter();
		rst_pool_lock(&pool->trim_lock, "the decay thread");
		decay_once(pool);
		rst_pool_unlock(&pool->trim_lock);
		rst_pool_leave();
	}
	return NULL;
}

int rst_trim_start_thread(roost_pool_t *pool)
{
	pthread_condattr_t attr;
	sigset_t all, old;
	int err;

	if (!rst_can_give_back(pool))
		return 0;
	pool->stop = false;
	pthread_mutex_init(&pool->stop_mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->stop_cond, &attr);
	pthread_condattr_destroy(&attr);
	/* The program's signals are not for it. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&pool->thread, NULL, decay, pool);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pool->has_thread = !err;
	return -err;
}

void rst_trim_stop_thread(roost_pool_t *pool)
{
	if (!pool->has_thread)
		return;
	pthread_mutex_lock(&pool->stop_mutex);
	pool->stop = true;
	pthread_cond_signal(&pool->stop_cond);
	pthread_mutex_unlock(&pool->stop_mutex);
	pthread_join(pool->thread, NULL);
	pthread_cond_destroy(&pool->stop_cond);
	pthread_mutex_destroy(&pool->stop_mutex);
	pool->has_thread = false;
}
