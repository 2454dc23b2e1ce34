/* SPDX-License-Identifier: MIT */
/* engine_main.c - the program roost-replay-ENGINE of an engine of ours. */
#include "replay_main.h"

#if TOOL_PCPBUDDY
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
	return replay_main(engine_find(TOOL_ENGINE), own, argc, argv);
}
