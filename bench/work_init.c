/* SPDX-License-Identifier: MIT */
/*
 * work_init.c - init: the pool is there already, and how long that took is known. What is left is
 * what it weighs.
 */
#include "job.h"

void work_init(struct job *job)
{
	job->sample->values[1] = 100 * (double)job->peer->metadata() / (double)job->what->bytes;
}
