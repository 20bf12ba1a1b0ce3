// SPDX-License-Identifier: GPL-2.0-only
/*
 * What zcached finds in the place of the kernel: the model, which does what the test
 * says through the socket FAKE_NL_EVENTS (SOCK_SEQPACKET) and tells of it as the
 * kernel does. Messages without "!" are events as they are.
 *
 *   !new NAME CAPACITY     !quiet NAME CAPACITY (nobody is told, for events were lost)
 *                          !silent NAME CAPACITY (nor that they were)
 *   !del NAME              !vanish NAME (as quiet)
 *   !wants NAME [POLICY]
 *   !put NAME COUNT CHARGE !touch NAME COUNT
 *   !late NAME COUNT CHARGE (as put, but just after the next drain of any store, and
 *                          the owner is told amid that)
 *   !foreign NAME          !free NAME
 *   !broken NAME (nobody can own it)
 *   !count NAME COUNTER MORE
 *   !took NAME BUCKET COUNT (sends and fills)
 *   !tag NAME TAG HITS
 *
 * What limits tags get and thresholds stores it says on standard error.
 *
 * FAKE_NO_RIGHTS: without CAP_NET_ADMIN
 */
#include <cap-ng.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/zcache_netlink.h>

#include "fail.h"
#include "fake_policy.h"
#include "nl.h"

int __wrap_nlc_open(struct nlc *nlc);
void __wrap_nlc_close(struct nlc *nlc);
int __wrap_nlc_join(struct nlc *nlc, const char *group);
ssize_t __real_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);
int __wrap_capng_have_capability(capng_type_t which, unsigned int capability);
int __wrap_capng_apply(capng_select_t set);

int __wrap_nlc_open(struct nlc *nlc)
{
	memset(nlc, 0, sizeof(*nlc));
	nlc->family = 99;
	nlc->fd = eventfd(0, EFD_CLOEXEC);
	return CTL_OK;
}

void __wrap_nlc_close(struct nlc *nlc)
{
	close(nlc->fd);
}

static void say_limited(const struct model *m, const struct model_tag *t)
{
	fprintf(stderr, "kernel: store %s tag %llu quota %llu floor %llu\n", m->name,
		(unsigned long long)t->id, (unsigned long long)t->quota,
		(unsigned long long)t->floor);
}

static void say_split(const struct model *m)
{
	fprintf(stderr, "kernel: store %s threshold %llu\n", m->name,
		(unsigned long long)m->splice_threshold);
}

int __wrap_nlc_join(struct nlc *nlc, const char *group)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strcmp(group, ZCACHE_MCGRP_EVENTS))
		return fail(CTL_REFUSED, "no such group");
	strcpy(address.sun_path, getenv("FAKE_NL_EVENTS"));
	close(nlc->fd);
	nlc->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (connect(nlc->fd, (struct sockaddr *)&address, sizeof(address)))
		abort();
	model_limited = say_limited;
	model_split = say_split;
	return CTL_OK;
}

int __wrap_capng_have_capability(capng_type_t which, unsigned int capability)
{
	return which == CAPNG_EFFECTIVE && capability == CAP_NET_ADMIN &&
	       !getenv("FAKE_NO_RIGHTS");
}

int __wrap_capng_apply(capng_select_t set)
{
	(void)set;
	return 0;
}

/* As the kernel would tell it, in buf. */
static ssize_t event(void *buf, int cmd, int attr, const char *store, const struct model *m)
{
	struct nl_msg *msg = nlmsg_alloc();
	ssize_t len;

	genlmsg_put(msg, 0, 0, 99, 0, 0, cmd, ZCACHE_FAMILY_VERSION);
	nla_put_string(msg, attr, store);
	if (cmd == ZCACHE_CMD_POLICY_LOST_NTF)
		nla_put_u32(msg, ZCACHE_A_POLICY_REASON, ZCACHE_POLICY_REASON_CLOSED);
	else if (m)
		nla_put_string(msg, ZCACHE_A_STORE_POLICY, m->policy);
	len = nlmsg_hdr(msg)->nlmsg_len;
	memcpy(buf, nlmsg_hdr(msg), len);
	nlmsg_free(msg);
	return len;
}

static ssize_t nothing(int err)
{
	errno = err;
	return -1;
}

static void touch(struct model *m, unsigned long count)
{
	uint32_t slot;

	for (slot = 0; slot < MODEL_SLOTS && count; slot++) {
		if (!m->slot[slot].there)
			continue;
		model_touch(m, slot);
		count--;
	}
}

