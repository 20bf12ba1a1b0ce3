/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon: its stores, and what happens to it. */
#ifndef DAEMON_H
#define DAEMON_H

#include <stdbool.h>
#include <stddef.h>

#include <systemd/sd-event.h>

#include "config.h"
#include "limit.h"
#include "nl.h"
#include "stores.h"
#include "tags.h"

struct http;

/**
 * struct item - one of its stores
 * @m: its policy
 * @wants: the policy that it asks for, or ""
 * @limits: of its tags
 * @threshold: from how many bytes on it sends by reference
 * @tags: those that are used most, as the status page saw them last
 */
struct item {
	struct managed m;
	char wants[POLICY_ROOM];
	struct limits limits;
	struct threshold threshold;
	struct top_tags tags;
};

/**
 * struct daemon - all of it
 * @file: of the configuration
 * @config: what it says
 * @owner: the socket that owns policies; the kernel speaks to it unasked
 * @events: the socket that hears of stores
 * @reads: the socket for what is read in between
 * @items: the stores
 * @nr_items: how many
 * @event: the loop
 * @tick: when to drain
 * @retry: when to try again what could not be owned, or listed
 * @relist: of some stores nobody knows any more whether they are there
 * @again: there is something to drain that this turn may have passed by
 * @http: who answers; NULL if nobody does
 */
struct daemon {
	const char *file;
	struct config config;
	struct nlc owner, events, reads;
	struct item **items;
	size_t nr_items;
	sd_event *event;
	sd_event_source *tick, *retry;
	bool relist, again;
	struct http *http;
};

/* Runs until it is told to end; the file was loaded already. Returns an exit code. */
int daemon_run(struct daemon *d);

struct item *daemon_find(struct daemon *d, const char *store);

#endif /* DAEMON_H */
