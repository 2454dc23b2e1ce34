/* SPDX-License-Identifier: MIT */
/*
 * twoside.pml - a slab with two sides: its home CPU frees into L and takes from L by sequences, all others
 * free into R. It is closed, opened, stolen, released, and made again for another cache.
 *
 * A sequence is as in pocket.pml: several steps, which anything else on its CPU or a fence breaks off; and its
 * store waits in the CPU's store buffer, until a locked instruction or a fence brings it out.
 *
 * Stands for: all of src/slab/place.c; take_local(), collect_remote(), take_shared(), obtain_slab(), steal_slab() of
 * alloc.c; roost_cache_free() of free.c; release_empty() of cache.c. One slab of two objects, two caches. Two
 * threads of CPU 0, or a task and a handler on top of it, and a third context on CPU 1 (THIRD=2: or without
 * sequences). With NO_HOME none has sequences, but perhaps the third. Each makes FIRST, SECOND, THIRD calls
 * at most, of any kind: it need not have a reason to steal or release.
 * Says: no object is handed out twice, or for a cache that does not have the slab. Nothing is put into a slab that
 * does not exist, and no bit is left when it is released. When all calls have ended, each object is in L, in R, or in
 * use; an open slab is noted in its cache's hints, even if it has nothing; nothing is free in a full one. So
 * all that is free can be found.
 * Leaves out: hints in levels (hint.pml); remembered objects (they are taken as any out of L); words of L and R; the
 * numbers of slabs and their pages (whole.pml); contexts that stop forever.
 *
 * check THIRD=0: BUG_PLACE_NOT_COMPARED BUG_LOOK_BEFORE_CLOSE BUG_NO_SECOND_LOOK
 * check THIRD=0: BUG_HOME_CAS_NO_SEQUENCE
 * check FIRST=0: BUG_NO_FENCE BUG_RELEASE_LOOKS_AT_R
 * check SECOND=2 THIRD=0: BUG_GENERATION_NOT_COMPARED BUG_HOLDER_KEEPS_GENERATION BUG_NOTED_BEFORE_MADE
 * check: right BUG_NOT_NOTED_AGAIN BUG_PLACE_NOT_LOOKED_AT BUG_FULL_IS_FENCED BUG_HOME_OPENS_UNNOTED
 * check FIRST=0 SECOND=4 KEEPS: BUG_NOTES_OLD_CACHE
 * check THIRD=0 NO_HOME: right BUG_NOT_PUT_BACK BUG_PLACE_READ_BEFORE_PUT
 * check SECOND=2 THIRD=0 NO_HOME: BUG_TAKEN_AT_ANY_PLACE
 * long check SECOND=2: right
 * long check THIRD=2: right
 * long check NO_HOME: right
 */
#ifndef FIRST
#define FIRST 1
#endif
#ifndef SECOND
#define SECOND 1
#endif
#ifndef THIRD
#define THIRD 1
#endif
#define ALL 3
#define NONE 0
#define HELD 1
#define SHARED 2		/* + 1: full */
#define OPEN 4			/* + CPU; + 2: FULL */
#define NO_CPU 2
#define STATE(p) ((p) & 7)
#define HAS_HOME(p) (STATE(p) >= OPEN)
#define HOME(p) ((p) & 1)
#define IS_HOME(p) (HAS_HOME(p) && HOME(p) == cpu)
#define IS_OPEN(p) (STATE(p) == SHARED || STATE(p) == OPEN || STATE(p) == OPEN + 1)
#define IS_FULL(p) (STATE(p) == SHARED + 1 || STATE(p) > OPEN + 1)
#define MINE (cpu == NO_CPU -> SHARED : OPEN + cpu)
#define OPENED(p) (HAS_HOME(p) -> OPEN + HOME(p) : SHARED)
#define CLOSED(p) (HAS_HOME(p) -> OPEN + 2 + HOME(p) : SHARED + 1)
#define NEXT(p, s) ((((p) >> 3) + 1) << 3 | (s))
#define WHEN(c, s) if :: c -> s :: else fi
#ifdef BUG_GENERATION_NOT_COMPARED
#define SAME(a, b) (STATE(a) == STATE(b))
#else
#define SAME(a, b) ((a) == (b))
#endif
#ifdef BUG_TAKEN_AT_ANY_PLACE
#define IS_OF(p) 1
#else
#define IS_OF(p) SAME(place, p)
#endif
#ifdef BUG_HOLDER_KEEPS_GENERATION
#define AFTER(p, s) ((p) & 248 | (s))
#else
#define AFTER(p, s) NEXT(p, s)
#endif

