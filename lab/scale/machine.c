/* SPDX-License-Identifier: MIT */
/* machine.c - see machine.h. */
#include "machine.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lab/explore/access.h"
#include "lab/explore/fiber.h"
#include "lab/explore/raw.h"
#include "tool/common/random.h"

enum {
	NAP = 1000, /* accesses of each CPU that runs meanwhile */
	ENOUGH = 16000000,
};

enum state { RUNS, SPINS, PARKED, ASLEEP, MEETS, DONE };

struct cpu {
	struct fiber fiber;
	machine_fn *run;
	void *own;
	enum state state;
	enum kind kind;
	unsigned place;		   /* RUNS: in the list of those */
	uintptr_t line;		   /* the last one that it accessed */
	const volatile void *word; /* PARKED */
	uint64_t since;		   /* PARKED: which one is woken first */
	uint64_t until;		   /* ASLEEP */
	unsigned wait;		   /* turns that it is left out, for a line is on its way */
	unsigned breaks;	   /* of its sequences */
};

static struct {
	struct cpu cpus[LINES_CPUS];
	unsigned nr, current, outside;
	unsigned runs[LINES_CPUS], nr_runs; /* those that can go on */
	unsigned nr_spins, nr_asleep, nr_done;
	bool active; /* one of them runs */
	struct fiber scheduler;
	struct random random;
	uint64_t now; /* accesses so far */
	uint64_t met; /* when they all met the last time */
	bool cut;
	double time, met_time, part; /* in accesses of a CPU; of what ended when they met */
} m;

struct counts machine_counts[KINDS];
unsigned machine_latency;

static struct cpu *current(void)
{
	return &m.cpus[m.current];
}

static struct counts *counts(void)
{
	return &machine_counts[current()->kind];
}

/* ---- The next CPU ----------------------------------------------------------------------- */

static void start(unsigned cpu)
{
	m.nr_spins -= m.cpus[cpu].state == SPINS;
	m.nr_asleep -= m.cpus[cpu].state == ASLEEP;
	m.cpus[cpu].state = RUNS;
	m.cpus[cpu].place = m.nr_runs;
	m.runs[m.nr_runs++] = cpu;
}

static void stop(unsigned cpu, enum state state)
{
	unsigned last = m.runs[--m.nr_runs];

	m.runs[m.cpus[cpu].place] = last;
	m.cpus[last].place = m.cpus[cpu].place;
	m.cpus[cpu].state = state;
	m.nr_spins += state == SPINS;
	m.nr_asleep += state == ASLEEP;
}

static void start_all(enum state state)
{
	for (unsigned i = 0; i < m.nr; i++)
		if (m.cpus[i].state == state)
			start(i);
}

/* Those whose time has come; if nobody can go on, the time of the next ones comes. */
static void wake_sleepers(void)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < m.nr; i++)
		if (m.cpus[i].state == ASLEEP && m.cpus[i].until < next)
			next = m.cpus[i].until;
	if (!m.nr_runs && next > m.now)
		m.now = next;
	for (unsigned i = 0; i < m.nr; i++)
		if (m.cpus[i].state == ASLEEP && m.cpus[i].until <= m.now)
			start(i);
}

static void go_to(unsigned cpu)
{
	struct fiber *from = m.active ? &current()->fiber : &m.scheduler;

	if (m.active && cpu == m.current)
		return;
	m.active = true;
	m.current = cpu;
	fiber_switch(from, &m.cpus[cpu].fiber);
}

static unsigned next(void)
{
	for (;;) {
		unsigned cpu = m.runs[random_scaled(&m.random, m.nr_runs)];

		m.time += 1.0 / m.nr_runs;
		if (!m.cpus[cpu].wait)
			return cpu;
		m.cpus[cpu].wait--;
		m.now++;
	}
}

/* The current CPU goes on when it is chosen again. */
static void choose(void)
{
	m.now++;
	if (m.nr_asleep && (m.now % NAP == 0 || !m.nr_runs))
		wake_sleepers();
	if (!m.nr_runs)
		start_all(SPINS); /* each looks once more, as a loop with an end does */
	if (m.nr_runs) {
		go_to(next());
		return;
	}
	m.active = false;
	fiber_switch(&current()->fiber, &m.scheduler);
}

static void enter(void *argument)
{
	struct cpu *cpu = argument;

	cpu->run(cpu->own);
	m.nr_done++;
	stop(m.current, DONE);
	choose();
}

bool machine_run(unsigned nr, uint64_t seed, machine_fn *run, void *const *own)
{
	lines_reset();
	memset(machine_counts, 0, sizeof(machine_counts));
	m.nr = nr;
	m.nr_runs = m.nr_done = m.nr_spins = m.nr_asleep = 0;
	m.now = m.met = 0;
	m.time = m.met_time = m.part = 0;
	m.cut = false;
	m.random.state = seed;
	for (unsigned i = 0; i < nr; i++) {
		struct fiber fiber = m.cpus[i].fiber;

		m.cpus[i] = (struct cpu){.fiber = fiber, .run = run, .own = own[i]};
		fiber_create(&m.cpus[i].fiber);
		fiber_start(&m.cpus[i].fiber, enter, &m.cpus[i]);
		start(i);
	}
	go_to(m.runs[random_scaled(&m.random, nr)]);
	return m.nr_done == nr;
}

void machine_outside(unsigned cpu)
{
	m.outside = cpu;
}

void machine_count(enum kind kind)
{
	current()->kind = kind;
	counts()->ops++;
}

void machine_yield(void)
{
	choose();
}

