/* SPDX-License-Identifier: MIT */
/*
 * block.c - notes pageblocks, makes them whole, opens them, and moves them from list to list.
 *
 * Any context, no loop without a bound. A function that changes one thing (a set, a place) looks at
 * the other one after its change, since the CPU that changed the other may have looked before it:
 *
 *	a free puts a frame, and then reads	this changes it, and then reads the set
 *	the place				a move
 *	CURRENT, a part of the place		a CPU that leaves the pageblock
 *	a hint					a demotion
 */
#include "sets/hidden.h"

/* ---- Old hints ----------------------------------------------------------------------------- */

/*
 * Clears index i of a list, in this bin and those above: its hints there lead nowhere. Then the
 * caller looks again and notes what it finds, unless it holds all that there is. Until then frames
 * may be hidden: if any hint was cleared this opens a section, unless the caller is in one.
 */
static bool clear_from(struct rst_zone *z, const struct rst_hint *hint, struct rst_hint_bin from,
		       uint64_t i, bool inside)
{
	unsigned bins = rst_hint_bins(hint, from.list) >> from.bin << from.bin;
	bool any = false;

	for (; bins; bins &= bins - 1) {
		from.bin = (unsigned)__builtin_ctz(bins);
		if (!rst_hint_has(hint, from, i))
			continue;
		if (!any && !inside)
			rst_hide(z);
		any = true;
		rst_hint_clear(hint, from, i);
	}
	return any;
}

static bool clear_block(struct rst_zone *z, unsigned list, rst_block_id b, unsigned bin,
			bool inside)
{
	return clear_from(z, &z->partial, (struct rst_hint_bin){list, bin}, b - z->first_block,
			  inside);
}

/* ---- Whole ------------------------------------------------------------------------------- */

/* Before the looks: roost_isolate() counts, sets the pageblock apart, and then takes it out of the
 * whole ones. */
static void open_isolated(struct roost *r, struct rst_zone *z, rst_region_id g)
{
	if (!rst_isolated(z))
		return;
	for (unsigned bit = 0; bit < RST_REGION; bit++)
		if (rst_set_has(&r->regions[g], bit) &&
		    rst_load_sc(&r->place[rst_block_at(r, g, bit)]) == ROOST_LIST_ISOLATE)
			rst_open_whole(r, z, rst_block_at(r, g, bit));
}

static RST_COLD void note_tainted(const struct rst_zone *z, uint64_t i, unsigned order)
{
	rst_hint_note(&z->whole, (struct rst_hint_bin){RST_TAINTED, order}, i);
}

static inline void note_region(const struct roost *r, const struct rst_zone *z, rst_region_id g,
			       unsigned order)
{
	uint64_t i = g - z->first_region;

	if (rst_whole_list(r, g) == RST_TAINTED)
		note_tainted(z, i, order);
	else
		rst_hint_note(&z->whole, (struct rst_hint_bin){RST_CLEAN, order}, i);
}

/* The first note comes before the clears: a search finds the region at any time, in one list or in
 * the other. */
static int settle_region(struct roost *r, struct rst_zone *z, rst_region_id g, bool inside)
{
	unsigned list = rst_whole_list(r, g);
	int order = rst_set_largest(&r->regions[g]);
	bool cleared;

	if (order >= 0)
		rst_hint_note(&z->whole, (struct rst_hint_bin){list, (unsigned)order},
			      g - z->first_region);
	cleared = clear_from(z, &z->whole, (struct rst_hint_bin){list, (unsigned)(order + 1)},
			     g - z->first_region, inside);
	cleared |= clear_from(z, &z->whole, (struct rst_hint_bin){!list, 0}, g - z->first_region,
			      inside || cleared);
	if (cleared)
		order = rst_set_largest(&r->regions[g]);
	if (cleared && order >= 0)
		note_region(r, z, g, (unsigned)order);
	if (cleared && !inside)
		rst_show(z);
	return order;
}

RST_COLD int rst_settle_region(struct roost *r, struct rst_zone *z, rst_region_id g)
{
	open_isolated(r, z, g);
	return settle_region(r, z, g, false);
}

void rst_settle_emptied(struct roost *r, struct rst_zone *z, rst_region_id g)
{
	for (unsigned i = 0; i < RST_SET_WORDS; i++)
		if (rst_load_rlx(&r->regions[g].word[i])) /* racy: what is put now is noted */
			return;
	rst_settle_region(r, z, g);
}

