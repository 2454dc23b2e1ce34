/* SPDX-License-Identifier: MIT */
/*
 * faults.c - each system call of a pool's life goes wrong in turn:
 *
 *	pool_faults [SHAPE [MODE [CALL [NUMBER [ERROR]]]]]
 *
 * A process makes a pool, uses all of it and ends it. Another does the same, and the first call of
 * one kind fails; another, and the second fails; until there is none. So with each error, in each
 * of the modes below, with pools of several shapes. Each time it must end as it would without: what
 * failed said so, errno is as it was, nobody waits, nothing is lost or left behind, and all of the
 * pool can be had. With arguments only what they name is tried.
 */
#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <roost/pool.h>
#include <roost/serve.h>

#define MIB ((size_t)1 << 20)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

enum { PAGE = 4096, BLOCKS = 4096, SECONDS = 30, KEPT_ERRNO = 4711 };

/* ---- What is tried ------------------------------------------------------------------------- */

enum mode {
	FAILS,	      /* with an error */
	IS_LATE,      /* another thread does all kinds of things meanwhile */
	IS_CANCELLED, /* the thread is, and the call a cancellation point */
	FORKS,	      /* as in a handler: both go on from there */
	FORKS_RAW,    /* the same by _Fork() */
	OTHER_FORKS,  /* another thread does; the child has that thread alone */
	OTHER_FORKS_RAW,
	MODES
};

static const char *const mode_names[MODES] = {"fails",	   "late",	  "cancelled",	    "forks",
					      "forks-raw", "other-forks", "other-forks-raw"};

static const struct shape {
	const char *name;
	size_t limit, block; /* bytes; of which size all of it is taken */
	bool thread, nodes, huge;
	unsigned modes; /* bit i: mode i; the others are as with a plain one */
} shapes[] = {
	{.name = "plain", .limit = 8 * MIB, .block = PAGE, .modes = (1 << MODES) - 1},
	{.name = "thread",
	 .limit = 8 * MIB,
	 .block = PAGE,
	 .thread = true,
	 .modes = 1 << FAILS | 1 << IS_LATE | 1 << OTHER_FORKS},
	{.name = "huge",
	 .limit = 8 * MIB,
	 .block = PAGE,
	 .huge = true,
	 .modes = 1 << FAILS | 1 << OTHER_FORKS},
	{.name = "nodes",
	 .limit = 2048 * MIB,
	 .block = 128 * MIB,
	 .nodes = true,
	 .modes = 1 << FAILS | 1 << IS_LATE},
};

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

struct call {
	const char *name;
	int errors[3];
};

static const struct call calls[FAULTS_NR] = {
#define CALL(name, ...) {#name, {__VA_ARGS__}},
	FAULTS_CALLS(CALL)
#undef CALL
};

static struct plan {
	const struct shape *shape;
	enum mode mode;
	enum faults_call call;
	unsigned number; /* of the call; 0: none */
	int error;
} plan;

/* Seen by who started the process. */
static struct shared {
	unsigned calls[FAULTS_NR]; /* that were made */
	char doing[64], wrong[200];
} * shared;

enum { GOOD, NOT_REACHED, WRONG };

/* ---- The process that is tried ------------------------------------------------------------- */

static _Atomic bool armed, hit;
static bool runner_stands; /* in the call: what it has is as it says */
static _Atomic unsigned counts[FAULTS_NR];
static _Thread_local bool is_runner, is_helper;
static bool in_child, in_raw_child;
static pid_t child;

static roost_pool_t *pool; /* NULL while it is made or unmade */
static char *blocks[BLOCKS];
static unsigned nr_blocks;
static size_t in_flight; /* bytes that the call may be taking or giving */
static char socket_path[64];
static sem_t asked, met, through; /* the helper was; the caller may go on; the helper is */

static _Noreturn __attribute__((format(printf, 1, 2))) void wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(shared->wrong, sizeof(shared->wrong), format, args);
	va_end(args);
	_exit(WRONG);
}

