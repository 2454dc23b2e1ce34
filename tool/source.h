/* SPDX-License-Identifier: MIT */
/*
 * source.h - a file of the user's, uncompressed by libarchive as it is read.
 */
#ifndef TOOL_SOURCE_H
#define TOOL_SOURCE_H

#include <archive.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { SOURCE_CHUNK = 1 << 16 /* bytes read at once */ };

struct source {
	struct archive *archive;
	const char *name; /* printable */
	int fd;		  /* -1 before it is open */
	char *data;	  /* room for 2 * SOURCE_CHUNK */
	size_t used;
};

/* "-" is standard input. what: what the file should be, for the error. binary: it may be numbers,
 * which look like the weakest of the compressions (lzma), so that one is not undone. False: error
 * says why. In either case it is closed by source_close(). */
bool source_open(struct source *source, const char *path, const char *what, bool binary,
		 char error[]);
void source_close(struct source *source);

/* Appends at most SOURCE_CHUNK bytes to data, and returns how many; 0 at the end, negative if the
 * file cannot be read. */
ssize_t source_fill(struct source *source);

#endif
