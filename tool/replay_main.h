/* SPDX-License-Identifier: MIT */
/*
 * replay_main.h - a program with an engine in it, roost-replay-ENGINE.
 */
#ifndef TOOL_REPLAY_MAIN_H
#define TOOL_REPLAY_MAIN_H

#include "tool/common/engine.h"

/* All of `roost replay`; the exit status. engine NULL: there is none of the name. */
int replay_main(const struct engine *engine, int argc, char **argv);

#endif
