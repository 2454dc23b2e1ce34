/* SPDX-License-Identifier: MIT */
/*
 * log.h - what happened in an execution, as lines per CPU; kept only while vm.tracing.
 */
#ifndef LAB_LOG_H
#define LAB_LOG_H

#include <stdio.h>

#include "vm.h"

void log_begin(void);
/* c may be NULL. */
void log_line_now(const struct context *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void log_access_now(const struct context *c, enum op_kind kind, const volatile void *address,
		    uint64_t value, int order, unsigned older);

#define log_line(c, ...)                                                                           \
	do {                                                                                       \
		if (vm.tracing)                                                                    \
			log_line_now(c, __VA_ARGS__);                                              \
	} while (0)

static inline void log_access(const struct context *c, enum op_kind kind,
			      const volatile void *address, uint64_t value, int order,
			      unsigned older)
{
	if (vm.tracing && vm.verbose)
		log_access_now(c, kind, address, value, order, older);
}

/* What lies at an address of the arena, in words. */
void log_address(const void *address, char *text, size_t size);

/* Prints the lines in a column for each CPU. */
void log_print(FILE *out);

#endif
