/* SPDX-License-Identifier: MIT */
/* pocket.c - the rarer half of pocket.h: moves frames between a pocket and the sets. */
#include "sets/hidden.h"
#include "sets/pocket.h"

/* Is it one aligned run of 2^k frames? */
static bool is_run(uint64_t bits, unsigned *k)
{
	unsigned first = (unsigned)__builtin_ctzll(bits);

	for (*k = 0; *k <= RST_POCKET_ORDER; ++*k)
		if (first % (1u << *k) == 0 && bits == rst_run(first, *k))
			return true;
	return false;
}

/* Puts frames that were in a pocket back into their set. */
static void put_frames(struct roost *r, struct rst_zone *z, uint64_t word)
{
	uint64_t bits = word & UINT32_MAX;
	rst_frame_id f = rst_pocket_first(word);
	rst_block_id b = f >> ROOST_PAGEBLOCK_ORDER;
	unsigned off = f % RST_PAGEBLOCK, k;

	if (!bits)
		return;
	rst_set_put_bits(&r->blocks[b].word[off / 64], bits << (off & 63));
	if (is_run(bits, &k))
		rst_note_run(r, z, b, off + (unsigned)__builtin_ctzll(bits), k);
	else
		rst_settle(r, z, b);
}

static void put_spare(struct roost *r, struct rst_zone *z, uint64_t word)
{
	if (word)
		rst_put(r, z, (rst_frame_id)word, rst_spare_order(word));
}

static void put_word(struct roost *r, struct rst_zone *z, bool spare, uint64_t word)
{
	if (spare)
		put_spare(r, z, word);
	else
		put_frames(r, z, word);
}

bool rst_pocket_swap(struct roost *r, struct rst_zone *z, unsigned cpu, _Atomic uint64_t *word,
		     uint64_t new, rst_block_id b, unsigned place)
{
	struct rst_pocket *pocket = &z->pockets[cpu];
	struct rst_seq s = {.stop = &pocket->stop,
			    .word = word,
			    .old = rst_load_acq(word),
			    .new = new,
			    .guard = &r->place[b],
			    .expected = (uint16_t)place};
	bool spare = word == &pocket->spare, done;

	if (spare ? !s.old : !(s.old & UINT32_MAX))
		return rst_seq_cas_guarded(cpu, s);
	rst_hide_here(z, cpu);
	done = rst_seq_cas_guarded(cpu, s);
	if (done)
		put_word(r, z, spare, s.old);
	rst_show_here(z, cpu);
	return done;
}

/* Takes all free frames of half a word: a block of them for the caller, and the rest for the
 * pocket. */
static bool fill_from(struct roost *r, struct rst_zone *z, unsigned cpu, unsigned type, unsigned k,
		      rst_block_id b, unsigned word, rst_frame_id *f)
{
	unsigned place = (z->pockets[cpu].first_list + type) | RST_CURRENT, off, bit;
	uint64_t bits = rst_set_take_half(&r->blocks[b], word, k, &off);

	if (!bits)
		return false;
	bit = (unsigned)__builtin_ctzll(rst_runs(bits, k));
	*f = b << ROOST_PAGEBLOCK_ORDER | off | bit;
	bits &= ~rst_run(bit, k);
	if (bits && !rst_pocket_swap(r, z, cpu, &z->pockets[cpu].frames[type],
				     rst_pocket_word(*f, bits), b, place))
		put_frames(r, z, rst_pocket_word(*f, bits));
	return true;
}

bool rst_pocket_fill(struct roost *r, struct rst_zone *z, unsigned cpu, unsigned type, unsigned k,
		     rst_frame_id *f)
{
	rst_block_id b = rst_load_rlx(&z->pcps[cpu].current[type]);
	unsigned place = (z->pockets[cpu].first_list + type) | RST_CURRENT, word;
	bool had;

	/* Racy: see rst_from_current() in partial.c. */
	if (b == RST_NO_BLOCK || rst_load_rlx(&r->place[b]) != place)
		return false;
	word = rst_set_word_with(&r->blocks[b], 0, k);
	if (word == RST_SET_WORDS)
		return false;
	if (rst_wants_hole(z, rst_list_of(place), k) && !rst_passes_hole(&z->pcps[cpu])) {
		word = rst_set_word_with_exact(&r->blocks[b], k);
		if (word == RST_SET_WORDS)
			return false; /* first rst_from_holes(), in partial.c */
	}
	rst_hide_here(z, cpu);
	had = fill_from(r, z, cpu, type, k, b, word, f);
	rst_show_here(z, cpu);
	return had;
}

/* ---- Reap ---------------------------------------------------------------------------------- */

