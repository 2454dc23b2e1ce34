/* SPDX-License-Identifier: MIT */
/* sequence.c - the model port's sequences (core/port.h), on whatever machine (access.h). */
#include <stdatomic.h>
#include <stdbool.h>

#include "core/port.h"

#include "access.h"

bool rst_seq_ready(const void *memory, size_t size)
{
	(void)memory;
	(void)size;
	return true;
}

static bool is_here(unsigned cpu)
{
	return cpu == rst_cpu();
}

/* What a sequence reads and its commit, which fails if a handler ran on the CPU or somebody fenced
 * it off in between. */
static bool run(unsigned cpu, struct rst_seq s, bool guarded)
{
	unsigned breaks = memory_breaks(cpu);

	return is_here(cpu) && !memory_load(s.stop, 4, memory_order_seq_cst) &&
	       (!guarded || memory_load(s.guard, 2, memory_order_seq_cst) == s.expected) &&
	       memory_load(s.word, 8, memory_order_seq_cst) == s.old &&
	       memory_commit(s.word, s.new, breaks);
}

bool rst_seq_cas(unsigned cpu, struct rst_seq s)
{
	ACCESS_HERE();
	return run(cpu, s, false);
}

bool rst_seq_cas_guarded(unsigned cpu, struct rst_seq s)
{
	ACCESS_HERE();
	return run(cpu, s, true);
}

bool rst_seq_cas_at(unsigned cpu, struct rst_seq_at s)
{
	unsigned breaks = memory_breaks(cpu);

	ACCESS_HERE();
	return is_here(cpu) && memory_load(s.guard, 8, memory_order_seq_cst) == s.expected &&
	       memory_load(s.word, 8, memory_order_seq_cst) == s.old &&
	       memory_commit(s.word, s.new, breaks);
}

bool rst_seq_take(unsigned cpu, struct rst_seq_bit s)
{
	unsigned breaks = memory_breaks(cpu);
	uint64_t bit = (uint64_t)1 << s.bit % 64, word;

	ACCESS_HERE();
	if (!is_here(cpu) || memory_load(s.guard, 8, memory_order_seq_cst) != s.expected)
		return false;
	word = memory_load(s.word, 8, memory_order_seq_cst);
	return word & bit && memory_commit(s.word, word & ~bit, breaks);
}

bool rst_seq_put(struct rst_seq_bit s, uint32_t *half, uint64_t *now)
{
	unsigned cpu = rst_cpu(), breaks = memory_breaks(cpu);
	uint64_t bit = (uint64_t)1 << s.bit % 64, word;

	ACCESS_HERE();
	*half = (uint32_t)s.expected + cpu;
	if ((uint32_t)memory_load(s.guard, 8, memory_order_seq_cst) != *half)
		return false;
	word = memory_load(s.word, 8, memory_order_seq_cst);
	*now = word | bit;
	return !(word & bit) && memory_commit(s.word, *now, breaks);
}

bool rst_seq_lock_cas(unsigned cpu, _Atomic uint64_t *word, uint64_t old, uint64_t new)
{
	ACCESS_HERE();
	/* One step: nobody comes in between, nor does a move to another CPU. */
	return memory_cas_on(cpu, word, 8, &old, new);
}

bool rst_seq_add(unsigned cpu, _Atomic uint64_t *word, uint64_t n)
{
	unsigned breaks = memory_breaks(cpu);

	ACCESS_HERE();
	return is_here(cpu) &&
	       memory_commit(word, memory_load(word, 8, memory_order_seq_cst) + n, breaks);
}

bool rst_seq_fence(unsigned cpu)
{
	ACCESS_HERE();
	memory_fence_off(cpu);
	return true;
}
