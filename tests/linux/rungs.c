// SPDX-License-Identifier: MIT OR GPL-2.0
/*
 * rungs.c - in which contexts each rung must have been used after a load, and where it cannot be.
 *
 *	T task   S softirq   H hard interrupt   N NMI
 *
 * Why some cannot be:
 *
 * - No reserve is configured by roost.ko, so alloc_reserve is nobody's.
 * - Only tasks wait for memory: fail_wait, wait_rounds.
 * - An NMI does not wait for the zone lock: zone_lock_waited. Nor does any allocation without
 *   ROOST_WAIT, nor a free by the _nolock calls; but softirqs and hard interrupts do when they
 *   free, since the holder of the zone lock has interrupts off.
 * - Frees that come to a pcp over another CPU's list do not take its lock: with llist there is a
 *   free_remote only if the CPU came on-line just now.
 * - With one CPU nobody is remote. The pcp lock is held with preemption off, so only what
 *   interrupts a task finds it taken; the zone lock is held with interrupts off, so only an NMI
 *   does. And alloc_other is what the CPU's own pcp has of other migratetypes.
 * - The engine sets takes no lock, so nothing that has to do with one ever counts; and its frees
 *   need not know whether a CPU is off-line. Its free_direct are blocks of order 9 and above.
 *   With one CPU there is no other home.
 */
#include <linux/string.h>

#include "counters.h"
#include "load.h"
#include "rungs.h"

#define ALL  "TSHN"
#define NONE ""

enum build {
	TRYLOCK,
	LLIST,
	PCPBUDDY_UP,
	ROOST,
	ROOST_UP,
	BUILDS,
};

struct row {
	unsigned int counter;
	struct {
		const char *must, *never;
	} in[BUILDS];
};

/* clang-format off */
#define YES   {ALL, NONE}
#define NEVER {NONE, ALL}
#define TASKS {"T", "SHN"}
#define SOME  {"T", NONE}

static const struct row rows[] = {
	/*                              trylock        llist          pcpbuddy, UP   sets   UP */
	{KT_PLACE(alloc_pcp),          {YES,           YES,           YES,           YES,   YES}},
	{KT_PLACE(alloc_zone),         {YES,           YES,           YES,           YES,   YES}},
	{KT_PLACE(alloc_other),        {YES,           YES,           YES,           YES,   NEVER}},
	{KT_PLACE(alloc_reserve),      {NEVER,         NEVER,         NEVER,         NEVER, NEVER}},
	{KT_PLACE(fail_wait),          {TASKS,         TASKS,         TASKS,         TASKS, TASKS}},
	{KT_PLACE(fail_nowait),        {YES,           YES,           YES,           YES,   YES}},
	{KT_PLACE(free_local),         {YES,           YES,           YES,           YES,   YES}},
	{KT_PLACE(free_remote),        {YES,           {NONE, NONE},  NEVER,         YES,   NEVER}},
	{KT_PLACE(free_llist),         {NEVER,         YES,           NEVER,         NEVER, NEVER}},
	{KT_PLACE(free_fallback),      {YES,           YES,           {"SHN", "T"},  NEVER, NEVER}},
	{KT_PLACE(free_dead),          {YES,           YES,           YES,           NEVER, NEVER}},
	{KT_PLACE(free_direct),        {YES,           YES,           YES,           YES,   YES}},
	{KT_PLACE(free_zone_llist),    {YES,           YES,           {"N", "TSH"},  NEVER, NEVER}},
	{KT_PLACE(trylock_fail_alloc), {YES,           YES,           {"SHN", "T"},  NEVER, NEVER}},
	{KT_PLACE(trylock_fail_free),  {YES,           YES,           {"SHN", "T"},  NEVER, NEVER}},
	{KT_PLACE(trylock_fail_drain), {YES,           YES,           {"SHN", "T"},  NEVER, NEVER}},
	{KT_PLACE(zone_lock),          {YES,           YES,           YES,           NEVER, NEVER}},
	{KT_PLACE(zone_lock_waited),   {{"TSH", "N"},  {"TSH", "N"},  NEVER,         NEVER, NEVER}},
	{KT_PLACE(zone_trylock_fail),  {YES,           YES,           {"N", "TSH"},  NEVER, NEVER}},
	{KT_PLACE(zone_frames),        {YES,           YES,           YES,           NEVER, NEVER}},
	{KT_PLACE(blocks_claimed),     {SOME,          SOME,          SOME,          SOME,  SOME}},
	{KT_PLACE(blocks_disowned),    {TASKS,         TASKS,         TASKS,         NEVER, NEVER}},
	{KT_PLACE(pcp_drained),        {YES,           YES,           YES,           NEVER, NEVER}},
	{KT_PLACE(absorbed),           {SOME,          YES,           SOME,          NEVER, NEVER}},
	{KT_PLACE(wait_rounds),        {TASKS,         TASKS,         TASKS,         TASKS, TASKS}},
	{KT_PLACE(pressure),           {YES,           YES,           YES,           YES,   YES}},
};
/* clang-format on */

static enum build this_build(void)
{
	if (!kt_about.pcpbuddy)
		return kt_about.smp ? ROOST : ROOST_UP;
	if (!kt_about.smp)
		return PCPBUDDY_UP;
	return kt_about.llist ? LLIST : TRYLOCK;
}

static unsigned int bits_of(const char *letters)
{
	unsigned int bits = 0;

	for (unsigned int in = 0; in < KT_NR_CONTEXTS; in++)
		if (strchr(letters, ALL[in]))
			bits |= 1u << in;
	return bits;
}

struct kt_rung kt_rung(unsigned int counter)
{
	enum build build = this_build();

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].counter == counter)
			return (struct kt_rung){bits_of(rows[i].in[build].must),
						bits_of(rows[i].in[build].never)};
	return (struct kt_rung){0, 0};
}
