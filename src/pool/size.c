/* SPDX-License-Identifier: MIT */
/*
 * size.c - how much of its limit a pool uses.
 *
 * The address space is cut into units: pageblocks, or reserved huge pages of 1 GiB. A unit is out
 * of use (absent for the page-frame allocator, inaccessible or without memory), or in use, or in
 * the hands of one thread, which brings it in. Nobody waits for that thread: another one that needs
 * memory takes other units. Two things are all that growers share:
 *
 *	budget	63 ... 32: units that may be used | 31 ... 0: that are in use, or being brought in
 *	taken	a bit for each unit: in use, or being brought in
 *
 *	grow	add to the budget's low half; set bits that are clear; make these units usable;
 *		rst_bring() them. A unit that the kernel refuses goes back: bit, then budget
 *	shrink	under the size lock. Hold a chunk; give its memory back; rst_banish() it; clear the
 *		bits; subtract from both halves
 *
 * A thread that stops forever in between hides the units in its hands, one step at most, until
 * rst_size_recover().
 *
 * What may be used is made usable at once if the program said how much that is at first (initial),
 * or if the pages are reserved huge ones. Otherwise it is the limit, which is made usable in steps
 * as it is needed. So it costs address space alone, whatever RLIMIT_DATA, mlockall(2) or the
 * kernel's overcommit policy say. Until all of it is usable, the first look of an allocation is
 * narrow: it leaves other migratetypes' pageblocks and other nodes alone, which it would not need
 * if all of the pool were there.
 */
#include <errno.h>
#include <stdlib.h>

#include "pool/pool.h"

enum { STEP_SHIFT = 22, MOST_SHIFT = 26 }; /* steps of 4 MiB, doubling to 64 MiB */

static size_t unit_bytes(const roost_pool_t *pool)
{
	return rst_page_size(pool) << pool->chunk_order;
}

/* Rounded up. */
static size_t units_of(const roost_pool_t *pool, size_t bytes)
{
	return bytes ? (bytes - 1) / unit_bytes(pool) + 1 : 0;
}

static size_t nr_units(const roost_pool_t *pool)
{
	return pool->limit / unit_bytes(pool);
}

static roost_pfn unit_pfn(const roost_pool_t *pool, size_t unit)
{
	return (roost_pfn)unit << pool->chunk_order;
}

/* ---- The budget ---------------------------------------------------------------------------- */

struct budget {
	size_t allowed, in;
};

static struct budget unpacked(uint64_t word)
{
	return (struct budget){.allowed = word >> 32, .in = (uint32_t)word};
}

static uint64_t packed(struct budget budget)
{
	return (uint64_t)budget.allowed << 32 | budget.in;
}

static struct budget budget_of(const roost_pool_t *pool)
{
	return unpacked(atomic_load(&pool->budget));
}

size_t rst_size_allowed(const roost_pool_t *pool)
{
	return budget_of(pool).allowed * unit_bytes(pool);
}

size_t rst_size_in(const roost_pool_t *pool)
{
	return budget_of(pool).in * unit_bytes(pool);
}

/* False: another thread has changed it. A loop with this ends: each change of the budget but those
 * of resizes brings units in, or gives back what the kernel refused. */
static bool change_budget(roost_pool_t *pool, struct budget from, struct budget to)
{
	uint64_t expected = packed(from);

	return atomic_compare_exchange_strong(&pool->budget, &expected, packed(to));
}

/* Racy: a hint. */
static void set_narrow(roost_pool_t *pool)
{
	struct budget budget = budget_of(pool);
	unsigned flags = ROOST_NOSTEAL | (pool->nodes > 1 ? ROOST_THISNODE : 0);

	flags = !pool->eager && budget.in < budget.allowed ? flags : 0;
	if (atomic_load_explicit(&pool->narrow, memory_order_relaxed) != flags)
		atomic_store_explicit(&pool->narrow, flags, memory_order_relaxed);
}

