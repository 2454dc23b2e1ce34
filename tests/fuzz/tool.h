/* SPDX-License-Identifier: MIT */
/* tool.h - what drivers of the tool's readers share. die() of the tool goes back to fuzz_try(). */
#ifndef TESTS_FUZZ_TOOL_H
#define TESTS_FUZZ_TOOL_H

#include "trace.h"

/* Everything was counted, and each event makes sense. */
void tool_check_trace(const struct trace *trace);
/* What was read can be planned, and nothing is lost on the way. */
void tool_check_plan(const struct trace *trace);

#endif
