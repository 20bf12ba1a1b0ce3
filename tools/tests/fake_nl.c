// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for the netlink side of the module, above nl.c: linked with --wrap, it
 * logs each request to FAKE_ZCACHE_LOG and answers with two stores and with
 * objects whose keys count from 0 and tags that count from 1.
 *
 * FAKE_NL_FAIL       "ERRNO" or "ERRNO:sentence": every request is refused so, or
 *                    with an ERRNO of 0 done
 * FAKE_NL_INTR       so many dumps are interrupted
 * FAKE_NL_OBJECTS    number of objects in a dump
 * FAKE_NL_TAGS       number of tags in a dump
 * FAKE_NL_COPY       the stores' copy attribute
 * FAKE_NL_TTL        and their default-ttl, in milliseconds
 * FAKE_NL_UID        their uid, else 1
 * FAKE_NL_GID        and their gid, else 2
 * FAKE_NL_POLICY     the policy they ask for, else none
 * FAKE_NL_OWNER      "NAME PORT MS" or "NAME PORT MS late": who owns the policy of the
 *                    store web and what its watchdog is; or "ERRNO" with which whoever
 *                    asks for that is refused; else there is none
 * FAKE_NL_STORE      " capacity=N used=N objects=N splice-threshold=N hits=N ...": what
 *                    the stores have of these; counters not named are 0 then
 * FAKE_NL_STEP       by so much the first counter grows from one answer to the next,
 *                    the second by twice of that and so on
 * FAKE_NL_LATENCY    "N,N,...": the buckets of their send-latency, and with one more
 *                    call in the first of their fill-latency
 * FAKE_NL_EVENTS     socket (SOCK_SEQPACKET) from which the events come, as the kernel
 *                    sends them; a lone "!" are events that were lost
 * FAKE_NL_MUTE       a lone tag that is asked for is not told
 * FAKE_NL_BREAK      ERRNO with which a dump ends after its last message
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <linux/zcache_counters.h>
#include <linux/zcache_netlink.h>

#include "ctl.h"
#include "nl.h"

int __wrap_nlc_open(struct nlc *nlc);
void __wrap_nlc_close(struct nlc *nlc);
int __wrap_nlc_call(struct nlc *nlc, struct nl_msg *msg, nlc_fn fn, void *arg);
int __wrap_nlc_join(struct nlc *nlc, const char *group);
ssize_t __real_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);

static int dumps, looks;

static long number(const char *name)
{
	const char *text = getenv(name);

	return text ? atol(text) : 0;
}

int __wrap_nlc_open(struct nlc *nlc)
{
	memset(nlc, 0, sizeof(*nlc));
	nlc->family = 99;
	return CTL_OK;
}

void __wrap_nlc_close(struct nlc *nlc)
{
	(void)nlc;
}

/* "CMD FLAGS ATTR=HEX...", the payloads as bytes. */
static void log_request(struct nl_msg *msg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct genlmsghdr *genl = genlmsg_hdr(nlh);
	const char *file = getenv("FAKE_ZCACHE_LOG");
	FILE *f = file ? fopen(file, "a") : NULL;
	struct nlattr *a;
	int rest, i;

	if (!f)
		return;
	fprintf(f, "%d%s", genl->cmd, nlh->nlmsg_flags & NLM_F_DUMP ? " dump" : "");
	nla_for_each_attr(a, genlmsg_attrdata(genl, 0), genlmsg_attrlen(genl, 0), rest) {
		fprintf(f, " %d=", nla_type(a));
		for (i = 0; i < nla_len(a); i++)
			fprintf(f, "%02x", ((unsigned char *)nla_data(a))[i]);
	}
	fputc('\n', f);
	fclose(f);
}

static struct nl_msg *answer(int cmd)
{
	struct nl_msg *msg = nlmsg_alloc();

	genlmsg_put(msg, 0, 0, 99, 0, 0, cmd, ZCACHE_FAMILY_VERSION);
	return msg;
}

static int deliver(struct nl_msg *msg, nlc_fn fn, void *arg)
{
	int stop = fn(nlmsg_hdr(msg), arg);

	nlmsg_free(msg);
	return stop;
}

static uint64_t told(const char *name, uint64_t otherwise)
{
	const char *text = getenv("FAKE_NL_STORE"), *p;
	char word[64];

	snprintf(word, sizeof(word), " %s=", name);
	p = text ? strstr(text, word) : NULL;
	return p ? strtoull(p + strlen(word), NULL, 10) : otherwise;
}

static const char *const counter_names[] = {
#define NAME(id, name, unit, sentence) name,
	ZC_COUNTERS(NAME)
#undef NAME
};

