/* SPDX-License-Identifier: MIT */
/* names.c - see names.h. */
#include "names.h"

#include <stdio.h>

static const struct field *field_at(const struct array *array, size_t offset)
{
	for (size_t i = 0; i < array->nr_fields; i++)
		if (offset >= array->fields[i].offset &&
		    offset - array->fields[i].offset < array->fields[i].size)
			return &array->fields[i];
	return NULL;
}

static void name_in(const struct array *array, size_t at, char *text, size_t room)
{
	size_t index = at / array->size, offset = at % array->size;
	const struct field *field = field_at(array, offset);

	if (field && offset == field->offset)
		snprintf(text, room, "%s%zu.%s", array->name, index, field->name);
	else if (field)
		snprintf(text, room, "%s%zu.%s+%zu", array->name, index, field->name,
			 offset - field->offset);
	else if (offset || array->nr_fields)
		snprintf(text, room, "%s%zu+%zu", array->name, index, offset);
	else
		snprintf(text, room, "%s%zu", array->name, index);
}

bool name_address(const struct array *arrays, size_t count, const void *address, char *text,
		  size_t room)
{
	for (size_t i = 0; i < count; i++) {
		size_t at = (size_t)((const char *)address - (const char *)arrays[i].base);

		if ((const char *)address < (const char *)arrays[i].base ||
		    at / arrays[i].size >= arrays[i].count)
			continue;
		name_in(&arrays[i], at, text, room);
		return true;
	}
	return false;
}
