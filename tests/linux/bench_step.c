// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * bench_step.c - counts instructions by single steps: with the trap flag set, the processor calls
 * the kernel back behind each one. Of the instruction that comes next it is seen whether it is
 * atomic, and whether it is the first of a function that takes a lock, or tries to: then the lock
 * is its argument.
 *
 * An interrupt in between is not counted: the processor clears the flag when it enters a handler.
 * It must not lead to another task, though, which would run with the flag set.
 */
#include <linux/errno.h>
#include <linux/irqflags.h>
#include <linux/kallsyms.h>
#include <linux/kdebug.h>
#include <linux/kprobes.h>
#include <linux/mmzone.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "bench.h"

#ifdef CONFIG_X86_64
#include <asm/debugreg.h>
#include <asm/processor-flags.h>
#include <asm/ptrace.h>

enum { PROFILE_MOST = 1 << 17 };

static struct bench_sample counted;
static unsigned long last_ip, irq_flags;
static bool stepping;

/* What bench_profile() wants: where each instruction was. */
static unsigned long *profile;
static unsigned int profiled;

static bool is_prefix(u8 byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64 ... 0x67:
	case 0xf2:
	case 0xf3:
		return true;
	}
	return (byte & 0xf0) == 0x40; /* REX */
}

/* LOCK, or xchg with memory, which is as good as locked. */
static bool is_atomic(const u8 *code)
{
	while (is_prefix(*code))
		code++;
	if (*code == 0x86 || *code == 0x87)
		return code[1] < 0xc0;
	return *code == 0xf0;
}

/* ---- Locks --------------------------------------------------------------------------------- */

/* Of all zones: there are few. */
static unsigned long zone_locks[MAX_NUMNODES * MAX_NR_ZONES], pcp_locks[1 << 12];
static unsigned int nr_zone_locks, nr_pcp_locks;

/* Without SMP and debugging a lock is nothing. */
static bool takes_lock(unsigned long ip)
{
#ifdef CONFIG_PREEMPT_RT
	return ip == (unsigned long)rt_spin_lock || ip == (unsigned long)rt_spin_trylock;
#elif defined(CONFIG_SMP) || defined(CONFIG_DEBUG_SPINLOCK)
	return ip == (unsigned long)_raw_spin_lock || ip == (unsigned long)_raw_spin_trylock ||
	       ip == (unsigned long)_raw_spin_lock_irq ||
	       ip == (unsigned long)_raw_spin_lock_irqsave;
#else
	return false;
#endif
}

static bool is_among(const unsigned long *locks, unsigned int n, unsigned long lock)
{
	for (unsigned int i = 0; i < n; i++)
		if (locks[i] == lock)
			return true;
	return false;
}

static void find_locks(void)
{
	int nid, cpu;

	nr_zone_locks = nr_pcp_locks = 0;
	for_each_online_node(nid) for (unsigned int i = 0; i < MAX_NR_ZONES; i++)
	{
		struct zone *zone = NODE_DATA(nid)->node_zones + i;

		if (!populated_zone(zone))
			continue;
		zone_locks[nr_zone_locks++] = (unsigned long)&zone->lock;
		for_each_online_cpu(cpu) if (nr_pcp_locks < ARRAY_SIZE(pcp_locks))
			pcp_locks[nr_pcp_locks++] =
				(unsigned long)&per_cpu_ptr(zone->per_cpu_pageset, cpu)->lock;
	}
}

static int on_step(struct notifier_block *self, unsigned long event, void *data)
{
	struct die_args *args = data;
	struct pt_regs *regs = args->regs;
	const unsigned long *dr6 = (const unsigned long *)args->err;

	if (event != DIE_DEBUG || !stepping || user_mode(regs) || !(*dr6 & DR_STEP))
		return NOTIFY_DONE;
	/* Each round of a string instruction is a step: the instruction is one. */
	if (regs->ip != last_ip) {
		last_ip = regs->ip;
		counted.instructions++;
		counted.atomics += is_atomic((const u8 *)regs->ip);
		if (takes_lock(regs->ip)) {
			counted.zone_locks += is_among(zone_locks, nr_zone_locks, regs->di);
			counted.pcp_locks += is_among(pcp_locks, nr_pcp_locks, regs->di);
		}
		if (profile && profiled < PROFILE_MOST)
			profile[profiled++] = regs->ip;
	}
	return NOTIFY_STOP;
}
NOKPROBE_SYMBOL(on_step);

static struct notifier_block on_die = {.notifier_call = on_step};

static void step_begin(void)
{
	preempt_disable();
	local_irq_save(irq_flags);
	counted = (struct bench_sample){0};
	last_ip = 0;
	asm volatile("pushfq; orq %0, (%%rsp); popfq" : : "i"(X86_EFLAGS_TF) : "memory", "cc");
}

