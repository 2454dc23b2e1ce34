/* SPDX-License-Identifier: MIT */
/*
 * stress.h - the stress test: threads on virtual CPUs, signals on each of them, and one lock L of
 * the test's own that threads and handlers take, as the kernel's xa_lock is taken.
 *
 *   stress.c         options, beginning, end
 *   stress_work.c    what threads and handlers do to the allocator
 *   stress_signal.c  timers and handlers
 *   stress_report.c  the watchdog and what is said in the end
 *
 * L is taken with all signals blocked and waited for by spinning. Frees under L must therefore
 * never wait for a pcp lock: its holder may be interrupted by a handler that waits for L.
 */
#ifndef TESTS_STRESS_H
#define TESTS_STRESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <roost/pcpbuddy.h>
#include <roost/posix.h>
#include <roost/roost.h>

#include "frames.h"
#include "ticks.h"
#include "tool/common/random.h"

enum {
	STRESS_THREADS = 64,
	STRESS_SLOTS = 96,	  /* blocks that a thread holds */
	STRESS_HANDLER_SLOTS = 8, /* blocks that a handler of a thread holds */
	STRESS_EXCHANGE = 256,	  /* places of the array by which blocks change hands */
	STRESS_DEPTH = 3,	  /* thread, handler, handler on top of a handler */
	STRESS_BATCH = 16,
	STRESS_PLUGS = 256, /* ranges that come and go, at most */
};

struct options {
	unsigned cpus, threads, hz;
	double seconds, watchdog;
	uint64_t seed, frames;
	enum roost_free_path path;
	unsigned check;
	bool expect_all, quiet;
};

/* What a thread or handler is doing, for the watchdog. */
enum doing {
	DOING_NOTHING,
	DOING_ALLOC,
	DOING_ALLOC_WAIT,
	DOING_FREE,
	DOING_SPLIT,
	DOING_DRAIN,
	DOING_OFFLINE,
	DOING_ONLINE,
	DOING_ISOLATE,
	DOING_PLUG,
	DOING_LOCKING, /* spins for L */
	DOING_ENDED,
};

/* One context of a worker: the thread itself, or the handlers of one depth. */
struct context {
	struct worker *worker;
	unsigned depth;
	_Atomic unsigned doing;
	_Atomic bool holds_lock; /* L */
	struct random random;
	struct roost_block slots[STRESS_SLOTS];
	unsigned used, room;
	uint64_t allocated, failed, freed, freed_locked;
};

struct worker {
	unsigned index;
	pthread_t thread;
	timer_t timers[TICKS_SIGNALS];
	struct context contexts[STRESS_DEPTH];
	_Atomic unsigned depth; /* of the handler that runs */
	_Atomic unsigned cpu;
	_Atomic uint64_t beats; /* things finished: a thread with more than before makes progress */
	uint64_t entries, entries_in_lock, entries_nested;
};

struct stress {
	struct options options;
	roost_t *roost;
	struct frames frames;
	_Atomic uint32_t lock; /* L: 0 or 1 + index of the thread that holds it */
	_Atomic uint32_t serial;
	_Atomic uint64_t exchange[STRESS_EXCHANGE];
	_Atomic bool stop, greedy;
	_Atomic unsigned ended;
	_Atomic bool hotplug; /* somebody takes CPUs off and on, or isolates */
	/* Of each pageblock: is it absent? A context that tries to change that has it BUSY. */
	_Atomic unsigned plug[STRESS_PLUGS];
	_Atomic uint64_t unplug_tries, unplugs; /* that were begun; that succeeded */
	_Atomic uint64_t changed_hands, hotplugs, isolations, drained;
	struct worker workers[STRESS_THREADS];
};

extern struct stress stress;
/* The worker of the calling thread. */
extern _Thread_local struct worker *stress_me;

enum { PLUG_PRESENT, PLUG_BUSY, PLUG_ABSENT };

/* stress_work.c */
void stress_context_open(struct context *c, struct worker *worker, unsigned depth);
void stress_thread_step(struct context *c);
void stress_handler_step(struct context *c);
/* Frees what the context holds. */
void stress_context_close(struct context *c);
/* Adds what is absent. */
void stress_plug_all(void);
/* Frees what lies in the exchange array. */
void stress_empty_exchange(void);

/* stress_signal.c */
void stress_signals_open(void);
/* The calling thread gets signals from here to there. */
void stress_timers_start(struct worker *worker);
void stress_timers_stop(struct worker *worker);

/* stress_report.c */
double stress_now(void);
/* Returns when all workers have ended; ends the program with status 3 if none makes progress. */
void stress_watch(void);
/* False if a rung was not used and --expect-all was given. */
bool stress_report(void);

#endif
