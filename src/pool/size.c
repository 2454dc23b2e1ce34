/* SPDX-License-Identifier: MIT */
/*
 * size.c - how much of its limit a pool uses.
 *
 * Memory that is out of use is held (core/held.h) in chunks of whole pageblocks, as a balloon holds
 * a guest's memory. Under the size lock the pool grows by freeing chunks, and shrinks by holding
 * some. A chunk is out of use exactly while the page-frame allocator says that it is held; a stack
 * says which chunk comes next.
 */
#include <errno.h>
#include <stdlib.h>

#include "pool/pool.h"

static uint64_t chunk_of(roost_pfn pfn, unsigned order)
{
	return pfn << 8 | order;
}

static roost_pfn chunk_pfn(uint64_t chunk)
{
	return chunk >> 8;
}

static unsigned chunk_order(uint64_t chunk)
{
	return chunk & 0xff;
}

static size_t chunk_bytes(const roost_pool_t *pool, uint64_t chunk)
{
	return rst_page_size(pool) << chunk_order(chunk);
}

static void add_size(roost_pool_t *pool, size_t bytes)
{
	atomic_store_explicit(&pool->size,
			      atomic_load_explicit(&pool->size, memory_order_relaxed) + bytes,
			      memory_order_relaxed);
}

/* Racy when it only checks whether growing is worth a try. */
static void look_for_more(roost_pool_t *pool)
{
	atomic_store_explicit(&pool->growing, pool->step && pool->nr_unused, memory_order_relaxed);
}

static void push(roost_pool_t *pool, uint64_t chunk)
{
	pool->unused[pool->nr_unused++] = chunk;
}

static size_t rounded(const roost_pool_t *pool, size_t bytes)
{
	size_t unit = rst_page_size(pool) << pool->chunk_order;

	return bytes > pool->limit ? pool->limit : (bytes + unit - 1) / unit * unit;
}

/* Between two chunks of a resize: lets signals in, and other threads have the lock. */
static void let_others(roost_pool_t *pool)
{
	rst_pool_unlock(&pool->size_lock);
	rst_pool_lock(&pool->size_lock, "roost_pool_resize");
}

/* ---- Grow ---------------------------------------------------------------------------------- */

/* Memory that was never allocated has no mark. If the kernel has already provided it, a trim must
 * know. */
static int use(roost_pool_t *pool, roost_pfn pfn, size_t bytes)
{
	int err = rst_memory_use(pool, rst_address(pool, pfn), bytes);

	if (!err && rst_can_give_back(pool) && rst_memory_is_filled(rst_address(pool, pfn)))
		for (size_t at = 0; at < bytes; at += rst_pageblock_size(pool))
			rst_trim_mark(pool, pfn + (at >> pool->page_shift), 1);
	return err;
}

/* Puts the topmost chunk into use, or the lower half of it if it is too large. */
static int put_in(roost_pool_t *pool, size_t most)
{
	uint64_t *top = &pool->unused[pool->nr_unused - 1];
	int err;

	while (chunk_bytes(pool, *top) > most && chunk_order(*top) > pool->chunk_order) {
		unsigned half = chunk_order(*top) - 1;
		roost_pfn pfn = chunk_pfn(*top);

		rst_halve_held(pool->frames, pfn, half + 1);
		top[0] = chunk_of(pfn + ((roost_pfn)1 << half), half);
		push(pool, chunk_of(pfn, half));
		top++;
	}
	err = use(pool, chunk_pfn(*top), chunk_bytes(pool, *top));
	if (err)
		return err;
	pool->nr_unused--;
	add_size(pool, chunk_bytes(pool, *top));
	rst_unhold(pool->frames, chunk_pfn(*top), chunk_order(*top));
	rst_pool_has_more(pool);
	return 0;
}

/* Brings the topmost chunk of a node (any: of any node) to the top. False: there is none. */
static bool bring_up(roost_pool_t *pool, unsigned node, bool any)
{
	roost_pfn pages = (pool->limit >> pool->page_shift) / pool->nodes;
	uint64_t *unused = pool->unused;

	for (size_t i = pool->nr_unused; i-- > 0;) {
		uint64_t chunk = unused[i];

		if (!any && chunk_pfn(chunk) / pages != node)
			continue;
		unused[i] = unused[pool->nr_unused - 1];
		unused[pool->nr_unused - 1] = chunk;
		return true;
	}
	return false;
}

/* On which node, and whether other threads may come in between. */
struct growth {
	unsigned node;
	bool any, may_wait;
};

