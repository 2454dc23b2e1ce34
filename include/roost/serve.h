/* SPDX-License-Identifier: MIT */
/*
 * serve.h - publishes a process's pool statistics on a UNIX socket: `roost top`, `roost map
 * --live`, a script.
 *
 * Nothing is served unless it is asked for: by roost_pool_serve(), or by ROOST_SERVE=PATH in the
 * environment when the process makes its first pool (an empty PATH means ROOST_SERVE_DEFAULT). In a
 * path %p is the process's number.
 *
 * The path is a UNIX socket with mode 0600. One thread answers, with all signals blocked, one
 * client after the other; a client has 2 seconds to ask, and 5 to take the answer. Allocations and
 * frees know nothing of it. Making and destroying pools waits while an answer is put together
 * (not while it is sent): about 0.1 s for a TiB of pools. fork() does not.
 *
 * That thread has a table of descriptors of its own. So the program's has none of the server's, and
 * neither closefrom(3) nor dup2(2) nor a child reaches them. A file that somebody else puts in the
 * socket's place stays there when the server ends.
 *
 * The child of a fork() does not serve; it may under another path. The parent's socket stays the
 * parent's.
 *
 * Protocol, version 1. The client sends one line, and the server answers with one line, a JSON
 * object, and closes the connection:
 *
 *	roost 1 stats		the pools, their zones, CPUs and counters
 *	roost 1 map		the same, and the pageblocks of each pool
 *
 *	{"roost":1, "report":"pools", "pid":N, "program":"NAME", "time_ns":T (CLOCK_MONOTONIC),
 *	 "pools":[POOL...]}
 *	{"roost":1, "error":"TEXT"}
 *
 * A POOL has the fields of struct roost_pool_info, "resident" (bytes, or null: more than 16 GiB are
 * not counted), "zones" (as struct roost_zone_info; "blocks": a list for each type, of blocks by
 * order), "cpus" (each with "pageblocks" that it owns, frames "free" in them, and since the
 * beginning "allocs", "frees", "failed"), "counters" (as struct roost_stats), and "fill": how many
 * pageblocks are whole and free, less than a quarter, half, three quarters and less than all in
 * use, all in use, and part of a large block in use (what is out of use is none of these).
 * "caches" are those of roost_pool_slabs(), as struct roost_cache_stats, and "free", objects.
 * "slabs" comes with "pageblocks": [first pfn, frames] of each pageblock in which slabs have that
 * many frames. "pageblocks" are runs [first pfn, frames, zone, owner, type, usable, free, largest,
 * block, whole] of pageblocks that are alike, by struct roost_pageblock_info. Names are ASCII: any
 * other byte of them is \xNN, and so is a backslash before an x. New fields may come; none goes or
 * changes its meaning within a version.
 */
#ifndef ROOST_SERVE_H
#define ROOST_SERVE_H

#include <roost/pool.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ROOST_SERVE_DEFAULT "/tmp/roost-%p.sock"

/*
 * Begins to serve. path NULL: ROOST_SERVE_DEFAULT. Thread context. 0, or -EINVAL (the path is too
 * long), -EALREADY (this process serves already), -EADDRINUSE (another serves there, or something
 * is there that is no socket), or what socket(2), bind(2), pthread_create(3), close_range(2) (Linux
 * 5.9) or else unshare(2), signalfd(2) say.
 */
int roost_pool_serve(const char *path);

/* Ends it, removes the socket. Waits for the answer that is being sent. Thread context. */
void roost_pool_serve_stop(void);

#ifdef __cplusplus
}
#endif

#endif
