/* SPDX-License-Identifier: MIT */
/*
 * work_objects.c - objects: all of one size. The thread that gets an object writes a word of it,
 * and the one that frees it reads that word before, as programs do. So what an allocator keeps in
 * the object's own line costs it little, and what it keeps elsewhere comes on top. `untouched` is
 * for objects that only pass through.
 */
#include "job.h"

enum { BATCH = 64, BURST = 1000, FEW = 1000, MANY = 100000, PICKS = 256, RING = 1024 };

/* An object, or the end of the process. */
static inline void *get(struct job *job)
{
	uint64_t *object = job->peer->objects->alloc();

	if (__builtin_expect(!object, 0))
		job_fail(job, "it has no object");
	*(volatile uint64_t *)object = 1;
	return object;
}

static inline void put(struct job *job, void *object)
{
	(void)*(volatile uint64_t *)object;
	job->peer->objects->free(object);
}

/* ---- One thread: each call says how many pairs it did --------------------------------------- */

struct manner {
	unsigned nr; /* objects that are held, or slots for them */
	bool full;   /* from the start */
	uint64_t (*pairs)(struct worker *w, void **slots, unsigned nr);
};

static uint64_t pair(struct worker *w, void **slots, unsigned nr)
{
	(void)slots;
	for (unsigned i = 0; i < nr; i++)
		put(w->job, get(w->job));
	return nr;
}

static uint64_t pick(struct worker *w, void **slots, unsigned nr)
{
	for (unsigned i = 0; i < PICKS; i++) {
		void **slot = &slots[random_scaled(&w->random, nr)];

		put(w->job, *slot);
		*slot = get(w->job);
	}
	return PICKS;
}

static uint64_t burst(struct worker *w, void **slots, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		slots[i] = get(w->job);
	for (unsigned i = 0; i < nr; i++)
		put(w->job, slots[i]);
	return nr;
}

static uint64_t pairs_until(struct worker *w, void **slots, unsigned nr, uint64_t end)
{
	const struct manner *manner = w->own;
	uint64_t pairs = 0;

	do
		pairs += manner->pairs(w, slots, nr);
	while (now_ns() < end);
	return pairs;
}

static void run_pairs(struct worker *w)
{
	const struct manner *manner = w->own;
	const unsigned nr = manner->nr < w->job->objects_most ? manner->nr : w->job->objects_most;
	void **slots = job_memory(w->job, nr * sizeof(*slots));
	uint64_t count;

	for (unsigned i = 0; manner->full && i < nr; i++)
		slots[i] = get(w->job);
	pairs_until(w, slots, nr, now_ns() + w->job->length / 2);
	team_wait(w);
	watch_start(&w->watch);
	count = pairs_until(w, slots, nr, w->watch.wall + w->job->length);
	watch_stop(&w->watch);
	w->values[0] = (double)w->watch.wall / (double)count;
}

void work_object_pair(struct job *job)
{
	static const struct manner manner = {PICKS, false, pair};

	team_run(job, 1, run_pairs, (void *)&manner);
}

void work_object_random(struct job *job)
{
	static const struct manner manner = {FEW, true, pick};

	team_run(job, 1, run_pairs, (void *)&manner);
}

void work_object_random_many(struct job *job)
{
	static const struct manner manner = {MANY, true, pick};

	team_run(job, 1, run_pairs, (void *)&manner);
}

void work_object_burst(struct job *job)
{
	static const struct manner manner = {BURST, false, burst};

	team_run(job, 1, run_pairs, (void *)&manner);
}

/* ---- Many at once --------------------------------------------------------------------------- */

static void get_batch(struct job *job, void **batch)
{
	const struct bench_objects *objects = job->peer->objects;

	if (objects->alloc_bulk && objects->alloc_bulk(batch, BATCH) != BATCH)
		job_fail(job, "a call that takes many got too few objects");
	for (unsigned i = 0; i < BATCH; i++)
		if (objects->alloc_bulk)
			*(volatile uint64_t *)batch[i] = 1;
		else
			batch[i] = get(job);
}

