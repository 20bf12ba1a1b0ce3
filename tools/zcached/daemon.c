// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include <linux/zcache_netlink.h>

#include "daemon.h"
#include "fail.h"
#include "http.h"
#include "kernel.h"
#include "loop.h"

/* Milliseconds. The kernel waits for many drains before it says that we are silent. */
#define RETRY 10000
#define WATCHDOG_MIN 10000
#define WATCHDOG_DRAINS 20

/* Milliseconds between two turns of a long look at tags. */
#define TAGS_PAUSE 50

/* So many messages before others have their turn. */
#define EVENTS_TURN 256

struct item *daemon_find(struct daemon *d, const char *store)
{
	size_t i;

	for (i = 0; i < d->nr_items; i++)
		if (!strcmp(d->items[i]->m.name, store))
			return d->items[i];
	return NULL;
}

static uint32_t watchdog(const struct daemon *d)
{
	uint64_t ms = d->config.interval * WATCHDOG_DRAINS;

	return ms > WATCHDOG_MIN ? ms : WATCHDOG_MIN;
}

static struct choice choose(const struct daemon *d, const char *store, const char *wants)
{
	if (wants[0] && strcmp(wants, "none") && !zp_find(wants))
		note("store %s: it asks for the policy '%s'; there are %s; it gets what %s says",
		     store, wants, config_policies(), d->file);
	return config_choice(&d->config, store, wants);
}

static void set_limits(struct daemon *d, struct item *item)
{
	size_t n;
	const struct limit *want = config_limits(&d->config, item->m.name, &n);

	limits_set(&item->limits, &d->reads, item->m.name, want, n);
}

static void choose_threshold(struct daemon *d, struct item *item)
{
	threshold_choose(&item->threshold, &d->reads, item->m.name,
			 config_threshold(&d->config, item->m.name));
}

/* Also during a turn, which would set the time of the next one over this. */
static void soon(struct daemon *d)
{
	d->again = true;
	sd_event_source_set_time(d->tick, 0);
}

