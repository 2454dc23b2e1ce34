/* SPDX-License-Identifier: MIT */
/*
 * serve.c - the thread that answers requests: see roost/serve.h. report.c writes the answers.
 *
 * The thread has a table of descriptors of its own (clone(2), CLONE_FILES), made empty before it
 * opens anything. So the program's table never holds a descriptor of the server: whatever the
 * program closes, duplicates or hands to a child is its own, and the server's stay as they are.
 * The thread is ended by a signal that it has blocked, and reads from a descriptor (signalfd(2)).
 *
 * The registry's lock guards the state below. The thread holds it while it writes a report, so that
 * no pool disappears, but not while it reads or sends anything. So a client that hangs delays other
 * clients, and nothing else.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

/* The signal that wakes the thread. It is sent to that thread alone, which reads it from the
 * descriptor; the kernel never sends it. */
#ifdef SIGSTKFLT
#define WAKE SIGSTKFLT
#else
#define WAKE SIGPWR
#endif

/* Identifies a file by its number and time, since the numbers of files are used again. */
struct file_name {
	dev_t device;
	ino_t number;
	struct timespec made;
};

static struct {
	pid_t pid;	   /* the server; 0: none. A child finds its parent here */
	_Atomic bool stop; /* the thread is to end */
	pthread_t thread;
	struct sockaddr_un address;
	struct file_name
		file; /* the socket's; the thread writes it before it reports that it is up */
} server;

/* Thread sanitizer knows descriptors by their numbers, and confuses the thread's with the
 * program's. So the thread's accesses are hidden from it. Only programs that are built with it have
 * these functions. */
__attribute__((weak)) void AnnotateIgnoreReadsBegin(const char *file, int line);
__attribute__((weak)) void AnnotateIgnoreReadsEnd(const char *file, int line);
__attribute__((weak)) void AnnotateIgnoreWritesBegin(const char *file, int line);
__attribute__((weak)) void AnnotateIgnoreWritesEnd(const char *file, int line);

static void hide_descriptors(bool hide)
{
	if (!AnnotateIgnoreReadsBegin)
		return;
	if (hide) {
		AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
		AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
	} else {
		AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
		AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
	}
}

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
	sigset_t signals;

	if (!read_line(fd, line))
		return;
	if (!strcmp(line, "roost 1 stats") || !strcmp(line, "roost 1 map")) {
		hide_descriptors(false);
		rst_registry_enter(&signals, "the thread that serves");
		rst_report_pools(&report, !strcmp(line, "roost 1 map"));
		rst_registry_leave(&signals);
		hide_descriptors(true);
	} else {
		rst_report_error(&report, "ask: roost 1 stats, or: roost 1 map");
	}
	send_all(fd, report.text, report.length);
	rst_report_free(&report);
}

/* ---- The socket's file --------------------------------------------------------------------- */

static bool look_at(const char *path, struct file_name *file)
{
	struct stat found;

	if (lstat(path, &found) != 0 || !S_ISSOCK(found.st_mode))
		return false;
	*file = (struct file_name){found.st_dev, found.st_ino, found.st_mtim};
	return true;
}

static bool is_same(const struct file_name *a, const struct file_name *b)
{
	return a->device == b->device && a->number == b->number &&
	       a->made.tv_sec == b->made.tv_sec && a->made.tv_nsec == b->made.tv_nsec;
}

static bool has_own(void)
{
	struct file_name found;

	return look_at(server.address.sun_path, &found) && is_same(&found, &server.file);
}

/* Removes the socket's file, but not a file that another process put in its place. */
static void remove_own(void)
{
	if (has_own())
		unlink(server.address.sun_path);
}

/* A path that is too long for a socket counts as refused. */
static bool is_refused(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;
	bool is_stale;

	if (strlen(path) >= sizeof(address.sun_path))
		return true;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	is_stale = connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
		   errno == ECONNREFUSED;
	close(fd);
	return is_stale;
}

/* Removes a socket at which no process listens any more. (Files that are no sockets refuse a
 * connection too.) Another process may do the same, and may listen there by now. So this moves the
 * file aside and checks it again. And a server, which binds before it listens, checks afterwards
 * that its file is still there. */
static void remove_stale(const struct sockaddr_un *address)
{
	char aside[sizeof(address->sun_path) + 32];
	struct file_name stale, found;

	if (!look_at(address->sun_path, &stale) || !is_refused(address->sun_path))
		return;
	snprintf(aside, sizeof(aside), "%s.%ld", address->sun_path, (long)getpid());
	if (rename(address->sun_path, aside) != 0)
		return;
	if (!look_at(aside, &found) || !is_same(&found, &stale) || !is_refused(aside))
		(void)!link(aside, address->sun_path);
	unlink(aside);
}

static int open_socket(void)
{
	const struct sockaddr *address = (const struct sockaddr *)&server.address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), err;

	if (fd < 0)
		return -errno;
	remove_stale(&server.address);
	/* Set before bind(), which on Linux makes the file with this mode. So there is no instant
	 * at which others could connect. */
	if (fchmod(fd, S_IRUSR | S_IWUSR) != 0 || bind(fd, address, sizeof(server.address)) != 0) {
		err = -errno;
		close(fd);
		return err;
	}
	server.file = (struct file_name){0};
	look_at(server.address.sun_path, &server.file);
	err = listen(fd, BACKLOG) != 0 ? -errno : 0;
	/* Before it listened, connections were refused: another process may have removed the file,
	 * and serve there now. */
	if (!err && !has_own())
		err = -EADDRINUSE;
	if (err) {
		remove_own();
		close(fd);
		return err;
	}
	return fd;
}

/* ---- The thread ---------------------------------------------------------------------------- */

