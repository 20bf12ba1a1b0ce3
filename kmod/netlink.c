// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: the netlink family, the control of stores. Policies and the table of
 * operations are generated from uapi/zcache.yaml; the handlers are here.
 */

#include <linux/ctype.h>
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/sock.h>
#include <uapi/linux/zcache.h>
#include <uapi/linux/zcache_counters.h>

#include "netlink-gen.h"
#include "netlink.h"
#include "object.h"
#include "store.h"

/* Objects of a dump that are looked at without rescheduling. */
#define ZC_DUMP_RUN		1024

/* Less than this is no cache. */
#define ZC_CAPACITY_MIN		SZ_64K

#define ZC_INLINE_LIMIT		2048
#define ZC_SPLICE_THRESHOLD	SZ_4K
#define ZC_GRACE		10000	/* milliseconds, as Varnish has it */
#define ZC_TTL_MAX		3155760000000ULL

/* protects the configuration of stores against two writers */
static DEFINE_MUTEX(zc_netlink_set_mutex);

static struct genl_family zc_netlink_family;

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

static struct zc_store *zc_netlink_find(struct genl_info *info, int attr)
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
	return 0;
}

int zcache_nl_store_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zc_store_config config = {
		.inline_limit = ZC_INLINE_LIMIT,
		.splice_threshold = ZC_SPLICE_THRESHOLD,
		.copy = ZCACHE_COPY_NEVER,
		.grace_ms = ZC_GRACE,
	};
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
	config.mode = zc_netlink_u32(info, ZCACHE_A_STORE_MODE, 0600);
	/* GENL_ADMIN_PERM: the sender is of the initial user namespace. */
	config.uid = make_kuid(&init_user_ns,
			       zc_netlink_u32(info, ZCACHE_A_STORE_UID, 0));
	if (!uid_valid(config.uid))
		return ZC_REFUSE(info, ZCACHE_A_STORE_UID,
				 "uid must be a valid user id");
	config.gid = make_kgid(&init_user_ns,
			       zc_netlink_u32(info, ZCACHE_A_STORE_GID, 0));
	if (!gid_valid(config.gid))
		return ZC_REFUSE(info, ZCACHE_A_STORE_GID,
				 "gid must be a valid group id");
	return zc_store_new(&config, info->extack);
}

int zcache_nl_store_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	char name[ZC_NAME_MAX + 1];
	int err = zc_netlink_name(info, ZCACHE_A_STORE_NAME, name);

	return err ?: zc_store_del(name, info->attrs[ZCACHE_A_STORE_FORCE],
				   info->extack);
}

int zcache_nl_store_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zc_store *store = zc_netlink_find(info, ZCACHE_A_STORE_NAME);
	struct zc_store_config config;
	int err;

	if (IS_ERR(store))
		return PTR_ERR(store);
	/* Of two that set different things none is lost. */
	mutex_lock(&zc_netlink_set_mutex);
	config = store->config;
	err = zc_netlink_config(info, &config);
	if (!err)
		zc_store_set(store, &config);
	mutex_unlock(&zc_netlink_set_mutex);
	if (!err)
		err = zc_store_fit(store, info->extack);
	zc_store_put(store);
	return err;
}

static int zc_netlink_put_u64(struct sk_buff *skb, int attr, u64 value)
{
	/* Every attribute set has its padding first. */
	return nla_put_u64_64bit(skb, attr, value, ZCACHE_A_STORE_PAD);
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

static int zc_netlink_put_store(struct sk_buff *skb,
				const struct zc_store *store)
{
	const struct zc_store_config *c = &store->config;

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
	       nla_put_u32(skb, ZCACHE_A_STORE_MODE, c->mode) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_UID,
			   from_kuid(&init_user_ns, c->uid)) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_GID,
			   from_kgid(&init_user_ns, c->gid)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_USED,
				  atomic64_read(&store->used)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_OBJECTS,
				  READ_ONCE(store->objects)) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_OPENS,
			   READ_ONCE(store->opens)) ?:
	       zc_netlink_put_stats(skb, store) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_COPY, READ_ONCE(c->copy)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_DEFAULT_TTL,
				  READ_ONCE(c->default_ttl_ms)) ?:
	       nla_put_u32(skb, ZCACHE_A_STORE_GRACE, READ_ONCE(c->grace_ms));
}

