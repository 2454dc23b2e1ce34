/* SPDX-License-Identifier: MIT */
/*
 * hint.c - core/hint.c against plain arrays: maps with one level and with several, few lists and
 * many. One thread: then a bit above is set exactly if a bit below is.
 */
#include "core/hint.h"

#include <stdlib.h>

#include "harness.h"

struct pair {
	struct rst_hint hint;
	_Atomic uint64_t *words; /* with a word of ones on either side, which nobody may look at */
	uint64_t nr_words;
	bool *noted; /* nr of each bin of each list */
};

static const struct size {
	unsigned lists, bins;
	uint64_t nr;
} sizes[] = {
	{1, 1, 1},    {1, 10, 2},   {3, 11, 63},  {4, 16, 64},	 {5, 11, 65},
	{8, 11, 128}, {9, 2, 4095}, {1, 4, 4096}, {13, 1, 4097}, {2, 3, 262145},
};

static unsigned maps(const struct pair *p)
{
	return p->hint.nr_lists * p->hint.nr_bins;
}

static struct rst_hint_bin in(const struct pair *p, unsigned map)
{
	return (struct rst_hint_bin){map / p->hint.nr_bins, map % p->hint.nr_bins};
}

/* Words of each level, from what a level is: one for each 64 of the level below. */
static uint64_t count_words(uint64_t nr)
{
	uint64_t level = nr / 64 + (nr % 64 > 0);

	return level == 1 ? 1 : level + count_words(level);
}

static void open_pair(struct pair *p, const struct size *s)
{
	p->nr_words = rst_hint_words(s->lists, s->bins, s->nr);
	assert_int_equal(p->nr_words, s->lists / 4 + (s->lists % 4 > 0) +
					      s->lists * s->bins * count_words(s->nr));
	p->words = calloc(p->nr_words + 2, sizeof(*p->words));
	p->noted = calloc(s->lists * s->bins * s->nr, sizeof(*p->noted));
	assert_non_null(p->words);
	assert_non_null(p->noted);
	rst_hint_init(&p->hint, s->lists, s->bins, s->nr, p->words + 1);
	atomic_store(&p->words[0], RST_NO_HINT);
	atomic_store(&p->words[p->nr_words + 1], RST_NO_HINT);
	assert_int_equal(p->hint.nr, s->nr);
}

static void close_pair(struct pair *p)
{
	assert_true(atomic_load(&p->words[0]) == RST_NO_HINT);
	assert_true(atomic_load(&p->words[p->nr_words + 1]) == RST_NO_HINT);
	free(p->words);
	free(p->noted);
}

static bool *noted(const struct pair *p, unsigned map)
{
	return p->noted + map * p->hint.nr;
}

static bool has(_Atomic uint64_t *word, unsigned bit)
{
	return atomic_load(word) >> bit & 1;
}

/* Every bit of every level of a map; how many words it has. */
static uint64_t same_map(const struct pair *p, unsigned map)
{
	uint64_t nr = p->hint.nr, sum = 0;
	bool any = false;

	for (unsigned level = 0; level < p->hint.nr_levels; level++) {
		uint64_t words = nr / 64 + (nr % 64 > 0);

		for (uint64_t i = 0; i < words * 64; i++) {
			bool bit = has(rst_hint_word(&p->hint, in(p, map), level, i / 64), i % 64);
			bool below =
				i < nr && (level ? atomic_load(rst_hint_word(&p->hint, in(p, map),
									     level - 1, i)) != 0
						 : noted(p, map)[i]);

			any |= bit;
			if (bit != below)
				fail_msg("bit %llu of level %u", (unsigned long long)i, level);
		}
		sum += words;
		nr = words;
	}
	assert_int_equal(nr, 1);
	assert_int_equal(any, rst_hint_bins(&p->hint, in(p, map).list) >> in(p, map).bin & 1);
	return sum;
}

static unsigned first_list(const struct pair *p, unsigned list, unsigned bins)
{
	for (; list < p->hint.nr_lists; list++)
		if (rst_hint_bins(&p->hint, list) & bins)
			break;
	return list;
}

/* All maps; that none has more words than it is given; and the lists by their bins. */
static void same(const struct pair *p)
{
	uint64_t words = (p->hint.nr_lists + 3) / 4;

	for (unsigned map = 0; map < maps(p); map++)
		words += same_map(p, map);
	assert_int_equal(words, p->nr_words);
	for (unsigned list = 0; list <= p->hint.nr_lists; list++)
		for (unsigned bin = 0; bin < p->hint.nr_bins; bin++) {
			unsigned from = 0xffffu << bin & 0xffff;

			assert_int_equal(rst_hint_next_list(&p->hint, list, 1u << bin),
					 first_list(p, list, 1u << bin));
			assert_int_equal(rst_hint_next_list(&p->hint, list, from),
					 first_list(p, list, from));
		}
}