#ifdef KEEPS		/* a context that has an object may allocate, and keeps the first */
#define MAY_ALLOCATE 1
#else
#define MAY_ALLOCATE !mine
#endif

byte L, R, out;			/* bits: objects; out is a ghost */
byte place;			/* generation, state */
bit cache, hint[2], number;	/* number: the slab's is free */
byte running[3], buffer[3];	/* of each CPU: as in pocket.pml */
bit buffered[3];

#define MY_L (buffered[cpu] -> buffer[cpu] : L)
inline drain(c) { WHEN(buffered[c], L = buffer[c]; buffered[c] = 0; buffer[c] = 0) }
inline fence(c) { atomic { running[c] = 0; drain(c) } }

/* A sequence, two steps, and the last, which is part of an atomic one. done: place was p, L was old
 * and is new. */
inline compare()
{
	atomic {
		running[cpu] = _pid;
#ifdef BUG_PLACE_NOT_COMPARED
		done = 1
#else
		done = SAME(place, p)
#endif
	};
	done = done && MY_L == old
}

inline commit(new)
{
	done = done && running[cpu] == _pid;
	WHEN(running[cpu] == _pid, running[cpu] = 0);
	WHEN(done, buffer[cpu] = new; buffered[cpu] = 1)
}

/* done: place was p, and is new, which p is then. */
inline cas(new)
{
	drain(cpu);
	done = place == p;
	WHEN(done, p = new; place = p)
}

/* The same, as a sequence: what else was under way on this CPU is broken off. */
inline home_cas(new)
{
#ifndef BUG_HOME_CAS_NO_SEQUENCE
	running[cpu] = 0;
#endif
	cas(new)
}

/* p: full, as it was read after the put. */
inline reopen()
{
#ifndef BUG_NOTES_OLD_CACHE
	k = cache;
#endif
	hint[k] = 1;
	atomic { cas(NEXT(p, OPENED(p))) };
#ifndef BUG_NOT_NOTED_AGAIN
	WHEN(done, hint[k] = 1)
#endif
}

inline put(b)
{
	atomic {
		drain(cpu);
		assert(STATE(place) != NONE && !(R & (b)));
		R = R | (b)
	};
#ifndef BUG_PLACE_READ_BEFORE_PUT
	p = place;
#endif
	WHEN(IS_FULL(p), reopen())
}

/* p: place. done: f is in L. */
inline put_home()
{
	if
	:: cpu != NO_CPU && STATE(p) == MINE -> old = MY_L; compare(); atomic { commit(old | f) }
	:: else -> done = 0
	fi
}

/* A full slab of the caller, which has an object of it. done: it is open. */
inline reopen_home()
{
	hint[want] = 1;
	atomic { home_cas(NEXT(p, MINE)) };
#ifndef BUG_HOME_OPENS_UNNOTED
	WHEN(done, hint[want] = 1)
#endif
}

inline free()
{
	atomic { assert(out & mine); out = out & (ALL - mine); f = mine; mine = 0; p = place };
	put_home();
	if
	:: !done && cpu != NO_CPU ->
		p = place;
		if
		:: IS_HOME(p) && IS_FULL(p) ->
			reopen_home();
			WHEN(done, p = place; put_home())
		:: else
		fi
	:: else
	fi;
	WHEN(!done, put(f))
}

