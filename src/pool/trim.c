/* SPDX-License-Identifier: MIT */
/*
 * trim.c - free memory goes back to the kernel.
 *
 * A free marks its pageblock, and does no more. Later, outside of frees, marks age:
 *
 *	freed	something was freed since the marks last aged
 *	aged	it was freed before that, and nothing since
 *	due	and for a whole period nothing was freed: to be given back
 *
 * A pageblock is given back by allocating all of it that is free, telling the kernel, with no lock
 * held that anybody waits for, and freeing it again. So pages between blocks that live go back too.
 * Pages that were free but in a CPU's pocket stay, 608 at most for each CPU; roost_pool_trim()
 * empties the pockets first.
 */
#define _GNU_SOURCE 1
#include <signal.h>

#include "pool/pool.h"

enum { AT_ONCE = 8 }; /* pageblocks that an allocation gives back at most */

/* ---- Marks --------------------------------------------------------------------------------- */

static void mark_word(_Atomic uint64_t *word, uint64_t bits)
{
	/* Sequentially consistent, after the free: who takes the mark away, and then what is free,
	 * either finds the page or is before this look, which then sets the mark anew. A free into
	 * a pocket is no full barrier: its page may stay until the next free in the pageblock. */
	if ((atomic_load(word) & bits) != bits)
		atomic_fetch_or(word, bits);
}

void rst_trim_mark(roost_pool_t *pool, roost_pfn pfn, unsigned order)
{
	size_t b = pfn >> ROOST_PAGEBLOCK_ORDER;
	size_t n = order > ROOST_PAGEBLOCK_ORDER ? (size_t)1 << (order - ROOST_PAGEBLOCK_ORDER) : 1;

	if (n < 64)
		mark_word(&pool->freed[b / 64], (((uint64_t)1 << n) - 1) << b % 64);
	else
		for (size_t i = 0; i < n / 64; i++)
			mark_word(&pool->freed[b / 64 + i], ~(uint64_t)0);
}

/* A period has passed; or (all) everything is due. */
static void age(roost_pool_t *pool, bool all)
{
	size_t due = 0;

	for (size_t i = 0; i < rst_mark_words(pool); i++) {
		/* Relaxed look first: most words are 0, and not touched. */
		uint64_t freed = atomic_load_explicit(&pool->freed[i], memory_order_relaxed)
					 ? atomic_exchange(&pool->freed[i], 0)
					 : 0;

		if (all)
			pool->due[i] |= pool->aged[i] | freed;
		else if (pool->aged[i] & ~freed)
			pool->due[i] |= pool->aged[i] & ~freed;
		if (all)
			freed = 0;
		if (pool->aged[i] != freed)
			pool->aged[i] = freed;
		due += (size_t)__builtin_popcountll(pool->due[i]);
	}
	atomic_store_explicit(&pool->nr_due, due, memory_order_relaxed);
}

/* ---- Give back ----------------------------------------------------------------------------- */

static bool has(const uint64_t *bits, unsigned i)
{
	return bits[i / 64] >> i % 64 & 1;
}

/* Tells the kernel of each run of pages in hand; how many of them had memory. */
static size_t tell(const roost_pool_t *pool, roost_pfn first, const uint64_t *frames)
{
	uint64_t resident[ROOST_PAGEBLOCK_WORDS];
	bool is_known = rst_memory_resident(pool, rst_address(pool, first), resident);
	size_t pages = 0;

	for (unsigned i = 0, end; i < RST_PAGEBLOCK_PAGES; i = end) {
		size_t had = 0;

		for (end = i; end < RST_PAGEBLOCK_PAGES && has(frames, end); end++)
			had += is_known && has(resident, end);
		if (end == i)
			end++;
		else if (rst_memory_give_back(rst_address(pool, first + i),
					      (size_t)(end - i) << pool->page_shift))
			pages += had;
	}
	return pages;
}

/* Frees some pages of a pageblock, a word at a time: handlers have small stacks. A word is empty
 * before its pages are others'. */
static size_t free_pages_of(roost_pool_t *pool, roost_pfn first, uint64_t *frames)
{
	struct roost_block blocks[64];
	size_t pages = 0;

	for (unsigned i = 0; i < ROOST_PAGEBLOCK_WORDS; i++) {
		uint64_t left = frames[i];
		unsigned n = 0;

		frames[i] = 0;
		atomic_signal_fence(memory_order_seq_cst);
		for (; left; left &= left - 1)
			blocks[n++].pfn =
				first + (roost_pfn)i * 64 + (unsigned)__builtin_ctzll(left);
		for (unsigned j = 0; j < n; j++)
			blocks[j].order = 0;
		roost_free_bulk(pool->frames, blocks, n);
		pages += n;
	}
	return pages;
}

void rst_trim_set_aside(roost_pool_t *pool)
{
	size_t pages = 0;

	if (pool->in_hand == ROOST_NONE)
		return;
	pool->aside = pool->in_hand;
	for (unsigned i = 0; i < ROOST_PAGEBLOCK_WORDS; i++) {
		pool->aside_frames[i] = pool->in_hand_frames[i];
		pool->in_hand_frames[i] = 0;
		pages += (size_t)__builtin_popcountll(pool->aside_frames[i]);
	}
	pool->in_hand = ROOST_NONE;
	atomic_store(&pool->set_aside, pages << pool->page_shift);
}

