// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: the netlink family, and stores. Policies and the table of operations
 * are generated from uapi/zcache.yaml.
 */

#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rhashtable.h>
#include <net/genetlink.h>
#include <net/sock.h>
#include <uapi/linux/zcache.h>
#include <uapi/linux/zcache_counters.h>

#include "netlink-gen.h"
#include "netlink.h"
#include "store.h"

/* Less than this is no cache. */
#define ZC_CAPACITY_MIN		SZ_64K

#define ZC_INLINE_LIMIT		2048
#define ZC_SPLICE_THRESHOLD	SZ_4K
#define ZC_GRACE		10000	/* milliseconds, as Varnish has it */
#define ZC_TTL_MAX		3155760000000ULL
#define ZC_HIGH_WATERMARK	95	/* percent */
#define ZC_LOW_WATERMARK	90

/* protects the configuration of stores and tags against two writers */
static DEFINE_MUTEX(zc_netlink_set_mutex);

static bool zc_netlink_name_valid(const char *name)
{
	const char *c;

	if (!*name || *name == '.')
		return false;
	for (c = name; *c; c++)
		if (!isascii(*c) || (!isalnum(*c) && !strchr("._-", *c)))
			return false;
	return true;
}

/** zc_netlink_policy_valid() - Return: whether a policy may have this name */
bool zc_netlink_policy_valid(const char *name)
{
	for (; *name; name++)
		if (!isascii(*name) || (!isalnum(*name) && !strchr(".-", *name)))
			return false;
	return true;
}

static int zc_netlink_name(struct genl_info *info, int attr, char *name)
{
	if (!info->attrs[attr]) {
		NL_SET_ERR_MSG(info->extack, "the name of the store is missing");
		return -EINVAL;
	}
	nla_strscpy(name, info->attrs[attr], ZC_NAME_MAX + 1);
	return 0;
}

static u64 zc_netlink_u64(struct genl_info *info, int attr, u64 missing)
{
	return info->attrs[attr] ? nla_get_u64(info->attrs[attr]) : missing;
}

static u32 zc_netlink_u32(struct genl_info *info, int attr, u32 missing)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : missing;
}

#define ZC_REFUSE(info, attr, msg) ({					\
	NL_SET_ERR_MSG_ATTR((info)->extack, (info)->attrs[attr], msg);	\
	-EINVAL;							\
})

/**
 * zc_netlink_find() - find the store that a request names
 * @info: the request
 * @attr: its attribute with the name
 *
 * Return: the store with a reference, or an error pointer; the request's answer
 * then has a sentence.
 */
struct zc_store *zc_netlink_find(struct genl_info *info, int attr)
{
	char name[ZC_NAME_MAX + 1];
	struct zc_store *store;
	int err = zc_netlink_name(info, attr, name);

	if (err)
		return ERR_PTR(err);
	store = zc_store_find(name);
	if (store)
		return store;
	NL_SET_ERR_MSG(info->extack, "there is no store of this name");
	return ERR_PTR(-ENOENT);
}

/* Whose the node is, and who else may use it; as zc_netlink_config(). */
static int zc_netlink_owner(struct genl_info *info,
			    struct zc_store_config *config)
{
	config->mode = zc_netlink_u32(info, ZCACHE_A_STORE_MODE, config->mode);
	/* GENL_ADMIN_PERM: the sender is of the initial user namespace. */
	if (info->attrs[ZCACHE_A_STORE_UID])
		config->uid =
			make_kuid(&init_user_ns,
				  nla_get_u32(info->attrs[ZCACHE_A_STORE_UID]));
	if (!uid_valid(config->uid))
		return ZC_REFUSE(info, ZCACHE_A_STORE_UID,
				 "uid must be a valid user id");
	if (info->attrs[ZCACHE_A_STORE_GID])
		config->gid =
			make_kgid(&init_user_ns,
				  nla_get_u32(info->attrs[ZCACHE_A_STORE_GID]));
	if (!gid_valid(config->gid))
		return ZC_REFUSE(info, ZCACHE_A_STORE_GID,
				 "gid must be a valid group id");
	return 0;
}

/*
 * Takes what is given into @config, which has what holds otherwise, and checks
 * it.
 */
