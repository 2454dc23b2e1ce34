/* SPDX-License-Identifier: MIT */
/*
 * guard.h - a library that crashes on damaged input ends the tool with a line of text.
 *
 * libtracecmd and libtraceevent trust much of what is in a trace.dat. Between the two calls a
 * signal that means a crash ends the program as other bad input does: with the file's name on
 * stderr and EXIT_USAGE. For one thread; what the library has open is left to the kernel.
 */
#ifndef TOOL_GUARD_H
#define TOOL_GUARD_H

/* what: whose crash it would be; name: of the file, printable. */
void guard_begin(const char *what, const char *name);
void guard_end(void);

#endif
