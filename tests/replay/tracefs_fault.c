/* SPDX-License-Identifier: MIT */
/*
 * tracefs_fault.c - preloaded into `roost record`: libtracefs, with the fault of TRACEFS_FAULT.
 *
 *	trace_off	the first attempt to hold a trace fails
 *	gap		CPU 0 has no statistics, as one that has just gone; CPU 1 has lost 7 events
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <tracefs.h>

static bool is_on(const char *fault)
{
	const char *wanted = getenv("TRACEFS_FAULT");

	return wanted && !strcmp(wanted, fault);
}

int tracefs_trace_off(struct tracefs_instance *instance)
{
	static bool failed;
	int (*real)(struct tracefs_instance *) = dlsym(RTLD_NEXT, "tracefs_trace_off");

	if (!is_on("trace_off") || failed)
		return real(instance);
	failed = true;
	errno = EIO;
	return -1;
}

char *tracefs_instance_file_read(struct tracefs_instance *instance, const char *file, int *size)
{
	char *(*real)(struct tracefs_instance *, const char *, int *) =
		dlsym(RTLD_NEXT, "tracefs_instance_file_read");

	if (!is_on("gap") || strncmp(file, "per_cpu/", strlen("per_cpu/")) != 0)
		return real(instance, file, size);
	if (!strcmp(file, "per_cpu/cpu0/stats"))
		return NULL;
	return strdup(!strcmp(file, "per_cpu/cpu1/stats") ? "entries: 1\noverrun: 7\n"
							  : "entries: 1\noverrun: 0\n");
}
