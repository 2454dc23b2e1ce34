/* SPDX-License-Identifier: MIT */
/*
 * fuzz.h - what the fuzzers' drivers share.
 *
 * A driver is one source with LLVMFuzzerTestOneInput(): libFuzzer and AFL++ link it, and replay.c
 * reads files with any compiler. It ends the process when something does not hold; what an input
 * means is said at the top of the driver.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process with a message: that is a finding. */
_Noreturn void fuzz_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define FUZZ_CHECK(what, ...)                                                                      \
	do {                                                                                       \
		if (!(what))                                                                       \
			fuzz_fail(__VA_ARGS__);                                                    \
	} while (0)

/* ---- Inputs as decisions ------------------------------------------------------------------- */

/* Bytes that are taken from the front; past the end there are zeros. */
struct fuzz_bytes {
	const uint8_t *at, *end;
};

bool fuzz_more(const struct fuzz_bytes *b);
/* The next 1 to 8 bytes as a number, the lowest first. */
uint64_t fuzz_number(struct fuzz_bytes *b, unsigned bytes);
/* A number in [0, limit), of as many bytes as it takes; limit > 0. */
unsigned fuzz_below(struct fuzz_bytes *b, unsigned limit);
/* A number of any size: often a small one, or near a power of two. */
uint64_t fuzz_any(struct fuzz_bytes *b);
/* Up to room - 1 bytes as a string, which ends at the first 0. */
void fuzz_text(struct fuzz_bytes *b, char *to, size_t room);

/* ---- Inputs as files ----------------------------------------------------------------------- */

/* The path of a file in memory that holds the input, and nothing else; the next call overwrites it.
 */
const char *fuzz_file(const uint8_t *data, size_t size);

/* From here on what is printed to stderr by stdio goes nowhere, unless FUZZ_LOG is set. */
void fuzz_quiet(void);
/* Is FUZZ_LOG set? Then a driver prints what it does. */
bool fuzz_log(void);

/* What the tool's die() does in a driver (by --wrap): goes back to fuzz_try(). */
/* Calls what(context); false: it ended by die() or fail(), and error has the text. */
bool fuzz_try(void (*what)(void *context), void *context);
extern char fuzz_error[1024];
/* Goes back there. */
_Noreturn void fuzz_give_up(void);

/* The text is one line for people: not empty, well-formed UTF-8, and no control characters. */
void fuzz_check_line(const char *what, const char *text);
/* Text of many such lines, of at most longest bytes each. */
void fuzz_check_text(const char *what, const char *text, size_t length, size_t longest);

#endif
