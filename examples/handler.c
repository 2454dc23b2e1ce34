/* SPDX-License-Identifier: MIT */
/* handler.c - allocates and frees in a signal handler that comes at any instruction, also in the
 * middle of the allocator. (What a malloc does then: deadlock, or worse.) */
#include <roost/roost.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

static roost_t *frames;
static _Atomic(roost_pfn) handed = ROOST_NONE; /* from the program to the handler */
static volatile sig_atomic_t ticks, freed;

static void on_tick(int signal)
{
	roost_pfn pfn = atomic_exchange(&handed, ROOST_NONE);

	(void)signal;
	ticks++;
	if (pfn != ROOST_NONE) { /* what the program allocated */
		roost_free(frames, pfn, 0);
		freed++;
	}
	pfn = roost_alloc(frames, 2, ROOST_UNMOVABLE); /* and some of its own */
	if (pfn != ROOST_NONE)
		roost_free(frames, pfn, 2);
}

int main(void)
{
	struct roost_range map = {.end = 4096};
	struct roost_config config = ROOST_CONFIG_INIT;
	struct itimerval every = {{0, 500}, {0, 500}}; /* microseconds */
	struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};

	config.ranges = &map;
	config.nr_ranges = 1;
	size_t size = roost_metadata_size(&config);
	void *metadata = aligned_alloc(64, size);
	if (!metadata || roost_init(&frames, &config, memset(metadata, 0, size), size) ||
	    sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &every, NULL))
		return 1;

	while (ticks < 200 || freed < 20) {
		roost_pfn pfn = roost_alloc(frames, 0, ROOST_MOVABLE | ROOST_WAIT);

		if (pfn == ROOST_NONE)
			return 1;
		pfn = atomic_exchange(&handed, pfn);
		if (pfn != ROOST_NONE)
			roost_free(frames, pfn, 0);
	}
	every = (struct itimerval){0};
	setitimer(ITIMER_REAL, &every, NULL);
	if (handed != ROOST_NONE)
		roost_free(frames, handed, 0);
	int err = roost_validate(frames, NULL);
	free(metadata);
	return err ? 1 : 0;
}