size_t rst_trim_recover(roost_pool_t *pool)
{
	/* What was taken and not entered yet roost_recover() finds. */
	for (unsigned i = 0; i < RST_PAGEBLOCK_PAGES; i++)
		if (has(pool->aside_frames, i) && roost_order(pool->frames, pool->aside + i) != 0)
			pool->aside_frames[i / 64] &= ~((uint64_t)1 << i % 64);
	atomic_store(&pool->set_aside, 0);
	return free_pages_of(pool, pool->aside, pool->aside_frames);
}

/* Is a page neither in hand nor in a block that is allocated? Somebody has it on its way from one
 * set to another, or in a pocket. Racy: who is about to allocate or free looks like that, too. */
static bool misses_some(const roost_pool_t *pool, roost_pfn first, const uint64_t *frames)
{
	struct roost_pageblock_info info;

	if (!roost_pageblock_info(pool->frames, first, &info) && info.block >= 0)
		return false; /* perhaps one that begins before it */
	for (unsigned i = 0; i < RST_PAGEBLOCK_PAGES;) {
		int order = has(frames, i) ? 0 : roost_order(pool->frames, first + i);

		if (order < 0)
			return true;
		i += 1u << order;
	}
	return false;
}

/* One pageblock; how many bytes. What it misses is marked again, since nobody else would. */
static size_t give_back(roost_pool_t *pool, size_t b)
{
	size_t pages, had;

	pool->in_hand = b << ROOST_PAGEBLOCK_ORDER;
	had = roost_alloc_rest(pool->frames, pool->in_hand, pool->in_hand_frames);
	if (misses_some(pool, pool->in_hand, pool->in_hand_frames))
		rst_trim_mark(pool, pool->in_hand, 0);
	if (!had) {
		pool->in_hand = ROOST_NONE;
		return 0;
	}
	pages = tell(pool, pool->in_hand, pool->in_hand_frames);
	free_pages_of(pool, pool->in_hand, pool->in_hand_frames);
	pool->in_hand = ROOST_NONE;
	RST_PROBE3(give_back, pool->base, b << ROOST_PAGEBLOCK_ORDER, pages);
	atomic_fetch_add(&pool->trims, 1);
	atomic_fetch_add(&pool->given_back, pages << pool->page_shift);
	return pages << pool->page_shift;
}

/* Up to most pageblocks of those that are due, from where the last one ended. */
static size_t give_back_some(roost_pool_t *pool, size_t most)
{
	size_t words = rst_mark_words(pool), bytes = 0;

	for (size_t i = 0; i < words && most; i++) {
		size_t word = (pool->due_word + i) % words;

		while (pool->due[word] && most) {
			unsigned bit = (unsigned)__builtin_ctzll(pool->due[word]);

			pool->due[word] &= pool->due[word] - 1;
			atomic_fetch_sub(&pool->nr_due, 1);
			bytes += give_back(pool, word * 64 + bit);
			most--;
		}
		if (!most)
			pool->due_word = word;
	}
	return bytes;
}

size_t roost_pool_trim(roost_pool_t *pool)
{
	size_t bytes;

	if (!rst_can_give_back(pool))
		return 0;
	rst_pool_enter();
	rst_pool_lock(&pool->trim_lock);
	age(pool, true);
	roost_drain(pool->frames, -1); /* after the marks: what is in pockets was marked */
	bytes = give_back_some(pool, SIZE_MAX);
	rst_pool_done(pool, &pool->trim_lock);
	rst_pool_leave();
	return bytes;
}

/* ---- By and by ----------------------------------------------------------------------------- */

static uint64_t clock_ms(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void rst_trim_step(roost_pool_t *pool)
{
	uint64_t now;

	rst_fork_look();
	if (!pool->decay_ms || pool->has_thread || !rst_can_give_back(pool))
		return;
	now = clock_ms(CLOCK_MONOTONIC_COARSE);
	if (now < atomic_load_explicit(&pool->tick_ms, memory_order_relaxed) &&
	    !atomic_load_explicit(&pool->nr_due, memory_order_relaxed))
		return;
	if (!rst_pool_try(&pool->trim_lock))
		return; /* somebody else is at it */
	if (now >= atomic_load_explicit(&pool->tick_ms, memory_order_relaxed)) {
		age(pool, false);
		atomic_store_explicit(&pool->tick_ms, now + pool->decay_ms, memory_order_relaxed);
	}
	give_back_some(pool, AT_ONCE);
	rst_pool_done(pool, &pool->trim_lock);
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

static void *decay(void *arg)
{
	roost_pool_t *pool = arg;

	while (sleep_period(pool)) {
		rst_pool_enter();
		rst_pool_lock(&pool->trim_lock);
		age(pool, false);
		give_back_some(pool, SIZE_MAX);
		rst_pool_done(pool, &pool->trim_lock);
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
