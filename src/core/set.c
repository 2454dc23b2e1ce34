/* SPDX-License-Identifier: MIT */
/* set.c - see set.h. Neither locks nor calls a port. */
#include "core/set.h"

/* ---- Take -------------------------------------------------------------------------------- */

static inline uint64_t runs_of(uint64_t word, unsigned k, bool exact)
{
	return exact ? rst_exact_runs(word, k) : rst_runs(word, k);
}

static inline bool take_in_word(_Atomic uint64_t *word, unsigned k, bool exact, unsigned *bit)
{
	/* Racy: the CAS decides. */
	uint64_t old = rst_load_rlx(word), runs;

	for (unsigned i = 0; i < RST_SET_TRIES && (runs = runs_of(old, k, exact)); i++) {
		*bit = (unsigned)__builtin_ctzll(runs);
		/* Acquire: all that the last holder did, before it released the thing with the put,
		 * comes before what the new holder does. */
		if (rst_cas64_acq(word, &old, old & ~rst_run(*bit, k)))
			return true;
	}
	return false;
}

static bool are_full(const struct rst_set *set, unsigned first, unsigned words)
{
	for (unsigned i = 0; i < words; i++)
		if (rst_load_sc(&set->word[first + i]) != RST_FULL)
			return false;
	return true;
}

static inline bool take_run(struct rst_set *set, unsigned k, bool exact, unsigned *off)
{
	unsigned bit;

	for (unsigned i = 0; i < RST_SET_WORDS; i++) {
		if (take_in_word(&set->word[i], k, exact, &bit)) {
			*off = i * 64 + bit;
			return true;
		}
	}
	return false;
}

bool rst_set_take(struct rst_set *set, unsigned k, unsigned *off)
{
	return take_run(set, k, false, off);
}

bool rst_set_take_best(struct rst_set *set, unsigned k, unsigned *off)
{
	return rst_set_has_run(set, k) &&
	       (take_run(set, k, true, off) || take_run(set, k, false, off));
}

bool rst_set_take_words(struct rst_set *set, unsigned off, unsigned k, bool *put_back)
{
	unsigned first = off / 64;

	*put_back = false;
	for (unsigned i = 0; i < 1u << (k - RST_WORD_ORDER); i++) {
		uint64_t full = RST_FULL;

		if (rst_cas64_acq(&set->word[first + i], &full, 0))
			continue;
		*put_back = i > 0;
		while (i-- > 0)
			rst_set_put_bits(&set->word[first + i], RST_FULL);
		return false;
	}
	return true;
}

bool rst_set_take_bits(_Atomic uint64_t *word, uint64_t bits)
{
	/* Sequentially consistent: an isolation announces itself and then looks here, and a put
	 * puts and then looks for that announcement. */
	uint64_t old = rst_load_sc(word);

	for (unsigned i = 0; i < RST_SET_TRIES && (old & bits) == bits; i++)
		if (rst_cas64_sc(word, &old, old & ~bits))
			return true;
	return false;
}

static bool take_odd_in_word(_Atomic uint64_t *word, unsigned n, unsigned *bit)
{
	uint64_t old = rst_load_rlx(word), runs;

	/* As in take_in_word(). */
	for (unsigned i = 0; i < RST_SET_TRIES && (runs = rst_odd_runs(old, n)); i++) {
		*bit = (unsigned)__builtin_ctzll(runs);
		if (rst_cas64_acq(word, &old, old & ~(RST_FULL >> (64 - n) << *bit)))
			return true;
	}
	return false;
}

bool rst_set_take_odd(struct rst_set *set, unsigned n, unsigned *off)
{
	unsigned bit;

	for (unsigned i = 0; i < RST_SET_WORDS; i++)
		if (take_odd_in_word(&set->word[i], n, &bit)) {
			*off = i * 64 + bit;
			return true;
		}
	return false;
}

static bool is_part_free(const struct rst_set *set, unsigned off, unsigned n)
{
	for (unsigned i = off / 64; i * 64 < off + n; i++)
		if (rst_bits_of(off, off + n, i) & ~rst_load_rlx(&set->word[i]))
			return false;
	return true;
}

unsigned rst_set_odd_free(const struct rst_set *set, unsigned off, unsigned n)
{
	unsigned step = n & -n;

	while (off + n <= RST_SET_SIZE && !is_part_free(set, off, n))
		off += step;
	return off + n <= RST_SET_SIZE ? off : RST_SET_SIZE;
}

bool rst_set_take_part(struct rst_set *set, unsigned off, unsigned n, bool *put_back)
{
	unsigned i = off / 64;

	while (i * 64 < off + n && rst_set_take_bits(&set->word[i], rst_bits_of(off, off + n, i)))
		i++;
	*put_back = false;
	if (i * 64 >= off + n)
		return true;
	*put_back = i > off / 64;
	while (i-- > off / 64)
		rst_set_put_bits(&set->word[i], rst_bits_of(off, off + n, i));
	return false;
}

