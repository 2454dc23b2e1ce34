/* SPDX-License-Identifier: MIT */
/*
 * exhaust_table.h - the table that the exhaustion test publishes: how often allocations that
 * did not wait failed, and how many frames were free then.
 */
#ifndef TESTS_EXHAUST_TABLE_H
#define TESTS_EXHAUST_TABLE_H

#include <stdint.h>

void table_head(void);
/* Adds to the line that comes next; samples: free frames at failures. */
void table_add(uint64_t attempts, uint64_t failures, const uint32_t *samples, unsigned count);
/* Prints the line and begins a new one. */
void table_line(unsigned cpus, const char *path);

#endif
