/* SPDX-License-Identifier: MIT */
/*
 * whole.pml - the last frames of a pageblock come back while its place changes: it becomes whole,
 * or is noted where its place says.
 *
 * Stands for: put(), note() of free.c; rst_settle(), make_whole(), rst_put_whole(),
 * rst_open_whole(), rst_move(), rst_leave(), rst_demote() of block.c; adopt(), open_claimed() of
 * zone.c; roost_isolate(), hand_over() of cpu.c; take_part() of range.c, rst_disown(). One
 * pageblock of two frames, each a word.
 * Says: no frame is handed out twice; at rest each is in one set or held, the pageblock is noted
 * in the list that its place names, in the bin of its largest run or above; if it is all free,
 * ordinary and not current then it is whole, unless somebody gave up or it was opened because it
 * was set apart just before (both set gave_up); one that is set apart is not whole.
 * Leaves out: the levels of a hint (hint.pml), runs within a word, the reserve, other pageblocks.
 * WHOLE_TRIES is 2 there, 1 here; take_all() is tried without a look whether it may succeed.
 * FREES: with two frees and one CPU that does anything, or without and with two such CPUs.
 *
 * check FREES=0: right BUG_PLACE_BEFORE_PUT BUG_LOOK_BEFORE_MOVE BUG_LOOK_BEFORE_LEAVE
 * check FREES=0: BUG_BLIND_TAKE BUG_NO_LOOK_AFTER_PUT_BACK BUG_WHOLE_KEEPS_PLACE
 * check FREES=0: BUG_CLAIM_NO_LOOK BUG_WHOLE_NOT_OPENED BUG_APART_COUNTED_LATE
 * check FREES=0: BUG_RANGE_KEEPS_PLACE BUG_RANGE_NO_LOOK
 * long check FREES=2: right
 */
#define ZONE 0	/* lists: ROOST_LIST_MOVABLE, two homes' (1, 2), ROOST_LIST_ISOLATE */
#define OTHER 2
#define APART 3
#define CURRENT 4
#define LIST(p) ((p) & 3)
#ifdef BUG_APART_COUNTED_LATE	/* not before it looks whether the pageblock is whole */
#define EARLY 0
#else
#define EARLY 1
#endif
#define BIN(b) hint[LIST(place) * 2 + b]
#define WHEN(c, s) if :: c -> s :: else fi
bit word[2], region, region_hint, hint[8];	/* list * 2 + bin; bin 1: both may be free */
byte place = 1, nr_apart;
bit held[2], gave_up;	/* ghosts */

inline put(f) { atomic { assert(held[f] && !word[f] && !region); held[f] = 0; word[f] = 1 } }
inline had(f) { atomic { assert(!got || !held[f]); held[f] = held[f] | got } }
inline take(f) { atomic { got = word[f]; word[f] = 0; had(f) } }
inline take_whole() { atomic { got = region; region = 0; had(0); had(1) } }
inline change(from, to) { atomic { got = (place == from); WHEN(got, place = to) } }
inline look() { n = word[0]; n = n + word[1] }
inline note(bin) { at = LIST(place); hint[at * 2 + bin] = 1 }	/* the place after the look */
inline open_whole() { take_whole(); WHEN(got, put(0); put(1); note(1); gave_up = 1) }
inline put_whole()
{
	atomic { held[0] = 0; held[1] = 0; region = 1; n = 0 };
	region_hint = 1;
#ifndef BUG_WHOLE_NOT_OPENED
	WHEN(nr_apart && place == APART, open_whole())
#endif
}
inline make_whole()
{
	take(0);
#ifdef BUG_BLIND_TAKE
	WHEN(got, atomic { word[1] = 0; had(1) });
#else
	WHEN(got, take(1); WHEN(!got, put(0)));
#endif
#ifndef BUG_WHOLE_KEEPS_PLACE
	WHEN(got, change(p, ZONE); WHEN(!got, put(0); put(1)));
#endif
	WHEN(got, put_whole())
}