/* How many units a lazy pool makes usable at a time. Locked memory has to be filled at once. */
static size_t step_of(const roost_pool_t *pool, size_t in)
{
	size_t least = units_of(pool, (size_t)1 << STEP_SHIFT);
	size_t most = units_of(pool, (size_t)1 << MOST_SHIFT);

	if (pool->eager)
		return SIZE_MAX;
	if (atomic_load_explicit(&pool->filled, memory_order_relaxed) || in < least)
		return least;
	return in < most ? in : most;
}

/* Takes units off the budget for an allocation that needs this many. It may first raise the budget
 * by the program's step (*raised). Returns how many units. */
static size_t take_budget(roost_pool_t *pool, size_t need, size_t *raised)
{
	struct budget from, to;

	do {
		size_t step = units_of(pool, pool->step), some;

		from = to = budget_of(pool);
		*raised = 0;
		if (step && from.allowed - from.in < need) {
			to.allowed += step > need ? step : need;
			to.allowed = to.allowed < nr_units(pool) ? to.allowed : nr_units(pool);
			*raised = to.allowed - from.allowed;
		}
		some = step_of(pool, from.in);
		some = some > need ? some : need;
		some = some < to.allowed - from.in ? some : to.allowed - from.in;
		if (!some)
			return 0;
		to.in += some;
	} while (!change_budget(pool, from, to));
	return to.in - from.in;
}

/* For a resize: at most this many more. */
static size_t take_allowed(roost_pool_t *pool, size_t most)
{
	struct budget from, to;

	do {
		from = to = budget_of(pool);
		to.in += most < from.allowed - from.in ? most : from.allowed - from.in;
	} while (to.in > from.in && !change_budget(pool, from, to));
	return to.in - from.in;
}

/* These are not in use after all; some of them may not be used either. */
static void give_budget(roost_pool_t *pool, size_t in, size_t allowed)
{
	if (in || allowed)
		atomic_fetch_sub(&pool->budget,
				 packed((struct budget){.allowed = allowed, .in = in}));
}

/* ---- Units --------------------------------------------------------------------------------- */

/* Units [first, end). */
struct units {
	size_t first, end;
};

static struct units units_of_node(const roost_pool_t *pool, unsigned node)
{
	size_t n = nr_units(pool) / pool->nodes;

	return (struct units){node * n, (node + 1) * n};
}

/* Those of them in a word of a bitmap. */
static uint64_t bits_in(struct units u, size_t word)
{
	uint64_t bits = ~(uint64_t)0;

	if (u.first >= u.end || word < u.first / 64 || word > (u.end - 1) / 64)
		return 0;
	if (word == u.first / 64)
		bits &= ~(uint64_t)0 << u.first % 64;
	if (word == (u.end - 1) / 64)
		bits &= ~(uint64_t)0 >> (63 - (u.end - 1) % 64);
	return bits;
}

/* Release: a thread that takes them next has all that was done with them before. */
static void release(roost_pool_t *pool, struct units u)
{
	for (size_t word = u.first / 64; u.first < u.end && word <= (u.end - 1) / 64; word++)
		atomic_fetch_and_explicit(&pool->taken[word], ~bits_in(u, word),
					  memory_order_release);
}

/* Memory that was never allocated has no mark. If the kernel has already provided it, a trim must
 * know. */
static int use(roost_pool_t *pool, struct units u)
{
	char *address = rst_address(pool, unit_pfn(pool, u.first));
	size_t bytes = (u.end - u.first) * unit_bytes(pool);
	int err = rst_memory_use(pool, address, bytes);

	if (err || !rst_can_give_back(pool) || !rst_memory_is_filled(address))
		return err;
	atomic_store_explicit(&pool->filled, true, memory_order_relaxed);
	for (size_t at = 0; at < bytes; at += rst_pageblock_size(pool))
		rst_trim_mark(pool, rst_pfn(pool, address + at), 1);
	return 0;
}