static int grow_on(roost_pool_t *pool, size_t target, struct growth how)
{
	int err = 0;

	while (!err && atomic_load(&pool->size) < target && bring_up(pool, how.node, how.any)) {
		err = put_in(pool, target - atomic_load(&pool->size));
		if (how.may_wait)
			let_others(pool);
	}
	return err;
}

static void has_grown(roost_pool_t *pool)
{
	RST_PROBE2(grow, pool->base, atomic_load(&pool->size));
	atomic_fetch_add(&pool->grown, 1);
	look_for_more(pool);
}

/* By the same amount on each node, as long as the node has chunks. */
static int grow(roost_pool_t *pool, size_t target, bool may_wait)
{
	size_t size;
	int err = 0;

	for (unsigned node = 0; node < pool->nodes && !err; node++) {
		size_t share;

		size = atomic_load(&pool->size);
		if (size >= target)
			break;
		share = rounded(pool, (target - size) / (pool->nodes - node));
		err = grow_on(pool, target - size > share ? size + share : target,
			      (struct growth){.node = node, .may_wait = may_wait});
	}
	if (!err)
		err = grow_on(pool, target, (struct growth){.any = true, .may_wait = may_wait});
	has_grown(pool);
	return err;
}

enum rst_growth rst_size_grow_for(roost_pool_t *pool, size_t bytes, unsigned node, bool only)
{
	size_t size, target, more = bytes > pool->step ? bytes : pool->step;
	bool grown;

	if (!atomic_load_explicit(&pool->growing, memory_order_relaxed))
		return RST_NOT_GROWN;
	if (!rst_pool_try(&pool->size_lock))
		return RST_OTHERS_GROW;
	size = atomic_load(&pool->size);
	target = rounded(pool, pool->limit - size < more ? pool->limit : size + more);
	if (!grow_on(pool, target, (struct growth){.node = node, .any = pool->nodes == 1}) && !only)
		grow_on(pool, target, (struct growth){.any = true});
	has_grown(pool);
	grown = atomic_load(&pool->size) > size;
	rst_pool_unlock(&pool->size_lock);
	return grown ? RST_GROWN : RST_NOT_GROWN;
}

/* ---- Shrink -------------------------------------------------------------------------------- */

static void take_out_of_use(roost_pool_t *pool, roost_pfn pfn, unsigned order)
{
	uint64_t chunk = chunk_of(pfn, order);

	push(pool, chunk);
	add_size(pool, -chunk_bytes(pool, chunk));
	rst_memory_unuse(pool, rst_address(pool, pfn), chunk_bytes(pool, chunk));
}

/* Takes chunks of up to most bytes out of use, largest first, until none is left; how many bytes.
 */
static size_t take_out_some(roost_pool_t *pool, size_t most)
{
	unsigned order = pool->max_order;
	size_t taken = 0;

	while (order >= pool->chunk_order && taken < most) {
		size_t bytes = rst_page_size(pool) << order;
		roost_pfn pfn = bytes <= most - taken ? rst_hold(pool->frames, order) : ROOST_NONE;

		if (pfn == ROOST_NONE) {
			order--;
			continue;
		}
		take_out_of_use(pool, pfn, order);
		taken += bytes;
		let_others(pool);
	}
	return taken;
}

static int shrink(roost_pool_t *pool, size_t target)
{
	size_t most = atomic_load(&pool->size) - target;

	roost_drain(pool->frames, -1); /* frames that CPUs keep break pageblocks up */
	most -= take_out_some(pool, most);
	RST_PROBE2(shrink, pool->base, atomic_load(&pool->size));
	atomic_fetch_add(&pool->shrunk, 1);
	look_for_more(pool);
	rst_pool_has_more(pool); /* an allocation may grow the pool again */
	return most ? -EAGAIN : 0;
}

int roost_pool_resize(roost_pool_t *pool, size_t bytes)
{
	size_t target = rounded(pool, bytes), size;
	struct rst_pool_call call;
	int err;

	if (bytes > pool->limit || bytes < pool->reserve || !bytes)
		return -EINVAL;
	rst_pool_begin(&call);
	rst_pool_lock(&pool->size_lock, "roost_pool_resize");
	size = atomic_load(&pool->size);
	err = target > size ? grow(pool, target, true) : target < size ? shrink(pool, target) : 0;
	rst_pool_unlock(&pool->size_lock);
	rst_pool_end(&call);
	return err;
}

