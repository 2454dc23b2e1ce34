/* SPDX-License-Identifier: MIT */
/*
 * tracing.h - the page events of the machine that this runs on, as the kernel writes them in text.
 *
 * They are recorded in an instance of tracefs of their own, so other tracing is not disturbed, and
 * when it is removed everything is as it was before.
 */
#ifndef TOOL_TRACING_H
#define TOOL_TRACING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The events of all CPUs are in order. */
#define TRACING_CLOCK "global"

struct tracefs_instance;

struct tracing {
	struct tracefs_instance *instance; /* NULL: none is open */
	int pipe;			   /* trace_pipe, which does not block; or -1 */
};

/* Makes the instance with buffers of that many bytes for each CPU, and begins. False: nothing is
 * left behind, and error (say.h) says what is missing and what to do. */
bool tracing_open(struct tracing *tracing, uint64_t buffer, char error[]);

/* Text of whole lines that has come since, or 0: there is none now. -1: it cannot be read. */
long tracing_read(struct tracing *tracing, char *text, size_t room);

/* No more events; those that are there can still be read. Also of what is not open. */
void tracing_stop(struct tracing *tracing);

enum { TRACING_CPUS = 8192 };

/* Events that were lost because nobody read them in time, or because an interrupt came at the wrong
 * moment: of each CPU below TRACING_CPUS, and of all. */
uint64_t tracing_lost(const struct tracing *tracing, uint64_t by_cpu[TRACING_CPUS]);

/* Removes the instance. Also of what is not open. */
void tracing_close(struct tracing *tracing);

#endif