void machine_meet(void)
{
	unsigned there = 1;

	for (unsigned i = 0; i < m.nr; i++)
		there += m.cpus[i].state == MEETS;
	if (there == m.nr) {
		m.met = m.now;
		m.part = m.time - m.met_time;
		m.met_time = m.time;
		start_all(MEETS);
		return;
	}
	stop(m.current, MEETS);
	choose();
}

bool machine_enough(void)
{
	if (m.now - m.met < ENOUGH)
		return false;
	return m.cut = true;
}

bool machine_cut(void)
{
	return m.cut;
}

double machine_elapsed(void)
{
	return m.part;
}

/* ---- Accesses ----------------------------------------------------------------------------- */

/* Is this an access that others can notice? */
static bool hooked(const volatile void *address)
{
	return m.active && !fiber_on_stack(&current()->fiber, (const void *)(uintptr_t)address);
}

/* Another CPU has taken the line: CPUs that wait for it look again. */
static void wake_spinners(uintptr_t line)
{
	for (unsigned i = 0; i < m.nr; i++)
		if (m.cpus[i].state == SPINS && m.cpus[i].line == line)
			start(i);
}

static void touch(uintptr_t line, bool write)
{
	struct transfer t = lines_access(m.current, line, write);
	struct counts *c = counts();

	current()->line = line;
	c->fetched += t.fetched;
	c->upgraded += t.upgraded;
	c->invalidated += t.invalidated;
	if (t.invalidated && m.nr_spins)
		wake_spinners(line);
}

static void access_to(const volatile void *address, size_t size, bool write)
{
	const uintptr_t at = (uintptr_t)address;

	/* The access takes effect when the line is there: until then another CPU can use it. */
	if (machine_latency && lines_moves(m.current, at >> LINES_SHIFT, write))
		current()->wait = machine_latency;
	choose();
	counts()->accesses++;
	for (uintptr_t line = at >> LINES_SHIFT; line <= (at + size - 1) >> LINES_SHIFT; line++)
		touch(line, write);
}

void race_access(const volatile void *address, size_t size, bool write)
{
	if (size && hooked(address))
		access_to(address, size, write);
}

void memory_volatile(const volatile void *address, unsigned size, bool write)
{
	race_access(address, size, write);
}

uint64_t memory_load(const volatile void *address, unsigned size, int order)
{
	(void)order;
	race_access(address, size, false);
	return raw_load(address, size);
}

void memory_store(volatile void *address, unsigned size, uint64_t value, int order)
{
	(void)order;
	race_access(address, size, true);
	raw_store(address, size, value);
}

uint64_t memory_rmw(volatile void *address, unsigned size, enum rmw kind, uint64_t value, int order)
{
	uint64_t old;

	(void)order;
	race_access(address, size, true);
	if (hooked(address))
		counts()->atomic++;
	old = raw_load(address, size);
	raw_store(address, size, raw_apply(kind, old, value));
	return old;
}

bool memory_cas(volatile void *address, unsigned size, uint64_t *expected, uint64_t desired,
		int order, int fail_order)
{
	uint64_t old;
	bool hit;

	(void)order;
	(void)fail_order;
	race_access(address, size, true);
	old = raw_load(address, size);
	hit = old == *expected;
	if (hit)
		raw_store(address, size, desired);
	*expected = old;
	if (hooked(address)) {
		counts()->atomic++;
		counts()->failed += !hit;
	}
	return hit;
}

/* Nobody is moved here. */
bool memory_cas_on(unsigned cpu, volatile void *address, unsigned size, uint64_t *expected,
		   uint64_t desired)
{
	return cpu == machine_cpu() && memory_cas(address, size, expected, desired,
						  memory_order_seq_cst, memory_order_seq_cst);
}

void memory_fence(int order)
{
	(void)order;
}

unsigned memory_breaks(unsigned cpu)
{
	return m.active ? m.cpus[cpu].breaks : 0;
}

void memory_fence_off(unsigned cpu)
{
	if (!m.active)
		return;
	choose();
	counts()->fences++;
	m.cpus[cpu].breaks++;
}

bool memory_commit(volatile void *address, uint64_t value, unsigned breaks)
{
	race_access(address, sizeof(value), true);
	if (memory_breaks(machine_cpu()) != breaks) {
		counts()->failed++;
		return false;
	}
	raw_store(address, sizeof(value), value);
	return true;
}

/* ---- Waiting ------------------------------------------------------------------------------ */

unsigned machine_cpu(void)
{
	return m.active ? m.current : m.outside;
}

bool machine_runs(void)
{
	return m.active;
}

void machine_turn(void)
{
	if (!m.active)
		return;
	counts()->turns++;
	/* What it read is out of date already: it looks again at once. */
	if (lines_held(m.current, current()->line))
		stop(m.current, SPINS);
	choose();
}

void machine_park(const volatile void *word)
{
	current()->word = word;
	current()->since = m.now;
	counts()->sleeps++;
	stop(m.current, PARKED);
	choose();
}

void machine_unpark(const volatile void *word)
{
	struct cpu *first = NULL;

	for (unsigned i = 0; i < m.nr; i++)
		if (m.cpus[i].state == PARKED && m.cpus[i].word == word &&
		    (!first || m.cpus[i].since < first->since))
			first = &m.cpus[i];
	if (first)
		start((unsigned)(first - m.cpus));
}

void machine_sleep(unsigned round)
{
	(void)round;
	if (!m.active)
		return;
	counts()->sleeps++;
	current()->until = m.now + (uint64_t)NAP * m.nr;
	stop(m.current, ASLEEP);
	choose();
}

void access_entered(uintptr_t pc, uintptr_t caller)
{
	(void)pc;
	(void)caller;
}

void access_left(void)
{
}
