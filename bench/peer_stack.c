/* SPDX-License-Identifier: MIT */
/*
 * peer_stack.c - a list of free objects of one size as a peer; new ones are carved off a mapping
 * that never goes back. BENCH_STACK says which: 1 Concurrency Kit's ck_stack, 2 liburcu's lfstack,
 * whose pop takes a mutex. Neither checks what is freed, and each writes a pointer into a free
 * object.
 */
#include <stdatomic.h>
#include <sys/mman.h>
#if BENCH_STACK == 1
#include <ck_md.h>
#include <ck_stack.h>
#define NAME	"ck"
#define VERSION CK_VERSION
#else
#include <urcu/lfstack.h>
#define NAME	"urcu"
#define VERSION NULL
#endif

#include "peer.h"

static _Atomic(char *) next;
static char *end;
static size_t object_size;

#if BENCH_STACK == 1
static ck_stack_t stack = CK_STACK_INITIALIZER;
#else
static struct cds_lfs_stack stack;
#endif

static bool stack_create(size_t size, uint64_t bytes)
{
	char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

#if BENCH_STACK == 2
	cds_lfs_init(&stack);
#endif
	if (memory == MAP_FAILED)
		return false;
	atomic_store(&next, memory);
	end = memory + bytes;
	object_size = size;
	return true;
}

static void *carve(void)
{
	char *object =
		atomic_fetch_add_explicit(&next, (ptrdiff_t)object_size, memory_order_relaxed);

	return object < end ? object : NULL;
}

static void *stack_alloc(void)
{
#if BENCH_STACK == 1
	void *object = ck_stack_pop_mpmc(&stack);
#else
	void *object = cds_lfs_pop_blocking(&stack);
#endif
	return object ? object : carve();
}

static void stack_free(void *object)
{
#if BENCH_STACK == 1
	ck_stack_push_mpmc(&stack, object);
#else
	cds_lfs_node_init(object);
	cds_lfs_push(&stack, object);
#endif
}

static const struct bench_objects objects = {
	.create = stack_create,
	.alloc = stack_alloc,
	.free = stack_free,
};

static const struct bench_peer peer = {
	.contract = BENCH_CONTRACT,
	.name = NAME,
	.version = VERSION,
	.objects = &objects,
};

const struct bench_peer *bench_peer(void)
{
	return &peer;
}
