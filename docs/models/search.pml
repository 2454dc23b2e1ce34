/* SPDX-License-Identifier: MIT */
/*
 * search.pml - an allocation that finds nothing while other CPUs hide frames and change places; each of
 * them may stop forever at any step.
 *
 * Stands for: search(), are_hidden(), note_all() of alloc.c; rst_from_list() of partial.c; rst_sections(), rst_hide(),
 * rst_show() of hidden.h round rst_demote(), make_whole() of block.c, claim_in() of
 * claim.c, rst_take_words() of partial.c, rst_pocket_fill(), put_all() of pocket.c; rst_move(), which hides nothing. Sets 0 and 1 are a
 * pageblock and a region, 2 is a CPU's pocket, which has no hint; one frame. The pageblock is in one
 * of two lists: hints 0 and 2, of which place is one; hint 1 is the region's. PASSES is 4 there, 2
 * here.
 * Says, of an allocation that does not wait and fails: if it failed since nothing was hidden, the
 * frame was not free, in a set or on its way between two, from the start of the last pass to its
 * end. If it failed after note_all(), or without it since no CPU hid anything then, the frame did not
 * lie in one set, noted if it had been freed, from the start of that on, or in a pocket; or
 * a running CPU cleared a hint or changed the place in between. STRICT leaves
 * out this last "or" and must fail: it is what the engine does not promise. And: it makes another
 * pass only if another CPU has begun anything, or it has emptied the pocket.
 * A stop needs no statement: the search waits for nothing, and a CPU that takes no more steps has stopped.
 * Leaves out: several zones and bins; that a fence may be unavailable (as if turned away); the
 * reserve. Two others; with a third that moves the frame it held once (14 million states).
 *
 * check: right BUG_BEGUN_AFTER_CLEAR BUG_ENDED_BEFORE_LOOK BUG_BEGUN_READ_AT_START BUG_NO_REAP
 * check: BUG_MOVE_NOT_COUNTED BUG_NOTE_ALL_LEAVES_OUT BUG_TURNED_AWAY_IS_EMPTY STRICT
 * check: BUG_REAP_NOT_COUNTED BUG_BEGUN_AFTER_TAKEN BUG_OWN_COUNTED BUG_UNCOVERED_FORGOTTEN
 * check: BUG_NEVER_NOTED_ANEW BUG_LAST_WALK_UNCOVERS
 */
#define PASSES 2
#ifdef BUG_BEGUN_READ_AT_START
#define FIRST begun
#else
#define FIRST ended
#endif
#ifdef BUG_OWN_COUNTED
#define OWN 0
#else
#define OWN own
#endif
#define WHEN(c, s) if :: c -> s :: else fi
#ifdef BUG_MOVE_NOT_COUNTED
#define MOVE(count) skip
#else
#define MOVE(count) count++
#endif
#ifdef BUG_REAP_NOT_COUNTED
#define REAP(count) skip
#else
#define REAP(count) count++
#endif
#define SET(h) ((h) & 1)

bit set[3], hint[3], stop;
byte begun, ended, place;
/* Ghosts. Free since the pass began; in one set since note_all() began; on its way; a hint was
 * cleared or the place changed since note_all() began; how often it is taken, or put and not noted
 * yet; somebody else has begun something. */
bit steady, still, moving, late, acted;
byte busy;

inline note(s) { if :: s -> hint[1] = 1 :: else -> hint[place] = 1 fi }

inline demote(h, other)
{
#ifdef BUG_BEGUN_AFTER_CLEAR
	atomic { hint[h] = 0; late = late | other };
	begun++;
#else
	begun++;
	atomic { hint[h] = 0; late = late | other };
#endif
#ifdef BUG_ENDED_BEFORE_LOOK
	ended++;
	WHEN(set[SET(h)], note(SET(h)); light = 1)
#else
	WHEN(set[SET(h)], note(SET(h)); light = 1);
	ended++
#endif
}

