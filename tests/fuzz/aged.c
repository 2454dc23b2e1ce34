/* SPDX-License-Identifier: MIT */
/*
 * aged.c - an input is a file for --aged. It is refused with a line that names it, or the map that
 * comes of it makes sense.
 */
#include "fuzz.h"

#include <string.h>

#include "aged.h"
#include "tool.h"

enum { FRAMES = 1 << 16 };

static void check_map(const struct aged *aged)
{
	FUZZ_CHECK(aged->nr && aged->nr % AGED_PAGEBLOCK == 0 && aged->nr <= FRAMES,
		   "a map of %llu frames", (unsigned long long)aged->nr);
	for (uint64_t pfn = 0; pfn < aged->nr; pfn++)
		FUZZ_CHECK(aged->frames[pfn] <= AGED_HOLE, "frame %llu is %u",
			   (unsigned long long)pfn, aged->frames[pfn]);
	for (uint64_t b = 0; b < aged->nr / AGED_PAGEBLOCK; b++)
		FUZZ_CHECK(aged->types[b] < AGED_TYPES, "a pageblock of type %u", aged->types[b]);
}

static void read_it(void *context)
{
	const char *path = context;
	char error[ERROR_MAX];
	struct aged aged;

	if (aged_read(&aged, path, 1, FRAMES, error)) {
		check_map(&aged);
		aged_release(&aged);
		return;
	}
	fuzz_check_line("the error of a start", error);
	FUZZ_CHECK(!strncmp(error, path, strlen(path)), "an error without the file: %s", error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	tool_read_input(data, size, read_it);
	return 0;
}