static void put_ordinary(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned order)
{
	unsigned bit, merged;
	rst_region_id g = rst_region_of(r, b, &bit);

	rst_add_rlx(&z->nr_whole, (uint64_t)1 << order);
	rst_set_put(&r->regions[g], bit, order);
	merged = rst_set_merged(&r->regions[g], bit, order);
	note_region(r, z, g, merged);
}

/* Those that are isolated stay apart. */
static void open_apart(struct roost *r, struct rst_zone *z, rst_block_id b, rst_block_id end)
{
	for (; b < end; b++)
		if (rst_load_sc(&r->place[b]) == ROOST_LIST_ISOLATE)
			rst_open_whole(r, z, b);
}

void rst_put_whole(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned order)
{
	put_ordinary(r, z, b, order);
	/* After the put: roost_isolate() counts and then looks whether the block is whole. */
	if (rst_isolated(z))
		open_apart(r, z, b, b + ((rst_block_id)1 << order));
}

/* Notes a pageblock of which something is free; the largest run of it has this order. */
static void note(const struct roost *r, const struct rst_zone *z, rst_block_id b, unsigned order)
{
	/* After the look at the set: if this misses a move, the CPU that moves the pageblock looks
	 * at the set itself. */
	unsigned list = rst_list_of(rst_load_sc(&r->place[b]));
	unsigned bin = rst_bin_of(order, order > 0 || rst_set_dense(&r->blocks[b]));

	RST_ASSERT("note: a pageblock is noted in its own zone",
		   rst_is_of_zone(r, z, b) && list < z->nr_lists);
	rst_hint_note(&z->partial, (struct rst_hint_bin){list, bin}, b - z->first_block);
}

void rst_open_whole(struct roost *r, struct rst_zone *z, rst_block_id b)
{
	unsigned bit;
	rst_region_id g = rst_region_of(r, b, &bit);

	/* The same look as in rst_set_take_at(). */
	if (!(rst_load_sc(&r->regions[g].word[bit / 64]) & rst_run(bit, 0)))
		return;
	rst_hide(z);
	if (rst_set_take_at(&r->regions[g], bit)) {
		RST_ASSERT_WALK("open: nothing is in the set of a whole pageblock",
				!rst_set_count(&r->blocks[b]));
		rst_add_rlx(&z->nr_whole, (uint64_t)-1);
		rst_settle_emptied(r, z, g);
		rst_set_put(&r->blocks[b], 0, RST_SET_ORDER);
		note(r, z, b, RST_SET_ORDER);
	}
	rst_show(z);
}

/*
 * Counts a pageblock that taints its region, or no longer does. With the first one the region's
 * hints go to the other list; the new value says which CPU moves them. After the last one they
 * stay: a free has no time, and a claim that comes upon them settles the region. Release:
 * rst_take_rel() has no weaker form. The count orders nothing, since searches look into both lists.
 */
static RST_COLD void count_taint(struct roost *r, rst_block_id b, bool more)
{
	unsigned bit;
	rst_region_id g = rst_region_of(r, b, &bit);
	uint32_t count = rst_take_rel(&r->taints[g], more ? -1u : 1u);

	RST_ASSERT("taint: what no longer taints a region was counted", more || count != -1u);
	if (more && count == 1)
		settle_region(r, rst_zone_of_block(r, b), g, false);
}

/* Takes all out of the pageblock's set, which was seen full, and puts the pageblock into the
 * region's set. False: others took some of it, or moved it. Then all that this call took is back in
 * the set, and the caller has to settle it. */
static bool make_whole(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned list)
{
	uint16_t place = (uint16_t)list;
	bool done, put_back;

	done = rst_set_take_words(&r->blocks[b], 0, RST_SET_ORDER, &put_back);
	if (done && !rst_cas16_sc(&r->place[b], &place, ROOST_LIST_MOVABLE)) {
		rst_set_put(&r->blocks[b], 0, RST_SET_ORDER);
		done = false;
	}
	RST_ASSERT_WALK("settle: nothing is left in the set of what becomes whole",
			!done || !rst_set_count(&r->blocks[b]));
	if (done) {
		clear_block(z, list, b, 0, true);
		if (rst_taints(list))
			count_taint(r, b, false);
		rst_put_whole(r, z, b, 0);
	}
	return done;
}

/* ---- Settle ------------------------------------------------------------------------------ */

