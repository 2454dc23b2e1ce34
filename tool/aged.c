/* SPDX-License-Identifier: MIT */
/* aged.c - opens the file of --aged and recognises what it is; reads kpageflags. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aged.h"
#include "tool/common/printable.h"
#include "tool/common/say.h"

enum { PAGEBLOCK = AGED_PAGEBLOCK };

/* ---- Shared by the readers -------------------------------------------------------------- */

uint64_t aged_random(uint64_t *state, uint64_t n)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15); /* splitmix64 */

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31)) % n;
}

bool aged_room(struct aged *aged, uint64_t nr, char error[])
{
	aged->nr = (nr + PAGEBLOCK - 1) / PAGEBLOCK * PAGEBLOCK;
	aged->frames = map_memory(aged->nr);
	aged->types = map_memory(aged->nr / PAGEBLOCK);
	if (aged->frames && aged->types)
		return true;
	snprintf(error, ERROR_MAX, "no address space for a map of %" PRIu64 " frames", nr);
	return false;
}

void aged_fill_low(struct aged *aged)
{
	memset(aged->frames, AGED_HOLE, aged->nr < AGED_FIRST ? aged->nr : AGED_FIRST);
}

void aged_release(struct aged *aged)
{
	unmap_memory(aged->frames, aged->nr);
	unmap_memory(aged->types, aged->nr / PAGEBLOCK);
	*aged = (struct aged){0};
}

bool aged_number(const char **at, uint64_t *value)
{
	const int base = (*at)[0] == '0' && (*at)[1] == 'x' ? 16 : 10;
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	*value = strtoull(*at, &end, base);
	*at = end;
	return errno == 0;
}

int aged_type(const char *name, size_t length)
{
	static const struct {
		const char *name;
		int type;
	} types[] = {
		{"Movable", ROOST_MOVABLE},
		{"Unmovable", ROOST_UNMOVABLE},
		{"Reclaimable", ROOST_RECLAIMABLE},
		{"HighAtomic", ROOST_UNMOVABLE},
		{"CMA", ROOST_MOVABLE},
		{"Isolate", ROOST_MOVABLE},
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strlen(types[i].name) == length && !memcmp(types[i].name, name, length))
			return types[i].type;
	return -1;
}

/* ---- Lines ------------------------------------------------------------------------------ */

char *aged_line(struct aged_text *text)
{
	struct source *s = text->source;
	ssize_t got = 1;
	char *line, *end;

	s->used -= text->skip;
	memmove(s->data, s->data + text->skip, s->used);
	text->skip = 0;
	while (!(end = memchr(s->data, '\n', s->used)) && s->used < SOURCE_CHUNK && got > 0)
		got = source_fill(s);
	text->bad = got < 0;
	if (text->bad || (!end && !s->used))
		return NULL;
	text->line++;
	line = s->data;
	text->skip = end ? (size_t)(end - line) + 1 : s->used;
	line[end ? (size_t)(end - line) : s->used] = '\0';
	return line;
}

bool aged_error(const struct aged_text *text, char error[], const char *format, ...)
{
	va_list args;
	int n;

	if (text->bad) {
		snprintf(error, ERROR_MAX, "%s: cannot read on after line %" PRIu64 ": %s",
			 text->source->name, text->line,
			 archive_error_string(text->source->archive));
		return false;
	}
	n = snprintf(error, ERROR_MAX, "%s:%" PRIu64 ": ", text->source->name, text->line);
	va_start(args, format);
	vsnprintf(error + n, (size_t)(ERROR_MAX - n), format, args);
	va_end(args);
	return false;
}

/* ---- kpageflags ------------------------------------------------------------------------- */

/* Bits of /proc/kpageflags, as Linux documents them. */
enum {
	FLAG_LRU = 5,
	FLAG_BUDDY = 10,
	FLAG_MMAP = 11,
	FLAG_ANON = 12,
	FLAG_HUGE = 17,
	FLAG_NOPAGE = 20,
	FLAG_BITS = 48, /* the highest are those that Linux keeps for its own use */
};

#define FLAG(name) (UINT64_C(1) << FLAG_##name)

static unsigned char frame_of(uint64_t flags)
{
	if (flags & FLAG(NOPAGE))
		return AGED_HOLE;
	if (flags & FLAG(BUDDY))
		return AGED_FREE;
	if (flags & (FLAG(LRU) | FLAG(MMAP) | FLAG(ANON) | FLAG(HUGE)))
		return AGED_USED + ROOST_MOVABLE;
	return AGED_USED + ROOST_UNMOVABLE;
}

/* A pageblock has the type of most of its frames. */
static void guess_types(struct aged *aged)
{
	for (uint64_t block = 0; block < aged->nr / PAGEBLOCK; block++) {
		unsigned movable = 0, others = 0;

		for (unsigned i = 0; i < PAGEBLOCK; i++) {
			const unsigned char frame = aged->frames[block * PAGEBLOCK + i];

			movable += frame == AGED_USED + ROOST_MOVABLE;
			others += frame == AGED_USED + ROOST_UNMOVABLE;
		}
		aged->types[block] = others > movable ? ROOST_UNMOVABLE : ROOST_MOVABLE;
	}
}

