// SPDX-License-Identifier: GPL-2.0-only
#include <stddef.h>
#include <unistd.h>

#include "stop.h"

static volatile sig_atomic_t stop;

static void set_stop(int sig)
{
	stop = sig;
}

void stop_on_signals(sigset_t *during)
{
	struct sigaction sa = { .sa_handler = set_stop };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, during);
	sigdelset(during, SIGINT);
	sigdelset(during, SIGTERM);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

bool stopped(void)
{
	return stop;
}

void stop_now(void)
{
	signal(stop, SIG_DFL);
	raise(stop);
	_exit(128 + stop);
}