inline from(s) { atomic { set[s] -> set[s] = 0; moving = 1; still = 0 } }
inline to(s) { atomic { set[s] = 1; moving = 0 } }
inline move(a, b)
{
#ifdef BUG_BEGUN_AFTER_TAKEN
	WHEN(set[a], if :: from(a); MOVE(begun); to(b); note(b); MOVE(ended) :: else fi)
#else
	WHEN(set[a], MOVE(begun); if :: from(a); to(b); note(b) :: else fi; MOVE(ended))
#endif
}
inline fill()
{
	WHEN(set[0], MOVE(begun);
	     if :: from(0); if :: stop -> to(0); note(0) :: !stop -> to(2) fi :: else fi;
	     MOVE(ended))
}
inline change_place() { atomic { place = 2 - place; late = 1 }; WHEN(set[0], note(0)) }

inline turn_away() { atomic { had = !stop; stop = 1 } }
inline reap()
{
	turn_away();
	WHEN(had,
	     if
	     :: set[2] -> REAP(begun);
			  if :: from(2); stop = 0; to(0); note(0) :: else -> stop = 0 fi;
			  REAP(ended)
	     :: else -> stop = 0
	     fi)
}

inline allocate_and_free(s)
{
	WHEN(atomic { set[s] -> set[s] = 0; steady = 0; still = 0; busy++ },
	     set[0] = 1; atomic { note(0); busy-- })
}

proctype other()
{
	bit had, light;

	acted = 1;
	if
	:: true -> if :: true -> demote(0, 1) :: true -> demote(1, 1) :: true -> demote(2, 1) fi
	:: true -> if :: true -> allocate_and_free(0) :: true -> allocate_and_free(1) fi
	:: !stop -> allocate_and_free(2)
	:: true -> reap()
	:: true -> fill()
	:: true -> move(0, 1)
	:: true -> move(1, 0)
	:: true -> change_place()
	fi
}

inline from_anywhere()
{
	h = 0;
	do
	:: h < 3 ->
		WHEN(hint[h],
		     WHEN(h == 1 || place == h,
			  WHEN(atomic { set[SET(h)] -> set[SET(h)] = 0 }, goto found));
		     demote(h, 0); own++);
		h++
	:: else -> break
	od
}

proctype searches()
{
	byte pass, h, before, own; bit had, light, missed;

	do
	:: pass < PASSES ->
		atomic { before = FIRST; steady = !busy && (set[0] || set[1] || set[2] || moving) };
		atomic { own = 0; light = 0; missed = 0 };
		from_anywhere();
#ifndef BUG_UNCOVERED_FORGOTTEN
		missed = light;
#endif
		had = 0;
#ifndef BUG_NO_REAP
#ifdef BUG_TURNED_AWAY_IS_EMPTY
		WHEN(set[2], reap(); missed = missed | had);
#else
		WHEN(set[2], reap(); missed = 1);
#endif
#endif
		WHEN(!missed && begun == before + OWN, assert(!steady); goto fails);
		assert(acted || had);
		pass++
	:: else -> break
	od;
	atomic { still = !busy && (set[0] || set[1]); late = 0; before = ended };
#ifdef BUG_NEVER_NOTED_ANEW
	before = begun;
#endif
	if
	:: begun == before
	:: else ->
#ifndef BUG_NOTE_ALL_LEAVES_OUT
		WHEN(set[0], note(0));
#endif
		WHEN(set[1], note(1))
	fi;
	light = 0;
	from_anywhere();
#ifndef BUG_LAST_WALK_UNCOVERS
	WHEN(light, from_anywhere());
#endif
#ifdef STRICT
	late = 0;
#endif
	assert(!still || late);
fails:
found:	skip
}

init {
	atomic {
		if :: set[0] = 1 :: set[1] = 1 :: set[2] = 1 :: true fi; /* or there is none */
		if :: place = 0 :: place = 2 fi;
		hint[0] = 1; hint[1] = 1; hint[2] = 1;
		run searches(); run other(); run other()
	}
}