/* New, or changed. */
static int take_store(struct daemon *d, const struct store *s)
{
	struct item *item = daemon_find(d, s->name), **v;
	struct choice c;

	if (item) {
		if (strcmp(item->wants, s->policy)) {
			strcpy(item->wants, s->policy);
			c = choose(d, s->name, item->wants);
			store_choose(&item->m, &c, watchdog(d));
		}
		return 0;
	}
	v = realloc(d->items, (d->nr_items + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	d->items = v;
	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	v[d->nr_items++] = item;
	strcpy(item->wants, s->policy);
	c = choose(d, s->name, item->wants);
	store_begin(&item->m, &kernel_steer, &d->owner, s->name, &c, watchdog(d));
	set_limits(d, item);
	choose_threshold(d, item);
	soon(d);
	return 0;
}

static void end_item(struct item *item)
{
	store_end(&item->m);
	limits_end(&item->limits);
	tags_end(&item->tags);
	free(item);
}

static void drop_store(struct daemon *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->nr_items && strcmp(d->items[i]->m.name, name); i++)
		;
	if (i == d->nr_items)
		return;
	/* the name may be the item's own */
	note("store %s: it is gone", name);
	end_item(d->items[i]);
	d->items[i] = d->items[--d->nr_items];
}

static void retry_all(struct daemon *d)
{
	size_t i;

	for (i = 0; i < d->nr_items; i++) {
		store_retry(&d->items[i]->m);
		if (d->items[i]->limits.due)
			set_limits(d, d->items[i]);
	}
	soon(d);
}

/*
 * Of events that were lost nobody knows what they said. A list that was disturbed may lack
 * some: those that it lacks stay until the next one.
 */
static int look_at_all(struct daemon *d)
{
	struct stores stores = { 0 };
	size_t i, j;
	int err = get_stores(&d->reads, NULL, &stores);
	bool whole = !err && !d->reads.inconsistent;

	d->relist = true;
	for (i = d->nr_items; whole && i--;) {
		for (j = 0; j < stores.n && strcmp(stores.v[j].name, d->items[i]->m.name); j++)
			;
		if (j == stores.n)
			drop_store(d, d->items[i]->m.name);
	}
	/* one of these may be another of its name, which has nothing of ours */
	for (j = 0; j < d->nr_items; j++) {
		d->items[j]->limits.due = d->items[j]->limits.n;
		choose_threshold(d, d->items[j]);
	}
	for (j = 0; !err && j < stores.n; j++)
		err = take_store(d, &stores.v[j]);
	free(stores.v);
	if (err)
		return err;
	d->relist = !whole;
	retry_all(d);
	return 0;
}

static void relist(struct daemon *d)
{
	int err = look_at_all(d);

	if (err)
		note("cannot list the stores, trying again: %s", error_name(err));
}

static void policy_lost(struct daemon *d, struct nlmsghdr *nlh)
{
	struct nlattr *store = nlmsg_find_attr(nlh, GENL_HDRLEN, ZCACHE_A_POLICY_STORE);
	struct nlattr *reason = nlmsg_find_attr(nlh, GENL_HDRLEN, ZCACHE_A_POLICY_REASON);
	struct item *item = store ? daemon_find(d, nla_get_string(store)) : NULL;

	if (!item || !reason)
		return;
	if (nla_get_u32(reason) == ZCACHE_POLICY_REASON_SILENT && item->m.state == STORE_OWNED)
		note("store %s: the kernel did not hear of us for %u ms", item->m.name,
		     item->m.watchdog);
	store_retry(&item->m);
	soon(d);
}

static int take_event(struct nlmsghdr *nlh, void *arg)
{
	struct daemon *d = arg;
	struct store s;

	switch (genlmsg_hdr(nlh)->cmd) {
	case ZCACHE_CMD_STORE_NEW_NTF:
	case ZCACHE_CMD_STORE_SET_NTF:
		if (parse_store(nlh, &s) || take_store(d, &s))
			d->relist = true;
		break;
	case ZCACHE_CMD_STORE_DEL_NTF:
		if (parse_store(nlh, &s))
			d->relist = true;
		else
			drop_store(d, s.name);
		break;
	case ZCACHE_CMD_PRESSURE_NTF:
	case ZCACHE_CMD_POLICY_DRAIN_NTF:
		soon(d);
		break;
	case ZCACHE_CMD_POLICY_LOST_NTF:
		policy_lost(d, nlh);
		break;
	}
	return 0;
}

static int end(struct daemon *d, int code)
{
	return sd_event_exit(d->event, code);
}

static int on_events(sd_event_source *src, int fd, uint32_t what, void *arg)
{
	struct daemon *d = arg;
	int err = 0, i;

	(void)src;
	(void)fd;
	(void)what;
	for (i = 0; i < EVENTS_TURN && !err; i++) {
		err = nlc_receive(&d->events, take_event, d);
		/* one that is too long is lost, like those for which there was no room */
		if (err != -ENOBUFS && err != -EMSGSIZE)
			continue;
		d->relist = true;
		err = 0;
	}
	if (err == -ENODEV)
		return end(d, fail(CTL_NO_MODULE, "the zcache module was unloaded"));
	if (err && err != -EAGAIN)
		return end(d, fail(CTL_REFUSED, "cannot read the events: %s", error_name(err)));
	/*
	 * Only now: until it is empty a socket that lost something is told nothing, and not
	 * even that.
	 */
	if (err && d->relist)
		relist(d);
	return 0;
}

static int on_owner(sd_event_source *src, int fd, uint32_t what, void *arg)
{
	struct daemon *d = arg;

	(void)src;
	(void)fd;
	(void)what;
	/* What was lost here says no more than that it is time to drain. */
	if (nlc_receive(&d->owner, take_event, d) == -ENOBUFS)
		soon(d);
	return 0;
}

static int on_tick(sd_event_source *src, uint64_t usec, void *arg)
{
	uint64_t now, at, next;
	struct daemon *d = arg;
	size_t i;

	(void)usec;
	sd_event_now(d->event, CLOCK_MONOTONIC, &now);
	next = now / 1000 + d->config.interval;
	d->again = false;
	for (i = 0; i < d->nr_items; i++) {
		at = store_step(&d->items[i]->m, now / 1000);
		if (at < next)
			next = at;
		threshold_step(&d->items[i]->threshold, &d->reads, d->items[i]->m.name, now / 1000);
		if (tags_go_on(&d->items[i]->tags) && now / 1000 + TAGS_PAUSE < next)
			next = now / 1000 + TAGS_PAUSE;
	}
	return sd_event_source_set_time(src, d->again ? 0 : next * 1000);
}

static int on_retry(sd_event_source *src, uint64_t usec, void *arg)
{
	struct daemon *d = arg;

	if (d->relist)
		relist(d);
	else
		retry_all(d);
	return sd_event_source_set_time(src, usec + RETRY * 1000);
}

static int on_end(sd_event_source *src, const struct signalfd_siginfo *info, void *arg)
{
	(void)src;
	(void)info;
	sd_notify(0, "STOPPING=1");
	return end(arg, CTL_OK);
}

/* What was learnt stays: a policy is switched, not begun anew. */
static void reload(struct daemon *d)
{
	char error[CONFIG_ERROR_ROOM];
	struct config next;
	struct choice c;
	size_t i;

	if (config_load(d->file, &next, error)) {
		note("nothing is changed: %s", error);
		return;
	}
	if (http_move(&d->http, d, next.listen, next.socket_mode)) {
		strcpy(next.listen, d->config.listen);
		next.socket_mode = d->config.socket_mode;
	}
	config_free(&d->config);
	d->config = next;
	for (i = 0; i < d->nr_items; i++) {
		c = choose(d, d->items[i]->m.name, d->items[i]->wants);
		store_choose(&d->items[i]->m, &c, watchdog(d));
		d->items[i]->limits.told = false;
		set_limits(d, d->items[i]);
		choose_threshold(d, d->items[i]);
	}
	soon(d);
}

static int on_reload(sd_event_source *src, const struct signalfd_siginfo *info, void *arg)
{
	(void)src;
	(void)info;
	loop_reloading();
	reload(arg);
	loop_ready();
	return 0;
}

static int open_sockets(struct daemon *d)
{
	int code = nlc_open(&d->owner);

	if (!code)
		code = nlc_open(&d->reads);
	if (!code)
		code = nlc_open(&d->events);
	if (!code)
		code = nlc_join(&d->events, ZCACHE_MCGRP_EVENTS);
	if (code)
		return code;
	nlc_endure(&d->owner);
	nlc_endure(&d->reads);
	d->owner.unasked = take_event;
	d->owner.unasked_arg = d;
	return CTL_OK;
}

static int open_loop(struct daemon *d)
{
	int err = loop_new(&d->event, &d->tick, on_end, on_reload, on_tick, d);

	if (err >= 0)
		err = sd_event_add_time_relative(d->event, &d->retry, CLOCK_MONOTONIC,
						 RETRY * 1000, 0, on_retry, d);
	if (err >= 0)
		err = sd_event_source_set_enabled(d->retry, SD_EVENT_ON);
	if (err >= 0)
		err = sd_event_add_io(d->event, NULL, d->events.fd, EPOLLIN, on_events, d);
	if (err >= 0)
		err = sd_event_add_io(d->event, NULL, d->owner.fd, EPOLLIN, on_owner, d);
	return err < 0 ? err : 0;
}

static int prepare(struct daemon *d)
{
	int code = open_sockets(d), err;

	if (code)
		return code;
	err = open_loop(d);
	if (err)
		return fail(CTL_REFUSED, "cannot make an event loop: %s", error_name(err));
	code = http_move(&d->http, d, d->config.listen, d->config.socket_mode);
	if (code)
		return code;
	err = look_at_all(d);
	return err ? nlc_fail(&d->reads, err, "cannot list the stores") : CTL_OK;
}

int daemon_run(struct daemon *d)
{
	int code = prepare(d);

	if (!code) {
		loop_ready();
		code = sd_event_loop(d->event);
		if (code < 0)
			code = fail(CTL_REFUSED, "the event loop broke: %s", error_name(code));
	}
	http_close(d->http);
	while (d->nr_items) {
		struct item *item = d->items[--d->nr_items];

		threshold_choose(&item->threshold, &d->reads, item->m.name,
				 (struct threshold_choice){ .mode = THRESHOLD_KEEP });
		end_item(item);
	}
	free(d->items);
	sd_event_source_unref(d->tick);
	sd_event_source_unref(d->retry);
	sd_event_unref(d->event);
	nlc_close(&d->events);
	nlc_close(&d->reads);
	nlc_close(&d->owner);
	return code;
}
