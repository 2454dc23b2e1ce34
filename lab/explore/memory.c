/* SPDX-License-Identifier: MIT */
/*
 * memory.c - see memory.h.
 *
 * The arena itself always holds the newest store of each word, so that what is not running on the
 * virtual machine (setup, roost_validate()) just reads it.
 */
#include "memory.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lock.h"
#include "log.h"
#include "raw.h"

static unsigned width; /* words in a view */
static char *views;    /* of this execution */
static size_t views_used, views_size;

/* Per CPU: before what it may no longer read; what a relaxed load was offered; what a fence
 * released. */
static uint16_t seen[VM_CPUS][VM_SHARED], offered[VM_CPUS][VM_SHARED], fenced[VM_CPUS][VM_SHARED];
static bool has_fenced[VM_CPUS];
static vm_clock offered_clock[VM_CONTEXTS], fenced_clock[VM_CONTEXTS];
static uint16_t global[VM_SHARED]; /* of everything sequentially consistent */
static uint16_t locked[VM_LOCKS][VM_SHARED];

/* ---- Histories and views ------------------------------------------------------------------- */

static void add_store(struct word *word, const struct store *store)
{
	if (word->nr_stores == word->room) {
		word->room = word->room ? 2 * word->room : 8;
		word->stores = realloc(word->stores, word->room * sizeof(*word->stores));
		if (!word->stores) {
			perror("roost: memory");
			exit(2);
		}
	}
	word->stores[word->nr_stores++] = *store;
}

void memory_begin(void)
{
	width = !vm.weak ? 0 : vm.share_all ? VM_SHARED : vm.nr_shared;
	views_used = 0;
	for (unsigned cpu = 0; cpu < vm.nr_cpus; cpu++) {
		memset(seen[cpu], 0, width * sizeof(seen[cpu][0]));
		memset(offered[cpu], 0, width * sizeof(seen[cpu][0]));
		has_fenced[cpu] = false;
	}
	memset(global, 0, width * sizeof(global[0]));
	for (unsigned i = 0; i < vm.nr_locks; i++)
		memset(locked[i], 0, width * sizeof(locked[0][0]));
	memset(offered_clock, 0, sizeof(offered_clock));
	memset(fenced_clock, 0, sizeof(fenced_clock));
}

/* The word, ready for this execution; size is that of the access. */
static struct word *touch(const volatile void *address, unsigned size)
{
	struct word *word = memory_word((const void *)(uintptr_t)address, size);

	if (word->generation == vm.generation)
		return word;
	word->generation = vm.generation;
	word->users = word->writers = 0;
	word->nr_stores = 0;
	if (vm.share_all && !word->shared)
		memory_share_word(word);
	if (word->shared)
		add_store(word, &(struct store){.value = raw_load(address, size),
						.step = -1,
						.context = 0xff});
	return word;
}

static void use(struct word *word, const struct context *c, bool write)
{
	word->users |= (uint16_t)(1u << c->id);
	if (write)
		word->writers |= (uint16_t)(1u << c->id);
	if (!word->shared && word->writers && word->users & (word->users - 1))
		vm.grown = true;
}

static void join(uint16_t *into, const uint16_t *from)
{
	for (unsigned i = 0; i < width; i++)
		if (into[i] < from[i])
			into[i] = from[i];
}

static struct view *new_view(void)
{
	size_t size = (sizeof(struct view) + width * sizeof(uint16_t) + 7) & ~(size_t)7;
	struct view *view;

	if (!views) {
		views_size = (size_t)256 << 20; /* address space; touched as far as needed */
		views = malloc(views_size);
	}
	if (!views || views_used + size > views_size) {
		fprintf(stderr, "roost: out of memory for views\n");
		exit(2);
	}
	view = (struct view *)(void *)(views + views_used);
	views_used += size;
	return view;
}

static bool acquires(int order)
{
	return order == memory_order_acquire || order == memory_order_acq_rel ||
	       order == memory_order_seq_cst || order == memory_order_consume;
}

static bool releases(int order)
{
	return order == memory_order_release || order == memory_order_acq_rel ||
	       order == memory_order_seq_cst;
}

