/* SPDX-License-Identifier: MIT */
/* main.c - the program roost-explore. */
#include "explore.h"

int main(int argc, char **argv)
{
	return explore_main(argc, argv);
}
