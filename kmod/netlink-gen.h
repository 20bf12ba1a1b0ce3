/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/zcache.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_ZCACHE_GEN_H
#define _LINUX_ZCACHE_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/zcache_netlink.h>

/* Ops table for zcache */
extern const struct genl_split_ops zcache_nl_ops[16];

int zcache_nl_store_get_start(struct netlink_callback *cb);
int zcache_nl_object_get_start(struct netlink_callback *cb);
int zcache_nl_tag_get_start(struct netlink_callback *cb);
int zcache_nl_policy_get_start(struct netlink_callback *cb);
int zcache_nl_object_get_done(struct netlink_callback *cb);
int zcache_nl_tag_get_done(struct netlink_callback *cb);

int zcache_nl_store_new_doit(struct sk_buff *skb, struct genl_info *info);
int zcache_nl_store_del_doit(struct sk_buff *skb, struct genl_info *info);
int zcache_nl_store_get_doit(struct sk_buff *skb, struct genl_info *info);
int zcache_nl_store_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int zcache_nl_object_get_doit(struct sk_buff *skb, struct genl_info *info);
int zcache_nl_object_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);
int zcache_nl_store_set_doit(struct sk_buff *skb, struct genl_info *info);
int zcache_nl_tag_set_doit(struct sk_buff *skb, struct genl_info *info);
int zcache_nl_tag_get_doit(struct sk_buff *skb, struct genl_info *info);
int zcache_nl_tag_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int zcache_nl_policy_set_doit(struct sk_buff *skb, struct genl_info *info);
int zcache_nl_policy_del_doit(struct sk_buff *skb, struct genl_info *info);
int zcache_nl_policy_drain_doit(struct sk_buff *skb, struct genl_info *info);
int zcache_nl_policy_evict_doit(struct sk_buff *skb, struct genl_info *info);
int zcache_nl_policy_get_doit(struct sk_buff *skb, struct genl_info *info);
int zcache_nl_policy_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb);

enum {
	ZCACHE_NLGRP_EVENTS,
	ZCACHE_NLGRP_OBJECTS,
};

#endif /* _LINUX_ZCACHE_GEN_H */