static int close_from(unsigned first, unsigned flags)
{
#ifdef SYS_close_range
	return (int)syscall(SYS_close_range, first, ~0u, flags);
#else
	(void)first;
	(void)flags;
	errno = ENOSYS;
	return -1;
#endif
}

enum { UNSHARE = 1 << 1, MOST_FDS = 1 << 20 };

/* How many descriptors may be in the thread's table. The limit may have been lowered below some
 * that are open; where /proc is missing, the limit has to do. */
static int table_size(void)
{
	int fd = open("/proc/thread-self/status", O_RDONLY | O_CLOEXEC);
	struct rlimit most = {.rlim_cur = MOST_FDS};
	char text[1024]; /* it comes early */
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	const char *found;

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	found = strstr(text, "\nFDSize:");
	if (found)
		return atoi(found + 8);
	getrlimit(RLIMIT_NOFILE, &most);
	return most.rlim_cur < MOST_FDS ? (int)most.rlim_cur : MOST_FDS;
}

/* A table of descriptors of the thread's own, with nothing in it. 0 or a negative errno. */
static int leave_table(void)
{
	int size;

	if (close_from(0, UNSHARE) == 0)
		return 0;
	if (unshare(CLONE_FILES) != 0) /* before Linux 5.9 */
		return -errno;
	close(0); /* the table may be full */
	size = table_size();
	for (int fd = 0; fd < size; fd++)
		close(fd);
	return 0;
}

/* What the thread has open: with numbers above those that messages are written to. */
static int open_all(struct pollfd p[2])
{
	int err = leave_table(), fd;
	sigset_t wake;

	if (err)
		return err;
	fd = open_socket();
	if (fd < 0)
		return fd;
	sigemptyset(&wake);
	sigaddset(&wake, WAKE);
	do {
		p[0] = (struct pollfd){.fd = fd, .events = POLLIN};
	} while (fd <= STDERR_FILENO && (fd = dup(fd)) >= 0);
	p[1] = (struct pollfd){.fd = signalfd(-1, &wake, SFD_CLOEXEC | SFD_NONBLOCK),
			       .events = POLLIN};
	if (fd < 0 || p[1].fd < 0) {
		err = -errno;
		remove_own();
	}
	return err;
}

static void serve_until_stopped(struct pollfd p[2])
{
	struct signalfd_siginfo woken;

	for (;;) {
		int client;

		if (poll(p, 2, -1) < 0)
			continue;
		if (atomic_load(&server.stop))
			return;
		if (p[1].revents)
			(void)!read(p[1].fd, &woken, sizeof(woken)); /* not from us */
		if (!p[0].revents)
			continue;
		client = accept4(p[0].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (client < 0) { /* out of descriptors, perhaps: try again later */
			poll(NULL, 0, 10);
			continue;
		}
		answer(client);
		close(client);
	}
}

/* The start, as the thread that starts the server sees it. */
struct start {
	sem_t done;
	int err;
};

static void *serve(void *arg)
{
	struct start *start = arg;
	struct pollfd p[2];
	int err;

	hide_descriptors(true);
	err = open_all(p);
	start->err = err;
	sem_post(&start->done); /* *start is gone from here on */
	if (!err)
		serve_until_stopped(p);
	hide_descriptors(false);
	return NULL; /* its table goes with it */
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

static int start_thread(void)
{
	struct start start = {.err = 0};
	sigset_t all, old;
	int err;

	sem_init(&start.done, 0, 0);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = -pthread_create(&server.thread, NULL, serve, &start);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err) {
		while (sem_wait(&start.done) != 0)
			;
		err = start.err;
		if (err)
			pthread_join(server.thread, NULL);
	}
	sem_destroy(&start.done);
	return err;
}

/* For a child of fork(), which has neither this thread nor its descriptors. */
static void forget_parent(void)
{
	server.pid = 0;
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
	if (!expand(path ? path : ROOST_SERVE_DEFAULT, address.sun_path, sizeof(address.sun_path)))
		return -EINVAL;
	server.address = address;
	atomic_store(&server.stop, false);
	err = start_thread();
	server.pid = err ? 0 : getpid();
	return err;
}

/* A thread that is cancelled leaves neither of them half done. */
int roost_pool_serve(const char *path)
{
	struct rst_pool_call call;
	sigset_t signals;
	int err;

	rst_pool_begin(&call);
	rst_registry_enter(&signals, "roost_pool_serve");
	err = start(path);
	rst_registry_leave(&signals);
	rst_pool_end(&call);
	return err;
}

/* True: the caller must stop the server. *wait: another thread is stopping it. */
static bool begin_stop(bool *wait)
{
	bool mine, is_up;
	sigset_t signals;

	rst_registry_enter(&signals, "roost_pool_serve_stop");
	is_up = server.pid == getpid();
	mine = is_up && !atomic_exchange(&server.stop, true);
	rst_registry_leave(&signals);
	*wait = is_up && !mine;
	return mine;
}

void roost_pool_serve_stop(void)
{
	struct rst_pool_call call;
	sigset_t signals;
	bool mine, wait;

	rst_pool_begin(&call);
	for (unsigned round = 0; mine = begin_stop(&wait), wait; round++)
		rst_pool_sleep(round);
	if (mine) {
		/* Waits without the lock, which the thread takes to answer. */
		pthread_kill(server.thread, WAKE);
		pthread_join(server.thread, NULL);
		rst_registry_enter(&signals, "roost_pool_serve_stop");
		remove_own();
		server.pid = 0;
		rst_registry_leave(&signals);
	}
	rst_pool_end(&call);
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

/* When the process exits: removes the socket's file, so that clients find no dead server. */
static __attribute__((destructor)) void remove_socket(void)
{
	if (server.pid && server.pid == getpid())
		remove_own();
}
