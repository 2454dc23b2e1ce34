/* SPDX-License-Identifier: MIT */
/* adapter.c - see adapter.h. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapter.h"
#include "printable.h"
#include "say.h"

typedef const struct bench_peer *peer_fn(void);

static bool complete(const struct bench_peer *peer)
{
	return peer->name && peer->name[0] &&
	       (peer->objects || (peer->create && peer->destroy && peer->alloc && peer->free));
}

const struct bench_peer *adapter_load(const char *path, char reason[ADAPTER_REASON_MAX])
{
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	peer_fn *get = library ? (peer_fn *)(uintptr_t)dlsym(library, "bench_peer") : NULL;
	const struct bench_peer *peer = get ? get() : NULL;

	if (!library)
		printable_again(reason, ADAPTER_REASON_MAX, 0, dlerror());
	else if (!peer)
		snprintf(reason, ADAPTER_REASON_MAX, "it has no bench_peer(), see bench/peer.h");
	else if (peer->contract != BENCH_CONTRACT)
		snprintf(reason, ADAPTER_REASON_MAX,
			 "it was made for contract %u, this program has %d; compile it again",
			 peer->contract, BENCH_CONTRACT);
	else if (!complete(peer))
		snprintf(reason, ADAPTER_REASON_MAX,
			 "name, create, destroy, alloc or free is missing");
	else
		return peer;
	return NULL;
}

const struct bench_peer *adapter_of_option(const char *path)
{
	char reason[ADAPTER_REASON_MAX], full[PATH_MAX];
	const struct bench_peer *peer;

	if (!realpath(path, full))
		die("--peer=%s: %s", path, strerror(errno));
	peer = adapter_load(full, reason);
	if (!peer)
		die("--peer=%s: cannot be used: %s", path, reason);
	return peer;
}

const struct bench_peer *adapter_for_replay(const char *path)
{
	const struct bench_peer *peer = adapter_of_option(path);
	const char *why = peer->absent ? peer->absent() : NULL;

	if (why)
		die("--peer=%s: cannot be used: %s", path, why);
	if (!(peer->flags & BENCH_BOUNDED) || !(peer->flags & BENCH_FRAMES))
		die("--peer=%s: a replay needs a pool of a given size, whose blocks are frame "
		    "numbers "
		    "(BENCH_BOUNDED and BENCH_FRAMES in bench/peer.h)",
		    path);
	return peer;
}
