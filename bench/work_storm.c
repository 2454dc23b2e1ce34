/* SPDX-License-Identifier: MIT */
/*
 * work_storm.c - storm: signal handlers free on top of whatever their thread is doing.
 *
 * Each thread allocates a frame, puts it into a slot that all share, and frees what lay there. Each
 * has a timer whose handler takes what lies in some of the slots and frees it, on top of an
 * allocation or a free of the thread's. The timer is armed for one shot, again at the end of each
 * handler, so that the thread gets on however slow a handler is.
 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "job.h"

#define STORM_SIGNAL SIGRTMIN

enum { SLOTS = 256, TAKEN_AT_ONCE = 16, STEPS = 64, PERIOD_NS = 100000 };

/* A slot is a block + 1, so that memory of zeroes is empty slots. */
typedef _Atomic uint64_t slot;

struct storm {
	const struct bench_peer *peer;
	slot *slots;
	timer_t timer;
	/* The handler's alone while it may come. */
	volatile uint64_t handlers, freed;
	uint64_t at;
	volatile sig_atomic_t running;
};

static __thread struct storm *this_storm;

static bool free_slot(struct storm *storm, slot *place, uint64_t instead)
{
	uint64_t word = atomic_exchange(place, instead);

	if (word)
		storm->peer->free(word - 1, 0);
	return word != 0;
}

static void arm(struct storm *storm)
{
	const struct itimerspec once = {.it_value = {.tv_nsec = PERIOD_NS}};

	timer_settime(storm->timer, 0, &once, NULL);
}

static void on_tick(int signal)
{
	struct storm *storm = this_storm;
	int saved = errno;

	(void)signal;
	if (storm && storm->running) {
		for (unsigned i = 0; i < TAKEN_AT_ONCE; i++)
			storm->freed += free_slot(storm, &storm->slots[storm->at++ % SLOTS], 0);
		storm->handlers++;
		arm(storm);
	}
	errno = saved;
}

static void start(struct worker *w, struct storm *storm)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = STORM_SIGNAL};
	struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	sigemptyset(&action.sa_mask);
	if (sigaction(STORM_SIGNAL, &action, NULL) != 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &storm->timer) != 0)
		job_fail(w->job, "there is no timer for the handlers");
	storm->running = 1;
	this_storm = storm;
	arm(storm);
}

static uint64_t steps_until(struct worker *w, struct storm *storm, uint64_t end)
{
	uint64_t operations = 0;

	do {
		for (unsigned i = 0; i < STEPS; i++) {
			slot *place = &storm->slots[random_scaled(&w->random, SLOTS)];

			operations += 1u + free_slot(storm, place, job_alloc(w->job, 0) + 1);
		}
	} while (now_ns() < end);
	return operations;
}

static void storm(struct worker *w)
{
	struct storm storm = {.peer = w->job->peer, .slots = w->own};
	uint64_t operations, handlers, freed;

	storm.at = (uint64_t)w->index * (SLOTS / 2);
	start(w, &storm);
	steps_until(w, &storm, now_ns() + w->job->length / 4);
	team_wait(w);
	handlers = storm.handlers;
	freed = storm.freed;
	watch_start(&w->watch);
	operations = steps_until(w, &storm, w->watch.wall + w->job->length);
	watch_stop(&w->watch);
	storm.running = 0;
	timer_delete(storm.timer);
	operations += storm.freed - freed;
	w->values[0] = (double)operations * 1000 / (double)w->watch.wall;
	w->values[1] = (double)(storm.handlers - handlers) * 1e6 / (double)w->watch.wall;
	this_storm = NULL;
}

void work_storm(struct job *job)
{
	team_run(job, job->what->threads, storm, job_memory(job, SLOTS * sizeof(slot)));
}
