/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "program.h"
#include "say.h"

_Static_assert(PROGRAM_MAX >= PATH_MAX + 128, "this program's path and the names fit");

bool program_find(char path[PROGRAM_MAX], const char *command, const char *engine)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (length < 0)
		die("cannot find out where this program lies: %s", strerror(errno));
	snprintf(path, PROGRAM_MAX, "%.*s-%.32s%s%.32s", (int)length, self, command,
		 engine ? "-" : "", engine ? engine : "");
	return !(engine && strchr(engine, '/')) && access(path, X_OK) == 0;
}
