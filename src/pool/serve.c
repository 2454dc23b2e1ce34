/* SPDX-License-Identifier: MIT */
/*
 * serve.c - the thread that answers: see roost/serve.h. What is said is in report.c.
 *
 * The registry's lock guards the state below, and is held while a report is written, so that no
 * pool goes. It is not held while anything is read or sent: a client that hangs delays other
 * clients, and nothing else.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "pool/report.h"
#include "roost/serve.h"

enum {
	ASK_MS = 2000,
	ANSWER_MS = 5000,
	LINE_MAX_BYTES = 128,
	BACKLOG = 8,
};

static struct {
	pid_t pid;   /* who serves; 0: nobody. A child finds its parent here */
	int fd;	     /* listens */
	int stop[2]; /* a pipe; its end is closed when the thread is to end */
	pthread_t thread;
	struct sockaddr_un address;
} server;

/* ---- Clients ------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits until there is something to do, at most until the deadline. */
static bool is_ready(int fd, short events, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left = deadline - now_ms();

	return left > 0 && poll(&p, 1, (int)left) == 1;
}

static bool read_line(int fd, char line[LINE_MAX_BYTES])
{
	int64_t deadline = now_ms() + ASK_MS;
	size_t length = 0;

	while (length < LINE_MAX_BYTES - 1 && is_ready(fd, POLLIN, deadline)) {
		ssize_t n = recv(fd, line + length, LINE_MAX_BYTES - 1 - length, 0);
		char *end;

		if (n <= 0)
			return false;
		length += (size_t)n;
		line[length] = '\0';
		end = strchr(line, '\n');
		if (end) {
			*end = '\0';
			return true;
		}
	}
	return false;
}

static void send_all(int fd, const char *text, size_t length)
{
	int64_t deadline = now_ms() + ANSWER_MS;

	while (length && is_ready(fd, POLLOUT, deadline)) {
		ssize_t n = send(fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno != EAGAIN)
			return;
		if (n > 0) {
			text += n;
			length -= (size_t)n;
		}
	}
}

static void answer(int fd)
{
	struct rst_report report = {0};
	char line[LINE_MAX_BYTES];

	if (!read_line(fd, line))
		return;
	if (!strcmp(line, "roost 1 stats") || !strcmp(line, "roost 1 map")) {
		rst_pool_lock(&rst_registry_lock);
		rst_report_pools(&report, !strcmp(line, "roost 1 map"));
		rst_pool_unlock(&rst_registry_lock);
	} else {
		rst_report_error(&report, "ask: roost 1 stats, or: roost 1 map");
	}
	send_all(fd, report.text, report.length);
	rst_report_free(&report);
}

static void *serve(void *unused)
{
	struct pollfd p[2] = {{.fd = server.fd, .events = POLLIN},
			      {.fd = server.stop[0], .events = POLLIN}};

	(void)unused;
	for (;;) {
		int client;

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents)
			return NULL;
		client = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client < 0) { /* out of descriptors, perhaps: not in a hurry */
			poll(NULL, 0, 10);
			continue;
		}
		answer(client);
		close(client);
	}
}

/* ---- Begin and end ------------------------------------------------------------------------- */

/* Writes the path with the process's number in it; false: it is too long. */
static bool expand(const char *path, char *to, size_t room)
{
	size_t length = 0;

	for (; *path; path++) {
		int n;

		if (path[0] == '%' && path[1] == 'p') {
			n = snprintf(to + length, room - length, "%ld", (long)getpid());
			path++;
		} else {
			n = snprintf(to + length, room - length, "%c", *path);
		}
		if (n < 0 || (size_t)n >= room - length)
			return false;
		length += (size_t)n;
	}
	return length > 0;
}

/* Removes a socket at which nobody listens any more. Other files refuse a connection too. */
static void remove_stale(const struct sockaddr_un *address)
{
	struct stat file;
	int fd;

	if (lstat(address->sun_path, &file) != 0 || !S_ISSOCK(file.st_mode))
		return;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
	    errno == ECONNREFUSED)
		unlink(address->sun_path);
	close(fd);
}

static int open_socket(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	remove_stale(address);
	/* Before bind(), which on Linux makes the file with this mode: there is no instant at which
	 * others could connect. */
	if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 ||
	    bind(fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
		err = -errno;
		close(fd);
		return err;
	}
	if (listen(fd, BACKLOG) != 0) {
		err = -errno;
		unlink(address->sun_path);
		close(fd);
		return err;
	}
	return fd;
}

static int start_thread(void)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&server.thread, NULL, serve, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -err;
}

static void close_all(void)
{
	close(server.fd);
	close(server.stop[0]);
	close(server.stop[1]);
	server.pid = 0;
}

/* In a child of fork(): or a client would wait for it when the parent is gone. After _Fork() the
 * descriptors stay until the child serves. */
static void forget_parent(void)
{
	if (server.pid)
		close_all();
}

/* The registry's lock is held. */
static int start(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	static bool hooked;
	int err;

	if (!hooked)
		hooked = !pthread_atfork(NULL, NULL, forget_parent);
	if (server.pid == getpid())
		return -EALREADY;
	if (server.pid) /* the parent's; here they are of no use */
		close_all();
	if (!expand(path ? path : ROOST_SERVE_DEFAULT, address.sun_path, sizeof(address.sun_path)))
		return -EINVAL;
	if (pipe2(server.stop, O_CLOEXEC) != 0)
		return -errno;
	server.address = address;
	server.fd = open_socket(&address);
	err = server.fd < 0 ? server.fd : start_thread();
	if (!err) {
		server.pid = getpid();
		return 0;
	}
	if (server.fd >= 0) {
		unlink(address.sun_path);
		close(server.fd);
	}
	close(server.stop[0]);
	close(server.stop[1]);
	return err;
}

int roost_pool_serve(const char *path)
{
	int err;

	rst_fork_init();
	rst_pool_lock(&rst_registry_lock);
	err = start(path);
	rst_pool_unlock(&rst_registry_lock);
	return err;
}

void roost_pool_serve_stop(void)
{
	bool mine = server.pid == getpid();

	if (!mine)
		return;
	/* Not under the lock, which the thread takes to answer. */
	(void)!write(server.stop[1], "", 1);
	pthread_join(server.thread, NULL);
	rst_pool_lock(&rst_registry_lock);
	unlink(server.address.sun_path);
	close_all();
	rst_pool_unlock(&rst_registry_lock);
}

void rst_serve_from_environment(void)
{
	static _Atomic bool looked;
	const char *path;
	int err;

	if (atomic_exchange(&looked, true))
		return;
	path = secure_getenv("ROOST_SERVE");
	if (!path)
		return;
	err = roost_pool_serve(*path ? path : NULL);
	if (err)
		fprintf(stderr, "roost: ROOST_SERVE=%s: %s\n", path, strerror(-err));
}

/* The file is gone when the process is; the thread still answers nobody. */
static __attribute__((destructor)) void remove_socket(void)
{
	if (server.pid && server.pid == getpid())
		unlink(server.address.sun_path);
}