static int zc_netlink_config(struct genl_info *info,
			     struct zc_store_config *config)
{
	bool whole = config->max_object_size == config->capacity;

	config->capacity = zc_netlink_u64(info, ZCACHE_A_STORE_CAPACITY,
					  config->capacity);
	if (config->capacity < ZC_CAPACITY_MIN ||
	    config->capacity > MAX_LFS_FILESIZE)
		return ZC_REFUSE(info, ZCACHE_A_STORE_CAPACITY,
				 "capacity must be 65536 to 9223372036854775807 bytes");
	if (whole || config->max_object_size > config->capacity)
		config->max_object_size = config->capacity;
	config->max_object_size = zc_netlink_u64(info,
						ZCACHE_A_STORE_MAX_OBJECT_SIZE,
						config->max_object_size);
	if (!config->max_object_size ||
	    config->max_object_size > config->capacity)
		return ZC_REFUSE(info, ZCACHE_A_STORE_MAX_OBJECT_SIZE,
				 "max-object-size must be 1 byte to the capacity");
	config->inline_limit = zc_netlink_u32(info, ZCACHE_A_STORE_INLINE_LIMIT,
					      config->inline_limit);
	config->splice_threshold =
		zc_netlink_u64(info, ZCACHE_A_STORE_SPLICE_THRESHOLD,
			       config->splice_threshold);
	config->copy = zc_netlink_u32(info, ZCACHE_A_STORE_COPY, config->copy);
	config->default_ttl_ms = zc_netlink_u64(info,
						ZCACHE_A_STORE_DEFAULT_TTL,
						config->default_ttl_ms);
	if (config->default_ttl_ms > ZC_TTL_MAX)
		return ZC_REFUSE(info, ZCACHE_A_STORE_DEFAULT_TTL,
				 "default-ttl must be 0 to 3155760000000 milliseconds, a hundred years");
	config->grace_ms = zc_netlink_u32(info, ZCACHE_A_STORE_GRACE,
					  config->grace_ms);
	config->high_watermark =
		zc_netlink_u32(info, ZCACHE_A_STORE_HIGH_WATERMARK,
			       config->high_watermark);
	/* Not given, it makes way. */
	if (!info->attrs[ZCACHE_A_STORE_LOW_WATERMARK])
		config->low_watermark = min(config->low_watermark,
					    config->high_watermark);
	config->low_watermark =
		zc_netlink_u32(info, ZCACHE_A_STORE_LOW_WATERMARK,
			       config->low_watermark);
	if (config->low_watermark > config->high_watermark)
		return ZC_REFUSE(info, ZCACHE_A_STORE_LOW_WATERMARK,
				 "low-watermark must be at most high-watermark");
	if (info->attrs[ZCACHE_A_STORE_POLICY])
		nla_strscpy(config->policy, info->attrs[ZCACHE_A_STORE_POLICY],
			    sizeof(config->policy));
	if (!zc_netlink_policy_valid(config->policy))
		return ZC_REFUSE(info, ZCACHE_A_STORE_POLICY,
				 "policy takes letters, digits, dots and dashes");
	config->object_events = zc_netlink_u32(info,
					       ZCACHE_A_STORE_OBJECT_EVENTS,
					       config->object_events);
	return zc_netlink_owner(info, config);
}

