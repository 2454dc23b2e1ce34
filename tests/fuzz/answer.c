/* SPDX-License-Identifier: MIT */
/*
 * answer.c - an input is an answer to a question for statistics: `roost top` and
 * `roost map --live` show it or say why not.
 *
 *	byte 0	bit 0: map, or top; 1: a line for each CPU; 2, 3: the order; 4: map by type;
 *		5: the answer is not there but made, out of the rest as decisions
 *	byte 1	how many bytes come at once, 0: all
 *	rest	the answer; for top, behind the byte 0xff, a second one
 *
 * No socket is opened: what live.c calls is here (by --wrap).
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "tool/common/live.h"
#include "map.h"
#include "tool/common/say.h"
#include "top.h"

enum { LONGEST = 400, BLOCKS_MOST = 1 << 14 };

static struct {
	struct fuzz_bytes left;
	size_t at_once;
	size_t blocks;
} peer;

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length);
ssize_t __wrap_send(int fd, const void *data, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *data, size_t size, int flags);

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t length)
{
	(void)fd;
	(void)address;
	(void)length;
	return 0;
}

ssize_t __wrap_send(int fd, const void *data, size_t size, int flags)
{
	(void)fd;
	(void)data;
	(void)flags;
	return (ssize_t)size;
}

ssize_t __wrap_recv(int fd, void *data, size_t size, int flags)
{
	size_t n = (size_t)(peer.left.end - peer.left.at);

	(void)fd;
	(void)flags;
	if (peer.at_once && n > peer.at_once)
		n = peer.at_once;
	if (n > size)
		n = size;
	memcpy(data, peer.left.at, n);
	peer.left.at += n;
	return (ssize_t)n;
}

/* Of maps that are good, but large, there is nothing more to learn. */
void __real_map_add(struct map *map, const struct roost_pageblock_info *block);
void __wrap_map_add(struct map *map, const struct roost_pageblock_info *block);

void __wrap_map_add(struct map *map, const struct roost_pageblock_info *block)
{
	if (++peer.blocks > BLOCKS_MOST) {
		strcpy(fuzz_error, "a large map");
		fuzz_give_up();
	}
	__real_map_add(map, block);
}

/* ---- Answers that are made ------------------------------------------------------------------- */

static void put_string(FILE *out, struct fuzz_bytes *b)
{
	char text[48];

	fuzz_text(b, text, sizeof(text));
	putc('"', out);
	for (const char *at = text; *at; at++)
		if (*at < ' ' || *at == '"' || *at == '\\')
			fprintf(out, "\\u%04x", (unsigned char)*at);
		else
			putc(*at, out);
	putc('"', out);
}

/* Mostly a count, now and then something else. */
static void put_value(FILE *out, struct fuzz_bytes *b, unsigned depth)
{
	unsigned how = fuzz_below(b, 16), n = fuzz_below(b, 4);

	if (how < 8)
		fprintf(out, "%u", fuzz_below(b, 1024));
	else if (how < 11)
		fprintf(out, "%lld", (long long)fuzz_any(b));
	else if (how == 11)
		fprintf(out, "%u.5e%u", n, fuzz_below(b, 309));
	else if (how == 12)
		put_string(out, b);
	else if (how == 13 || depth > 3)
		fputs(n ? "null" : "true", out);
	else if (how == 14)
		for (unsigned i = 0; i <= n; i++) {
			putc(i ? ',' : '[', out);
			put_value(out, b, depth + 1);
			if (i == n)
				putc(']', out);
		}
	else
		fputs("{}", out);
}

/* Fields of those names, in this order, each there or not. */
static void put_fields(FILE *out, struct fuzz_bytes *b, const char *const *names)
{
	for (; *names; names++) {
		if (fuzz_below(b, 8) == 7)
			continue;
		fprintf(out, ",\"%s\":", *names);
		put_value(out, b, 0);
	}
}

static void put_numbers(FILE *out, struct fuzz_bytes *b, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++) {
		putc(i ? ',' : '[', out);
		put_value(out, b, 3);
	}
	putc(']', out);
}