bool rst_set_take_at(struct rst_set *set, unsigned off)
{
	return rst_set_take_bits(&set->word[off / 64], rst_run(off, 0));
}

/* The bits of the first runs of a word, at most count of them, and how many. */
static uint64_t first_runs(uint64_t word, unsigned k, unsigned count, unsigned *n)
{
	uint64_t runs = rst_runs(word, k), bits = 0;

	for (*n = 0; runs && *n < count; ++*n, runs &= runs - 1)
		bits |= rst_run((unsigned)__builtin_ctzll(runs), k);
	return bits;
}

unsigned rst_set_take_some(struct rst_set *set, unsigned k, unsigned count, uint16_t *offs)
{
	for (unsigned i = 0; i < RST_SET_WORDS; i++) {
		uint64_t old = rst_load_rlx(&set->word[i]), bits;
		unsigned n;

		for (unsigned tries = 0;
		     tries < RST_SET_TRIES && (bits = first_runs(old, k, count, &n)); tries++) {
			uint64_t runs = rst_runs(old, k);

			if (!rst_cas64_acq(&set->word[i], &old, old & ~bits))
				continue;
			for (unsigned j = 0; j < n; j++, runs &= runs - 1)
				offs[j] = (uint16_t)(i * 64 + (unsigned)__builtin_ctzll(runs));
			return n;
		}
	}
	return 0;
}

uint64_t rst_set_take_half(struct rst_set *set, unsigned word, unsigned k, unsigned *off)
{
	uint64_t old = rst_load_rlx(&set->word[word]), runs;

	for (unsigned tries = 0; tries < RST_SET_TRIES && (runs = rst_runs(old, k)); tries++) {
		uint64_t exact = rst_exact_runs(old, k);
		unsigned first = (unsigned)__builtin_ctzll(exact ? exact : runs) & 32;
		uint64_t bits = old & rst_run(first, 5);

		*off = word * 64 + first;
		if (rst_cas64_sc(&set->word[word], &old, old & ~bits))
			return bits >> first;
	}
	return 0;
}

/* ---- Look -------------------------------------------------------------------------------- */

/*
 * Two CPUs may put the two halves of a run and then both look here. One of them must see the
 * other's half, or neither would note the run that they made together. Within a word relaxed loads
 * suffice: the later change of the word contains the earlier one. Between words the loads must be
 * sequentially consistent.
 */
unsigned rst_set_merged(const struct rst_set *set, unsigned off, unsigned k)
{
	uint64_t word = rst_load_rlx(&set->word[off / 64]);

	while (k < RST_WORD_ORDER) {
		uint64_t run = rst_run(off & ~((2u << k) - 1), k + 1);

		if ((word & run) != run)
			return k;
		k++;
	}
	while (k < RST_SET_ORDER) {
		unsigned words = 2u << (k - RST_WORD_ORDER);

		if (!are_full(set, off / 64 & ~(words - 1), words))
			return k;
		k++;
	}
	return k;
}

static unsigned largest_of_words(const struct rst_set *set)
{
	for (unsigned k = RST_SET_ORDER; k > RST_WORD_ORDER; k--) {
		unsigned words = 1u << (k - RST_WORD_ORDER);

		for (unsigned i = 0; i < RST_SET_WORDS; i += words)
			if (are_full(set, i, words))
				return k;
	}
	return RST_WORD_ORDER;
}

unsigned rst_set_words_free(const struct rst_set *set, unsigned off, unsigned k)
{
	while (off < RST_SET_SIZE && !are_full(set, off / 64, 1u << (k - RST_WORD_ORDER)))
		off += 1u << k;
	return off;
}

int rst_set_largest(const struct rst_set *set)
{
	int k = -1;

	for (unsigned i = 0; i < RST_SET_WORDS; i++) {
		uint64_t word = rst_load_sc(&set->word[i]);

		while (word && k < RST_WORD_ORDER && rst_runs(word, (unsigned)(k + 1)))
			k++;
	}
	return k < RST_WORD_ORDER ? k : (int)largest_of_words(set);
}

bool rst_set_dense(const struct rst_set *set)
{
	for (unsigned i = 0; i < RST_SET_WORDS; i++)
		if (rst_dense(rst_load_rlx(&set->word[i]))) /* a guess */
			return true;
	return false;
}

/* Acquire: what this load sees was counted as freed before it was put. */
unsigned rst_set_count(const struct rst_set *set)
{
	unsigned n = 0;

	for (unsigned i = 0; i < RST_SET_WORDS; i++)
		n += rst_weight(rst_load_acq(&set->word[i]));
	return n;
}
