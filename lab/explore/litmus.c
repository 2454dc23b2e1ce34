/* SPDX-License-Identifier: MIT */
/* litmus.c - see litmus.h. Results go to s->r, which each thread writes its own part of. */
#include "litmus.h"

#include "core/port.h"

static void store_buffering(struct litmus_state *s, unsigned id)
{
	rst_store_rlx(id ? &s->y : &s->x, 1);
	s->r[id] = rst_load_rlx(id ? &s->x : &s->y);
}

static void store_buffering_sc(struct litmus_state *s, unsigned id)
{
	atomic_store_explicit(id ? &s->y : &s->x, 1, memory_order_seq_cst);
	s->r[id] = rst_load_sc(id ? &s->x : &s->y);
}

static void store_buffering_fence(struct litmus_state *s, unsigned id)
{
	rst_store_rlx(id ? &s->y : &s->x, 1);
	rst_fence_sc();
	s->r[id] = rst_load_rlx(id ? &s->x : &s->y);
}

/* As off-lining does: one side an access that is sequentially consistent, one a fence. */
static void store_buffering_mixed(struct litmus_state *s, unsigned id)
{
	if (id) {
		rst_store_rlx(&s->y, 1);
		rst_fence_sc();
		s->r[id] = rst_load_rlx(&s->x);
	} else {
		atomic_store_explicit(&s->x, 1, memory_order_seq_cst);
		s->r[id] = rst_load_sc(&s->y);
	}
}

static void message_relaxed(struct litmus_state *s, unsigned id)
{
	if (id) {
		s->r[0] = rst_load_rlx(&s->y);
		s->r[1] = rst_load_rlx(&s->x);
	} else {
		rst_store_rlx(&s->x, 1);
		rst_store_rlx(&s->y, 1);
	}
}

static void message_acquire(struct litmus_state *s, unsigned id)
{
	if (id) {
		s->r[0] = rst_load_acq(&s->y);
		s->r[1] = rst_load_rlx(&s->x);
	} else {
		rst_store_rlx(&s->x, 1);
		rst_store_rel(&s->y, 1);
	}
}

/* A read-modify-write in between goes on with the release sequence. */
static void message_sequence(struct litmus_state *s, unsigned id)
{
	if (id == 0) {
		rst_store_rlx(&s->x, 1);
		rst_store_rel(&s->y, 1);
	} else if (id == 1) {
		rst_add_rlx(&s->y, 1);
	} else {
		s->r[0] = rst_load_acq(&s->y);
		s->r[1] = rst_load_rlx(&s->x);
	}
}

static void load_buffering(struct litmus_state *s, unsigned id)
{
	s->r[id] = rst_load_rlx(id ? &s->y : &s->x);
	rst_store_rlx(id ? &s->x : &s->y, 1);
}

static void coherence_read_read(struct litmus_state *s, unsigned id)
{
	if (id) {
		s->r[0] = rst_load_rlx(&s->x);
		s->r[1] = rst_load_rlx(&s->x);
	} else {
		rst_store_rlx(&s->x, 1);
	}
}

static void independent_reads(struct litmus_state *s, unsigned id, bool sc)
{
	if (id == 0)
		sc ? atomic_store_explicit(&s->x, 1, memory_order_seq_cst)
		   : rst_store_rel(&s->x, 1);
	else if (id == 1)
		sc ? atomic_store_explicit(&s->y, 1, memory_order_seq_cst)
		   : rst_store_rel(&s->y, 1);
	else if (id == 2) {
		s->r[0] = sc ? rst_load_sc(&s->x) : rst_load_acq(&s->x);
		s->r[1] = sc ? rst_load_sc(&s->y) : rst_load_acq(&s->y);
	} else {
		s->r[2] = sc ? rst_load_sc(&s->y) : rst_load_acq(&s->y);
		s->r[3] = sc ? rst_load_sc(&s->x) : rst_load_acq(&s->x);
	}
}

static void independent_sc(struct litmus_state *s, unsigned id)
{
	independent_reads(s, id, true);
}

