/* SPDX-License-Identifier: MIT */
/*
 * live.h - asks a process that serves its statistics (roost/serve.h).
 */
#ifndef TOOL_LIVE_H
#define TOOL_LIVE_H

#include <jansson.h>
#include <sys/types.h>

/* Returns the answer to "stats" or "map"; NULL: error says why. pid: the process that must answer;
 * 0: any. */
json_t *live_ask(const char *path, const char *what, pid_t pid, char error[]);

#endif
