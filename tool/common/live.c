/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "live.h"
#include "printable_json.h"
#include "say.h"

enum {
	WAIT_S = 10, /* for the next bytes */
	MOST = 256 << 20,
};

static int connect_to(const char *path, pid_t pid, char error[])
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval wait = {.tv_sec = WAIT_S};
	struct ucred peer;
	socklen_t length = sizeof(peer);
	int fd;

	if (strlen(path) >= sizeof(address.sun_path)) {
		snprintf(error, ERROR_MAX, "%.300s: too long for the path of a socket", path);
		return -1;
	}
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		if (!pid || (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 &&
			     peer.pid == pid))
			return fd;
		snprintf(error, ERROR_MAX, "%.300s: another process than %d serves there", path,
			 (int)pid);
	} else if (errno == ECONNREFUSED) {
		snprintf(error, ERROR_MAX,
			 "%.300s: no process serves there any more, or it is not a socket", path);
	} else if (errno == ENOENT) {
		snprintf(error, ERROR_MAX,
			 "%.300s: no such socket; is the process there, and does it serve "
			 "(ROOST_SERVE)?",
			 path);
	} else {
		snprintf(error, ERROR_MAX, "%.300s: cannot connect: %s", path, strerror(errno));
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* Reads all that comes; NULL: an error. */
static char *read_all(int fd, size_t *length)
{
	size_t room = 1 << 16;
	char *text = grow(NULL, room, 1);
	ssize_t n;

	*length = 0;
	while ((n = recv(fd, text + *length, room - *length, 0)) > 0) {
		*length += (size_t)n;
		if (*length == room) {
			if (room >= MOST)
				break;
			room *= 2;
			text = grow(text, room, 1);
		}
	}
	if (n == 0)
		return text;
	free(text);
	return NULL;
}

/* ---- What the answer may say ---------------------------------------------------------------- */

/* A process writes names in ASCII, with \\xNN for other bytes. This makes them printable. */
static json_t *read_name(const char *text)
{
	char *name = grow(NULL, strlen(text) + 1, 1);
	json_t *string;
	size_t length = 0;

	while (*text) {
		unsigned byte;

		if (sscanf(text, "\\x%2x", &byte) == 1 && byte &&
		    isxdigit((unsigned char)text[2]) && isxdigit((unsigned char)text[3])) {
			name[length++] = (char)byte;
			text += 4;
		} else {
			name[length++] = *text++;
		}
	}
	name[length] = '\0';
	string = json_printable(name);
	free(name);
	return string;
}

static bool check(json_t *value);

static bool check_member(json_t *object, const char *key, json_t *member)
{
	if (!json_is_string(member))
		return check(member);
	if (json_object_set_new(object, key, read_name(json_string_value(member))) != 0)
		die("out of memory");
	return true;
}

/* Are all numbers such as a process may send? Makes names printable on the way. -1 is legal in
 * maps; the readers check that other numbers are not negative. */
static bool check(json_t *value)
{
	const char *key;
	json_t *member;
	void *next;
	size_t i;

	if (json_is_real(value) || json_integer_value(value) < -1)
		return false;
	json_array_foreach(value, i, member)
	{
		if (!check(member))
			return false;
	}
	json_object_foreach_safe(value, next, key, member)
	{
		if (!check_member(value, key, member))
			return false;
	}
	return true;
}

static bool all_have_names(const json_t *pools)
{
	for (size_t i = 0; i < json_array_size(pools); i++)
		if (!json_is_string(json_object_get(json_array_get(pools, i), "name")))
			return false;
	return true;
}

static json_t *parse(const char *path, const char *text, size_t length, char error[])
{
	json_error_t why = {.text = ""};
	json_t *root = json_loadb(text, length, 0, &why);
	const char *complaint;
	char said[256];

	printable_again(said, sizeof(said), 100, why.text);
	if (json_integer_value(json_object_get(root, "roost")) != 1) {
		snprintf(error, ERROR_MAX, "%.190s: the answer is not in the format of roost%s%s",
			 path, *said ? ": " : "", said);
	} else if ((complaint = json_string_value(json_object_get(root, "error")))) {
		snprintf(error, ERROR_MAX, "%.200s: it answers: %s", path,
			 printable_again(said, sizeof(said), 200, complaint));
	} else if (!json_is_array(json_object_get(root, "pools"))) {
		snprintf(error, ERROR_MAX, "%.300s: its answer has no pools", path);
	} else if (!all_have_names(json_object_get(root, "pools"))) {
		snprintf(error, ERROR_MAX, "%.300s: its answer has a pool without a name", path);
	} else if (!check(root)) {
		snprintf(error, ERROR_MAX,
			 "%.300s: its answer is wrong: a number in it is not a count", path);
	} else {
		return root;
	}
	json_decref(root);
	return NULL;
}

json_t *live_ask(const char *path, const char *what, pid_t pid, char error[])
{
	int fd = connect_to(path, pid, error);
	json_t *root = NULL;
	char line[64], *text;
	size_t length;

	if (fd < 0)
		return NULL;
	snprintf(line, sizeof(line), "roost 1 %s\n", what);
	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0 || !(text = read_all(fd, &length))) {
		snprintf(error, ERROR_MAX, "%.300s: no answer: %s", path, strerror(errno));
	} else {
		root = parse(path, text, length, error);
		free(text);
	}
	close(fd);
	return root;
}
