/* SPDX-License-Identifier: MIT */
/*
 * rounds.c - see rounds.h. A round:
 *
 *	RESTING   after some steps roost_cpu_offline(), while the CPU goes on with its load; then it
 *	          is asked to leave
 *	LEAVING   until the firmware says that it is off
 *	AWAY      for some steps: what it had allocated is freed by others, its pageblocks are used
 *	          by others. Then roost_cpu_online(), and the firmware starts it
 *	COMING    until it takes mail again
 */
#include "rounds.h"

#include "arch.h"
#include "console.h"
#include "cpu.h"
#include "memory.h"

enum { REST = 300, ABSENCE = 300 }; /* steps */

struct rounds rounds;

enum state { RESTING, LEAVING, AWAY, COMING };

static struct {
	enum state state;
	unsigned steps; /* in this state */
	unsigned turn;
	struct cpu *cpu;
} round;

static void to(enum state state)
{
	round.state = state;
	round.steps = 0;
}

static void begin(void)
{
	do
		round.cpu = &cpus[++round.turn % nr_cpus];
	while (round.cpu == arch_self());
	if (roost_cpu_offline(memory, round.cpu->number))
		fail("CPU %u is not taken off-line", round.cpu->number);
	atomic_store_explicit(&round.cpu->leave, true, memory_order_relaxed);
	to(LEAVING);
}

static void bring_back(void)
{
	if (roost_cpu_online(memory, round.cpu->number))
		fail("CPU %u is not taken on-line", round.cpu->number);
	cpu_start(round.cpu);
	to(COMING);
}

bool rounds_step(bool more)
{
	round.steps++;
	switch (round.state) {
	case RESTING:
		if (more && nr_cpus > 1 && round.steps > REST)
			begin();
		break;
	case LEAVING:
		if (cpu_is_gone(round.cpu))
			to(AWAY);
		break;
	case AWAY:
		rounds.away_steps++;
		if (round.steps > ABSENCE)
			bring_back();
		break;
	case COMING:
		if (!atomic_load_explicit(&round.cpu->online, memory_order_relaxed))
			break;
		rounds.done++;
		to(RESTING);
		break;
	}
	return round.state != RESTING;
}
