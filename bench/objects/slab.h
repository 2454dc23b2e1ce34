/* SPDX-License-Identifier: MIT */
/*
 * slab.h - what the prototypes share: slabs out of a roost pool, their metadata out of line, from a
 * pointer to its slab, and for each CPU and size a bitmap of slabs that may have something free.
 *
 * Prototypes: they measure fast paths. There is no stealing, no recovery, no statistics.
 */
#ifndef OBJECTS_SLAB_H
#define OBJECTS_SLAB_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/port.h"
#include "roost/pool.h"
#include "classes.h"

#define EXPORT __attribute__((visibility("default")))
#define COLD   __attribute__((noinline, cold))
#define SLOW   __attribute__((noinline))

enum { WORDS = SLAB_OBJECTS / 64, CPUS = 64, SLABS = 65536 };

/* 256 bytes. Which side means what is the design's. */
struct slab {
	_Atomic uint64_t l[WORDS];
	_Atomic uint64_t r[WORDS];
	/* generation | home CPU, or one of those below */
	_Alignas(64) union {
		_Atomic uint64_t place;
		_Atomic uint32_t home; /* the lower half */
	};
	uintptr_t base;
	uint32_t size, reciprocal, count;
	uint8_t class, words;  /* of bits */
	_Atomic uint8_t noted; /* it is in the bitmap */
	uint64_t last;	       /* the last word, when all of it is free */
	_Atomic uint32_t next; /* free metadata */
	_Alignas(64) char pad[64];
};

_Static_assert(sizeof(struct slab) == 256, "two sides and constants");

enum {
	PLACE_MOVING = 0x10000,
	LOOKS = 16, /* at slabs that are noted, before a new one is made */
};

struct notes {
	_Atomic uint64_t summary[SLABS / 64 / 64];
	_Atomic uint64_t word[SLABS / 64];
};

static struct {
	uintptr_t base;
	size_t bytes;
	_Atomic uint32_t *slab_of; /* for each page: number of the slab, or 0 */
	struct slab *slabs;
	struct notes *notes; /* [CPU][class] */
	roost_pool_t *pool;
	unsigned cpus;
	_Atomic uint32_t made;
	_Atomic uint64_t unused; /* counter | number of the first */
	_Atomic unsigned misuses;
	unsigned char class_of[LARGEST / 16 + 1];
	unsigned bytes_of[CLASSES];
} ground;

static void *reserve(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED)
		abort();
	return memory;
}

__attribute__((constructor)) static void begin(void)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;

	config.limit = (size_t)8 << 30;
	if (roost_pool_create(&ground.pool, &config))
		abort();
	ground.bytes = config.limit;
	ground.base = (uintptr_t)roost_pool_address(ground.pool, 0);
	ground.cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
	if (ground.cpus > CPUS)
		ground.cpus = CPUS;
	ground.slab_of = reserve((ground.bytes >> PAGE_SHIFT) * sizeof(*ground.slab_of));
	ground.slabs = reserve(SLABS * sizeof(*ground.slabs));
	ground.notes = reserve(CPUS * CLASSES * sizeof(*ground.notes));
	ground.made = 1;
	for (unsigned c = 0, i = 0; c < CLASSES; c++) {
		ground.bytes_of[c] = (unsigned)slab_bytes(class_size(c));
		for (; i * 16 <= class_size(c); i++)
			ground.class_of[i] = (unsigned char)c;
	}
}

static inline unsigned class_of(size_t size)
{
	return ground.class_of[(size + 15) / 16];
}

static COLD void misuse(void)
{
	ground.misuses++;
}

EXPORT unsigned objects_misuses(void);
EXPORT unsigned objects_misuses(void)
{
	return ground.misuses;
}

/* ---- From a pointer to its bit ------------------------------------------------------------ */

struct object {
	struct slab *slab;
	unsigned index, word;
	uint64_t bit;
};

/* False: neither does an object begin there, nor does the last one end there. */
static inline bool object_or_end_at(const void *pointer, struct object *object)
{
	uintptr_t offset = (uintptr_t)pointer - ground.base;
	uint32_t number, inside, i;

	if (offset >= ground.bytes)
		return false;
	number = rst_load_acq(&ground.slab_of[offset >> PAGE_SHIFT]);
	if (!number)
		return false;
	object->slab = &ground.slabs[number];
	inside = (uint32_t)((uintptr_t)pointer - object->slab->base);
	i = (uint32_t)((uint64_t)inside * object->slab->reciprocal >> 32);
	if (i * object->slab->size != inside)
		return false;
	object->index = i;
	object->word = i / 64;
	object->bit = (uint64_t)1 << i % 64;
	return true;
}

/* False: no object begins there. */
static inline bool object_at(const void *pointer, struct object *object)
{
	return object_or_end_at(pointer, object) && object->index < object->slab->count;
}

static inline void *object_at_index(const struct slab *slab, unsigned i)
{
	return (void *)(slab->base + (uintptr_t)i * slab->size);
}

