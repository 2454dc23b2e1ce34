/* SPDX-License-Identifier: MIT */
/*
 * grow.pml - threads bring units of a pool in, while a resize takes one out of use.
 *
 * Stands for: take_budget(), bring_word(), bring_in(), release(), give_budget(), take_out_of_use(),
 * rst_size_recover() of pool/size.c; rst_bring(), rst_banish(), rst_bring_recover() of sets/range.c.
 * Says: what is free was made usable, and each unit comes in once. No more comes in than may. A thread
 * that finds nothing to bring in is right: all that may be used is in use or in hands, unless the kernel
 * has refused something, or a resize is at work. Nobody waits: a thread that stops (CUT, at any step)
 * hides one unit. At rest all counts are right; after a cut, once the others have ended, a recovery makes
 * them right, and all that may be used can be brought in.
 * Leaves out: steps of several units (each bit is taken by itself), nodes, searches (plug.pml).
 *
 * check CUT=0 SHRINK=0: right BUG_BUDGET_BLINDLY BUG_TAKEN_BLINDLY BUG_PUT_EARLY BUG_KEPT_IF_REFUSED
 * check CUT=0 SHRINK=1: right BUG_RELEASED_EARLY
 * check CUT=1 SHRINK=0: right BUG_NOT_RECOVERED BUG_BROUGHT_EARLY
 */
#define N 3
#define WHEN(c, s) if :: c -> s :: else fi
#if CUT
#define STEP if :: may_stop -> atomic { may_stop = 0; goto ends } :: skip fi
#else
#define STEP skip
#endif

byte allowed = N, in;
bit taken[N], usable[N], present[N], brought[N], free[N];
byte counted;		/* added less removed */
bit disturbed;		/* the kernel refused, or a resize is at work */
bit may_stop = 1;

proctype grows()
{
	byte u; bit got;

#ifdef BUG_BUDGET_BLINDLY
	u = in;
	WHEN(u >= allowed, goto ends);
	in = u + 1;
#else
	atomic { WHEN(in >= allowed, goto ends); in++ };
#endif
	STEP;
	u = 0;
	do
	:: u == N -> break
	:: u < N && taken[u] -> u++
	:: u < N && !taken[u] ->
#ifdef BUG_TAKEN_BLINDLY
		taken[u] = 1; break
#else
		atomic { got = !taken[u]; taken[u] = 1 };
		if :: got -> break :: else -> u++ fi
#endif
	od;
	if
	:: u == N -> atomic { assert(disturbed); in--; goto ends }
	:: else
	fi;
	STEP;
#ifdef BUG_PUT_EARLY
	atomic { assert(!free[u] && usable[u]); free[u] = 1 };
#endif
	if
	:: usable[u] = 1
	:: disturbed = 1;
#ifndef BUG_KEPT_IF_REFUSED
		taken[u] = 0;
#endif
		STEP; in--; goto ends
	fi;
	STEP; counted++;
#ifdef BUG_BROUGHT_EARLY
	brought[u] = 1; STEP; present[u] = 1;
#else
	STEP; present[u] = 1; STEP; brought[u] = 1;
#endif
	STEP;
	atomic { assert(!free[u] && usable[u]); free[u] = 1 };
ends:	atomic { u = 0; got = 0 }
}

proctype shrinks()
{
	byte u;

	disturbed = 1;
	if
	:: atomic { free[0] -> free[0] = 0 } u = 0
	:: atomic { free[1] -> free[1] = 0 } u = 1
	:: true -> goto ends
	fi;
#ifdef BUG_RELEASED_EARLY
	taken[u] = 0;
#endif
	usable[u] = 0;
	present[u] = 0;
	brought[u] = 0;
	counted--;
#ifndef BUG_RELEASED_EARLY
	taken[u] = 0;
#endif
	atomic { in--; allowed-- };
	assert(in <= allowed);
ends:	u = 0
}

/* Of one unit. */
inline recover(i)
{
#ifndef BUG_NOT_RECOVERED
	WHEN(taken[i] && !brought[i], present[i] = 0; taken[i] = 0);
#endif
	WHEN(present[i], assert(usable[i]); free[i] = 1; counted++);
	in = in + taken[i]
}

inline right(i)
{
	assert(free[i] == present[i] && present[i] == brought[i] && brought[i] == taken[i]);
	assert(!free[i] || usable[i])
}

init {
	atomic {
		run grows();
		run grows();
#if SHRINK
		run shrinks()
#else
		run grows()
#endif
	};
	_nr_pr == 1;
	atomic {
#if CUT
		in = 0; counted = 0;
		recover(0); recover(1); recover(2);
#endif
		right(0); right(1); right(2);
		assert(in == free[0] + free[1] + free[2] && in == counted && in <= allowed)
	}
}
