/* SPDX-License-Identifier: MIT */
/*
 * The model port: the CPUs are virtual, and `roost explore` decides everything that happens on
 * them (lab/explore/port.c), or `roost scale` (lab/scale/port.c). Only for lab builds.
 *
 * A waiter parks at once and a caller that must not wait tries once: more turns are the same
 * states again, at the price of more interleavings.
 */
#ifndef RST_PORT_MODEL_H
#define RST_PORT_MODEL_H

typedef unsigned rst_irq_t; /* 1: interrupts were on */

#define RST_PORT_NAME	  "model"
#define RST_PARK	  1
#define RST_SEQ		  1
#define RST_PLAIN_ATOMICS 1 /* what is watched is what the compiler makes of atomics */
#ifndef RST_TRIES	    /* `roost scale` counts each turn */
#define RST_TRIES 1u
#define RST_SPINS 0u
#endif

rst_irq_t rst_irq_save(void);
void rst_irq_restore(rst_irq_t state);
unsigned rst_cpu(void);
bool rst_nmi(void);
bool rst_in_task(void);
void rst_relax(void);
void rst_sleep(unsigned round);
void rst_park(_Atomic uint32_t *word, uint32_t value);
void rst_unpark(_Atomic uint32_t *word);
_Noreturn void rst_fatal(const char *text);
unsigned rst_seq_cpu(void);
static inline unsigned rst_seq_here(void)
{
	return rst_seq_cpu();
}
bool rst_seq_cas(unsigned cpu, struct rst_seq seq);
bool rst_seq_cas_guarded(unsigned cpu, struct rst_seq seq);
bool rst_seq_cas_at(unsigned cpu, struct rst_seq_at seq);
bool rst_seq_take(unsigned cpu, struct rst_seq_bit seq);
bool rst_seq_put(struct rst_seq_bit seq, uint32_t *half, uint64_t *now);
bool rst_seq_lock_cas(unsigned cpu, _Atomic uint64_t *word, uint64_t old, uint64_t new);
bool rst_seq_add(unsigned cpu, _Atomic uint64_t *word, uint64_t n);
bool rst_seq_ready(const void *memory, size_t size);
bool rst_seq_fence(unsigned cpu);
void rst_counted(unsigned counter, uint64_t n);
#ifdef RST_MODEL_COUNTS /* `roost explore` notes which context counts what */
#define RST_PROBE_COUNT(offset, n) rst_counted((unsigned)((offset) / sizeof(uint64_t)), n)
#endif
void rst_observe(int delta);
#define RST_OBSERVE(delta) rst_observe(delta)

static inline void rst_lock_note(int delta)
{
	(void)delta; /* the lock words themselves are watched */
}

#endif
