/* SPDX-License-Identifier: MIT */
/*
 * step.h - counts instructions of parts of this program, on any processor, with signals blocked or
 * not: another process stops it after each of them (ptrace).
 *
 * A count is exact: instructions of the program, not of the kernel. One that repeats (rep movs)
 * counts each time. Each costs the machine a few microseconds. One thread alone.
 */
#ifndef TOOL_STEP_H
#define TOOL_STEP_H

#include <stdbool.h>
#include <stdint.h>

/* From here on a child does all that the caller would have done. The caller's process only counts,
 * and ends as the child does. False: error says why, and nothing has changed. */
bool step_begin(char error[]);

/* The child counts on alone no more, which it must before it makes threads or processes. */
void step_end(void);

/* Counts from 0, until step_off(). step_count(): so far. */
void step_on(void);
uint64_t step_count(void);
void step_off(void);

#endif