/* A run of pageblocks that a map may hold, or a senseless one. */
static void put_run(FILE *out, struct fuzz_bytes *b, unsigned *pfn)
{
	unsigned frames = 1 + fuzz_below(b, 4096);

	if (fuzz_below(b, 8) == 7) {
		put_numbers(out, b, 9 + fuzz_below(b, 3));
		return;
	}
	fprintf(out, "[%u,%u,%u,%d,%u,%u,%u,%d,%d,%u]", *pfn, frames, fuzz_below(b, 3),
		(int)fuzz_below(b, 5) - 1, fuzz_below(b, 6), fuzz_below(b, 514), fuzz_below(b, 514),
		(int)fuzz_below(b, 12) - 1, (int)fuzz_below(b, 12) - 1, fuzz_below(b, 2));
	*pfn += fuzz_below(b, 2) ? frames : (frames + 511) / 512 * 512;
}

static void put_pool(FILE *out, struct fuzz_bytes *b)
{
	static const char *const fields[] = {"limit", "size",	   "used",     "page_size",
					     "nodes", "set_aside", "resident", NULL};
	static const char *const zone[] = {"managed", "free", "free_pcp", "free_llist", NULL};
	static const char *const cpu[] = {"pageblocks", "free", "allocs", "frees", "failed", NULL};
	static const char *const counters[] = {"alloc_pcp",	 "alloc_zone",	  "alloc_other",
					       "alloc_reserve",	 "free_local",	  "free_remote",
					       "free_direct",	 "fail_wait",	  "fail_nowait",
					       "blocks_claimed", "blocks_stolen", NULL};
	unsigned pfn = fuzz_below(b, 2048);

	fputs("{\"name\":", out);
	fuzz_below(b, 16) == 15 ? put_value(out, b, 0) : put_string(out, b);
	fputs(",\"page_size\":4096", out);
	put_fields(out, b, fields);
	fputs(",\"zones\":[", out);
	for (unsigned i = 0, n = fuzz_below(b, fuzz_below(b, 8) == 7 ? 40 : 4); i < n; i++) {
		fprintf(out, "%s{\"name\":", i ? "," : "");
		put_string(out, b);
		put_fields(out, b, zone);
		putc('}', out);
	}
	fputs("],\"cpus\":[", out);
	for (unsigned i = 0, n = fuzz_below(b, 4); i < n; i++) {
		fprintf(out, "%s{\"cpu\":%u", i ? "," : "", i);
		put_fields(out, b, cpu);
		putc('}', out);
	}
	fputs("],\"counters\":{\"x\":0", out);
	put_fields(out, b, counters);
	fputs("},\"fill\":", out);
	put_numbers(out, b, 1 + fuzz_below(b, 8));
	fputs(",\"pageblocks\":[", out);
	for (unsigned i = 0, n = fuzz_below(b, 8); i < n; i++) {
		fputs(i ? "," : "", out);
		put_run(out, b, &pfn);
	}
	fputs("]}", out);
}

/* Another answer in the place of the input; free() it. */
static char *make_answer(struct fuzz_bytes *b, size_t *length)
{
	char *text;
	FILE *out = open_memstream(&text, length);

	if (!out)
		abort();
	for (unsigned answers = 1 + fuzz_below(b, 2), i = 0; i < answers; i++) {
		fprintf(out, "%s{\"roost\":1,\"program\":", i ? "\xff" : "");
		put_string(out, b);
		fputs(",\"pid\":", out);
		put_value(out, b, 0);
		fputs(",\"time_ns\":", out);
		put_value(out, b, 0);
		fputs(",\"pools\":[", out);
		for (unsigned k = 0, n = fuzz_below(b, 4); k < n; k++) {
			fputs(k ? "," : "", out);
			put_pool(out, b);
		}
		fputs("]}", out);
	}
	fclose(out);
	if (fuzz_log())
		fprintf(stderr, "%s\n", text);
	return text;
}

/* ---- top ----------------------------------------------------------------------------------- */

