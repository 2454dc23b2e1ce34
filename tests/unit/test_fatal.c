/* SPDX-License-Identifier: MIT */
/*
 * test_fatal.c - without a misuse hook the program stops: with SIGABRT, and with a message that
 * names the misuse, the call and the frame.
 */
#include "harness.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a child did before it ended. */
struct death {
	int status;
	char said[2000];
};

typedef void crime_fn(roost_t *roost);

/* The child: commits the crime with the default hook, stderr into the pipe. */
static void commit(const struct roost_config *config, crime_fn *crime, int to)
{
	const struct rlimit no_core = {0, 0};
	size_t size = roost_metadata_size(config);
	void *metadata =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	roost_t *roost;

	setrlimit(RLIMIT_CORE, &no_core);
	signal(SIGABRT, SIG_DFL);
	dup2(to, STDERR_FILENO);
	if (metadata == MAP_FAILED || roost_init(&roost, config, metadata, size))
		_exit(2);
	crime(roost);
	_exit(0); /* the crime had no consequence */
}

static struct death watch(const struct roost_config *config, crime_fn *crime)
{
	struct death death = {.status = 0};
	size_t used = 0;
	ssize_t got;
	int fds[2];
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child)
		commit(config, crime, fds[1]);
	close(fds[1]);
	while ((got = read(fds[0], death.said + used, sizeof(death.said) - used - 1)) > 0)
		used += (size_t)got;
	close(fds[0]);
	assert_int_equal(waitpid(child, &death.status, 0), child);
	return death;
}

static void free_twice(roost_t *roost)
{
	roost_pfn pfn = roost_alloc(roost, 2, 0);

	roost_free(roost, pfn, 2);
	roost_free(roost, pfn, 2);
}

static void free_inside(roost_t *roost)
{
	roost_free_nolock(roost, roost_alloc(roost, 2, 0) + 1, 0);
}

static void free_smaller(roost_t *roost)
{
	const struct roost_block block = {roost_alloc(roost, 2, 0), 1};

	roost_free_bulk(roost, &block, 1);
}

static void free_between(roost_t *roost)
{
	roost_pfn pfn;

	do
		pfn = roost_alloc(roost, 0, 0);
	while (!(pfn & 1));
	roost_free(roost, pfn, 1);
}

static void free_nowhere(roost_t *roost)
{
	roost_free(roost, 123456, 0);
}

static void free_hole(roost_t *roost)
{
	const struct roost_block block = {1005, 0};

	roost_free_bulk_nolock(roost, &block, 1);
}

static void free_too_large(roost_t *roost)
{
	roost_free(roost, roost_alloc(roost, 2, 0), 40);
}

static void bad_flags(roost_t *roost)
{
	if (roost_alloc(roost, 0, ROOST_ZONE(9)) == ROOST_NONE)
		_exit(0);
}

static void split_free_block(roost_t *roost)
{
	roost_pfn pfn = roost_alloc(roost, 4, 0);

	roost_free(roost, pfn, 4);
	roost_split(roost, pfn, 4, 1);
}

static const struct {
	enum roost_misuse_kind kind;
	const char *call;
	crime_fn *crime;
} crimes[] = {
	{ROOST_MISUSE_DOUBLE_FREE, "roost_free", free_twice},
	{ROOST_MISUSE_NOT_ALLOCATED, "roost_free_nolock", free_inside},
	{ROOST_MISUSE_WRONG_ORDER, "roost_free_bulk", free_smaller},
	{ROOST_MISUSE_MISALIGNED, "roost_free", free_between},
	{ROOST_MISUSE_OUT_OF_RANGE, "roost_free", free_nowhere},
	{ROOST_MISUSE_HOLE, "roost_free_bulk_nolock", free_hole},
	{ROOST_MISUSE_BAD_ORDER, "roost_free", free_too_large},
	{ROOST_MISUSE_BAD_FLAGS, "roost_alloc", bad_flags},
	{ROOST_MISUSE_DOUBLE_FREE, "roost_split", split_free_block},
};

static void default_hook_stops(void **state)
{
	static const struct roost_range ranges[] = {{0, 1000, 0, 0}, {1010, 3000, 0, 0}};
	struct roost_config config = rig_config(state);

	config.ranges = ranges;
	config.nr_ranges = 2;
	for (size_t i = 0; i < LENGTH(crimes); i++) {
		struct death death = watch(&config, crimes[i].crime);

		print_message("%s", death.said);
		assert_true(WIFSIGNALED(death.status));
		assert_int_equal(WTERMSIG(death.status), SIGABRT);
		assert_non_null(strstr(death.said, roost_misuse_name(crimes[i].kind)));
		assert_non_null(strstr(death.said, crimes[i].call));
	}
}

static void innocent(roost_t *roost)
{
	roost_free(roost, roost_alloc(roost, 3, 0), 3);
}

/* The control: without a crime nothing is said and nobody stops. */
static void nothing_said_without_cause(void **state)
{
	static const struct roost_range range = {0, 3000, 0, 0};
	struct roost_config config = rig_config(state);
	struct death death;

	config.ranges = &range;
	config.nr_ranges = 1;
	death = watch(&config, innocent);
	assert_true(WIFEXITED(death.status));
	assert_int_equal(WEXITSTATUS(death.status), 0);
	assert_string_equal(death.said, "");
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(default_hook_stops, variants_checked),
		SUITE_TEST(nothing_said_without_cause, variants_paths),
	};

	return SUITE_RUN("fatal", tests, argc, argv);
}
