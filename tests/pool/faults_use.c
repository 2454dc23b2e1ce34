/* SPDX-License-Identifier: MIT */
/* faults_use.c - the calls of a pool, each judged by what it returns and does to errno. */
#define _GNU_SOURCE
#include "faults_try.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <roost/pool.h>
#include <roost/serve.h>

_Atomic bool armed, hit;
bool runner_stands;
_Atomic unsigned counts[FAULTS_NR];
_Thread_local bool is_runner, is_helper;
bool in_child, in_raw_child;
pid_t child;

roost_pool_t *pool;
char *blocks[BLOCKS];
unsigned nr_blocks;
size_t in_flight;
sem_t asked, met, through;
static char socket_path[64];

void wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(shared->wrong, sizeof(shared->wrong), format, args);
	va_end(args);
	_exit(WRONG);
}

/* What an API call is between: the thread could be cancelled in it, and errno is kept. */
void faults_begin(const char *what, size_t bytes)
{
	int old;

	snprintf(shared->doing, sizeof(shared->doing), "%s%s", what, in_child ? " (child)" : "");
	in_flight = bytes;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	errno = KEPT_ERRNO;
}

void faults_end(int may_be)
{
	int error = errno, old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	in_flight = 0;
	if (error != KEPT_ERRNO && error != may_be)
		wrong("%s: errno became %d", shared->doing, error);
}

/* ---- Calls --------------------------------------------------------------------------------- */

/* In each page, of large blocks in some. */
static size_t stride(size_t size)
{
	return size > 64 * PAGE ? size / 16 : PAGE;
}

void fill(char *block)
{
	size_t size = roost_pool_usable_size(block);

	for (size_t i = 0; i < size; i += stride(size))
		*(char **)(void *)(block + i) = block + i;
}

void check(char *block)
{
	size_t size = roost_pool_usable_size(block);

	MUST(size);
	for (size_t i = 0; i < size; i += stride(size))
		MUST(*(char **)(void *)(block + i) == block + i);
}

char *get(size_t size, unsigned flags)
{
	char *block;

	faults_begin("alloc", size > 4 * PAGE ? size : 4 * PAGE);
	block = roost_pool_alloc(pool, size, flags);
	if (block)
		blocks[nr_blocks++] = block;
	faults_end(block ? KEPT_ERRNO : ENOMEM);
	if (block)
		fill(block);
	return block;
}

/* Must succeed unless something went wrong. */
void take(size_t size, unsigned flags)
{
	if (!get(size, flags))
		MUST(hit);
}

void take_bulk(size_t size, unsigned n)
{
	void *some[64];
	size_t got;

	faults_begin("alloc_bulk", n * size);
	got = roost_pool_alloc_bulk(pool, size, ROOST_WAIT, some, n);
	faults_end(got < n ? ENOMEM : KEPT_ERRNO);
	MUST(got == n || hit);
	for (size_t i = 0; i < got; i++) {
		blocks[nr_blocks++] = some[i];
		fill(some[i]);
	}
}

void put(unsigned i)
{
	char *block = blocks[i];
	size_t size = roost_pool_usable_size(block);

	check(block);
	blocks[i] = blocks[--nr_blocks];
	faults_begin("free", size);
	roost_pool_free(block);
	faults_end(KEPT_ERRNO);
}

void put_all(void)
{
	while (nr_blocks > 40)
		put(nr_blocks - 1);
	for (unsigned i = 0; i < nr_blocks; i++)
		check(blocks[i]);
	faults_begin("free_bulk", 40 * 2 * MIB);
	roost_pool_free_bulk((void *const *)blocks, nr_blocks);
	nr_blocks = 0;
	faults_end(KEPT_ERRNO);
}

void resize(size_t bytes)
{
	int err;

	faults_begin("resize", 0);
	err = roost_pool_resize(pool, bytes);
	faults_end(KEPT_ERRNO);
	MUST(!err || (hit && (err == -ENOMEM || err == -EAGAIN)));
}