enum { WHOLE_TRIES = 2 }; /* then the pageblock stays all free, but not whole */

/* What was seen of it has this largest order, -1: nothing. */
static int settle_partial(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned list,
			  int order, bool inside)
{
	unsigned none =
		order < 0 ? 0
			  : rst_bin_of((unsigned)order, order > 0 || rst_set_dense(&r->blocks[b])) +
				    1;
	bool cleared = clear_block(z, list, b, none, inside);

	if (cleared)
		order = rst_set_largest(&r->blocks[b]);
	if (order >= 0)
		note(r, z, b, (unsigned)order);
	if (cleared && !inside)
		rst_show(z);
	return rst_is_searched(list) ? order : -1;
}

/* The largest run that was seen has this order. inside: the caller has a section of its own open
 * (hidden.h). */
static int settle_seen(struct roost *r, struct rst_zone *z, rst_block_id b, int order, bool inside)
{
	for (unsigned i = 0;; i++, order = rst_set_largest(&r->blocks[b])) {
		unsigned place = rst_load_sc(&r->place[b]);
		bool done;

		if (order < RST_SET_ORDER || i == WHOLE_TRIES || place & RST_CURRENT ||
		    !rst_is_ordinary(place))
			return settle_partial(r, z, b, rst_list_of(place), order, inside);
		if (!inside)
			rst_hide(z);
		done = make_whole(r, z, b, place);
		if (!inside)
			rst_show(z);
		if (done)
			return order;
	}
}

static int settle(struct roost *r, struct rst_zone *z, rst_block_id b, bool inside)
{
	return settle_seen(r, z, b, rst_set_largest(&r->blocks[b]), inside);
}

int rst_settle(struct roost *r, struct rst_zone *z, rst_block_id b)
{
	return settle(r, z, b, false);
}

/* ---- Put -------------------------------------------------------------------------------- */

/* The place of a current pageblock does not matter: the CPU that leaves it looks. */
void rst_note_run(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned off, unsigned k)
{
	const struct rst_set *set = &r->blocks[b];
	unsigned place = rst_load_sc(&r->place[b]); /* after the put: see above */
	unsigned order, bin = RST_BINS - 1;

	if (!(place & RST_CURRENT)) {
		order = rst_set_merged(set, off, k);
		if (order == RST_SET_ORDER) {
			settle_seen(r, z, b, RST_SET_ORDER, false);
			return;
		}
		bin = rst_bin_of(order, rst_dense(rst_load_rlx(&set->word[off / 64])));
	}
	rst_hint_note(&z->partial, (struct rst_hint_bin){rst_list_of(place), bin},
		      b - z->first_block);
}

void rst_note_reserve(struct rst_zone *z, rst_block_id first, rst_block_id last)
{
	rst_block_id before = (rst_block_id)(rst_load_rlx(&z->apart) >> 32);

	if (first < before) /* one call at a time */
		rst_add_sc(&z->apart, -((uint64_t)(before - first) << 32));
	if (last > rst_load_rlx(&z->reserve_last))
		rst_store_rlx(&z->reserve_last, last);
}

/* The first pageblock from b on that is the reserve's or isolated, or end. */
static rst_block_id next_apart(const struct roost *r, rst_block_id b, rst_block_id end)
{
	const _Atomic uint16_t *place = r->place + b, *last = r->place + end;

	while (place < last && rst_is_searched(rst_load_rlx(place)))
		place++;
	return (rst_block_id)(place - r->place);
}

/* Puts n whole pageblocks from this bit of a region on, which the caller notes. */
static void put_run(struct roost *r, struct rst_zone *z, rst_region_id g, unsigned bit, unsigned n)
{
	rst_add_rlx(&z->nr_whole, n);
	for (unsigned i = bit / 64; i * 64 < bit + n; i++)
		rst_set_put_bits(&r->regions[g].word[i], rst_bits_of(bit, bit + n, i));
}

/* Puts 2^order pageblocks, of which this one is the first that stays apart. */
static void put_around(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned order,
		       rst_block_id apart)
{
	rst_block_id end = b + (1u << order);
	unsigned first, bit, merged;
	rst_region_id g = rst_region_of(r, b, &first);

	for (bit = first;; apart = next_apart(r, b, end)) {
		if (apart > b)
			put_run(r, z, g, bit, apart - b);
		if (apart == end)
			break;
		rst_put(r, z, apart << ROOST_PAGEBLOCK_ORDER, RST_SET_ORDER);
		bit += apart + 1 - b;
		b = apart + 1;
	}
	/* All of it, if nothing is isolated any more; else half of it at most. */
	merged = rst_set_merged(&r->regions[g], first, 0);
	note_region(r, z, g, merged >= order ? merged : order - 1);
}

