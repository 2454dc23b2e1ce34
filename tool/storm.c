/* SPDX-License-Identifier: MIT */
/*
 * storm.c - interrupts that come at any instant.
 *
 * The handler uses atomics, roost, memory of the machine and sched_yield(), all async-signal-safe.
 * Its counts are its own: while the storm runs, code outside of handlers touches them only with
 * signals blocked.
 *
 * A block on its way is one word, so that the exchange is one atomic exchange:
 *
 *   63          32 31   27 26  17 16        0
 *   | pfn + 1      | order | cpu  | serial  |
 */
#include <pthread.h>
#include <sched.h>

#include <roost/posix.h>

#include "storm.h"

/* Above 32 bits, so that no stamp of a storm is a stamp of the trace. */
#define SERIAL_STORM (UINT64_C(1) << 63)

enum { CPU_BITS = 10, ORDER_BITS = 5, SERIAL_BITS = 17 };

_Static_assert((1 << CPU_BITS) >= ROOST_MAX_CPUS, "a CPU fits");
_Static_assert(CPU_BITS + ORDER_BITS + SERIAL_BITS == 32, "32 bits are left for pfn + 1");
_Static_assert((1 << ORDER_BITS) > ROOST_MAX_ORDER, "an order fits");

static unsigned word_cpu(uint64_t word)
{
	return (unsigned)(word >> SERIAL_BITS) & ((1u << CPU_BITS) - 1);
}

static unsigned word_order(uint64_t word)
{
	return (unsigned)(word >> (SERIAL_BITS + CPU_BITS)) & ((1u << ORDER_BITS) - 1);
}

static roost_pfn word_pfn(uint64_t word)
{
	return (word >> (SERIAL_BITS + CPU_BITS + ORDER_BITS)) - 1;
}

static uint64_t word_serial(uint64_t word)
{
	return SERIAL_STORM | (word & ((UINT64_C(1) << (SERIAL_BITS + CPU_BITS)) - 1));
}

static uint32_t next_random(struct storm *storm)
{
	storm->random = storm->random * 1664525u + 1013904223u;
	return storm->random >> 8;
}

/* Mostly single frames, as in interrupts; the other orders so that all paths are met. */
static unsigned pick_order(struct storm *storm)
{
	static const uint8_t orders[] = {0, 0, 0, 0, 1, 0, 2, 3};

	return orders[next_random(storm) % sizeof(orders)];
}

/* 0 if there is no memory. */
static uint64_t storm_alloc(struct storm *storm)
{
	unsigned order = pick_order(storm);
	unsigned flags = next_random(storm) % 3; /* a migratetype */
	uint64_t word = storm->tally.ticks & ((1u << SERIAL_BITS) - 1);
	roost_pfn pfn;

	word |= (uint64_t)storm->cpu << SERIAL_BITS;
	pfn = machine_alloc(storm->machine, order, flags, word_serial(word));
	if (pfn == ROOST_NONE) {
		storm->tally.failed++;
		return 0;
	}
	storm->tally.allocs++;
	word |= (uint64_t)order << (SERIAL_BITS + CPU_BITS);
	return word | (pfn + 1) << (SERIAL_BITS + CPU_BITS + ORDER_BITS);
}

static void storm_free(struct machine *machine, uint64_t word, struct storm_tally *tally)
{
	machine_free(machine, word_pfn(word), word_order(word), word_serial(word), false);
	tally->frees++;
}

static void take_lock(struct storm_exchange *exchange)
{
	while (atomic_flag_test_and_set_explicit(&exchange->lock, memory_order_acquire))
		sched_yield(); /* more threads than processors: the holder may be preempted */
}

static void drop_lock(struct storm_exchange *exchange)
{
	atomic_flag_clear_explicit(&exchange->lock, memory_order_release);
}

void storm_lock(struct storm *storm, sigset_t *saved)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, saved);
	take_lock(storm->exchange);
	storm->tally.locked_steps++; /* signals are blocked: no tick counts meanwhile */
}

void storm_unlock(struct storm *storm, const sigset_t *saved)
{
	drop_lock(storm->exchange);
	pthread_sigmask(SIG_SETMASK, saved, NULL);
}

/* A tick allocates; every other one frees what it got, the rest pass it on and free another. */
static void tick(void *context)
{
	struct storm *storm = context;
	uint64_t word;
	_Atomic uint64_t *slot = &storm->exchange->slots[next_random(storm) % STORM_SLOTS];

	storm->tally.interrupted_holder += roost_posix_locks_held() > 0;
	take_lock(storm->exchange); /* as a handler at the end of a write does; the lock guards
				     * nothing */
	drop_lock(storm->exchange);
	word = storm_alloc(storm);
	storm->tally.ticks++;
	if (storm->tally.ticks & 1)
		word = atomic_exchange(slot, word);
	if (!word)
		return;
	storm->tally.foreign_frees += word_cpu(word) != storm->cpu;
	storm_free(storm->machine, word, &storm->tally);
}

bool storm_start(struct storm *storm, unsigned hz)
{
	storm->random = storm->cpu + 1u;
	storm->ticker.tick = tick;
	storm->ticker.context = storm;
	return ticker_start(&storm->ticker, 1000000000 / hz);
}

void storm_stop(struct storm *storm)
{
	ticker_stop(&storm->ticker);
}

void storm_drain(struct storm_exchange *exchange, struct machine *machine,
		 struct storm_tally *tally)
{
	for (unsigned i = 0; i < STORM_SLOTS; i++) {
		uint64_t word = atomic_exchange(&exchange->slots[i], 0);

		if (word)
			storm_free(machine, word, tally);
	}
}

void storm_tally_add(struct storm_tally *sum, const struct storm_tally *more)
{
	sum->ticks += more->ticks;
	sum->allocs += more->allocs;
	sum->failed += more->failed;
	sum->frees += more->frees;
	sum->foreign_frees += more->foreign_frees;
	sum->interrupted_holder += more->interrupted_holder;
	sum->locked_steps += more->locked_steps;
}
