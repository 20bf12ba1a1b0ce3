// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/zcache.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/zcache_netlink.h>

/* ZCACHE_CMD_STORE_NEW - do */
static const struct nla_policy zcache_store_new_nl_policy[ZCACHE_A_STORE_POLICY + 1] = {
	[ZCACHE_A_STORE_NAME] = { .type = NLA_NUL_STRING, .len = 32, },
	[ZCACHE_A_STORE_CAPACITY] = { .type = NLA_U64, },
	[ZCACHE_A_STORE_MAX_OBJECT_SIZE] = { .type = NLA_U64, },
	[ZCACHE_A_STORE_MAX_KEY_LEN] = NLA_POLICY_RANGE(NLA_U32, 1, 1024),
	[ZCACHE_A_STORE_INLINE_LIMIT] = NLA_POLICY_MAX(NLA_U32, 2048),
	[ZCACHE_A_STORE_SPLICE_THRESHOLD] = { .type = NLA_U64, },
	[ZCACHE_A_STORE_MODE] = NLA_POLICY_MAX(NLA_U32, 511),
	[ZCACHE_A_STORE_UID] = { .type = NLA_U32, },
	[ZCACHE_A_STORE_GID] = { .type = NLA_U32, },
	[ZCACHE_A_STORE_COPY] = NLA_POLICY_MAX(NLA_U32, 2),
	[ZCACHE_A_STORE_DEFAULT_TTL] = { .type = NLA_U64, },
	[ZCACHE_A_STORE_GRACE] = { .type = NLA_U32, },
	[ZCACHE_A_STORE_HIGH_WATERMARK] = NLA_POLICY_RANGE(NLA_U32, 1, 100),
	[ZCACHE_A_STORE_LOW_WATERMARK] = NLA_POLICY_RANGE(NLA_U32, 1, 100),
	[ZCACHE_A_STORE_OBJECT_EVENTS] = NLA_POLICY_MAX(NLA_U32, 1),
	[ZCACHE_A_STORE_POLICY] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* ZCACHE_CMD_STORE_DEL - do */
static const struct nla_policy zcache_store_del_nl_policy[ZCACHE_A_STORE_FORCE + 1] = {
	[ZCACHE_A_STORE_NAME] = { .type = NLA_NUL_STRING, .len = 32, },
	[ZCACHE_A_STORE_FORCE] = { .type = NLA_FLAG, },
};

/* ZCACHE_CMD_STORE_GET - do */
static const struct nla_policy zcache_store_get_nl_policy[ZCACHE_A_STORE_NAME + 1] = {
	[ZCACHE_A_STORE_NAME] = { .type = NLA_NUL_STRING, .len = 32, },
};

/* ZCACHE_CMD_OBJECT_GET - do */
static const struct nla_policy zcache_object_get_do_nl_policy[ZCACHE_A_OBJECT_KEY + 1] = {
	[ZCACHE_A_OBJECT_STORE] = { .type = NLA_NUL_STRING, .len = 32, },
	[ZCACHE_A_OBJECT_KEY] = { .type = NLA_BINARY, },
};

/* ZCACHE_CMD_OBJECT_GET - dump */
static const struct nla_policy zcache_object_get_dump_nl_policy[ZCACHE_A_OBJECT_RESIDENT + 1] = {
	[ZCACHE_A_OBJECT_STORE] = { .type = NLA_NUL_STRING, .len = 32, },
	[ZCACHE_A_OBJECT_KEY] = { .type = NLA_BINARY, },
	[ZCACHE_A_OBJECT_MIN_SIZE] = { .type = NLA_U64, },
	[ZCACHE_A_OBJECT_MAX_SIZE] = { .type = NLA_U64, },
	[ZCACHE_A_OBJECT_MIN_AGE] = { .type = NLA_U64, },
	[ZCACHE_A_OBJECT_MAX_AGE] = { .type = NLA_U64, },
	[ZCACHE_A_OBJECT_EXPIRED] = NLA_POLICY_MAX(NLA_U32, 1),
	[ZCACHE_A_OBJECT_TAG] = { .type = NLA_U64, },
	[ZCACHE_A_OBJECT_RESIDENT] = NLA_POLICY_MAX(NLA_U32, 1),
};

/* ZCACHE_CMD_STORE_SET - do */
static const struct nla_policy zcache_store_set_nl_policy[ZCACHE_A_STORE_POLICY + 1] = {
	[ZCACHE_A_STORE_NAME] = { .type = NLA_NUL_STRING, .len = 32, },
	[ZCACHE_A_STORE_CAPACITY] = { .type = NLA_U64, },
	[ZCACHE_A_STORE_MAX_OBJECT_SIZE] = { .type = NLA_U64, },
	[ZCACHE_A_STORE_INLINE_LIMIT] = NLA_POLICY_MAX(NLA_U32, 2048),
	[ZCACHE_A_STORE_SPLICE_THRESHOLD] = { .type = NLA_U64, },
	[ZCACHE_A_STORE_MODE] = NLA_POLICY_MAX(NLA_U32, 511),
	[ZCACHE_A_STORE_UID] = { .type = NLA_U32, },
	[ZCACHE_A_STORE_GID] = { .type = NLA_U32, },
	[ZCACHE_A_STORE_COPY] = NLA_POLICY_MAX(NLA_U32, 2),
	[ZCACHE_A_STORE_DEFAULT_TTL] = { .type = NLA_U64, },
	[ZCACHE_A_STORE_GRACE] = { .type = NLA_U32, },
	[ZCACHE_A_STORE_HIGH_WATERMARK] = NLA_POLICY_RANGE(NLA_U32, 1, 100),
	[ZCACHE_A_STORE_LOW_WATERMARK] = NLA_POLICY_RANGE(NLA_U32, 1, 100),
	[ZCACHE_A_STORE_OBJECT_EVENTS] = NLA_POLICY_MAX(NLA_U32, 1),
	[ZCACHE_A_STORE_POLICY] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* ZCACHE_CMD_TAG_SET - do */
static const struct nla_policy zcache_tag_set_nl_policy[ZCACHE_A_TAG_FLOOR + 1] = {
	[ZCACHE_A_TAG_STORE] = { .type = NLA_NUL_STRING, .len = 32, },
	[ZCACHE_A_TAG_ID] = { .type = NLA_U64, },
	[ZCACHE_A_TAG_QUOTA] = { .type = NLA_U64, },
	[ZCACHE_A_TAG_FLOOR] = { .type = NLA_U64, },
};

/* ZCACHE_CMD_TAG_GET - do */
static const struct nla_policy zcache_tag_get_do_nl_policy[ZCACHE_A_TAG_ID + 1] = {
	[ZCACHE_A_TAG_STORE] = { .type = NLA_NUL_STRING, .len = 32, },
	[ZCACHE_A_TAG_ID] = { .type = NLA_U64, },
};

/* ZCACHE_CMD_TAG_GET - dump */
static const struct nla_policy zcache_tag_get_dump_nl_policy[ZCACHE_A_TAG_STORE + 1] = {
	[ZCACHE_A_TAG_STORE] = { .type = NLA_NUL_STRING, .len = 32, },
};

/* ZCACHE_CMD_POLICY_SET - do */
static const struct nla_policy zcache_policy_set_nl_policy[ZCACHE_A_POLICY_WATCHDOG + 1] = {
	[ZCACHE_A_POLICY_STORE] = { .type = NLA_NUL_STRING, .len = 32, },
	[ZCACHE_A_POLICY_NAME] = { .type = NLA_NUL_STRING, .len = 31, },
	[ZCACHE_A_POLICY_TAKEOVER] = { .type = NLA_FLAG, },
	[ZCACHE_A_POLICY_WATCHDOG] = NLA_POLICY_MIN(NLA_U32, 100),
};

/* ZCACHE_CMD_POLICY_DEL - do */
static const struct nla_policy zcache_policy_del_nl_policy[ZCACHE_A_POLICY_STORE + 1] = {
	[ZCACHE_A_POLICY_STORE] = { .type = NLA_NUL_STRING, .len = 32, },
};

/* ZCACHE_CMD_POLICY_DRAIN - do */
static const struct nla_policy zcache_policy_drain_nl_policy[ZCACHE_A_POLICY_STORE + 1] = {
	[ZCACHE_A_POLICY_STORE] = { .type = NLA_NUL_STRING, .len = 32, },
};

/* ZCACHE_CMD_POLICY_EVICT - do */
static const struct nla_policy zcache_policy_evict_nl_policy[ZCACHE_A_POLICY_EXPIRED + 1] = {
	[ZCACHE_A_POLICY_STORE] = { .type = NLA_NUL_STRING, .len = 32, },
	[ZCACHE_A_POLICY_VICTIMS] = { .type = NLA_BINARY, },
	[ZCACHE_A_POLICY_TARGET] = { .type = NLA_U64, },
	[ZCACHE_A_POLICY_EXPIRED] = { .type = NLA_FLAG, },
};

/* ZCACHE_CMD_POLICY_GET - do */
static const struct nla_policy zcache_policy_get_nl_policy[ZCACHE_A_POLICY_STORE + 1] = {
	[ZCACHE_A_POLICY_STORE] = { .type = NLA_NUL_STRING, .len = 32, },
};

/* Ops table for zcache */
const struct genl_split_ops zcache_nl_ops[16] = {
	{
		.cmd		= ZCACHE_CMD_STORE_NEW,
		.doit		= zcache_nl_store_new_doit,
		.policy		= zcache_store_new_nl_policy,
		.maxattr	= ZCACHE_A_STORE_POLICY,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ZCACHE_CMD_STORE_DEL,
		.doit		= zcache_nl_store_del_doit,
		.policy		= zcache_store_del_nl_policy,
		.maxattr	= ZCACHE_A_STORE_FORCE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ZCACHE_CMD_STORE_GET,
		.doit		= zcache_nl_store_get_doit,
		.policy		= zcache_store_get_nl_policy,
		.maxattr	= ZCACHE_A_STORE_NAME,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= ZCACHE_CMD_STORE_GET,
		.start	= zcache_nl_store_get_start,
		.dumpit	= zcache_nl_store_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= ZCACHE_CMD_OBJECT_GET,
		.doit		= zcache_nl_object_get_doit,
		.policy		= zcache_object_get_do_nl_policy,
		.maxattr	= ZCACHE_A_OBJECT_KEY,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ZCACHE_CMD_OBJECT_GET,
		.start		= zcache_nl_object_get_start,
		.dumpit		= zcache_nl_object_get_dumpit,
		.done		= zcache_nl_object_get_done,
		.policy		= zcache_object_get_dump_nl_policy,
		.maxattr	= ZCACHE_A_OBJECT_RESIDENT,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= ZCACHE_CMD_STORE_SET,
		.doit		= zcache_nl_store_set_doit,
		.policy		= zcache_store_set_nl_policy,
		.maxattr	= ZCACHE_A_STORE_POLICY,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ZCACHE_CMD_TAG_SET,
		.doit		= zcache_nl_tag_set_doit,
		.policy		= zcache_tag_set_nl_policy,
		.maxattr	= ZCACHE_A_TAG_FLOOR,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ZCACHE_CMD_TAG_GET,
		.doit		= zcache_nl_tag_get_doit,
		.policy		= zcache_tag_get_do_nl_policy,
		.maxattr	= ZCACHE_A_TAG_ID,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ZCACHE_CMD_TAG_GET,
		.start		= zcache_nl_tag_get_start,
		.dumpit		= zcache_nl_tag_get_dumpit,
		.done		= zcache_nl_tag_get_done,
		.policy		= zcache_tag_get_dump_nl_policy,
		.maxattr	= ZCACHE_A_TAG_STORE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= ZCACHE_CMD_POLICY_SET,
		.doit		= zcache_nl_policy_set_doit,
		.policy		= zcache_policy_set_nl_policy,
		.maxattr	= ZCACHE_A_POLICY_WATCHDOG,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ZCACHE_CMD_POLICY_DEL,
		.doit		= zcache_nl_policy_del_doit,
		.policy		= zcache_policy_del_nl_policy,
		.maxattr	= ZCACHE_A_POLICY_STORE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ZCACHE_CMD_POLICY_DRAIN,
		.doit		= zcache_nl_policy_drain_doit,
		.policy		= zcache_policy_drain_nl_policy,
		.maxattr	= ZCACHE_A_POLICY_STORE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ZCACHE_CMD_POLICY_EVICT,
		.doit		= zcache_nl_policy_evict_doit,
		.policy		= zcache_policy_evict_nl_policy,
		.maxattr	= ZCACHE_A_POLICY_EXPIRED,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= ZCACHE_CMD_POLICY_GET,
		.doit		= zcache_nl_policy_get_doit,
		.policy		= zcache_policy_get_nl_policy,
		.maxattr	= ZCACHE_A_POLICY_STORE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= ZCACHE_CMD_POLICY_GET,
		.start	= zcache_nl_policy_get_start,
		.dumpit	= zcache_nl_policy_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
};

static const struct genl_multicast_group zcache_nl_mcgrps[] = {
	[ZCACHE_NLGRP_EVENTS] = { "events", },
	[ZCACHE_NLGRP_OBJECTS] = { "objects", },
};
