/* SPDX-License-Identifier: MIT */
/*
 * own_seq.c - a program with restartable sequences of its own, beside those of the allocator.
 *
 *	own_seq [SECONDS]
 *
 * There is one rseq area a thread, and both write its rseq_cs. Threads that nothing binds to a CPU
 * add to counters of their CPU by the program's sequences, in turns with allocations and frees. So
 * do signal handlers, which come on top of both. The program's sequence is long, so that most
 * handlers break one off, and then call the allocator. At the end the counters are the sum of all
 * that was added, each frame had one holder at a time, and all of them came home. On real
 * CPUs alone; 77 where there are no sequences.
 */
#define _GNU_SOURCE
#include <roost/roost.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/rseq.h>
#include <time.h>
#include <unistd.h>

#include "frames.h"
#include "plain.h"
#include "ticks.h"

enum { FRAMES = 16384, LEVELS = 3, HELD = 32, CPUS = 256, HZ = 4000 };

/* Of one thread, by level: 0 itself, above it a handler on top. */
struct holder {
	struct roost_block held[LEVELS][HELD];
	unsigned next[LEVELS];
	volatile unsigned handlers; /* that ended */
	unsigned broken;	    /* sequences broken off */
	uint32_t id;
};

static roost_t *roost;
static struct frames frames;
static uint64_t counters[CPUS][16]; /* a line or two each */
static _Atomic uint64_t added;
static _Atomic unsigned on_top; /* broken off by handlers that called the allocator */
static _Atomic bool stop;
static _Thread_local struct holder *me;

#ifdef __aarch64__
#define SEQUENCE                                                                                   \
	"adrp x16, 3b\n\tadd x16, x16, :lo12:3b\n\tstr x16, [%[area], 8]\n"                        \
	"1:\tldr w16, [%[area], 4]\n\tcmp w16, %w[cpu]\n\tb.ne 4f\n\t"                             \
	"ldr x16, [%[word]]\n\tmov x17, 300\n"                                                     \
	"5:\tsubs x17, x17, 1\n\tb.ne 5b\n\t"                                                      \
	"add x16, x16, 1\n\tstr x16, [%[word]]\n2:\n\t"
#define SIGNATURE ".inst 0xd428bc00\n"
#define JUMP	  "b"
#define SCRATCH	  "x16", "x17"
#else
#define SEQUENCE                                                                                   \
	"leaq 3b(%%rip), %%rax\n\tmovq %%rax, 8(%[area])\n"                                        \
	"1:\tcmpl %[cpu], 4(%[area])\n\tjne 4f\n\t"                                                \
	"movq (%[word]), %%rax\n\tmovl $300, %%ecx\n"                                              \
	"5:\tdecl %%ecx\n\tjnz 5b\n\t"                                                             \
	"addq $1, %%rax\n\tmovq %%rax, (%[word])\n2:\n\t"
#define SIGNATURE ".byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"
#define JUMP	  "jmp"
#define SCRATCH	  "rax", "rcx"
#endif

/* Adds 1 to a word of that CPU; false: it was broken off. */
static bool add(struct rseq *area, uint32_t cpu, uint64_t *word)
{
	__asm__ goto(".pushsection __rseq_cs, \"aw\"\n\t.balign 32\n"
		     "3:\t.long 0, 0\n\t.quad 1f, 2f - 1f, 4f\n\t.popsection\n\t" SEQUENCE
		     ".pushsection __rseq_failure, \"ax\"\n\t" SIGNATURE "4:\t" JUMP
		     " %l[broken]\n\t.popsection\n\t"
		     :
		     : [area] "r"(area), [cpu] "r"(cpu), [word] "r"(word)
		     : SCRATCH, "memory", "cc"
		     : broken);
	return true;
broken:
	return false;
}

static struct rseq *area_here(uint32_t *cpu)
{
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);

	*cpu = *(volatile uint32_t *)&area->cpu_id;
	return area;
}

static void count(void)
{
	for (;;) {
		uint32_t cpu;
		struct rseq *area = area_here(&cpu);
		unsigned before = me->handlers;

		if (cpu >= CPUS)
			frames_fault("the rseq area is not as it was: CPU", cpu, 0);
		if (add(area, cpu, counters[cpu]))
			break;
		me->broken++;
		on_top += me->handlers != before;
	}
	atomic_fetch_add_explicit(&added, 1, memory_order_relaxed);
}

