/* SPDX-License-Identifier: MIT */
/*
 * assert.h - what must hold at one place of the code, whatever others do at that instant.
 *
 * Assertions check the engine, not its callers: misuse has a hook, and all builds look for it.
 * Misuse that the check level does not find (a double free at ROOST_CHECK_NONE; two frees at one
 * instant below ROOST_CHECK_EXACT) may break the engine's state, and then an assertion fails as
 * well. The assertion that such a free breaks first says so.
 *
 * Only lab builds contain them, so that the explorer checks each of them in each interleaving.
 * roost_validate() sees only the state at the end. A build may choose:
 *
 *	RST_ASSERTS	0  none: no code, but the conditions are compiled (the default)
 *			1  RST_ASSERT: a few loads
 *			2  RST_ASSERT_WALK too: a walk over a set (the default of lab builds)
 *
 * A condition that reads what others change reads it atomically, and is true in each interleaving.
 * Where the port can do that (RST_OBSERVE), it reads the newest value and is no step of its own. If
 * the result of a step is enough, the condition uses that result. A condition that does not hold
 * calls the port's fatal.
 */
#ifndef RST_ASSERT_H
#define RST_ASSERT_H

#include "core/port.h"

#ifndef RST_ASSERTS
#define RST_ASSERTS (ROOST_LAB ? 2 : 0)
#endif

#if RST_ASSERTS
#define RST_ASSERT_FROM(grade, text, condition)                                                    \
	do {                                                                                       \
		bool rst_holds;                                                                    \
                                                                                                   \
		RST_OBSERVE(+1);                                                                   \
		rst_holds = RST_ASSERTS < (grade) || (condition);                                  \
		RST_OBSERVE(-1);                                                                   \
		if (!rst_holds)                                                                    \
			rst_fatal("assertion: " text);                                             \
	} while (0)
#else
#define RST_ASSERT_FROM(grade, text, condition) ((void)sizeof((condition) ? 1 : 0))
#endif

#define RST_ASSERT(text, condition)	 RST_ASSERT_FROM(1, text, condition)
#define RST_ASSERT_WALK(text, condition) RST_ASSERT_FROM(2, text, condition)

#endif
