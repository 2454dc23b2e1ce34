/* SPDX-License-Identifier: MIT */
/*
 * port.c - the model port: what the engine asks of the system, asked of the virtual machine.
 *
 * Spinning and sleeping. A context that spins would see the same again until somebody else has
 * written something that it read; it is not chosen before. Its first turn is free: a caller that
 * does not wait tries, turns once and gives up. Parking is exact: a parked context goes on only
 * when it is unparked, so a wake-up that gets lost is a deadlock here.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/port.h"

#include "lock.h"
#include "log.h"
#include "memory.h"
#include "notes.h"
#include "port.h"
#include "vm.h"

static unsigned outside_cpu;
static bool outside_no_sequences;
static jmp_buf *fatal_ends;

static struct cpu *this_cpu(void)
{
	return &vm.cpus[vm.current->cpu];
}

/* ---- Interrupts ---------------------------------------------------------------------------- */

static bool handlers_to_come(const struct context *c)
{
	for (unsigned i = 0; i < vm.nr_contexts; i++) {
		const struct context *other = &vm.contexts[i];

		if (other->cpu == c->cpu && !other->started && other->level > c->level)
			return true;
	}
	return false;
}

rst_irq_t rst_irq_save(void)
{
	struct context *c = vm.current;
	rst_irq_t was;

	ACCESS_HERE();
	if (!c)
		return 1;
	was = this_cpu()->irq_on;
	c->spins = 0;
	if (!was)
		return 0;
	c->ops++;
	if (handlers_to_come(c) || vm.preempts || vm.strategy->every_access)
		vm_point((struct op){.kind = OP_IRQ_OFF, .word = VM_NO_WORD});
	this_cpu()->irq_on = false;
	clock_join(c->clock, this_cpu()->irq_returned);
	if (vm.preempts) /* tasks of the CPU are as handlers are */
		clock_join(c->clock, this_cpu()->irq_published);
	return was;
}

void rst_irq_restore(rst_irq_t state)
{
	struct context *c = vm.current;

	ACCESS_HERE();
	if (!c)
		return;
	c->spins = 0;
	if (!state || this_cpu()->irq_on)
		return;
	lock_irq_on(c);
	clock_join(this_cpu()->irq_published, c->clock);
	c->clock[c->id]++;
	this_cpu()->irq_on = true;
}

/* ---- Where --------------------------------------------------------------------------------- */

/* May the task be somewhere else soon? */
static bool may_move(const struct context *c)
{
	for (unsigned i = 0; i < vm.nr_contexts; i++)
		if (vm.contexts[i].moves == c && !vm.contexts[i].started)
			return true;
	return false;
}

unsigned rst_cpu(void)
{
	struct context *c = vm.current;

	if (!c)
		return outside_cpu;
	ACCESS_HERE();
	if (vm.preempts && c->level == LEVEL_TASK && this_cpu()->irq_on && !c->preempt_off) {
		c->ops++;
		if (may_move(c) || vm.strategy->every_access)
			vm_point((struct op){.kind = OP_CPU, .word = VM_NO_WORD});
	}
	return c->cpu;
}

unsigned rst_seq_cpu(void)
{
	return (vm.current ? vm.current->no_sequences : outside_no_sequences) ? RST_NO_CPU
									      : rst_cpu();
}

bool rst_nmi(void)
{
	return vm.current && vm.current->level >= LEVEL_NMI;
}

bool rst_in_task(void)
{
	return !vm.current || vm.current->level == LEVEL_TASK;
}

/* ---- Waiting ------------------------------------------------------------------------------- */

static void wait_for_writes(enum op_kind kind)
{
	struct context *c = vm.current;

	c->ops++;
	vm_point((struct op){.kind = (uint8_t)kind, .word = VM_NO_WORD});
	memory_refresh(c);
}

void rst_relax(void)
{
	ACCESS_HERE();
	if (!vm.current || vm.current->spins++ == 0)
		return;
	lock_waits(vm.current);
	wait_for_writes(OP_SPIN);
}

void rst_sleep(unsigned round)
{
	(void)round;
	if (!vm.current)
		return;
	ACCESS_HERE();
	if (vm.current->nr_held || vm.current->level != LEVEL_TASK)
		vm_fail(FAIL_LOCK, "sleep", "%s sleeps %s", vm.current->name,
			vm.current->nr_held ? "while it holds a lock" : "in a handler");
	log_line(vm.current, "sleeps");
	vm.current->sleeps++;
	wait_for_writes(OP_SLEEP);
	if (vm.current->sleeps >= VM_SLEEPS)
		vm.cut = true;
}

/* Both parties' step: the later one sees the earlier one. */
static struct word *park_step(struct context *c, _Atomic uint32_t *word, uint8_t kind)
{
	struct word *w = memory_word(word, 4);

	c->ops++;
	vm_point((struct op){.kind = kind, .write = true, .word = (uint16_t)(w - vm.words)});
	return w;
}

void rst_park(_Atomic uint32_t *word, uint32_t value)
{
	struct context *c = vm.current;
	struct word *w;

	if (!c)
		return;
	ACCESS_HERE();
	w = park_step(c, word, OP_PARK);
	if (*(volatile uint32_t *)(volatile void *)word != value)
		return;
	lock_waits(c);
	c->woken_by = -1;
	c->ops++;
	vm_point((struct op){.kind = OP_PARKED, .word = (uint16_t)(w - vm.words)});
}

void rst_unpark(_Atomic uint32_t *word)
{
	struct context *c = vm.current;
	struct word *w;

	if (!c)
		return;
	ACCESS_HERE();
	w = park_step(c, word, OP_UNPARK);
	for (unsigned i = 0; i < vm.nr_contexts; i++) {
		struct context *other = &vm.contexts[i];

		if (other->pending.kind != OP_PARKED || other->woken_by >= 0 || other->done ||
		    !other->started || &vm.words[other->pending.word] != w)
			continue;
		other->woken_by = vm.nr_steps - 1;
		return;
	}
}

/* Nobody's accesses: they read what is newest, and are no steps. */
void rst_observe(int delta)
{
	static struct context *observer;

	if (delta > 0) {
		observer = vm.current;
		vm.current = NULL;
	} else {
		vm.current = observer;
	}
}

void rst_counted(unsigned counter, uint64_t n)
{
	if (vm.current && n)
		note_counted(vm.current, counter);
}

_Noreturn void rst_fatal(const char *text)
{
	ACCESS_HERE();
	vm_fail(FAIL_FATAL, "fatal", "the engine called rst_fatal(): %s", text);
	if (fatal_ends)
		longjmp(*fatal_ends, 1);
	fprintf(stderr, "roost-explore: before the contexts begin: rst_fatal(): %s\n", text);
	abort();
}

/* ---- For the explorer ---------------------------------------------------------------------- */

unsigned port_irq_save(void)
{
	return rst_irq_save();
}

void port_irq_restore(unsigned state)
{
	rst_irq_restore(state);
}

void port_relax(void)
{
	rst_relax();
}

void port_fatal_ends(jmp_buf *there)
{
	fatal_ends = there;
}

void port_set_cpu(unsigned cpu)
{
	outside_cpu = cpu;
	outside_no_sequences = false;
}

void port_no_sequences(void)
{
	if (vm.current)
		vm.current->no_sequences = true;
	else
		outside_no_sequences = true;
}