#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			wrong("line %d: %s%s", __LINE__, #condition, in_child ? " (child)" : "");  \
	} while (0)

/* What an API call is between: the thread could be cancelled in it, and errno is kept. */
static void begin(const char *what, size_t bytes)
{
	int old;

	snprintf(shared->doing, sizeof(shared->doing), "%s%s", what, in_child ? " (child)" : "");
	in_flight = bytes;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	errno = KEPT_ERRNO;
}

static void end(int may_be)
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

static void fill(char *block)
{
	size_t size = roost_pool_usable_size(block);

	for (size_t i = 0; i < size; i += stride(size))
		*(char **)(void *)(block + i) = block + i;
}

static void check(char *block)
{
	size_t size = roost_pool_usable_size(block);

	MUST(size);
	for (size_t i = 0; i < size; i += stride(size))
		MUST(*(char **)(void *)(block + i) == block + i);
}

static char *get(size_t size, unsigned flags)
{
	char *block;

	begin("alloc", size > 4 * PAGE ? size : 4 * PAGE);
	block = roost_pool_alloc(pool, size, flags);
	if (block)
		blocks[nr_blocks++] = block;
	end(block ? KEPT_ERRNO : ENOMEM);
	if (block)
		fill(block);
	return block;
}

/* Must be had unless something went wrong. */
static void take(size_t size, unsigned flags)
{
	if (!get(size, flags))
		MUST(hit);
}

static void take_bulk(size_t size, unsigned n)
{
	void *some[64];
	size_t got;

	begin("alloc_bulk", n * size);
	got = roost_pool_alloc_bulk(pool, size, ROOST_WAIT, some, n);
	end(got < n ? ENOMEM : KEPT_ERRNO);
	MUST(got == n || hit);
	for (size_t i = 0; i < got; i++) {
		blocks[nr_blocks++] = some[i];
		fill(some[i]);
	}
}

static void put(unsigned i)
{
	char *block = blocks[i];
	size_t size = roost_pool_usable_size(block);

	check(block);
	blocks[i] = blocks[--nr_blocks];
	begin("free", size);
	roost_pool_free(block);
	end(KEPT_ERRNO);
}

static void put_all(void)
{
	while (nr_blocks > 40)
		put(nr_blocks - 1);
	for (unsigned i = 0; i < nr_blocks; i++)
		check(blocks[i]);
	begin("free_bulk", 40 * 2 * MIB);
	roost_pool_free_bulk((void *const *)blocks, nr_blocks);
	nr_blocks = 0;
	end(KEPT_ERRNO);
}

static void resize(size_t bytes)
{
	int err;

	begin("resize", 0);
	err = roost_pool_resize(pool, bytes);
	end(KEPT_ERRNO);
	MUST(!err || (hit && (err == -ENOMEM || err == -EAGAIN)));
}

static void trim(void)
{
	begin("trim", 0);
	roost_pool_trim(pool);
	end(KEPT_ERRNO);
}

/* Not a call of the pool: it knows nothing of forks. */
static void drain(void)
{
	if (plan.mode == FORKS || plan.mode == FORKS_RAW)
		return;
	begin("drain", 0);
	roost_drain(roost_pool_frames(pool), -1);
	end(KEPT_ERRNO);
}

static struct roost_pool_config config_of(const struct shape *shape)
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

static bool make(void)
{
	struct roost_pool_config config = config_of(plan.shape);
	roost_pool_t *made = NULL;
	int err;

	begin("create", 0);
	err = roost_pool_create(&made, &config);
	end(KEPT_ERRNO);
	MUST(!err || is_expected(err));
	pool = err ? NULL : made;
	return !err;
}

static void unmake(void)
{
	roost_pool_t *made = pool;

	pool = NULL;
	begin("destroy", 0);
	roost_pool_destroy(made);
	end(KEPT_ERRNO);
}

/* ---- The server's clients ------------------------------------------------------------------ */

