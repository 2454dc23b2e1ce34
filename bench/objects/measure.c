/* SPDX-License-Identifier: MIT */
/*
 * measure.c - one allocator, one workload, one size: prints a figure.
 *
 *	measure MODULE|malloc WORKLOAD SIZE [untouched]
 *	measure MODULE check SIZE	which misuse is found; nobody gets another's object
 *	measure MODULE|malloc stack SIZE	bytes of stack that calls write to
 *	measure classes|fences
 *
 * MODULE has objects_alloc() and objects_free(); `malloc` is that of the process (LD_PRELOAD).
 * Times are ns a pair, with the loop; `array` (array.c) says what that costs. The thread
 * writes a word of each object it gets and reads it before it frees, unless `untouched`. run.py
 * lists the workloads.
 *
 * Under callgrind it counts only calls, and so few that it ends soon; there are no restartable
 * sequences there, so it says itself which CPU it is on. Then the threads of `far` take turns.
 */
#define _GNU_SOURCE 1
#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/membarrier.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

#include "classes.h"

typedef void *alloc_fn(size_t size);
typedef void free_fn(void *pointer);

static alloc_fn *allocate = malloc;
static free_fn *release = free;
static size_t size;
static bool touched = true, counted;

enum { RANDOM = 1 << 16, BURST = 1000, BATCH = 64, RING = 1024 };

static uint32_t random_numbers[RANDOM];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static inline void *get(void)
{
	uint64_t *object = allocate(size);

	if (!object) {
		fprintf(stderr, "measure: no object of %zu bytes\n", size);
		exit(1);
	}
	if (touched)
		*(volatile uint64_t *)object = 1;
	return object;
}

static inline void put(void *object)
{
	if (touched)
		(void)*(volatile uint64_t *)object;
	release(object);
}

/* ---- Workloads of one thread: each does n pairs ------------------------------------------- */

static void pair(unsigned n)
{
	while (n--)
		put(get());
}

static void **slots;
static unsigned nr_slots, hole;

/* An object is freed at random, and another is allocated in its stead. */
static void replace(unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		unsigned slot = (unsigned)((uint64_t)random_numbers[i % RANDOM] * nr_slots >> 32);

		put(slots[slot]);
		slots[slot] = slots[hole];
		slots[hole] = get();
		hole = slot;
	}
}

/* A slot at random: what is in it is freed, or it gets an object. */
static void walk(unsigned n)
{
	for (unsigned i = 0; i < 2 * n; i++) {
		unsigned slot = (unsigned)((uint64_t)random_numbers[i % RANDOM] * nr_slots >> 32);

		if (slots[slot]) {
			put(slots[slot]);
			slots[slot] = NULL;
		} else {
			slots[slot] = get();
		}
	}
}

static void burst(unsigned n)
{
	for (; n >= BURST; n -= BURST) {
		for (unsigned i = 0; i < BURST; i++)
			slots[i] = get();
		for (unsigned i = 0; i < BURST; i++)
			put(slots[i]);
	}
}

static void prepare(unsigned live, unsigned room)
{
	uint64_t x = 88172645463325252u;

	for (unsigned i = 0; i < RANDOM; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		random_numbers[i] = (uint32_t)(x >> 32);
	}
	nr_slots = room;
	slots = calloc(room, sizeof(*slots));
	for (unsigned i = 0; i < live; i++)
		slots[i] = get();
}

/* ---- One way: a thread allocates and the other frees -------------------------------------- */

static struct {
	_Alignas(128) _Atomic unsigned tail;
	_Alignas(128) _Atomic unsigned head;
	_Alignas(128) void *slot[RING];
} ring;

static unsigned one_way_pairs;

static void be_cpu(uint32_t cpu)
{
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);

	if (counted)
		*(volatile uint32_t *)&area->cpu_id = cpu;
}

static void *consume(void *arg)
{
	unsigned head = 0, tail;

	(void)arg;
	while (head < one_way_pairs) {
		while ((tail = atomic_load_explicit(&ring.tail, memory_order_acquire)) - head <
		       BATCH)
			__builtin_ia32_pause();
		for (unsigned i = 0; i < BATCH; i++)
			put(ring.slot[(head + i) % RING]);
		head += BATCH;
		atomic_store_explicit(&ring.head, head, memory_order_release);
	}
	return NULL;
}

static void produce(unsigned n)
{
	for (unsigned tail = 0; tail < n; tail += BATCH) {
		while (tail - atomic_load_explicit(&ring.head, memory_order_acquire) > RING - BATCH)
			__builtin_ia32_pause();
		for (unsigned i = 0; i < BATCH; i++)
			ring.slot[(tail + i) % RING] = get();
		atomic_store_explicit(&ring.tail, tail + BATCH, memory_order_release);
	}
}