static void independent_acquire(struct litmus_state *s, unsigned id)
{
	independent_reads(s, id, false);
}

enum { RACE = __LINE__ + 1 };
static void race(struct litmus_state *s, unsigned id)
{
	if (id) {
		if (rst_load_rlx(&s->x))
			s->r[0] = s->plain;
	} else {
		s->plain = 1;
		rst_store_rlx(&s->x, 1);
	}
}

const unsigned litmus_race_lines[] = {RACE + 6, RACE + 4};

static void no_race(struct litmus_state *s, unsigned id)
{
	if (id) {
		if (rst_load_acq(&s->x))
			s->r[0] = s->plain;
	} else {
		s->plain = 1;
		rst_store_rel(&s->x, 1);
	}
}

static void read_modify_write(struct litmus_state *s, unsigned id)
{
	uint32_t old = rst_load_rlx(&s->x);

	while (!rst_cas32_rlx(&s->x, &old, old + 1))
		;
	s->r[id] = old;
}

/* Every operation on a word of each size does what it says, also where the word wraps round. The
 * other thread's load makes the word shared. */
#define SIZE(bits, word)                                                                           \
	static bool operations##bits(_Atomic uint##bits##_t *p)                                    \
	{                                                                                          \
		const uint##bits##_t top = (uint##bits##_t)((uint##bits##_t)1 << (bits - 1));      \
		const uint##bits##_t all = (uint##bits##_t) ~(uint##bits##_t)0;                    \
		uint##bits##_t found = 0;                                                          \
                                                                                                   \
		atomic_store(p, 1);                                                                \
		return atomic_exchange(p, top) == 1 && atomic_fetch_add(p, top) == top &&          \
		       atomic_fetch_or(p, top | 1) == 0 &&                                         \
		       atomic_fetch_and(p, top) == (top | 1) &&                                    \
		       atomic_fetch_xor(p, top | 1) == top && atomic_fetch_sub(p, 2) == 1 &&       \
		       !atomic_compare_exchange_strong(p, &found, 5) && found == all &&            \
		       atomic_compare_exchange_weak(p, &found, 5) && atomic_load(p) == 5;          \
	}                                                                                          \
	static void size##bits(struct litmus_state *s, unsigned id)                                \
	{                                                                                          \
		if (id)                                                                            \
			(void)atomic_load(&s->word);                                               \
		else                                                                               \
			s->r[0] = !operations##bits(&s->word);                                     \
	}

SIZE(8, byte)
SIZE(16, half)
SIZE(32, x)
SIZE(64, bits)

/* What a compare-and-exchange that fails reads, it may acquire. */
static void failed_acquire(struct litmus_state *s, unsigned id)
{
	uint32_t none = 0;

	if (id == 0) {
		s->plain = 1;
		rst_store_rel(&s->x, 1);
	} else if (!atomic_compare_exchange_strong_explicit(&s->x, &none, 0, memory_order_acquire,
							    memory_order_acquire)) {
		s->r[0] = s->plain;
	}
}

/* ---- What must be found ------------------------------------------------------------------- */

static void never_set(struct litmus_state *s, unsigned id)
{
	while (!rst_load_rlx(id ? &s->x : &s->y))
		rst_relax();
}

/* The context that drops the lock does not wake the one that is parked on it. */
static void lost_wakeup(struct litmus_state *s, unsigned id)
{
	(void)id;
	rst_irq_save();
	while (rst_xchg_acq(&s->waited, 2))
		rst_park(&s->waited, 2);
	rst_store_rel(&s->waited, 0);
}

static void wrong_rank(struct litmus_state *s, unsigned id)
{
	uint32_t none = 0;

	if (id)
		return;
	rst_irq_save();
	if (rst_xchg_acq(&s->waited, 1) == 0)
		rst_cas32_acq(&s->tried, &none, 1);
}

