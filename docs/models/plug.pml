/* SPDX-License-Identifier: MIT */
/*
 * plug.pml - a pageblock of one frame comes and goes while others isolate it, allocate and free it, and add
 * up what is free.
 *
 * Stands for: roost_add_range(), roost_remove_range(), rst_hotplug_commit(), rst_hotplug_recover() of
 * core/hotplug.c; rst_engine_add(), set_reserve(), rst_engine_remove(), take(), go_off_line(),
 * unset_apart() of range.c; rst_disown(), make_whole(), rst_put_whole() of block.c; roost_isolate() of cpu.c;
 * open_claimed() of claim.c; forget_absent(), put_lost() of recover.c.
 * Says: at rest the frame is in one set, or held, if it is present, and nowhere if it is absent; an
 * absent pageblock is in nobody's list and not isolated, and one that is present is noted in its
 * list; the count of isolated ones is right. A sum
 * (removed and allocated first, then added and freed) is never lower than what was free at some
 * instant. A search that finds nothing while nobody hides anything is right. CUT: the call that adds
 * or removes may stop at any step; once all others have ended a recovery makes all of it right.
 * Leaves out: clears of hints (hint.pml), several pageblocks, pockets, a removal that finds but a part free.
 *
 * PRESENT: it is there at first.
 *
 * check PRESENT=1 CUT=0: right BUG_ISOLATE_NO_LOOK BUG_APART_FORGOTTEN BUG_APART_LOOKED_EARLY
 * check PRESENT=1 CUT=0: BUG_KEEPS_PLACE BUG_NOT_HIDDEN BUG_REMOVED_COUNTED_EARLY
 * check PRESENT=0 CUT=0: right BUG_ADDED_COUNTED_LATE BUG_TWO_AT_ONCE
 * check PRESENT=1 CUT=0: BUG_PUT_APART_WHOLE BUG_RESERVE_FORCED
 * check PRESENT=1 CUT=1: BUG_NOT_COUNTED_AGAIN BUG_ABSENT_KEEPS_PLACE
 * check PRESENT=1 CUT=0: BUG_BACK_UNNOTED
 * long check PRESENT=0 CUT=1: right
 * long check PRESENT=1 CUT=1: right
 */
#define MOVABLE 0	/* places */
#define OWN 1
#define APART 2
#define RESERVE 3
#define IDLE 0		/* states of the word */
#define BUSY 1
#define ADD 2
#define REMOVE 3
#define WHEN(c, s) if :: c -> s :: else fi
#if CUT
#define STEP if :: skip :: goto ends fi
#else
#define STEP skip
#endif

bit set, region, present;
byte place, nr_apart, state, begun, ended;
byte added, removed, allocated, freed;
/* Ghosts. Held by a caller; on its way; the fewest free since the sum began; free since the search
 * began. */
bit held, moving, least, steady;
bit noted;		/* in the list that place names now */
#define FREE (set || region)
inline taken() { least = 0; steady = 0 }
inline change(from, to) { atomic { got = (place == from); WHEN(got, place = to; noted = 0) } }

inline note() { noted = 1 }
inline put_whole()
{
	atomic { assert(!FREE); region = 1; moving = 0; held = 0 };
#ifndef BUG_PUT_APART_WHOLE
	WHEN(nr_apart && place == APART, open_whole())
#endif
}
inline open_whole()
{
	WHEN(region,
	     begun++;
	     WHEN(atomic { region -> region = 0; moving = 1 },
		  atomic { set = 1; moving = 0 };
		  note());
	     ended++)
}
inline settle()
{
	p = place;
	atomic { WHEN(set, note()) };
	WHEN(p < APART && set,
	     begun++;
	     WHEN(atomic { set -> set = 0; moving = 1 },
		  change(p, MOVABLE);
		  if :: got -> put_whole() :: else -> atomic { set = 1; moving = 0 }; note() fi);
	     ended++)
}
inline put_together()
{
	begun++;
	change(APART, MOVABLE);
	did = got;
	WHEN(did, settle());
	ended++;
	WHEN(did, nr_apart--)
}
inline unset_apart()
{
	WHEN(place == APART, change(APART, MOVABLE); WHEN(got, nr_apart--))
}

inline commit(what)
{
	if
	:: what == ADD ->
#ifndef BUG_ADDED_COUNTED_LATE
		added++;
#endif
		skip
	:: else ->
#ifndef BUG_REMOVED_COUNTED_EARLY
		removed++;
#endif
		skip
	fi;
	STEP; state = what;
	STEP; present = (what == ADD);
	STEP
}

