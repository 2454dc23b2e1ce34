/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* rungs.h - what each counter must be in each context. Why: rungs.c. */
#ifndef RST_LINUX_RUNGS_H
#define RST_LINUX_RUNGS_H

enum kt_context {
	KT_IN_TASK,
	KT_IN_SOFTIRQ,
	KT_IN_HARDIRQ,
	KT_IN_NMI,
	KT_NR_CONTEXTS,
};

/* Bits: contexts in which it must have been counted, and must not. */
struct kt_rung {
	unsigned int must, never;
};

/* Of a counter, by its place (counters.h), with the engine that there is. */
struct kt_rung kt_rung(unsigned int counter);

#endif
