/* SPDX-License-Identifier: MIT */
/*
 * works.h - what changes a pool, or the table of pools, by system calls under a lock: each is the
 * work of a thread that a test stops in the middle (calls.h) or ends there.
 */
#ifndef TESTS_POOL_WORKS_H
#define TESTS_POOL_WORKS_H

#include "pools.h"

enum { LIMIT = 16 << 20, PAGES = LIMIT / PAGE };

/* The pool that they change. */
extern roost_pool_t *pool;

/* With all its memory, in pages of 4 KiB, of which only a trim gives some back. */
void works_open(void);
/* So that a trim has something to do: what is free has contents, and some of it is in whole
 * pageblocks; in others it is between blocks that live, if there are any. */
void works_free_pages(void);

void *works_trim(void *unused);
/* Shrinks the pool to the half and grows it to the limit. */
void *works_resize(void *unused);
/* Creates another pool with a thread, and destroys it. */
void *works_come_and_go(void *unused);

#endif
