// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: objects by netlink: one, or a dump of those that a filter wants. A dump
 * goes on from message to message where it was, takes no lock, and says when it
 * may have missed some.
 */

#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <net/genetlink.h>
#include <uapi/linux/zcache.h>

#include "netlink-gen.h"
#include "netlink.h"
#include "object.h"
#include "store.h"
#include "tag.h"

/* Objects of a dump that are looked at without rescheduling. */
#define ZC_DUMP_RUN		1024

/* What a filter says of those that have expired, or are in memory as a whole. */
#define ZC_DUMP_NO		0
#define ZC_DUMP_YES		1
#define ZC_DUMP_ALL		2

static int zc_netlink_put_tags(struct sk_buff *skb,
			       const struct zc_object *object)
{
	const struct zc_tag_link *links = zc_object_links(object);
	u64 tags[ZC_TAGS_MAX];
	unsigned int i;

	if (!object->nr_tags)
		return 0;
	for (i = 0; i < object->nr_tags; i++)
		tags[i] = links[i].tag->id;
	return nla_put(skb, ZCACHE_A_OBJECT_TAGS,
		       object->nr_tags * sizeof(*tags), tags);
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
				  READ_ONCE(object->expires_ns)) ?:
	       zc_netlink_put_tags(skb, object) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_OBJECT_RESIDENT_BYTES,
				  zc_object_resident(object));
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

	if (zc_compat_others_attr(info->attrs, ZCACHE_A_OBJECT_KEY,
				  ZCACHE_A_OBJECT_RESIDENT)) {
		NL_SET_ERR_MSG(info->extack, "only a dump takes a filter");
		return -EINVAL;
	}
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
 * @min_size: bytes of the smallest object wanted
 * @max_size: of the largest
 * @min_age_ms: milliseconds since the commit of the youngest
 * @max_age_ms: of the oldest
 * @expired: ZC_DUMP_*
 * @resident: likewise
 * @tag: that they have; 0 for any or none
 * @prefix: bytes with which the keys begin
 * @prefix_len: how many
 */
struct zc_netlink_walk {
	struct zc_store *store;
	struct rhashtable_iter iter;
	u64 min_size;
	u64 max_size;
	u64 min_age_ms;
	u64 max_age_ms;
	u64 tag;
	u32 expired;
	u32 resident;
	u32 prefix_len;
	u8 prefix[];
};

static u64 zc_netlink_attr_u64(struct nlattr **attrs, int attr, u64 missing)
{
	return attrs[attr] ? nla_get_u64(attrs[attr]) : missing;
}

static int zc_netlink_walk_filter(struct zc_netlink_walk *walk,
				  struct nlattr **attrs,
				  struct netlink_ext_ack *extack)
{
	struct nlattr *expired = attrs[ZCACHE_A_OBJECT_EXPIRED];
	struct nlattr *resident = attrs[ZCACHE_A_OBJECT_RESIDENT];

	walk->min_size = zc_netlink_attr_u64(attrs, ZCACHE_A_OBJECT_MIN_SIZE,
					     0);
	walk->max_size = zc_netlink_attr_u64(attrs, ZCACHE_A_OBJECT_MAX_SIZE,
					     U64_MAX);
	if (walk->min_size > walk->max_size) {
		NL_SET_ERR_MSG_ATTR(extack, attrs[ZCACHE_A_OBJECT_MIN_SIZE],
				    "min-size must be at most max-size");
		return -EINVAL;
	}
	walk->min_age_ms = zc_netlink_attr_u64(attrs, ZCACHE_A_OBJECT_MIN_AGE,
					       0);
	walk->max_age_ms = zc_netlink_attr_u64(attrs, ZCACHE_A_OBJECT_MAX_AGE,
					       U64_MAX);
	if (walk->min_age_ms > walk->max_age_ms) {
		NL_SET_ERR_MSG_ATTR(extack, attrs[ZCACHE_A_OBJECT_MIN_AGE],
				    "min-age must be at most max-age");
		return -EINVAL;
	}
	walk->tag = zc_netlink_attr_u64(attrs, ZCACHE_A_OBJECT_TAG, 0);
	if (attrs[ZCACHE_A_OBJECT_TAG] && !walk->tag) {
		NL_SET_ERR_MSG_ATTR(extack, attrs[ZCACHE_A_OBJECT_TAG],
				    "tag must not be 0");
		return -EINVAL;
	}
	walk->expired = expired ? nla_get_u32(expired) : ZC_DUMP_ALL;
	walk->resident = resident ? nla_get_u32(resident) : ZC_DUMP_ALL;
	return 0;
}

static bool zc_netlink_has_tag(const struct zc_object *object, u64 id)
{
	const struct zc_tag_link *links = zc_object_links(object);
	unsigned int i;

	for (i = 0; i < object->nr_tags; i++)
		if (links[i].tag->id == id)
			return true;
	return false;
}

static bool zc_netlink_walk_wants(const struct zc_netlink_walk *walk,
				  const struct zc_object *object)
{
	s64 age_ns;
	u64 age_ms;

	if (zc_object_purged(object) || object->key_len < walk->prefix_len ||
	    memcmp(object->blob, walk->prefix, walk->prefix_len) ||
	    object->size < walk->min_size || object->size > walk->max_size)
		return false;
	if (walk->tag && !zc_netlink_has_tag(object, walk->tag))
		return false;
	if (walk->expired != ZC_DUMP_ALL &&
	    zc_object_expired(object) != (walk->expired == ZC_DUMP_YES))
		return false;
	if (walk->resident != ZC_DUMP_ALL &&
	    (zc_object_resident(object) == object->size) !=
	    (walk->resident == ZC_DUMP_YES))
		return false;
	/* The clock may have been set back since the commit. */
	age_ns = (s64)ktime_get_real_ns() - object->created_ns;
	age_ms = max_t(s64, age_ns, 0) / NSEC_PER_MSEC;
	return age_ms >= walk->min_age_ms && age_ms <= walk->max_age_ms;
}

/* Begins a dump of objects: finds the store and remembers the filter. */
int zcache_nl_object_get_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = zc_compat_dump_attrs(cb);
	struct nlattr *key = attrs[ZCACHE_A_OBJECT_KEY];
	u32 len = key ? nla_len(key) : 0;
	char name[ZC_NAME_MAX + 1];
	struct zc_netlink_walk *walk;
	int err;

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
	err = zc_netlink_walk_filter(walk, attrs, cb->extack);
	if (err) {
		kfree(walk);
		return err;
	}
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
 * Under RCU all along: an object that is found here may be unlinked, but its
 * struct, its key and its tags stay.
 */
int zcache_nl_object_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	struct zc_netlink_walk *walk = (void *)cb->args[0];
	struct zc_object *object;
	unsigned int seen = 0;

	zc_netlink_walk_on(&walk->iter, cb);
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
			zc_netlink_walk_on(&walk->iter, cb);
			object = rhashtable_walk_peek(&walk->iter);
			if (!object)
				break;
			if (IS_ERR(object)) {
				cb->seq++;
				continue;
			}
		}
		if (!zc_netlink_walk_wants(walk, object))
			continue;
		if (zc_netlink_dump_object(skb, cb, object))
			break;
	}
	rhashtable_walk_stop(&walk->iter);
	return skb->len;
}