static double one_way(unsigned n)
{
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;
	double start;

	/* From the start: a thread of real time would not let another begin on its own CPU. */
	CPU_ZERO(&set);
	CPU_SET(1, &set);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	n = n / BATCH * BATCH;
	one_way_pairs = n;
	ring.head = ring.tail = 0;
	start = now();
	if (pthread_create(&thread, &attr, consume, NULL)) {
		fprintf(stderr, "measure: no thread on CPU 1\n");
		exit(1);
	}
	produce(n);
	pthread_join(thread, NULL);
	return (now() - start) / n;
}

/* ---- Counting ----------------------------------------------------------------------------- */

static void *free_far(void *arg)
{
	unsigned n = *(unsigned *)arg;

	be_cpu(1);
	CALLGRIND_START_INSTRUMENTATION;
	CALLGRIND_TOGGLE_COLLECT;
	for (unsigned i = 0; i < n; i++)
		put(slots[i]);
	CALLGRIND_TOGGLE_COLLECT;
	CALLGRIND_STOP_INSTRUMENTATION;
	return NULL;
}

static void far(unsigned n)
{
	for (; n >= BURST; n -= BURST) {
		pthread_t thread;
		unsigned batch = BURST;

		for (unsigned i = 0; i < BURST; i++)
			slots[i] = get();
		be_cpu(UINT32_MAX); /* or glibc wants the thread to have an area too */
		if (pthread_create(&thread, NULL, free_far, &batch))
			exit(1);
		be_cpu(0);
		pthread_join(thread, NULL);
	}
}

static void count(void (*work)(unsigned), unsigned n)
{
	work(n); /* what the first calls do alone */
	if (work == far)
		return;
	CALLGRIND_START_INSTRUMENTATION;
	CALLGRIND_TOGGLE_COLLECT;
	work(n);
	CALLGRIND_TOGGLE_COLLECT;
	CALLGRIND_STOP_INSTRUMENTATION;
}

/* ---- What is found ------------------------------------------------------------------------ */

/* Objects of all sizes, which say whose they are; two threads free each other's. */
static _Atomic(uint64_t *) shared[256];
static _Atomic unsigned wrong;

static void *mix(void *arg)
{
	uint64_t x = (uintptr_t)arg;

	for (unsigned i = 0; i < 3000000; i++) {
		uint64_t *object = NULL, *other;
		size_t words;

		x = x * 6364136223846793005u + 1442695040888963407u;
		words = 2 + (x >> 40) % 1022;
		if (x >> 63 && (object = allocate(words * 8))) {
			object[0] = words;
			object[1] = ~words;
			object[words - 1] ^= 0; /* its end is writable */
		}
		other = atomic_exchange(&shared[x >> 50 & 255], object);
		if (!other)
			continue;
		wrong += other[0] != ~other[1];
		other[0] = other[1] = 0;
		release(other);
	}
	return NULL;
}

static int check(void *module)
{
	unsigned (*misuses)(void) = (unsigned (*)(void))(uintptr_t)dlsym(module, "objects_misuses");
	char *a = allocate(size), *b = allocate(size), here;
	unsigned before = misuses(), found;
	pthread_t thread;

	if (pthread_create(&thread, NULL, mix, (void *)12345))
		return 1;
	mix((void *)54321);
	pthread_join(thread, NULL);
	found = misuses();
	printf("%u of 3,000,000 objects were somebody else's, %u false reports; ", wrong,
	       found - before);
	if (wrong || found > before)
		return 1;
	release(&here);
	found = misuses();
	printf("foreign %s", found > before ? "found" : "MISSED");
	before = found;
	release(a + 8);
	found = misuses();
	printf(", interior %s", found > before ? "found" : "MISSED");
	before = found;
	release(a);
	release(a);
	found = misuses();
	printf(", double %s", found > before ? "found" : "MISSED");
	release(b);
	printf("\n");
	return 0;
}

/* How much of the stack the calls of a burst write to, at most; the first ones apart. */
enum { STACK = 1 << 18 };

static unsigned char *stack;

static void *paint_and_call(void *arg)
{
	size_t deepest[2][2] = {{0}};

	(void)arg;
	for (unsigned i = 0; i < 20 * BURST; i++) {
		const bool frees = i / BURST % 2;
		unsigned char *end, *p;

		__asm__ volatile("movq %%rsp, %0" : "=r"(end));
		end -= 128;
		for (p = end - 32768; p < end; p++)
			*(volatile unsigned char *)p = 0xa5;
		if (frees)
			release(slots[i % BURST]);
		else
			slots[i % BURST] = allocate(size);
		for (p = end - 32768; p < end && *(volatile unsigned char *)p == 0xa5;)
			p++;
		if ((size_t)(end + 128 - p) > deepest[i >= 2 * BURST][frees])
			deepest[i >= 2 * BURST][frees] = (size_t)(end + 128 - p);
	}
	printf("alloc %zu free %zu, at first %zu %zu\n", deepest[1][0], deepest[1][1],
	       deepest[0][0], deepest[0][1]);
	return NULL;
}

