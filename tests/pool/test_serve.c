/* SPDX-License-Identifier: MIT */
/*
 * test_serve.c - serving statistics: a client that asks gets an answer, one that asks wrong gets an
 * error, and one that hangs holds up no other.
 */
#include "pools.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <roost/serve.h>

static char path[64];

static int connect_to(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* What is answered, as text; the caller frees it. */
static char *ask(const char *line)
{
	size_t length = 0, room = 1 << 22;
	char *text = calloc(1, room);
	int fd = connect_to(path);
	ssize_t n;

	assert_non_null(text);
	assert_true(fd >= 0);
	assert_int_equal(send(fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
	while ((n = recv(fd, text + length, room - 1 - length, 0)) > 0)
		length += (size_t)n;
	close(fd);
	return text;
}

static void expect(const char *line, const char *wanted)
{
	char *text = ask(line);

	assert_non_null(strstr(text, wanted));
	free(text);
}

static int begin(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/roost-test-%d.sock", (int)getpid());
	assert_int_equal(roost_pool_serve(path), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	roost_pool_serve_stop();
	assert_int_equal(access(path, F_OK), -1);
	return 0;
}

static void all_pools_are_told(void **state)
{
	struct roost_pool_config config = pool_config(8 * MIB, NULL);
	roost_pool_t *pool;
	void *block;

	(void)state;
	expect("roost 1 stats\n", "\"pools\":[]}");
	config.name = "a \"name\"";
	pool = pool_open(&config);
	block = pool_get(pool, MIB);
	expect("roost 1 stats\n", "\"name\":\"a \\\"name\\\"\"");
	expect("roost 1 stats\n", "{\"roost\":1,\"report\":\"pools\",\"pid\":");
	expect("roost 1 stats\n", "\"used\":1048576,");
	expect("roost 1 stats\n", "\"alloc_zone\":1,");
	expect("roost 1 map\n", "\"pageblocks\":[[0,512,0,");
	roost_pool_free(block);
	pool_close(pool);
	expect("roost 1 stats\n", "\"pools\":[]}");
}

static void caches_are_told(void **state)
{
	struct roost_pool_config config = pool_config(8 * MIB, NULL);
	roost_pool_t *pool = pool_open(&config);
	roost_cache_t *cache;
	void *object;

	(void)state;
	expect("roost 1 stats\n", "\"caches\":[]");
	expect("roost 1 map\n", "\"slabs\":[]");
	assert_int_equal(
		roost_cache_create(&cache, roost_pool_slabs(pool), "a \"name\"", 64, 0, 0, NULL),
		0);
	object = roost_cache_alloc(cache, 0);
	assert_non_null(object);
	expect("roost 1 stats\n",
	       "\"caches\":[{\"name\":\"a \\\"name\\\"\",\"size\":64,\"stride\":64,"
	       "\"slab_order\":3,\"slab_objects\":512,\"slabs\":1,\"objects\":512,"
	       "\"allocated\":1,\"free\":511,\"quarantined\":0,\"waste\":0,\"made\":1,\"released\":"
	       "0,"
	       "\"stolen\":0,\"failed\":0,\"misused\":0}]");
	expect("roost 1 map\n", ",8]]");
	roost_cache_free(cache, object);
	assert_int_equal(roost_cache_destroy(cache, NULL), 0);
	expect("roost 1 map\n", "\"caches\":[]");
	pool_close(pool);
}

static void *stop_and_look(void *gone)
{
	struct stat s;

	roost_pool_serve_stop();
	*(bool *)gone = stat(path, &s) != 0;
	return NULL;
}

/* The server is with a client that says nothing: two ask it to stop, and each finds it gone. */
static void who_stops_waits_for_the_end(void **state)
{
	bool gone[2] = {false, false};
	int client = connect_to(path);
	pthread_t thread;

	(void)state;
	assert_true(client >= 0);
	assert_int_equal(pthread_create(&thread, NULL, stop_and_look, &gone[0]), 0);
	stop_and_look(&gone[1]);
	pthread_join(thread, NULL);
	close(client);
	assert_true(gone[0] && gone[1]);
	assert_int_equal(roost_pool_serve(path), 0);
}

static void nonsense_is_told_so(void **state)
{
	char *text;

	(void)state;
	expect("roost 2 stats\n", "{\"roost\":1,\"error\":");
	expect("GET / HTTP/1.0\n", "{\"roost\":1,\"error\":");
	expect("\n", "{\"roost\":1,\"error\":");
	text = ask(
		"a line that is longer than any that there is, and that goes on and on until the "
		"server is tired of it, which is after one hundred and twenty-eight bytes\n");
	assert_string_equal(text, ""); /* cut off without an answer */
	free(text);
}

static void only_the_owner_may_ask(void **state)
{
	struct stat s;

	(void)state;
	assert_int_equal(stat(path, &s), 0);
	assert_true(S_ISSOCK(s.st_mode));
	assert_int_equal(s.st_mode & 0777, 0600);
}

static void paths(void **state)
{
	char longest[200];
	FILE *file;

	(void)state;
	assert_int_equal(roost_pool_serve("/tmp/another"), -EALREADY);
	roost_pool_serve_stop();
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(roost_pool_serve(longest), -EINVAL);
	assert_int_equal(roost_pool_serve(""), -EINVAL);
	assert_int_equal(roost_pool_serve("/nowhere/x"), -ENOENT);
	file = fopen(path, "w"); /* a file is not removed */
	assert_non_null(file);
	fclose(file);
	assert_int_equal(roost_pool_serve(path), -EADDRINUSE);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
	assert_int_equal(roost_pool_serve("/tmp/roost-test-%p.sock"), 0);
	expect("roost 1 stats\n", "\"pools\":[]}");
}

/* Pools come, are used and go beside a client that never asks, and is let go after 2 s: how many of
 * 100 before that. */
static unsigned pools_beside(int silent)
{
	struct roost_pool_config config = pool_config(64 * MIB, NULL);
	struct pollfd p = {.fd = silent, .events = POLLIN};
	unsigned n = 0;

	while (n < 100) {
		roost_pool_t *pool = pool_open(&config);

		roost_pool_free(pool_get(pool, 4096));
		pool_close(pool);
		if (poll(&p, 1, 0))
			break;
		n++;
	}
	return n;
}

enum { BESIDE = 10 };

/* A client that never asks and one that never reads. If a pool waited for the first one, no more
 * would go before that is let go than before the server turns to it; a slow machine needs another
 * try at most. */
static void who_hangs_hinders_no_pool(void **state)
{
	int silent = -1, deaf;
	unsigned n = 0;
	struct pollfd p;

	(void)state;
	for (unsigned tries = 0; tries < 3 && n < BESIDE; tries++) {
		if (silent >= 0)
			close(silent);
		silent = connect_to(path);
		assert_true(silent >= 0);
		n = pools_beside(silent);
	}
	assert_in_range(n, BESIDE, 100);
	p = (struct pollfd){.fd = silent, .events = POLLIN};
	deaf = connect_to(path);
	assert_true(deaf >= 0);
	assert_int_equal(send(deaf, "roost 1 map\n", 12, MSG_NOSIGNAL), 12);
	expect("roost 1 stats\n", "\"pools\":[]}"); /* after 2 s, when the silent one is let go */
	assert_int_equal(poll(&p, 1, 0), 1);
	close(silent);
	close(deaf);
}

/* Pools go while others look. */
static void destroy_while_somebody_looks(void **state)
{
	struct roost_pool_config config = pool_config(64 * MIB, NULL);

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		roost_pool_t *pool = pool_open(&config);
		int fd = connect_to(path);
		char byte;

		assert_true(fd >= 0);
		assert_int_equal(send(fd, "roost 1 map\n", 12, MSG_NOSIGNAL), 12);
		if (i % 2)
			assert_int_equal(recv(fd, &byte, 1, 0), 1);
		pool_close(pool);
		close(fd);
	}
	expect("roost 1 stats\n", "\"pools\":[]}");
}

enum { FDS = 256 };

/* Which descriptors the process has, and of what. */
struct table {
	struct stat of[FDS];
	bool is_open[FDS];
};

static void look_at(struct table *table)
{
	for (int fd = 0; fd < FDS; fd++)
		table->is_open[fd] = fstat(fd, &table->of[fd]) == 0;
}

static bool is_as_before(const struct table *before)
{
	struct table now;
	bool same = true;

	look_at(&now);
	for (int fd = 0; fd < FDS; fd++)
		same &= now.is_open[fd] == before->is_open[fd] &&
			(!now.is_open[fd] || (now.of[fd].st_dev == before->of[fd].st_dev &&
					      now.of[fd].st_ino == before->of[fd].st_ino));
	return same;
}

/* Nothing in the program's table of descriptors is the server's: so the program may close and
 * duplicate what it likes, in itself and in its children, and both keep what they have. */
static void descriptors_are_the_programs(void **state)
{
	struct table before, mine;
	int status;
	pid_t child;

	(void)state;
	roost_pool_serve_stop();
	look_at(&before);
	assert_int_equal(roost_pool_serve(path), 0);
	assert_true(is_as_before(&before));
	expect("roost 1 stats\n", "\"pools\":[]}");
	for (int fd = STDERR_FILENO + 1; fd < FDS; fd++) /* as a daemon does, with closefrom() */
		close(fd);
	for (int fd = STDERR_FILENO + 1; fd < 32; fd++)
		assert_int_equal(open("/dev/null", O_WRONLY), fd);
	for (int fd = 32; fd < 64; fd++)
		assert_int_equal(dup2(STDERR_FILENO, fd), fd);
	look_at(&mine);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		roost_pool_serve_stop(); /* not this one's */
		_exit(!is_as_before(&mine));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	expect("roost 1 stats\n", "\"pools\":[]}"); /* it serves on */
	roost_pool_serve_stop();
	assert_true(is_as_before(&mine));
	for (int fd = STDERR_FILENO + 1; fd < 64; fd++)
		close(fd);
	assert_int_equal(roost_pool_serve(path), 0);
}

/* What another puts in the socket's place stays there. */
static void files_of_others_stay(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), status;
	pid_t child;

	(void)state;
	assert_true(fd >= 0);
	/* The same number and time would be the same file. */
	nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
	assert_int_equal(unlink(path), 0);
	strcpy(address.sun_path, path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	roost_pool_serve_stop();
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(roost_pool_serve(path), -EADDRINUSE);
	assert_int_equal(access(path, F_OK), 0);
	/* A process that ends without roost_pool_serve_stop(). */
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		snprintf(path, sizeof(path), "/tmp/roost-test-%d.sock", (int)getpid());
		exit(roost_pool_serve(path) || unlink(path) || !fopen(path, "w"));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	snprintf(path, sizeof(path), "/tmp/roost-test-%d.sock", (int)child);
	assert_int_equal(unlink(path), 0);
	snprintf(path, sizeof(path), "/tmp/roost-test-%d.sock", (int)getpid());
	/* Nobody listens there any more: that goes. */
	close(fd);
	assert_int_equal(roost_pool_serve(path), 0);
}

static void *stop(void *unused)
{
	(void)unused;
	roost_pool_serve_stop();
	return NULL;
}

/* By several at once, and then once more. */
static void stopped_by_several(void **state)
{
	pthread_t threads[4];

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, stop, NULL), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(access(path, F_OK), -1);
	roost_pool_serve_stop();
	assert_int_equal(roost_pool_serve(path), 0);
	expect("roost 1 stats\n", "\"pools\":[]}");
}

/* The child does not serve, its end leaves the parent's socket, and it may serve anew. */
static void children(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	assert_true(child >= 0);
	if (child == 0) {
		int err = roost_pool_serve("/tmp/roost-test-%p.sock");

		snprintf(path, sizeof(path), "/tmp/roost-test-%d.sock", (int)getpid());
		if (!err)
			expect("roost 1 stats\n", "\"pools\":[]}");
		exit(err != 0); /* the socket goes with it */
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	expect("roost 1 stats\n", "\"pools\":[]}");
	snprintf(path, sizeof(path), "/tmp/roost-test-%d.sock", (int)child);
	assert_int_equal(access(path, F_OK), -1);
	snprintf(path, sizeof(path), "/tmp/roost-test-%d.sock", (int)getpid());
}

/* In shared memory: the thread that serves has a table of descriptors of its own. */
struct gate {
	sem_t is_bound, may_listen;
};

static struct gate *gate; /* NULL: open */

int listen(int fd, int backlog)
{
	if (gate) {
		sem_post(&gate->is_bound);
		sem_wait(&gate->may_listen);
	}
	return (int)syscall(SYS_listen, fd, backlog);
}

/* One has bound and does not listen yet as the other begins: one of them says that it serves. */
static void begun_by_two(void **state)
{
	struct gate *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t child;

	(void)state;
	assert_true(shared != MAP_FAILED);
	roost_pool_serve_stop();
	sem_init(&shared->is_bound, 1, 0);
	sem_init(&shared->may_listen, 1, 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		gate = shared;
		_exit(roost_pool_serve(path) != -EADDRINUSE);
	}
	sem_wait(&shared->is_bound);
	assert_int_equal(roost_pool_serve(path), 0);
	sem_post(&shared->may_listen);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	expect("roost 1 stats\n", "\"pools\":[]}");
	munmap(shared, sizeof(*shared));
}

/* As on a kernel that cannot close a range of descriptors. */
static bool forbid_close_range(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_close_range, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = 4, .filter = filter};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

enum { HIGH_FD = 200 };

/* 0: the reader sees the end of a pipe whose last descriptor, above the limit, is closed. */
static int close_above_the_limit(void)
{
	struct rlimit lowered = {.rlim_cur = HIGH_FD / 2, .rlim_max = HIGH_FD / 2};
	struct pollfd p = {.events = POLLIN};
	int ends[2];

	if (pipe(ends) || dup2(ends[1], HIGH_FD) < 0 || close(ends[1]) ||
	    setrlimit(RLIMIT_NOFILE, &lowered))
		return 2;
	if (forbid_close_range() && roost_pool_serve("/tmp/roost-test-%p.sock"))
		return 3;
	close(HIGH_FD);
	p.fd = ends[0];
	return poll(&p, 1, 0) != 1;
}

static void descriptors_above_the_limit(void **state)
{
	int status;
	pid_t child = fork();

	(void)state;
	assert_true(child >= 0);
	if (child == 0)
		exit(close_above_the_limit());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(all_pools_are_told, begin, end),
		cmocka_unit_test_setup_teardown(caches_are_told, begin, end),
		cmocka_unit_test_setup_teardown(who_stops_waits_for_the_end, begin, end),
		cmocka_unit_test_setup_teardown(nonsense_is_told_so, begin, end),
		cmocka_unit_test_setup_teardown(only_the_owner_may_ask, begin, end),
		cmocka_unit_test_setup_teardown(paths, begin, end),
		cmocka_unit_test_setup_teardown(who_hangs_hinders_no_pool, begin, end),
		cmocka_unit_test_setup_teardown(destroy_while_somebody_looks, begin, end),
		cmocka_unit_test_setup_teardown(children, begin, end),
		cmocka_unit_test_setup_teardown(descriptors_are_the_programs, begin, end),
		cmocka_unit_test_setup_teardown(files_of_others_stay, begin, end),
		cmocka_unit_test_setup_teardown(stopped_by_several, begin, end),
		cmocka_unit_test_setup_teardown(begun_by_two, begin, end),
		cmocka_unit_test_setup_teardown(descriptors_above_the_limit, begin, end),
	};

	return cmocka_run_group_tests_name("serve", tests, NULL, NULL);
}
