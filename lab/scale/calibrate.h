/* SPDX-License-Identifier: MIT */
/*
 * calibrate.h - holds the model against time, on two processors of this machine.
 *
 * What a transfer costs is measured by two threads that hand a line to and fro, and what an access
 * costs by one thread that runs the workload. With both the model predicts how long two take, and
 * that is held against what two took, in medians.
 */
#ifndef SCALE_CALIBRATE_H
#define SCALE_CALIBRATE_H

#include "model.h"

enum { CALIBRATE_RUNS = 7, CALIBRATE_OPS = 4096 };

/* Of a workload and a peer, in ns for each allocation with its free. */
struct calibration {
	const struct work *work;
	const char *peer;
	char error[WORK_ERROR_MAX];
	double one, two;  /* measured, with one thread and with two */
	double transfers; /* modelled, on two CPUs */
	double predicted;
};

/* How long a line takes from one processor to the other, in ns. 0: there are no two; error says
 * why. */
double calibrate_transfer(char error[WORK_ERROR_MAX]);

/* The peer as it is, not instrumented. Fills in one and two, or error. */
void calibrate_measure(struct calibration *c, const struct bench_peer *peer, uint64_t seed);

static inline void calibrate_pause(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

#endif
