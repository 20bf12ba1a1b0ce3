/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_NETLINK_H
#define ZC_NETLINK_H

#include <net/genetlink.h>

#include <uapi/linux/zcache_netlink.h>

#include "netlink-gen.h"

struct rhashtable_iter;
struct zc_object;
struct zc_policy_owner;
struct zc_store;

extern struct genl_family zc_netlink_family;

int zc_netlink_init(void);
void zc_netlink_exit(void);

struct zc_store *zc_netlink_find(struct genl_info *info, int attr);
struct sk_buff *zc_netlink_reply(struct genl_info *info, u8 cmd, void **hdr);
struct sk_buff *zc_netlink_reply_size(struct genl_info *info, u8 cmd,
				      size_t size, void **hdr);
int zc_netlink_send(struct genl_info *info, struct sk_buff *reply, void *hdr,
		    int err);
void *zc_netlink_dump_hdr(struct sk_buff *skb, struct netlink_callback *cb,
			  u8 cmd);
void zc_netlink_walk_on(struct rhashtable_iter *iter,
			struct netlink_callback *cb)
	__acquires(RCU);
void zc_netlink_lock(void);
void zc_netlink_unlock(void);
int zc_netlink_put_store(struct sk_buff *skb, struct zc_store *store);

/* netlink_event.c */
void zc_netlink_store_event(struct zc_store *store, u8 cmd);
struct sk_buff *zc_netlink_event(u8 cmd, void **hdr);
void zc_netlink_tell_event(struct sk_buff *skb, void *hdr, int err);

/* netlink_policy.c */
bool zc_netlink_policy_valid(const char *name);
int zc_netlink_policy_init(void);
void zc_netlink_policy_exit(void);
void zc_netlink_policy_new(struct zc_store *store,
			   const struct zc_policy_owner *owner);
void zc_netlink_policy_lost(struct zc_store *store,
			    const struct zc_policy_owner *owner,
			    enum zcache_policy_reason reason);
void zc_netlink_policy_tell(struct zc_store *store, u32 portid);

/** zc_netlink_put_u64() - put a number; every attribute set has its padding first */
static inline int zc_netlink_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, ZCACHE_A_STORE_PAD);
}

#endif /* ZC_NETLINK_H */
