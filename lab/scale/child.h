/* SPDX-License-Identifier: MIT */
/* child.h - does something in a process of its own: a peer has one pool in a process. */
#ifndef SCALE_CHILD_H
#define SCALE_CHILD_H

#include <stddef.h>

typedef void child_fn(void *context);

/* Zeroed memory that the process shares. */
void *child_memory(size_t size) __attribute__((returns_nonnull));

/* NULL: it ended well; else what happened, which stays until the next call. */
const char *child_run(child_fn *run, void *context);

#endif
