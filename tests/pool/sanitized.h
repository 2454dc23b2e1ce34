/* SPDX-License-Identifier: MIT */
/* sanitized.h - address and thread sanitizer take time, stack and locks of their own. */
#ifndef TESTS_POOL_SANITIZED_H
#define TESTS_POOL_SANITIZED_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif

#endif
