/* SPDX-License-Identifier: MIT */
/*
 * pocket.pml - a CPU takes and puts frames in its pocket by restartable sequences; others empty it.
 *
 * A sequence (core/port.h) compares stop with 0, the guard with what it was, the word with what it
 * was, and stores. Against other CPUs it is not indivisible: several steps here. But it is broken
 * off if its CPU did anything else in between (another thread, a handler) or was fenced. Its store
 * may wait in the store buffer, past later loads; a fence or a locked instruction brings it out.
 *
 * Stands for: rst_pocket_take(), _add(), _put() of pocket.h; rst_pocket_swap(), _fill(), _reap() of
 * pocket.c; roost_isolate() of cpu.c. One CPU with two threads, each of which frees and allocates;
 * a pageblock of two frames; one or two others: one reaps, and one reaps too or sets the pageblock apart. It
 * tries to reap once then, and is content if it is turned away.
 * Says: no frame is handed out twice or lost; when all calls have ended and the pageblock is set apart,
 * the pocket holds none of it, and what is in the set is noted where the place says.
 * Leaves out: other pageblocks, the spare, migratetypes, pageblocks that become whole; begun and
 * ended (search.pml); a reaper that stops forever before its exchange (it hides the pocket).
 *
 * check OTHERS=1: right BUG_NO_FENCE BUG_STOP_NOT_COMPARED BUG_NOT_GUARDED BUG_EXCHANGE_BEFORE_FENCE
 * check OTHERS=1: BUG_STOP_DROPPED_EARLY BUG_REAPED_BEFORE_MOVE BUG_SWAP_FORGETS
 * check OTHERS=2: BUG_STOP_NOT_TRIED
 * long check OTHERS=2: right
 */
#define OWN 0
#define APART 1
#define WHEN(c, s) if :: c -> s :: else fi

byte pocket, set, held = 3;	/* bits: frames 0, 1; held is a ghost */
byte buffer;			/* if buffered: the CPU's last store, which others do not see yet */
bit buffered, place = OWN, stop, hint[2];
byte running;			/* the thread in a sequence; 0: none, or it was broken off */

#define MINE (buffered -> buffer : pocket)	/* as the CPU itself sees it */
inline drain() { WHEN(buffered, pocket = buffer; buffered = 0; buffer = 0) }
inline fence() { atomic { running = 0; drain() } }
inline note() { at = place; hint[at] = 1 }
inline put(bits) { atomic { assert(!(set & (bits))); set = set | (bits) }; note() }
inline put_here(bits) { atomic { drain(); assert(!(set & (bits))); set = set | (bits) }; note() }

/* done: the pocket was old and is new. */
inline sequence(new, guarded)
{
	running = _pid;
	done = 1;
#ifndef BUG_STOP_NOT_COMPARED
	done = (stop == 0);
#endif
#ifndef BUG_NOT_GUARDED
	done = done && (!guarded || place == OWN);
#endif
	done = done && MINE == old;
	atomic {
		done = done && running == _pid;
		WHEN(running == _pid, running = 0);
		WHEN(done, buffer = new; buffered = 1)
	}
}

inline swap(bits)	/* what was in the pocket goes back */
{
	old = MINE;
	sequence(bits, 1);
#ifndef BUG_SWAP_FORGETS
	WHEN(done && old, put_here(old))
#endif
}

inline free(f)
{
	atomic { assert(held & (1 << f)); held = held & (3 - (1 << f)) };
	done = 0;
	if
	:: place != OWN
	:: place == OWN -> old = MINE; sequence(old | (1 << f), 1)	/* beside others */
	:: place == OWN -> swap(1 << f)
	fi;
	WHEN(!done, put_here(1 << f))
}

inline take(bits) { atomic { assert(!(held & (bits))); held = held | (bits) } }

inline allocate()
{
	old = MINE;
	if
	:: old ->
		f = (old & 1 -> 1 : 2);
		sequence(old & (3 - f), 0);
		WHEN(done, take(f))
	:: place == OWN ->	/* fill: out of the set, one to keep, the rest into the pocket */
		atomic { drain(); rest = set; set = 0 };
		f = (rest & 1 -> 1 : rest);
		take(f);
		rest = rest & (3 - f);
		WHEN(rest, swap(rest); WHEN(!done, put_here(rest)))
	:: true
	fi
}

proctype thread(byte mine) { byte old, at, f, rest; bit done; free(mine); allocate() }

inline exchange() { atomic { bits = pocket; pocket = 0 } }

inline reap()
{
	atomic { turned_away = stop; stop = 1 };
#ifdef BUG_STOP_NOT_TRIED
	turned_away = 0;
#endif
	if
	:: !turned_away ->
#ifdef BUG_EXCHANGE_BEFORE_FENCE
		exchange(); fence();
#elif defined(BUG_NO_FENCE)
		exchange();
#elif defined(BUG_STOP_DROPPED_EARLY)
		fence(); stop = 0; exchange();
#else
		fence(); exchange();
#endif
		stop = 0;
		WHEN(bits, put(bits))
	:: else
	fi
}

proctype reaps() { byte bits, at; bit turned_away; reap() }

proctype isolates()
{
	byte bits, at; bit turned_away;

#ifdef BUG_REAPED_BEFORE_MOVE
	reap(); place = APART; WHEN(set, note())
#else
	place = APART; WHEN(set, note()); reap()	/* the middle: rst_move() settles */
#endif
}

active proctype drains() { end: do :: atomic { buffered -> drain() } od }

init {
	atomic {
		run thread(0); run thread(1);
#if OTHERS == 2
		run reaps();
		if :: run reaps() :: run isolates() fi
#else
		if :: run isolates() :: run reaps() fi	/* most faults are found there */
#endif
	};
	(_nr_pr == 2 && !buffered);
	assert((set ^ pocket ^ held) == 3 && set + pocket + held == 3);
	assert(!stop && (place == OWN || !pocket) && (!set || hint[place]))
}
