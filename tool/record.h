/* SPDX-License-Identifier: MIT */
/*
 * record.h - `roost record`: the page events of this machine, for a replay.
 */
#ifndef TOOL_RECORD_H
#define TOOL_RECORD_H

/* The exit status. argv[0] is "record". */
int record_main(int argc, char **argv);

#endif