static void learn(struct context *c, const struct view *view, int order)
{
	if (!view)
		return;
	if (acquires(order)) {
		join(seen[c->cpu], view->seen);
		clock_join(c->clock, view->clock);
	} else {
		join(offered[c->cpu], view->seen);
		clock_join(offered_clock[c->id], view->clock);
	}
}

static const struct view *release(struct context *c, int order, const struct view *sequence)
{
	struct view *view;

	if (!releases(order) && !has_fenced[c->cpu])
		return sequence;
	view = new_view();
	if (releases(order)) {
		memcpy(view->seen, seen[c->cpu], width * sizeof(uint16_t));
		memcpy(view->clock, c->clock, sizeof(vm_clock));
	} else {
		memcpy(view->seen, fenced[c->cpu], width * sizeof(uint16_t));
		memcpy(view->clock, fenced_clock[c->id], sizeof(vm_clock));
	}
	if (sequence) {
		join(view->seen, sequence->seen);
		clock_join(view->clock, sequence->clock);
	}
	return view;
}

/* ---- The parts of an access ---------------------------------------------------------------- */

static void count_access(struct context *c)
{
	c->call_ops++;
	if (++c->ops > VM_OWN) /* counted here, where no one else need be asked */
		vm_fail(FAIL_LIVELOCK, "steps", "%s has taken %d steps and is not through", c->name,
			VM_OWN);
}

/* Says what comes and, if others could notice, waits to be chosen. */
static void announce(struct word *word, enum op_kind kind, int order)
{
	count_access(vm.current);
	if (!word->shared && !vm.strategy->every_access)
		return;
	vm_point((struct op){.kind = (uint8_t)kind,
			     .write = kind != OP_LOAD,
			     .global = vm.weak && order == memory_order_seq_cst,
			     .word = (uint16_t)(word - vm.words)});
}

/* The context has read this store: it has not seen any later one. */
static void watch(struct context *c, const struct word *word, unsigned store)
{
	uint16_t index = (uint16_t)(word - vm.words);

	for (unsigned i = 0; i < c->nr_watched; i++)
		if (c->watched[i].word == index)
			return;
	if (c->nr_watched < VM_WATCHED)
		c->watched[c->nr_watched++] = (struct watch){index, store + 1};
}

void memory_refresh(struct context *c)
{
	for (unsigned i = 0; i < c->nr_watched && width; i++) {
		const struct word *word = &vm.words[c->watched[i].word];

		seen[c->cpu][word->id] = (uint16_t)(word->nr_stores - 1);
	}
	c->nr_watched = 0;
	c->own_news = false;
}

static uint64_t read_from(struct context *c, struct word *word, unsigned store, int order)
{
	const struct store *from = &word->stores[store];

	if (width)
		seen[c->cpu][word->id] = (uint16_t)store;
	learn(c, from->released, order);
	watch(c, word, store);
	return from->value;
}

static void write_to(struct context *c, struct word *word, uint64_t value, int order,
		     const struct view *sequence)
{
	struct store store = {.value = value, .step = vm.nr_steps - 1, .context = c->id};

	if (width) {
		seen[c->cpu][word->id] = (uint16_t)word->nr_stores;
		if (order == memory_order_seq_cst)
			global[word->id] = (uint16_t)word->nr_stores;
	}
	store.released = release(c, order, sequence);
	add_store(word, &store);
	c->clock[c->id]++;
	c->spins = 0;
}

static bool hooked(const volatile void *address)
{
	const void *plain = (const void *)(uintptr_t)address;

	return vm.current && vm_in_arena(plain) && !vm_ignored(plain);
}

void memory_acquire_lock(const struct context *c, unsigned lock)
{
	join(seen[c->cpu], locked[lock]);
}

void memory_release_lock(const struct context *c, unsigned lock)
{
	join(locked[lock], seen[c->cpu]);
}

/* What tasks that are between two CPUs have seen, were offered, and have released by a fence. */
static struct {
	uint16_t seen[VM_SHARED], offered[VM_SHARED], fenced[VM_SHARED];
	bool has_fenced;
} taken[VM_CONTEXTS];