static int zc_netlink_put_stats(struct sk_buff *skb,
				const struct zc_store *store)
{
	u64 sums[ZC_C_NR];
	struct nlattr *nest = nla_nest_start(skb, ZCACHE_A_STORE_STATS);
	int i;

	/* The attributes are the counters, in their order. */
	BUILD_BUG_ON(ZCACHE_A_STATS_MAX - ZCACHE_A_STATS_HITS != ZC_C_NR - 1);
	if (!nest)
		return -EMSGSIZE;
	zc_stats_get(store->stats, sums);
	for (i = 0; i < ZC_C_NR; i++)
		if (zc_netlink_put_u64(skb, ZCACHE_A_STATS_HITS + i, sums[i]))
			return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int zc_netlink_put_latency(struct sk_buff *skb,
				  const struct zc_store *store)
{
	u64 sums[ZC_LATENCY_BUCKETS];

	zc_stats_get_latency(store->stats, ZC_LATENCY_SEND, sums);
	if (nla_put(skb, ZCACHE_A_STORE_SEND_LATENCY, sizeof(sums), sums))
		return -EMSGSIZE;
	zc_stats_get_latency(store->stats, ZC_LATENCY_FILL, sums);
	return nla_put(skb, ZCACHE_A_STORE_FILL_LATENCY, sizeof(sums), sums);
}

/** zc_netlink_put_store() - put what is told of a store; 0 or -EMSGSIZE */
int zc_netlink_put_store(struct sk_buff *skb, struct zc_store *store)
{
	const struct zc_store_config *c = &store->config;
	struct zc_store_use use;

	zc_store_get_use(store, &use);
	return nla_put_string(skb, ZCACHE_A_STORE_NAME, c->name) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_CAPACITY,
				  READ_ONCE(c->capacity)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_MAX_OBJECT_SIZE,
				  READ_ONCE(c->max_object_size)) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_MAX_KEY_LEN, c->max_key_len) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_INLINE_LIMIT,
			   READ_ONCE(c->inline_limit)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_SPLICE_THRESHOLD,
				  READ_ONCE(c->splice_threshold)) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_MODE, READ_ONCE(c->mode)) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_UID,
			   from_kuid(&init_user_ns, READ_ONCE(c->uid))) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_GID,
			   from_kgid(&init_user_ns, READ_ONCE(c->gid))) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_USED,
				  use.used) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_OBJECTS,
				  use.objects) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_OPENS, use.opens) ?:
	       zc_netlink_put_stats(skb, store) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_COPY, READ_ONCE(c->copy)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_DEFAULT_TTL,
				  READ_ONCE(c->default_ttl_ms)) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_GRACE, READ_ONCE(c->grace_ms)) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_HIGH_WATERMARK,
			   READ_ONCE(c->high_watermark)) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_LOW_WATERMARK,
			   READ_ONCE(c->low_watermark)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_DATA, use.data) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_METADATA,
				  use.linked_charge - use.data) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_PINNED,
				  use.used - use.linked_charge) ?:
	       zc_netlink_put_latency(skb, store) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_OBJECT_EVENTS,
			   READ_ONCE(c->object_events)) ?:
	       nla_put_string(skb, ZCACHE_A_STORE_POLICY, use.policy);
}

int zcache_nl_store_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zc_store_config config = {
		.inline_limit = ZC_INLINE_LIMIT,
		.splice_threshold = ZC_SPLICE_THRESHOLD,
		.copy = ZCACHE_COPY_NEVER,
		.grace_ms = ZC_GRACE,
		.high_watermark = ZC_HIGH_WATERMARK,
		.low_watermark = ZC_LOW_WATERMARK,
		.mode = 0600,
		.uid = GLOBAL_ROOT_UID,
		.gid = GLOBAL_ROOT_GID,
	};
	struct zc_store *store;
	int err;

	err = zc_netlink_name(info, ZCACHE_A_STORE_NAME, config.name);
	if (err)
		return err;
	if (!zc_netlink_name_valid(config.name))
		return ZC_REFUSE(info, ZCACHE_A_STORE_NAME,
				 "name takes letters, digits, dots, dashes and underscores, and begins with no dot");
	if (!info->attrs[ZCACHE_A_STORE_CAPACITY]) {
		NL_SET_ERR_MSG(info->extack, "capacity is missing");
		return -EINVAL;
	}
	err = zc_netlink_config(info, &config);
	if (err)
		return err;
	config.max_key_len = zc_netlink_u32(info, ZCACHE_A_STORE_MAX_KEY_LEN,
					    ZC_KEY_MAX);
	store = zc_store_new(&config, info->extack);
	if (IS_ERR(store))
		return PTR_ERR(store);
	zc_netlink_store_event(store, ZCACHE_CMD_STORE_NEW_NTF);
	zc_store_put(store);
	return 0;
}

