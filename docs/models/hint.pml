/* SPDX-License-Identifier: MIT */
/*
 * hint.pml - something is put and noted while others find nothing behind a hint and clear it.
 *
 * Stands for: rst_hint_note_from() and rst_hint_clear() of src/core/hint.[ch], in this order of
 * accesses; a free's put and note (free.c); rst_demote(): clear, then look again (block.c).
 * Says: when all calls but that of one CPU, which stopped forever in the middle of a free, have
 * ended, then each index whose free has ended and that has something free is reachable by set bits
 * from the top. Two free behind the same index; two demote, wherever they like.
 * Leaves out: bins and places (whole.pml); words of 64 bits: here a word has two, so that 2 levels
 * have 4 indices and 3 levels 8, and words differ on each level; demotions that stop (search.pml).
 *
 * check LEVELS=2: right BUG_NO_LOOK_AGAIN BUG_LOOK_BEFORE_CLEAR BUG_STOP_AT_SET_BIT
 * check LEVELS=2: BUG_NO_RENOTE_ABOVE
 * check LEVELS=3: BUG_STOP_AT_SET_BIT BUG_NO_RENOTE_ABOVE
 * long check LEVELS=3: right
 */
#if LEVELS == 2
#define BASE(l) ((l) * 2)		/* words of level 0: 0, 1; of level 1: 2 */
#else
#define BASE(l) ((l) * 4 - ((l) >> 1) * 2)	/* 0 to 3; 4, 5; 6 */
#endif
#define WORD(l, i) word[BASE(l) + ((i) >> 1)]
#define BIT(i) (1 << ((i) & 1))

byte word[7];
byte things[8];
byte ended[8];	/* frees; ghost */
byte running;			/* that will end; ghost */

inline note_from(from, index)
{
	d_step { l = from; i = index };
	do
	:: l < LEVELS ->
		if
		:: WORD(l, i) & BIT(i) ->
#ifdef BUG_STOP_AT_SET_BIT
			break
#endif
		:: else -> WORD(l, i) = WORD(l, i) | BIT(i)
		fi;
		d_step { l++; i = i >> 1 }
	:: else -> break
	od;
	atomic { l = 0; i = 0 }
}

inline look(index)	/* rst_settle() */
{
	if
	:: things[index] -> note_from(0, index)
	:: else
	fi
}

inline clear(index)	/* rst_hint_clear() */
{
	d_step { cl = 0; ci = index };
	do
	:: cl < LEVELS ->
		WORD(cl, ci) = WORD(cl, ci) & (3 - BIT(ci));
#ifndef BUG_NO_RENOTE_ABOVE
		if
		:: cl > 0 && word[BASE(cl - 1) + ci] -> note_from(cl, ci); break
		:: else
		fi;
#endif
		if
		:: WORD(cl, ci) -> break	/* the bit above stays */
		:: else
		fi;
		d_step { cl++; ci = ci >> 1 }
	:: else -> break
	od;
	atomic { cl = 0; ci = 0 }
}

proctype frees()
{
	byte l, i, index;

	if
	:: index = 0
	:: index = 1
	fi;
	things[index] = 1;
	note_from(0, index);
	atomic { ended[index] = 1; running-- }
}

proctype stops()	/* a free behind the same index; nobody waits for it */
{
	byte l, i;

	things[0] = 1;
	note_from(0, 0)
}

proctype demotes()
{
	byte l, i, cl, ci, index;

	if
	:: index = 0
	:: index = 1
	:: index = 2
	fi;
#ifdef BUG_LOOK_BEFORE_CLEAR
	look(index);
	clear(index);
#else
	clear(index);
#ifndef BUG_NO_LOOK_AGAIN
	look(index);
#endif
#endif
	running--
}

/* Are all bits from the top to this index set? */
#define LEVEL_SET(l, i) (WORD(l, (i) >> (l)) & BIT((i) >> (l)))
#if LEVELS == 2
#define REACHED(i) (LEVEL_SET(0, i) && LEVEL_SET(1, i))
#else
#define REACHED(i) (LEVEL_SET(0, i) && LEVEL_SET(1, i) && LEVEL_SET(2, i))
#endif
#define FINE(i) (!ended[i] || REACHED(i))

init {
	d_step {
		/* Old notes behind which nothing is any more. */
		word[BASE(0)] = 1;
		word[BASE(1)] = 1;
		word[BASE(LEVELS - 1)] = 1;
		running = 3
	};
	atomic { run frees(); run stops(); run demotes(); run demotes() };
	running == 0;
	assert(FINE(0) && FINE(1))
}
