/* SPDX-License-Identifier: MIT */
/*
 * linux_pcp.h - what else the engine linux-pcp has.
 */
#ifndef LAB_ENGINES_LINUX_PCP_H
#define LAB_ENGINES_LINUX_PCP_H

#include <stdint.h>

#include <roost/roost.h>

/* The versions, in the place of enum roost_free_path. */
enum { LINUX_PCP_6_12, LINUX_PCP_6_1 };

/* The time of the trace goes on: what the vmstat workers do by then. */
void linux_pcp_clock(roost_t *roost, uint64_t now_ns);

#endif