int zcache_nl_store_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	char name[ZC_NAME_MAX + 1];
	struct zc_store *store;
	int err;

	err = zc_netlink_name(info, ZCACHE_A_STORE_NAME, name);
	if (err)
		return err;
	store = zc_store_del(name, info->attrs[ZCACHE_A_STORE_FORCE],
			     info->extack);
	if (IS_ERR(store))
		return PTR_ERR(store);
	zc_netlink_store_event(store, ZCACHE_CMD_STORE_DEL_NTF);
	zc_store_put(store);
	return 0;
}

int zcache_nl_store_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zc_store *store = zc_netlink_find(info, ZCACHE_A_STORE_NAME);
	struct zc_store_config config;
	int err;

	if (IS_ERR(store))
		return PTR_ERR(store);
	/* Of two that set different things none is lost. */
	zc_netlink_lock();
	config = store->config;
	err = zc_netlink_config(info, &config);
	if (!err && !zc_store_holds(store, config.capacity))
		err = ZC_REFUSE(info, ZCACHE_A_STORE_CAPACITY,
				"capacity must be at least the floors of all tags together");
	if (!err)
		zc_store_set(store, &config);
	zc_netlink_unlock();
	if (!err) {
		if (info->attrs[ZCACHE_A_STORE_MODE] ||
		    info->attrs[ZCACHE_A_STORE_UID] ||
		    info->attrs[ZCACHE_A_STORE_GID])
			zc_store_announce(store);
		err = zc_store_fit(store, info->extack);
		/* Of a store that is gone its end is the last event. */
		if (!READ_ONCE(store->dead))
			zc_netlink_store_event(store, ZCACHE_CMD_STORE_SET_NTF);
	}
	zc_store_put(store);
	return err;
}

/** zc_netlink_reply() - start a reply of usual size, see below */
struct sk_buff *zc_netlink_reply(struct genl_info *info, u8 cmd, void **hdr)
{
	return zc_netlink_reply_size(info, cmd, GENLMSG_DEFAULT_SIZE, hdr);
}

/**
 * zc_netlink_reply_size() - start a reply to a request
 * @info: the request
 * @cmd: the reply's command
 * @size: bytes it has room for
 * @hdr: set to the message's header
 *
 * Return: the message, for zc_netlink_send(), or NULL.
 */
struct sk_buff *zc_netlink_reply_size(struct genl_info *info, u8 cmd,
				      size_t size, void **hdr)
{
	struct sk_buff *reply = genlmsg_new(size, GFP_KERNEL);

	if (!reply)
		return NULL;
	*hdr = genlmsg_put_reply(reply, info, &zc_netlink_family, 0, cmd);
	if (*hdr)
		return reply;
	nlmsg_free(reply);
	return NULL;
}

/**
 * zc_netlink_send() - end a reply, and send it
 * @info: the request
 * @reply: the message, freed on error
 * @hdr: its header
 * @err: if not 0, there is nothing to send
 *
 * Return: 0 or -errno.
 */
int zc_netlink_send(struct genl_info *info, struct sk_buff *reply, void *hdr,
		    int err)
{
	if (err) {
		nlmsg_free(reply);
		return err;
	}
	genlmsg_end(reply, hdr);
	return genlmsg_reply(reply, info);
}

int zcache_nl_store_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zc_store *store = zc_netlink_find(info, ZCACHE_A_STORE_NAME);
	struct sk_buff *reply;
	void *hdr;
	int err = -ENOMEM;

	if (IS_ERR(store))
		return PTR_ERR(store);
	reply = zc_netlink_reply(info, ZCACHE_CMD_STORE_GET, &hdr);
	if (reply)
		err = zc_netlink_send(info, reply, hdr,
				      zc_netlink_put_store(reply, store));
	zc_store_put(store);
	return err;
}

/**
 * struct zc_netlink_dump - a dump of stores
 * @skb: the message
 * @cb: the dump; its first argument counts the stores that are done
 */
struct zc_netlink_dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
};

/**
 * zc_netlink_dump_hdr() - start one of the answers in a dump's message
 * @skb: the message
 * @cb: the dump
 * @cmd: the answer's command
 *
 * Return: its header, or NULL if the message is full.
 */
void *zc_netlink_dump_hdr(struct sk_buff *skb, struct netlink_callback *cb,
			  u8 cmd)
{
	return genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			   &zc_netlink_family, NLM_F_MULTI, cmd);
}

