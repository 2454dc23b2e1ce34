/* SPDX-License-Identifier: MIT */
/* explore.h - `roost explore`: see docs/lab.md. */
#ifndef LAB_EXPLORE_H
#define LAB_EXPLORE_H

/* 0 everything as expected, 1 a finding, 2 bad usage. */
int explore_main(int argc, char **argv);

/* selftest.c: litmus tests of the explorer itself; the number that failed. */
unsigned selftest(void);

#endif
