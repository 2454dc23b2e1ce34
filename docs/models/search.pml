/* SPDX-License-Identifier: MIT */
/*
 * search.pml - an allocation that finds nothing while others move frames and clear hints, each of
 * whom may stop for ever at any step.
 *
 * Stands for: search(), note_all() of alloc.c; rst_begin(), rst_end() of engine.h round
 * rst_demote(), make_whole() of block.c, claim() of zone.c, rst_pocket_fill(), rst_pocket_reap() of
 * pocket.c. Sets 0 and 1 are a pageblock and a region, 2 is a CPU's pocket, which has no hint; one
 * frame. PASSES is 4 there, 2 here.
 * Says, of an allocation that does not wait and fails: if it failed since nobody was at it, the
 * frame was not free, in a set or on its way between two, from the start of the last pass to its
 * end. If it failed after note_all(), the frame did not lie in one set from the start of that on,
 * or in a pocket; or somebody alive cleared a hint in between. STRICT leaves out this last "or" and
 * must fail: it is what the engine does not promise.
 * A stop needs no statement: the search waits for nobody, and who takes no more steps has stopped.
 * Leaves out: several zones, bins and lists; that a fence may not be to be had (as if turned away).
 * Two others; with a third that moves the frame it held once (14 million states).
 *
 * check: right BUG_BEGUN_AFTER_CLEAR BUG_ENDED_BEFORE_LOOK BUG_BEGUN_READ_AT_START BUG_NO_REAP
 * check: BUG_MOVE_NOT_COUNTED BUG_NOTE_ALL_LEAVES_OUT BUG_BEGUN_AFTER_STOP STRICT
 */
#define PASSES 2
#ifdef BUG_BEGUN_READ_AT_START
#define FIRST begun
#else
#define FIRST ended
#endif
#define WHEN(c, s) if :: c -> s :: else fi
#ifdef BUG_MOVE_NOT_COUNTED
#define MOVE(count) skip
#else
#define MOVE(count) count++
#endif

bit set[3], hint[2], stop;
byte begun, ended, busy;
/* Ghosts. Free since the pass began; in one set since note_all() began; on its way; a hint was
 * cleared since note_all() began. busy: how often it is taken, or put and not noted yet. */
bit steady, still, moving, late;

inline demote(s, other)
{
#ifdef BUG_BEGUN_AFTER_CLEAR
	atomic { hint[s] = 0; late = late | other };
	begun++;
#else
	begun++;
	atomic { hint[s] = 0; late = late | other };
#endif
#ifdef BUG_ENDED_BEFORE_LOOK
	ended++;
	WHEN(set[s], hint[s] = 1)
#else
	WHEN(set[s], hint[s] = 1);
	ended++
#endif
}

inline from(s) { atomic { set[s] -> set[s] = 0; moving = 1; still = 0 } }
inline to(s) { atomic { set[s] = 1; moving = 0 } }
inline move(a, b) { MOVE(begun); if :: from(a); to(b); hint[b] = 1 :: else fi; MOVE(ended) }
inline fill()
{
	MOVE(begun);
	if :: from(0); if :: stop -> to(0); hint[0] = 1 :: !stop -> to(2) fi :: else fi;
	MOVE(ended)
}

inline turn_away() { atomic { had = !stop; stop = 1 } }
inline take_out() { if :: from(2); stop = 0; to(0); hint[0] = 1 :: else -> stop = 0 fi }
inline reap()
{
#ifdef BUG_BEGUN_AFTER_STOP
	turn_away(); WHEN(had, begun++; take_out(); ended++)
#else
	begun++; turn_away(); WHEN(had, take_out()); ended++
#endif
}

inline allocate_and_free(s)
{
	WHEN(atomic { set[s] -> set[s] = 0; steady = 0; still = 0; busy++ },
	     set[0] = 1; atomic { hint[0] = 1; busy-- })
}

proctype other()
{
	bit had;

	if
	:: true -> if :: true -> demote(0, 1) :: true -> demote(1, 1) fi
	:: true -> if :: true -> allocate_and_free(0) :: true -> allocate_and_free(1) fi
	:: !stop -> allocate_and_free(2)
	:: true -> reap()
	:: true -> fill()
	:: true -> move(0, 1)
	:: true -> move(1, 0)
	fi
}

inline from_anywhere()
{
	s = 0;
	do
	:: s < 2 ->
		WHEN(hint[s], WHEN(atomic { set[s] -> set[s] = 0 }, goto found); demote(s, 0));
		s++
	:: else -> break
	od
}

proctype searches()
{
	byte pass, s, before; bit had;

	do
	:: pass < PASSES ->
		atomic { before = FIRST; steady = !busy && (set[0] || set[1] || set[2] || moving) };
		from_anywhere();
		had = 0;
#ifndef BUG_NO_REAP
		WHEN(set[2], reap());
#endif
		WHEN(!had && begun == before, assert(!steady); goto fails);
		pass++
	:: else -> break
	od;
	atomic { still = set[0] || set[1]; late = 0 };
#ifndef BUG_NOTE_ALL_LEAVES_OUT
	WHEN(set[0], hint[0] = 1);
#endif
	WHEN(set[1], hint[1] = 1);
	from_anywhere();
#ifdef STRICT
	late = 0;
#endif
	assert(!still || late);
fails:
found:	skip
}

init {
	atomic {
		if :: set[0] = 1 :: set[1] = 1 :: set[2] = 1 fi;
		hint[0] = 1; hint[1] = 1;
		run searches(); run other(); run other()
	}
}