/* Starts a reply to a request; @hdr is the message's header. */
static struct sk_buff *zc_netlink_reply(struct genl_info *info, u8 cmd,
					void **hdr)
{
	struct sk_buff *reply = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (!reply)
		return NULL;
	*hdr = genlmsg_put_reply(reply, info, &zc_netlink_family, 0, cmd);
	if (*hdr)
		return reply;
	nlmsg_free(reply);
	return NULL;
}

static int zc_netlink_send(struct genl_info *info, struct sk_buff *reply,
			   void *hdr, int err)
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

static void *zc_netlink_dump_hdr(struct sk_buff *skb,
				 struct netlink_callback *cb, u8 cmd)
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

int zcache_nl_store_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb)
{
	struct zc_netlink_dump dump = { .skb = skb, .cb = cb };

	/* A message that is full is no error; the dump goes on with the next. */
	zc_store_walk(cb->args[0], &cb->seq, zc_netlink_dump_store, &dump);
	return skb->len;
}

static int zc_netlink_put_object(struct sk_buff *skb,
				 const struct zc_object *object)
{
	return nla_put(skb, ZCACHE_A_OBJECT_KEY, object->key_len,
		       object->blob) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_OBJECT_GENERATION,
				  object->generation) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_OBJECT_SIZE, object->size) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_OBJECT_CHARGE,
				  READ_ONCE(object->charge)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_OBJECT_HITS,
				  READ_ONCE(object->hits)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_OBJECT_CREATED,
				  object->created_ns) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_OBJECT_EXPIRES,
				  READ_ONCE(object->expires_ns));
}

int zcache_nl_object_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *key_attr = info->attrs[ZCACHE_A_OBJECT_KEY];
	struct zc_object *object = NULL;
	struct zc_store *store;
	struct sk_buff *reply;
	struct zc_key key;
	int err = -ENOMEM;
	void *hdr;

	store = zc_netlink_find(info, ZCACHE_A_OBJECT_STORE);
	if (IS_ERR(store))
		return PTR_ERR(store);
	if (!key_attr || !nla_len(key_attr) || nla_len(key_attr) > ZC_KEY_MAX) {
		NL_SET_ERR_MSG(info->extack,
			       "a key of 1 to 1024 bytes is missing");
		err = -EINVAL;
		goto out;
	}
	key.data = nla_data(key_attr);
	key.len = nla_len(key_attr);
	object = zc_object_find(store, &key);
	if (!object) {
		NL_SET_ERR_MSG(info->extack, "the store has no such key");
		err = -ENOENT;
		goto out;
	}
	reply = zc_netlink_reply(info, ZCACHE_CMD_OBJECT_GET, &hdr);
	if (reply)
		err = zc_netlink_send(info, reply, hdr,
				      zc_netlink_put_object(reply, object));
out:
	if (object)
		zc_object_put(object);
	zc_store_put(store);
	return err;
}

/**
 * struct zc_netlink_walk - a dump of objects, over its messages
 * @store: the store, referenced
 * @iter: where it is in the index
 * @prefix: bytes with which the keys begin
 * @prefix_len: how many
 */
struct zc_netlink_walk {
	struct zc_store *store;
	struct rhashtable_iter iter;
	u32 prefix_len;
	u8 prefix[];
};