void trim(void)
{
	faults_begin("trim", 0);
	roost_pool_trim(pool);
	faults_end(KEPT_ERRNO);
}

/* Not a call of the pool: it knows nothing of forks. */
void drain(void)
{
	if (plan.mode == FORKS || plan.mode == FORKS_RAW)
		return;
	faults_begin("drain", 0);
	roost_drain(roost_pool_frames(pool), -1);
	faults_end(KEPT_ERRNO);
}

struct roost_pool_config config_of(const struct shape *shape)
{
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;

	config.limit = shape->limit;
	config.initial = config.step = 2 * MIB;
	config.decay_ms = 1;
	config.decay_thread = shape->thread;
	config.numa = shape->nodes;
	config.pages = shape->huge ? ROOST_PAGES_2M : ROOST_PAGES_NO_THP;
	return config;
}

static bool is_expected(int err)
{
	return hit && (err == -plan.error || err == -ENOMEM || err == -EAGAIN);
}

/* A child and its parent may want the same place to serve at. */
static bool is_expected_of_server(int err)
{
	return is_expected(err) || (hit && err == -EADDRINUSE) || in_child;
}

bool make(void)
{
	struct roost_pool_config config = config_of(plan.shape);
	roost_pool_t *made = NULL;
	int err;

	faults_begin("create", 0);
	err = roost_pool_create(&made, &config);
	faults_end(KEPT_ERRNO);
	MUST(!err || is_expected(err));
	pool = err ? NULL : made;
	return !err;
}

void unmake(void)
{
	roost_pool_t *made = pool;

	pool = NULL;
	faults_begin("destroy", 0);
	roost_pool_destroy(made);
	faults_end(KEPT_ERRNO);
}

/* ---- The server's clients ------------------------------------------------------------------ */

bool is_answered(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = 9};
	ssize_t n = 0, length = 0;
	char text[2048];
	int fd;

	is_helper = true;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	MUST(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	strcpy(address.sun_path, socket_path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    send(fd, "roost 1 stats\n", 14, MSG_NOSIGNAL) == 14)
		while ((n = recv(fd, text, sizeof(text), 0)) > 0)
			length += n;
	MUST(n >= 0 || errno == ECONNRESET || errno == EPIPE);
	close(fd);
	is_helper = false;
	return length > 100;
}

/* A socket at which nobody listens any more. */
static void leave_stale(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	is_helper = true;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	strcpy(address.sun_path, socket_path);
	MUST(bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	close(fd);
	is_helper = false;
}

/* Unless it could not be distinguished from another's or removed. */
static void no_socket_stays(void)
{
	static const enum faults_call calls_for_it[] = {FAULTS_lstat,  FAULTS_unlink,
							FAULTS_rename, FAULTS_connect,
							FAULTS_socket, FAULTS_pthread_create};
	bool had_to_go = true;

	for (unsigned i = 0; i < sizeof(calls_for_it) / sizeof(calls_for_it[0]); i++)
		had_to_go &= plan.mode != FAILS || plan.call != calls_for_it[i];
	if (had_to_go)
		MUST(access(socket_path, F_OK) != 0);
	unlink(socket_path);
}

bool serve(void)
{
	int err;

	snprintf(socket_path, sizeof(socket_path), "/tmp/roost-faults-%d", (int)getpid());
	if (!child && !in_child)
		leave_stale();
	faults_begin("serve", 0);
	err = roost_pool_serve(socket_path);
	faults_end(KEPT_ERRNO);
	MUST(!err || is_expected_of_server(err));
	if (err && !child && !in_child)
		no_socket_stays();
	return !err;
}

void end_serving(void)
{
	faults_begin("serve_stop", 0);
	roost_pool_serve_stop();
	faults_end(KEPT_ERRNO);
	if (!in_child && !child) /* it may be the other's */
		no_socket_stays();
	if (!in_child)
		unlink(socket_path);
}
