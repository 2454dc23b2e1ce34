/* SPDX-License-Identifier: MIT */
/* report.h - what was done, and whether it was enough. */
#ifndef KERNEL_REPORT_H
#define KERNEL_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/* Each rung was used by now. */
bool report_is_complete(void);

/* For a run that takes too long: what each CPU did. */
void report_progress(void);

/* Everything, with the free frames of the start and the end. */
void report(uint64_t before, uint64_t after);

#endif