/* Brings units in that the caller has taken: as many as the kernel gives of a half, a quarter ...
 * Releases the others. Returns how many are in use now. */
static size_t bring_in(roost_pool_t *pool, struct units u)
{
	size_t n = u.end - u.first;

	while (n && use(pool, (struct units){u.first, u.first + n}))
		n /= 2;
	if (n)
		rst_bring(pool->frames, unit_pfn(pool, u.first), (roost_pfn)n << pool->chunk_order);
	release(pool, (struct units){u.first + n, u.end});
	return n;
}

/* Takes up to that many units of a word that nobody has, and brings them in. *taken: how many it
 * took. Returns how many of them are in use now. */
static size_t bring_word(roost_pool_t *pool, struct units u, size_t word, size_t most,
			 size_t *taken)
{
	uint64_t free = bits_in(u, word) & ~atomic_load(&pool->taken[word]), bits = 0;
	size_t n = 0;

	for (; free && most; free &= free - 1, most--)
		bits |= free & -free;
	/* Acquire: see release(). What others have taken meanwhile is theirs. */
	if (bits)
		bits &= ~atomic_fetch_or_explicit(&pool->taken[word], bits, memory_order_acquire);
	*taken = (size_t)__builtin_popcountll(bits);
	while (bits) {
		unsigned low = (unsigned)__builtin_ctzll(bits), end = low;

		while (end < 64 && bits >> end & 1)
			end++;
		n += bring_in(pool, (struct units){word * 64 + low, word * 64 + end});
		bits &= end < 64 ? ~(uint64_t)0 << end : 0;
	}
	return n;
}

/* The lowest unit that nobody has taken, or u.end. */
static size_t lowest_unit(const roost_pool_t *pool, struct units u)
{
	for (size_t word = u.first / 64; word <= (u.end - 1) / 64; word++) {
		uint64_t free = bits_in(u, word) & ~atomic_load(&pool->taken[word]);

		if (free)
			return word * 64 + (unsigned)__builtin_ctzll(free);
	}
	return u.end;
}

/* Brings up to n units in, at low addresses first: so if they are for a block of n units or less,
 * its aligned place is filled, as far as others have not taken some of it. Returns how many are in
 * use now. It ends where the kernel gives no more. */
static size_t bring(roost_pool_t *pool, struct units u, size_t n)
{
	size_t done = 0, taken, got;

	u.first = lowest_unit(pool, u);
	for (size_t word = u.first / 64; n && u.first < u.end && word <= (u.end - 1) / 64; word++) {
		got = bring_word(pool, u, word, n, &taken);
		done += got;
		n -= taken;
		if (got < taken)
			break;
	}
	return done;
}

/* ---- Grow ---------------------------------------------------------------------------------- */

static void has_grown(roost_pool_t *pool)
{
	RST_PROBE2(grow, pool->base, rst_size_allowed(pool));
	atomic_fetch_add(&pool->grown, 1);
}

bool rst_size_grow_for(roost_pool_t *pool, size_t bytes, unsigned node, bool only)
{
	size_t need = units_of(pool, bytes), raised, n, done;

	n = take_budget(pool, need, &raised);
	if (!n)
		return false;
	done = bring(pool, units_of_node(pool, node), n);
	for (unsigned other = 0; !only && done < n && other < pool->nodes; other++)
		if (other != node)
			done += bring(pool, units_of_node(pool, other), n - done);
	/* What the program's step allowed, and is not there, is not allowed. */
	give_budget(pool, n - done, raised < n - done ? raised : n - done);
	set_narrow(pool);
	if (done)
		rst_pool_has_more(pool);
	if (done && raised)
		has_grown(pool);
	return done;
}

