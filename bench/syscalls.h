/* SPDX-License-Identifier: MIT */
/*
 * syscalls.h - does a call make a system call? Asked of the kernel (syscall user dispatch, Linux
 * 5.11), so that it costs nothing while no system call is made. x86-64 alone.
 */
#ifndef BENCH_SYSCALLS_H
#define BENCH_SYSCALLS_H

#include <stdbool.h>

/* For the calling thread. False: this machine cannot tell. */
bool syscalls_watch(void);

/* Around the call: true if it made one. */
void syscalls_begin(void);
bool syscalls_end(void);

#endif
