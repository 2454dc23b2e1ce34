/* SPDX-License-Identifier: MIT */
/* ticker.c - see ticker.h. timer_settime() is async-signal-safe. */
#include "ticker.h"

#include <errno.h>

#define TICKER_SIGNAL SIGRTMIN

static __thread struct ticker *volatile this_ticker; /* NULL: none */

static void arm(struct ticker *ticker)
{
	const struct itimerspec once = {.it_value = ticker->period};

	timer_settime(ticker->timer, 0, &once, NULL);
}

static void on_tick(int signal)
{
	struct ticker *ticker = this_ticker;
	int saved = errno;

	(void)signal;
	if (ticker) {
		ticker->tick(ticker->context);
		arm(ticker);
	}
	errno = saved;
}

bool ticker_start(struct ticker *ticker, uint64_t ns)
{
	struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	if (sigaction(TICKER_SIGNAL, &action, NULL) ||
	    !ticker_create(&ticker->timer, TICKER_SIGNAL))
		return false;
	ticker->period.tv_sec = (time_t)(ns / 1000000000);
	ticker->period.tv_nsec = (long)(ns % 1000000000);
	this_ticker = ticker;
	arm(ticker);
	return true;
}

/* A tick may still be pending when the timer is gone: it finds no ticker. */
void ticker_stop(struct ticker *ticker)
{
	this_ticker = NULL;
	timer_delete(ticker->timer);
}
