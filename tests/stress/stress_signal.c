/* SPDX-License-Identifier: MIT */
/* stress_signal.c - timers and handlers of the stress test; see stress.h. */
#define _GNU_SOURCE
#include "stress.h"

_Thread_local struct worker *stress_me;

static void tick(unsigned depth)
{
	struct worker *worker = stress_me;
	unsigned before;

	if (!worker)
		return;
	before = atomic_exchange_explicit(&worker->depth, depth, memory_order_relaxed);
	worker->entries++;
	worker->entries_nested += before > 0;
	worker->entries_in_lock += roost_posix_locks_held() > 0;
	stress_handler_step(&worker->contexts[depth]);
	atomic_store_explicit(&worker->depth, before, memory_order_relaxed);
	atomic_fetch_add_explicit(&worker->beats, 1, memory_order_relaxed);
}

void stress_signals_open(void)
{
	ticks_open(tick);
}

void stress_timers_start(struct worker *worker)
{
	/* Rates differ a little from thread to thread, so that they drift over each other. */
	unsigned hz = stress.options.hz + 37 * worker->index;

	stress_me = worker;
	if (!stress.options.hz)
		return;
	ticks_start(&worker->timers[0], 0, hz);
	ticks_start(&worker->timers[1], 1, hz / 3 + 1);
}

void stress_timers_stop(struct worker *worker)
{
	ticks_stop(worker->timers, stress.options.hz ? TICKS_SIGNALS : 0);
}
