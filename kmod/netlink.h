/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_NETLINK_H
#define ZC_NETLINK_H

#include <net/genetlink.h>

#include "netlink-gen.h"

struct rhashtable_iter;
struct zc_store;

int zc_netlink_init(void);
void zc_netlink_exit(void);

struct zc_store *zc_netlink_find(struct genl_info *info, int attr);
struct sk_buff *zc_netlink_reply(struct genl_info *info, u8 cmd, void **hdr);
int zc_netlink_send(struct genl_info *info, struct sk_buff *reply, void *hdr,
		    int err);
void *zc_netlink_dump_hdr(struct sk_buff *skb, struct netlink_callback *cb,
			  u8 cmd);
void zc_netlink_walk_on(struct rhashtable_iter *iter,
			struct netlink_callback *cb)
	__acquires(RCU);
void zc_netlink_lock(void);
void zc_netlink_unlock(void);
void zc_netlink_pressure(struct zc_store *store);

/** zc_netlink_put_u64() - put a number; every attribute set has its padding first */
static inline int zc_netlink_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	return nla_put_u64_64bit(skb, attr, value, ZCACHE_A_STORE_PAD);
}

#endif /* ZC_NETLINK_H */
