/* SPDX-License-Identifier: GPL-2.0-only */
/* A zcache-serve on the fake store, and a client of it. */
#ifndef CLIENT_H
#define CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct served {
	pid_t pid;
	int out, err, port;
	char line[512];
	char summary[4096];		/* after serve_stop(): its standard error */
};

/*
 * Starts it with these further options (NULL at the end) and waits until it
 * listens. False if it ended instead; then serve_stop() tells why.
 */
bool serve_start(struct served *s, ...) __attribute__((sentinel));
/* Likewise, the server itself, on any store; its first line is in s->line. */
bool serve_start_on(struct served *s, const char *store, ...) __attribute__((sentinel));
/* Waits for its end; returns the exit code, or 128 + signal. */
int serve_wait(struct served *s);
/* Ends it by SIGTERM. */
int serve_stop(struct served *s);

/* The calls that the server made since the last time, as "SEND STAT ". */
const char *serve_calls(void);

/* room: bytes of the receive buffer, 0 for the default. */
int client_connect(const struct served *s, int room);
/* Whether nobody listens any more. */
bool client_refused(const struct served *s);
void client_send(int fd, const char *text);

/*
 * One whole answer, with DATE for the date. NULL if the connection ends before, or
 * nothing comes for ten seconds. Valid until the next call.
 */
const char *client_answer(int fd, bool head_only);
const char *client_ask(int fd, const char *request);

/* Reads just so many bytes; false if there are fewer. */
bool client_read(int fd, char *buf, size_t len);
/* Whether the server closes without another byte. */
bool client_closed(int fd);

#endif /* CLIENT_H */