static void put(struct model *m, unsigned long count, unsigned long charge)
{
	for (; count; count--)
		model_put(m, count, charge);
}

static struct {
	struct model *m;
	unsigned long count, charge;
} late;

static void put_late(struct nlc *nlc)
{
	char buf[256] __attribute__((aligned(NLMSG_ALIGNTO)));

	model_drained = NULL;
	put(late.m, late.count, late.charge);
	event(buf, ZCACHE_CMD_POLICY_DRAIN_NTF, ZCACHE_A_POLICY_STORE, late.m->name, NULL);
	nlc->unasked((struct nlmsghdr *)buf, nlc->unasked_arg);
}

static void count(struct model *m, const char *counter, unsigned long more)
{
	static const char *const names[] = {
#define NAME(id, name, unit, sentence) name,
		ZC_COUNTERS(NAME)
#undef NAME
	};
	int i = 0;

	while (i < ZC_C_NR && strcmp(names[i], counter))
		i++;
	if (i == ZC_C_NR)
		abort();
	m->more[i] += more;
}

/* What only counts, and nobody is told; false if it is something else. */
static bool figures(struct model *m, const char *what, const char *word, unsigned long n)
{
	if (!strcmp(what, "count"))
		count(m, word, n);
	else if (!strcmp(what, "took"))
		m->took[strtoul(word, NULL, 10)] += n;
	else if (!strcmp(what, "tag"))
		m->tag_hits[strtoul(word, NULL, 10) - 1] = n;
	else
		return false;
	return true;
}

static ssize_t obey(char *text, void *buf)
{
	char what[16], name[33], word[32] = "";
	unsigned long charge = 0;
	struct model *m;

	if (sscanf(text, "!%15s %32s %31s %lu", what, name, word, &charge) < 2)
		abort();
	m = model_find(name);
	if (figures(m, what, word, charge))
		return nothing(EAGAIN);
	if (!strcmp(what, "new") || !strcmp(what, "quiet") || !strcmp(what, "silent")) {
		m = model_new(name, strtoul(word, NULL, 10));
		if (what[0] == 's')
			return nothing(EAGAIN);
		return what[0] == 'q' ? nothing(ENOBUFS) :
		       event(buf, ZCACHE_CMD_STORE_NEW_NTF, ZCACHE_A_STORE_NAME, name, m);
	}
	if (!strcmp(what, "del")) {
		model_del(m);
		return event(buf, ZCACHE_CMD_STORE_DEL_NTF, ZCACHE_A_STORE_NAME, name, NULL);
	}
	if (!strcmp(what, "vanish")) {
		model_del(m);
		return nothing(ENOBUFS);
	}
	if (!strcmp(what, "wants")) {
		strcpy(m->policy, word);
		return event(buf, ZCACHE_CMD_STORE_SET_NTF, ZCACHE_A_STORE_NAME, name, m);
	}
	if (!strcmp(what, "free")) {
		m->foreign = false;
		m->owner[0] = '\0';
		return event(buf, ZCACHE_CMD_POLICY_LOST_NTF, ZCACHE_A_POLICY_STORE, name, NULL);
	}
	if (!strcmp(what, "late")) {
		late.m = m;
		late.count = strtoul(word, NULL, 10);
		late.charge = charge;
		model_drained = put_late;
		return event(buf, ZCACHE_CMD_PRESSURE_NTF, ZCACHE_A_STORE_NAME, name, NULL);
	}
	if (!strcmp(what, "foreign"))
		m->foreign = true;
	else if (!strcmp(what, "broken"))
		m->broken = true;
	else if (!strcmp(what, "touch"))
		touch(m, strtoul(word, NULL, 10));
	else if (!strcmp(what, "put"))
		put(m, strtoul(word, NULL, 10), charge);
	else
		abort();
	if (m->used < m->high)
		return nothing(EAGAIN);
	return event(buf, ZCACHE_CMD_PRESSURE_NTF, ZCACHE_A_STORE_NAME, name, NULL);
}

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
	ssize_t n = __real_recv(fd, buf, len, flags);
	char text[128];

	/* connections of clients are no sockets of messages */
	if (!(flags & MSG_TRUNC) || n < 2 || n >= (ssize_t)sizeof(text) || *(char *)buf != '!')
		return n;
	memcpy(text, buf, n);
	text[n] = '\0';
	return obey(text, buf);
}
