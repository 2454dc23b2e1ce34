/* SPDX-License-Identifier: MIT */
/* faults_life.c - the life of a pool, and what must be so at its end. */
#define _GNU_SOURCE
#include "faults_try.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <roost/pool.h>

/* ---- What is looked at --------------------------------------------------------------------- */

/* Bytes of address space, but for the heap. */
static size_t mapped(void)
{
	static char text[1 << 17];
	size_t length = 0, sum = 0;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while ((n = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	close(fd);
	text[length] = '\0';
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && !strstr(line, "[heap]") &&
		    !strstr(line, "[stack]"))
			sum += to - from;
	}
	return sum;
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* All of it can be allocated, and written to. */
void all_is_there(void)
{
	size_t n = 0;

	MUST(roost_pool_resize(pool, plan.shape->limit) == 0);
	MUST(nr_blocks == 0);
	for (; n < BLOCKS; n++) {
		blocks[n] = roost_pool_alloc(pool, plan.shape->block, ROOST_WAIT);
		if (!blocks[n])
			break;
		if (n % 64 == 0 || plan.shape->nodes)
			*blocks[n] = 1;
	}
	if (n != plan.shape->limit / plan.shape->block)
		wrong("%zu blocks of %zu", n, plan.shape->limit / plan.shape->block);
	roost_pool_free_bulk((void *const *)blocks, n);
}

/* The decay thread may have some of it in its hands. */
static size_t used(void)
{
	struct roost_pool_info info;

	for (unsigned i = 0; i < 1000; i++) {
		roost_pool_info(pool, &info);
		if (!info.used)
			return 0;
		usleep(1000);
	}
	return info.used;
}

void *live_elsewhere(void *arg)
{
	struct roost_pool_config config = config_of(&shapes[0]);
	roost_pool_t *other;
	int status;
	pid_t pid;

	(void)arg;
	is_helper = true;
	MUST(roost_pool_create(&other, &config) == 0);
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0) {
		char *block = roost_pool_alloc(other, PAGE, 0);

		alarm(SECONDS);
		if (!block)
			_exit(1);
		*block = 1;
		roost_pool_free(block);
		roost_pool_destroy(other);
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0) == pid);
	MUST(status == 0);
	roost_pool_destroy(other);
	return NULL;
}

/* Locks are free: others make pools, end them, and fork. */
void others_live(void)
{
	pthread_t thread;

	MUST(pthread_create(&thread, NULL, live_elsewhere, NULL) == 0);
	pthread_join(thread, NULL);
}

static void pool_is_right(void)
{
	struct roost_violation v;

	snprintf(shared->doing, sizeof(shared->doing), "looking%s", in_child ? " (child)" : "");
	if (in_raw_child)
		roost_pool_recover(pool);
	roost_drain(roost_pool_frames(pool), -1);
	MUST(used() == 0);
	if (!plan.shape->thread && roost_validate(roost_pool_frames(pool), &v))
		wrong("%s: pfn %llu", v.invariant, (unsigned long long)v.pfn);
	all_is_there();
	MUST(used() == 0);
}

/* What it does meanwhile has an end. */
static void wait_for_helper(void)
{
	if (plan.mode != IS_LATE || in_child)
		return;
	while (sem_wait(&through) != 0)
		;
	sem_post(&through);
}

/* ---- A pool's life ------------------------------------------------------------------------- */

static void use(void)
{
	bool served;

	if (plan.shape->objects) {
		use_objects();
		return;
	}
	take(PAGE, ROOST_WAIT);
	take(3 * PAGE, 0);
	take(16 * PAGE, ROOST_WAIT);
	take_bulk(2 * PAGE, 40);
	take(2 * MIB, ROOST_WAIT); /* grows */
	resize(6 * MIB);
	served = !plan.shape->nodes && serve(); /* it looks at each pageblock there is */
	if (served) {
		bool answered = is_answered();

		MUST(answered || hit);
		MUST(answered || is_answered()); /* it goes on */
	}
	while (nr_blocks > 4)
		put(nr_blocks - 3);
	resize(4 * MIB);
	trim();
	if (served)
		end_serving();
	for (unsigned i = 0; i < 1100; i++) { /* now and then something is given back */
		take(PAGE, 0);
		put(nr_blocks - 1);
	}
	drain();
	while (nr_blocks < 24 && get(2 * MIB, 0)) /* grows to the limit, and searches */
		;
	while (!plan.shape->nodes && get(PAGE, ROOST_WAIT))
		;
	put_all();
	resize(2 * MIB);
	resize(8 * MIB);
	trim();
}

void live(void)
{
	size_t bytes;
	unsigned fds = open_fds();

	bytes = mapped();
	faults_fake_huge = plan.shape->huge;
	armed = true;
	if (make()) {
		use();
		armed = false;
		if (hit)
			wait_for_helper();
		pool_is_right();
		armed = !hit;
		unmake();
	}
	armed = false;
	if (hit)
		wait_for_helper();
	others_live();
	if (!SANITIZED && !(plan.mode == FAILS && plan.call == FAULTS_munmap) && !in_child &&
	    mapped() != bytes)
		wrong("%zd bytes more are mapped", (ssize_t)(mapped() - bytes));
	if (open_fds() != fds)
		wrong("%u descriptors were open, and %u are", fds, open_fds());
}
