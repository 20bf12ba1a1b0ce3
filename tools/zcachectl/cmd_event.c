// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl event: what the module multicasts, one line each as it comes. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/zcache.h>
#include <linux/zcache_netlink.h>

#include "ctl.h"
#include "mirror.h"
#include "nl.h"
#include "out.h"
#include "stop.h"
#include "stores.h"
#include "text.h"

struct monitor {
	const char *store;	/* only what is about this one; NULL for all */
	bool objects;
	uint64_t limit, printed;
	int err;
};

/* What a message tells. name NULL: that some were lost, nobody knows which. */
struct event {
	uint8_t cmd;
	const char *name, *store, *reason, *policy;
	const void *key;
	int key_len;
	uint64_t used, capacity, generation, size;
	uint32_t owner;
};

static const char *const events[] = {
	[ZCACHE_CMD_STORE_NEW_NTF] = "store-new",
	[ZCACHE_CMD_STORE_DEL_NTF] = "store-del",
	[ZCACHE_CMD_STORE_SET_NTF] = "store-set",
	[ZCACHE_CMD_PRESSURE_NTF] = "pressure",
	[ZCACHE_CMD_OBJECT_NEW_NTF] = "object-new",
	[ZCACHE_CMD_OBJECT_DEL_NTF] = "object-del",
	[ZCACHE_CMD_FILL_WAITING_NTF] = "fill-waiting",
	[ZCACHE_CMD_POLICY_NEW_NTF] = "policy-new",
	[ZCACHE_CMD_POLICY_LOST_NTF] = "policy-lost",
};

static const char *const object_reasons[] = {
	[ZCACHE_OBJECT_REASON_DELETED] = "deleted",
	[ZCACHE_OBJECT_REASON_REPLACED] = "replaced",
	[ZCACHE_OBJECT_REASON_EVICTED] = "evicted",
	[ZCACHE_OBJECT_REASON_SHRUNK] = "shrunk",
	[ZCACHE_OBJECT_REASON_EXPIRED] = "expired",
	[ZCACHE_OBJECT_REASON_PURGED] = "purged",
	[ZCACHE_OBJECT_REASON_POLICY] = "policy",
};

static const char *const policy_reasons[] = {
	[ZCACHE_POLICY_REASON_RELEASED] = "released",
	[ZCACHE_POLICY_REASON_CLOSED] = "closed",
	[ZCACHE_POLICY_REASON_SILENT] = "silent",
	[ZCACHE_POLICY_REASON_REPLACED] = "replaced",
};

#define NAME_OF(names, i) ((i) < sizeof(names) / sizeof((names)[0]) ? (names)[i] : NULL)

static struct nla_policy key_policy[ZCACHE_A_OBJECT_MAX + 1] = {
	[ZCACHE_A_OBJECT_STORE] = { .type = NLA_STRING, .maxlen = ZC_NAME_MAX + 1 },
	[ZCACHE_A_OBJECT_KEY] = { .type = NLA_UNSPEC, .minlen = 1, .maxlen = ZC_KEY_MAX },
	[ZCACHE_A_OBJECT_GENERATION] = { .type = NLA_U64 },
	[ZCACHE_A_OBJECT_SIZE] = { .type = NLA_U64 },
	[ZCACHE_A_OBJECT_REASON] = { .type = NLA_U32 },
};

static struct nla_policy policy_policy[ZCACHE_A_POLICY_MAX + 1] = {
	[ZCACHE_A_POLICY_STORE] = { .type = NLA_STRING, .maxlen = ZC_NAME_MAX + 1 },
	[ZCACHE_A_POLICY_NAME] = { .type = NLA_STRING, .maxlen = POLICY_ROOM },
	[ZCACHE_A_POLICY_REASON] = { .type = NLA_U32 },
	[ZCACHE_A_POLICY_OWNER] = { .type = NLA_U32 },
};