/*
 * A block of several pageblocks. Those of the reserve can be handed out, but are never whole; nor
 * are those that were isolated before, not even for a moment, since a take of whole pageblocks does
 * not look at places. Of what is isolated meanwhile:
 *
 *	this				an isolation
 *	1  reads isolations, and places	1  place = isolate
 *	2  puts				2  raises isolations
 *	3  reads isolations; another?	3  looks at the region; whole? opens it
 *	   looks at all places again
 *
 * 1 acquires, the others are sequentially consistent. If 1 on the left misses the place, either 3
 * on the left sees the new number, or 3 on the right sees what was put.
 */
static __attribute__((noinline)) void put_large(struct roost *r, struct rst_zone *z, rst_block_id b,
						unsigned order)
{
	unsigned k = order - RST_SET_ORDER;
	rst_block_id end = b + (1u << k), apart;
	/* Relaxed: the caller has the block since this says what it says of its pageblocks. */
	uint64_t any = rst_load_rlx(&z->apart);
	uint32_t seen;

	if (!(uint32_t)any && (end <= any >> 32 || b > rst_load_rlx(&z->reserve_last))) {
		rst_put_whole(r, z, b, k);
		return;
	}
	seen = rst_load_acq(&z->isolations);
	apart = next_apart(r, b, end);
	if (apart < end)
		put_around(r, z, b, k, apart);
	else
		put_ordinary(r, z, b, k);
	if (rst_load_sc(&z->isolations) != seen)
		open_apart(r, z, b, end);
}

/* What is set apart must not be whole even for a moment: see put_large(). */
static RST_COLD void put_apart(struct roost *r, struct rst_zone *z, rst_block_id b)
{
	rst_set_put(&r->blocks[b], 0, RST_SET_ORDER);
	rst_settle(r, z, b);
}

void rst_put(struct roost *r, struct rst_zone *z, rst_frame_id f, unsigned order)
{
	rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;
	unsigned place;
	bool reserve;

	if (order > RST_SET_ORDER) {
		put_large(r, z, b, order);
		return;
	}
	place = rst_load_rlx(&r->place[b]);
	reserve = place == ROOST_LIST_RESERVE; /* forever, or never */
	if (order == RST_SET_ORDER && !reserve) {
		if (place == ROOST_LIST_ISOLATE)
			put_apart(r, z, b);
		else
			rst_put_whole(r, z, b, 0);
		return;
	}
	rst_set_put(&r->blocks[b], f % RST_PAGEBLOCK, order);
	if (reserve)
		rst_add_rlx(&z->reserve_free, (int64_t)1 << order);
	rst_note_run(r, z, b, f % RST_PAGEBLOCK, order);
}

/* Something of a word of a set was put: notes the largest run that it has now, which may be a part
 * of a larger one. What the other words have is noted. */
static void note_word(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned i)
{
	/* Relaxed: as in rst_set_merged(). */
	uint64_t word = rst_load_rlx(&r->blocks[b].word[i]);
	unsigned bit, k;

	if (!word)
		return; /* others were faster */
	k = rst_largest_run(word, &bit);
	rst_note_run(r, z, b, i * 64 + bit, k);
}

/* In one word of a set with one OR. */
void rst_put_frames(struct roost *r, struct rst_zone *z, rst_frame_id f, uint32_t n)
{
	rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;
	const struct rst_span *span = rst_span_of(&r->base.map, f);
	roost_pfn pfn = rst_pfn_of(span, f), end = pfn + n;

	if (f % 64 + n <= 64) {
		rst_set_put_bits(&r->blocks[b].word[f % RST_PAGEBLOCK / 64],
				 RST_FULL >> (64 - n) << f % 64);
		if (rst_load_rlx(&r->place[b]) == ROOST_LIST_RESERVE)
			rst_add_rlx(&z->reserve_free, (int64_t)n);
		note_word(r, z, b, f % RST_PAGEBLOCK / 64);
		return;
	}
	while (pfn < end) {
		unsigned order = rst_piece(pfn, end);

		rst_put(r, z, rst_frame_of(span, pfn), order);
		pfn += (roost_pfn)1 << order;
	}
}