/* Begins a dump of objects: finds the store and remembers the filter. */
int zcache_nl_object_get_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = zc_compat_dump_attrs(cb);
	struct nlattr *key = attrs[ZCACHE_A_OBJECT_KEY];
	u32 len = key ? nla_len(key) : 0;
	char name[ZC_NAME_MAX + 1];
	struct zc_netlink_walk *walk;

	if (!attrs[ZCACHE_A_OBJECT_STORE]) {
		NL_SET_ERR_MSG(cb->extack, "the name of the store is missing");
		return -EINVAL;
	}
	if (len > ZC_KEY_MAX) {
		NL_SET_ERR_MSG(cb->extack, "a key has at most 1024 bytes");
		return -EINVAL;
	}
	walk = kzalloc(struct_size(walk, prefix, len), GFP_KERNEL);
	if (!walk)
		return -ENOMEM;
	nla_strscpy(name, attrs[ZCACHE_A_OBJECT_STORE], sizeof(name));
	walk->store = zc_store_find(name);
	if (!walk->store) {
		kfree(walk);
		NL_SET_ERR_MSG(cb->extack, "there is no store of this name");
		return -ENOENT;
	}
	walk->prefix_len = len;
	if (len)
		memcpy(walk->prefix, nla_data(key), len);
	rhashtable_walk_enter(&walk->store->index, &walk->iter);
	cb->args[0] = (long)walk;
	cb->seq = 1;
	return 0;
}

int zcache_nl_object_get_done(struct netlink_callback *cb)
{
	struct zc_netlink_walk *walk = (void *)cb->args[0];

	rhashtable_walk_exit(&walk->iter);
	zc_store_put(walk->store);
	kfree(walk);
	return 0;
}

/* Adds one object to a dump's message, if it has room. */
static int zc_netlink_dump_object(struct sk_buff *skb,
				  struct netlink_callback *cb,
				  const struct zc_object *object)
{
	void *hdr = zc_netlink_dump_hdr(skb, cb, ZCACHE_CMD_OBJECT_GET);

	if (!hdr)
		return -EMSGSIZE;
	if (zc_netlink_put_object(skb, object)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genl_dump_check_consistent(cb, hdr);
	genlmsg_end(skb, hdr);
	return 0;
}

/*
 * Goes on with a walk. When the table grew or shrank it is walked anew; kernels
 * before 6.12.117 and 6.1.192 kept the object they were at, which may be gone.
 */
static void zc_netlink_walk_on(struct zc_netlink_walk *walk,
			       struct netlink_callback *cb)
	__acquires(RCU)
{
	if (rhashtable_walk_start_check(&walk->iter)) {
		walk->iter.p = NULL;
		cb->seq++;
	}
}

/*
 * Under RCU all along: an object that is found here may be unlinked, but its
 * struct and key stay.
 */
int zcache_nl_object_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	struct zc_netlink_walk *walk = (void *)cb->args[0];
	struct zc_object *object;
	unsigned int seen = 0;

	zc_netlink_walk_on(walk, cb);
	/* The one that did not fit in the last message comes again. */
	object = rhashtable_walk_peek(&walk->iter);
	for (; object; object = rhashtable_walk_next(&walk->iter)) {
		if (IS_ERR(object)) {
			cb->seq++;
			continue;
		}
		if (!(++seen % ZC_DUMP_RUN)) {
			rhashtable_walk_stop(&walk->iter);
			cond_resched();
			zc_netlink_walk_on(walk, cb);
			object = rhashtable_walk_peek(&walk->iter);
			if (!object)
				break;
			if (IS_ERR(object)) {
				cb->seq++;
				continue;
			}
		}
		if (object->key_len < walk->prefix_len ||
		    memcmp(object->blob, walk->prefix, walk->prefix_len))
			continue;
		if (zc_netlink_dump_object(skb, cb, object))
			break;
	}
	rhashtable_walk_stop(&walk->iter);
	return skb->len;
}

ZC_COMPAT_GENL_OPS(zcache_nl_ops, ARRAY_SIZE(zcache_nl_ops))

static struct genl_family zc_netlink_family __ro_after_init = {
	.name		= ZCACHE_FAMILY_NAME,
	.version	= ZCACHE_FAMILY_VERSION,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
};

/**
 * zc_netlink_init() - register the family
 *
 * Return: 0 or -errno.
 */
int __init zc_netlink_init(void)
{
	zc_compat_genl_init(&zc_netlink_family);
	return genl_register_family(&zc_netlink_family);
}

/** zc_netlink_exit() - unregister the family; waits for its handlers */
void zc_netlink_exit(void)
{
	genl_unregister_family(&zc_netlink_family);
}
