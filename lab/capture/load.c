/* SPDX-License-Identifier: MIT */
/*
 * load.c - what scripts/capture runs in its guest, each a load that hurts a page allocator:
 *
 *	load net PAIRS MIB	bulk TCP over the loopback: pages are freed when the receiver's
 *				acknowledgement comes, in softirq
 *	load pressure MIB ROUNDS
 *				memory that is free to take (MADV_FREE) beyond what there is,
 *				so that kswapd reclaims it
 *	load purge THREADS ROUNDS	threads touch regions, and other threads purge them
 *				(MADV_DONTNEED), as the background threads of a malloc do
 *	load exit PROCESSES MIB	processes touch memory and exit all at once
 *
 * Exits with 1 and a message if anything fails.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 4096, CHUNK = 256 << 10, REGION = 2 << 20, THREADS_MAX = 16 };

static void check(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static char *map(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(memory != MAP_FAILED, "mmap");
	return memory;
}

static void touch(char *memory, size_t size)
{
	for (size_t i = 0; i < size; i += PAGE)
		((volatile char *)memory)[i] = 1;
}

static void start(pthread_t *thread, void *(*function)(void *), void *argument)
{
	errno = pthread_create(thread, NULL, function, argument);
	check(!errno, "pthread_create");
}

/* ---- net -------------------------------------------------------------------------------- */

static size_t net_bytes;

static void *send_all(void *argument)
{
	static char data[CHUNK];
	const int fd = *(int *)argument;

	for (size_t sent = 0; sent < net_bytes;) {
		const ssize_t n = write(fd, data, sizeof(data));

		check(n > 0, "write");
		sent += (size_t)n;
	}
	close(fd);
	return NULL;
}

static void *receive_all(void *argument)
{
	const int fd = *(int *)argument;
	char *data = map(CHUNK);
	ssize_t n;

	while ((n = read(fd, data, CHUNK)) > 0)
		;
	check(n == 0, "read");
	return NULL;
}

static void connect_pair(int fds[2])
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t length = sizeof(at);
	const int listener = socket(AF_INET, SOCK_STREAM, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(listener >= 0 && bind(listener, (struct sockaddr *)&at, sizeof(at)) == 0 &&
		      listen(listener, 1) == 0 &&
		      getsockname(listener, (struct sockaddr *)&at, &length) == 0,
	      "listen");
	fds[0] = socket(AF_INET, SOCK_STREAM, 0);
	check(connect(fds[0], (struct sockaddr *)&at, sizeof(at)) == 0, "connect");
	fds[1] = accept(listener, NULL, NULL);
	check(fds[1] >= 0, "accept");
	close(listener);
}

static void net(unsigned pairs, unsigned mib)
{
	static int fds[THREADS_MAX][2];
	pthread_t threads[THREADS_MAX][2];

	net_bytes = (size_t)mib << 20;
	for (unsigned i = 0; i < pairs; i++) {
		connect_pair(fds[i]);
		start(&threads[i][0], receive_all, &fds[i][1]);
		start(&threads[i][1], send_all, &fds[i][0]);
	}
	for (unsigned i = 0; i < pairs * 2; i++)
		pthread_join(threads[i / 2][i % 2], NULL);
}

/* ---- pressure --------------------------------------------------------------------------- */

/* What is marked is taken when memory is short; half of it is touched again before that, and is in
 * use again. */
static void pressure(unsigned mib, unsigned rounds)
{
	const size_t size = (size_t)mib << 20;
	char *memory = map(size);

	check(madvise(memory, size, MADV_NOHUGEPAGE) == 0, "MADV_NOHUGEPAGE");
	for (unsigned round = 0; round < rounds; round++)
		for (size_t at = 0; at < size; at += REGION) {
			touch(memory + at, REGION);
			check(madvise(memory + at, REGION, MADV_FREE) == 0, "MADV_FREE");
			touch(memory + at, REGION / 8);
		}
}

/* ---- purge ------------------------------------------------------------------------------ */

static struct region {
	char *memory;
	atomic_int full; /* 1: a purger may have it */
} * regions;
static unsigned nr_regions, purge_rounds;
static atomic_int users;