/* ---- Old hints ----------------------------------------------------------------------------- */

/* Something is free there that the search may have passed already. At rest this never happens. */
static void uncovered(struct rst_call *q, int order)
{
	q->missed |= order >= (int)q->ask.order;
}

bool rst_has_room(const struct rst_call *q, rst_block_id b)
{
	const struct rst_set *set = &q->r->blocks[b];

	if (!rst_is_odd(rst_asked(q)))
		return rst_set_has_run(set, q->ask.order);
	return q->ask.frames <= 64 ? rst_set_has_odd(set, q->ask.frames)
				   : rst_set_odd_free(set, 0, q->ask.frames) < RST_SET_SIZE;
}

/* The largest free run of a pageblock has this order. An odd block may fit where it is smaller. */
static void uncovered_in(struct rst_call *q, rst_block_id b, int order)
{
	uncovered(q, order);
	if (order >= 0 && order < (int)q->ask.order && rst_is_odd(rst_asked(q)))
		q->missed |= rst_has_room(q, b);
}

void rst_demote(struct rst_call *q, struct rst_zone *z, struct rst_hint_bin in, rst_block_id b)
{
	rst_hide_searching(q, z);
	RST_ASSERT("demote: frames count as hidden while a hint is cleared",
		   rst_is_any_hidden(q->r, z));
	rst_hint_clear(&z->partial, in, b - z->first_block);
	uncovered_in(q, b, settle(q->r, z, b, true));
	rst_show(z);
}

void rst_demote_region(struct rst_call *q, struct rst_zone *z, struct rst_hint_bin in,
		       rst_region_id g)
{
	int largest;

	rst_hide_searching(q, z);
	RST_ASSERT("demote: frames count as hidden while a region's hint is cleared",
		   rst_is_any_hidden(q->r, z));
	rst_hint_clear(&z->whole, in, g - z->first_region);
	open_isolated(q->r, z, g);
	largest = settle_region(q->r, z, g, true);
	uncovered(q, largest < 0 ? largest : largest + RST_SET_ORDER);
	rst_show(z);
}

/* Is this pageblock all free? First makes sure that it is no CPU's current one. */
static bool gather(struct rst_call *q, struct rst_zone *z, struct rst_hint_bin in, rst_block_id b)
{
	int order;

	rst_hide_searching(q, z);
	if (rst_set_largest(&q->r->blocks[b]) == RST_SET_ORDER)
		rst_and_sc(&q->r->place[b], (uint16_t)rst_list_of(0xffff));
	RST_ASSERT("gather: frames count as hidden while a hint is cleared",
		   rst_is_any_hidden(q->r, z));
	rst_hint_clear(&z->partial, in, b - z->first_block);
	order = settle(q->r, z, b, true);
	rst_show(z);
	return order == RST_SET_ORDER;
}

/* Is it worth it? A brief call looks first. */
static bool is_to_gather(struct rst_call *q, rst_block_id b, bool *stop)
{
	enum rst_old_hint then;

	if (!q->brief || rst_set_largest(&q->r->blocks[b]) == RST_SET_ORDER)
		return true;
	then = rst_old_hint(q, rst_load_rlx(&q->r->place[b]) & RST_CURRENT);
	*stop = then == RST_LEAVE_REST;
	return then == RST_CLEAR_HINT;
}

static unsigned gather_list(struct rst_call *q, struct rst_zone *z, unsigned list)
{
	const struct rst_hint_bin in = {list, RST_BINS - 1};
	bool stop = false;
	unsigned n = 0;

	for (uint64_t i = 0; !stop && (i = rst_hint_find(&z->partial, in, i)) != RST_NO_HINT; i++) {
		rst_block_id b = z->first_block + (rst_block_id)i;

		if (is_to_gather(q, b, &stop))
			n += gather(q, z, in, b);
	}
	return n;
}

/* What is kept and all free is given back. */
static unsigned gather_kept(struct rst_call *q, struct rst_zone *z)
{
	const struct rst_hint_bin in = {ROOST_LIST_ATOMIC, RST_BINS - 1};
	bool stop = false;
	unsigned n = 0;

	for (uint64_t i = 0; !stop && (i = rst_hint_find(&z->partial, in, i)) != RST_NO_HINT; i++) {
		rst_block_id b = z->first_block + (rst_block_id)i;

		if (!is_to_gather(q, b, &stop))
			continue;
		if (rst_set_largest(&q->r->blocks[b]) < RST_SET_ORDER)
			rst_demote(q, z, in, b);
		else
			n += rst_move(q->r, z, b, ROOST_LIST_ATOMIC, ROOST_LIST_MOVABLE);
		stop |= n && q->ask.order == RST_SET_ORDER;
	}
	return n;
}

