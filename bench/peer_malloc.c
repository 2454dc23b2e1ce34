/* SPDX-License-Identifier: MIT */
/*
 * peer_malloc.c - a malloc as a peer: blocks by its aligned_alloc(), objects by its malloc().
 * Compiled once for each: BENCH_NAME is its name, BENCH_LIBRARY what is loaded, "" for the C
 * library's own.
 *
 * The library is loaded beside the C library's malloc, which all else goes on using. Its version is
 * that of the file's name: not each of them can be asked.
 *
 * Blocks are aligned to 4 KiB, not to their size: that is kinder to a malloc than what is asked of
 * the others.
 */
#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gnu/libc-version.h>

#include "peer.h"

typedef void *aligned_alloc_fn(size_t alignment, size_t size);
typedef void *malloc_fn(size_t size);
typedef void free_fn(void *memory);

static aligned_alloc_fn *allocate;
static malloc_fn *allocate_object;
static free_fn *release;
static char version[PATH_MAX];
static char reason[512];

static void find_version(void)
{
	char real[PATH_MAX];
	Dl_info info;

	if (!BENCH_LIBRARY[0])
		snprintf(version, sizeof(version), "%s", gnu_get_libc_version());
	else if (dladdr((void *)(uintptr_t)allocate, &info) && realpath(info.dli_fname, real))
		snprintf(version, sizeof(version), "%s", strrchr(real, '/') + 1);
}

static const char *malloc_absent(void)
{
	void *library = RTLD_DEFAULT;

	if (allocate)
		return NULL;
	if (BENCH_LIBRARY[0])
		library = dlopen(BENCH_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (BENCH_LIBRARY[0] && !library) {
		snprintf(reason, sizeof(reason), "%s", dlerror());
		return reason;
	}
	allocate = (aligned_alloc_fn *)(uintptr_t)dlsym(library, "aligned_alloc");
	release = (free_fn *)(uintptr_t)dlsym(library, "free");
	allocate_object = (malloc_fn *)(uintptr_t)dlsym(library, "malloc");
	if (!allocate || !release || !allocate_object)
		return BENCH_LIBRARY " has no aligned_alloc(), malloc() or free()";
	find_version();
	return NULL;
}

static bool malloc_create(const struct bench_pool *pool)
{
	(void)pool;
	return allocate != NULL;
}

static void malloc_destroy(void)
{
}

static uint64_t malloc_alloc(unsigned order)
{
	const size_t frame = (size_t)1 << BENCH_FRAME_SHIFT;
	void *block = allocate(frame, frame << order);

	return block ? (uint64_t)(uintptr_t)block : BENCH_NONE;
}

static void malloc_free(uint64_t block, unsigned order)
{
	(void)order;
	release((void *)(uintptr_t)block);
}

/* ---- Objects ---------------------------------------------------------------------------- */

static size_t object_size;

static bool malloc_create_objects(size_t size, uint64_t bytes)
{
	(void)bytes;
	object_size = size;
	return true;
}

static void *malloc_object(void)
{
	return allocate_object(object_size);
}

static void malloc_free_object(void *object)
{
	release(object);
}

static const struct bench_objects objects = {
	.create = malloc_create_objects,
	.alloc = malloc_object,
	.free = malloc_free_object,
};

static const struct bench_peer peer = {
	.contract = BENCH_CONTRACT,
	.name = BENCH_NAME,
	.version = version,
	.absent = malloc_absent,
	.create = malloc_create,
	.destroy = malloc_destroy,
	.alloc = malloc_alloc,
	.free = malloc_free,
	.objects = &objects,
};

const struct bench_peer *bench_peer(void)
{
	return &peer;
}
