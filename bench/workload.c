/* SPDX-License-Identifier: MIT */
/*
 * workload.c - the table of all workloads. docs/benchmarks.md says what each does; the two say the
 * same.
 */
#include <string.h>

#include "workload.h"

static const uint8_t orders[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 0};
static const uint8_t ways[] = {1, 2, 0};
static const char *const way_names[] = {NULL, "one-way", "both-ways"};
static const uint8_t occupancies[] = {50, 80, 0};
static const uint8_t starts[] = {1, 2, 3, 4, 5, 6, 7, 8, 0};
static const char *const start_names[] = {
	NULL,
	"compact-50-order-0",
	"compact-80-order-0",
	"compact-50-orders-0-3",
	"compact-80-orders-0-3",
	"shuffled-50-order-0",
	"shuffled-80-order-0",
	"shuffled-50-orders-0-3",
	"shuffled-80-orders-0-3",
	"compact-50-tainted",
	"compact-80-tainted",
	"shuffled-50-tainted",
	"shuffled-80-tainted",
	"compact-50-empty",
	"compact-80-empty",
	"shuffled-50-empty",
	"shuffled-80-empty",
};
static const uint8_t tainted[] = {9, 10, 11, 12, 0}, empty[] = {13, 14, 15, 16, 0};

/* As powers of two. */
static const uint8_t object_sizes[] = {3, 4, 6, 8, 10, 12, 15, 0};
static const char *const object_size_names[] = {
	[3] = "8", [4] = "16", [6] = "64", [8] = "256", [10] = "1K", [12] = "4K", [15] = "32K",
};

