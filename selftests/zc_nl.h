/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The netlink family, as the tests need it: the refusals matter as much as the
 * answers, so every call gives -errno and keeps the kernel's sentence.
 */
#ifndef ZC_NL_H
#define ZC_NL_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>
#include <netlink/msg.h>
#include <netlink/attr.h>
#include <linux/zcache_counters.h>
#include <linux/zcache_netlink.h>

/* What a new store is to be; only the attributes in @set are sent. */
struct zc_nl_cfg {
	const char *name;
	__u64 capacity;
	__u64 max_object_size;
	__u32 max_key_len;
	__u32 inline_limit;
	__u64 splice_threshold;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 copy;		/* ZCACHE_COPY_... */
	__u64 default_ttl;
	__u32 grace;
	__u32 high_watermark;
	__u32 low_watermark;
	__u32 object_events;
	const char *policy;
	__u32 set;		/* bits ZC_NL_SET() of the optional attributes */
};

/* Numbers in a latency histogram. */
#define ZC_NL_BUCKETS		30

#define ZC_NL_SET(name)		(1U << ZCACHE_A_STORE_##name)

struct zc_nl_store {
	char name[64];
	__u64 capacity;
	__u64 max_object_size;
	__u32 max_key_len;
	__u32 inline_limit;
	__u64 splice_threshold;
	__u32 mode;
	__u32 uid;
	__u32 gid;
	__u32 copy;
	__u64 default_ttl;
	__u32 grace;
	__u32 high_watermark;
	__u32 low_watermark;
	__u64 data;
	__u64 metadata;
	__u64 pinned;
	__u64 send_latency[ZC_NL_BUCKETS];
	__u64 fill_latency[ZC_NL_BUCKETS];
	char policy[64];
	__u64 used;
	__u64 objects;
	__u32 opens;
	__u32 object_events;
	__u64 count[ZC_C_NR];
	__u32 seen;		/* ZC_NL_SET() of the attributes in the answer */
	unsigned int counters;	/* counters in the answer */
};

struct zc_nl_object {
	unsigned char key[1024];
	size_t key_len;
	__u64 generation;
	__u64 size;
	__u64 charge;
	__u64 resident;
	__u64 hits;
	__s64 created;
	__s64 expires;
	char store[64];		/* of an event, as is the reason */
	__u32 reason;		/* ZCACHE_OBJECT_REASON_... */
	__u32 seen;		/* 1 << ZCACHE_A_OBJECT_... */
};

/* The sentence of this thread's last call, empty if the kernel gave none. */
const char *zc_nl_extack(void);
/* Whether this thread's last dump said that it was inconsistent. */
bool zc_nl_interrupted(void);

/* A request of this family, to be filled with attributes and given to call. */
struct nl_msg *zc_nl_msg(int cmd, int flags);
/* As zc_nl_msg, but of any family and any flags. */
struct nl_msg *zc_nl_msg_of(int family, int cmd, int flags);
int zc_nl_family(void);
/* This thread's socket. */
int zc_nl_fd(void);

typedef void (*zc_nl_fn)(struct nlmsghdr *nlh, void *arg);
/* Sends (and frees) @msg, gives every answer to @fn. Return: 0 or -errno. */
int zc_nl_call(struct nl_msg *msg, zc_nl_fn fn, void *arg);

int zc_nl_store_new(const struct zc_nl_cfg *cfg);
/* Change what is in @set; the capacity is optional here. */
int zc_nl_store_set(const struct zc_nl_cfg *cfg);
int zc_nl_store_del(const char *name, bool force);
int zc_nl_store_get(const char *name, struct zc_nl_store *out);
typedef void (*zc_nl_store_fn)(const struct zc_nl_store *store, void *arg);
int zc_nl_store_dump(zc_nl_store_fn fn, void *arg);

int zc_nl_object_get(const char *store, const void *key, size_t key_len,
		     struct zc_nl_object *out);
typedef void (*zc_nl_object_fn)(const struct zc_nl_object *object, void *arg);

/* What a dump is to have; only the attributes in @set are sent. */
struct zc_nl_filter {
	const void *prefix;
	size_t prefix_len;
	__u64 min_size;
	__u64 max_size;
	__u64 min_age;
	__u64 max_age;
	__u32 expired;
	__u64 tag;
	__u32 resident;
	__u32 set;		/* bits ZC_NL_WANT() */
};

#define ZC_NL_WANT(name)	(1U << ZCACHE_A_OBJECT_##name)

int zc_nl_object_dump_filter(const char *store, const struct zc_nl_filter *filter,
			     zc_nl_object_fn fn, void *arg);
int zc_nl_object_dump(const char *store, const void *prefix, size_t prefix_len,
		      zc_nl_object_fn fn, void *arg);

/* Join a group, or that of events, on a socket of its own. Return: its fd or -errno. */
int zc_nl_listen_to(const char *group);
int zc_nl_listen(void);
/* Wait for the next event. Return: its command, or -errno. */
int zc_nl_event(int fd, struct zc_nl_store *store);
/* The same of one that is about an object. */
int zc_nl_object_event(int fd, struct zc_nl_object *object);

#endif /* ZC_NL_H */
