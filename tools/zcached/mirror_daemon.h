/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon that owns a mirror, for processes that have only its socket. */
#ifndef MIRROR_DAEMON_H
#define MIRROR_DAEMON_H

#include <stdbool.h>
#include <sys/stat.h>

#include <systemd/sd-event.h>

#include <served.h>

#include "address.h"
#include "config.h"
#include "store.h"

struct connection;

/**
 * struct mirror_daemon - all of it
 * @file: of the configuration
 * @config: what it says
 * @folder: of the mirror
 * @socket: where clients find it; NULL for the file "socket" in @folder
 * @cache: the mirror
 * @m: the same
 * @policy: what leaves it
 * @retry: milliseconds at which to try again to own that
 * @reap_at: when to look for fills that were given up, in milliseconds
 * @event: the loop
 * @tick: when to look for what is over
 * @listener: somebody wants to connect
 * @address: where it listens
 * @made: the socket's node
 * @listen_fd: the socket, or -1
 * @connections: who is there
 * @nr_connections: how many
 * @max_connections: how many there may be
 */
struct mirror_daemon {
	const char *file;
	struct config config;
	const char *folder;
	const char *socket;
	struct zc_cache *cache;
	struct zc_mirror *m;
	struct managed policy;
	uint64_t retry;
	uint64_t reap_at;
	sd_event *event;
	sd_event_source *tick, *listener;
	struct address address;
	struct stat made;
	int listen_fd;
	struct connection *connections;
	unsigned int nr_connections, max_connections;
};

/* Runs until it is told to end; the file was loaded already. Returns an exit code. */
int mirror_daemon_run(struct mirror_daemon *d);

#endif /* MIRROR_DAEMON_H */
