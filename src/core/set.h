/* SPDX-License-Identifier: MIT */
/*
 * set.h - 512 free things on one cache line: frames of a pageblock, or pageblocks of a region.
 *
 *	word 0            word 1                                word 7
 *	[0 ........... 63][64 ......... 127]       ...          [448 ........ 511]   1: free
 *
 * The bits are the only truth about what is free. Any CPU puts with an OR, and takes with a
 * compare-and-exchange that clears bits which it saw set. So nothing is ever handed out twice,
 * splitting needs no work, and merging is implied: a run of order k is free when its 2^k bits are
 * set.
 *
 * Orders above 6 are more than a word. A put goes word by word, and each word can be taken at once.
 * A take goes word by word as well: if it finds a word that is no longer full, it puts the words
 * before it back. Meanwhile these are only in the taker's registers: at most 448 things, and only
 * of a run that was free up to there. Searches do not see them: sets/hidden.h.
 *
 * Memory orders: a put releases what its caller did with the things to the take that acquires them.
 * It is also sequentially consistent, since the CPU that put then reads hints: see hint.h.
 */
#ifndef RST_SET_H
#define RST_SET_H

#include "core/assert.h"

enum {
	RST_SET_WORDS = 8,
	RST_SET_ORDER = 9, /* of the whole set */
	RST_SET_SIZE = 1 << RST_SET_ORDER,
	RST_WORD_ORDER = 6,
	RST_SET_TRIES = 16, /* of one word, while others keep changing it */
};

struct rst_set {
	_Alignas(64) _Atomic uint64_t word[RST_SET_WORDS]; /* a */
};
_Static_assert(sizeof(struct rst_set) == 64, "one line of the cache");

#define RST_FULL (~(uint64_t)0)

/* The bits of a run of order k <= 6 at offset off of the set, within its word. */
static inline uint64_t rst_run(unsigned off, unsigned k)
{
	return (RST_FULL >> (64 - (1u << k))) << (off & 63);
}

/* The places of a word at which an aligned run of order k <= 6 may begin. */
static inline uint64_t rst_aligned(unsigned k)
{
	static const uint64_t aligned[RST_WORD_ORDER + 1] = {RST_FULL,
							     0x5555555555555555,
							     0x1111111111111111,
							     0x0101010101010101,
							     0x0001000100010001,
							     0x0000000100000001,
							     1};

	return aligned[k];
}

/* Bit i of the result: an aligned run of order k <= 6 that is all ones begins at i. */
static inline uint64_t rst_runs(uint64_t word, unsigned k)
{
	for (unsigned i = 0; i < k; i++)
		word &= word >> (1u << i);
	return word & rst_aligned(k);
}

/* Of these the exact ones, for k < 6: no larger run contains them. */
static inline uint64_t rst_exact_of(uint64_t runs, unsigned k)
{
	uint64_t larger = runs & runs >> (1u << k) & rst_aligned(k + 1);

	return runs & ~(larger | larger << (1u << k));
}

static inline uint64_t rst_exact_runs(uint64_t word, unsigned k)
{
	return rst_exact_of(rst_runs(word, k), k);
}

/* The order of the largest aligned run of a word that is not 0, and where the first one begins. */
static inline unsigned rst_largest_run(uint64_t word, unsigned *bit)
{
	static const uint64_t aligned[RST_WORD_ORDER] = {0x5555555555555555, 0x1111111111111111,
							 0x0101010101010101, 0x0001000100010001,
							 0x0000000100000001, 1};
	unsigned k = 0;

	for (uint64_t next; k < RST_WORD_ORDER; k++, word = next) {
		next = word & word >> (1u << k) & aligned[k];
		if (!next)
			break;
	}
	*bit = (unsigned)__builtin_ctzll(word);
	return k;
}

/* The bits of things [low, high) of the set that are in this word of it. */
static inline uint64_t rst_bits_of(unsigned low, unsigned high, unsigned word)
{
	unsigned first = word * 64;

	if (high <= first || low >= first + 64)
		return 0;
	low = low > first ? low - first : 0;
	high = high < first + 64 ? high - first : 64;
	return RST_FULL >> (64 - (high - low)) << low;
}

/* Bit i of the result: n <= 64 things that are all ones begin at i, which is a multiple of the
 * largest power of two that divides n. */
static inline uint64_t rst_odd_runs(uint64_t word, unsigned n)
{
	unsigned k = (unsigned)__builtin_ctz(n), units = n >> k, have = 1;

	for (word = rst_runs(word, k); 2 * have <= units; have *= 2)
		word &= word >> (have << k);
	return word & word >> ((units - have) << k);
}

/* Puts things of one word; the caller holds them. */
static inline void rst_set_put_bits(_Atomic uint64_t *word, uint64_t bits)
{
	uint64_t before = 0;

	if (RST_ASSERTS)
		before = rst_fetch_or_sc(word, bits);
	else
		rst_or_sc(word, bits);
	/* Below ROOST_CHECK_EXACT a caller may be to blame: core/assert.h. */
	RST_ASSERT("put: what is put was not free (or a caller freed it twice, unchecked)",
		   !(before & bits));
}

/* Puts one thing and returns whether it was there already: one instruction where the processor has
 * it, since a free has no loop. (Compilers make loops of an OR whose result is used.) */
static inline bool rst_set_put_new(_Atomic uint64_t *word, unsigned bit)
{
#if defined(__x86_64__) && !defined(RST_PLAIN_ATOMICS)
	bool was;

	__asm__ volatile("lock btsq %2, %0"
			 : "+m"(*word), "=@ccc"(was)
			 : "r"((uint64_t)bit)
			 : "memory");
	return was;
#else
	return rst_fetch_or_sc(word, (uint64_t)1 << bit) >> bit & 1;
#endif
}