static void put_latency(struct nl_msg *msg)
{
	const char *p = getenv("FAKE_NL_LATENCY");
	uint64_t buckets[100];
	size_t n = 0;
	char *end;

	if (!p)
		return;
	for (; *p; p = *end ? end + 1 : end)
		buckets[n++] = strtoull(p, &end, 10);
	nla_put(msg, ZCACHE_A_STORE_SEND_LATENCY, 8 * n, buckets);
	buckets[0]++;
	nla_put(msg, ZCACHE_A_STORE_FILL_LATENCY, 8 * n, buckets);
}

static int store(const char *name, nlc_fn fn, void *arg)
{
	bool all = getenv("FAKE_NL_STORE");
	struct nl_msg *msg = answer(ZCACHE_CMD_STORE_GET);
	struct nlattr *stats;
	int i;

	nla_put_string(msg, ZCACHE_A_STORE_NAME, name);
	nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, told("capacity", 1 << 20));
	nla_put_u64(msg, ZCACHE_A_STORE_MAX_OBJECT_SIZE, 1 << 19);
	nla_put_u32(msg, ZCACHE_A_STORE_MAX_KEY_LEN, 1024);
	nla_put_u32(msg, ZCACHE_A_STORE_INLINE_LIMIT, 2048);
	nla_put_u64(msg, ZCACHE_A_STORE_SPLICE_THRESHOLD,
		    told("splice-threshold", 65536));
	nla_put_u32(msg, ZCACHE_A_STORE_COPY, number("FAKE_NL_COPY"));
	nla_put_u64(msg, ZCACHE_A_STORE_DEFAULT_TTL, number("FAKE_NL_TTL"));
	nla_put_u32(msg, ZCACHE_A_STORE_GRACE, number("FAKE_NL_TTL") / 2);
	nla_put_u32(msg, ZCACHE_A_STORE_MODE, 0640);
	nla_put_u32(msg, ZCACHE_A_STORE_UID, getenv("FAKE_NL_UID") ? number("FAKE_NL_UID") : 1);
	nla_put_u32(msg, ZCACHE_A_STORE_GID, getenv("FAKE_NL_GID") ? number("FAKE_NL_GID") : 2);
	nla_put_u64(msg, ZCACHE_A_STORE_USED, told("used", 1536));
	nla_put_u64(msg, ZCACHE_A_STORE_OBJECTS, told("objects", 3));
	nla_put_u32(msg, ZCACHE_A_STORE_OPENS, 4);
	nla_put_u32(msg, ZCACHE_A_STORE_HIGH_WATERMARK, 95);
	nla_put_u32(msg, ZCACHE_A_STORE_LOW_WATERMARK, 90);
	nla_put_u32(msg, ZCACHE_A_STORE_OBJECT_EVENTS, 1);
	nla_put_u64(msg, ZCACHE_A_STORE_DATA, 1100);
	nla_put_u64(msg, ZCACHE_A_STORE_METADATA, 336);
	nla_put_u64(msg, ZCACHE_A_STORE_PINNED, 100);
	nla_put_string(msg, ZCACHE_A_STORE_POLICY, getenv("FAKE_NL_POLICY") ?: "");
	put_latency(msg);
	stats = nla_nest_start(msg, ZCACHE_A_STORE_STATS);
	for (i = 0; i < ZC_C_NR; i++)
		nla_put_u64(msg, ZCACHE_A_STATS_HITS + i,
			    told(counter_names[i], all ? 0 : 100 + i) +
			    number("FAKE_NL_STEP") * looks * (i + 1));
	nla_nest_end(msg, stats);
	return deliver(msg, fn, arg);
}

static int object(long i, nlc_fn fn, void *arg)
{
	struct nl_msg *msg = answer(ZCACHE_CMD_OBJECT_GET);
	unsigned char key[3] = { 'k', i >> 8, i };
	uint64_t tags[2] = { i, UINT64_MAX };

	nla_put(msg, ZCACHE_A_OBJECT_KEY, sizeof(key), key);
	nla_put_u64(msg, ZCACHE_A_OBJECT_GENERATION, i + 1);
	nla_put_u64(msg, ZCACHE_A_OBJECT_SIZE, 10 * i);
	nla_put_u64(msg, ZCACHE_A_OBJECT_CHARGE, 4096);
	nla_put_u64(msg, ZCACHE_A_OBJECT_RESIDENT_BYTES, 9 * i);
	nla_put_u64(msg, ZCACHE_A_OBJECT_HITS, 7);
	nla_put_u64(msg, ZCACHE_A_OBJECT_CREATED, 1700000000000000000);
	nla_put_u64(msg, ZCACHE_A_OBJECT_EXPIRES, i % 2 ? 1800000000000000000 : 0);
	if (i % 2)
		nla_put(msg, ZCACHE_A_OBJECT_TAGS, sizeof(tags), tags);
	return deliver(msg, fn, arg);
}

