// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl event: what the module multicasts, one line each as it comes. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

#include <linux/zcache_netlink.h>

#include "ctl.h"
#include "nl.h"
#include "out.h"
#include "stop.h"
#include "stores.h"

struct monitor {
	uint64_t limit, printed;
	int err;
};

static const char *const events[] = {
	[ZCACHE_CMD_STORE_NEW_NTF] = "store-new",
	[ZCACHE_CMD_STORE_DEL_NTF] = "store-del",
	[ZCACHE_CMD_STORE_SET_NTF] = "store-set",
	[ZCACHE_CMD_PRESSURE_NTF] = "pressure",
};

/* An event of a newer module has no name here. */
static const char *event_name(const struct nlmsghdr *nlh)
{
	uint8_t cmd = genlmsg_hdr((struct nlmsghdr *)nlh)->cmd;

	return cmd < sizeof(events) / sizeof(events[0]) ? events[cmd] : NULL;
}

/* s NULL: events were lost, nobody knows which. */
static void print_text(const struct timespec *now, const char *event, const struct store *s)
{
	char text[TIME_TEXT];
	struct tm tm;

	gmtime_r(&now->tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	printf("%s.%03ldZ %s", text, now->tv_nsec / 1000000, event);
	if (s)
		printf(" %s", s->name);
	if (s && event == events[ZCACHE_CMD_PRESSURE_NTF])
		printf(" uses %" PRIu64 " of %" PRIu64 " bytes", s->used, s->capacity);
	putchar('\n');
}

static void print_json(const struct timespec *now, const char *event, const struct store *s)
{
	out_time("time", (int64_t)now->tv_sec * 1000000000 + now->tv_nsec, NULL);
	out_str("event", event);
	if (s)
		out_str("store", s->name);
	if (s && event == events[ZCACHE_CMD_PRESSURE_NTF]) {
		out_size("used", s->used);
		out_size("capacity", s->capacity);
	}
	out_finish();
	/* the next one is a document of its own */
	out_init(true);
}

static void print_event(const char *event, const struct store *s)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out_json())
		print_json(&now, event, s);
	else
		print_text(&now, event, s);
	fflush(stdout);
}

static int take_event(struct nlmsghdr *nlh, void *arg)
{
	const char *event = event_name(nlh);
	struct monitor *m = arg;
	struct store s;

	if (!event)
		return 0;
	m->err = parse_store(nlh, &s);
	if (m->err)
		return 1;
	print_event(event, &s);
	return ++m->printed == m->limit;
}

/* Waits for one message, or for a signal. */
static int next_event(struct nlc *nlc, const sigset_t *during, struct monitor *m)
{
	struct pollfd p = { .fd = nlc->fd, .events = POLLIN };
	int err;

	if (ppoll(&p, 1, NULL, during) < 0)
		return errno == EINTR ? 0 : -errno;
	err = nlc_receive(nlc, take_event, m);
	if (err == -ENOBUFS) {
		print_event("lost", NULL);
		err = 0;
	}
	return err == -EAGAIN ? 0 : err ?: m->err;
}

static int monitor(struct nlc *nlc, struct monitor *m)
{
	sigset_t during;
	int code, err = 0;

	stop_on_signals(&during);
	code = nlc_join(nlc, ZCACHE_MCGRP_EVENTS);
	if (code)
		return code;
	note("listening");
	while (!err && !stopped() && m->printed < m->limit && !ferror(stdout))
		err = next_event(nlc, &during, m);
	if (err == -ENODEV)
		return fail(CTL_NO_MODULE, "the zcache module was unloaded");
	return err ? fail(CTL_REFUSED, "cannot read the events: %s", error_name(err)) : CTL_OK;
}

static const char *count_word;

static const struct keyword monitor_keywords[] = {
	{ "count", &count_word, NULL },
	{ NULL, NULL, NULL },
};

static int run_monitor(int argc, char **argv)
{
	struct monitor m = { .limit = UINT64_MAX };
	struct nlc nlc;
	int code;

	code = parse_keywords(argc, argv, monitor_keywords);
	if (!code)
		code = arg_u64("count", count_word, UINT64_MAX, &m.limit);
	if (!code)
		code = nlc_open(&nlc);
	if (code)
		return code;
	code = monitor(&nlc, &m);
	nlc_close(&nlc);
	return code;
}

const struct command event_commands[] = {
	{ "monitor", 0, "[count N]",
	  "Show what happens to the stores as it comes, until interrupted or N times.",
	  monitor_keywords, run_monitor },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
