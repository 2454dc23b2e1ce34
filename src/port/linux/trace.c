// SPDX-License-Identifier: MIT OR GPL-2.0
/* trace.c - the tracepoints themselves. */
#include <linux/module.h>

#define CREATE_TRACE_POINTS
#include "trace.h"

EXPORT_TRACEPOINT_SYMBOL_GPL(roost_alloc);
EXPORT_TRACEPOINT_SYMBOL_GPL(roost_free);
EXPORT_TRACEPOINT_SYMBOL_GPL(roost_free_remote);
EXPORT_TRACEPOINT_SYMBOL_GPL(roost_zone_lock);
EXPORT_TRACEPOINT_SYMBOL_GPL(roost_count);
