/* SPDX-License-Identifier: MIT */
/*
 * replay.c - gives files to a driver, where there is no fuzzer: replay FILE|DIRECTORY...
 *
 * Of a directory all files, by name. A find ends the process; the last name printed is the input's.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fuzz.h"

static unsigned inputs;

static void replay(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat st;
	uint8_t *data;
	size_t size;

	if (!file || fstat(fileno(file), &st) != 0) {
		perror(path);
		exit(2);
	}
	/* Exactly so large: address sanitizer sees each byte that is read past the end. */
	size = (size_t)st.st_size;
	data = malloc(size);
	if ((!data && size) || fread(data, 1, size, file) != size) {
		perror(path);
		exit(2);
	}
	fclose(file);
	printf("%s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	inputs++;
}

static int is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void replay_all(const char *path)
{
	struct dirent **names;
	int nr = scandir(path, &names, is_file, alphasort);

	if (nr < 0) {
		replay(path);
		return;
	}
	for (int i = 0; i < nr; i++) {
		char file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		replay(file);
		free(names[i]);
	}
	free(names);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay_all(argv[i]);
	printf("%u inputs\n", inputs);
	return inputs ? 0 : 2;
}
