/* SPDX-License-Identifier: MIT */
/*
 * region.pml - a region goes from the list of the clean ones to that of the tainted ones and back, while
 * its whole pageblock is claimed and put, and a search looks through both lists.
 *
 * Stands for: rst_replace(), count_taint(), settle_region(), note_region(), rst_demote_region(), make_whole() and
 * put_ordinary() of block.c; claim_from(), claim_second(), is_misplaced() of claim.c; are_hidden() of alloc.c.
 * Pageblock 0 is whole at first. One CPU claims it for what is not movable, and makes it whole again. The
 * place of pageblock 1, which is in use, is changed by one or two others that do not know of each other. The
 * hints are those of the region in the two lists; a word with several levels is hint.pml's.
 * Says: a region's count of pageblocks that taint it is never lower than their number, and equal to
 * it at rest. At rest a region with a whole pageblock is noted in a list. A search that looks
 * through both lists, in either order, and fails without having seen that something may be hidden, did so
 * while no pageblock was whole, and noted, from its start to its end. Each CPU but the search's may stop forever.
 * Leaves out: bins (a region with fewer whole pageblocks than its hint says); isolation (search.pml's
 * order of set and place). That a region is in the list of its kind is not said: it need not be.
 *
 * check MOVES=1: right BUG_COUNTED_AFTER_PLACE BUG_LOWERED_BEFORE_PLACE
 * check MOVES=1: BUG_CLEARED_NOT_HIDDEN BUG_NO_LOOK_AGAIN BUG_ONE_LIST BUG_BEGUN_READ_AT_START
 * check MOVES=2: BUG_FAILURE_STAYS_COUNTED
 * long check MOVES=2: right
 */
#define CLEAN 0
#define TAINTED 1
#define KIND (taints > 0)
#define ENOUGH (taints >= place[0] + place[1])

bit whole = 1, hint[2], place[2];	/* place: it taints */
byte taints, begun, ended;
bit noted = 1;		/* ghost: the whole pageblock's put has ended, and nobody has claimed it since */
bit steady;		/* ghost: noted since the search began */
byte running;

/* A hint that is set is cleared, in a section. */
inline clear(which)
{
	if
	:: hint[which] ->
#ifndef BUG_CLEARED_NOT_HIDDEN
		if
		:: !cleared && !inside -> begun++
		:: else
		fi;
#endif
		cleared = 1;
		hint[which] = 0
	:: else
	fi
}

inline settle()		/* of a region; inside is the caller's */
{
	atomic { cleared = 0; list = KIND };
	some = whole;
	if
	:: some -> hint[list] = 1
	:: else -> clear(list)
	fi;
	clear(1 - list);
	if
	:: cleared ->
#ifndef BUG_NO_LOOK_AGAIN
		some = whole;
		if
		:: some -> note()
		:: else
		fi;
#endif
#ifndef BUG_CLEARED_NOT_HIDDEN
		if
		:: !inside -> ended++
		:: else
		fi
#endif
	:: else
	fi;
	atomic { cleared = 0; some = 0; list = 0 }
}

inline note() { list = KIND; hint[list] = 1 }

inline raise()
{
	atomic { taints++; first = taints == 1 };
	if
	:: first -> settle()
	:: else
	fi;
	first = 0
}

/* A place from what was read to what is wanted. */
inline replace(b, from, to)
{
#if !defined(BUG_COUNTED_AFTER_PLACE)
	if
	:: to > from -> raise()
	:: else
	fi;
#endif
#ifdef BUG_LOWERED_BEFORE_PLACE
	if
	:: to < from -> atomic { taints--; assert(ENOUGH) }
	:: else
	fi;
#endif
	atomic {
		done = place[b] == from;
		if
		:: done -> place[b] = to; assert(ENOUGH)
		:: else
		fi
	};
	if
#ifdef BUG_COUNTED_AFTER_PLACE
	:: done && to > from -> raise()
#endif
#ifndef BUG_LOWERED_BEFORE_PLACE
	:: done && to < from -> atomic { taints--; assert(ENOUGH) }
#endif
#ifndef BUG_FAILURE_STAYS_COUNTED
	:: !done && to > from -> atomic { taints--; assert(ENOUGH) }
#endif
	:: else
	fi;
	done = 0
}

proctype claims()	/* and makes it whole again */
{
	bit cleared, some, list, first, done, inside = 1, had;

	begun++;
	atomic { had = whole; whole = 0; noted = 0; steady = 0 };
	if
	:: had ->
		settle();
		replace(0, 0, 1);
		ended++;
		begun++;
		replace(0, 1, 0);
		whole = 1;
		note();
		noted = 1
	:: else
	fi;
	ended++;
	running--
}

proctype moves()	/* pageblock 1, to the other kind of list, if nobody is faster */
{
	bit cleared, some, list, first, done, inside, from;

	from = place[1];
	replace(1, from, 1 - from);
	running--
}

/* One list, then the other one, then the first again if it has passed by the region there. */
proctype searches()
{
	bit cleared, some, list, first, inside, at, lists, found, passed, missed;
	byte before, own;

	if
	:: at = CLEAN
	:: at = TAINTED
	fi;
	atomic { before = ended; steady = noted };
#ifdef BUG_BEGUN_READ_AT_START
	byte after = begun;
#endif
	do
	:: if
		:: !hint[at] -> skip
		:: hint[at] && !passed && !lists && KIND != at -> passed = 1; settle()
		:: else ->
			if
			:: atomic { whole -> found = 1 }
			:: else ->
				own++;
				begun++;
				hint[at] = 0;
				inside = 1;
				settle();
				inside = 0;
				missed = missed | whole;
				ended++
			fi
		fi;
		if
#ifdef BUG_ONE_LIST
		:: 1 -> break
#else
		:: !found && !lists -> lists = 1; at = 1 - at
		:: !found && lists && passed -> passed = 0; at = 1 - at
		:: else -> break
#endif
		fi
	od;
#ifdef BUG_BEGUN_READ_AT_START
	assert(found || missed || !steady || after - own > before);
#else
	assert(found || missed || !steady || begun - own > before);
#endif
	running--
}

init {
	d_step { hint[CLEAN] = 1; running = 2 + MOVES };
	atomic {
		run claims();
		run moves();
#if MOVES == 2
		run moves();
#endif
		run searches()
	};
	running == 0;
	assert(taints == place[0] + place[1]);
	assert(!whole || hint[CLEAN] || hint[TAINTED])
}
