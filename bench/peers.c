/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>

#include "peers.h"
#include "tool/common/adapter.h"
#include "tool/common/printable.h"
#include "tool/common/program.h"
#include "tool/common/say.h"

const char *const peer_names[] = {"sets",     "pcpbuddy", "buddy", "glibc", "jemalloc", "tcmalloc",
				  "mimalloc", "mmap",	  "ck",	   "urcu",  NULL};

static struct peer *add(struct peers *peers, const char *option, const char *name)
{
	struct peer *entry = &peers->list[peers->nr];
	char shown[sizeof(entry->name)];

	name = printable(shown, sizeof(shown), 0, name, strlen(name));
	for (unsigned i = 0; i < peers->nr; i++)
		if (!strcmp(peers->list[i].name, name))
			die("--%s: there are two peers \"%s\"; leave one out", option, name);
	if (peers->nr == PEERS_MOST)
		die("--%s: more than %d peers", option, PEERS_MOST);
	peers->nr++;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	return entry;
}

static void ask_absent(struct peer *entry)
{
	const char *why = entry->peer && entry->peer->absent ? entry->peer->absent() : NULL;

	if (!why)
		return;
	snprintf(entry->reason, sizeof(entry->reason), "%s", why);
	entry->peer = NULL;
}

void peers_add_named(struct peers *peers, const char *name)
{
	char path[PROGRAM_MAX];
	struct peer *entry;
	unsigned i = 0;

	while (peer_names[i] && strcmp(peer_names[i], name) != 0)
		i++;
	if (!peer_names[i])
		die("--peers: there is no peer \"%s\"; `roost bench --list` names them, and "
		    "--peer=PATH.so adds one",
		    name);
	entry = add(peers, "peers", name);
	program_shared(path, "peer", name);
	entry->peer = adapter_load(path, entry->reason);
	ask_absent(entry);
}

void peers_add_file(struct peers *peers, const char *path)
{
	const struct bench_peer *peer = adapter_of_option(path);
	struct peer *entry = add(peers, "peer", peer->name);

	entry->peer = peer;
	ask_absent(entry);
}

const char *peer_cannot(const struct peer *peer, const struct workload *workload)
{
	const struct bench_peer *p = peer->peer;
	const unsigned needs = workload->flags;

	if (!p)
		return peer->reason;
	if ((needs & NEEDS_OBJECTS) && !p->objects)
		return "it has no objects smaller than a frame";
	if (!(needs & NEEDS_OBJECTS) && !p->alloc)
		return "it has objects of one size, and no frames";
	if ((needs & NEEDS_BOUNDED) && !(p->flags & BENCH_BOUNDED))
		return "it has no pool of a size";
	if ((needs & NEEDS_BULK) && (!p->alloc_bulk || !p->free_bulk))
		return "it has no calls that take many";
	if ((needs & NEEDS_HANDLER) && !(p->flags & BENCH_FREE_IN_HANDLER))
		return "a signal handler must not free";
	if ((needs & NEEDS_HUGE) && !p->free_huge)
		return "it does not tell how many 2 MiB blocks are free";
	if ((needs & NEEDS_FRAMES) && !(p->flags & BENCH_FRAMES))
		return "its blocks are no frame numbers";
	if ((needs & NEEDS_METADATA) && !p->metadata)
		return "it does not tell what its metadata takes";
	return NULL;
}
