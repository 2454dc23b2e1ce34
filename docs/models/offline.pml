/* SPDX-License-Identifier: MIT */
/*
 * offline.pml - a CPU goes off-line while others on it still make pageblocks theirs.
 *
 * Stands for: adopt(), rst_own() of partial.c; rst_set_current(), rst_leave(), rst_move(), rst_gather() of
 * block.c; roost_cpu_offline(), leave_all(), hand_over_block() of cpu.c. One migratetype, two
 * pageblocks, two allocations at once on the CPU that goes (threads that were on it before).
 * Says: when all calls have ended the CPU has no current pageblock, and none is in its lists.
 * Leaves out: the sets (whole.pml): a look changes nothing here, but that a pageblock of the home
 * which is not current may become whole at any time, and that another CPU may leave it.
 *
 * check: right BUG_DEAD_NOT_READ_AGAIN BUG_DEAD_SET_LAST BUG_DEAD_READ_BEFORE_OWNING
 * check: BUG_CURRENT_TRIED_LAST BUG_HAND_OVER_ONCE
 */
#define ZONE 0
#define OWN 1
#define CURRENT 4
#define NONE 2	/* no pageblock */
#define WHEN(c, s) if :: c -> s :: else fi

byte place[2], current = NONE;
bit dead;

/* Of a pageblock's place: a compare-and-exchange. */
inline change(b, from, to) { atomic { moved = (place[b] == from); WHEN(moved, place[b] = to) } }
inline leave(b) { place[b] = place[b] & (CURRENT - 1) }

inline set_current(b)
{
	atomic { before = current; current = b };
	WHEN(before != NONE && before != b, leave(before))
}

proctype allocates()
{
	byte b, before;
	bit moved, is_dead;

	do
	:: if :: b = 0 :: b = 1 fi;
		WHEN(dead, break);
		before = place[b];
		WHEN(before & CURRENT, break);
#ifdef BUG_DEAD_READ_BEFORE_OWNING
		is_dead = dead;
#endif
		change(b, before, OWN + CURRENT);
		WHEN(!moved, break);
		set_current(b);
#ifdef BUG_DEAD_NOT_READ_AGAIN
		break;
#endif
#ifndef BUG_DEAD_READ_BEFORE_OWNING
		is_dead = dead;
#endif
		WHEN(!is_dead, break);
		set_current(NONE);
#ifdef BUG_CURRENT_TRIED_LAST
		change(b, OWN, ZONE);
		WHEN(!moved, change(b, OWN + CURRENT, ZONE));
#else
		/* In this order: others only ever take CURRENT away from it. */
		change(b, OWN + CURRENT, ZONE);
		WHEN(!moved, change(b, OWN, ZONE));
#endif
		break
	od
}

proctype goes()
{
	byte b, before, was;
	bit moved;

#ifndef BUG_DEAD_SET_LAST
	dead = 1;
#endif
	set_current(NONE);
	do
	:: b < 2 ->
		was = place[b];
		WHEN(was, change(b, was, ZONE));
#ifndef BUG_HAND_OVER_ONCE
		WHEN(was && !moved, goto again);
#endif
		b++;
again:		skip
	:: else -> break
	od;
#ifdef BUG_DEAD_SET_LAST
	dead = 1
#endif
}

/* Others, somewhen: one leaves a pageblock, since it is all free; one makes it whole. */
proctype other(byte b)
{
	bit moved;

	if
	:: leave(b)
	:: change(b, OWN, ZONE)
	fi
}

init {
	atomic {
		if :: place[0] = OWN + CURRENT; current = 0 :: skip fi;
		run allocates(); run allocates(); run goes(); run other(0)
	};
	(_nr_pr == 1);
	assert(current == NONE && place[0] == ZONE && place[1] == ZONE)
}