void memory_leave(const struct context *c)
{
	size_t size = width * sizeof(uint16_t);

	memcpy(taken[c->id].seen, seen[c->cpu], size);
	memcpy(taken[c->id].offered, offered[c->cpu], size);
	memcpy(taken[c->id].fenced, fenced[c->cpu], size);
	taken[c->id].has_fenced = has_fenced[c->cpu];
}

void memory_arrive(const struct context *c)
{
	join(seen[c->cpu], taken[c->id].seen);
	join(offered[c->cpu], taken[c->id].offered);
	if (!taken[c->id].has_fenced)
		return;
	if (!has_fenced[c->cpu])
		memset(fenced[c->cpu], 0, width * sizeof(uint16_t));
	has_fenced[c->cpu] = true;
	join(fenced[c->cpu], taken[c->id].fenced);
}

/* The step that is being taken turned out to be no write. */
static void step_only_read(const struct word *word)
{
	if (word->shared || vm.strategy->every_access)
		vm.steps[vm.nr_steps - 1].op.write = false;
}

/* ---- Accesses ------------------------------------------------------------------------------ */

uint64_t memory_load(const volatile void *address, unsigned size, int order)
{
	struct context *c = vm.current;
	unsigned oldest, newest, n = 0;
	struct word *word;
	uint64_t value;

	if (!hooked(address))
		return raw_load(address, size);
	word = touch(address, size);
	announce(word, OP_LOAD, order);
	use(word, c, false);
	if (!word->shared) {
		value = raw_load(address, size);
	} else {
		newest = word->nr_stores - 1;
		oldest = width ? seen[c->cpu][word->id] : newest;
		if (width && order == memory_order_seq_cst && oldest < global[word->id])
			oldest = global[word->id];
		if (oldest < newest)
			n = vm.strategy->pick_store(vm.strategy_self, newest - oldest + 1);
		vm.load_choice = (uint16_t)n;
		value = read_from(c, word, newest - n, order);
	}
	lock_seen(c, word, value);
	log_access(c, OP_LOAD, address, value, order, n);
	return value;
}

void memory_store(volatile void *address, unsigned size, uint64_t value, int order)
{
	struct context *c = vm.current;
	struct word *word;
	uint64_t old;

	if (!hooked(address)) {
		raw_store(address, size, value);
		return;
	}
	word = touch(address, size);
	announce(word, OP_STORE, order);
	use(word, c, true);
	old = raw_load(address, size);
	if (word->shared)
		write_to(c, word, value, order, NULL);
	raw_store(address, size, value);
	log_access(c, OP_STORE, address, value, order, 0);
	lock_changed(c, word, old, value);
	if (word->written)
		word->written(word->address, value);
}

/* Reads the newest store of a shared word for a read-modify-write. */
static const struct view *read_newest(struct context *c, struct word *word, int order)
{
	read_from(c, word, word->nr_stores - 1, order);
	return word->stores[word->nr_stores - 1].released;
}

uint64_t memory_rmw(volatile void *address, unsigned size, enum rmw kind, uint64_t value, int order)
{
	struct context *c = vm.current;
	uint64_t old, new;
	struct word *word;

	if (!hooked(address)) {
		old = raw_load(address, size);
		raw_store(address, size, raw_apply(kind, old, value));
		return old;
	}
	word = touch(address, size);
	announce(word, OP_RMW, order);
	use(word, c, true);
	old = raw_load(address, size);
	new = raw_apply(kind, old, value);
	if (word->shared) {
		const struct view *sequence = read_newest(c, word, order);

		write_to(c, word, new, order, sequence);
	}
	raw_store(address, size, new);
	log_access(c, OP_RMW, address, new, order, 0);
	lock_changed(c, word, old, new);
	return old;
}

/* On any CPU, or on one. */
enum { ANYWHERE = -1 };

