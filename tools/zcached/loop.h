/* SPDX-License-Identifier: GPL-2.0-only */
/* What the daemon's loops have in common, that for the module and that for a mirror. */
#ifndef LOOP_H
#define LOOP_H

#include <systemd/sd-event.h>

/*
 * Makes a loop that hears of signals, and of the watchdog, and has a tick at once; SIGTERM
 * and its like wait from now on until it takes them. 0 or -errno; then *event may be set.
 */
int loop_new(sd_event **event, sd_event_source **tick, sd_event_signal_handler_t on_end,
	     sd_event_signal_handler_t on_reload, sd_event_time_handler_t on_tick, void *arg);

/* The manager is told; also after a reload, which it was told of before. */
void loop_ready(void);
void loop_reloading(void);

#endif /* LOOP_H */
