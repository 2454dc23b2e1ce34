/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "host.h"

/* The first line of the file that begins so, from after the colon or from its start on. */
static json_t *line_of(const char *path, const char *begin)
{
	char line[256], *text;
	json_t *found = NULL;
	FILE *in = fopen(path, "re");

	while (in && !found && fgets(line, sizeof(line), in)) {
		if (strncmp(line, begin, strlen(begin)) != 0)
			continue;
		line[strcspn(line, "\n")] = '\0';
		text = *begin ? strchr(line, ':') : NULL;
		text = text ? text + 1 : line;
		found = json_string(text + strspn(text, " \t"));
	}
	if (in)
		fclose(in);
	return found ? found : json_null();
}

json_t *host_describe(void)
{
	struct utsname system = {0};

	uname(&system);
	return json_pack(
		"{s:o, s:s, s:s, s:I, s:o, s:o, s:o}", "cpu",
		line_of("/proc/cpuinfo", "model name"), "architecture", system.machine, "kernel",
		system.release, "cores", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "governor",
		line_of("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", ""), "memory",
		line_of("/proc/meminfo", "MemTotal"), "load", line_of("/proc/loadavg", ""));
}
