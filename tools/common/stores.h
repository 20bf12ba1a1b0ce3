/* SPDX-License-Identifier: GPL-2.0-only */
/* What the module tells of its stores. */
#ifndef STORES_H
#define STORES_H

#include <stddef.h>
#include <stdint.h>

#include <linux/zcache.h>
#include <linux/zcache_counters.h>

struct nlc;
struct nlmsghdr;

/* Room for more buckets than a kernel has any reason to send. */
#define BUCKETS_MAX 48

struct latency {
	size_t n;
	uint64_t count[BUCKETS_MAX];
};

/* Bucket i counts the calls that took less than this, the last one all others. */
static inline uint64_t latency_bound(size_t i)
{
	return UINT64_C(1024) << i;
}

/* A policy's name with its NUL. */
#define POLICY_ROOM 32

struct store {
	char name[ZC_NAME_MAX + 1];
	char policy[POLICY_ROOM];	/* what it asks its policy's owner for, or "" */
	uint64_t capacity, max_object_size, splice_threshold, default_ttl;
	uint64_t used, data, metadata, pinned, objects;
	uint32_t max_key_len, inline_limit, copy, grace, high_watermark, low_watermark;
	uint32_t mode, uid, gid, opens, object_events;
	uint64_t counter[ZC_C_NR];
	struct latency send_latency, fill_latency;
};

struct stores {
	struct store *v;	/* the caller frees it */
	size_t n;
	int err;
};

struct counter {
	const char *name, *unit;
};

extern const struct counter counters[ZC_C_NR];

/* 0 or -errno. */
int parse_store(struct nlmsghdr *nlh, struct store *s);

/*
 * name NULL: all of them; then nlc->inconsistent says whether they came and went
 * all the time. 0 or -errno.
 */
int get_stores(struct nlc *nlc, const char *name, struct stores *stores);

/* Says that the list may be incomplete. */
void note_inconsistent(void);

#endif /* STORES_H */
