/* SPDX-License-Identifier: MIT */
/*
 * printable.h - makes names from outside safe to show.
 *
 * The name of a file, an event, a task, a pool or a program can contain any byte. printable() turns
 * it into UTF-8 without control characters, for terminals, JSON and pictures:
 *
 *   a byte that is no UTF-8, a control character,
 *   one that turns the direction of writing or is no character   \xNN for each of its bytes
 *   a backslash before an x                                      \x5c
 *   everything else                                              as it is
 *
 * So two names that differ are shown differently.
 */
#ifndef TOOL_PRINTABLE_H
#define TOOL_PRINTABLE_H

#include <stddef.h>

/*
 * Writes the name into out, which has room bytes with the zero at the end (4 at least), in at most
 * that many columns of a terminal (0: any number). What does not fit ends in "...", between two
 * characters. Returns out.
 */
char *printable(char *out, size_t room, unsigned columns, const char *name, size_t length);

/* The same, at full length; the caller frees it. Ends the program if there is no memory. */
char *printable_copy(const char *name, size_t length) __attribute__((returns_nonnull));

/* The same for a text in which names are printable already: they stay as they are. */
char *printable_again(char *out, size_t room, unsigned columns, const char *text);
char *printable_again_copy(const char *text) __attribute__((returns_nonnull));

/* How many columns a printable name takes on a terminal. */
unsigned printable_columns(const char *text);

#endif
