/* SPDX-License-Identifier: MIT */
/*
 * tries.c - how often the engine sets tries again: a word that others change, a place that moves, a
 * pocket that cannot be fenced off, a search that found nothing. As often as is said, and no more.
 */
#include "sets/engine.h"

#include "harness.h"

#include "count.h"

static struct rig *meddled; /* the rig, for the meddlers */
static unsigned moves;

/* ---- Tries --------------------------------------------------------------------------------- */

/* Somebody changes the word each time before a compare-and-exchange: another thing of it comes or
 * goes. */
static void outrun64(volatile void *word)
{
	_Atomic uint64_t *w = (_Atomic uint64_t *)(uintptr_t)word;

	atomic_fetch_xor(w, UINT64_C(1) << 63);
}

static void outrun16(volatile void *place)
{
	_Atomic uint16_t *p = (_Atomic uint16_t *)(uintptr_t)place;

	atomic_fetch_xor(p, (uint16_t)RST_CURRENT);
}

static void outrun(void (*meddle)(volatile void *))
{
	reset();
	counted.meddle = meddle;
}

/* A call that others outrun tries this often on each word, and no more. */
static void words_are_tried_so_often(void **state)
{
	struct rst_set set = {0};
	uint16_t offs[64];
	unsigned off;

	(void)state;
	atomic_store(&set.word[2], 0xf);
	outrun(outrun64);
	assert_false(rst_set_take(&set, 1, &off));
	assert_int_equal(counted.tries, RST_SET_TRIES);
	outrun(outrun64); /* of an exact run, and of any */
	assert_false(rst_set_take_best(&set, 2, &off));
	assert_int_equal(counted.tries, 2 * RST_SET_TRIES);
	outrun(outrun64);
	assert_int_equal(rst_set_take_some(&set, 1, 2, offs), 0);
	assert_int_equal(counted.tries, RST_SET_TRIES);
	outrun(outrun64);
	assert_int_equal(rst_set_take_half(&set, 2, 1, &off), 0);
	assert_int_equal(counted.tries, RST_SET_TRIES);
	outrun(outrun64);
	assert_false(rst_set_take_at(&set, 129));
	assert_int_equal(counted.tries, RST_SET_TRIES);
	/* Words are tried once: what is not full is none. */
	for (unsigned i = 0; i < RST_SET_WORDS; i++)
		atomic_store(&set.word[i], RST_FULL);
	outrun(outrun64);
	assert_false(rst_set_take_words(&set, 256, 8, &(bool){false}));
	assert_int_equal(counted.tries, 1);
	reset();
}

/* Allocations keep changing the place of a pageblock that is to be set apart or handed over. */
static void places_are_tried_so_often(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	rig_open_simple(&rig, state, 0, 2 * BLOCK, 2);
	pfn = rig_get(&rig, 0, 0);
	outrun(outrun16);
	assert_int_equal(roost_isolate(rig.roost, pfn, true), -ROOST_EAGAIN);
	assert_int_equal(counted.tries, 16); /* ISOLATE_TRIES */
	assert_int_equal(rst_isolated(&rig.roost->zones[0]), 0);
	outrun(outrun16);
	roost_drain(rig.roost, 0);
	assert_int_equal(counted.tries, 4); /* HAND_OVER_TRIES */
	reset();
	rig_home(&rig);
	rig_close(&rig);
}

/* A pageblock that is all free, but goes from list to list whenever it is to be made whole. */
static void move_about(volatile void *word)
{
	_Atomic uint16_t *place = meddled->roost->place;

	if (word != (volatile void *)place)
		return;
	moves++;
	atomic_fetch_xor(place, (uint16_t)(ROOST_LIST_MOVABLE ^ ROOST_LIST_UNMOVABLE));
}

