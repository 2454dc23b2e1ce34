/* SPDX-License-Identifier: MIT */
/* rounds.h - CPUs are taken off-line and brought back, one at a time, while all others work. */
#ifndef KERNEL_ROUNDS_H
#define KERNEL_ROUNDS_H

#include <stdbool.h>
#include <stdint.h>

struct rounds {
	uint64_t done;
	uint64_t away_steps; /* that the boot CPU made while one was away */
};

extern struct rounds rounds;

/* Goes on with it if there is something to go on with; the boot CPU's thread calls it after each
 * step. False: no CPU is on its way. */
bool rounds_step(bool begin);

#endif
