/* SPDX-License-Identifier: MIT */
/*
 * library.h - which library a test is linked with. library.c is compiled for each of them, and the
 * tests once for all: what they include depends on no library.
 */
#ifndef TESTS_LIBRARY_H
#define TESTS_LIBRARY_H

#include <stdbool.h>

extern const bool library_is_up;       /* the uniprocessor one */
extern const bool library_is_lab;      /* a lab library: `blocking`, and lock counts */
extern const bool library_is_pcpbuddy; /* of that engine, not of sets */

#endif
