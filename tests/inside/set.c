/* SPDX-License-Identifier: MIT */
/*
 * set.c - core/set.c against a plain array: each function on random sets and, where there are few
 * enough, on all of them. One thread: what several do to a set at once is the explorer's.
 */
#include "core/set.h"

#include "harness.h"

enum { THINGS = 64 * RST_SET_WORDS, ROUNDS = 400 };

/* What is free, and beside it the set that should say so. */
struct pair {
	bool free[THINGS];
	struct rst_set set;
};

static void same(const struct pair *p)
{
	for (unsigned i = 0; i < THINGS; i++) {
		bool bit = atomic_load(&p->set.word[i / 64]) >> i % 64 & 1;

		if (bit != p->free[i])
			fail_msg("%u is %sfree", i, p->free[i] ? "" : "not ");
		assert_int_equal(rst_set_has(&p->set, i), bit);
	}
}

static void fill(struct pair *p, unsigned off, unsigned size, bool free)
{
	for (unsigned i = off; i < off + size; i++)
		p->free[i] = free;
}

static void store(struct pair *p)
{
	for (unsigned w = 0; w < RST_SET_WORDS; w++) {
		uint64_t word = 0;

		for (unsigned i = 0; i < 64; i++)
			word |= (uint64_t)p->free[w * 64 + i] << i;
		atomic_store(&p->set.word[w], word);
	}
}

/* Runs of one order alone, some of them free: so there are sets with large runs, too. */
static void shuffle(struct pair *p, struct random *random)
{
	unsigned k = (unsigned)random_below(random, RST_SET_ORDER + 1);
	unsigned of = 1 + (unsigned)random_below(random, 8);

	fill(p, 0, THINGS, false);
	for (unsigned off = 0; off < THINGS; off += 1u << k)
		fill(p, off, 1u << k, random_below(random, of) == 0);
	for (unsigned n = (unsigned)random_below(random, 4); n--;)
		p->free[random_below(random, THINGS)] = random_below(random, 2);
	store(p);
}

/* Set number n of 256: words all free or not at all. */
static void whole_words(struct pair *p, unsigned n)
{
	for (unsigned w = 0; w < RST_SET_WORDS; w++)
		fill(p, w * 64, 64, n >> w & 1);
	store(p);
}

static bool is_run(const struct pair *p, unsigned off, unsigned k)
{
	for (unsigned i = off; i < off + (1u << k); i++)
		if (!p->free[i])
			return false;
	return true;
}

/* The first free run of order k at or above off and below end, or end. */
static unsigned first_run(const struct pair *p, unsigned off, unsigned end, unsigned k)
{
	for (; off < end; off += 1u << k)
		if (is_run(p, off, k))
			return off;
	return end;
}

/* No larger run of the word contains it. */
static bool is_exact(const struct pair *p, unsigned off, unsigned k)
{
	return is_run(p, off, k) && !is_run(p, off & ~((2u << k) - 1), k + 1);
}

/* As first_run(). */
static unsigned first_exact(const struct pair *p, unsigned off, unsigned end, unsigned k)
{
	while (off < end && !is_exact(p, off, k))
		off += 1u << k;
	return off;
}

/* ---- Bits ---------------------------------------------------------------------------------- */

static void runs_of_a_word(void **state)
{
	struct random random = {5};
	struct pair p;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		shuffle(&p, &random);
		for (unsigned k = 0; k <= RST_WORD_ORDER; k++) {
			uint64_t word = atomic_load(&p.set.word[0]), runs = 0, exact = 0;

			for (unsigned off = 0; off < 64; off += 1u << k) {
				runs |= (uint64_t)is_run(&p, off, k) << off;
				exact |= (uint64_t)is_exact(&p, off, k) << off;
			}
			assert_int_equal(rst_runs(word, k), runs);
			if (k < RST_WORD_ORDER)
				assert_int_equal(rst_exact_runs(word, k), exact);
		}
	}
}

static void puts_any_run(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned k = 0; k <= RST_SET_ORDER; k++)
		for (unsigned off = 0; off < THINGS; off += 1u << k) {
			fill(&p, 0, THINGS, false);
			store(&p);
			rst_set_put(&p.set, off, k);
			fill(&p, off, 1u << k, true);
			same(&p);
		}
}

