// SPDX-License-Identifier: GPL-2.0-only
/*
 * What netlink brings, as every program of ours reads it. The first byte chooses who
 * reads; then come datagrams, each after two bytes with its length. In place of a
 * message's number with the bit ANSWER stands the number of what was asked last.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/zcache_netlink.h>

#include "fail.h"
#include "fuzz.h"
#include "kernel.h"
#include "nl.h"
#include "stores.h"
#include "tags.h"
#include "tracked.h"

/* For the events, which no other file is to have. */
#include "../zcachectl/cmd_event.c"

#define ANSWER 0x80000000u
#define FAMILY 0x1f		/* printable text is no such number */
#define SLOTS 4096
#define TURNS 16

static const uint8_t *input;
static size_t left;
static uint32_t asked;
static struct nlc nlc;

int __wrap_nlc_open(struct nlc *n);
void __wrap_nlc_close(struct nlc *n);
ssize_t __wrap_recv(int fd, void *buf, size_t room, int flags);
int __wrap_genl_ctrl_resolve(struct nl_sock *sk, const char *name);
int __real_nlc_open(struct nlc *n);

int fail(enum exit_code code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return code;
}

void note(const char *fmt, ...)
{
	(void)fmt;
}

const char *error_name(int err)
{
	(void)err;
	return "error";
}

int __wrap_genl_ctrl_resolve(struct nl_sock *sk, const char *name)
{
	(void)sk;
	(void)name;
	return FAMILY;
}

/* One socket for all: what is sent to it goes nowhere. */
int __wrap_nlc_open(struct nlc *n)
{
	*n = nlc;
	return CTL_OK;
}

void __wrap_nlc_close(struct nlc *n)
{
	n->sk = NULL;
}

static void number(char *buf, size_t len)
{
	struct nlmsghdr h;
	size_t at;

	for (at = 0; at + sizeof(h) <= len; at += NLMSG_ALIGN(h.nlmsg_len)) {
		memcpy(&h, buf + at, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > len - at)
			break;
		if (h.nlmsg_seq & ANSWER)
			h.nlmsg_seq = asked;
		memcpy(buf + at, &h, sizeof(h));
	}
}

/* The next datagram, of which room bytes are taken; its whole length. */
static ssize_t datagram(void *buf, size_t room, int flags)
{
	size_t len, n;

	if (left < 2) {
		errno = EAGAIN;
		return -1;
	}
	len = input[0] | input[1] << 8;
	if (len > left - 2)
		len = left - 2;
	n = len < room ? len : room;
	memcpy(buf, input + 2, n);
	number(buf, n);
	if (!(flags & MSG_PEEK)) {
		input += 2 + len;
		left -= 2 + len;
	}
	return flags & MSG_TRUNC ? len : n;
}

ssize_t __wrap_recv(int fd, void *buf, size_t room, int flags)
{
	(void)fd;
	return datagram(buf, room, flags);
}

/* libnl's own calls end here too, as the program's symbols come first. */
ssize_t recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct sockaddr_nl from = { .nl_family = AF_NETLINK };
	ssize_t n = datagram(msg->msg_iov[0].iov_base, msg->msg_iov[0].iov_len, flags);

	(void)fd;
	if (n < 0)
		return n;
	if (msg->msg_name)
		memcpy(msg->msg_name, &from, sizeof(from));
	msg->msg_namelen = sizeof(from);
	msg->msg_controllen = 0;
	msg->msg_flags = n > (ssize_t)msg->msg_iov[0].iov_len ? MSG_TRUNC : 0;
	return n;
}

ssize_t sendmsg(int fd, const struct msghdr *msg, int flags)
{
	const struct nlmsghdr *h = msg->msg_iov[0].iov_base;

	(void)fd;
	(void)flags;
	asked = h->nlmsg_seq;
	return msg->msg_iov[0].iov_len;
}

static int begin_listing(void *arg)
{
	return tracked_resync(arg);
}

/* Numbers of slots are the kernel's, which counts them from 0: so few are enough here. */
static int record(const struct zc_policy_record *r, void *arg)
{
	struct zc_policy_record near = *r;

	near.slot %= SLOTS;
	near.charge &= UINT32_MAX;
	return tracked_record(arg, &near);
}

static void drain(void)
{
	struct zc_policy_victim victims[VICTIMS_MAX];
	struct tracked t = { .begun = false };
	struct drained d = { .fn = record, .begin = begin_listing, .arg = &t };
	struct zp_options options = { .a = -1, .capacity = 1 << 20 };
	int i;

	must(!tracked_begin(&t, zp_find("sieve"), &options));
	for (i = 0; i < TURNS && left; i++) {
		if (kernel_steer.drain(&nlc, "web", &d))
			break;
		if (!d.more)
			tracked_sweep(&t);
		must(tracked_choose(&t, d.used / 2, victims) <= VICTIMS_MAX);
		if (tracked_settle(&t))
			break;
	}
	tracked_end(&t);
}

static void stores(void)
{
	struct stores s = { 0 };
	size_t i;

	if (!get_stores(&nlc, NULL, &s))
		for (i = 0; i < s.n; i++)
			must(strlen(s.v[i].name) <= ZC_NAME_MAX &&
			     strlen(s.v[i].policy) < POLICY_ROOM &&
			     s.v[i].send_latency.n <= BUCKETS_MAX);
	free(s.v);
}

static void tags(void)
{
	struct top_tags t = { 0 };
	int i;

	tags_update("web", &t);
	for (i = 0; i < TURNS && tags_go_on(&t); i++)
		continue;
	must(t.n <= TOP_TAGS);
	tags_end(&t);
}

static void all_events(bool json)
{
	struct monitor m = { .objects = true, .limit = UINT64_MAX };

	out_init(json);
	while (nlc_receive(&nlc, take_event, &m) != -EAGAIN)
		m.err = 0;
	/* the next document was begun */
	if (json)
		out_finish();
}

static void evict(void)
{
	struct zc_policy_victim v = { .generation = 1 };
	struct evicted e;

	kernel_steer.evict(&nlc, "web", &v, 1, NULL, &e);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	must(!__real_nlc_open(&nlc));
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	input = data + 1;
	left = size - 1;
	switch (data[0] % 6) {
	case 0: stores(); break;
	case 1: drain(); break;
	case 2: evict(); break;
	case 3: tags(); break;
	case 4: all_events(false); break;
	case 5: all_events(true); break;
	}
	must(memchr(nlc.sentence, '\0', sizeof(nlc.sentence)) != NULL);
	return 0;
}