static void wholes_are_tried_twice(void **state)
{
	struct rst_zone *z;
	struct rig rig;

	rig_open_simple(&rig, state, 0, BLOCK, 1);
	z = &rig.roost->zones[0];
	rig_free(&rig, rig_get(&rig, 0, 0));
	z->pcps[0].current[0] = RST_NO_BLOCK;
	rig.roost->place[0] = ROOST_LIST_MOVABLE;
	meddled = &rig;
	moves = 0;
	outrun(move_about);
	rst_settle(rig.roost, z, 0);
	assert_int_equal(moves, 2); /* WHOLE_TRIES */
	reset();
	assert_int_equal(z->nr_whole, 0);
	rig_check(&rig);
	rst_settle(rig.roost, z, 0);
	assert_int_equal(z->nr_whole, 1);
	rig_home(&rig);
	rig_close(&rig);
}

/* The CPU goes off-line while it makes a pageblock its current one: in between the look at whether
 * it is on-line and the change of the pageblock's place. */
static void go_offline(volatile void *word)
{
	if (word != (volatile void *)meddled->roost->place)
		return;
	counted.meddle = NULL;
	moves++;
	assert_int_equal(roost_cpu_offline(meddled->roost, 0), 0);
}

static void whoever_goes_off_line_has_none(void **state)
{
	struct rst_pcp *pcp;
	struct rig rig;

	for (unsigned claimed = 0; claimed < 2; claimed++) {
		rig_open_simple(&rig, state, 0, BLOCK, 1);
		pcp = &rig.roost->zones[0].pcps[0];
		if (!claimed) { /* it has been another's, and is adopted */
			rig_get(&rig, 0, 0);
			roost_drain(rig.roost, 0);
		}
		meddled = &rig;
		moves = 0;
		outrun(go_offline);
		rig_get(&rig, 0, 0);
		reset();
		assert_int_equal(moves, 1);
		assert_int_equal(pcp->current[0], RST_NO_BLOCK);
		assert_int_equal(rig.roost->place[0], ROOST_LIST_MOVABLE);
		rig_home(&rig);
		rig_close(&rig);
	}
}

/* No pageblock is whole and no region tainted. Each CPU has a movable pageblock of which some is
 * free. How often does an unmovable allocation read the words on top, which say that? */
static unsigned looks_for_a_steal(void *const *state, unsigned cpus)
{
	const struct rst_hint *partial;
	struct rig rig;

	rig_open_simple(&rig, state, 0, cpus * BLOCK, cpus);
	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		rig_cpu(&rig, cpu);
		rig_get(&rig, 8, 0);
	}
	rig_cpu(&rig, 0);
	partial = &rig.roost->zones[0].partial;
	reset();
	counted.from = partial->top;
	counted.to = partial->top + (partial->nr_lists + 3) / 4;
	rig_get(&rig, 3, ROOST_UNMOVABLE);
	cpus = counted.within;
	rig_home(&rig);
	rig_close(&rig);
	return cpus;
}

/* It looks for a pageblock in a tainted region in that many lists, bin by bin, and not in the
 * others. Then it takes the first pageblock that there is. */
static void steals_look_so_often(void **state)
{
	enum { LOOKS = 16 }; /* STEAL_LOOKS */
	unsigned few, many;

	NEED_SMP();
	few = looks_for_a_steal(state, LOOKS);
	many = looks_for_a_steal(state, RST_MAX_HOMES);
	assert_in_range(many - few, 0, (RST_MAX_HOMES - LOOKS) * RST_BINS / 2);
}

/* Accesses of the claim that taints the first of n regions, each of which is noted there, too. */
static unsigned claim_among(void *const *state, unsigned n, struct rst_hint_bin in)
{
	enum { MOST = 256 };
	static struct roost_range ranges[MOST];
	struct roost_config config = rig_config(state);
	struct rig rig;

	for (unsigned g = 0; g < n; g++) {
		ranges[g].start = (roost_pfn)g * RST_REGION * BLOCK;
		ranges[g].end = ranges[g].start + 2 * BLOCK;
	}
	config.ranges = ranges;
	config.nr_ranges = n;
	config.nr_cpus = 1;
	rig_open(&rig, &config);
	for (unsigned g = 0; g < n; g++)
		rst_hint_note(&rig.roost->zones[0].whole, in, g);
	reset();
	rig_get(&rig, 3, ROOST_UNMOVABLE);
	n = counted.accesses;
	rig_home(&rig);
	rig_close(&rig);
	return n;
}