static void waited_with_interrupts_on(struct litmus_state *s, unsigned id)
{
	if (!id && rst_xchg_acq(&s->waited, 1) == 0)
		rst_store_rel(&s->waited, 0);
}

static void sleeps_with_lock(struct litmus_state *s, unsigned id)
{
	uint32_t none = 0;

	if (!id && rst_cas32_acq(&s->tried, &none, 1))
		rst_sleep(0);
}

static void endless(struct litmus_state *s, unsigned id)
{
	if (!id)
		for (;;)
			rst_store_rlx(&s->x, rst_load_rlx(&s->x) + 1);
}

static void calls_fatal(struct litmus_state *s, unsigned id)
{
	if (rst_load_rlx(&s->x))
		rst_fatal("x is set");
	rst_store_rlx(&s->x, id);
}

/* Of tasks of one CPU, interrupts that are off order what they do; that one came later does not. */
static void guarded(struct litmus_state *s, unsigned id)
{
	rst_irq_t irq = rst_irq_save();

	s->r[id] = ++s->plain;
	rst_irq_restore(irq);
}

static void unguarded(struct litmus_state *s, unsigned id)
{
	s->r[id] = ++s->plain;
}

const struct litmus litmus_tests[] = {
	{"SB relaxed", 2, store_buffering, "00 01 10 11", "01 10 11"},
	{"SB seq_cst", 2, store_buffering_sc, "01 10 11", "01 10 11"},
	{"SB fences", 2, store_buffering_fence, "01 10 11", "01 10 11"},
	{"SB access, fence", 2, store_buffering_mixed, "01 10 11", "01 10 11"},
	{"MP relaxed", 2, message_relaxed, "00 01 10 11", "00 01 11"},
	{"MP acquire", 2, message_acquire, "00 01 11", "00 01 11"},
	{"MP sequence", 3, message_sequence, "00 01 10 11 21", "00 01 10 11 21"},
	{"LB (not explored)", 2, load_buffering, "00 01 10", "00 01 10"},
	{"CoRR", 2, coherence_read_read, "00 01 11", "00 01 11"},
	{"IRIW acquire", 4, independent_acquire,
	 "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1010 1011 1100 1101 1110 1111",
	 "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111"},
	{"IRIW seq_cst", 4, independent_sc,
	 "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111",
	 "0000 0001 0010 0011 0100 0101 0110 0111 1000 1001 1011 1100 1101 1110 1111"},
	{"race", 2, race, "race", "race"},
	{"no race", 2, no_race, "00 10", "00 10"},
	{"RMW", 2, read_modify_write, "01 10", "01 10"},
	{"8 bits", 2, size8, "0", "0"},
	{"16 bits", 2, size16, "0", "0"},
	{"32 bits", 2, size32, "0", "0"},
	{"64 bits", 2, size64, "0", "0"},
	{"failed CAS acquires", 2, failed_acquire, "0 1", "0 1"},
	{"waits forever", 2, never_set, "livelock", "livelock"},
	{"no end", 2, endless, "livelock", "livelock"},
	{"lost wake-up", 2, lost_wakeup, "lost-wakeup", "lost-wakeup"},
	{"wrong rank", 2, wrong_rank, "lock", "lock"},
	{"waited for, irqs on", 2, waited_with_interrupts_on, "lock", "lock"},
	{"sleeps with a lock", 2, sleeps_with_lock, "lock", "lock"},
	{"fatal", 2, calls_fatal, "fatal", "fatal"},
	{"irqs off, two CPUs", 2, guarded, "race", "race"},
};
const unsigned nr_litmus_tests = sizeof(litmus_tests) / sizeof(litmus_tests[0]);

const struct litmus litmus_preempted[] = {
	{"irqs off, one CPU", 2, guarded, "12 21", "12 21"},
	{"irqs on, one CPU", 2, unguarded, "race", "race"},
	{"SB, one CPU", 2, store_buffering, "01 10 11", "01 10 11"},
};
const unsigned nr_litmus_preempted = sizeof(litmus_preempted) / sizeof(litmus_preempted[0]);
