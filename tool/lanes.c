/* SPDX-License-Identifier: MIT */
/*
 * lanes.c - a replay in parallel.
 *
 * Events that the trace marks as an interrupt run in a signal handler: the thread sends itself the
 * signal. SIGUSR1 is a softirq, SIGUSR2 a hard interrupt or NMI. SIGUSR2 may interrupt SIGUSR1, and
 * signals of the storm may interrupt both.
 *
 * The caller of lanes_run() watches the threads. If no thread takes a step for a while, the replay
 * is stuck (as the free path `blocking` is there to show). Then lanes_run() returns, but the
 * threads stay, since they cannot be ended.
 */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <roost/posix.h>

#include "lanes.h"
#include "tool/common/say.h"

enum {
	WATCH_MS = 50,
	LOCK_EVERY = 4, /* in a storm, steps from one under the caller's lock to the next */
};

struct lane {
	pthread_t thread;
	struct replay *replay;
	struct crew *crew;
	uint16_t cpu;
	const uint32_t *steps; /* numbers of this CPU's steps */
	size_t nr_steps;
	struct player player;
	struct storm storm;
	const struct step *interrupt; /* the step for the handler */
	volatile sig_atomic_t handled;
	_Atomic size_t done;
	struct timespec end;
	struct timespec cpu_end; /* CPU time of the thread, which only waited before */
};

struct crew {
	struct lane *lanes;
	unsigned nr;
	uint32_t *order; /* numbers of steps, by CPU */
	pthread_barrier_t start;
	struct timespec began;
	sem_t finished;
};

static __thread struct lane *this_lane;

/* ---- One thread ------------------------------------------------------------------------- */

static void on_interrupt(int signal)
{
	struct lane *lane = this_lane;
	int saved = errno;

	(void)signal;
	player_step(&lane->player, lane->interrupt);
	lane->player.tally.in_handlers++;
	lane->handled = 1;
	errno = saved;
}

static void step_in_handler(struct lane *lane, const struct step *step)
{
	const struct timespec moment = {.tv_nsec = 1000};

	lane->interrupt = step;
	lane->handled = 0;
	pthread_kill(pthread_self(), step->context == TRACE_SOFTIRQ ? SIGUSR1 : SIGUSR2);
	while (!lane->handled) /* some tools run handlers only at the next system call */
		nanosleep(&moment, NULL);
}

/* A step under the caller's lock must not wait for memory. */
static bool wants_lock(const struct lane *lane, size_t i, const struct step *step)
{
	return lane->replay->options->storm_hz && i % LOCK_EVERY == 0 &&
	       !(step->flags & ROOST_WAIT);
}

static void step_under_lock(struct lane *lane, const struct step *step)
{
	sigset_t saved;

	storm_lock(&lane->storm, &saved);
	player_step(&lane->player, step);
	storm_unlock(&lane->storm, &saved);
}

static void run_steps(struct lane *lane)
{
	struct series *series = &lane->replay->series;

	for (size_t i = 0; i < lane->nr_steps; i++) {
		const struct step *step = &lane->replay->plan->steps[lane->steps[i]];

		if (i % series->every == 0)
			series_take(series, &lane->replay->machine, step->time_ns);
		player_wait(&lane->player, step);
		if (step->context != TRACE_TASK)
			step_in_handler(lane, step);
		else if (wants_lock(lane, i, step))
			step_under_lock(lane, step);
		else
			player_step(&lane->player, step);
		atomic_store_explicit(&lane->done, i + 1, memory_order_relaxed);
	}
}

static void *lane_main(void *context)
{
	struct lane *lane = context;
	unsigned hz = lane->replay->options->storm_hz;
	bool storming = false;

	this_lane = lane;
	roost_posix_set_cpu(lane->cpu);
	pthread_barrier_wait(&lane->crew->start);
	if (hz)
		storming = storm_start(&lane->storm, hz);
	run_steps(lane);
	if (storming)
		storm_stop(&lane->storm);
	clock_gettime(CLOCK_MONOTONIC, &lane->end);
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &lane->cpu_end);
	sem_post(&lane->crew->finished);
	return NULL;
}

/* ---- All threads ------------------------------------------------------------------------ */

/* Sorts the steps by CPU, in each CPU by the order of the trace. */
static void deal_steps(struct crew *crew, const struct plan *plan)
{
	uint32_t *at;

	if (plan->nr_steps > UINT32_MAX)
		die("the trace is too long for --parallel; use --limit");
	crew->order = grow(NULL, plan->nr_steps, sizeof(*crew->order));
	at = calloc(crew->nr + 1, sizeof(*at));
	if (!at)
		die("out of memory");
	for (size_t i = 0; i < plan->nr_steps; i++)
		at[plan->steps[i].cpu + 1]++;
	for (unsigned cpu = 0; cpu < crew->nr; cpu++) {
		crew->lanes[cpu].steps = crew->order + at[cpu];
		crew->lanes[cpu].nr_steps = at[cpu + 1];
		at[cpu + 1] += at[cpu];
	}
	for (size_t i = 0; i < plan->nr_steps; i++)
		crew->order[at[plan->steps[i].cpu]++] = (uint32_t)i;
	free(at);
}

