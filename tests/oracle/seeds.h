/* SPDX-License-Identifier: MIT */
/*
 * seeds.h - the main() of a program that runs seeds, each of which is a list of events:
 *
 *   PROGRAM [--seed=N] [--seeds=N | --seconds=N]
 */
#ifndef TESTS_SEEDS_H
#define TESTS_SEEDS_H

#include <stdbool.h>
#include <stdint.h>

enum { SEEDS_EVENTS = 160 };

/* What is tried. A check that fails ends the process, with a status other than 0. */
struct seeds_subject {
	/* Makes what a seed says; verbose: prints it, and each event. False: it says nothing. */
	bool (*open)(uint64_t seed, bool verbose);
	/* One event; those before it may have been left out. strict: compares all afterwards. */
	void (*step)(unsigned event, bool strict);
	void (*close)(void);
};

int seeds_main(int argc, char **argv, const struct seeds_subject *subject);

#endif
