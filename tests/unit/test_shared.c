/* SPDX-License-Identifier: MIT */
/*
 * test_shared.c - metadata in memory that several processes share, at the same address in each.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FRAMES = 4 * 1024, PROCESSES = 4, ROUNDS = 4000, PATIENCE = 30 };

/* own: that many bytes at its start are this process's alone. */
static roost_t *open_shared(void *const *state, unsigned cpus, size_t own, void **metadata,
			    size_t *size)
{
	struct roost_range range = {0, FRAMES, 0, 0};
	struct roost_config config = rig_config(state);
	roost_t *roost;

	config.ranges = &range;
	config.nr_ranges = 1;
	config.nr_cpus = library_is_up ? 1 : cpus;
	*size = roost_metadata_size(&config);
	*metadata = mmap(NULL, *size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(*metadata, MAP_FAILED);
	if (own)
		assert_ptr_equal(mmap(*metadata, own, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
				 *metadata);
	assert_int_equal(roost_init(&roost, &config, *metadata, *size), 0);
	return roost;
}

static void expect_all_free(roost_t *roost)
{
	assert_int_equal(roost_validate(roost, NULL), 0);
	assert_int_equal(roost_free_frames(roost, 0, NULL), FRAMES);
}

/* Large blocks go through the zone, small ones through the CPU. A misuse is fatal. */
static _Noreturn void use(roost_t *roost, unsigned process)
{
	alarm(PATIENCE);
	for (unsigned i = 0; i < ROUNDS; i++) {
		unsigned order = i % 4 ? 10 : i % 3;
		roost_pfn pfn = roost_alloc(roost, order, ROOST_WAIT);

		if (pfn != ROOST_NONE)
			roost_free(roost, pfn, order);
		if (i % 1000 == process)
			roost_drain(roost, -1);
	}
	_exit(0);
}

/* Nobody waits forever for a lock that another process has dropped. */
static void processes_share(void **state)
{
	roost_t *roost;
	void *metadata;
	size_t size;
	int status;

	NEED_SMP();
	roost = open_shared(state, 2, 0, &metadata, &size);
	roost_posix_set_cpu(-1);
	for (unsigned i = 0; i < PROCESSES; i++)
		if (!fork())
			use(roost, i);
	for (unsigned i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	expect_all_free(roost);
	munmap(metadata, size);
}

/* From now on nobody gets a descriptor; the limit until then. */
static struct rlimit no_descriptors(void)
{
	struct rlimit before, none;
	int next = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(next >= 0);
	close(next);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = (struct rlimit){.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	return before;
}

static void expect_no_pockets(void *const *state, size_t own)
{
	struct roost_pageblock_info info;
	roost_t *roost;
	void *metadata;
	size_t size;
	roost_pfn pfn;

	roost = open_shared(state, 4, own, &metadata, &size);
	roost_posix_set_cpu(-1);
	pfn = roost_alloc(roost, 0, 0);
	assert_int_not_equal(pfn, ROOST_NONE);
	roost_free(roost, pfn, 0);
	assert_int_equal(roost_pageblock_info(roost, pfn, &info), 0);
	assert_int_equal(info.free, BLOCK); /* without those in pockets */
	expect_all_free(roost);
	munmap(metadata, size);
}

/* A pocket can be emptied by its own process alone: there are none; nor if it is not to be known
 * whose memory it is. */
static void no_pockets(void **state)
{
	struct rlimit before;

	if (library_is_pcpbuddy)
		suite_skip(__func__, "is of the other engine");
	expect_no_pockets(state, 0);
	expect_no_pockets(state, 4096); /* so is none of it, if a part is shared */
	before = no_descriptors();
	expect_no_pockets(state, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(int argc, char **argv)
{
	static const struct suite_test tests[] = {
		SUITE_TEST(processes_share, variants_owners),
		SUITE_TEST(no_pockets, variants_one),
	};

	return SUITE_RUN("shared", tests, argc, argv);
}