struct asked {
	json_t *before, *now;
	struct top_view view;
	char *text;
	size_t length;
};

static void write_table(void *context)
{
	struct asked *a = context;
	FILE *out = open_memstream(&a->text, &a->length);

	if (!out)
		abort();
	top_write(out, a->now, a->before, &a->view);
	fclose(out);
}

static json_t *ask(struct fuzz_bytes *b)
{
	const uint8_t *end = memchr(b->at, 0xff, (size_t)(b->end - b->at));
	char error[ERROR_MAX] = "";
	json_t *root;

	peer.left = (struct fuzz_bytes){b->at, end ? end : b->end};
	b->at = end ? end + 1 : b->end;
	root = live_ask("/tmp/fuzz", "stats", 0, error);
	if (!root)
		fuzz_check_line("no answer", error);
	return root;
}

static void do_top(struct fuzz_bytes *b, unsigned how)
{
	struct asked a = {
		.view = {.sort = (enum top_sort)(how >> 2 & 3) % TOP_NR_SORTS, .cpus = how & 2}};

	a.now = ask(b);
	if (a.now && fuzz_more(b))
		a.before = ask(b);
	if (a.now && fuzz_try(write_table, &a))
		fuzz_check_text("the table", a.text, a.length, LONGEST);
	else if (a.now)
		fuzz_check_line("no table", fuzz_error);
	free(a.text);
	json_decref(a.before);
	json_decref(a.now);
}

/* ---- map --live ---------------------------------------------------------------------------- */

struct shown {
	struct map maps[MAP_MAX];
	size_t nr;
};

static void read_maps(void *context)
{
	struct shown *s = context;

	s->nr = map_live("/tmp/fuzz", s->maps);
}

typedef void write_map(FILE *out, const struct map_view *view);

static void svg(FILE *out, const struct map_view *view)
{
	map_write_svg(out, view);
}

static void plain(FILE *out, const struct map_view *view)
{
	map_write_text(out, view, false);
}

static void as_json(FILE *out, const struct map_view *view)
{
	json_t *root = map_json(view);

	json_dumpf(root, out, JSON_COMPACT);
	json_decref(root);
}

static void check_form(const char *name, write_map *write, const struct map_view *view,
		       size_t longest)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	json_t *root;

	if (!out)
		abort();
	write(out, view);
	fclose(out);
	fuzz_check_text(name, text, length, longest);
	if (write == as_json) {
		root = json_loadb(text, length, 0, NULL);
		FUZZ_CHECK(root, "a map in JSON that is none");
		json_decref(root);
	}
	free(text);
}

static void write_maps(void *context)
{
	const struct map_view *view = context;

	check_form("a map as text", plain, view, LONGEST);
	check_form("a map in JSON", as_json, view, SIZE_MAX);
	check_form("a map in SVG", svg, view, 4096);
}

static void do_map(struct fuzz_bytes *b, unsigned how)
{
	static struct shown s;
	struct map_view view = {.maps = s.maps, .by = how & 16 ? MAP_BY_TYPE : MAP_BY_OWNER};

	memset(&s, 0, sizeof(s));
	peer.left = *b;
	if (!fuzz_try(read_maps, &s)) {
		fuzz_check_line("no map", fuzz_error);
	} else {
		view.nr = s.nr;
		if (!fuzz_try(write_maps, &view))
			fuzz_check_line("a map that is not drawn", fuzz_error);
	}
	for (unsigned i = 0; i < MAP_MAX; i++)
		map_release(&s.maps[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, data + size};
	unsigned how = (unsigned)fuzz_number(&bytes, 1);
	char *made = NULL;
	size_t length;

	fuzz_quiet();
	peer.at_once = (size_t)fuzz_number(&bytes, 1);
	peer.blocks = 0;
	if (how & 32) {
		made = make_answer(&bytes, &length);
		bytes = (struct fuzz_bytes){(const uint8_t *)made, (const uint8_t *)made + length};
	}
	if (how & 1)
		do_map(&bytes, how);
	else
		do_top(&bytes, how);
	free(made);
	return 0;
}