/* Puts a run; the caller holds it. Any context. One OR; for k > 6, one for each word. */
static inline void rst_set_put(struct rst_set *set, unsigned off, unsigned k)
{
	unsigned words = k > RST_WORD_ORDER ? 1u << (k - RST_WORD_ORDER) : 1;
	uint64_t bits = rst_run(off, k > RST_WORD_ORDER ? RST_WORD_ORDER : k);

	for (unsigned i = 0; i < words; i++)
		rst_set_put_bits(&set->word[off / 64 + i], bits);
}

/* Takes the first run of order k <= 6 and sets its offset, or returns false. Any context. Makes at
 * most RST_SET_TRIES turns for each word, so it may fail while other CPUs take and put all the
 * time. */
bool rst_set_take(struct rst_set *set, unsigned k, unsigned *off);
/* The first word from this one on that has a run of order k <= 6, or RST_SET_WORDS. Racy. */
static inline unsigned rst_set_word_with(const struct rst_set *set, unsigned word, unsigned k)
{
	while (word < RST_SET_WORDS && !rst_runs(rst_load_rlx(&set->word[word]), k))
		word++;
	return word;
}

/* The first word that has an exact run of order k < 6, or RST_SET_WORDS. Racy. */
static inline unsigned rst_set_word_with_exact(const struct rst_set *set, unsigned k)
{
	unsigned word = 0;

	while (word < RST_SET_WORDS && !rst_exact_runs(rst_load_rlx(&set->word[word]), k))
		word++;
	return word;
}

/* As rst_set_take(), for k < 6; an exact run if it sees one, with as many turns for that. */
bool rst_set_take_best(struct rst_set *set, unsigned k, unsigned *off);

/* The first free run of order k > 6 from off on, which is aligned, or RST_SET_SIZE. */
unsigned rst_set_words_free(const struct rst_set *set, unsigned off, unsigned k);
/* Takes that run, all of it or nothing. *put_back: it took a part and put it back. Others may have
 * looked meanwhile, so the caller must note the run again. */
bool rst_set_take_words(struct rst_set *set, unsigned off, unsigned k, bool *put_back);
/* Has the set a run of order k? Racy. */
static inline bool rst_set_has_run(const struct rst_set *set, unsigned k)
{
	return k <= RST_WORD_ORDER ? rst_set_word_with(set, 0, k) < RST_SET_WORDS
				   : rst_set_words_free(set, 0, k) < RST_SET_SIZE;
}

/* As rst_set_word_with() and rst_set_take(), for n <= 64 things as in rst_odd_runs(). */
static inline bool rst_set_has_odd(const struct rst_set *set, unsigned n)
{
	unsigned word = 0;

	while (word < RST_SET_WORDS && !rst_odd_runs(rst_load_rlx(&set->word[word]), n))
		word++;
	return word < RST_SET_WORDS;
}

bool rst_set_take_odd(struct rst_set *set, unsigned n, unsigned *off);
/* The first offset from off on, in steps of the largest power of two that divides n, at which n
 * things are free, or RST_SET_SIZE. Racy. */
unsigned rst_set_odd_free(const struct rst_set *set, unsigned off, unsigned n);
/* Takes n things from off on, as rst_set_take_words(). */
bool rst_set_take_part(struct rst_set *set, unsigned off, unsigned n, bool *put_back);
/* Takes up to count runs of order k <= 6, all out of one word with one CAS. Returns how many. */
unsigned rst_set_take_some(struct rst_set *set, unsigned k, unsigned count, uint16_t *offs);
/* Finds the first half (32) of a word that has a run of order k <= 5, an exact one if there is any,
 * and takes all free things of it. Returns them as bits, from *off on; 0: the word has no such
 * half. One CAS, tries as above. Sequentially consistent: a CPU that sees that they are gone sees
 * what the caller wrote before. */
uint64_t rst_set_take_half(struct rst_set *set, unsigned word, unsigned k, unsigned *off);
/* Takes these things of one word, all of them or none. One CAS for each change by others, at most
 * RST_SET_TRIES. Sequentially consistent, as rst_set_take_half(). */
bool rst_set_take_bits(_Atomic uint64_t *word, uint64_t bits);
/* The same for the one thing at off. */
bool rst_set_take_at(struct rst_set *set, unsigned off);

/* The order of the largest free run around the run of order k at off, which was just put. */
unsigned rst_set_merged(const struct rst_set *set, unsigned off, unsigned k);
/* The order of the largest free run of the set, -1: none. */
int rst_set_largest(const struct rst_set *set);

/* Are several free things close together, whatever their orders? */
static inline bool rst_dense(uint64_t word)
{
	word &= word - 1;
	return word & (word - 1); /* at least three */
}

bool rst_set_dense(const struct rst_set *set);

/* Counts the bits of a word, in parallel. On many CPUs the builtin would call a library. */
static inline unsigned rst_weight(uint64_t word)
{
	word -= word >> 1 & 0x5555555555555555;
	word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
	word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return (unsigned)(word * 0x0101010101010101 >> 56);
}

/* Acquire: a CPU that sees something free sees what its last holder wrote before the put. */
static inline bool rst_set_has(const struct rst_set *set, unsigned off)
{
	return rst_load_acq(&set->word[off / 64]) >> (off & 63) & 1;
}

/* How many things are free; exact at rest. */
unsigned rst_set_count(const struct rst_set *set);

#endif
