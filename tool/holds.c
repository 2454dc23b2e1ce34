/* SPDX-License-Identifier: MIT */
/*
 * holds.c - see holds.h. A thread holds one zone lock at a time, with all signals blocked, so what
 * it notes of a hold is its own. The sums are of all threads.
 *
 * Instructions of these functions count as well while they are stepped through. So they take the
 * same way each time, all else is left for when interrupts are on again, and what they take is
 * measured at the beginning and subtracted.
 */
#include <stdatomic.h>
#include <time.h>

#include "holds.h"
#include "step.h"

static struct {
	struct lengths frames, held, irqs;
	_Atomic uint64_t waits, waits_ns, waits_longest_ns;
} sums;

static atomic_bool on;
static atomic_bool modelled;
static enum holds_unit unit;

/* Instructions of the functions below: between irqs_off() and irqs_on(); between taken() and
 * dropped(); of taken() and dropped(); of moved(). */
static struct {
	uint64_t stretch, hold, lock, moved;
} own;

static _Thread_local struct {
	unsigned depth; /* of interrupts off */
	uint64_t off, waits, taken, held, on;
	uint64_t locks, moves, frames;
} me;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t clock_cost(void)
{
	uint64_t least = UINT64_MAX;

	for (unsigned i = 0; i < 1000; i++) {
		const uint64_t before = now(), took = now() - before;

		if (took < least)
			least = took;
	}
	return least;
}

static uint64_t measure(void)
{
	return unit == HOLDS_INSTRUCTIONS ? step_count() : now();
}

static bool is_on(void)
{
	return atomic_load_explicit(&on, memory_order_relaxed);
}

static void add_wait(uint64_t ns)
{
	uint64_t longest = sums.waits_longest_ns;

	sums.waits++;
	sums.waits_ns += ns;
	while (ns > longest && !atomic_compare_exchange_weak(&sums.waits_longest_ns, &longest, ns))
		;
}

/* ---- What the engines call ---------------------------------------------------------------- */

void roost_lab_irqs_off(void)
{
	if (!is_on() || me.depth++)
		return;
	me.locks = me.moves = me.frames = me.waits = 0;
	if (unit == HOLDS_INSTRUCTIONS)
		step_on();
	me.off = measure();
}

void roost_lab_lock_waits(void)
{
	me.waits = measure();
}

void roost_lab_lock_taken(void)
{
	me.taken = measure();
}

void roost_lab_lock_moved(uint64_t count)
{
	me.moves++;
	me.frames += count;
}

void roost_lab_lock_dropped(void)
{
	me.held = measure() - me.taken;
	me.locks++;
}

static void note_stretch(void)
{
	lengths_add(&sums.irqs,
		    me.on - me.off - own.stretch - me.locks * own.lock - me.moves * own.moved);
	if (!me.locks)
		return;
	lengths_add(&sums.held, me.held - own.hold - me.moves * own.moved);
	lengths_add(&sums.frames, me.frames);
	if (me.waits)
		add_wait(me.taken - me.waits);
}

void roost_lab_irqs_on(void)
{
	if (!is_on() || --me.depth)
		return;
	me.on = measure();
	if (unit == HOLDS_INSTRUCTIONS)
		step_off();
	note_stretch();
}

void roost_lab_lock_modelled(uint64_t count)
{
	if (!is_on())
		return;
	modelled = true;
	lengths_add(&sums.frames, count);
}

/* ---- Begin and end ------------------------------------------------------------------------ */

/* As the engines call them; how often they are called is not for the compiler to know. */
static void (*volatile irqs_off)(void) = roost_lab_irqs_off;
static void (*volatile taken)(void) = roost_lab_lock_taken;
static void (*volatile moved)(uint64_t count) = roost_lab_lock_moved;
static void (*volatile dropped)(void) = roost_lab_lock_dropped;
static void (*volatile irqs_on)(void) = roost_lab_irqs_on;

static void measure_own(void)
{
	uint64_t stretch, hold, lock;

	own.stretch = own.hold = own.lock = own.moved = 0;
	if (unit != HOLDS_INSTRUCTIONS)
		return;
	irqs_off();
	irqs_on();
	stretch = me.on - me.off;
	irqs_off();
	taken();
	dropped();
	irqs_on();
	hold = me.held;
	lock = me.on - me.off - stretch;
	irqs_off();
	taken();
	moved(0);
	dropped();
	irqs_on();
	own.moved = me.held - hold;
	own.stretch = stretch;
	own.hold = hold;
	own.lock = lock;
}

static void clear(void)
{
	lengths_clear(&sums.frames);
	lengths_clear(&sums.held);
	lengths_clear(&sums.irqs);
	sums.waits = sums.waits_ns = sums.waits_longest_ns = 0;
	modelled = false;
}

void holds_begin(enum holds_unit new_unit)
{
	unit = new_unit;
	on = true;
	measure_own();
	clear();
}

void holds_end(struct holds_result *result)
{
	on = false;
	*result = (struct holds_result){
		.unit = unit,
		.modelled = modelled,
		.count = lengths_count(&sums.frames),
		.frames = lengths_sum_up(&sums.frames),
		.length = lengths_sum_up(&sums.held),
		.irqs_count = lengths_count(&sums.irqs),
		.irqs = lengths_sum_up(&sums.irqs),
		.waits = sums.waits,
		.waits_ns = sums.waits_ns,
		.waits_longest_ns = sums.waits_longest_ns,
		.clock_ns = clock_cost(),
	};
}
