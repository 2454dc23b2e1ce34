/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* bench_ours.h - what roost_bench.ko has more than bench.h: roost.ko. */
#ifndef BENCH_OURS_H
#define BENCH_OURS_H

#include "bench.h"
#include "roost/roost.h"

/* roost.ko by its pages, and by its engine's calls. */
extern const struct bench_peer bench_roost, bench_pfn;

/* What those calls work on. */
extern roost_t *bench_engine;

/* bench_time.c */
int bench_time(const char *work, unsigned int order, unsigned int cpus, unsigned int rounds);

#endif