/* Between two parts of a resize: lets signals in, and other threads have the lock. */
static void let_others(roost_pool_t *pool)
{
	rst_pool_unlock(&pool->size_lock);
	rst_pool_lock(&pool->size_lock, "roost_pool_resize");
}

/* Makes units of a node usable until target units of the pool are, or the kernel gives no more. */
static void bring_allowed(roost_pool_t *pool, unsigned node, size_t target)
{
	size_t n, done;

	do {
		size_t in = budget_of(pool).in;

		n = in < target ? take_allowed(pool, target - in < 64 ? target - in : 64) : 0;
		done = n ? bring(pool, units_of_node(pool, node), n) : 0;
		give_budget(pool, n - done, 0);
		if (done)
			rst_pool_has_more(pool);
		let_others(pool);
	} while (n && done == n);
}

/* By the same amount on each node, as long as the node has units. */
static int grow(roost_pool_t *pool, size_t target)
{
	struct budget from, to;

	do {
		from = to = budget_of(pool);
		to.allowed = target > from.allowed ? target : from.allowed;
	} while (!change_budget(pool, from, to));
	for (unsigned node = 0; node < pool->nodes && pool->eager; node++) {
		size_t in = budget_of(pool).in, left = in < target ? target - in : 0;

		bring_allowed(pool, node,
			      in + (left + pool->nodes - node - 1) / (pool->nodes - node));
	}
	for (unsigned node = 0; node < pool->nodes && pool->eager; node++)
		bring_allowed(pool, node, target);
	do {
		from = to = budget_of(pool);
		if (pool->eager)
			to.allowed = from.in;
	} while (!change_budget(pool, from, to));
	set_narrow(pool);
	rst_pool_has_more(pool);
	has_grown(pool);
	return to.allowed < target ? -ENOMEM : 0;
}

/* ---- Shrink -------------------------------------------------------------------------------- */

/* A held chunk of units. */
static void take_out_of_use(roost_pool_t *pool, roost_pfn pfn, unsigned order)
{
	size_t first = pfn >> pool->chunk_order, n = (size_t)1 << (order - pool->chunk_order);

	rst_memory_unuse(pool, rst_address(pool, pfn), n * unit_bytes(pool));
	rst_banish(pool->frames, pfn, order);
	release(pool, (struct units){first, first + n});
	give_budget(pool, n, n);
}

/* Takes free chunks out of use, largest first, until no more than target units are in use, or no
 * chunk is left. */
static void take_out_some(roost_pool_t *pool, size_t target)
{
	unsigned order = pool->max_order;
	size_t in;

	while (order >= pool->chunk_order && (in = budget_of(pool).in) > target) {
		size_t n = (size_t)1 << (order - pool->chunk_order);
		roost_pfn pfn = n <= in - target ? rst_hold(pool->frames, order) : ROOST_NONE;

		if (pfn == ROOST_NONE) {
			order--;
			continue;
		}
		take_out_of_use(pool, pfn, order);
		let_others(pool);
	}
}

static int shrink(roost_pool_t *pool, size_t target)
{
	struct budget from, to;

	/* What was never in use costs nothing. */
	do {
		from = to = budget_of(pool);
		to.allowed = from.in > target ? from.in : target;
	} while (!change_budget(pool, from, to));
	if (to.in > target) {
		roost_drain(pool->frames, -1); /* frames that CPUs keep break pageblocks up */
		take_out_some(pool, target);
	}
	RST_PROBE2(shrink, pool->base, rst_size_allowed(pool));
	atomic_fetch_add(&pool->shrunk, 1);
	set_narrow(pool);
	rst_pool_has_more(pool); /* an allocation may grow the pool again */
	return budget_of(pool).allowed > target ? -EAGAIN : 0;
}