/* The next held chunk from pageblock *b on, or 0. *b moves past it. */
static uint64_t next_held(const roost_pool_t *pool, size_t *b)
{
	while (*b < rst_nr_pageblocks(pool)) {
		roost_pfn pfn = (roost_pfn)*b << ROOST_PAGEBLOCK_ORDER;
		int order = rst_held_order(pool->frames, pfn);

		/* What a trim holds is smaller. */
		if (order >= (int)pool->chunk_order) {
			*b += (size_t)1 << ((unsigned)order - ROOST_PAGEBLOCK_ORDER);
			return chunk_of(pfn, (unsigned)order);
		}
		++*b;
	}
	return 0;
}

/*
 * What the engine says is held, of a chunk's size, is out of use; the stack may say otherwise:
 *
 *	put_in(), after rst_halve_held()	two halves are held, the stack has the whole
 *	put_in(), before rst_unhold()		it is held, and not on the stack any more; its
 *						memory may be there already
 *	take_out_some(), after rst_hold()	it is held, not yet on the stack, its memory there
 *
 * So the stack and the memory are both rebuilt: the chunks are what is held, and none of them has
 * memory.
 */
void rst_size_repair(roost_pool_t *pool)
{
	size_t n = 0, size = pool->limit;
	uint64_t chunk;

	for (size_t b = 0; next_held(pool, &b);)
		n++;
	pool->nr_unused = n;
	for (size_t b = 0; (chunk = next_held(pool, &b));) {
		pool->unused[--n] = chunk; /* low addresses come first, as at the start */
		size -= chunk_bytes(pool, chunk);
		/* It may have been going in or out of use. */
		rst_memory_unuse(pool, rst_address(pool, chunk_pfn(chunk)),
				 chunk_bytes(pool, chunk));
	}
	atomic_store(&pool->size, size);
	look_for_more(pool);
}

/* ---- Start --------------------------------------------------------------------------------- */

/* Chunks at low addresses go into use first, of each node in turn; so they come last on the stack.
 * pages_of_node is static because qsort() cannot pass it on; creation has a lock. */
static size_t pages_of_node;

static int later_first(const void *a, const void *b)
{
	roost_pfn x = chunk_pfn(*(const uint64_t *)a), y = chunk_pfn(*(const uint64_t *)b);
	roost_pfn in_x = x % pages_of_node, in_y = y % pages_of_node;

	if (in_x != in_y)
		return in_x < in_y ? 1 : -1;
	return x < y ? 1 : x > y ? -1 : 0;
}

/* The pageblocks of the reserve are not on the stack: they are in use from the start. */
static int use_rest(roost_pool_t *pool)
{
	size_t n = rst_nr_pageblocks(pool), first = 0;
	uint64_t *out = pool->due; /* nothing is due yet */
	int err = 0;

	for (size_t i = 0; i < pool->nr_unused; i++) {
		size_t b = chunk_pfn(pool->unused[i]) >> ROOST_PAGEBLOCK_ORDER;
		size_t end =
			b + ((size_t)1 << (chunk_order(pool->unused[i]) - ROOST_PAGEBLOCK_ORDER));

		for (; b < end; b++)
			out[b / 64] |= (uint64_t)1 << b % 64;
	}
	for (size_t b = 0; b <= n && !err; b++) {
		if (b < n && !(out[b / 64] >> b % 64 & 1))
			continue;
		if (b > first)
			err = use(pool, first << ROOST_PAGEBLOCK_ORDER,
				  (b - first) * rst_pageblock_size(pool));
		first = b + 1;
	}
	for (size_t i = 0; i < rst_mark_words(pool); i++)
		out[i] = 0;
	return err;
}

int rst_size_init(roost_pool_t *pool, size_t initial)
{
	int err;

	atomic_store(&pool->size, pool->limit);
	if (rounded(pool, initial) == pool->limit)
		return use(pool, 0, pool->limit);
	for (unsigned order = pool->max_order + 1; order-- > pool->chunk_order;) {
		roost_pfn pfn;

		while ((pfn = rst_hold(pool->frames, order)) != ROOST_NONE) {
			pool->unused[pool->nr_unused++] = chunk_of(pfn, order);
			add_size(pool, -(rst_page_size(pool) << order));
		}
	}
	pages_of_node = (pool->limit >> pool->page_shift) / pool->nodes;
	qsort(pool->unused, pool->nr_unused, sizeof(*pool->unused), later_first);
	err = use_rest(pool);
	if (!err)
		err = grow(pool, rounded(pool, initial), false);
	atomic_store(&pool->grown, 0);
	return err;
}