static bool cas_on(int cpu, volatile void *address, unsigned size, uint64_t *expected,
		   uint64_t desired, int order, int fail_order)
{
	struct context *c = vm.current;
	struct word *word;
	uint64_t old;
	bool hit;

	if (!hooked(address)) {
		old = raw_load(address, size);
		hit = old == *expected;
		raw_store(address, size, hit ? desired : old);
		*expected = old;
		return hit;
	}
	word = touch(address, size);
	announce(word, OP_RMW, order);
	old = raw_load(address, size);
	/* Here, not before: the context may have been moved since it announced the access. */
	hit = old == *expected && (cpu == ANYWHERE || (int)c->cpu == cpu);
	use(word, c, hit);
	if (word->shared) {
		const struct view *sequence = read_newest(c, word, hit ? order : fail_order);

		if (hit)
			write_to(c, word, desired, order, sequence);
	}
	if (hit) {
		raw_store(address, size, desired);
		log_access(c, OP_RMW, address, desired, order, 0);
		lock_changed(c, word, old, desired);
	} else {
		step_only_read(word);
		log_access(c, OP_LOAD, address, old, fail_order, 0);
		lock_seen(c, word, old);
	}
	*expected = old;
	return hit;
}

bool memory_cas(volatile void *address, unsigned size, uint64_t *expected, uint64_t desired,
		int order, int fail_order)
{
	return cas_on(ANYWHERE, address, size, expected, desired, order, fail_order);
}

bool memory_cas_on(unsigned cpu, volatile void *address, unsigned size, uint64_t *expected,
		   uint64_t desired)
{
	return cas_on((int)cpu, address, size, expected, desired, memory_order_seq_cst,
		      memory_order_seq_cst);
}

static void fence(struct context *c, int order)
{
	if (acquires(order)) {
		join(seen[c->cpu], offered[c->cpu]);
		clock_join(c->clock, offered_clock[c->id]);
	}
	if (order == memory_order_seq_cst) {
		join(seen[c->cpu], global);
		memcpy(global, seen[c->cpu], width * sizeof(uint16_t));
	}
	if (releases(order)) {
		memcpy(fenced[c->cpu], seen[c->cpu], width * sizeof(uint16_t));
		memcpy(fenced_clock[c->id], c->clock, sizeof(vm_clock));
		has_fenced[c->cpu] = true;
		c->clock[c->id]++;
	}
	log_access(c, OP_FENCE, NULL, 0, order, 0);
}

static void announce_fence(struct context *c)
{
	c->ops++;
	c->call_ops++;
	vm_point((struct op){.kind = OP_FENCE, .write = true, .global = true, .word = VM_NO_WORD});
}

void memory_fence(int order)
{
	struct context *c = vm.current;

	if (!c)
		return;
	if (vm.weak || vm.strategy->every_access) {
		announce_fence(c);
	} else {
		c->ops++;
		c->call_ops++;
	}
	fence(c, order);
}

unsigned memory_breaks(unsigned cpu)
{
	return vm.cpus[cpu].breaks;
}

void memory_fence_off(unsigned cpu)
{
	struct context *c = vm.current;

	if (!c)
		return;
	announce_fence(c);
	vm.cpus[cpu].breaks++;
	fence(c, memory_order_seq_cst);
}

bool memory_commit(volatile void *address, uint64_t value, unsigned breaks)
{
	struct context *c = vm.current;
	struct word *word;
	bool whole;

	if (!hooked(address)) {
		raw_store(address, 8, value);
		return true;
	}
	word = touch(address, 8);
	count_access(c);
	if (word->shared || vm.strategy->every_access)
		vm_point((struct op){.kind = OP_STORE,
				     .write = true,
				     .global = true, /* depends on fences in any mode */
				     .word = (uint16_t)(word - vm.words)});
	whole = vm.cpus[c->cpu].breaks == breaks;
	use(word, c, whole);
	if (!whole) {
		step_only_read(word);
		log_line(c, "  sequence broken off");
		return false;
	}
	if (word->shared)
		write_to(c, word, value, memory_order_seq_cst, NULL);
	raw_store(address, 8, value);
	log_access(c, OP_STORE, address, value, memory_order_seq_cst, 0);
	return true;
}

void memory_volatile(const volatile void *address, unsigned size, bool write)
{
	struct context *c = vm.current;
	struct word *word;

	if (!hooked(address))
		return;
	word = touch(address, size);
	announce(word, write ? OP_STORE : OP_LOAD, memory_order_seq_cst);
	use(word, c, write);
	if (!word->shared)
		return;
	learn(c, word->stores[word->nr_stores - 1].released, memory_order_acquire);
	if (write)
		write_to(c, word, 0, memory_order_release, NULL);
}