static void step_end(struct bench_sample *sample)
{
	asm volatile("pushfq; andq %0, (%%rsp); popfq"
		     :
		     : "i"(~(long)X86_EFLAGS_TF)
		     : "memory", "cc");
	*sample = counted;
	local_irq_restore(irq_flags);
	preempt_enable();
}

/* Ten instructions, of which three are atomic. rep is one, whatever the count. */
#define KNOWN                                                                                      \
	"lock incq %[word]\n\t"                                                                    \
	"xchgq %[other], %[word]\n\t"                                                              \
	"xchgq %[other], %%rax\n\t"                                                                \
	"lock cmpxchgq %[other], %[word]\n\t"                                                      \
	"nop\n\t"                                                                                  \
	"incq %[word]\n\t"                                                                         \
	"movl $4, %%ecx\n\t"                                                                       \
	"rep stosb\n\t"                                                                            \
	"pushq %%rax\n\t"                                                                          \
	"popq %%rax\n\t"
#define DEFINE_RUN(name, code)                                                                     \
	static noinline struct bench_sample name(void)                                             \
	{                                                                                          \
		struct bench_sample sample;                                                        \
		u64 word = 0, other = 1;                                                           \
		u8 bytes[8], *to = bytes;                                                          \
                                                                                                   \
		step_begin();                                                                      \
		asm volatile(code                                                                  \
			     : [word] "+m"(word), [other] "+r"(other), "+D"(to)                    \
			     :                                                                     \
			     : "rax", "rcx", "memory", "cc");                                      \
		step_end(&sample);                                                                 \
		return sample;                                                                     \
	}

DEFINE_RUN(run_known, KNOWN)
DEFINE_RUN(run_known_twice, KNOWN KNOWN)

/* The difference: what the compiler puts around is in both. */
static bool counts_right(void)
{
	struct bench_sample once = run_known(), twice = run_known_twice();

	return twice.instructions - once.instructions == 10 && once.atomics == 3 &&
	       twice.atomics == 6;
}

static void step_stop(void)
{
	unregister_die_notifier(&on_die);
	stepping = false;
}

static int step_start(void)
{
	int err = register_die_notifier(&on_die);

	if (err)
		return err;
	find_locks();
	stepping = true;
	if (counts_right())
		return 0;
	step_stop();
	return -EOPNOTSUPP;
}

/* ---- Where the instructions are ------------------------------------------------------------ */

struct place {
	char name[64];
	unsigned int n;
};

static void add_to(struct place *places, unsigned int *nr, unsigned int most, unsigned long ip)
{
	char name[KSYM_SYMBOL_LEN];
	unsigned int i;

	sprint_symbol_no_offset(name, ip);
	for (i = 0; i < *nr && strncmp(places[i].name, name, sizeof(places->name) - 1); i++)
		;
	if (i == most)
		return;
	if (i == *nr) {
		strscpy(places[i].name, name, sizeof(places->name));
		places[i].n = 0;
		(*nr)++;
	}
	places[i].n++;
}

static void say_profile(const char *what)
{
	enum { PLACES = 128 };
	struct place *places = kcalloc(PLACES, sizeof(*places), GFP_KERNEL);
	unsigned int nr = 0;

	if (!places)
		return;
	for (unsigned int i = 0; i < profiled; i++)
		add_to(places, &nr, PLACES, profile[i]);
	bench_say("profile %s %u\n", what, profiled);
	for (unsigned int i = 0; i < nr; i++)
		bench_say("  %6u %s\n", places[i].n, places[i].name);
	kfree(places);
}

static void profile_one(const struct bench_peer *peer, unsigned int order, bool put,
			bench_block *block)
{
	struct bench_sample sample;

	profiled = 0;
	step_begin();
	if (put)
		peer->put(order, block, 1);
	else
		peer->get(order, BENCH_WAIT, block, 1);
	step_end(&sample);
}

int bench_profile(const struct bench_peer *peer, unsigned int order)
{
	unsigned long *room = kvmalloc_array(PROFILE_MOST, sizeof(*room), GFP_KERNEL);
	bench_block block;
	int err;

	if (!room)
		return -ENOMEM;
	err = step_start();
	if (!err) {
		profile = room;
		profile_one(peer, order, false, &block);
		say_profile("get");
		profile_one(peer, order, true, &block);
		say_profile("put");
		profile = NULL;
		step_stop();
	}
	kvfree(room);
	return err;
}
#else
static int step_start(void)
{
	return -EOPNOTSUPP;
}

static void step_stop(void)
{
}

static void step_begin(void)
{
}

static void step_end(struct bench_sample *sample)
{
}

int bench_profile(const struct bench_peer *peer, unsigned int order)
{
	return -EOPNOTSUPP;
}
#endif

const struct bench_meter bench_meter_step = {
	.name = "step",
	.start = step_start,
	.stop = step_stop,
	.begin = step_begin,
	.end = step_end,
};
