/* SPDX-License-Identifier: MIT */
/*
 * seeds.c - see seeds.h.
 *
 * Seeds run in a child, so that a crash and a hang are findings too. A seed that fails is run again
 * with events left out, as long as it goes on failing; what remains is printed. Without --seed the
 * first seed is random.
 */
#define _GNU_SOURCE
#include "seeds.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE = 60, ATTEMPTS = 1500 };

/* How far the child has come. */
struct progress {
	uint64_t seed, seeds;
	unsigned event;
};

static const struct seeds_subject *subject;
static struct progress *progress;
static uint64_t opt_seed, opt_seeds = 1;
static double opt_seconds;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* ---- One seed ------------------------------------------------------------------------------ */

/* The events of a seed that are not left out (NULL: all). strict: compares all after each. */
static void run(uint64_t seed, const bool *left_out, bool strict, bool verbose)
{
	alarm(PATIENCE); /* a hang is an end, too */
	progress->event = 0;
	if (!subject->open(seed, verbose))
		return;
	for (unsigned i = 0; i < SEEDS_EVENTS; i++) {
		progress->event = i;
		if (!left_out || !left_out[i])
			subject->step(i, strict);
	}
	subject->close();
}

/* ---- A failure ----------------------------------------------------------------------------- */

/* Does it fail with these events? Everything is said, or nothing. */
static bool fails(uint64_t seed, const bool *left_out, bool aloud)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		if (!aloud &&
		    (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr)))
			_exit(0);
		run(seed, left_out, true, aloud);
		exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status;
}

/* Leaves out as many events as can be. */
static void shorten(uint64_t seed, bool *left_out)
{
	unsigned attempts = 0;

	for (unsigned size = SEEDS_EVENTS / 2; size; size /= 2)
		for (unsigned from = 0; from < SEEDS_EVENTS; from += size) {
			bool before[SEEDS_EVENTS], any = false;

			memcpy(before, left_out, sizeof(before));
			for (unsigned i = from; i < from + size && i < SEEDS_EVENTS; i++) {
				any |= !left_out[i];
				left_out[i] = true;
			}
			if (any && (attempts++ == ATTEMPTS || !fails(seed, left_out, false)))
				memcpy(left_out, before, sizeof(before));
		}
}

static void explain(uint64_t seed, int status)
{
	bool left_out[SEEDS_EVENTS] = {false};
	unsigned left = 0;

	printf("\nseed %" PRIu64 " fails at event %u (%s %d)\n", seed, progress->event,
	       WIFSIGNALED(status) ? "signal" : "status",
	       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	if (!fails(seed, left_out, false)) {
		puts("but not when it is run again");
		return;
	}
	shorten(seed, left_out);
	for (unsigned i = 0; i < SEEDS_EVENTS; i++)
		left += !left_out[i];
	printf("the shortest list of events found has %u:\n", left);
	fails(seed, left_out, true);
	printf("FAILED: repeat with --seed=%" PRIu64 "\n", seed);
}

/* ---- All seeds ----------------------------------------------------------------------------- */

static void run_all(double end)
{
	for (uint64_t i = 0; opt_seconds > 0 ? now() < end : i < opt_seeds; i++) {
		progress->seed = opt_seed + i;
		run(progress->seed, NULL, false, false);
		progress->seeds++;
	}
}

static void read_options(int argc, char **argv)
{
	static const struct option known[] = {
		{"seed", required_argument, NULL, 's'},
		{"seeds", required_argument, NULL, 'n'},
		{"seconds", required_argument, NULL, 't'},
		{NULL, 0, NULL, 0},
	};
	struct timespec t;
	int option;

	clock_gettime(CLOCK_REALTIME, &t);
	opt_seed = (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == 's')
			opt_seed = strtoull(optarg, NULL, 0);
		else if (option == 'n')
			opt_seeds = strtoull(optarg, NULL, 0);
		else if (option == 't')
			opt_seconds = strtod(optarg, NULL);
		else
			exit(2);
	}
}

int seeds_main(int argc, char **argv, const struct seeds_subject *what)
{
	double start = now();
	int status;
	pid_t child;

	subject = what;
	read_options(argc, argv);
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (progress == MAP_FAILED)
		return 1;
	printf("first seed %" PRIu64 "\n", opt_seed);
	fflush(stdout);
	child = fork();
	if (!child) {
		run_all(start + opt_seconds);
		exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return 1;
	printf("%" PRIu64 " seeds in %.1f s\n", progress->seeds, now() - start);
	if (status)
		explain(progress->seed, status);
	return status != 0;
}
