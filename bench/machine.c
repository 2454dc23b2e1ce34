/* SPDX-License-Identifier: MIT */
/*
 * machine.c - what was built; the machine itself is in tool/common/host.c.
 */
#include <gnu/libc-version.h>

#include <roost/roost.h>

#include "bench.h"

json_t *machine_versions(void)
{
#if defined(__clang__)
	static const char compiler[] = __VERSION__;
#else
	static const char compiler[] = "gcc " __VERSION__;
#endif

	return json_pack("{s:s, s:s, s:s, s:s}", "roost", ROOST_VERSION_STRING, "compiler",
			 compiler, "flags", BENCH_FLAGS, "glibc", gnu_get_libc_version());
}
