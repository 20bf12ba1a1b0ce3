/* SPDX-License-Identifier: GPL-2.0-only */
/* Metrics, status and its page over HTTP, in the daemon's own loop. */
#ifndef HTTP_H
#define HTTP_H

#include <sys/types.h>

struct daemon;
struct http;

/*
 * Listens there, and then no longer where it did; empty: nowhere. mode: of a UNIX socket,
 * also of one that stays. Returns an exit code, having said what is wrong; then all is as
 * it was.
 */
int http_move(struct http **http, struct daemon *d, const char *where, mode_t mode);
void http_close(struct http *http);

#endif /* HTTP_H */
