/* SPDX-License-Identifier: MIT */
/*
 * assert.h - what must hold at one place of the code, whatever others do at that instant.
 *
 * Assertions are about the engine, not about its callers: misuse has a hook, and is looked for in
 * all builds. What the check level does not find (a double free at ROOST_CHECK_NONE; two at one
 * instant below ROOST_CHECK_EXACT) may break the engine's state, and then an assertion, too. The
 * one that such a free itself breaks says so.
 *
 * They are in lab builds alone, so that the explorer looks at each of them in each interleaving;
 * roost_validate() sees what is left in the end. A build may choose:
 *
 *	RST_ASSERTS	0  none: no code, but the conditions are compiled (the default)
 *			1  RST_ASSERT: a few loads
 *			2  RST_ASSERT_WALK too: a walk over a set (the default of lab builds)
 *
 * A condition that reads what others change reads it atomically, and is true in each interleaving.
 * It reads what is newest where the port can tell (RST_OBSERVE), so it is no step of its own there.
 * Where the result of a step will do, it is that. One that does not hold ends in the port's fatal.
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
