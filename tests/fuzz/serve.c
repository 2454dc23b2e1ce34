/* SPDX-License-Identifier: MIT */
/*
 * serve.c - an input is a pool's name, up to the first 0, and what a client sends to the server of
 * statistics: one answer comes, or none if the line does not end. All of it is well-formed.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>
#include <roost/serve.h>

#include "top.h"

enum {
	LINE_MOST = 127,    /* a longer one is not answered */
	NAME_MOST = 31 * 4, /* a byte may be written as \xNN */
	PATIENCE_S =
		1, /* the server's is 2 s: on a busy machine it may not have had the line by then */
};

static struct sockaddr_un address = {.sun_family = AF_UNIX};

static void begin(void)
{
	static bool begun;
	int err;

	if (begun)
		return;
	begun = true;
	snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/roost-fuzz-%d.sock",
		 (int)getpid());
	err = roost_pool_serve(address.sun_path);
	FUZZ_CHECK(!err, "cannot serve: %s", strerror(-err));
}

/* All that is answered, as text; the caller frees it. */
static char *ask(const uint8_t *data, size_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	size_t length = 0, room = 1 << 16;
	char *text = malloc(room);
	ssize_t n;

	if (!text || fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		abort();
	/* It may hang up before all was sent. */
	if (size)
		(void)!send(fd, data, size, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	while ((n = recv(fd, text + length, room - 1 - length, 0)) > 0 ||
	       (n < 0 && errno == EINTR)) { /* libFuzzer's clock */
		length += n > 0 ? (size_t)n : 0;
		if (length == room - 1) {
			room *= 2;
			text = realloc(text, room);
			if (!text)
				abort();
		}
	}
	close(fd);
	text[length] = 0;
	return text;
}

static bool has_pool(const json_t *root)
{
	const json_t *pools = json_object_get(root, "pools");

	for (size_t i = 0; i < json_array_size(pools); i++) {
		const json_t *name = json_object_get(json_array_get(pools, i), "name");

		if (json_is_string(name) && json_string_length(name) <= NAME_MOST)
			return true;
	}
	return false;
}

static void check_table(const json_t *root)
{
	struct top_view view = {.cpus = true};
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	if (!out)
		abort();
	top_write(out, root, NULL, &view);
	fclose(out);
	fuzz_check_text("the table of a good answer", text, length, 200);
	free(text);
}

static void check(const char *text, bool is_line, bool is_good, time_t seconds)
{
	json_t *root = json_loads(text, 0, NULL);

	if (!*text && seconds > PATIENCE_S)
		return;
	FUZZ_CHECK(is_line == !!*text, "%s, but the line %s", *text ? "an answer" : "no answer",
		   is_line ? "ends" : "does not end");
	if (!is_line)
		return;
	fuzz_check_text("an answer", text, strlen(text), SIZE_MAX);
	FUZZ_CHECK(json_integer_value(json_object_get(root, "roost")) == 1,
		   "the answer does not speak as roost does: %.100s", text);
	FUZZ_CHECK(is_good == has_pool(root) && is_good == !json_object_get(root, "error"),
		   "asked %s, and answered: %.100s", is_good ? "well" : "wrong", text);
	if (is_good)
		check_table(root);
	json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_bytes bytes = {data, data + size};
	struct roost_pool_config config = ROOST_POOL_CONFIG_INIT;
	const char *line, *end;
	roost_pool_t *pool;
	time_t begun;
	char name[64], *text;
	size_t length;

	begin();
	fuzz_text(&bytes, name, sizeof(name));
	config.name = name;
	config.limit = 4 << 20;
	if (roost_pool_create(&pool, &config))
		abort();
	begun = time(NULL);
	line = (const char *)bytes.at;
	length = (size_t)(bytes.end - bytes.at);
	text = ask(bytes.at, length);
	/* A 0 ends what is looked at. */
	length = strnlen(line, length < LINE_MOST ? length : LINE_MOST);
	end = memchr(line, '\n', length);
	length = end ? (size_t)(end - line) : 0;
	check(text, end,
	      end && ((length == strlen("roost 1 stats") &&
		       !memcmp(line, "roost 1 stats", length)) ||
		      (length == strlen("roost 1 map") && !memcmp(line, "roost 1 map", length))),
	      time(NULL) - begun);
	free(text);
	roost_pool_destroy(pool);
	return 0;
}