/* However many regions have hints that are too high, or are in the list of the other kind, a claim
 * looks at 64 of them at most (LOOKS) and settles two. */
static void claims_look_so_often(void **state)
{
	static const struct rst_hint_bin hints[] = {{RST_CLEAN, RST_SET_ORDER}, {RST_TAINTED, 0}};

	for (unsigned i = 0; i < LENGTH(hints); i++) {
		unsigned few = claim_among(state, 66, hints[i]);

		assert_in_range(few, 64, 64 * 20);
		assert_in_range(claim_among(state, 256, hints[i]), few, few + 40);
	}
}

/* ---- Rounds -------------------------------------------------------------------------------- */

/* Of the pool of one pageblock n frames are in the hands of a CPU that stopped before the put: they
 * count as free, but no search finds them. */
static void open_hidden(struct rig *rig, void *const *state, uint64_t n)
{
	rig_open_simple(rig, state, 0, BLOCK, 2);
	rig_take_all(rig, 0, 0);
	rig->roost->zones[0].pcps[0].orders.freed[0] += n;
	reset();
}

static void close_hidden(struct rig *rig, uint64_t n)
{
	rig->roost->zones[0].pcps[0].orders.freed[0] -= n;
	rig_home(rig);
	rig_close(rig);
	counted.on_sleep = NULL;
}

static void begin(void)
{
	meddled->roost->zones[0].begun++; /* and never ends */
}

static void something_happens(void)
{
	meddled->roost->zones[0].pcps[1].orders.freed[18]++;
	meddled->roost->zones[0].pcps[1].orders.allocated[18]++;
}

static void on_pressure(struct rig *rig)
{
	(void)rig;
	something_happens();
}

static void end_hidden(struct rig *rig)
{
	rig->roost->zones[0].pcps[1].orders.freed[18] = 0;
	rig->roost->zones[0].pcps[1].orders.allocated[18] = 0;
}

/* The contract of ROOST_WAIT. With a proof an allocation fails without sleeping. While enough
 * frames count as free there is none (for larger orders: while something happens, too): then it
 * searches ROOST_WAIT_ROUNDS times, whatever the order, and sleeps between them, but not after the
 * first. */
static void fails_with_proof_or_after_all_rounds(void **state)
{
	static const struct {
		unsigned order, hidden, begun, events;
		bool proof;
	} cases[] = {
		{0, 0, 0, 0, true},  {0, 1, 0, 0, false}, {0, 1, 1, 0, false},
		{3, 7, 1, 1, true},  {3, 8, 0, 0, true},  {3, 8, 1, 0, false},
		{3, 8, 0, 1, false}, {3, 9, 1, 1, false}, {0, 1, 0, 1, false},
	};
	struct rig rig;

	for (unsigned i = 0; i < LENGTH(cases); i++) {
		struct roost_stats stats = {0};

		open_hidden(&rig, state, cases[i].hidden);
		meddled = &rig;
		if (cases[i].begun)
			begin();
		if (cases[i].events) {
			counted.on_sleep = something_happens;
			rig.on_pressure = on_pressure; /* after the first round */
		}
		assert_int_equal(rig_alloc(&rig, cases[i].order, ROOST_WAIT), ROOST_NONE);
		assert_int_equal(roost_stats(rig.roost, -1, -1, &stats), 0);
		assert_int_equal(stats.wait_rounds, counted.sleeps);
		assert_int_equal(counted.sleeps, cases[i].proof ? 0 : ROOST_WAIT_ROUNDS - 2);
		assert_int_equal(stats.fail_wait, 1);
		rig.roost->zones[0].begun -= cases[i].begun;
		end_hidden(&rig);
		close_hidden(&rig, cases[i].hidden);
	}
}

static unsigned comes_at; /* the sleep during which a frame comes */

static void frame_comes(void)
{
	if (counted.sleeps == comes_at)
		rig_free(meddled, 0);
}