/* The frames of a machine, as they are read. */
struct frame_list {
	unsigned char *frames;
	uint64_t nr, room;
	uint64_t end; /* above the last one that is a page */
};

static void add_frame(struct frame_list *list, uint64_t flags)
{
	if (list->nr == list->room) {
		list->room = list->room ? list->room * 2 : 1 << 16;
		list->frames = grow(list->frames, list->room, 1);
	}
	list->frames[list->nr++] = frame_of(flags);
	if (!(flags & FLAG(NOPAGE)))
		list->end = list->nr;
}

/* Takes whole words; what is left of one stays in the source. */
static bool take_words(struct frame_list *list, struct source *s, uint64_t limit, char error[])
{
	size_t i;

	for (i = 0; i + 8 <= s->used; i += 8) {
		uint64_t flags;

		memcpy(&flags, s->data + i, 8);
		if (flags >> FLAG_BITS) {
			snprintf(error, ERROR_MAX,
				 "%s: word %" PRIu64 " is 0x%" PRIx64
				 ": these are no flags of a page; the file is no copy of "
				 "/proc/kpageflags",
				 s->name, list->nr, flags);
			return false;
		}
		if (list->nr == limit && !(flags & FLAG(NOPAGE))) {
			snprintf(error, ERROR_MAX,
				 "%s: word %" PRIu64 ": this frame lies beyond the memory, which "
				 "has %" PRIu64 " frames; give a larger --memory",
				 s->name, list->nr, limit);
			return false;
		}
		if (list->nr < limit)
			add_frame(list, flags);
	}
	s->used -= i;
	memmove(s->data, s->data + i, s->used);
	return true;
}

static bool read_words(struct frame_list *list, struct source *s, uint64_t limit, char error[])
{
	ssize_t got;

	do {
		if (!take_words(list, s, limit, error))
			return false;
	} while ((got = source_fill(s)) > 0);
	if (got < 0)
		snprintf(error, ERROR_MAX, "%s: cannot read on after word %" PRIu64 ": %s", s->name,
			 list->nr, archive_error_string(s->archive));
	else if (s->used)
		snprintf(error, ERROR_MAX,
			 "%s: ends within word %" PRIu64 ": a copy of /proc/kpageflags has 8 bytes "
			 "for each frame; copy it again",
			 s->name, list->nr);
	else if (!list->end)
		snprintf(error, ERROR_MAX, "%s: has no page at all", s->name);
	else
		return true;
	return false;
}

static bool read_flags(struct aged *aged, struct source *s, uint64_t limit, char error[])
{
	struct frame_list list = {0};
	bool good;

	aged->source = "kpageflags";
	good = read_words(&list, s, limit, error) && aged_room(aged, list.end, error);
	if (good) {
		memcpy(aged->frames, list.frames, list.end);
		guess_types(aged);
	}
	free(list.frames);
	return good;
}

/* ---- The file --------------------------------------------------------------------------- */

/* Is there a line that begins with this? */
static bool has_line(const struct source *s, const char *begin)
{
	const size_t length = strlen(begin);
	const char *at = s->data, *end = s->data + s->used;

	while (at && (size_t)(end - at) >= length) {
		if (!memcmp(at, begin, length))
			return true;
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	return false;
}

static bool read_content(struct aged *aged, struct source *s, uint64_t seed, uint64_t limit,
			 char error[])
{
	struct aged_text text = {.source = s, .limit = limit};
	ssize_t got = 1;

	while (s->used < SOURCE_CHUNK && (got = source_fill(s)) > 0)
		;
	if (got < 0) {
		snprintf(error, ERROR_MAX, "%s: cannot read: %s", s->name,
			 archive_error_string(s->archive));
		return false;
	}
	if (s->used && memchr(s->data, '\0', s->used))
		return read_flags(aged, s, limit, error);
	if (has_line(s, "Page block order:") || has_line(s, "Free pages count per migrate type"))
		return aged_read_types(aged, &text, seed, error);
	if (has_line(s, "Page allocated via order ") || has_line(s, "PFN "))
		return aged_read_owner(aged, &text, error);
	snprintf(error, ERROR_MAX,
		 "%s: is no copy of /proc/pagetypeinfo, /sys/kernel/debug/page_owner or "
		 "/proc/kpageflags",
		 s->name);
	return false;
}

bool aged_read(struct aged *aged, const char *path, uint64_t seed, uint64_t frames, char error[])
{
	char why[ERROR_MAX], name[ERROR_MAX / 2];
	struct source source = {.fd = -1, .name = name};
	bool good;

	*aged = (struct aged){0};
	printable(name, sizeof(name), 0, path, strlen(path));
	good = source_open(&source, path, "copy of pagetypeinfo, page_owner or kpageflags", true,
			   why);
	if (!good)
		snprintf(error, ERROR_MAX, "%s: %.240s", name, why);
	else
		good = read_content(aged, &source, seed, frames ? frames : AGED_MAX, error);
	source_close(&source);
	if (!good)
		aged_release(aged);
	return good;
}
