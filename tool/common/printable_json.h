/* SPDX-License-Identifier: MIT */
/*
 * printable_json.h - a name of any bytes as a string of JSON, which has to be UTF-8 (printable.h).
 */
#ifndef TOOL_PRINTABLE_JSON_H
#define TOOL_PRINTABLE_JSON_H

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "printable.h"

static inline json_t *json_printable(const char *name)
{
	char *text = printable_copy(name, strlen(name));
	json_t *string = json_string(text);

	free(text);
	return string;
}

#endif
