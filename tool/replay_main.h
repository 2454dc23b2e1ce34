/* SPDX-License-Identifier: MIT */
/*
 * replay_main.h - a program with an engine in it, roost-replay-ENGINE.
 */
#ifndef TOOL_REPLAY_MAIN_H
#define TOOL_REPLAY_MAIN_H

#include "replay.h"
#include "tool/common/engine.h"

/* All of `roost replay`; the exit status. engine NULL: there is none of the name. own: see struct
 * replay. */
int replay_main(const struct engine *engine, replay_own_fn *own, int argc, char **argv);

#endif