static bool is_answered(void)
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

/* Unless it could not be told from another's or removed. */
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

static bool serve(void)
{
	int err;

	snprintf(socket_path, sizeof(socket_path), "/tmp/roost-faults-%d", (int)getpid());
	if (!child && !in_child)
		leave_stale();
	begin("serve", 0);
	err = roost_pool_serve(socket_path);
	end(KEPT_ERRNO);
	MUST(!err || is_expected_of_server(err));
	if (err && !child && !in_child)
		no_socket_stays();
	return !err;
}

static void end_serving(void)
{
	begin("serve_stop", 0);
	roost_pool_serve_stop();
	end(KEPT_ERRNO);
	if (!in_child && !child) /* it may be the other's */
		no_socket_stays();
	if (!in_child)
		unlink(socket_path);
}

/* ---- What is looked at --------------------------------------------------------------------- */

/* Bytes of address space, but for the heap. */
static size_t mapped(void)
{
	static char text[1 << 17];
	size_t length = 0, sum = 0;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	ssize_t n;

	while ((n = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
		length += (size_t)n;
	close(fd);
	text[length] = '\0';
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx", &from, &to) == 2 && !strstr(line, "[heap]") &&
		    !strstr(line, "[stack]"))
			sum += to - from;
	}
	return sum;
}

static unsigned open_fds(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* All of it can be had, and written to. */
static void all_is_there(void)
{
	size_t n = 0;

	MUST(roost_pool_resize(pool, plan.shape->limit) == 0);
	MUST(nr_blocks == 0);
	for (; n < BLOCKS; n++) {
		blocks[n] = roost_pool_alloc(pool, plan.shape->block, ROOST_WAIT);
		if (!blocks[n])
			break;
		if (n % 64 == 0 || plan.shape->nodes)
			*blocks[n] = 1;
	}
	if (n != plan.shape->limit / plan.shape->block)
		wrong("%zu blocks of %zu", n, plan.shape->limit / plan.shape->block);
	roost_pool_free_bulk((void *const *)blocks, n);
}

/* The decay thread may have some of it in its hands. */
static size_t used(void)
{
	struct roost_pool_info info;

	for (unsigned i = 0; i < 1000; i++) {
		roost_pool_info(pool, &info);
		if (!info.used)
			return 0;
		usleep(1000);
	}
	return info.used;
}

static void *live_elsewhere(void *arg)
{
	struct roost_pool_config config = config_of(&shapes[0]);
	roost_pool_t *other;
	int status;
	pid_t pid;

	(void)arg;
	is_helper = true;
	MUST(roost_pool_create(&other, &config) == 0);
	pid = fork();
	MUST(pid >= 0);
	if (pid == 0) {
		char *block = roost_pool_alloc(other, PAGE, 0);

		alarm(SECONDS);
		if (!block)
			_exit(1);
		*block = 1;
		roost_pool_free(block);
		roost_pool_destroy(other);
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0) == pid);
	MUST(status == 0);
	roost_pool_destroy(other);
	return NULL;
}

/* Locks are free: others make pools, end them, and fork. */
static void others_live(void)
{
	pthread_t thread;

	MUST(pthread_create(&thread, NULL, live_elsewhere, NULL) == 0);
	pthread_join(thread, NULL);
}

static void pool_is_right(void)
{
	struct roost_violation v;

	snprintf(shared->doing, sizeof(shared->doing), "looking%s", in_child ? " (child)" : "");
	if (in_raw_child)
		roost_pool_recover(pool);
	roost_drain(roost_pool_frames(pool), -1);
	MUST(used() == 0);
	if (!plan.shape->thread && roost_validate(roost_pool_frames(pool), &v))
		wrong("%s: pfn %llu", v.invariant, (unsigned long long)v.pfn);
	all_is_there();
	MUST(used() == 0);
}

