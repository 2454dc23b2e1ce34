/* SPDX-License-Identifier: MIT */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peers.h"
#include "tool/common/printable.h"
#include "tool/common/say.h"

const char *const peer_names[] = {"sets",     "pcpbuddy", "buddy", "glibc", "jemalloc",
				  "tcmalloc", "mimalloc", "mmap",  NULL};

typedef const struct bench_peer *peer_fn(void);

/* In the folder of this program. */
static void path_of(char path[PATH_MAX + 64], const char *name)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		die("cannot find out where this program lies: %s", strerror(errno));
	while (length > 0 && self[length - 1] != '/')
		length--;
	snprintf(path, PATH_MAX + 64, "%.*sroost-peer-%.32s.so", (int)length, self, name);
}

static bool complete(const struct bench_peer *peer)
{
	return peer->name && peer->name[0] && peer->create && peer->destroy && peer->alloc &&
	       peer->free;
}

/* NULL: reason says why. */
static const struct bench_peer *load(const char *path, char reason[PEER_REASON_MAX])
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	peer_fn *get = library ? (peer_fn *)(uintptr_t)dlsym(library, "bench_peer") : NULL;
	const struct bench_peer *peer = get ? get() : NULL;

	if (!library)
		printable_again(reason, PEER_REASON_MAX, 0, dlerror());
	else if (!peer)
		snprintf(reason, PEER_REASON_MAX, "it has no bench_peer(), see bench/peer.h");
	else if (peer->contract != BENCH_CONTRACT)
		snprintf(reason, PEER_REASON_MAX,
			 "it was made for contract %u, this program has %d; compile it again",
			 peer->contract, BENCH_CONTRACT);
	else if (!complete(peer))
		snprintf(reason, PEER_REASON_MAX,
			 "name, create, destroy, alloc or free is missing");
	else
		return peer;
	return NULL;
}

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
	char path[PATH_MAX + 64];
	struct peer *entry;
	unsigned i = 0;

	while (peer_names[i] && strcmp(peer_names[i], name) != 0)
		i++;
	if (!peer_names[i])
		die("--peers: there is no peer \"%s\"; `roost bench --list` names them, and "
		    "--peer=PATH.so adds one",
		    name);
	entry = add(peers, "peers", name);
	path_of(path, name);
	entry->peer = load(path, entry->reason);
	ask_absent(entry);
}

void peers_add_file(struct peers *peers, const char *path)
{
	char reason[PEER_REASON_MAX], full[PATH_MAX];
	const struct bench_peer *peer;
	struct peer *entry;

	if (!realpath(path, full))
		die("--peer=%s: %s", path, strerror(errno));
	peer = load(full, reason);
	if (!peer)
		die("--peer=%s: cannot be used: %s", path, reason);
	entry = add(peers, "peer", peer->name);
	entry->peer = peer;
	ask_absent(entry);
}

const char *peer_cannot(const struct peer *peer, const struct workload *workload)
{
	const struct bench_peer *p = peer->peer;
	const unsigned needs = workload->flags;

	if (!p)
		return peer->reason;
	if ((needs & NEEDS_BOUNDED) && !(p->flags & BENCH_BOUNDED))
		return "it has no pool of a size";
	if ((needs & NEEDS_BULK) && (!p->alloc_bulk || !p->free_bulk))
		return "it has no calls that take many";
	if ((needs & NEEDS_HANDLER) && !(p->flags & BENCH_FREE_IN_HANDLER))
		return "a signal handler must not free";
	if ((needs & NEEDS_HUGE) && !p->free_huge)
		return "it does not tell how many 2 MiB blocks are free";
	if ((needs & NEEDS_METADATA) && !p->metadata)
		return "it does not tell what its metadata takes";
	return NULL;
}
