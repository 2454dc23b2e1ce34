/* SPDX-License-Identifier: MIT */
/*
 * json.h - reports for programs: --json and --json=FILE. docs/json.md describes them all, and
 * docs/json.schema.json says what may be in them.
 */
#ifndef TOOL_JSON_H
#define TOOL_JSON_H

#include <jansson.h>
#include <stdbool.h>

/* Returns what jansson made. Ends the program if jansson had no memory. */
json_t *json_must(json_t *value) __attribute__((returns_nonnull));

/* Begins a report with its name and the version of its format. Within a version no field is removed
 * or changes its meaning. */
json_t *json_begin(const char *name, int version) __attribute__((returns_nonnull));

/* Adds the members of more, and releases more. */
void json_add(json_t *report, json_t *more);

/* Is it a report of this name and version? */
bool json_is(const json_t *report, const char *name, int version);

/* Called before the work: ends the program if path ("-": stdout) cannot be written. NULL: nothing
 * is to be written. */
void json_check(const char *path);

/* Writes the report, JSON_INDENT(1) or, if it is long, JSON_COMPACT. A file is written whole or not
 * at all. */
void json_write(const json_t *report, const char *path, size_t layout);

#endif