/* What it does meanwhile has an end. */
static void wait_for_helper(void)
{
	if (plan.mode != IS_LATE || in_child)
		return;
	while (sem_wait(&through) != 0)
		;
	sem_post(&through);
}

/* ---- A pool's life ------------------------------------------------------------------------- */

static void use(void)
{
	bool served;

	take(PAGE, ROOST_WAIT);
	take(3 * PAGE, 0);
	take(16 * PAGE, ROOST_WAIT);
	take_bulk(2 * PAGE, 40);
	take(2 * MIB, ROOST_WAIT); /* grows */
	resize(6 * MIB);
	served = !plan.shape->nodes && serve(); /* it looks at each pageblock there is */
	if (served) {
		bool answered = is_answered();

		MUST(answered || hit);
		MUST(answered || is_answered()); /* it goes on */
	}
	while (nr_blocks > 4)
		put(nr_blocks - 3);
	resize(4 * MIB);
	trim();
	if (served)
		end_serving();
	for (unsigned i = 0; i < 1100; i++) { /* now and then something is given back */
		take(PAGE, 0);
		put(nr_blocks - 1);
	}
	drain();
	while (nr_blocks < 24 && get(2 * MIB, 0)) /* grows to the limit, and searches */
		;
	while (!plan.shape->nodes && get(PAGE, ROOST_WAIT))
		;
	put_all();
	resize(2 * MIB);
	resize(8 * MIB);
	trim();
}

static void live(void)
{
	size_t bytes;
	unsigned fds = open_fds();

	bytes = mapped();
	faults_fake_huge = plan.shape->huge;
	armed = true;
	if (make()) {
		use();
		armed = false;
		if (hit)
			wait_for_helper();
		pool_is_right();
		armed = !hit;
		unmake();
	}
	armed = false;
	if (hit)
		wait_for_helper();
	others_live();
	if (!SANITIZED && !(plan.mode == FAILS && plan.call == FAULTS_munmap) && !in_child &&
	    mapped() != bytes)
		wrong("%zd bytes more are mapped", (ssize_t)(mapped() - bytes));
	if (open_fds() != fds)
		wrong("%u descriptors were open, and %u are", fds, open_fds());
}

/* ---- What happens at the call -------------------------------------------------------------- */

static void do_at_once(void)
{
	char *some[8];

	if (!pool)
		return;
	for (unsigned i = 0; i < 64; i++) {
		for (unsigned j = 0; j < 8; j++)
			some[j] = roost_pool_alloc(pool, (size_t)PAGE << j % 4, 0);
		for (unsigned j = 0; j < 8; j++) {
			if (some[j])
				fill(some[j]);
			if (some[j])
				roost_pool_free(some[j]);
		}
	}
}

/* The caller goes on with its call meanwhile. */
static void do_what_waits(void)
{
	if (pool) {
		roost_pool_trim(pool);
		(void)roost_pool_resize(pool, 4 * MIB);
		(void)roost_pool_resize(pool, plan.shape->limit);
		roost_pool_trim(pool);
	}
	live_elsewhere(NULL);
}

/* The child of another thread's fork(): what the caller had in hand is nobody's. */
static _Noreturn void live_as_child(bool raw)
{
	struct roost_pool_info info;

	alarm(SECONDS);
	in_child = true;
	is_helper = true;
	armed = false;
	if (pool) {
		char *block;

		if (raw)
			roost_pool_recover(pool);
		MUST(roost_pool_resize(pool, plan.shape->limit) == 0);
		roost_pool_trim(pool);
		roost_drain(roost_pool_frames(pool), -1);
		MUST(roost_validate(roost_pool_frames(pool), NULL) == 0);
		roost_pool_info(pool, &info);
		MUST(info.set_aside == 0);
		if (runner_stands) {
			for (unsigned i = 0; i < nr_blocks; i++)
				check(blocks[i]);
			roost_pool_free_bulk((void *const *)blocks, nr_blocks);
			nr_blocks = 0;
			roost_pool_info(pool, &info);
			MUST(info.used <= in_flight);
			if (!in_flight)
				all_is_there();
		}
		block = roost_pool_alloc(pool, PAGE, ROOST_WAIT);
		MUST(block || info.used);
		roost_pool_free(block);
		roost_pool_destroy(pool);
	}
	others_live();
	_exit(GOOD);
}

