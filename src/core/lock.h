/* SPDX-License-Identifier: MIT */
/*
 * lock.h - the two kinds of lock. (The law: docs/design.md.)
 *
 *   rst_trylock_t   held with interrupts on, therefore only ever tried: there is no function
 *                   that waits for one (but the lab's, which is wrong on purpose).
 *   rst_spinlock_t  may be waited for, therefore held only with interrupts off: its functions
 *                   turn them off and on.
 *
 * Why that cannot deadlock: a waiter waits for a holder that no handler can have interrupted,
 * that holds nothing ranked later, and that never waits for a try-lock. Ranks: the caller's locks
 * < pcp lock (try) < zone lock (spin). No context holds two pcp locks or two zone locks.
 *
 * Uniprocessor builds. A try is a test and a set of a plain word with no bus lock. That is a real
 * lock. A handler that comes between test and set has released the lock when it ends, so the result
 * of the test is still true; a handler that comes after the set sees the lock taken. (Linux's UP
 * trylock does nothing and always succeeds. With interrupts on, a handler would then use a
 * half-changed list.)
 *
 * A port whose system has locks of its own that do as much (and are watched, as lockdep does)
 * defines RST_PORT_LOCKS as 1, both types, and all functions of the last two sections.
 */
#ifndef RST_LOCK_H
#define RST_LOCK_H

#include "core/port.h"

/* How often a caller that must not wait tries a spin lock. A port may choose another number. */
#ifndef RST_TRIES
#define RST_TRIES 64
#endif

/* How often a waiter tries before it parks. */
#ifndef RST_SPINS
#define RST_SPINS 200
#endif

#ifndef RST_PORT_LOCKS
#define RST_PORT_LOCKS 0
#endif

#if !RST_PORT_LOCKS
#if ROOST_SMP

typedef struct {
	_Atomic uint32_t word; /* 0 free, 1 held, 2 held and somebody is parked */
} rst_lockword_t;

/* Acquire: orders the holder's accesses after those of the last holder, which released. */
static inline bool rst_word_try(rst_lockword_t *lock)
{
	uint32_t free = 0;

	/* The load keeps the cache line shared while the lock is held. It is racy; the CAS
	 * decides. */
	return rst_load_rlx(&lock->word) == 0 && rst_cas32_acq(&lock->word, &free, 1);
}

static inline void rst_word_drop(rst_lockword_t *lock)
{
	rst_store_rel(&lock->word, 0);
}

static inline bool rst_word_held(const rst_lockword_t *lock)
{
	return rst_load_rlx(&lock->word) != 0;
}

#else

typedef struct {
	volatile uint32_t word;
} rst_lockword_t;

static inline bool rst_word_try(rst_lockword_t *lock)
{
	if (lock->word)
		return false;
	lock->word = 1;
	atomic_signal_fence(memory_order_acquire); /* the compiler keeps the section inside */
	return true;
}

static inline void rst_word_drop(rst_lockword_t *lock)
{
	atomic_signal_fence(memory_order_release);
	lock->word = 0;
}

static inline bool rst_word_held(const rst_lockword_t *lock)
{
	return lock->word != 0;
}

#endif

/* ---- Only tried, held with interrupts on ------------------------------------------------- */

typedef struct {
	rst_lockword_t word;
} rst_trylock_t;

/* A zeroed lock is free; this is for ports whose locks need more. */
static inline void rst_try_init(rst_trylock_t *lock)
{
	(void)lock;
}

static inline bool rst_try(rst_trylock_t *lock)
{
	rst_lock_note(+1); /* before the try: no handler may think it free */
	if (rst_word_try(&lock->word))
		return true;
	rst_lock_note(-1);
	return false;
}

static inline void rst_drop(rst_trylock_t *lock)
{
	rst_word_drop(&lock->word);
	rst_lock_note(-1);
}

static inline bool rst_try_held(const rst_trylock_t *lock)
{
	return rst_word_held(&lock->word);
}

/* ---- Waited for, held with interrupts off ------------------------------------------------- */

typedef struct {
	rst_lockword_t word;
} rst_spinlock_t;

static inline void rst_spin_init(rst_spinlock_t *lock)
{
	(void)lock;
}

/* Tells lock checkers that the caller would wait, even if the lock is free now. */
static inline void rst_spin_might_wait(const rst_spinlock_t *lock)
{
	(void)lock;
}

static inline bool rst_spin_held(const rst_spinlock_t *lock)
{
	return rst_word_held(&lock->word);
}

/* Interrupts are off. At most RST_TRIES turns. */
static inline bool rst_spin_try(rst_spinlock_t *lock)
{
	for (unsigned i = 0; i < RST_TRIES; i++) {
		if (rst_word_try(&lock->word))
			return true;
		if (!ROOST_SMP)
			return false; /* the holder is below us on this very CPU */
		rst_relax();
	}
	return false;
}

/* Interrupts are off and this is no NMI, so the holder runs on another CPU and will finish. */
static inline void rst_spin_wait(rst_spinlock_t *lock)
{
#if ROOST_SMP
	for (unsigned i = 0; !RST_PARK || i < RST_SPINS; i++) {
		if (rst_word_try(&lock->word))
			return;
		rst_relax();
	}
#if RST_PARK
	/* 2 asks the holder to wake a waiter. A waiter that gets the lock this way keeps the 2,
	 * since others may still be parked. Acquire as in rst_word_try(). */
	while (rst_xchg_acq(&lock->word.word, 2) != 0)
		rst_park(&lock->word.word, 2);
#endif
#else
	if (!rst_word_try(&lock->word))
		rst_fatal("roost: uniprocessor build used from two CPUs");
#endif
}

static inline void rst_spin_drop(rst_spinlock_t *lock)
{
#if ROOST_SMP && RST_PARK
	if (rst_xchg_rel(&lock->word.word, 0) == 2)
		rst_unpark(&lock->word.word);
#else
	rst_word_drop(&lock->word);
#endif
}

#if ROOST_LAB
/* What the seed did before the patch: waits for a lock that is held with interrupts on. */
static inline void rst_wait_wrongly(rst_trylock_t *lock)
{
	while (!rst_try(lock))
		rst_relax();
}
#endif
#endif /* !RST_PORT_LOCKS */

#endif