static inline void *object_in(const struct slab *slab, unsigned word, uint64_t bits)
{
	return object_at_index(slab, word * 64 + (unsigned)__builtin_ctzll(bits));
}

static inline uint64_t full(const struct slab *slab, unsigned word)
{
	return word + 1 == slab->words ? slab->last : UINT64_MAX;
}

/* ---- Which slabs may have something ------------------------------------------------------- */

static inline struct notes *notes_of(unsigned cpu, unsigned class)
{
	return &ground.notes[cpu * CLASSES + class];
}

static inline uint32_t number_of(const struct slab *slab)
{
	return (uint32_t)(slab - ground.slabs);
}

static SLOW void note_in(struct notes *notes, struct slab *slab)
{
	uint32_t n = number_of(slab);

	if (atomic_exchange(&slab->noted, 1))
		return;
	atomic_fetch_or(&notes->word[n / 64], (uint64_t)1 << n % 64);
	atomic_fetch_or(&notes->summary[n / 4096], (uint64_t)1 << n / 64 % 64);
}

/* The caller looks at the slab once more afterwards. */
static void un_note_in(struct notes *notes, struct slab *slab)
{
	uint32_t n = number_of(slab);
	uint64_t bit = (uint64_t)1 << n % 64;

	if (atomic_fetch_and(&notes->word[n / 64], ~bit) == bit) {
		atomic_fetch_and(&notes->summary[n / 4096], ~((uint64_t)1 << n / 64 % 64));
		if (rst_load_sc(&notes->word[n / 64]))
			atomic_fetch_or(&notes->summary[n / 4096], (uint64_t)1 << n / 64 % 64);
	}
	atomic_store(&slab->noted, 0);
}

static struct slab *first_noted(struct notes *notes)
{
	for (unsigned i = 0; i < SLABS / 4096; i++) {
		uint64_t sum = rst_load_rlx(&notes->summary[i]);

		for (; sum; sum &= sum - 1) {
			unsigned w = i * 64 + (unsigned)__builtin_ctzll(sum);
			uint64_t bits = rst_load_rlx(&notes->word[w]);

			if (bits)
				return &ground.slabs[w * 64 + (unsigned)__builtin_ctzll(bits)];
		}
	}
	return NULL;
}

/* ---- Slabs come and go -------------------------------------------------------------------- */

static struct slab *unused_slab(void)
{
	uint64_t old = rst_load_acq(&ground.unused);

	while ((uint32_t)old) {
		struct slab *slab = &ground.slabs[(uint32_t)old];
		uint64_t next = ((old >> 32) + 1) << 32 | rst_load_rlx(&slab->next);

		if (atomic_compare_exchange_weak(&ground.unused, &old, next))
			return slab;
	}
	old = ground.made++;
	return old < SLABS ? &ground.slabs[old] : NULL;
}

static void slab_is_unused(struct slab *slab)
{
	uint64_t old = rst_load_rlx(&ground.unused);

	do
		rst_store_rlx(&slab->next, (uint32_t)old);
	while (!atomic_compare_exchange_weak(&ground.unused, &old,
					     ((old >> 32) + 1) << 32 | number_of(slab)));
}

static void set_slab_of(const struct slab *slab, uint32_t number)
{
	size_t page = (slab->base - ground.base) >> PAGE_SHIFT;

	for (size_t i = 0; i < ground.bytes_of[slab->class] >> PAGE_SHIFT; i++)
		rst_store_rel(&ground.slab_of[page + i], number);
}

/* A new slab, all of it free on one side. The caller alone knows of it, and opens it. */
static SLOW struct slab *new_slab(unsigned class, bool left)
{
	struct slab *slab = unused_slab();
	void *memory = slab ? roost_pool_alloc(ground.pool, ground.bytes_of[class],
					       class_size(class) > 1024 ? ROOST_RECLAIMABLE
									: ROOST_UNMOVABLE)
			    : NULL;

	if (!memory)
		return NULL;
	slab->base = (uintptr_t)memory;
	slab->size = class_size(class);
	slab->reciprocal = (uint32_t)((((uint64_t)1 << 32) + slab->size - 1) / slab->size);
	slab->count = ground.bytes_of[class] / slab->size;
	slab->class = (uint8_t) class;
	slab->words = (uint8_t)((slab->count + 63) / 64);
	slab->last = UINT64_MAX >> (slab->words * 64 - slab->count);
	for (unsigned w = 0; w < WORDS; w++)
		rst_store_rlx(&slab->l[w], left ? UINT64_MAX : 0);
	for (unsigned w = 0; w < slab->words; w++) {
		rst_store_rlx(&slab->r[w], left ? 0 : full(slab, w));
	}
	rst_store_rlx(&slab->noted, 0);
	set_slab_of(slab, number_of(slab));
	return slab;
}

/* The caller alone knows of it, and all of it is free. */
static SLOW void slab_is_empty(struct slab *slab)
{
	void *memory = (void *)slab->base;

	set_slab_of(slab, 0);
	slab_is_unused(slab);
	roost_pool_free(memory);
}

#endif
