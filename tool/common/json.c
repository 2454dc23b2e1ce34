/* SPDX-License-Identifier: MIT */
/* json.c - see json.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "output.h"
#include "say.h"

enum { DIGITS = 9 };

json_t *json_must(json_t *value)
{
	if (!value)
		die("out of memory");
	return value;
}

json_t *json_begin(const char *name, int version)
{
	return json_must(json_pack("{s:i, s:s}", "roost", version, "report", name));
}

void json_add(json_t *report, json_t *more)
{
	if (json_object_update(report, more) != 0)
		die("out of memory");
	json_decref(more);
}

bool json_is(const json_t *report, const char *name, int version)
{
	const char *found = json_string_value(json_object_get(report, "report"));

	return found && !strcmp(found, name) &&
	       json_integer_value(json_object_get(report, "roost")) == version;
}

void json_check(const char *path)
{
	char error[ERROR_MAX];

	if (path && strcmp(path, "-") != 0 && !output_check("json", path, error))
		die("%s", error);
}

void json_write(const json_t *report, const char *path, size_t layout)
{
	const size_t flags = layout | JSON_REAL_PRECISION(DIGITS);
	char error[ERROR_MAX];
	struct output output;
	bool good;

	if (!strcmp(path, "-")) {
		json_dumpf(report, stdout, flags);
		putchar('\n');
		return;
	}
	if (!output_begin(&output, "json", path, error))
		die("%s", error);
	good = json_dumpfd(report, output.fd, flags) == 0;
	if (!good)
		snprintf(error, sizeof(error), "--json=%.300s: cannot write: %s", path,
			 strerror(errno));
	if (!output_end(&output, good, error))
		die("%s", error);
}
