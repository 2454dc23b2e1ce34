/* SPDX-License-Identifier: MIT */
/*
 * port.c - the model port on the machine, for engines; and pthread's spin locks, for adapters that
 * have one: each waiter reads the word until it is free, as glibc's do.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/port.h"

#include "lab/explore/access.h"
#include "calibrate.h"
#include "machine.h"

rst_irq_t rst_irq_save(void)
{
	return 1;
}

void rst_irq_restore(rst_irq_t state)
{
	(void)state;
}

unsigned rst_cpu(void)
{
	return machine_cpu();
}

unsigned rst_seq_cpu(void)
{
	return rst_cpu();
}

bool rst_nmi(void)
{
	return false;
}

bool rst_in_task(void)
{
	return true;
}

void rst_relax(void)
{
	machine_turn();
}

void rst_sleep(unsigned round)
{
	machine_sleep(round);
}

void rst_park(_Atomic uint32_t *word, uint32_t value)
{
	if (machine_runs() && memory_load(word, sizeof(*word), memory_order_relaxed) == value)
		machine_park(word);
}

void rst_unpark(_Atomic uint32_t *word)
{
	if (machine_runs())
		machine_unpark(word);
}

void rst_observe(int delta)
{
	(void)delta;
}

_Noreturn void rst_fatal(const char *text)
{
	fprintf(stderr, "%s\n", text);
	abort();
}

/* ---- pthread's ---------------------------------------------------------------------------- */

int pthread_spin_init(pthread_spinlock_t *lock, int shared)
{
	(void)shared;
	*lock = 0;
	return 0;
}

/* Threads have them when the model is calibrated. */
static void lock_really(pthread_spinlock_t *lock)
{
	while (__atomic_exchange_n(lock, 1, __ATOMIC_ACQUIRE))
		while (__atomic_load_n(lock, __ATOMIC_RELAXED))
			calibrate_pause();
}

int pthread_spin_lock(pthread_spinlock_t *lock)
{
	if (!machine_runs()) {
		lock_really(lock);
		return 0;
	}
	while (memory_rmw(lock, sizeof(*lock), RMW_EXCHANGE, 1, memory_order_acquire))
		do
			machine_turn();
		while (memory_load(lock, sizeof(*lock), memory_order_relaxed));
	return 0;
}

int pthread_spin_unlock(pthread_spinlock_t *lock)
{
	if (machine_runs())
		memory_store(lock, sizeof(*lock), 0, memory_order_release);
	else
		__atomic_store_n(lock, 0, __ATOMIC_RELEASE);
	return 0;
}