static void put_batch(struct job *job, void **batch)
{
	const struct bench_objects *objects = job->peer->objects;

	for (unsigned i = 0; i < BATCH; i++)
		if (objects->free_bulk)
			(void)*(volatile uint64_t *)batch[i];
		else
			put(job, batch[i]);
	if (objects->free_bulk)
		objects->free_bulk(batch, BATCH);
}

enum { BATCHES = 16 }; /* that are held: between two looks at the clock, which takes 30 ns */

static void bulk(struct worker *w)
{
	static void *batches[BATCHES][BATCH];
	uint64_t start, middle, end, alloc = 0, free = 0;
	unsigned turns = 0;
	bool warm = false;

	end = now_ns();
	w->watch.wall = end;
	do {
		if (!warm && end - w->watch.wall >= w->job->length / 2) {
			warm = true;
			alloc = free = turns = 0;
			team_wait(w);
			watch_start(&w->watch);
			end = w->watch.wall;
		}
		start = end;
		for (unsigned i = 0; i < BATCHES; i++)
			get_batch(w->job, batches[i]);
		middle = now_ns();
		for (unsigned i = 0; i < BATCHES; i++)
			put_batch(w->job, batches[i]);
		end = now_ns();
		alloc += middle - start;
		free += end - middle;
		turns++;
	} while (!warm || end - w->watch.wall < w->job->length);
	watch_stop(&w->watch);
	w->values[0] = (double)alloc / turns / (BATCHES * BATCH);
	w->values[1] = (double)free / turns / (BATCHES * BATCH);
}

void work_object_bulk(struct job *job)
{
	team_run(job, 1, bulk, NULL);
}

/* ---- One way -------------------------------------------------------------------------------- */

/*
 * Objects on their way, which become visible BATCH at a time, as do free slots: else each of them
 * would cost a transfer of the ring's own lines. Release and acquire on both counts order the
 * slots.
 */
struct ring {
	_Alignas(128) _Atomic uint64_t tail; /* the giver's */
	_Alignas(128) _Atomic uint64_t head; /* the taker's */
	_Alignas(128) void *slots[RING];
	bool untouched;
};

static bool give_batch(struct job *job, struct ring *ring)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	if (tail - atomic_load_explicit(&ring->head, memory_order_acquire) > RING - BATCH)
		return false;
	for (unsigned i = 0; i < BATCH; i++) {
		void *object = ring->untouched ? job->peer->objects->alloc() : get(job);

		if (!object)
			job_fail(job, "it has no object");
		ring->slots[(tail + i) % RING] = object;
	}
	atomic_store_explicit(&ring->tail, tail + BATCH, memory_order_release);
	return true;
}

static bool take_batch(struct job *job, struct ring *ring)
{
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (atomic_load_explicit(&ring->tail, memory_order_acquire) == head)
		return false;
	for (unsigned i = 0; i < BATCH; i++) {
		void *object = ring->slots[(head + i) % RING];

		if (ring->untouched)
			job->peer->objects->free(object);
		else
			put(job, object);
	}
	atomic_store_explicit(&ring->head, head + BATCH, memory_order_release);
	return true;
}

/* How many were freed. One that frees goes on until it has freed something: the other one gives
 * at least once, but it may be late on a busy machine. */
static uint64_t pass_until(struct worker *w, uint64_t end)
{
	uint64_t freed = 0;

	do {
		for (unsigned i = 0; i < RING / BATCH; i++)
			if (w->index == 0)
				give_batch(w->job, w->own);
			else if (take_batch(w->job, w->own))
				freed += BATCH;
	} while (now_ns() < end || (w->index == 1 && !freed));
	return freed;
}

static void one_way(struct worker *w)
{
	uint64_t freed;

	pass_until(w, now_ns() + w->job->length / 2);
	team_wait(w);
	watch_start(&w->watch);
	freed = pass_until(w, w->watch.wall + w->job->length);
	watch_stop(&w->watch);
	w->values[0] = (double)freed * 1000 / (double)w->watch.wall;
}

void work_object_one_way(struct job *job)
{
	team_run(job, 2, one_way, job_memory(job, sizeof(struct ring)));
}

void work_object_untouched(struct job *job)
{
	struct ring *ring = job_memory(job, sizeof(*ring));

	ring->untouched = true;
	team_run(job, 2, one_way, ring);
}