static uint64_t first_noted(const struct pair *p, unsigned map, uint64_t i)
{
	for (; i < p->hint.nr; i++)
		if (noted(p, map)[i])
			return i;
	return RST_NO_HINT;
}

static void find(const struct pair *p, unsigned map, uint64_t i)
{
	assert_true(rst_hint_find(&p->hint, in(p, map), i) == first_noted(p, map, i));
}

/* From the start, before, at and behind what is noted, and the edges of words. */
static void find_around(const struct pair *p, unsigned map, uint64_t i)
{
	find(p, map, 0);
	find(p, map, i ? i - 1 : 0);
	find(p, map, i);
	find(p, map, i + 1);
	find(p, map, i & ~(uint64_t)63);
	find(p, map, i | 63);
	find(p, map, (i | 63) + 1);
	find(p, map, p->hint.nr);
	/* The neighbours know nothing of it. */
	find(p, map ? map - 1 : 0, 0);
	find(p, map + 1 < maps(p) ? map + 1 : 0, 0);
}

static void note(struct pair *p, unsigned map, uint64_t i)
{
	rst_hint_note(&p->hint, in(p, map), i);
	noted(p, map)[i] = true;
}

static void clear(struct pair *p, unsigned map, uint64_t i)
{
	rst_hint_clear(&p->hint, in(p, map), i);
	noted(p, map)[i] = false;
}

/* One bit at a time: at the edges of the words of each level, in each map. */
static void single_bits(void **state)
{
	struct pair p;

	(void)state;
	for (unsigned s = 0; s < LENGTH(sizes); s++) {
		open_pair(&p, &sizes[s]);
		for (unsigned map = 0; map < maps(&p); map++)
			for (uint64_t step = 1; step <= sizes[s].nr; step *= 64)
				for (int d = -1; d <= 1; d++) {
					uint64_t i = step + (uint64_t)d;

					if (i >= sizes[s].nr)
						continue;
					note(&p, map, i);
					find_around(&p, map, i);
					clear(&p, map, i);
					find_around(&p, map, i);
				}
		note(&p, maps(&p) - 1, sizes[s].nr - 1);
		find_around(&p, maps(&p) - 1, sizes[s].nr - 1);
		same(&p);
		clear(&p, maps(&p) - 1, sizes[s].nr - 1);
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
		open_pair(&p, &sizes[s]);
		for (unsigned round = 0; round < 400; round++) {
			/* Close together or far apart; noted twice and cleared in vain, too. */
			uint64_t near =
				random_below(&random, 2) ? sizes[s].nr : 1 + sizes[s].nr / 50;
			uint64_t i = random_below(&random, near);
			unsigned map = (unsigned)random_below(&random, maps(&p));

			if (random_below(&random, 5) < 3)
				note(&p, map, i);
			else
				clear(&p, map, i);
			find_around(&p, map, random_below(&random, sizes[s].nr));
			if (round % 100 == 0)
				same(&p);
		}
		for (unsigned map = 0; map < maps(&p); map++)
			for (uint64_t i; (i = first_noted(&p, map, 0)) != RST_NO_HINT;)
				clear(&p, map, i);
		same(&p);
		assert_int_equal(rst_hint_next_list(&p.hint, 0, 0xffff), sizes[s].lists);
		close_pair(&p);
	}
}

/* A note that stopped on its way up is finished by the next of the same index. */
static void half_notes_are_finished(void **state)
{
	struct pair p;

	(void)state;
	open_pair(&p, &sizes[LENGTH(sizes) - 1]);
	for (unsigned level = 0; level <= p.hint.nr_levels; level++) {
		uint64_t i = (uint64_t)level * 5000;

		atomic_fetch_or(rst_hint_word(&p.hint, in(&p, 4), 0, i / 64), UINT64_C(1)
										      << i % 64);
		rst_hint_note_from(&p.hint, in(&p, 4), 1, i >> 6);
		atomic_store(rst_hint_word(&p.hint, in(&p, 4), level, i >> 6 * (level + 1)), 0);
		note(&p, 4, i);
		same(&p);
		clear(&p, 4, i);
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