inline take(b)
{
	assert(!(out & (b)) && STATE(place) != NONE && cache == want);
	out = out | (b);
	mine = b
}

inline look() { bits = L; bits = bits | R }
inline look_and_reopen() { look(); WHEN(bits, reopen()) }

/* Clears the hint of what seems to be no open slab of this cache. */
inline unnote()
{
	hint[want] = 0;
#if defined(BUG_LOOK_BEFORE_CLOSE)
	WHEN(bits, reopen())
#elif defined(BUG_PLACE_NOT_LOOKED_AT)
	look_and_reopen()
#elif !defined(BUG_NO_SECOND_LOOK)
	p = place;
	k = cache;
	if
	:: STATE(p) == NONE || k != want
	:: STATE(p) != NONE && k == want && !IS_FULL(p) -> hint[want] = 1
	:: k == want && IS_FULL(p) -> look_and_reopen()
	fi
#endif
}

/* p: as it was read before nothing was found. */
inline close()
{
#ifdef BUG_LOOK_BEFORE_CLOSE
	look();
#endif
	if
	:: HAS_HOME(p) -> atomic { home_cas(NEXT(p, CLOSED(p))) }
	:: else -> atomic { cas(NEXT(p, CLOSED(p))) }
	fi;
	WHEN(done, unnote())
}

/* Takes one out of L; else all out of R, to keep one. */
inline take_home()
{
	old = MY_L;
	if
	:: old ->
		compare();
		atomic {
			f = (old & 1 -> 1 : 2);
			commit(old & (ALL - f));
			WHEN(done, take(f))
		}
	:: else ->
		atomic { drain(cpu); bits = R; R = 0 };
		if
		:: bits ->
			atomic {
				done = IS_OF(p);
				WHEN(done, f = (bits & 1 -> 1 : 2); bits = bits & (ALL - f); take(f))
			};
			if
			:: done ->
				WHEN(bits, old = MY_L; compare(); atomic { commit(old | bits) }; WHEN(!done, put(bits)))
			:: else ->
#ifndef BUG_NOT_PUT_BACK
				put(bits)
#endif
			fi
		:: else -> close()
		fi
	fi
}

inline take_shared()
{
	atomic { f = (R & 1 -> 1 : R); R = R & (ALL - f) };
	if
	:: f ->
		atomic { done = IS_OF(p); WHEN(done, take(f)) };
		if
		:: done
		:: else ->
#ifndef BUG_NOT_PUT_BACK
			put(f)
#endif
		fi
	:: else -> close()
	fi
}

inline let_go(s) { p = AFTER(p, s); place = p }

/* done: p was the place, and it is HELD. A fence may fail. */
inline hold()
{
	state = STATE(p);
	if
	:: IS_HOME(p) -> atomic { home_cas(AFTER(p, HELD)) }
	:: else -> atomic { cas(AFTER(p, HELD)) }
	fi;
	if
#ifdef BUG_FULL_IS_FENCED
	:: done && HAS_HOME(state) && HOME(state) != cpu -> atomic { let_go(state); done = 0 }
#endif
#ifndef BUG_NO_FENCE
	:: done && HAS_HOME(state) && IS_OPEN(state) && HOME(state) != cpu -> fence(HOME(state))
	:: done && HAS_HOME(state) && IS_OPEN(state) && HOME(state) != cpu ->
		atomic { let_go(state); done = 0 }
#endif
	:: else
	fi
}

inline gather() { atomic { bits = R; R = 0 }; L = L | bits }

inline release()
{
	hold();
	if
	:: done ->
		gather();
		if
#ifdef BUG_RELEASE_LOOKS_AT_R
		:: (L | R) == ALL ->
#else
		:: L == ALL ->
#endif
			L = 0;
			place = AFTER(p, NONE);
			hint[cache] = 0;
			number = 1
		:: else ->
			atomic { WHEN(state < OPEN, R = R | L; L = 0); let_go(state) };
			WHEN(IS_FULL(p), look_and_reopen())
		fi
	:: else
	fi
}