/* The odd ones have no limits. */
static int tag(uint64_t id, nlc_fn fn, void *arg)
{
	struct nl_msg *msg = answer(ZCACHE_CMD_TAG_GET);
	int i;

	nla_put_u64(msg, ZCACHE_A_TAG_ID, id);
	nla_put_u64(msg, ZCACHE_A_TAG_QUOTA, id % 2 ? 0 : id << 20);
	nla_put_u64(msg, ZCACHE_A_TAG_FLOOR, id % 2 ? 0 : 100);
	for (i = ZCACHE_A_TAG_USED; i <= ZCACHE_A_TAG_MAX; i++)
		nla_put_u64(msg, i, 1000 + i);
	return deliver(msg, fn, arg);
}

static int tags(uint64_t one, bool dump, nlc_fn fn, void *arg)
{
	uint64_t n = dump ? number("FAKE_NL_TAGS") : 0, id;

	if (!dump && !number("FAKE_NL_MUTE"))
		tag(one, fn, arg);
	for (id = 1; id <= n; id++)
		if (tag(id, fn, arg))
			return 0;
	return dump ? -number("FAKE_NL_BREAK") : 0;
}

static int owner(const char *store, nlc_fn fn, void *arg)
{
	const char *text = getenv("FAKE_NL_OWNER");
	struct nl_msg *msg;
	unsigned int port, watchdog;
	char name[33], late[5];
	int n;

	if (text && atoi(text))
		return -atoi(text);
	if (!text || strcmp(store, "web"))
		return -ENOENT;
	n = sscanf(text, "%32s %u %u %4s", name, &port, &watchdog, late);
	msg = answer(ZCACHE_CMD_POLICY_GET);
	nla_put_string(msg, ZCACHE_A_POLICY_STORE, store);
	nla_put_string(msg, ZCACHE_A_POLICY_NAME, name);
	if (n > 2)
		nla_put_u32(msg, ZCACHE_A_POLICY_WATCHDOG, watchdog);
	nla_put_u32(msg, ZCACHE_A_POLICY_OWNER, port);
	if (n > 3)
		nla_put_flag(msg, ZCACHE_A_POLICY_LATE);
	deliver(msg, fn, arg);
	return 0;
}

static int refused(struct nlc *nlc)
{
	const char *fail = getenv("FAKE_NL_FAIL");
	const char *colon = fail ? strchr(fail, ':') : NULL;

	if (colon)
		snprintf(nlc->sentence, sizeof(nlc->sentence), "%s", colon + 1);
	return fail ? -atoi(fail) : 0;
}

int __wrap_nlc_join(struct nlc *nlc, const char *group)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int err = refused(nlc);

	if (err)
		return nlc_fail(nlc, err, "cannot listen for events");
	/* of a second group the kernel's side is told */
	if (strcmp(group, ZCACHE_MCGRP_EVENTS))
		return send(nlc->fd, group, strlen(group), 0) < 0;
	strcpy(address.sun_path, getenv("FAKE_NL_EVENTS"));
	nlc->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (connect(nlc->fd, (struct sockaddr *)&address, sizeof(address)))
		abort();
	return CTL_OK;
}

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
	ssize_t n = __real_recv(fd, buf, len, flags);

	/* only events are received without waiting; others may be of one byte too */
	if (!(flags & MSG_DONTWAIT) || n != 1 || *(char *)buf != '!')
		return n;
	errno = ENOBUFS;
	return -1;
}

int __wrap_nlc_call(struct nlc *nlc, struct nl_msg *msg, nlc_fn fn, void *arg)
{
	int cmd = genlmsg_hdr(nlmsg_hdr(msg))->cmd;
	bool dump = nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP;
	struct nlattr *id = nlmsg_find_attr(nlmsg_hdr(msg), GENL_HDRLEN, ZCACHE_A_TAG_ID);
	struct nlattr *name = nlmsg_find_attr(nlmsg_hdr(msg), GENL_HDRLEN, ZCACHE_A_POLICY_STORE);
	uint64_t one = id && nla_len(id) == 8 ? nla_get_u64(id) : 0;
	int err = refused(nlc);
	char whose[64] = "";
	long i;

	log_request(msg);
	if (name)
		nla_strlcpy(whose, name, sizeof(whose));
	nlmsg_free(msg);
	nlc->inconsistent = dump && dumps++ < number("FAKE_NL_INTR");
	if (err || !fn)
		return err;
	if (cmd == ZCACHE_CMD_TAG_GET)
		return tags(one, dump, fn, arg);
	if (cmd == ZCACHE_CMD_POLICY_GET)
		return owner(whose, fn, arg);
	if (cmd == ZCACHE_CMD_STORE_GET) {
		looks++;
		if (!store("web", fn, arg) && dump)
			store("second", fn, arg);
		return 0;
	}
	for (i = 0; i < number("FAKE_NL_OBJECTS"); i++)
		if (object(i, fn, arg))
			return 0;
	return -number("FAKE_NL_BREAK");
}
