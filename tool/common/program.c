/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "say.h"

_Static_assert(PROGRAM_MAX >= PATH_MAX + 256, "this program's path and the names fit");
_Static_assert(sizeof(ROOST_LIBEXEC) < 128, "as the other names do");

/* The folder of the program that runs. */
static void find_self(char self[PATH_MAX])
{
	ssize_t length = readlink("/proc/self/exe", self, PATH_MAX - 1);

	if (length < 0)
		die("cannot find out where this program lies: %s", strerror(errno));
	self[length] = '\0';
	*strrchr(self, '/') = '\0';
}

/* Is there such a program in a directory, named from that of the tool? */
static bool find_in(char path[PROGRAM_MAX], const char *directory, const char *command,
		    const char *engine)
{
	char self[PATH_MAX];

	find_self(self);
	snprintf(path, PROGRAM_MAX, "%s/%sroost-%.32s%s%.32s", self, directory, command,
		 engine ? "-" : "", engine ? engine : "");
	return access(path, X_OK) == 0;
}

bool program_find(char path[PROGRAM_MAX], const char *command, const char *engine)
{
	bool found = find_in(path, ROOST_LIBEXEC "/", command, engine) ||
		     find_in(path, "", command, engine);

	return found && !(engine && strchr(engine, '/'));
}

void program_shared(char path[PROGRAM_MAX], const char *kind, const char *name)
{
	char self[PATH_MAX];

	find_self(self);
	snprintf(path, PROGRAM_MAX, "%s/roost-%.32s-%.32s.so", self, kind, name);
}