static void *use_regions(void *argument)
{
	const unsigned first = *(unsigned *)argument;

	for (unsigned round = 0; round < purge_rounds; round++)
		for (unsigned i = 0; i < nr_regions; i++) {
			struct region *r = &regions[(first * 3 + i) % nr_regions];
			int empty = 0;

			if (!atomic_compare_exchange_strong(&r->full, &empty, 2))
				continue;
			touch(r->memory, REGION / 4);
			atomic_store(&r->full, 1);
		}
	atomic_fetch_sub(&users, 1);
	return NULL;
}

static void *purge_regions(void *argument)
{
	(void)argument;
	while (atomic_load(&users) > 0) {
		for (unsigned i = 0; i < nr_regions; i++) {
			int full = 1;

			if (!atomic_compare_exchange_strong(&regions[i].full, &full, 2))
				continue;
			check(madvise(regions[i].memory, REGION / 4, MADV_DONTNEED) == 0,
			      "MADV_DONTNEED");
			atomic_store(&regions[i].full, 0);
		}
		usleep(1000);
	}
	return NULL;
}

static void purge(unsigned nr, unsigned rounds)
{
	static unsigned numbers[THREADS_MAX];
	pthread_t threads[THREADS_MAX * 2];

	purge_rounds = rounds;
	nr_regions = nr * 4;
	regions = calloc(nr_regions, sizeof(*regions));
	check(regions != NULL, "calloc");
	for (unsigned i = 0; i < nr_regions; i++) {
		regions[i].memory = map(REGION);
		check(madvise(regions[i].memory, REGION, MADV_NOHUGEPAGE) == 0, "madvise");
	}
	atomic_store(&users, (int)nr);
	for (unsigned i = 0; i < nr; i++) {
		numbers[i] = i;
		start(&threads[i], use_regions, &numbers[i]);
	}
	for (unsigned i = 0; i < (nr + 1) / 2; i++)
		start(&threads[nr + i], purge_regions, NULL);
	for (unsigned i = 0; i < nr + (nr + 1) / 2; i++)
		pthread_join(threads[i], NULL);
}

/* ---- exit ------------------------------------------------------------------------------- */

static void exit_all(unsigned processes, unsigned mib)
{
	const size_t size = (size_t)mib << 20;
	int ready[2], go[2];
	char byte = 0;

	check(pipe(ready) == 0 && pipe(go) == 0, "pipe");
	for (unsigned i = 0; i < processes; i++) {
		const pid_t pid = fork();
		char *memory;

		check(pid >= 0, "fork");
		if (pid)
			continue;
		memory = map(size);
		if (i % 4) /* every fourth has huge pages */
			madvise(memory, size, MADV_NOHUGEPAGE);
		touch(memory, size);
		check(write(ready[1], &byte, 1) == 1, "write");
		close(go[1]);
		check(read(go[0], &byte, 1) == 0, "read"); /* until it is closed */
		_exit(0);
	}
	for (unsigned i = 0; i < processes; i++)
		check(read(ready[0], &byte, 1) == 1, "read");
	close(go[1]);
	while (wait(NULL) > 0)
		;
}

/* ---- The command line ------------------------------------------------------------------- */

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(unsigned, unsigned);
		unsigned most; /* of the first number */
	} loads[] = {
		{"net", net, THREADS_MAX},
		{"pressure", pressure, 1 << 20},
		{"purge", purge, THREADS_MAX},
		{"exit", exit_all, 4096},
	};

	for (size_t i = 0; argc == 4 && i < sizeof(loads) / sizeof(loads[0]); i++) {
		const unsigned n = (unsigned)strtoul(argv[2], NULL, 10);

		if (strcmp(argv[1], loads[i].name) != 0 || !n || n > loads[i].most)
			continue;
		loads[i].run(n, (unsigned)strtoul(argv[3], NULL, 10));
		return 0;
	}
	fprintf(stderr, "usage: load net|pressure|purge|exit N M, see load.c\n");
	return 2;
}
