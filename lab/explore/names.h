/* SPDX-License-Identifier: MIT */
/* names.h - what lies at an address, for engine_NAME.c: arrays of structures, and their fields. */
#ifndef LAB_NAMES_H
#define LAB_NAMES_H

#include <stdbool.h>
#include <stddef.h>

struct rst_hint;

struct field {
	size_t offset, size;
	const char *name;
};

#define FIELD(type, name)                                                                          \
	{                                                                                          \
		offsetof(struct type, name), sizeof(((struct type *)0)->name), #name               \
	}

struct array {
	const char *name;
	const void *base;
	size_t count, size; /* elements, bytes of one */
	const struct field *fields;
	size_t nr_fields;
};

/* Names what lies at an address in one of the arrays; false if it is in none. */
bool name_address(const struct array *arrays, size_t count, const void *address, char *text,
		  size_t room);
/* The same of the words of a map of hints. names: of its levels, and of its top. */
bool name_hint(const struct rst_hint *hint, const char *const names[], const void *address,
	       char *text, size_t size);

#endif