proctype cpu(byte f) {	/* 0, 1: frees this frame, which it holds; 2: does anything */
	byte n, p, at, was, to, tries, next; bit got;	/* next: after it has settled */

	WHEN(f < 2, goto frees); was = place;
	if
	:: if :: f = 0 :: f = 1 fi;			/* allocates, adopts, frees */
		take(f); WHEN(!got, goto ends);
		next = 1; to = OTHER + CURRENT; was = place;
		if :: was & CURRENT || was == APART -> goto frees :: else -> goto moves fi
	:: LIST(was) % 3 -> to = ZONE; goto moves	/* hands over */
	:: was != APART ->				/* sets apart */
		next = 2; to = APART; nr_apart = nr_apart + EARLY; goto moves
	:: take_whole(); WHEN(!got, goto ends);		/* claims */
		change(ZONE, OTHER + CURRENT); WHEN(!got, put(0)); put(1);
#ifdef BUG_CLAIM_NO_LOOK
		goto ends
#endif
	:: take_whole(); WHEN(got, goto taken);		/* takes all by address, frees it */
		take(0); WHEN(!got, goto ends);
		take(1); WHEN(got, goto disowns); put(0);
#ifdef BUG_RANGE_NO_LOOK
		goto ends
#endif
	:: was & CURRENT ->				/* leaves */
#ifdef BUG_LOOK_BEFORE_LEAVE
		look(); place = LIST(place); WHEN(n < 2, goto ends)
#else
		place = LIST(place)
#endif
	:: hint[LIST(was) * 2] = 0			/* demotes */
	:: hint[LIST(was) * 2 + 1] = 0
	fi;
settles:
	do
	:: look(); p = place;
		if
		:: n == 0 -> break
		:: n > 0 && (n == 1 || p & CURRENT || p == APART || tries) ->
			gave_up = gave_up | tries; note((n == 2)); break
		:: else -> make_whole(); tries = 1
#ifdef BUG_NO_LOOK_AFTER_PUT_BACK
			; break
#endif
		fi
	od;
	atomic { n = 0; p = 0; at = 0; tries = 0; got = 0 };
	if
	:: next == 1 -> goto frees
	:: next == 2 ->
		do :: open_whole(); WHEN(!region, break) od; nr_apart = nr_apart + 1 - EARLY;
		if :: was = APART; to = ZONE; next = 3; goto moves :: goto ends fi /* and back? */
	:: else -> nr_apart = nr_apart - (next == 3); goto ends
	fi;
disowns:
#ifndef BUG_RANGE_KEEPS_PLACE
	do :: p = place; WHEN(p == ZONE || p == APART, break); change(p, ZONE) od;
#endif
taken:	put_whole(); goto ends;
moves:
#ifdef BUG_LOOK_BEFORE_MOVE
	look(); WHEN(n == 0, change(was, to); goto ends);
#endif
	change(was, to);
	WHEN(got, goto settles);
	WHEN(next != 1, nr_apart = nr_apart - (next > 1); goto ends);
frees:
#ifdef BUG_PLACE_BEFORE_PUT
	was = place; put(f);
#else
	put(f); was = place;
#endif
	next = 0; WHEN(was & CURRENT, hint[LIST(was) * 2 + 1] = 1; goto ends);
	look();
	if :: n == 2 -> goto settles :: else -> hint[LIST(was) * 2] = 1 fi;
ends:	atomic { n = 0; p = 0; was = 0; to = 0; f = 0; got = 0 }
}

init {
	atomic {
		if
		:: FREES == 2 -> held[0] = 1; held[1] = 1; run cpu(0); run cpu(1)
		:: FREES == 2 -> held[0] = 1; held[1] = 1; run cpu(0); run cpu(1); place = 5
		:: FREES == 0 -> place = 1 + CURRENT; word[0] = 1; word[1] = 1; BIN(1) = 1
		:: FREES == 0 -> place = ZONE; region = 1; region_hint = 1
		fi;
		WHEN(FREES == 0, run cpu(2)); run cpu(2)
	};
	_nr_pr == 1;
	assert(held[0] + word[0] + region == 1 && held[1] + word[1] + region == 1);
	assert(!region || (region_hint && place == ZONE));
	assert(word[0] + word[1] < 2 || (BIN(1) && (place & 4 || place == APART || gave_up)));
	assert(word[0] + word[1] != 1 || BIN(0) || BIN(1))
}
