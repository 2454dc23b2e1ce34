/* SPDX-License-Identifier: MIT */
/*
 * source.h - the functions, files and lines of an address of this program, by elfutils' libdw from
 * what the compiler left for debuggers. Without that, or without the library, functions alone.
 */
#ifndef LAB_SOURCE_H
#define LAB_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

enum { SOURCE_INLINED = 12 };

struct source_call {
	char function[64];
	const char *file; /* of this tree: from its root; NULL: not known */
	unsigned line;
};

/* The functions that the call before a return address is in: several, the innermost first, if they
 * are inlined. Returns how many, at least one: nobody knows it, then it is the address itself. */
unsigned source_calls(uintptr_t return_address, struct source_call calls[SOURCE_INLINED]);
/* Why calls so far had no files and lines, or NULL if they had. */
const char *source_missing(void);

#endif
