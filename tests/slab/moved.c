/* SPDX-License-Identifier: MIT */
/*
 * moved.c - an allocation of which each sequence is broken off makes its slab a shared one. Right
 * then a thread on a CPU that has no slabs frees all other objects, and the slab comes back
 * elsewhere. What the allocation gets has to be an object of the slab that is there now. The trap
 * flag breaks the sequences off (stepping.h). Wants two CPUs, and sequences.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/rseq.h>
#include <ucontext.h>

#include "slabs.h"
#include "stepping.h"

enum { PAGES = 1024, SIZE = 2048, OBJECTS = 32, ORDER = 4 };

static struct slabs s;
static roost_cache_t *cache;
static void *objects[OBJECTS], *elsewhere;
static atomic_bool begin, done;

static unsigned stolen(void)
{
	struct roost_cache_stats stats;

	roost_cache_stats(cache, &stats);
	return (unsigned)stats.stolen;
}

/* The lowest CPU from this one on that there is for the caller, or CPU_SETSIZE. */
static unsigned next_cpu(const cpu_set_t *cpus, unsigned cpu)
{
	while (cpu < CPU_SETSIZE && !CPU_ISSET(cpu, cpus))
		cpu++;
	return cpu;
}

static void bind_to(unsigned cpu)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void *move(void *cpu)
{
	bind_to((unsigned)(uintptr_t)cpu);
	while (!begin)
		sched_yield();
	for (unsigned i = 0; i + 1 < OBJECTS; i++)
		roost_cache_free(cache, objects[i]);
	assert_int_equal(roost_cache_shrink(cache), 1 << ORDER);
	/* Its pages are taken. */
	while (s.base + roost_alloc(s.frames, ORDER, 0) * PAGE != objects[0])
		;
	elsewhere = roost_cache_alloc(cache, 0);
	done = true;
	return NULL;
}

static void on_top(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	if (!stolen())
		return;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
	begin = true;
	while (!done)
		sched_yield();
}

static void gets_what_is_there_now(void **state)
{
	struct sigaction action = {.sa_sigaction = on_top, .sa_flags = SA_SIGINFO};
	cpu_set_t cpus;
	unsigned home, other;
	pthread_t mover;
	void *got;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(cpus), &cpus), 0);
	home = next_cpu(&cpus, 0);
	other = next_cpu(&cpus, home + 1);
	if (other == CPU_SETSIZE || !__rseq_size)
		skip();
	slabs_open_for(&s, PAGES, ROOST_CHECK_STATE, home + 1, 1);
	cache = slabs_cache(&s, SIZE);
	bind_to(home);
	for (unsigned i = 0; i < OBJECTS; i++)
		objects[i] = slabs_get(cache);
	roost_cache_free(cache, objects[OBJECTS - 1]);
	assert_int_equal(pthread_create(&mover, NULL, move, (void *)(uintptr_t)other), 0);
	sigaction(SIGTRAP, &action, NULL);
	step(true);
	got = roost_cache_alloc(cache, 0);
	step(false);
	assert_int_equal(stolen(), 1);
	pthread_join(mover, NULL);
	assert_ptr_not_equal(elsewhere, objects[0]);
	assert_int_equal(s.misuses, 0);
	assert_ptr_equal(roost_object_cache(s.slabs, got), cache);
	assert_ptr_equal(roost_object_cache(s.slabs, elsewhere), cache);
	roost_cache_free(cache, got);
	roost_cache_free(cache, elsewhere);
	assert_int_equal(roost_cache_destroy(cache, NULL), 0);
	slabs_are_sound(&s);
	assert_int_equal(s.misuses, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gets_what_is_there_now),
	};

	return cmocka_run_group_tests_name("moved", tests, NULL, NULL);
}
