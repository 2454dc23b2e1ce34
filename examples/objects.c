/* SPDX-License-Identifier: MIT */
/*
 * objects.c - a log of events that threads and a signal handler write. Each event is an object of a
 * cache: the handler takes one, fills it in and publishes it, on top of whatever it interrupted,
 * also on top of the cache itself. The main thread frees what it has read.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <roost/pool.h>

enum { EVENTS = 200000 };

struct event {
	struct event *next;
	unsigned long number;
	char text[44];
};

static roost_cache_t *events;
static _Atomic(struct event *) published;
static _Atomic unsigned long numbers, from_handler;

/* Any context: takes an object and pushes it. */
static void log_event(const char *text)
{
	struct event *event = roost_cache_alloc(events, 0);

	if (!event)
		return;
	event->number = atomic_fetch_add(&numbers, 1);
	strncpy(event->text, text, sizeof(event->text) - 1);
	event->text[sizeof(event->text) - 1] = 0;
	event->next = atomic_load(&published);
	while (!atomic_compare_exchange_weak(&published, &event->next, event))
		;
}

static void on_timer(int signal)
{
	(void)signal;
	log_event("the timer");
	atomic_fetch_add(&from_handler, 1);
}

static void *work(void *unused)
{
	(void)unused;
	while (atomic_load(&numbers) < EVENTS)
		log_event("a thread");
	return NULL;
}

/* Reads and frees what there is. */
static unsigned long read_all(void)
{
	struct event *event = atomic_exchange(&published, NULL);
	unsigned long n = 0;

	while (event) {
		struct event *next = event->next;

		roost_cache_free(events, event);
		event = next;
		n++;
	}
	return n;
}

static int print(void *unused, const char *text, size_t length)
{
	(void)unused;
	return fwrite(text, 1, length, stdout) == length ? 0 : -1;
}

int main(void)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	struct sigaction action = {.sa_handler = on_timer, .sa_flags = SA_RESTART};
	struct itimerval every = {{0, 500}, {0, 500}};
	roost_pool_t *pool;
	roost_slabs_t *slabs;
	pthread_t thread;
	unsigned long n = 0;
	uint64_t left;

	config.limit = (size_t)64 << 20;
	if (roost_pool_create(&pool, &config) || !(slabs = roost_pool_slabs(pool)) ||
	    roost_cache_create(&events, slabs, "events", sizeof(struct event), 0, 0, NULL))
		return 1;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	if (pthread_create(&thread, NULL, work, NULL))
		return 1;
	while (atomic_load(&numbers) < EVENTS)
		n += read_all();
	memset(&every, 0, sizeof(every));
	setitimer(ITIMER_REAL, &every, NULL);
	pthread_join(thread, NULL);
	roost_slabs_dump(slabs, ROOST_SLABS_TEXT, print, NULL);
	n += read_all();
	printf("%s events, some of them from a handler: %s\n",
	       n == atomic_load(&numbers) ? "all" : "NOT ALL",
	       atomic_load(&from_handler) ? "yes" : "no");
	if (roost_cache_destroy(events, &left) || n != atomic_load(&numbers))
		return 1;
	roost_pool_destroy(pool);
	return 0;
}
