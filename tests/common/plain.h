/* SPDX-License-Identifier: MIT */
/*
 * plain.h - a pool of one range from frame 0, for the tests that are programs of their own.
 */
#ifndef TESTS_PLAIN_H
#define TESTS_PLAIN_H

#include <stdbool.h>

#include <roost/roost.h>

/* Ends the program with a message if there is no memory for it. */
roost_t *plain_open(uint64_t frames, unsigned cpus, unsigned check_level);

/* Ends the program with a message if the metadata is unsound, or a frame does not come
 * home when CPUs give back what they keep. */
void plain_check(roost_t *roost, uint64_t frames);

/* A block was handed out (take) or is about to be given back: a flag for each of its frames. NULL,
 * or what is wrong. Any context. */
const char *plain_mark(bool *taken, roost_pfn pfn, unsigned order, bool take);

#endif
