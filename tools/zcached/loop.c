// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stdbool.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "fail.h"
#include "loop.h"

int loop_new(sd_event **event, sd_event_source **tick, sd_event_signal_handler_t on_end,
	     sd_event_signal_handler_t on_reload, sd_event_time_handler_t on_tick, void *arg)
{
	sigset_t set;
	int err;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	err = sd_event_new(event);
	if (err >= 0)
		err = sd_event_add_signal(*event, NULL, SIGTERM, on_end, arg);
	if (err >= 0)
		err = sd_event_add_signal(*event, NULL, SIGINT, on_end, arg);
	if (err >= 0)
		err = sd_event_add_signal(*event, NULL, SIGHUP, on_reload, arg);
	if (err >= 0)
		err = sd_event_add_time(*event, tick, CLOCK_MONOTONIC, 0, 1000, on_tick, arg);
	if (err >= 0)
		err = sd_event_source_set_enabled(*tick, SD_EVENT_ON);
	if (err >= 0)
		err = sd_event_set_watchdog(*event, true);
	return err < 0 ? err : 0;
}

void loop_ready(void)
{
	sd_notify(0, "READY=1");
	note("ready");
}

void loop_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   now.tv_sec * 1000000ULL + now.tv_nsec / 1000);
}