static pid_t fork_by(bool raw)
{
	return raw ? _Fork() : fork();
}

static void *help(void *arg)
{
	bool raw = plan.mode == OTHER_FORKS_RAW;

	is_helper = true;
	sem_wait(&asked);
	if (plan.mode == IS_LATE) {
		do_at_once();
		sem_post(&met);
		do_what_waits();
	} else if (plan.mode == OTHER_FORKS || raw) {
		child = fork_by(raw);
		if (child == 0)
			live_as_child(raw);
		sem_post(&met);
	}
	sem_post(&through);
	return arg;
}

static void let_help(void)
{
	struct timespec end;

	sem_post(&asked);
	/* It may wait for what the caller has. */
	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += SANITIZED ? 2 : 1;
	while (sem_timedwait(&met, &end) != 0 && errno == EINTR)
		;
}

static void fork_here(bool raw)
{
	pid_t pid = fork_by(raw);

	MUST(pid >= 0);
	if (pid) {
		child = pid;
		return;
	}
	alarm(SECONDS);
	in_child = true;
	in_raw_child = raw;
}

/* Can the mode be tried in this thread, here? */
static bool is_of_mode(void)
{
	sigset_t blocked;

	switch (plan.mode) {
	case IS_CANCELLED: /* nobody knows the pool's own threads */
		return is_runner;
	case FORKS:
	case FORKS_RAW: /* no handler comes where all signals are blocked */
		pthread_sigmask(SIG_SETMASK, NULL, &blocked);
		return is_runner && !sigismember(&blocked, SIGUSR1);
	default:
		return true;
	}
}

int faults_at(enum faults_call call)
{
	int saved = errno, error = 0;

	if (!armed || is_helper || !is_of_mode())
		return 0;
	if (atomic_fetch_add(&counts[call], 1) + 1 != plan.number || call != plan.call)
		return 0;
	armed = false;
	hit = true;
	runner_stands = is_runner;
	switch (plan.mode) {
	case FAILS:
		error = plan.error;
		break;
	case IS_CANCELLED:
		pthread_cancel(pthread_self());
		pthread_testcancel();
		break;
	case FORKS:
	case FORKS_RAW:
		fork_here(plan.mode == FORKS_RAW);
		break;
	default:
		let_help();
	}
	errno = saved;
	return error;
}

/* ---- One try ------------------------------------------------------------------------------- */

static void cancelled(void *arg)
{
	(void)arg;
	wrong("%s: was cancelled in it", shared->doing);
}

static void *run(void *arg)
{
	int old;

	is_runner = true;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	pthread_cleanup_push(cancelled, NULL);
	live();
	if (in_child)
		_exit(GOOD);
	pthread_cleanup_pop(0);
	return arg;
}

