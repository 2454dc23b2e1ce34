/* SPDX-License-Identifier: MIT */
/*
 * cpus.h - which CPU the thread is on, to the allocator: a virtual one, which may be any; or with
 * ROOST_TEST_CPUS=real in the environment the real one, to which it is bound, as long as there is
 * one of that number. Only there are the CPUs' pockets in use.
 */
#ifndef TESTS_CPUS_H
#define TESTS_CPUS_H

#include <stdbool.h>

void cpus_go(unsigned cpu);
bool cpus_are_real(void);

#endif