const struct workload workloads[] = {
	{
		.name = "repeat",
		.text = "each thread allocates and frees one frame, again and again",
		.figures = {{"pair", "ns", false}},
		.flags = EACH_SIZE | EACH_THREADS,
		.run = work_pairs,
	},
	{
		.name = "bulk",
		.text = "each thread allocates N frames, then frees them",
		.figures = {{"alloc", "ns", false}, {"free", "ns", false}},
		.flags = EACH_SIZE | EACH_THREADS,
		.run = work_bulk,
	},
	{
		.name = "batch",
		.text = "the same by calls that take 64 frames at once; per frame",
		.figures = {{"alloc", "ns", false}, {"free", "ns", false}},
		.flags = EACH_SIZE | EACH_THREADS | NEEDS_BULK,
		.run = work_batch,
	},
	{
		.name = "rand",
		.text = "each thread holds N frames, frees a random one and allocates one",
		.figures = {{"pair", "ns", false}},
		.flags = EACH_SIZE | EACH_THREADS,
		.run = work_rand,
	},
	{
		.name = "order",
		.text = "one block of 2^order frames allocated and freed, again and again",
		.figures = {{"pair", "ns", false}},
		.threads = 1,
		.parameters = orders,
		.run = work_pairs,
	},
	{
		.name = "remote",
		.text = "frames are freed by the other thread, one way or both ways",
		.figures = {{"freed", "Mpages/s", true}},
		.flags = SUMS,
		.threads = 2,
		.parameters = ways,
		.parameter_names = way_names,
		.run = work_remote,
	},
	{
		.name = "nearfull",
		.text = "64 frames of the pool are free: one is allocated, a random other one "
			"freed",
		.figures = {{"alloc-p50", "ns", false},
			    {"alloc-p99.9", "ns", false},
			    {"free-p50", "ns", false},
			    {"free-p99.9", "ns", false}},
		.flags = EACH_SIZE | TERABYTE | NEEDS_BOUNDED,
		.threads = 1,
		.run = work_nearfull,
	},
	{
		.name = "tail",
		.text = "a real-time thread frees what 8 others allocate, which contend on 2 CPUs",
		.figures = {{"free-p50", "ns", false},
			    {"free-p99.9", "ns", false},
			    {"free-max", "ns", false},
			    {"empty-p99.9", "ns", false},
			    {"empty-max", "ns", false},
			    {"free-syscalls", "per 1000", false}},
		.flags = SUMS | SHARES_CPUS,
		.threads = 9,
		.samples = 8,
		.run = work_tail,
	},
	{
		.name = "storm",
		.text = "signal handlers free on top of threads that allocate and free",
		.figures = {{"operations", "M/s", true}, {"handlers", "k/s", true}},
		.flags = SUMS | NEEDS_HANDLER,
		.threads = 2,
		.run = work_storm,
	},
	{
		.name = "frag",
		.text = "random churn at this % occupancy: free 2 MiB that are left, of the "
			"ideal",
		.figures = {{"huge", "%", true}},
		.flags = SMALLEST | NEEDS_BOUNDED | NEEDS_HUGE,
		.threads = 1,
		.parameters = occupancies,
		.run = work_frag,
	},
	{
		.name = "frag",
		.text = "batches of a hundredth, ten an iteration: free 2 MiB, of the ideal",
		.figures = {{"0", "%", true},
			    {"7", "%", true},
			    {"20", "%", true},
			    {"50", "%", true},
			    {"100", "%", true},
			    {"200", "%", true}},
		.flags = SMALLEST | NEEDS_BOUNDED | NEEDS_HUGE | COUNTS,
		.threads = 1,
		.parameters = starts,
		.parameter_names = start_names,
		.series = "iteration",
		.run = work_churn,
	},
	{
		.name = "frag",
		.text = "the same, every tenth block unmovable: GiB that have such a block",
		.figures = {{"0", "GiB", false},
			    {"7", "GiB", false},
			    {"20", "GiB", false},
			    {"50", "GiB", false},
			    {"100", "GiB", false},
			    {"200", "GiB", false}},
		.flags = MANY_REGIONS | GIBIBYTES | NEEDS_BOUNDED | NEEDS_FRAMES | COUNTS,
		.threads = 1,
		.parameters = tainted,
		.parameter_names = start_names,
		.series = "iteration",
		.run = work_churn,
	},
	{
		.name = "frag",
		.text = "the same, every tenth block unmovable: GiB that have no block at all",
		.figures = {{"0", "GiB", true},
			    {"7", "GiB", true},
			    {"20", "GiB", true},
			    {"50", "GiB", true},
			    {"100", "GiB", true},
			    {"200", "GiB", true}},
		.flags = MANY_REGIONS | GIBIBYTES | NEEDS_BOUNDED | NEEDS_FRAMES | COUNTS,
		.threads = 1,
		.parameters = empty,
		.parameter_names = start_names,
		.series = "iteration",
		.run = work_churn,
	},
	{
		.name = "init",
		.text = "a pool is made ready",
		.figures = {{"ready", "us", false}, {"metadata", "%", false}},
		.flags = EACH_SIZE | TERABYTE | NEEDS_BOUNDED | NEEDS_METADATA | MAKES_POOL,
		.threads = 1,
		.run = work_init,
	},
	{
		.name = "objects",
		.manner = "pair",
		.text = "one object is allocated and freed, again and again",
		.figures = {{"pair", "ns", false}},
		.flags = NEEDS_OBJECTS,
		.threads = 1,
		.parameters = object_sizes,
		.parameter_names = object_size_names,
		.run = work_object_pair,
	},
	{
		.name = "objects",
		.manner = "bulk",
		.text = "64 objects at a time, by one call if there is such a call; per object",
		.figures = {{"alloc", "ns", false}, {"free", "ns", false}},
		.flags = NEEDS_OBJECTS,
		.threads = 1,
		.parameters = object_sizes,
		.parameter_names = object_size_names,
		.run = work_object_bulk,
	},
	{
		.name = "objects",
		.manner = "random-1000",
		.text = "of 1,000 objects a random one is freed, and one allocated",
		.figures = {{"pair", "ns", false}},
		.flags = NEEDS_OBJECTS,
		.threads = 1,
		.parameters = object_sizes,
		.parameter_names = object_size_names,
		.run = work_object_random,
	},
	{
		.name = "objects",
		.manner = "random-100000",
		.text = "the same of 100,000 objects",
		.figures = {{"pair", "ns", false}},
		.flags = NEEDS_OBJECTS,
		.threads = 1,
		.parameters = object_sizes,
		.parameter_names = object_size_names,
		.run = work_object_random_many,
	},
	{
		.name = "objects",
		.manner = "burst",
		.text = "1,000 objects are allocated, then freed",
		.figures = {{"pair", "ns", false}},
		.flags = NEEDS_OBJECTS,
		.threads = 1,
		.parameters = object_sizes,
		.parameter_names = object_size_names,
		.run = work_object_burst,
	},
	{
		.name = "objects",
		.manner = "one-way",
		.text = "one thread allocates, the other frees; 64 at a time on the way",
		.figures = {{"freed", "M/s", true}},
		.flags = NEEDS_OBJECTS | SUMS,
		.threads = 2,
		.parameters = object_sizes,
		.parameter_names = object_size_names,
		.run = work_object_one_way,
	},
	{
		.name = "objects",
		.manner = "one-way-untouched",
		.text = "the same, but neither thread touches the objects",
		.figures = {{"freed", "M/s", true}},
		.flags = NEEDS_OBJECTS | SUMS,
		.threads = 2,
		.parameters = object_sizes,
		.parameter_names = object_size_names,
		.run = work_object_untouched,
	},
};

const unsigned nr_workloads = sizeof(workloads) / sizeof(workloads[0]);

const struct workload *workload_find(const char *name)
{
	for (unsigned i = 0; i < nr_workloads; i++)
		if (!strcmp(workloads[i].name, name))
			return &workloads[i];
	return NULL;
}

unsigned workload_figures(const struct workload *workload)
{
	unsigned nr = 0;

	while (nr < WORKLOAD_FIGURES && workload->figures[nr].name)
		nr++;
	return nr;
}
