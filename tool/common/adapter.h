/* SPDX-License-Identifier: MIT */
/*
 * adapter.h - loads an allocator that is not ours: a shared object by the contract of bench/peer.h.
 */
#ifndef TOOL_ADAPTER_H
#define TOOL_ADAPTER_H

#include "bench/peer.h"

enum { ADAPTER_REASON_MAX = 320 };

/* NULL: reason says why. The path has a slash in it. */
const struct bench_peer *adapter_load(const char *path, char reason[ADAPTER_REASON_MAX]);

/* Of --peer=PATH; ends the program if there is none. */
const struct bench_peer *adapter_of_option(const char *path);

/* The same, for a replay, which asks for more. */
const struct bench_peer *adapter_for_replay(const char *path);

#endif