/* Frees what was held the longest, and allocates. */
static void exchange(unsigned level)
{
	unsigned n = me->next[level]++;
	struct roost_block *block = &me->held[level][n % HELD];

	if (block->pfn != ROOST_NONE) {
		frames_give(&frames, block->pfn, block->order);
		roost_free(roost, block->pfn, block->order);
	}
	block->order = n % 61 == 7 ? 9 : n % 13 == 5 ? 6 : n % 4 == 3 ? 2 : 0;
	block->pfn = roost_alloc(roost, block->order, 0);
	if (block->pfn != ROOST_NONE)
		frames_take(&frames, block->pfn, block->order, me->id);
}

static void handle(unsigned level)
{
	exchange(level);
	count();
	exchange(level);
	me->handlers++;
}

static void *work(void *holder)
{
	timer_t timers[TICKS_SIGNALS];

	me = holder;
	for (unsigned i = 0; i < TICKS_SIGNALS; i++)
		ticks_start(&timers[i], i, HZ);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		count();
		exchange(0);
		count();
	}
	ticks_stop(timers, TICKS_SIGNALS);
	for (unsigned i = 0; i < LEVELS * HELD; i++) {
		struct roost_block *block = &me->held[i / HELD][i % HELD];

		if (block->pfn == ROOST_NONE)
			continue;
		frames_give(&frames, block->pfn, block->order);
		roost_free(roost, block->pfn, block->order);
	}
	return NULL;
}

static bool open_pool(unsigned cpus)
{
	struct roost_frame_info info;
	roost_pfn pfn;

	roost = plain_open(FRAMES, cpus, ROOST_CHECK_STATE);
	if (!frames_open(&frames, 0, FRAMES))
		frames_fault("no memory", 0, 0);
	pfn = roost_alloc(roost, 9, 0);
	roost_free(roost, pfn, 9);
	roost_frame_info(roost, pfn, &info);
	return info.state == ROOST_FRAME_FREE_PCP; /* in a pocket, so the allocator has some too */
}

static void check(void)
{
	uint64_t sum = 0;

	for (unsigned cpu = 0; cpu < CPUS; cpu++)
		sum += counters[cpu][0];
	if (sum != added)
		frames_fault("the program's sequences lost some: counted, added", sum, added);
	if (frames.taken)
		frames_fault("the threads left some", frames.taken, 0);
	plain_check(roost, FRAMES);
}

int main(int argc, char **argv)
{
	unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF), nr = 2 * cpus;
	struct timespec pause = {.tv_sec = argc > 1 ? atoi(argv[1]) : 2};
	struct holder *holders = calloc(nr, sizeof(*holders));
	pthread_t *threads = calloc(nr, sizeof(*threads));
	unsigned broken = 0, handlers = 0;
	uint32_t cpu;
	sigset_t old;
	bool pockets;

	area_here(&cpu);
	if (!__rseq_size || cpu >= CPUS || cpus > CPUS)
		return 77;
	pockets = open_pool(cpus);
	area_here(&cpu);
	if (cpu >= CPUS)
		frames_fault("the rseq area is not as it was: CPU", cpu, 0);
	if (!pockets)
		return 77;
	ticks_open(handle);
	ticks_block(&old);
	for (unsigned t = 0; t < nr; t++) {
		holders[t].id = t + 1;
		for (unsigned i = 0; i < LEVELS * HELD; i++)
			holders[t].held[i / HELD][i % HELD].pfn = ROOST_NONE;
		if (pthread_create(&threads[t], NULL, work, &holders[t]))
			frames_fault("no thread", t, 0);
	}
	do /* what this is about has to happen often enough, however slow the machine is */
		nanosleep(&pause, NULL);
	while (on_top < 100);
	stop = true;
	for (unsigned t = 0; t < nr; t++) {
		pthread_join(threads[t], NULL);
		broken += holders[t].broken;
		handlers += holders[t].handlers;
	}
	check();
	printf("%llu added, %u handlers, %u sequences broken off, %u by handlers that allocated\n",
	       (unsigned long long)added, handlers, broken, on_top);
	return 0;
}
