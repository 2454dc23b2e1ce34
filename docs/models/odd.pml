/* SPDX-License-Identifier: MIT */
/*
 * odd.pml - blocks whose size is no power of two: masks of bits, taken and put in one word and in two.
 *
 * Stands for: rst_set_take_odd(), rst_set_take_part() of set.c; take_odd_words(), is_right(), last_bin(),
 * from_bin() of zone.c; rst_put_frames(), note_word(), rst_note_run(), rst_settle(), rst_demote() of
 * block.c. A pageblock of two words of four frames. Blocks of 3 lie in a word, at any frame, and are
 * put by one OR; blocks of 6 lie in two, at any even frame, are taken word by word and put as the
 * aligned blocks that make them up. Single frames come and go; hints are demoted.
 * Says: no frame is handed out twice or lost; at rest the pageblock is noted in the bin of its largest
 * aligned run or above; and a search for 3 that begins at the bin below its order finds them if there
 * is a place, though it leaves hints alone that are right for powers of two.
 * Leaves out: that it becomes whole (whole.pml), places, the levels of a hint, sections (search.pml).
 * SIZE: of the block that is allocated beside single frames.
 *
 * check SIZE=3: right BUG_BLIND_TAKE BUG_NOTES_ITS_OWN BUG_LOOK_BEFORE_PUT BUG_SEARCH_FROM_ITS_ORDER
 * check SIZE=3: BUG_CLEARS_AFTER_LOOK
 * check SIZE=6: right BUG_PUT_BACK_NOT_SETTLED BUG_PUT_BACK_FORGETS BUG_PIECES_NOT_MERGED
 */
#define FULL 15
#define WHEN(c, s) if :: c -> s :: else fi
/* The order of the largest aligned run of a word, plus 1; 0: it is empty. */
#define PAIR(x) (((x) & 3) == 3 || ((x) & 12) == 12)
#define RUN(x) ((x) == FULL -> 3 : (PAIR(x) -> 2 : ((x) -> 1 : 0)))
#define PLACE(x) (((x) & 7) == 7 || ((x) & 14) == 14)

byte word[2] = FULL, held[2], first[2];	/* first: held by others, for good; a ghost */
bit hint[5];		/* 1 to 3: runs of order 0 to 2; 4: all of it */

inline note(bin_of) { at = bin_of; hint[at] = 1 }
inline look()		/* rst_set_largest() */
{
	a = word[0];
	b = word[1];
	most = (a == FULL && b == FULL -> 4 : (RUN(a) > RUN(b) -> RUN(a) : RUN(b)))
}
inline settle()
{
	look();
	cleared = 0;
	at = 4;
	do
	:: at > most -> WHEN(hint[at], hint[at] = 0; cleared = 1); at--
	:: else -> break
	od;
#ifndef BUG_CLEARS_AFTER_LOOK
	WHEN(cleared, look());
#endif
	WHEN(most, note(most));
	atomic { a = 0; b = 0; most = 0; at = 0; cleared = 0 }
}
inline demote(bin) { hint[bin] = 0; settle() }

inline put(i, bits)
{
	atomic {
		assert((held[i] & (bits)) == (bits) && !(word[i] & (bits)));
		held[i] = held[i] & (FULL - (bits));
		word[i] = word[i] | (bits)
	}
}
/* The largest run of this word, which the caller has seen as x, or all. */
inline note_seen(i)
{
	if
	:: RUN(x) == 3 && word[1 - i] == FULL -> settle()
	:: else -> WHEN(x, note(RUN(x)))
	fi;
	atomic { x = 0; at = 0 }
}
inline put_and_note(i, bits)
{
#ifdef BUG_LOOK_BEFORE_PUT
	x = word[i];
	x = x | (bits);
	put(i, bits);
#elif defined(BUG_NOTES_ITS_OWN)
	put(i, bits);
	x = bits;
#else
	put(i, bits);
	x = word[i];
#endif
	note_seen(i)
}
inline put_piece(i, bits)
{
	put(i, bits);
#ifdef BUG_PIECES_NOT_MERGED
	x = bits;
#else
	x = word[i];
#endif
	note_seen(i)
}

