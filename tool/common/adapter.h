/* SPDX-License-Identifier: MIT */
/*
 * adapter.h - loads a user's allocator: a shared object that keeps to the contract of bench/peer.h.
 */
#ifndef TOOL_ADAPTER_H
#define TOOL_ADAPTER_H

#include "bench/peer.h"

enum { ADAPTER_REASON_MAX = 320 };

/* Loads the adapter; NULL: reason says why. The path contains a slash. */
const struct bench_peer *adapter_load(const char *path, char reason[ADAPTER_REASON_MAX]);

/* Loads the adapter of --peer=PATH; ends the program if that fails. */
const struct bench_peer *adapter_of_option(const char *path);

/* The same, for a replay, which needs more from an adapter. */
const struct bench_peer *adapter_for_replay(const char *path);

#endif