static int zc_netlink_dump_store(struct zc_store *store, void *arg)
{
	struct zc_netlink_dump *dump = arg;
	void *hdr = zc_netlink_dump_hdr(dump->skb, dump->cb,
					ZCACHE_CMD_STORE_GET);

	if (!hdr)
		return -EMSGSIZE;
	if (zc_netlink_put_store(dump->skb, store)) {
		genlmsg_cancel(dump->skb, hdr);
		return -EMSGSIZE;
	}
	genl_dump_check_consistent(dump->cb, hdr);
	genlmsg_end(dump->skb, hdr);
	dump->cb->args[0]++;
	return 0;
}

/**
 * zc_netlink_walk_on() - go on with a dump's walk of a hash table
 * @iter: where it is
 * @cb: the dump
 *
 * When the table grew or shrank it is walked anew; kernels before 6.12.117 and
 * 6.1.192 kept the place they were at, which may be gone. When only that place is
 * gone the walk goes on by counting those before it in its bucket, and these may be
 * others now.
 */
void zc_netlink_walk_on(struct rhashtable_iter *iter,
			struct netlink_callback *cb)
	__acquires(RCU)
{
	bool at = iter->p;

	if (rhashtable_walk_start_check(iter)) {
		iter->p = NULL;
		cb->seq++;
	} else if (at && !iter->p) {
		cb->seq++;
	}
}

/** zc_netlink_lock() - exclude others that change limits; may sleep */
void zc_netlink_lock(void)
{
	mutex_lock(&zc_netlink_set_mutex);
}

/** zc_netlink_unlock() - the end of zc_netlink_lock() */
void zc_netlink_unlock(void)
{
	mutex_unlock(&zc_netlink_set_mutex);
}

/* From 6.2 on, what has no policy is not looked at; before, the do's has a name. */
int zcache_nl_store_get_start(struct netlink_callback *cb)
{
	if (!nlmsg_attrlen(cb->nlh, GENL_HDRLEN))
		return 0;
	NL_SET_ERR_MSG(cb->extack, "a dump of stores takes no attributes");
	return -EINVAL;
}

int zcache_nl_store_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb)
{
	struct zc_netlink_dump dump = { .skb = skb, .cb = cb };

	/* A message that is full is no error; the dump goes on with the next. */
	zc_store_walk(cb->args[0], &cb->seq, zc_netlink_dump_store, &dump);
	return skb->len;
}

/* As the generated ones, which say nothing of who may listen. */
static const struct genl_multicast_group zc_netlink_groups[] = {
	[ZCACHE_NLGRP_EVENTS] = {
		.name	= ZCACHE_MCGRP_EVENTS,
		.flags	= GENL_MCAST_CAP_NET_ADMIN,
	},
	[ZCACHE_NLGRP_OBJECTS] = {
		.name	= ZCACHE_MCGRP_OBJECTS,
		.flags	= GENL_MCAST_CAP_NET_ADMIN,
	},
};

ZC_COMPAT_GENL_OPS(zcache_nl_ops, ARRAY_SIZE(zcache_nl_ops))

struct genl_family zc_netlink_family __ro_after_init = {
	.name		= ZCACHE_FAMILY_NAME,
	.version	= ZCACHE_FAMILY_VERSION,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.mcgrps		= zc_netlink_groups,
	.n_mcgrps	= ARRAY_SIZE(zc_netlink_groups),
};

/**
 * zc_netlink_init() - register the family
 *
 * Return: 0 or -errno.
 */
int __init zc_netlink_init(void)
{
	int err;

	/* Before there can be an owner whose end is to be seen. */
	err = zc_netlink_policy_init();
	if (err)
		return err;
	zc_compat_genl_init(&zc_netlink_family);
	err = genl_register_family(&zc_netlink_family);
	if (err)
		zc_netlink_policy_exit();
	return err;
}

/** zc_netlink_exit() - unregister the family; waits for its handlers */
void zc_netlink_exit(void)
{
	genl_unregister_family(&zc_netlink_family);
	zc_netlink_policy_exit();
}
