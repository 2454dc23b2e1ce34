/* SPDX-License-Identifier: MIT */
/* count.c - begins and ends counting by callgrind, and says on which CPU the thread is. */
#include <stdio.h>
#include <valgrind/callgrind.h>

#include <roost/posix.h>

#include "cost.h"

#if TEST_POCKETS
#include <sys/rseq.h>

/* In place of the port's, by the linker. */
bool __wrap_rst_seq_ready(const void *memory, size_t size);
bool __wrap_rst_seq_ready(const void *memory, size_t size)
{
	(void)memory;
	(void)size;
	return true;
}

void be_on(int cpu)
{
	struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);

	*(volatile uint32_t *)&area->cpu_id = (uint32_t)cpu;
}
#else
void be_on(int cpu)
{
	roost_posix_set_cpu(cpu);
}
#endif

void begin(void)
{
	CALLGRIND_ZERO_STATS;
	CALLGRIND_TOGGLE_COLLECT;
}

void end(const char *name, unsigned operations)
{
	char text[64];

	CALLGRIND_TOGGLE_COLLECT;
	snprintf(text, sizeof(text), "%s,%u", name, operations);
	CALLGRIND_DUMP_STATS_AT(text);
}