static int stacks(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	slots = calloc(BURST, sizeof(*slots));
	stack = aligned_alloc(4096, STACK);
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stack, STACK);
	if (pthread_create(&thread, &attr, paint_and_call, NULL))
		return 1;
	return pthread_join(thread, NULL);
}

/* Of each size: its slab, what is lost at most, and what the metadata take. */
static int list_classes(void)
{
	enum { SLAB_METADATA = 256, PAGE_METADATA = 4 };

	printf("%6s %8s %8s %8s %10s %10s %12s\n", "size", "slab", "objects", "tail", "worst",
	       "mean", "metadata");
	for (unsigned c = 0, before = 0; c < CLASSES; before = class_size(c++)) {
		double each = class_size(c), bytes = (double)slab_bytes(class_size(c)),
		       n = (double)(slab_bytes(class_size(c)) / class_size(c)), asked = before + 1;

		/* Of what the slab holds, what is not asked for: if always the least is, and if all
		 * sizes of the class are as frequent. */
		printf("%6.0f %8.0f %8.0f %7.2f%% %9.1f%% %9.1f%% %6.2f B %.2f%%\n", each, bytes, n,
		       100 * (bytes - n * each) / bytes, 100 * (each - asked) / each,
		       100 * (each - (asked + each) / 2) / each,
		       (SLAB_METADATA + bytes / 4096 * PAGE_METADATA) / n,
		       100 * (SLAB_METADATA + bytes / 4096 * PAGE_METADATA) / bytes);
	}
	return 0;
}

static atomic_bool spins = true;

static void *spin(void *arg)
{
	(void)arg;
	while (spins)
		__builtin_ia32_pause();
	return NULL;
}

static double fence(int cpu)
{
	enum { ROUNDS = 2000 };
	double start = now();

	for (int i = 0; i < ROUNDS; i++)
		syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ,
			MEMBARRIER_CMD_FLAG_CPU, cpu);
	return (now() - start) / ROUNDS;
}

/* What it costs to take a slab from a CPU: to fence it. */
static int fences(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(1, &set);
	if (sched_setaffinity(0, sizeof(set), &set) ||
	    syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0, 0))
		return 1;
	printf("ns to fence the caller's CPU %.0f, one that runs something else %.0f, ", fence(1),
	       fence(0));
	CPU_ZERO(&set);
	CPU_SET(0, &set);
	pthread_attr_init(&attr);
	pthread_attr_setaffinity_np(&attr, sizeof(set), &set);
	if (pthread_create(&thread, &attr, spin, NULL))
		return 1;
	usleep(10000);
	printf("one that runs a thread of the process %.0f\n", fence(0));
	spins = false;
	return pthread_join(thread, NULL);
}

static const struct workload {
	const char *name;
	void (*work)(unsigned n);
	unsigned live, room; /* of the slots */
	unsigned n;	     /* pairs that are timed */
} workloads[] = {
	{"pair", pair, 0, 1, 4000000},
	{"random-1000", replace, 1000, 1000, 2000000},
	{"random-100000", replace, 100000, 100000, 1000000},
	{"walk-1000", walk, 0, 2000, 1000000},
	{"walk-100000", walk, 0, 200000, 1000000},
	{"burst", burst, 0, BURST, 2000000},
	{"far", far, 0, BURST, 0},
	{"one-way", NULL, 0, 1, 2000000},
};

int main(int argc, char **argv)
{
	const struct workload *w = NULL;
	void *module = NULL;
	double start;

	if (argc == 2 && !strcmp(argv[1], "classes"))
		return list_classes();
	if (argc == 2 && !strcmp(argv[1], "fences"))
		return fences();
	if (argc < 4)
		return 2;
	counted = RUNNING_ON_VALGRIND;
	size = strtoul(argv[3], NULL, 10);
	touched = argc < 5 || strcmp(argv[4], "untouched");
	if (strcmp(argv[1], "malloc")) {
		module = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
		if (!module) {
			fprintf(stderr, "measure: %s\n", dlerror());
			return 1;
		}
		allocate = (alloc_fn *)(uintptr_t)dlsym(module, "objects_alloc");
		release = (free_fn *)(uintptr_t)dlsym(module, "objects_free");
	}
	be_cpu(0);
	if (!strcmp(argv[2], "check"))
		return check(module);
	if (!strcmp(argv[2], "stack"))
		return stacks();
	for (unsigned i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (!strcmp(argv[2], workloads[i].name))
			w = &workloads[i];
	if (!w)
		return 2;
	if (!w->work) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(0, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			return 1;
		one_way(w->n / 10);
		printf("%.2f\n", one_way(w->n));
		return 0;
	}
	prepare(w->live, w->room);
	if (counted) {
		count(w->work, 10 * BURST);
		return 0;
	}
	w->work(w->n / 4 > w->room ? w->n / 4 : w->room);
	start = now();
	w->work(w->n);
	printf("%.2f\n", (now() - start) / w->n);
	return 0;
}
