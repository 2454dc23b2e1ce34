/* SPDX-License-Identifier: MIT */
/*
 * witness.h - did the executions of a job do what the scenario is about?
 *
 * To pass is worth nothing if no execution was where the bug could be: the lock was never taken,
 * the handler never came in between. So what each line "reach ..." of a scenario names must be
 * among what was noted (notes.h), or the outcome is "vacuous".
 */
#ifndef LAB_WITNESS_H
#define LAB_WITNESS_H

#include "scenario.h"

/* An execution is over: what the engine counted since the setup. Not all counters have a probe. */
void witness_counted(const struct roost_stats *before, const struct roost_stats *after);

/* Lists what the scenario wants of this path and no execution did; false: it is all there. */
bool witness_missing(const struct scenario *s, unsigned path, char *text, size_t size);
/* Lists which of the scenario's own locks and handlers met nobody; false: all did. */
bool witness_warning(const struct scenario *s, char *text, size_t size);

#endif
