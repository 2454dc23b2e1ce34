/* SPDX-License-Identifier: MIT */
/* source.c - see source.h. */
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source.h"
#include "tool/common/say.h"

ssize_t source_fill(struct source *s)
{
	la_ssize_t got = archive_read_data(s->archive, s->data + s->used, SOURCE_CHUNK);

	if (got > 0)
		s->used += (size_t)got;
	return got;
}

static bool support_filters(struct archive *archive, bool binary)
{
	static const int strong[] = {ARCHIVE_FILTER_GZIP, ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ,
				     ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_LZ4};
	bool good = true;

	if (!binary)
		return archive_read_support_filter_all(archive) >= ARCHIVE_WARN;
	for (size_t i = 0; i < sizeof(strong) / sizeof(strong[0]); i++)
		good &= archive_read_support_filter_by_code(archive, strong[i]) >= ARCHIVE_WARN;
	return good;
}

bool source_open(struct source *s, const char *path, const char *what, bool binary, char error[])
{
	struct archive_entry *entry;
	struct stat st;

	s->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	if (s->fd < 0 || fstat(s->fd, &st) != 0) {
		snprintf(error, ERROR_MAX, "cannot open: %s", strerror(errno));
		return false;
	}
	if (S_ISDIR(st.st_mode)) {
		snprintf(error, ERROR_MAX, "is a directory, not a %s", what);
		return false;
	}
	s->archive = archive_read_new();
	s->data = grow(NULL, 2, SOURCE_CHUNK);
	if (s->archive && support_filters(s->archive, binary) &&
	    archive_read_support_format_raw(s->archive) == ARCHIVE_OK &&
	    archive_read_support_format_empty(s->archive) == ARCHIVE_OK &&
	    archive_read_open_fd(s->archive, s->fd, SOURCE_CHUNK) == ARCHIVE_OK)
		switch (archive_read_next_header(s->archive, &entry)) {
		case ARCHIVE_OK:
			return true;
		case ARCHIVE_EOF:
			snprintf(error, ERROR_MAX, "is empty");
			return false;
		}
	snprintf(error, ERROR_MAX, "cannot read: %s",
		 s->archive ? archive_error_string(s->archive) : "out of memory");
	return false;
}

void source_close(struct source *s)
{
	archive_read_free(s->archive);
	free(s->data);
	if (s->fd >= 0)
		close(s->fd);
}