static bool of_object(const struct event *e)
{
	return e->cmd == ZCACHE_CMD_OBJECT_NEW_NTF || e->cmd == ZCACHE_CMD_OBJECT_DEL_NTF;
}

static bool of_pressure(const struct event *e)
{
	return e->cmd == ZCACHE_CMD_PRESSURE_NTF;
}

static bool of_policy(const struct event *e)
{
	return e->cmd == ZCACHE_CMD_POLICY_NEW_NTF || e->cmd == ZCACHE_CMD_POLICY_LOST_NTF;
}

static int parse_policy(struct nlmsghdr *nlh, struct event *e)
{
	int last = e->cmd == ZCACHE_CMD_POLICY_NEW_NTF ? ZCACHE_A_POLICY_OWNER :
							 ZCACHE_A_POLICY_REASON;
	struct nlattr *a[ZCACHE_A_POLICY_MAX + 1];

	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_POLICY_MAX, policy_policy) ||
	    !a[ZCACHE_A_POLICY_STORE] || !a[ZCACHE_A_POLICY_NAME] || !a[last])
		return -EBADMSG;
	e->store = nla_get_string(a[ZCACHE_A_POLICY_STORE]);
	e->policy = nla_get_string(a[ZCACHE_A_POLICY_NAME]);
	if (last == ZCACHE_A_POLICY_OWNER)
		e->owner = nla_get_u32(a[last]);
	else
		e->reason = NAME_OF(policy_reasons, nla_get_u32(a[last])) ?: "unknown";
	return 0;
}

static int parse_key(struct nlmsghdr *nlh, struct event *e)
{
	struct nlattr *a[ZCACHE_A_OBJECT_MAX + 1];
	uint32_t reason;

	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_OBJECT_MAX, key_policy) ||
	    !a[ZCACHE_A_OBJECT_STORE] || !a[ZCACHE_A_OBJECT_KEY])
		return -EBADMSG;
	e->store = nla_get_string(a[ZCACHE_A_OBJECT_STORE]);
	e->key = nla_data(a[ZCACHE_A_OBJECT_KEY]);
	e->key_len = nla_len(a[ZCACHE_A_OBJECT_KEY]);
	if (!of_object(e))
		return 0;
	if (!a[ZCACHE_A_OBJECT_GENERATION] || !a[ZCACHE_A_OBJECT_SIZE])
		return -EBADMSG;
	e->generation = nla_get_u64(a[ZCACHE_A_OBJECT_GENERATION]);
	e->size = nla_get_u64(a[ZCACHE_A_OBJECT_SIZE]);
	if (e->cmd != ZCACHE_CMD_OBJECT_DEL_NTF)
		return 0;
	if (!a[ZCACHE_A_OBJECT_REASON])
		return -EBADMSG;
	reason = nla_get_u32(a[ZCACHE_A_OBJECT_REASON]);
	e->reason = NAME_OF(object_reasons, reason) ?: "unknown";
	return 0;
}

