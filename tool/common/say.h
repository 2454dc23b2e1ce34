/* SPDX-License-Identifier: MIT */
/*
 * say.h - messages on stderr: errors of one line, and a progress bar on terminals.
 */
#ifndef TOOL_SAY_H
#define TOOL_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXIT_OK = 0, EXIT_UNVERIFIED = 1, EXIT_USAGE = 2 };

/* Room for an error text that a function passes to its caller. */
enum { ERROR_MAX = 512 };

/* Called first in main(). From then on a failure to write to stdout becomes an error at the
 * program's end, even after exit(EXIT_OK). */
void program_begin(void);

/* Ends the program with an error if something could not be written to stdout. */
void check_stdout(void);

/* The name before each line: "roost" unless a program sets it. */
extern const char *say_who;

/* Prints that name and one line, in which names may contain any byte (printable.h). */
void say_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The same, then exits with EXIT_USAGE. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* realloc() of count elements that does not fail: without memory the program ends. */
void *grow(void *old, size_t count, size_t size) __attribute__((returns_nonnull));

/* Zeroed memory from the kernel, which has no pages until it is written; NULL if there is none. */
void *map_memory(size_t size);
void unmap_memory(void *memory, size_t size);

/* Is it a terminal that should show colours? Not if NO_COLOR is set and not empty, or TERM is dumb.
 */
bool has_colours(int fd);

/* A progress bar on stderr. Does nothing if enabled is false or stderr is not a terminal. */
struct bar {
	bool enabled;
	int shown; /* percent, -1 before the first */
	const char *title;
};

void bar_open(struct bar *bar, const char *title, bool enabled);
void bar_show(struct bar *bar, uint64_t done, uint64_t all);
void bar_close(struct bar *bar);

#endif
