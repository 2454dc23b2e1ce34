/* SPDX-License-Identifier: MIT */
/*
 * text.c - an input is a trace as text. All of it is read or counted as what it is, and what was
 * read can be planned.
 */
#include "fuzz.h"

#include <string.h>

#include "tool.h"

static void read_it(void *context)
{
	const char *path = context;
	char error[ERROR_MAX];

	tool_read_trace(path, error);
	FUZZ_CHECK(!error[0] || !strncmp(error, path, strlen(path)),
		   "an error without the file: %s", error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	tool_read_input(data, size, read_it);
	return 0;
}
