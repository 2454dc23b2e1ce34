/* SPDX-License-Identifier: MIT */
/*
 * ends.h - the different memories that executions of a job ended with. What was judged once need
 * not be judged again, and how many there are tells whether a reduced search saw them all.
 */
#ifndef LAB_ENDS_H
#define LAB_ENDS_H

#include <stdbool.h>
#include <stdint.h>

void ends_forget(void);
bool ends_has(uint64_t hash);
/* Some ten thousand are kept. */
void ends_add(uint64_t hash);
unsigned ends_count(void);
/* All of them, in the order in which they came. */
const uint64_t *ends_list(void);

#endif