unsigned rst_gather(struct rst_call *q, struct rst_zone *z)
{
	bool any_kept = false;
	unsigned n = 0;

	for (unsigned list = 0;
	     (list = rst_hint_next_list(&z->partial, list, 1u << (RST_BINS - 1))) < z->nr_lists;
	     list++) {
		any_kept |= list == ROOST_LIST_ATOMIC;
		if (rst_is_ordinary(list))
			n += gather_list(q, z, list);
	}
	if (any_kept && !(n && q->ask.order == RST_SET_ORDER))
		n += gather_kept(q, z);
	return n;
}

/* ---- Places ------------------------------------------------------------------------------ */

/* The count is raised before the place changes and lowered after it: the compare-and-exchange is
 * sequentially consistent, so a CPU that reads the place finds the pageblock counted. */
bool rst_replace(struct roost *r, rst_block_id b, uint16_t *from, unsigned to)
{
	bool before = rst_taints(*from), after = rst_taints(to), done;

	if (after && !before)
		count_taint(r, b, true);
	done = rst_cas16_sc(&r->place[b], from, (uint16_t)to);
	if (done ? before && !after : after && !before)
		count_taint(r, b, false);
	/* Relaxed: it bounds how many are kept, and no more. */
	if (done && rst_list_of(*from) == ROOST_LIST_ATOMIC)
		rst_add_rlx(&rst_zone_of_block(r, b)->nr_atomic, -1u);
	if (done && rst_list_of(to) == ROOST_LIST_ATOMIC)
		rst_add_rlx(&rst_zone_of_block(r, b)->nr_atomic, 1u);
	return done;
}

bool rst_move(struct roost *r, struct rst_zone *z, rst_block_id b, unsigned from, unsigned to)
{
	uint16_t place = (uint16_t)from;
	bool cleared;

	RST_ASSERT("move: no pageblock leaves the reserve, and each has a list",
		   rst_list_of(from) != ROOST_LIST_RESERVE && rst_list_of(to) < z->nr_lists);
	if (!rst_replace(r, b, &place, to))
		return false;
	cleared = rst_list_of(from) != rst_list_of(to) &&
		  clear_block(z, rst_list_of(from), b, 0, false);
	settle(r, z, b, cleared);
	if (cleared)
		rst_show(z);
	return true;
}

enum { DISOWN_TRIES = 16 }; /* for calls that have begun, like an isolation */

bool rst_disown(struct roost *r, rst_block_id b)
{
	uint16_t place = rst_load_rlx(&r->place[b]);

	for (unsigned i = 0; i < DISOWN_TRIES; i++)
		if (place == ROOST_LIST_MOVABLE || !rst_is_searched(rst_list_of(place)) ||
		    rst_replace(r, b, &place, ROOST_LIST_MOVABLE))
			return true;
	return false;
}

void rst_leave(struct roost *r, struct rst_zone *z, rst_block_id b)
{
	RST_ASSERT("leave: a CPU's pageblock is of that zone", rst_is_of_zone(r, z, b));
	rst_and_sc(&r->place[b], (uint16_t)rst_list_of(0xffff));
	rst_settle(r, z, b);
}

void rst_set_current(struct roost *r, struct rst_zone *z, struct rst_pcp *pcp, unsigned type,
		     rst_block_id b)
{
	rst_block_id before = rst_xchg_sc(&pcp->current[type], b);

	if (before != RST_NO_BLOCK && before != b)
		rst_leave(r, z, before);
}

/* ---- Checks ------------------------------------------------------------------------------ */

bool rst_is_clean(const struct roost *r, rst_frame_id f, uint32_t n, bool allocated)
{
	for (rst_frame_id i = f; i < f + n; i++) {
		rst_block_id b = i >> ROOST_PAGEBLOCK_ORDER;

		if (rst_om_is_allocated(rst_load_rlx(&r->om[i])) != (allocated && i == f) ||
		    rst_set_has(&r->blocks[b], i % RST_PAGEBLOCK) ||
		    (i % RST_PAGEBLOCK == 0 && rst_is_whole(r, b)))
			return false;
	}
	return true;
}
