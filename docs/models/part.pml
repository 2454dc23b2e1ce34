/* SPDX-License-Identifier: MIT */
/*
 * part.pml - a part of an allocated block is freed, or pieces are merged: what the records say at each step.
 *
 * Stands for: roost_free_part(), cut_out(), roost_merge(), undo_merge() of free.c; rst_enter() of
 * alloc.c; join(), is_lost(), put_lost() of recover.c. A block of four frames, which are records and
 * bits of a set. Others allocate what is freed; one frees a piece that it does not hold, at check
 * level 2, while the pieces are merged (a misuse, of which at most one of the two calls is to succeed).
 * Says: at rest each frame is in the set or in one allocated block, and no block begins in another; what
 * was not freed is allocated. CUT: the call may stop at any step; then a recovery finds the block whole,
 * or the part freed and the rest allocated; pieces as they were, or one block.
 * Leaves out: the order in which stores become visible (each is a release: the explorer); larger blocks.
 *
 * check CALL=0 CUT=0: right BUG_PUT_FIRST
 * check CALL=0 CUT=1: right BUG_HEAD_FIRST BUG_NOT_MARKED
 * check CALL=1 CUT=0: right BUG_MERGE_BLIND BUG_UNDO_FORGETS BUG_PIECES_STAY
 * check CALL=1 CUT=1: right BUG_MERGE_NOT_MARKED
 */
#define NEVER 0		/* records: order + 1 of an allocated block, or */
#define FREED 8
#define SPLIT 16	/* added: its records are being changed */
#define IS_BLOCK(o) ((o) > NEVER && (o) < FREED)
#define SIZE(o) (1 << ((o) - 1))
#define WHEN(c, s) if :: c -> s :: else fi
#if CUT
#define STEP if :: skip :: goto ends fi
#else
#define STEP skip
#endif

byte om[4];
byte set;		/* bits */
byte kept = 15;		/* ghost: frames that nobody frees */

inline change(f, from, to) { atomic { got = (om[f] == from); WHEN(got, om[f] = to) } }
inline put(bits) { atomic { assert(!(set & (bits))); set = set | (bits) } }

#define HALF(f, k) ((((f) >> (k)) ^ 1) << (k))
inline write_half(k)
{
	half = HALF(f, k);
	if
	:: half == 0 -> first = k + 1
	:: else -> om[half] = k + 1; STEP
	fi
}

/* The part begins at f and has this order. */
proctype frees_part()
{
	byte f, order, half, first = FREED; bit got;

	atomic {
		if
		:: order = 0; if :: f = 0 :: f = 1 :: f = 2 :: f = 3 fi
		:: order = 1; if :: f = 0 :: f = 2 fi
		fi;
		kept = 15 - (((1 << (1 << order)) - 1) << f)
	};
#ifdef BUG_NOT_MARKED
	assert(om[0] == 3);
#else
	change(0, 3, SPLIT + 3);
	assert(got);
#endif
	STEP;
#ifdef BUG_PUT_FIRST
	put(15 - kept);
#endif
#ifdef BUG_HEAD_FIRST
	om[0] = (f > 1 -> 2 : (f -> 1 : FREED));
	STEP;
#endif
	WHEN(order == 0, write_half(0));
	write_half(1);
	WHEN(f, om[f] = FREED; STEP);
	om[0] = first;
	STEP;
#ifndef BUG_PUT_FIRST
	put(15 - kept);
#endif
ends:	atomic { half = 0; first = 0; got = 0 }
}

proctype merges()
{
	byte i, j, seen, to; bit got;

	do
	:: i < 4 ->
		seen = om[i];
		got = 0;
		to = (i -> NEVER : SPLIT + 3);
#ifdef BUG_MERGE_BLIND
		WHEN(IS_BLOCK(seen), om[i] = to; got = 1);
#else
#ifdef BUG_MERGE_NOT_MARKED
		WHEN(!i, to = seen);
#elif defined(BUG_PIECES_STAY)
		WHEN(i, to = seen);
#endif
		WHEN(IS_BLOCK(seen), change(i, seen, to));
#endif
		STEP;
		WHEN(!got, goto undoes);
		i = i + SIZE(seen)
	:: else -> break
	od;
	om[0] = 3;
	goto ends;
undoes:
#ifndef BUG_UNDO_FORGETS
	do	/* the largest aligned blocks before i */
	:: j < i ->
		if
		:: j % 2 == 0 && j + 2 <= i -> om[j] = 2; STEP; j = j + 2
		:: else -> om[j] = 1; STEP; j++
		fi
	:: else -> break
	od;
#endif
ends:	atomic { i = 0; j = 0; seen = 0; to = 0; got = 0 }
}

/* Frees a piece, a block of order 0, while it may be merged. */
proctype frees_piece()
{
	byte f; bit got;

	if :: f = 1 :: f = 2 :: f = 3 fi;
	atomic {
		got = (om[f] == 1);
		WHEN(got, om[f] = FREED; kept = kept & (15 - (1 << f)))
	};
	WHEN(got, put(1 << f))
}

proctype allocates()
{
	byte f;

	do
	:: atomic { f < 4 && (set & (1 << f)) -> set = set & (15 - (1 << f)) };
		om[f] = 1;
		kept = kept | (1 << f);
		break
	:: f < 3 -> f++
	:: break
	od;
	f = 0
}

inline recover()
{
	d_step {
		WHEN(om[0] > SPLIT, om[0] = om[0] - SPLIT; om[1] = NEVER; om[2] = NEVER; om[3] = NEVER);
		f = 0;
		do
		:: f < 4 && IS_BLOCK(om[f]) -> f = f + SIZE(om[f])
		:: f < 4 && !IS_BLOCK(om[f]) -> set = set | (1 << f); f++
		:: else -> break
		od
	}
}

init {
	byte f, covered, blocks;

	atomic {
#if CALL == 0
		om[0] = 3;
		run frees_part();
		run allocates();
		run allocates();
#else
		if
		:: om[0] = 1; om[1] = 1; om[2] = 1; om[3] = 1
		:: om[0] = 2; om[2] = 1; om[3] = 1
		:: om[0] = 1; om[1] = 1; om[2] = 2
		fi;
		run merges();
		WHEN(!CUT, run frees_piece(); run allocates());
#endif
	};
	_nr_pr == 1;
#if CUT
	recover();
#endif
	d_step {
		f = 0;
		do
		:: f < 4 && IS_BLOCK(om[f]) ->
			assert(f % SIZE(om[f]) == 0);
			covered = covered | (((1 << SIZE(om[f])) - 1) << f);
			blocks = blocks + SIZE(om[f]);
			f++
		:: f < 4 && !IS_BLOCK(om[f]) -> f++
		:: else -> break
		od
	};
	assert(blocks <= 4 && covered + set == 15 && (covered & set) == 0);
	assert((covered & kept) == kept)
}
