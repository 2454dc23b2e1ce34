/* SPDX-License-Identifier: MIT */
/* build.h - how this library is built, as text: roost_build_config() without the engine. */
#ifndef RST_BUILD_H
#define RST_BUILD_H

#include "core/port.h"

#define RST_TEXT_OF(value) #value
#define RST_TEXT(value)	   RST_TEXT_OF(value)

#if RST_SEQ
#define RST_BUILD_POCKETS "1"
#else
#define RST_BUILD_POCKETS "0"
#endif

#ifdef __clang__
#define RST_BUILD_COMPILER                                                                         \
	"clang-" RST_TEXT(__clang_major__) "." RST_TEXT(__clang_minor__) "." RST_TEXT(             \
		__clang_patchlevel__)
#else
#define RST_BUILD_COMPILER                                                                         \
	"gcc-" RST_TEXT(__GNUC__) "." RST_TEXT(__GNUC_MINOR__) "." RST_TEXT(__GNUC_PATCHLEVEL__)
#endif

#define RST_BUILD                                                                                  \
	"port=" RST_PORT_NAME " smp=" RST_TEXT(ROOST_SMP) " lab=" RST_TEXT(                        \
		ROOST_LAB) " pockets=" RST_BUILD_POCKETS                                           \
			   " checks=0-3 compiler=" RST_BUILD_COMPILER

#endif