/* Empties a pocket into the sets. Sequences already leave it alone. */
static void put_all(struct roost *r, struct rst_zone *z, struct rst_pocket *pocket,
		    uint32_t afterwards)
{
	uint64_t words[RST_TYPES], spare;

	RST_ASSERT("reap: a pocket is stopped before it is emptied",
		   rst_load_rlx(&pocket->stop) == RST_POCKET_REAPED);
	/* Sequentially consistent: a search that sees that they are gone sees that they are
	 * hidden. */
	rst_hide(z);
	for (unsigned type = 0; type < RST_TYPES; type++)
		words[type] = rst_xchg_sc(&pocket->frames[type], 0);
	spare = rst_xchg_sc(&pocket->spare, 0);
	/* Release: the words are empty before a sequence sees that the pocket is open. */
	rst_store_rel(&pocket->stop, afterwards);
	for (unsigned type = 0; type < RST_TYPES; type++)
		put_frames(r, z, words[type]);
	put_spare(r, z, spare);
	rst_show(z);
}

bool rst_pocket_reap(struct roost *r, struct rst_zone *z, unsigned cpu, uint32_t afterwards)
{
	struct rst_pocket *pocket = &z->pockets[cpu];
	uint32_t stop = RST_POCKET_OPEN;
	bool fenced;

	/* stop is a lock among CPUs that reap, which they only try. To the CPU's sequences it says
	 * that a reap is under way. Acquire: sees what the reaper before put back. */
	if (!rst_cas32_acq(&pocket->stop, &stop, RST_POCKET_REAPED))
		return stop == RST_POCKET_CLOSED;
	fenced = rst_seq_fence(cpu);
	RST_PROBE3(reap, z->desc.id, cpu, fenced);
	if (!fenced) { /* a sequence may be under way: hands off */
		rst_store_rel(&pocket->stop, RST_POCKET_OPEN);
		return false;
	}
	if (rst_pocket_is_empty(pocket))
		rst_store_rel(&pocket->stop, afterwards);
	else
		put_all(r, z, pocket, afterwards);
	return true;
}

bool rst_pocket_reap_any(struct roost *r, struct rst_zone *z)
{
	bool any = false;

	/* Racy: frames that come there after the look were put after the search began. A search
	 * that finds another reaper at work, or that gets no fence, has not seen what is there. */
	for (unsigned cpu = 0; cpu < r->pocket_cpus; cpu++) {
		if (rst_pocket_is_empty(&z->pockets[cpu]))
			continue;
		rst_pocket_reap(r, z, cpu, RST_POCKET_OPEN);
		any = true;
	}
	return any;
}

enum { REAP_ROUNDS = 64 }; /* waits for a reaper, which may have been killed */

bool rst_pocket_reap_surely(struct roost *r, struct rst_zone *z, unsigned cpu, uint32_t afterwards)
{
	for (unsigned round = 0; r->pocket_cpus; round++) {
		if (rst_pocket_reap(r, z, cpu, afterwards))
			return true;
		if (round + 1 == REAP_ROUNDS)
			return false;
		rst_sleep(round);
	}
	return true;
}

/* ---- Look ---------------------------------------------------------------------------------- */

uint64_t rst_pocket_frames(const struct rst_zone *z, unsigned cpu)
{
	const struct rst_pocket *pocket = &z->pockets[cpu];
	uint64_t frames = 0, spare = rst_load_rlx(&pocket->spare);

	for (unsigned type = 0; type < RST_TYPES; type++)
		frames += rst_weight(rst_load_rlx(&pocket->frames[type]) & UINT32_MAX);
	return spare ? frames + ((uint64_t)1 << rst_spare_order(spare)) : frames;
}

/* The order of the free run of a pocket around a frame, -1: it is not there. */
static int order_in_pocket(const struct rst_pocket *pocket, rst_frame_id f, rst_frame_id *head)
{
	uint64_t spare = rst_load_rlx(&pocket->spare);
	unsigned k = spare ? rst_spare_order(spare) : 0;

	*head = f & ~((1u << k) - 1);
	if (spare && *head == (rst_frame_id)spare)
		return (int)k;
	for (unsigned type = 0; type < RST_TYPES; type++) {
		uint64_t word = rst_load_rlx(&pocket->frames[type]);

		if (rst_pocket_first(word) != (f & ~31u) || !(word & rst_run(f & 31, 0)))
			continue;
		for (k = 0; k < RST_POCKET_ORDER; k++) {
			uint64_t run = rst_run(f & 31 & ~((2u << k) - 1), k + 1);

			if ((word & run) != run)
				break;
		}
		*head = f & ~((1u << k) - 1);
		return (int)k;
	}
	return -1;
}

int rst_pocket_order(const struct roost *r, const struct rst_zone *z, rst_frame_id f,
		     rst_frame_id *head)
{
	for (unsigned cpu = 0; cpu < r->pocket_cpus; cpu++) {
		int order = order_in_pocket(&z->pockets[cpu], f, head);

		if (order >= 0)
			return order;
	}
	return -1;
}
