/* SPDX-License-Identifier: GPL-2.0-only */
/* SIGINT and SIGTERM as the orderly end of a command that else goes on for ever. */
#ifndef STOP_H
#define STOP_H

#include <signal.h>
#include <stdbool.h>

/*
 * From now on they come only while ppoll(2) waits with the mask *during, so none
 * gets lost between a look at stopped() and the wait.
 */
void stop_on_signals(sigset_t *during);
bool stopped(void);

/* Ends the process as the signal that came would have done; does not return. */
void stop_now(void) __attribute__((noreturn));

#endif /* STOP_H */
