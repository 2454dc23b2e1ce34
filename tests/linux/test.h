/* SPDX-License-Identifier: MIT OR GPL-2.0 */
/* test.h - what the parts of roost_test.ko know of each other. What it does: main.c. */
#ifndef RST_LINUX_TEST_H
#define RST_LINUX_TEST_H

#include <linux/ktime.h>
#include <linux/mm_types.h>
#include <linux/types.h>

#include "roost/linux.h"

/* ---- main.c: what is said ------------------------------------------------------------------- */

/* A line, or a part of one, of the result. Thread context, one run at a time. */
__printf(1, 2) void kt_say(const char *format, ...);
/* The same, and the verdict will be that it failed, for the first such reason. */
__printf(1, 2) void kt_fail(const char *format, ...);
bool kt_failed(void);
/* The last line: "verdict: WHAT pass", or FAIL and why. */
void kt_verdict(const char *what);

/* How roost.ko was built and loaded. */
struct kt_about {
	bool pcpbuddy; /* else the engine sets */
	bool smp;
	bool llist, blocking; /* pcpbuddy's free path; neither: trylock */
};

extern struct kt_about kt_about;

static inline ktime_t kt_us(u64 us)
{
	return ns_to_ktime(us * NSEC_PER_USEC);
}

/* ---- nmi.c ---------------------------------------------------------------------------------- */

/* From now on fn runs in the NMIs that kt_nmi_send() sends, and in those that come from outside
 * (QEMU's inject-nmi). 0 or an error: there are none available here. */
int kt_nmi_start(void (*fn)(void));
void kt_nmi_stop(void);
/* Sends one, unless the last has not come yet. Any context but NMI. */
void kt_nmi_send(unsigned int cpu);
/* The CPU is new: what was sent to it before has been lost. */
void kt_nmi_forget(unsigned int cpu);
/* The number that came and were not sent here. */
unsigned long kt_nmi_foreign(void);

/* ---- The proof ------------------------------------------------------------------------------ */

/* proof.c: the order of locks, for lockdep. */
void kt_order(bool bulk, bool free_first);
/* hang.c: the deadlock itself. */
void kt_hang(unsigned int seconds);

/* ---- Calls and arguments -------------------------------------------------------------------- */

/* calls.c: arguments at their limits; calls where nothing may sleep, for kernels that can tell. */
void kt_calls(void);
void kt_frees(unsigned int rounds);
void kt_atomic(void);
/* wrong.c: pages that go to the kernel's allocator. */
void kt_wrong(void);
void kt_left(void);

/* ---- caches.c ------------------------------------------------------------------------------- */

void kt_caches(void);

/* ---- load.c --------------------------------------------------------------------------------- */

void kt_load(unsigned int seconds, bool nmi);

#endif
