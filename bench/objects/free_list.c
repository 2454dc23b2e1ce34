/* SPDX-License-Identifier: MIT */
/*
 * free_list.c - for comparison: a list of free objects of one size, new ones carved off a mapping
 * that never goes back. LIST says which: 0 an array of pointers of one thread (the floor: nothing
 * is checked and nobody else may use it), 1 Concurrency Kit's ck_stack, 2 liburcu's lfstack,
 * whose pop takes a mutex.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#if LIST == 1
#include <ck_stack.h>
#elif LIST == 2
#include <urcu/lfstack.h>
#endif

#define EXPORT __attribute__((visibility("default")))

EXPORT void *objects_alloc(size_t size);
EXPORT void objects_free(void *pointer);

static char *next;

#if LIST == 0
static void **array, **top;
#elif LIST == 1
static ck_stack_t stack = CK_STACK_INITIALIZER;
#else
static struct cds_lfs_stack stack;
#endif

__attribute__((constructor)) static void begin(void)
{
	next = mmap(NULL, (size_t)8 << 30, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (next == MAP_FAILED)
		abort();
#if LIST == 0
	top = array = malloc(sizeof(*array) << 20);
#elif LIST == 2
	cds_lfs_init(&stack);
#endif
}

static void *carve(size_t size)
{
	return __atomic_fetch_add(&next, (size + 15) & ~(size_t)15, __ATOMIC_RELAXED);
}

void *objects_alloc(size_t size)
{
#if LIST == 0
	return top == array ? carve(size) : *--top;
#else
#if LIST == 1
	void *object = ck_stack_pop_mpmc(&stack);
#else
	void *object = cds_lfs_pop_blocking(&stack);
#endif
	return object ? object : carve(size);
#endif
}

void objects_free(void *pointer)
{
#if LIST == 0
	*top++ = pointer;
#elif LIST == 1
	ck_stack_push_mpmc(&stack, pointer);
#else
	struct cds_lfs_node *node = pointer;

	cds_lfs_node_init(node);
	cds_lfs_push(&stack, node);
#endif
}
