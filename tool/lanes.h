/* SPDX-License-Identifier: MIT */
/*
 * lanes.h - a replay in parallel: one thread for each virtual CPU, each taking the steps of its
 * CPU in the order of the trace.
 */
#ifndef TOOL_LANES_H
#define TOOL_LANES_H

#include "replay.h"

void lanes_run(struct replay *replay);

#endif
