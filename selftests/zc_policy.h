/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The owner of a store's policy, as a test plays it: the calls, and a view of the
 * store that is kept from what is drained. The owner is the calling thread's
 * socket.
 */
#ifndef ZC_POLICY_H
#define ZC_POLICY_H

#include <linux/zcache_policy.h>

#include "zc_test.h"

struct zct_policy_set {
	const char *name;	/* NULL for none */
	__u32 watchdog;		/* 0 for none */
	bool takeover;
};

struct zct_policy {
	char store[64];
	char name[64];
	__u32 owner, watchdog, reason;
	bool late;
	unsigned int seen;	/* answers so far */
};

struct zct_drained {
	struct zc_policy_record record[1000];
	unsigned int nr;
	bool resync, more;
	__u64 used, capacity, high, low;
};

struct zct_evicted {
	__u64 evicted, bytes, spared, gone, used;
};

int zct_policy_set(const char *store, const struct zct_policy_set *set);
/* The same with nothing but a name. */
int zct_policy_own(const struct zct_store *s, const char *name);
int zct_policy_del(const char *store);
int zct_policy_get(const char *store, struct zct_policy *p);
/* For an event or an answer. Return: its command. */
int zct_policy_parse(struct nlmsghdr *nlh, struct zct_policy *p);
/* Wait for the next event on a socket that listens. Return: its command or -errno. */
int zct_policy_event(int fd, struct zct_policy *p);
int zct_policy_drain(const char *store, struct zct_drained *d);
/* The record at @i if it is of @what, else one of zeroes. */
const struct zc_policy_record *zct_drained_record(const struct zct_drained *d, unsigned int i,
						  __u8 what);
#define ZCT_NO_TARGET	(~0ULL)
int zct_policy_evict(const char *store, const void *victims, size_t bytes, __u64 target,
		     struct zct_evicted *e);
int zct_policy_evict_expired(const char *store, __u64 target, struct zct_evicted *e);

/* What an owner knows, by slot. */
#define ZCT_VIEW_MAX	(1U << 16)
struct zct_view {
	struct zc_policy_record known[ZCT_VIEW_MAX];	/* .what 0: nothing */
	unsigned int objects, resyncs, touched;
	__u64 charge;
};

/* Apply what was drained. Return: 0, or -EPROTO at what cannot be. */
int zct_view_apply(struct zct_view *v, const struct zct_drained *d);
/* Drain until there is no more. */
int zct_view_drain(struct zct_view *v, const char *store);
/* The first @max objects, by slot. Return: how many there are of them. */
unsigned int zct_view_victims(const struct zct_view *v, struct zc_policy_victim *to,
			      unsigned int max);

/* @n objects; the keys are @prefix and a number from 0. */
int zct_put_many(int fd, const char *prefix, int n, size_t len);
/* A use of the object, by a read of its first byte. */
int zct_use_key(int fd, const char *key);

#endif /* ZC_POLICY_H */
