/* SPDX-License-Identifier: MIT */
/* names.c - see names.h. */
#include "names.h"

#include <stdio.h>

#include "core/hint.h"

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

bool name_hint(const struct rst_hint *hint, const char *const names[], const void *address,
	       char *text, size_t size)
{
	for (unsigned level = 0; level <= hint->nr_levels; level++) {
		bool top = level == hint->nr_levels;
		const struct array words = {names[level],
					    top ? hint->top : hint->level[level],
					    top ? (hint->nr_lists + 3) / 4
						: (size_t)hint->nr_lists * hint->nr_bins *
							    hint->width[level],
					    sizeof(uint64_t),
					    NULL,
					    0};

		if (name_address(&words, 1, address, text, size))
			return true;
	}
	return false;
}
