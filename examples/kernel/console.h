/* SPDX-License-Identifier: MIT */
/* console.h - text on the serial line, and the end of the kernel. */
#ifndef KERNEL_CONSOLE_H
#define KERNEL_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

/* As printf(), but only %s, %u, %lu, %lx and %%, with a width and - or 0. The callers take turns by
 * themselves: it is the boot CPU that speaks. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Says the verdict and why, on whatever CPU it is, once; then power-off. */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