proctype plugs()
{
	byte p; bit got, is_reserve;

	atomic {
#ifndef BUG_TWO_AT_ONCE
		WHEN(state != IDLE, goto out);
#endif
		state = BUSY
	};
	STEP;
	if
	:: !present ->
		if :: is_reserve = 0 :: is_reserve = 1 fi;
#ifdef BUG_RESERVE_FORCED
		WHEN(is_reserve, place = RESERVE);
#else
		WHEN(is_reserve, change(MOVABLE, RESERVE); WHEN(!got, goto leaves));
#endif
		STEP; commit(ADD);
		p = place;
		if
		:: p == RESERVE || p == APART -> atomic { assert(!FREE); set = 1 }; note()
		:: else -> put_whole()
		fi;
#ifdef BUG_ADDED_COUNTED_LATE
		added++;
#endif
	:: place != RESERVE && present ->
#ifdef BUG_REMOVED_COUNTED_EARLY
		removed++;
#endif
#ifndef BUG_NOT_HIDDEN
		begun++;
#endif
		if
		:: atomic { region -> region = 0; moving = 1 }
		:: atomic { set -> set = 0; moving = 1 }
		:: else -> goto shows
		fi;
		STEP;
#ifndef BUG_KEEPS_PLACE
		do :: p = place; WHEN(p == MOVABLE || p == APART, break); change(p, MOVABLE) od;
#endif
		if
		:: skip		/* somebody's all the same, or others keep changing the place */
			p = place;
			if :: p == APART -> atomic { set = 1; moving = 0 }; note() :: else -> put_whole() fi;
#ifdef BUG_REMOVED_COUNTED_EARLY
			removed--;
#endif
			goto shows
		:: skip
		fi;
#ifdef BUG_APART_LOOKED_EARLY
		unset_apart();
#endif
		atomic { moving = 0; taken() };	/* to searches: it is no longer there */
		commit(REMOVE);
#if !defined(BUG_APART_LOOKED_EARLY) && !defined(BUG_APART_FORGOTTEN)
		unset_apart();
#endif
shows:		STEP;
#ifndef BUG_NOT_HIDDEN
		ended++
#endif
	:: else
	fi;
leaves:	STEP; state = IDLE;
out:	skip;
ends:	atomic { p = 0; got = 0; is_reserve = 0 }
}

proctype isolates()
{
	byte p; bit got, did;

	WHEN(!present, goto ends);
	nr_apart++;
	p = place;
	WHEN(p >= APART, nr_apart--; goto ends);
	change(p, APART);
	WHEN(!got, nr_apart--; goto ends);
	atomic { WHEN(set, note()) };
#ifndef BUG_ISOLATE_NO_LOOK
#ifdef BUG_BACK_UNNOTED
	WHEN(!present, unset_apart(); goto ends);
#else
	WHEN(!present, put_together(); goto ends);
#endif
#endif
	do :: open_whole(); WHEN(!region, break) od;
	if :: skip :: goto ends fi;
	put_together();
ends:	atomic { p = 0; got = 0; did = 0 }
}

proctype uses()
{
	byte p; bit got;

	if
	:: atomic { region -> region = 0; held = 1; taken() }	/* as a block of order 9 */
		allocated++;
		freed++;
		p = place;
		if
		:: p >= APART -> atomic { assert(!FREE); set = 1; held = 0 }; note()
		:: else -> put_whole()
		fi
	:: atomic { region -> region = 0; held = 1; taken() }	/* claims, takes, frees a part */
		change(MOVABLE, OWN);
		allocated++;
		freed++;
		atomic { assert(!FREE); set = 1; held = 0 };
		settle()
	:: atomic { set -> set = 0; held = 1; taken() };
		allocated++;
		freed++;
		atomic { assert(!FREE); set = 1; held = 0 };
		settle()
	:: true
	fi;
	atomic { p = 0; got = 0 }
}

proctype sums()
{
	byte gone, come;

	atomic { least = FREE || moving };
	gone = removed;
	gone = gone + allocated;
	come = added;
	come = come + freed;
	assert(come >= gone + least)
}

proctype searches()
{
	byte before;

	atomic { before = ended; steady = FREE || moving };
	WHEN(region, goto found);
	WHEN(set, goto found);
	WHEN(begun == before, assert(!steady));
found:	skip
}

inline recover()
{
	atomic {
		WHEN(state == ADD, present = 1);
		WHEN(state == REMOVE, present = 0);
		state = IDLE;
#ifndef BUG_ABSENT_KEEPS_PLACE
		WHEN(!present, place = MOVABLE);
#endif
		WHEN(present && !FREE && !held, set = 1);
#ifndef BUG_NOT_COUNTED_AGAIN
		added = present + removed;
#endif
		nr_apart = (place == APART)
	}
}

init {
	atomic {
		present = PRESENT;
		added = PRESENT;
		region = PRESENT;
		if
		:: true
		:: present -> region = 0; set = 1; place = OWN; note()
		fi;
		run plugs();
		if :: run isolates() :: run uses() :: run plugs() fi;
		if :: run isolates() :: run uses() :: run sums() :: run searches() fi
	};
	_nr_pr == 1;
#if CUT
	recover();
#else
	assert(!set || noted);
#endif
	assert(set + region + held == present);
	assert(added - removed == present);
	assert(present || place == MOVABLE);
	assert(nr_apart == (place == APART) && state == IDLE);
	assert(!region || place < APART)
}
