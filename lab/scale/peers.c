/* SPDX-License-Identifier: MIT */
/* peers.c - finds the allocators whose accesses are counted. */
#include <stdio.h>
#include <string.h>

#include "scale.h"
#include "tool/common/printable.h"
#include "tool/common/program.h"
#include "tool/common/say.h"

const char *const peer_names[] = {"sets",     "sets-no-pockets", "sets-no-wait",
				  "pcpbuddy", "buddy",		 NULL};

static struct peer *add(struct options *o, const char *option, const char *name)
{
	struct peer *entry = &o->peers[o->nr_peers];
	char shown[sizeof(entry->name)];

	name = printable(shown, sizeof(shown), 0, name, strlen(name));
	for (unsigned i = 0; i < o->nr_peers; i++)
		if (!strcmp(o->peers[i].name, name))
			die("--%s: there are two peers \"%s\"; leave one out", option, name);
	if (o->nr_peers == SCALE_PEERS)
		die("--%s: more than %d peers", option, SCALE_PEERS);
	o->nr_peers++;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	return entry;
}

void peers_add(struct options *o, const char *name)
{
	char path[PROGRAM_MAX];
	struct peer *entry;
	unsigned i = 0;

	while (peer_names[i] && strcmp(peer_names[i], name) != 0)
		i++;
	if (!peer_names[i])
		die("--peers: there is no peer \"%s\"; `roost scale --list` names them, and "
		    "--peer=PATH.so adds one",
		    name);
	entry = add(o, "peers", name);
	program_shared(path, "counted", name);
	entry->peer = adapter_load(path, entry->reason);
}

void peers_add_file(struct options *o, const char *path)
{
	const struct bench_peer *peer = adapter_of_option(path);
	struct peer *entry = add(o, "peer", peer->name);
	const char *why = peer->absent ? peer->absent() : NULL;

	if (!why && !(peer->flags & BENCH_BOUNDED))
		why = "it has no pool of a size (BENCH_BOUNDED in bench/peer.h)";
	if (why)
		snprintf(entry->reason, sizeof(entry->reason), "%s", why);
	else
		entry->peer = peer;
}

const struct bench_peer *peers_plain(const char *name, char reason[ADAPTER_REASON_MAX])
{
	char path[PROGRAM_MAX];

	program_shared(path, "peer", name);
	return adapter_load(path, reason);
}