/* No sleep is the last thing that it does: what comes meanwhile is found. */
static void looks_after_each_sleep(void **state)
{
	unsigned sleeps;
	struct rig rig;

	open_hidden(&rig, state, 1);
	assert_int_equal(rig_alloc(&rig, 0, ROOST_WAIT), ROOST_NONE);
	sleeps = counted.sleeps;
	close_hidden(&rig, 1);
	assert_int_not_equal(sleeps, 0);
	for (comes_at = 1; comes_at <= sleeps; comes_at++) {
		open_hidden(&rig, state, 1);
		meddled = &rig;
		counted.on_sleep = frame_comes;
		assert_int_equal(rig_alloc(&rig, 0, ROOST_WAIT), 0);
		assert_int_equal(counted.sleeps, comes_at);
		close_hidden(&rig, 1);
	}
}

/* Pockets of others that cannot be emptied: 64 rounds. */
static void reaps_so_many_rounds(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	counted.pockets = true;
	rig_open_simple(&rig, state, 0, 2 * BLOCK, 2);
	pfn = rig_get(&rig, 0, 0);
	reset();
	counted.no_fence = true;
	assert_int_equal(roost_isolate(rig.roost, pfn, true), -ROOST_EAGAIN);
	assert_int_equal(counted.fences, 2 * 64); /* REAP_ROUNDS, each CPU */
	assert_int_equal(counted.sleeps, 2 * 63);
	reset();
	assert_int_equal(roost_isolate(rig.roost, pfn, false), 0);
	rig_home(&rig);
	rig_close(&rig);
	counted.pockets = false;
}

/* Where each sequence fails the pockets are as if they were not there, and nothing is lost. */
static void sequences_may_all_fail(void **state)
{
	roost_pfn pfns[BLOCK];
	struct rig rig;

	counted.pockets = true;
	rig_open_simple(&rig, state, 0, 2 * BLOCK, 2);
	reset();
	counted.no_sequence = true;
	for (unsigned order = 0; order < 10; order++) {
		pfns[order] = rig_get(&rig, order, 0);
		rig_free(&rig, pfns[order]);
		rig_check(&rig);
	}
	assert_int_equal(rig_bulk(&rig, 0, 0, pfns, 64), 64);
	rig_free(&rig, pfns[3]);
	rig_compare(&rig);
	assert_int_equal(rig_take_all(&rig, 0, 0), 2 * BLOCK - 63);
	rig_free_all(&rig);
	rig_check(&rig);
	assert_true(counted.sequences > 0);
	reset();
	rig_home(&rig);
	rig_close(&rig);
	counted.pockets = false;
}

/* What is behind the frames of the last migratetype in a pocket, the spare, is no frames of one
 * more. */
static void no_such_type(void **state)
{
	struct rig rig;
	roost_pfn pfn;

	counted.pockets = true;
	rig_open_simple(&rig, state, 0, 3 * BLOCK, 2);
	rig_get(&rig, 9, 0);
	pfn = rig_get(&rig, 9, 0);
	assert_int_not_equal(pfn, 0);
	rig_free(&rig, pfn);
	assert_int_equal(roost_alloc(rig.roost, 0, RST_TYPES), ROOST_NONE);
	assert_int_equal(rig.nr_misuse, 1);
	assert_int_equal(rig.misuse[0].kind, ROOST_MISUSE_BAD_FLAGS);
	rig.nr_misuse = 0;
	rig_home(&rig);
	rig_close(&rig);
	counted.pockets = false;
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(words_are_tried_so_often, variants_one),
		SUITE_TEST(places_are_tried_so_often, variants_one),
		SUITE_TEST(wholes_are_tried_twice, variants_one),
		SUITE_TEST(whoever_goes_off_line_has_none, variants_one),
		SUITE_TEST(steals_look_so_often, variants_one),
		SUITE_TEST(claims_look_so_often, variants_one),
		SUITE_TEST(fails_with_proof_or_after_all_rounds, variants_one),
		SUITE_TEST(looks_after_each_sleep, variants_one),
		SUITE_TEST(reaps_so_many_rounds, variants_one),
		SUITE_TEST(sequences_may_all_fail, variants_one),
		SUITE_TEST(no_such_type, variants_one),
	};

	return SUITE_RUN("sets_tries", tests, argc, argv);
}