inline make()
{
#ifdef BUG_NOTED_BEFORE_MADE
	hint[want] = 1;
#endif
	atomic {
		WHEN(cpu == NO_CPU, R = ALL - 1);
		WHEN(cpu != NO_CPU, L = ALL - 1);
		place = AFTER(place, MINE)
	};
	atomic {
#ifndef BUG_NOTED_BEFORE_MADE
		hint[want] = 1;
#endif
		take(1)
	}
}

/* p: place */
inline allocate()
{
	k = cache;
	if	/* that of another CPU is stolen, a shared one adopted */
	:: k == want && HAS_HOME(p) && IS_OPEN(p) && HOME(p) != cpu ->
		hold();
		WHEN(done, atomic { WHEN(cpu == NO_CPU, R = R | L; L = 0); let_go(MINE) })
	:: k == want && STATE(p) == SHARED && cpu != NO_CPU -> atomic { cas(NEXT(p, MINE)) }
	:: else
	fi;
	if
	:: k == want && STATE(p) == MINE && cpu != NO_CPU -> take_home()
	:: k == want && STATE(p) == MINE && cpu == NO_CPU -> take_shared()
	:: (k != want || IS_FULL(p) || STATE(p) == NONE) && STATE(p) != HELD && hint[want] -> unnote()
	:: else
	fi
}

inline end_call() { atomic { p = 0; old = 0; bits = 0; f = 0; state = 0; done = 0; k = 0; n-- } }

proctype calls(byte cpu; byte mine; bit want; byte n)
{
	byte p, old, bits, f, state; bit done, k;

	do
	:: n && mine -> free(); end_call()
	:: atomic { n && MAY_ALLOCATE && STATE(place) != HELD -> p = place }; allocate(); end_call()
	:: atomic { n && MAY_ALLOCATE && STATE(place) > HELD -> p = place }; release(); end_call()
	:: atomic { n && MAY_ALLOCATE && number -> number = 0; cache = want }; make(); end_call()
	:: break
	od
}

active proctype drains()
{
end:	do
	:: atomic { buffered[0] -> drain(0) }
	:: atomic { buffered[1] -> drain(1) }
	od
}

init {
	byte a, b;
	atomic {
		hint[0] = 1;
		if :: out = 3 :: out = 2 :: out = 0 fi;
		if :: a = 0 :: out & 1 -> a = 1 fi;
		if :: b = 0 :: out & 2 -> b = 2 fi;
#ifdef NO_HOME
		place = SHARED;
		R = ALL - out;
		run calls(NO_CPU, a, 0, FIRST);
		if :: run calls(NO_CPU, 0, 0, SECOND) :: run calls(NO_CPU, 0, 1, SECOND) fi;
		if :: run calls(1, b, 0, THIRD) :: run calls(NO_CPU, b, 0, THIRD) fi;
#else
		place = OPEN;
		L = ALL - out;
		run calls(0, a, 0, FIRST);
		if :: run calls(0, 0, 1, SECOND) :: run calls(0, 0, 0, SECOND) fi;
#if THIRD > 1
		if :: run calls(1, b, 0, THIRD) :: run calls(NO_CPU, b, 0, THIRD) fi;
#else
		run calls(1, b, 0, THIRD);
#endif
#endif
		a = 0; b = 0
	};
	(_nr_pr == 2 && !buffered[0] && !buffered[1]);
	assert(!running[0] && !running[1] && STATE(place) != HELD);
	if
	:: STATE(place) == NONE -> assert(L + R + out == 0)
	:: else ->
		assert((L ^ R ^ out) == ALL && L + R + out == ALL);
		assert(!IS_OPEN(place) || hint[cache]);
		assert(!IS_FULL(place) || L + R == 0)
	fi
}
