/* SPDX-License-Identifier: MIT */
/* model.h - a workload of one peer on virtual CPUs, in a process of its own. */
#ifndef SCALE_MODEL_H
#define SCALE_MODEL_H

#include "work.h"

struct result {
	char error[WORK_ERROR_MAX]; /* "": none */
	struct counts counts[KINDS];
	double elapsed; /* in accesses of a CPU */
	bool cut;	/* fewer turns than were asked for, or a shorter warm-up */
};

/* Memory for a result, which the process shares. */
struct result *model_memory(void);

void model_run(struct result *result, const struct work *work, const struct bench_peer *peer,
	       unsigned cpus, unsigned ops, uint64_t seed, unsigned latency);

#endif