/* ---- Take ---------------------------------------------------------------------------------- */

static void takes_the_first_run(void **state)
{
	struct random random = {6};
	struct pair p;
	unsigned off;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned k = 0; k <= RST_WORD_ORDER; k++) {
			unsigned first;

			shuffle(&p, &random);
			first = first_run(&p, 0, THINGS, k);
			assert_int_equal(rst_set_take(&p.set, k, &off), first < THINGS);
			if (first < THINGS) {
				assert_int_equal(off, first);
				fill(&p, off, 1u << k, false);
			}
			same(&p);
		}
}

static void takes_an_exact_run_first(void **state)
{
	struct random random = {10};
	struct pair p;
	unsigned off;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned k = 0; k < RST_WORD_ORDER; k++) {
			unsigned first;

			shuffle(&p, &random);
			first = first_exact(&p, 0, THINGS, k);
			assert_int_equal(rst_set_word_with_exact(&p.set, k), first / 64);
			if (first == THINGS)
				first = first_run(&p, 0, THINGS, k);
			assert_int_equal(rst_set_take_best(&p.set, k, &off), first < THINGS);
			if (first < THINGS) {
				assert_int_equal(off, first);
				fill(&p, off, 1u << k, false);
			}
			same(&p);
		}
}

/* All that is free of the half of a word in which there is an exact run, or else any. */
static void takes_half_a_word(void **state)
{
	struct random random = {11};
	struct pair p;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned k = 0; k < RST_WORD_ORDER; k++) {
			unsigned w = round % RST_SET_WORDS, end = w * 64 + 64, first, off;
			uint64_t bits, all = 0;

			shuffle(&p, &random);
			first = first_exact(&p, w * 64, end, k);
			if (first == end)
				first = first_run(&p, w * 64, end, k);
			bits = rst_set_take_half(&p.set, w, k, &off);
			assert_int_equal(bits != 0, first < end);
			if (first < end) {
				assert_int_equal(off, first & ~31u);
				for (unsigned i = 0; i < 32; i++)
					all |= (uint64_t)p.free[off + i] << i;
				assert_int_equal(bits, all);
				fill(&p, off, 32, false);
			}
			same(&p);
		}
}

/* All words of a run or none, whichever of them is not full. */
static void takes_whole_words(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned n = 0; n < 1u << RST_SET_WORDS; n++)
		for (unsigned k = RST_WORD_ORDER + 1; k <= RST_SET_ORDER; k++)
			for (unsigned off = 0; off < THINGS; off += 1u << k) {
				bool put_back, run;

				whole_words(&p, n);
				p.free[n] ^= n & 1; /* a thing more or less is not full */
				store(&p);
				run = is_run(&p, off, k);
				put_back = run;
				assert_int_equal(rst_set_take_words(&p.set, off, k, &put_back),
						 run);
				assert_int_equal(put_back, !run && is_run(&p, off, RST_WORD_ORDER));
				if (run)
					fill(&p, off, 1u << k, false);
				same(&p);
			}
}

/* The word of the first run, from which several are taken; RST_SET_WORDS: there is none. */
static unsigned first_word(const struct pair *p, unsigned k)
{
	return first_run(p, 0, THINGS, k) / 64;
}

static void takes_some_of_one_word(void **state)
{
	struct random random = {7};
	uint16_t offs[65]; /* one more than can be asked for */
	struct pair p;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++)
		for (unsigned k = 0; k <= RST_WORD_ORDER; k++) {
			unsigned count = 1 + (unsigned)random_below(&random, 64), n = 0, got, end;

			shuffle(&p, &random);
			end = (first_word(&p, k) + 1) * 64;
			for (unsigned i = 0; i < LENGTH(offs); i++)
				offs[i] = UINT16_MAX;
			got = rst_set_take_some(&p.set, k, count, offs);
			for (unsigned off = first_run(&p, 0, THINGS, k); off < end && n < count;
			     off = first_run(&p, off, end, k)) {
				if (off == THINGS)
					break;
				assert_true(n < got);
				assert_int_equal(offs[n++], off);
				fill(&p, off, 1u << k, false);
			}
			assert_int_equal(got, n);
			assert_int_equal(offs[n], UINT16_MAX);
			same(&p);
		}
}

