/* SPDX-License-Identifier: MIT */
/* engine_main.c - the program roost-replay-ENGINE of one of our engines or one of the lab's. */
#include "replay_main.h"
#if TOOL_CLOCK
#include "lab/engines/linux_pcp.h"
#endif

#if TOOL_ZONE_LOCK
static void own(struct replay *replay)
{
	roost_pcpbuddy_pcp_info(replay->machine.roost, MACHINE_ZONES - 1, 0, &replay->pcp);
	roost_pcpbuddy_stats(replay->machine.roost, -1, -1, &replay->counts.pcpbuddy);
}
#else
#define own NULL
#endif

int main(int argc, char **argv)
{
#if TOOL_CLOCK
	static struct engine engine;

	engine = *engine_find(TOOL_ENGINE);
	engine.clock = linux_pcp_clock;
	return replay_main(&engine, own, argc, argv);
#else
	return replay_main(engine_find(TOOL_ENGINE), own, argc, argv);
#endif
}
