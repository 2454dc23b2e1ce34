/* SPDX-License-Identifier: MIT */
/* engine_main.c - the program roost-replay-ENGINE of an engine of ours. */
#include "replay_main.h"

int main(int argc, char **argv)
{
	return replay_main(engine_find(TOOL_ENGINE), argc, argv);
}