static void wait_for_child(void)
{
	int status;

	if (!child)
		return;
	MUST(waitpid(child, &status, 0) == child);
	if (WIFSIGNALED(status))
		wrong("the child was killed by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status))
		_exit(WRONG); /* it said what is wrong */
}

static int try_once(void)
{
	pthread_t runner, helper;

	alarm(SECONDS);
	sem_init(&asked, 0, 0);
	sem_init(&met, 0, 0);
	sem_init(&through, 0, 0);
	MUST(pthread_create(&helper, NULL, help, NULL) == 0);
	MUST(pthread_create(&runner, NULL, run, NULL) == 0);
	pthread_join(runner, NULL);
	sem_post(&asked);
	pthread_join(helper, NULL);
	wait_for_child();
	for (unsigned i = 0; i < FAULTS_NR; i++)
		shared->calls[i] = counts[i];
	return hit ? GOOD : NOT_REACHED;
}

/* ---- All of them --------------------------------------------------------------------------- */

static unsigned tries, reached, failures;

/* False: there is no such call any more. */
static bool try_plan(void)
{
	int status;
	pid_t pid;

	*shared->wrong = *shared->doing = '\0';
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(try_once());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	tries++;
	if (WIFEXITED(status) && WEXITSTATUS(status) != WRONG)
		return WEXITSTATUS(status) == GOOD;
	failures++;
	printf("%s %s %s %u %d: %s\n", plan.shape->name, mode_names[plan.mode],
	       calls[plan.call].name, plan.number, plan.error,
	       *shared->wrong	     ? shared->wrong
	       : WIFSIGNALED(status) ? shared->doing
				     : "ended");
	if (WIFSIGNALED(status) && !*shared->wrong)
		printf("\tkilled by signal %d%s\n", WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? ": it hangs" : "");
	return true;
}

enum { MOST = 4000 }; /* calls of one kind; more would be a loop */
enum { TOLD = 5 };    /* failures of one kind; they look alike */

static void try_call(int argc, char **argv)
{
	unsigned first = argc > 4 ? (unsigned)atoi(argv[4]) : 1;
	unsigned last = argc > 4 ? first : MOST, before = failures;

	for (plan.number = first; plan.number <= last && failures < before + TOLD; plan.number++) {
		if (!try_plan())
			break;
		reached++;
	}
	if (plan.number > MOST) {
		printf("%s: no end of it\n", calls[plan.call].name);
		failures++;
	}
}

static void try_mode(int argc, char **argv)
{
	unsigned made[FAULTS_NR];

	plan.number = 0; /* all goes well: which calls are there? */
	plan.error = 0;
	if (try_plan())
		return;
	memcpy(made, shared->calls, sizeof(made));
	for (unsigned call = 0; call < FAULTS_NR; call++) {
		plan.call = (enum faults_call)call;
		if (!made[call] || (argc > 3 && strcmp(argv[3], calls[call].name) != 0))
			continue;
		for (unsigned i = 0; calls[call].errors[i]; i++) {
			plan.error = calls[call].errors[i];
			if (argc > 5 && plan.error != atoi(argv[5]))
				continue;
			try_call(argc, argv);
			if (plan.mode != FAILS)
				break;
		}
	}
}

static void *wait_for_all(void *barrier)
{
	pthread_barrier_wait(barrier);
	for (;;)
		pause();
	return NULL;
}

/* What the C library maps for itself, it keeps: that is so before anything is counted. */
static void warm_up(void)
{
	enum { THREADS = 8 };
	struct roost_pool_config config = config_of(&shapes[0]);
	pthread_t threads[THREADS];
	pthread_barrier_t barrier;
	pthread_attr_t attr;

	mallopt(M_ARENA_MAX, 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, SANITIZED ? 1 << 20 : 1 << 18);
	pthread_setattr_default_np(&attr);
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (unsigned i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, wait_for_all, &barrier) != 0)
			abort();
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_cancel(threads[i]); /* which loads what unwinds stacks */
		pthread_join(threads[i], NULL);
	}
	if (roost_pool_create(&pool, &config) != 0)
		abort();
	roost_pool_destroy(pool);
	pool = NULL;
}

int main(int argc, char **argv)
{
	warm_up();
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	for (unsigned s = 0; s < SHAPES; s++) {
		plan.shape = &shapes[s];
		if (argc > 1 && strcmp(argv[1], plan.shape->name) != 0)
			continue;
		for (unsigned mode = 0; mode < MODES; mode++) {
			plan.mode = (enum mode)mode;
			if (argc > 2 ? !strcmp(argv[2], mode_names[mode])
				     : plan.shape->modes >> mode & 1)
				try_mode(argc, argv);
		}
	}
	printf("%u tries, %u calls that went wrong, %u failures\n", tries, reached, failures);
	return failures || !reached;
}
