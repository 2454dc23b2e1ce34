/* SPDX-License-Identifier: MIT */
/*
 * live.h - asks a process that serves its statistics (roost/serve.h).
 */
#ifndef TOOL_LIVE_H
#define TOOL_LIVE_H

#include <jansson.h>
#include <sys/types.h>

/* The answer to "stats" or "map", or NULL and error says why. pid: whose answer is wanted, 0: of
 * any process that serves there. */
json_t *live_ask(const char *path, const char *what, pid_t pid, char error[]);

#endif