static void takes_what_is_named(void **state)
{
	struct random random = {8};
	struct pair p;

	(void)state;
	for (unsigned round = 0; round < ROUNDS / 8; round++) {
		shuffle(&p, &random);
		for (unsigned off = 0; off < THINGS; off++) {
			assert_int_equal(rst_set_take_at(&p.set, off), p.free[off]);
			assert_false(rst_set_take_at(&p.set, off));
			p.free[off] = false;
			if (off % 100 == 0)
				same(&p);
		}
	}
}

/* ---- Look ---------------------------------------------------------------------------------- */

/* What all that only look say of the set. */
static void look(const struct pair *p)
{
	int largest = RST_SET_ORDER;
	unsigned count = 0;
	bool dense = false;

	while (largest >= 0 && first_run(p, 0, THINGS, (unsigned)largest) == THINGS)
		largest--;
	assert_int_equal(rst_set_largest(&p->set), largest);
	for (unsigned w = 0; w < RST_SET_WORDS; w++) {
		unsigned in_word = 0;

		for (unsigned i = 0; i < 64; i++)
			in_word += p->free[w * 64 + i];
		assert_int_equal(rst_dense(atomic_load(&p->set.word[w])), in_word >= 3);
		dense |= in_word >= 3;
		count += in_word;
	}
	assert_int_equal(rst_set_dense(&p->set), dense);
	for (unsigned k = 0; k <= RST_WORD_ORDER; k++)
		for (unsigned w = 0; w <= RST_SET_WORDS; w++)
			assert_int_equal(rst_set_word_with(&p->set, w, k),
					 first_run(p, w * 64, THINGS, k) / 64);
	for (unsigned k = RST_WORD_ORDER + 1; k <= RST_SET_ORDER; k++)
		for (unsigned off = 0; off <= THINGS; off += 1u << k)
			assert_int_equal(rst_set_words_free(&p->set, off, k),
					 first_run(p, off, THINGS, k));
	assert_int_equal(rst_set_count(&p->set), count);
}

static void look_around(const struct pair *p)
{
	for (unsigned k = 0; k <= RST_SET_ORDER; k++)
		for (unsigned off = 0; off < THINGS; off += 1u << k) {
			unsigned order = k;

			if (!is_run(p, off, k))
				continue;
			while (order < RST_SET_ORDER &&
			       is_run(p, off & ~((2u << order) - 1), order + 1))
				order++;
			assert_int_equal(rst_set_merged(&p->set, off, k), order);
		}
}

static void looks(void **state)
{
	struct random random = {9};
	struct pair p;

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		shuffle(&p, &random);
		look(&p);
		look_around(&p);
	}
	for (unsigned n = 0; n < 1u << RST_SET_WORDS; n++) {
		whole_words(&p, n);
		look(&p);
		look_around(&p);
	}
}

/* One, two and three things in each word: where order 0 changes its bin. */
static void few_things(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned w = 0; w < RST_SET_WORDS; w++)
		for (unsigned n = 0; n < 5; n++) {
			fill(&p, 0, THINGS, false);
			for (unsigned i = 0; i < n; i++)
				p.free[w * 64 + i * 13] = true;
			store(&p);
			look(&p);
		}
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(runs_of_a_word, variants_one),
		SUITE_TEST(puts_any_run, variants_one),
		SUITE_TEST(takes_the_first_run, variants_one),
		SUITE_TEST(takes_an_exact_run_first, variants_one),
		SUITE_TEST(takes_half_a_word, variants_one),
		SUITE_TEST(takes_whole_words, variants_one),
		SUITE_TEST(takes_some_of_one_word, variants_one),
		SUITE_TEST(takes_what_is_named, variants_one),
		SUITE_TEST(looks, variants_one),
		SUITE_TEST(few_things, variants_one),
	};

	return SUITE_RUN("sets_set", tests, argc, argv);
}