static int print_text(const struct timespec *now, const struct event *e)
{
	char text[TIME_TEXT];
	char *key = NULL;
	struct tm tm;

	if (e->key) {
		key = escape_bytes(e->key, e->key_len);
		if (!key)
			return -ENOMEM;
	}
	gmtime_r(&now->tv_sec, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	printf("%s.%03ldZ %s", text, now->tv_nsec / 1000000, e->name ?: "lost");
	if (e->name)
		printf(" %s", e->store);
	if (of_pressure(e))
		printf(" uses %" PRIu64 " of %" PRIu64 " bytes", e->used, e->capacity);
	if (of_object(e))
		printf(" %" PRIu64 " of %" PRIu64 " bytes", e->generation, e->size);
	if (e->policy)
		printf(" %s", e->policy);
	if (e->owner)
		printf(" owner %" PRIu32, e->owner);
	if (e->reason)
		printf(" %s", e->reason);
	/* last, as it may have blanks */
	if (key)
		printf(" %s", key);
	free(key);
	putchar('\n');
	return 0;
}

static void print_json(const struct timespec *now, const struct event *e)
{
	out_time("time", (int64_t)now->tv_sec * 1000000000 + now->tv_nsec, NULL);
	out_str("event", e->name ?: "lost");
	if (e->name)
		out_str("store", e->store);
	if (of_pressure(e)) {
		out_size("used", e->used);
		out_size("capacity", e->capacity);
	}
	if (e->key)
		out_key(e->key, e->key_len);
	if (of_object(e)) {
		out_u64("generation", e->generation, NULL);
		out_size("size", e->size);
	}
	if (e->policy)
		out_str("policy", e->policy);
	if (e->owner)
		out_u64("owner", e->owner, NULL);
	if (e->reason)
		out_str("reason", e->reason);
	out_finish();
	/* the next one is a document of its own */
	out_init(true);
}

static int print_event(const struct event *e)
{
	struct timespec now;
	int err = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	if (out_json())
		print_json(&now, e);
	else
		err = print_text(&now, e);
	fflush(stdout);
	return err;
}

static int take_event(struct nlmsghdr *nlh, void *arg)
{
	struct event e = { .cmd = genlmsg_hdr(nlh)->cmd };
	struct monitor *m = arg;
	struct store s;

	e.name = NAME_OF(events, e.cmd);
	/* one of a newer module */
	if (!e.name)
		return 0;
	if (of_object(&e) || e.cmd == ZCACHE_CMD_FILL_WAITING_NTF) {
		m->err = parse_key(nlh, &e);
	} else if (of_policy(&e)) {
		m->err = parse_policy(nlh, &e);
	} else {
		m->err = parse_store(nlh, &s);
		e.store = s.name;
		e.used = s.used;
		e.capacity = s.capacity;
	}
	if (!m->err && m->store && strcmp(m->store, e.store))
		return 0;
	if (!m->err)
		m->err = print_event(&e);
	return m->err || ++m->printed == m->limit;
}

/* Waits for one message, or for a signal. */
static int next_event(struct nlc *nlc, const sigset_t *during, struct monitor *m)
{
	const struct event lost = { 0 };
	struct pollfd p = { .fd = nlc->fd, .events = POLLIN };
	int err;

	if (ppoll(&p, 1, NULL, during) < 0)
		return errno == EINTR ? 0 : -errno;
	err = nlc_receive(nlc, take_event, m);
	if (err == -ENOBUFS)
		err = print_event(&lost);
	return err == -EAGAIN ? 0 : err ?: m->err;
}

static int monitor(struct nlc *nlc, struct monitor *m)
{
	sigset_t during;
	int code, err = 0;

	stop_on_signals(&during);
	code = nlc_join(nlc, ZCACHE_MCGRP_EVENTS);
	if (!code && m->objects)
		code = nlc_join(nlc, ZCACHE_MCGRP_OBJECTS);
	if (code)
		return code;
	note("listening");
	while (!err && !stopped() && m->printed < m->limit && !ferror(stdout))
		err = next_event(nlc, &during, m);
	if (err == -ENODEV)
		return fail(CTL_NO_MODULE, "the zcache module was unloaded");
	return err ? fail(CTL_REFUSED, "cannot read the events: %s", error_name(err)) : CTL_OK;
}

static const char *count_word, *store_word;
static bool objects_word;

static const struct keyword monitor_keywords[] = {
	{ "objects", NULL, &objects_word },
	{ "store", &store_word, NULL },
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
	if (!code && store_word)
		code = mirror_lacks(store_word, "events", OF_THE_MODULE);
	if (!code)
		code = nlc_open(&nlc);
	if (code)
		return code;
	m.store = store_word;
	m.objects = objects_word;
	code = monitor(&nlc, &m);
	nlc_close(&nlc);
	return code;
}

const struct command event_commands[] = {
	{ "monitor", 0, "[objects] [store STORE] [count N]",
	  "Show what happens to the stores, or also to their objects, as it comes, until interrupted or N times.",
	  monitor_keywords, run_monitor },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
