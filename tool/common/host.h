/* SPDX-License-Identifier: MIT */
/*
 * host.h - the machine that the program runs on, without which times are worth nothing.
 */
#ifndef TOOL_HOST_H
#define TOOL_HOST_H

#include <jansson.h>

/* Processor, architecture, kernel, number of cores, governor, memory, load; null: unknown. */
json_t *host_describe(void);

#endif