int roost_pool_resize(roost_pool_t *pool, size_t bytes)
{
	struct rst_pool_call call;
	struct budget budget;
	size_t target;
	int err = 0;

	if (bytes > pool->limit || bytes < pool->reserve || !bytes)
		return -EINVAL;
	target = units_of(pool, bytes);
	rst_pool_begin(&call);
	rst_pool_lock(&pool->size_lock, "roost_pool_resize");
	budget = budget_of(pool);
	if (target > budget.allowed || (pool->eager && target > budget.in))
		err = grow(pool, target);
	else if (target < budget.allowed)
		err = shrink(pool, target);
	rst_pool_unlock(&pool->size_lock);
	rst_pool_end(&call);
	return err;
}

/* ---- Threads that are gone ----------------------------------------------------------------- */

/*
 * Chunks of a unit or more are held by nobody but a resize that takes them out of use. What a trim
 * holds is smaller, and what a grower has is not held. A chunk whose memory has gone already may
 * have been remapped: it cannot be put back in use as it is. So what the thread began is completed.
 */
void rst_size_repair(roost_pool_t *pool)
{
	for (size_t b = 0; b < rst_nr_pageblocks(pool); b++) {
		roost_pfn pfn = (roost_pfn)b << ROOST_PAGEBLOCK_ORDER;
		int order = rst_held_order(pool->frames, pfn);

		if (order >= (int)pool->chunk_order)
			take_out_of_use(pool, pfn, (unsigned)order);
	}
	set_narrow(pool);
}

void rst_size_recover(roost_pool_t *pool)
{
	struct budget budget = budget_of(pool);
	roost_pfn pages = (roost_pfn)1 << pool->chunk_order;

	budget.in = 0;
	for (size_t unit = 0; unit < nr_units(pool); unit++) {
		uint64_t bit = (uint64_t)1 << unit % 64,
			 taken = atomic_load(&pool->taken[unit / 64]);

		if (!(taken & bit))
			continue;
		if (rst_bring_recover(pool->frames, unit_pfn(pool, unit), pages))
			budget.in++;
		else
			release(pool, (struct units){unit, unit + 1});
	}
	budget.allowed = budget.allowed > budget.in ? budget.allowed : budget.in;
	atomic_store(&pool->budget, packed(budget));
	set_narrow(pool);
}

/* ---- Start --------------------------------------------------------------------------------- */

/* By the same amount on each node; of a lazy pool a step, and so much that the reserve is
 * complete. */
void rst_size_lay_out(roost_pool_t *pool, size_t initial, roost_pfn first[ROOST_MAX_NODES])
{
	size_t per_node = nr_units(pool) / pool->nodes, in = 0;
	size_t reserve = (pool->reserve + pool->nodes - 1) / pool->nodes;
	size_t left = units_of(pool, initial);

	pool->eager = initial || !rst_can_give_back(pool);
	for (unsigned node = 0; node < pool->nodes; node++) {
		size_t nodes_left = pool->nodes - node,
		       units = (left + nodes_left - 1) / nodes_left;

		if (!initial)
			units = pool->eager ? per_node : step_of(pool, 0) + units_of(pool, reserve);
		units = units < per_node ? units : per_node;
		left -= initial ? units : 0;
		first[node] = unit_pfn(pool, units);
		in += units;
	}
	atomic_store(&pool->budget,
		     packed((struct budget){.allowed = initial ? in : nr_units(pool), .in = in}));
	set_narrow(pool);
}

int rst_size_init(roost_pool_t *pool, const roost_pfn first[ROOST_MAX_NODES])
{
	int err = 0;

	rst_brings(pool->frames);
	for (unsigned node = 0; node < pool->nodes && !err; node++) {
		struct units u = units_of_node(pool, node);

		u.end = u.first + (first[node] >> pool->chunk_order);
		for (size_t word = u.first / 64; u.first < u.end && word <= (u.end - 1) / 64;
		     word++)
			atomic_fetch_or(&pool->taken[word], bits_in(u, word));
		err = u.first < u.end ? use(pool, u) : 0;
	}
	return err;
}