static void install_handlers(void)
{
	struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	sigaction(SIGUSR1, &action, NULL);
	sigaddset(&action.sa_mask, SIGUSR1); /* no softirq inside a hard interrupt */
	sigaction(SIGUSR2, &action, NULL);
}

static void start_lanes(struct crew *crew, struct replay *replay)
{
	pthread_barrier_init(&crew->start, NULL, crew->nr + 1);
	sem_init(&crew->finished, 0, 0);
	for (unsigned cpu = 0; cpu < crew->nr; cpu++) {
		struct lane *lane = &crew->lanes[cpu];

		lane->replay = replay;
		lane->crew = crew;
		lane->cpu = (uint16_t)cpu;
		lane->player = (struct player){
			.machine = &replay->machine, .plan = replay->plan, .parallel = true};
		lane->storm.machine = &replay->machine;
		lane->storm.exchange = &replay->exchange;
		lane->storm.cpu = (uint16_t)cpu;
		if (pthread_create(&lane->thread, NULL, lane_main, lane) != 0)
			die("cannot start thread %u; use --cpus with a smaller number", cpu);
	}
	clock_gettime(CLOCK_MONOTONIC, &crew->began);
	pthread_barrier_wait(&crew->start);
}

static size_t steps_done(const struct crew *crew)
{
	size_t sum = 0;

	for (unsigned cpu = 0; cpu < crew->nr; cpu++)
		sum += atomic_load_explicit(&crew->lanes[cpu].done, memory_order_relaxed);
	return sum;
}

/* Returns false if the threads are stuck. */
static bool watch(struct crew *crew, const struct replay *replay)
{
	unsigned limit = replay->options->stall * 1000 / WATCH_MS, still = 0, finished = 0;
	size_t last = 0;
	struct bar bar;

	bar_open(&bar, "replaying", !replay->options->json && !replay->options->quiet);
	while (finished < crew->nr && still < limit) {
		struct timespec until;
		size_t done = steps_done(crew);

		still = done == last ? still + 1 : 0;
		last = done;
		bar_show(&bar, done, replay->plan->nr_steps);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += WATCH_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		while (finished < crew->nr && sem_timedwait(&crew->finished, &until) == 0)
			finished++;
	}
	bar_close(&bar);
	return finished == crew->nr;
}

static double seconds_between(const struct timespec *a, const struct timespec *b)
{
	return (double)(b->tv_sec - a->tv_sec) + (double)(b->tv_nsec - a->tv_nsec) / 1e9;
}

static void join_lanes(struct crew *crew, struct replay *replay)
{
	for (unsigned cpu = 0; cpu < crew->nr; cpu++) {
		struct lane *lane = &crew->lanes[cpu];
		double seconds;

		pthread_join(lane->thread, NULL);
		seconds = seconds_between(&crew->began, &lane->end);
		if (seconds > replay->seconds)
			replay->seconds = seconds;
		replay->cpu_seconds += seconds_between(&(struct timespec){0}, &lane->cpu_end);
		tally_add(&replay->tally, &lane->player.tally);
		storm_tally_add(&replay->storm, &lane->storm.tally);
	}
	pthread_barrier_destroy(&crew->start);
	sem_destroy(&crew->finished);
}

static void tell_stuck(const struct crew *crew, unsigned seconds)
{
	say_error("no step was taken for %u seconds: the replay is stuck", seconds);
	for (unsigned cpu = 0; cpu < crew->nr; cpu++) {
		const struct lane *lane = &crew->lanes[cpu];
		size_t done = atomic_load(&lane->done);

		if (done < lane->nr_steps)
			say_error("  CPU %u is in step %zu of its %zu", cpu, done + 1,
				  lane->nr_steps);
	}
}

void lanes_run(struct replay *replay)
{
	struct crew *crew = grow(NULL, 1, sizeof(*crew));

	memset(crew, 0, sizeof(*crew));
	crew->nr = replay->plan->nr_cpus;
	crew->lanes = calloc(crew->nr, sizeof(*crew->lanes));
	if (!crew->lanes)
		die("out of memory");
	deal_steps(crew, replay->plan);
	install_handlers();
	start_lanes(crew, replay);
	if (!watch(crew, replay)) {
		tell_stuck(crew, replay->options->stall);
		replay->stuck = true; /* not freed: the threads still use it */
		return;
	}
	join_lanes(crew, replay);
	free(crew->order);
	free(crew->lanes);
	free(crew);
}