/* By compare-and-exchange with what was seen, x. */
inline take(i, bits)
{
	atomic {
#ifdef BUG_BLIND_TAKE
		got = 1;
#else
		got = (word[i] == x);
#endif
		WHEN(got, assert(!(held[i] & (bits)));
			  word[i] = word[i] & (FULL - (bits)); held[i] = held[i] | (bits))
	}
}

inline take_3(i)
{
	tries = 0;
	do
	:: x = word[i];
		if
		:: tries < 2 && PLACE(x) ->
			mask = ((x & 7) == 7 -> 7 : 14);
			take(i, mask);
			tries++;
			WHEN(got, break)
		:: else -> got = 0; break
		fi
	od;
	atomic { x = 0; tries = 0 }
}

/* hints of 3 lead to where a pair is, one below its order */
#ifdef BUG_SEARCH_FROM_ITS_ORDER
#define LOW 3
#else
#define LOW 2
#endif
inline search_3()
{
	bin = LOW;
	do
	:: bin <= 4 ->
		if
		:: hint[bin] ->
			w = 0; take_3(w);
			WHEN(!got, w = 1; take_3(w));
			WHEN(got, settle(); break);
			look();
			if
			:: most >= bin -> most = 0	/* right for powers of two: stays */
			:: else -> demote(bin)
			fi
		:: else
		fi;
		bin++
	:: else -> got = 0; break
	od;
	atomic { bin = 0; a = 0; b = 0; most = 0 }
}

proctype three()
{
	byte a, b, most, at, x, mask, tries, bin, w; bit cleared, got;

	search_3();
	if
	:: got -> put_and_note(w, mask)
	:: got			/* or keeps it */
	:: else
	fi
}

inline take_6(low, high)	/* the bits of each word */
{
	got = 0;
	x = word[0];
	WHEN((x & low) == low, take(0, low));
	if
	:: got ->
		got = 0;
		x = word[1];
		WHEN((x & high) == high, take(1, high));
		if
		:: !got ->
#ifndef BUG_PUT_BACK_FORGETS
			put(0, low);
#endif
#ifndef BUG_PUT_BACK_NOT_SETTLED
			settle()
#endif
		:: else
		fi
	:: else
	fi;
	x = 0
}

proctype six()
{
	byte a, b, most, at, x; bit cleared, got;

	take_6(FULL, 3);
	if
	:: got -> put_piece(0, FULL); put_piece(1, 3)
	:: else ->
		take_6(12, FULL);
		WHEN(got, put_piece(0, 12); put_piece(1, FULL))
	fi
}

proctype one()
{
	byte a, b, most, at, x, i, bits; bit cleared, got;

	if :: i = 0 :: i = 1 fi;
	if :: bits = 1 :: bits = 2 :: bits = 4 :: bits = 8 fi;
	x = word[i];
	WHEN(x & bits, take(i, bits); WHEN(got, settle(); put_piece(i, bits)))
}

proctype demotes()
{
	byte a, b, most, at, bin; bit cleared;

	if :: bin = 1 :: bin = 2 :: bin = 3 :: bin = 4 fi;
	demote(bin)
}

init {
	byte a, b, most, at, x, mask, tries, bin, w; bit cleared, got, is_place;

	atomic {
		if
		:: hint[4] = 1
		:: word[1] = 0; held[1] = FULL; hint[3] = 1
		:: word[0] = 7; held[0] = 8; word[1] = 0; held[1] = FULL; hint[2] = 1
		:: word[0] = 14; held[0] = 1; hint[4] = 1
		fi;
		first[0] = held[0]; first[1] = held[1];
#if SIZE == 3
		run three();
		if :: run three() :: run one() :: run demotes() fi
#else
		run six();
		if :: run six() :: run one() :: run demotes() fi
#endif
	};
	_nr_pr == 1;
	assert((word[0] ^ held[0]) == FULL && (word[1] ^ held[1]) == FULL);
	assert(SIZE == 3 || (held[0] == first[0] && held[1] == first[1]));
	d_step {
		most = (word[0] == FULL && word[1] == FULL -> 4 :
		       (RUN(word[0]) > RUN(word[1]) -> RUN(word[0]) : RUN(word[1])));
		at = most;
		do :: at > 0 && at < 5 && !hint[at] -> at++ :: else -> break od
	};
	assert(!most || at < 5);
	atomic { most = 0; at = 0; is_place = PLACE(word[0]) || PLACE(word[1]) };
	search_3();
	assert(got == is_place)
}
