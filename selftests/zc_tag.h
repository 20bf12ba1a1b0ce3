/* SPDX-License-Identifier: GPL-2.0-only */
/* Tags: what has one, their limits and their purge. */
#ifndef ZC_TAG_H
#define ZC_TAG_H

#include "zc_test.h"

/* What the kernel says of a tag, and how many it spoke of. */
struct zct_tag {
	__u64 id, quota, floor, used, objects, hits, hit_bytes, sent_bytes, commits, fill_bytes,
	      expired, evictions, evicted_bytes, misses;
	unsigned int seen;
};

/* For zc_nl_call() of a get or a dump; the argument is a struct zct_tag. */
void zct_on_tag(struct nlmsghdr *nlh, void *arg);
int zct_tag_get(const struct zct_store *s, __u64 id, struct zct_tag *t);
/* A limit that stays as it is. */
#define ZCT_KEEP	(~0ULL)
int zct_tag_set(const struct zct_store *s, __u64 id, __u64 quota, __u64 floor);
/* How many objects with a tag are listed, or -errno. */
int zct_tag_listed(const struct zct_store *s, __u64 tag);

/* Objects of the pattern of id 1 and version 1. */
int zct_put_tags(int fd, const char *key, size_t len, const __u64 *tags, __u32 nr);
int zct_put_tag(int fd, const char *key, size_t len, __u64 tag);
/* @flags besides ZC_PURGE_TAG. */
int zct_purge_tag(int fd, __u64 tag, __u32 flags, struct zc_purge *p);

#endif /* ZC_TAG_H */
