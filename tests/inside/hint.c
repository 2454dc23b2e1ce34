/* SPDX-License-Identifier: MIT */
/*
 * hint.c - core/hint.c against a plain array, with one level and with several. One thread: then
 * a bit above is set exactly if a bit below is.
 */
#include "core/hint.h"

#include <stdlib.h>

#include "harness.h"

struct pair {
	struct rst_hint hint;
	_Atomic uint64_t *words; /* with a word of ones on either side, which nobody may look at */
	uint64_t nr_words;
	bool *noted;
};

static const uint64_t sizes[] = {1, 2, 63, 64, 65, 128, 4095, 4096, 4097, 5000, 262144, 262145};

/* Words of each level, from what a level is: one for each 64 of the level below. */
static uint64_t count_words(uint64_t nr)
{
	uint64_t level = nr / 64 + (nr % 64 > 0);

	return level == 1 ? 1 : level + count_words(level);
}

static void open_pair(struct pair *p, uint64_t nr)
{
	p->nr_words = rst_hint_words(nr);
	assert_int_equal(p->nr_words, count_words(nr));
	p->words = calloc(p->nr_words + 2, sizeof(*p->words));
	p->noted = calloc(nr, sizeof(*p->noted));
	assert_non_null(p->words);
	assert_non_null(p->noted);
	p->hint = (struct rst_hint){{NULL}, 0, 0};
	rst_hint_init(&p->hint, nr, p->words + 1);
	atomic_store(&p->words[0], RST_NO_HINT);
	atomic_store(&p->words[p->nr_words + 1], RST_NO_HINT);
	assert_int_equal(p->hint.nr, nr);
	assert_ptr_equal(p->hint.level[0], p->words + 1);
}

static void close_pair(struct pair *p)
{
	assert_true(atomic_load(&p->words[0]) == RST_NO_HINT);
	assert_true(atomic_load(&p->words[p->nr_words + 1]) == RST_NO_HINT);
	free(p->words);
	free(p->noted);
}

/* Every bit of every level, and that no level has more words than it is given. */
static void same(const struct pair *p)
{
	const _Atomic uint64_t *next = p->words + 1;
	uint64_t nr = p->hint.nr;

	for (unsigned level = 0; level < p->hint.nr_levels; level++) {
		uint64_t words = nr / 64 + (nr % 64 > 0);

		assert_ptr_equal(p->hint.level[level], next);
		for (uint64_t i = 0; i < words * 64; i++) {
			bool bit = atomic_load(&next[i / 64]) >> i % 64 & 1;
			bool below =
				i < nr && (level ? atomic_load(&p->hint.level[level - 1][i]) != 0
						 : p->noted[i]);

			if (bit != below)
				fail_msg("bit %llu of level %u", (unsigned long long)i, level);
		}
		next += words;
		nr = words;
	}
	assert_int_equal(nr, 1);
	assert_ptr_equal(next, p->words + 1 + p->nr_words);
}

static uint64_t first_noted(const struct pair *p, uint64_t i, uint64_t end)
{
	for (; i < end; i++)
		if (p->noted[i])
			return i;
	return RST_NO_HINT;
}

static void find(const struct pair *p, uint64_t i, uint64_t end)
{
	assert_true(rst_hint_find(&p->hint, i, end) == first_noted(p, i, end));
}

/* Ranges that begin and end at, before and behind what is noted and the edges of words. */
static void find_around(const struct pair *p, uint64_t i)
{
	uint64_t nr = p->hint.nr, from = i ? i - 1 : 0;

	find(p, 0, nr);
	find(p, 0, i);
	find(p, 0, i + 1);
	find(p, i, i);
	find(p, i, i + 1);
	find(p, i, nr);
	find(p, from, i);
	find(p, from, nr);
	find(p, i + 1, nr);
	find(p, i & ~(uint64_t)63, i);
	find(p, i & ~(uint64_t)63, nr);
}

static void note(struct pair *p, uint64_t i)
{
	rst_hint_note(&p->hint, i);
	p->noted[i] = true;
}

static void clear(struct pair *p, uint64_t i)
{
	rst_hint_clear(&p->hint, i);
	p->noted[i] = false;
}

/* One bit at a time: at the edges of the words of each level. */
static void single_bits(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned s = 0; s < LENGTH(sizes); s++) {
		open_pair(&p, sizes[s]);
		for (uint64_t step = 1; step <= sizes[s]; step *= 64)
			for (int d = -1; d <= 1; d++) {
				uint64_t i = step + (uint64_t)d;

				if (i >= sizes[s])
					continue;
				note(&p, i);
				find_around(&p, i);
				clear(&p, i);
				find_around(&p, i);
			}
		note(&p, sizes[s] - 1);
		find_around(&p, sizes[s] - 1);
		same(&p);
		clear(&p, sizes[s] - 1);
		same(&p);
		close_pair(&p);
	}
}

static void random_bits(void **state)
{
	struct random random = {11};
	struct pair p;

	(void)state;
	for (unsigned s = 0; s < LENGTH(sizes); s++) {
		open_pair(&p, sizes[s]);
		for (unsigned round = 0; round < 400; round++) {
			/* Close together or far apart; noted twice and cleared in vain, too. */
			uint64_t near = random_below(&random, 2) ? sizes[s] : 1 + sizes[s] / 50;
			uint64_t i = random_below(&random, near);

			if (random_below(&random, 5) < 3)
				note(&p, i);
			else
				clear(&p, i);
			find_around(&p, random_below(&random, sizes[s]));
			if (round % 100 == 0)
				same(&p);
		}
		for (uint64_t i; (i = first_noted(&p, 0, sizes[s])) != RST_NO_HINT;)
			clear(&p, i);
		same(&p);
		find(&p, 0, sizes[s]);
		close_pair(&p);
	}
}

/* A note that stopped on its way up is finished by the next of the same index. */
static void half_notes_are_finished(void **state)
{
	struct pair p;

	(void)state;
	open_pair(&p, 262145);
	for (unsigned level = 0; level < p.hint.nr_levels; level++) {
		uint64_t i = (uint64_t)level * 5000;

		atomic_fetch_or(&p.hint.level[0][i / 64], UINT64_C(1) << i % 64);
		rst_hint_note_from(&p.hint, 1, i >> 6);
		atomic_store(&p.hint.level[level][i >> 6 * (level + 1)], 0);
		note(&p, i);
		same(&p);
		clear(&p, i);
		same(&p);
	}
	close_pair(&p);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(single_bits, variants_one),
		SUITE_TEST(random_bits, variants_one),
		SUITE_TEST(half_notes_are_finished, variants_one),
	};

	return SUITE_RUN("sets_hint", tests, argc, argv);
}
