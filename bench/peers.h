/* SPDX-License-Identifier: MIT */
/*
 * peers.h - the peers that are found: those that lie beside this program, and those that are named.
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include <stdbool.h>

#include "peer.h"
#include "tool/common/adapter.h"
#include "workload.h"

enum { PEERS_MOST = 32, PEER_REASON_MAX = ADAPTER_REASON_MAX };

struct peer {
	char name[32];
	const struct bench_peer *peer; /* NULL: absent, and reason says why */
	char reason[PEER_REASON_MAX];
};

struct peers {
	struct peer list[PEERS_MOST];
	unsigned nr;
};

extern const char *const peer_names[]; /* of those beside this program; NULL ends */

/* One of those. If it is not there, it is absent. Ends the program if the name makes no sense. */
void peers_add_named(struct peers *peers, const char *name);

/* Anybody's. Ends the program if it is no peer. */
void peers_add_file(struct peers *peers, const char *path);

/* Why the peer cannot do the workload, or NULL: it can. */
const char *peer_cannot(const struct peer *peer, const struct workload *workload);

#endif
