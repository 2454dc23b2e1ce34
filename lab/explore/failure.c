/* SPDX-License-Identifier: MIT */
/* failure.c - what the kinds of failures are called. */
#include "vm.h"

const char *failure_name(enum failure_kind kind)
{
	static const char *const names[FAIL_KINDS] = {
		[FAIL_NONE] = "pass",
		[FAIL_DEADLOCK] = "deadlock",
		[FAIL_LOST_WAKEUP] = "lost-wakeup",
		[FAIL_LIVELOCK] = "livelock",
		[FAIL_RACE] = "race",
		[FAIL_DOUBLED] = "doubled",
		[FAIL_INVARIANT] = "invariant",
		[FAIL_LOCK] = "lock",
		[FAIL_MISUSE] = "misuse",
		[FAIL_ASSERT] = "assert",
		[FAIL_BOUND] = "bound",
		[FAIL_FATAL] = "fatal",
		[FAIL_VACUOUS] = "vacuous",
	};

	return names[kind];
}
