/* SPDX-License-Identifier: MIT */
/*
 * guard.h - a library that crashes on damaged input ends the tool with a line of text.
 *
 * libtracecmd and libtraceevent trust much of what a trace.dat contains. Between the two calls a
 * crash (a signal) ends the program as other bad input does: with the file's name on stderr and
 * EXIT_USAGE. For programs with one thread. The kernel closes what the library has open.
 */
#ifndef TOOL_GUARD_H
#define TOOL_GUARD_H

/* what: the library that would crash; name: of the file, printable. */
void guard_begin(const char *what, const char *name);
void guard_end(void);

#endif
