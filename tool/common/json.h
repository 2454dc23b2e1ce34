/* SPDX-License-Identifier: MIT */
/*
 * json.h - reports for programs: --json and --json=FILE.
 */
#ifndef TOOL_JSON_H
#define TOOL_JSON_H

#include <jansson.h>

/* What jansson made, or the end of the program: it had no memory. */
json_t *json_must(json_t *value) __attribute__((returns_nonnull));

/* Before the work: path, "-" for stdout, can be written, or the program ends. NULL: nothing is. */
void json_check(const char *path);

/* Writes the report, JSON_INDENT(1) or, if it is long, JSON_COMPACT. A file is written whole or not
 * at all. */
void json_write(const json_t *report, const char *path, size_t layout);

#endif
