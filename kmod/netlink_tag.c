// SPDX-License-Identifier: GPL-2.0
/* zcache: tags by netlink: their limits, and what they have. */

#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <uapi/linux/zcache.h>

#include "netlink-gen.h"
#include "netlink.h"
#include "store.h"
#include "tag.h"

static int zc_netlink_tag_id(struct genl_info *info, u64 *id)
{
	struct nlattr *attr = info->attrs[ZCACHE_A_TAG_ID];

	*id = attr ? nla_get_u64(attr) : 0;
	if (*id)
		return 0;
	NL_SET_ERR_MSG_ATTR(info->extack, attr,
			    "the id of a tag, a number that is not 0, is missing");
	return -EINVAL;
}

static u64 zc_netlink_tag_u64(struct genl_info *info, int attr, u64 missing)
{
	return info->attrs[attr] ? nla_get_u64(info->attrs[attr]) : missing;
}

static int zc_netlink_tag_limit(struct genl_info *info, struct zc_store *store,
				struct zc_tag *tag)
{
	u64 quota, floor;
	int err;

	/* Others that set limits are excluded. */
	quota = zc_netlink_tag_u64(info, ZCACHE_A_TAG_QUOTA, tag->quota);
	floor = zc_netlink_tag_u64(info, ZCACHE_A_TAG_FLOOR, tag->floor);
	if (quota && floor > quota) {
		NL_SET_ERR_MSG(info->extack, "floor must be at most the quota");
		return -EINVAL;
	}
	err = zc_tag_set(store, tag, quota, floor);
	if (err)
		NL_SET_ERR_MSG(info->extack,
			       "the floors of all tags must be at most the capacity together");
	return err;
}

int zcache_nl_tag_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zc_store *store = zc_netlink_find(info, ZCACHE_A_TAG_STORE);
	struct zc_tag *tag;
	int err;
	u64 id;

	if (IS_ERR(store))
		return PTR_ERR(store);
	err = zc_netlink_tag_id(info, &id);
	if (err)
		goto out;
	tag = zc_tag_get(store, id, NULL);
	if (IS_ERR(tag)) {
		err = PTR_ERR(tag);
		NL_SET_ERR_MSG(info->extack, "no room for another tag");
		goto out;
	}
	zc_netlink_lock();
	err = zc_netlink_tag_limit(info, store, tag);
	zc_netlink_unlock();
	if (!err)
		zc_tag_fit(store, tag);
	zc_tag_put(store, tag);
out:
	zc_store_put(store);
	return err;
}

static int zc_netlink_put_tag(struct sk_buff *skb, const struct zc_tag *tag)
{
	struct zc_tag_stats sums;

	zc_tag_sum(tag, &sums);
	return zc_netlink_put_u64(skb, ZCACHE_A_TAG_ID, tag->id) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_TAG_QUOTA,
				  READ_ONCE(tag->quota)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_TAG_FLOOR,
				  READ_ONCE(tag->floor)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_TAG_USED,
				  READ_ONCE(tag->used)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_TAG_OBJECTS,
				  READ_ONCE(tag->linked)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_TAG_HITS, sums.hits) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_TAG_HIT_BYTES,
				  sums.hit_bytes) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_TAG_SENT_BYTES,
				  sums.sent_bytes) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_TAG_COMMITS, sums.commits) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_TAG_FILL_BYTES,
				  sums.fill_bytes) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_TAG_EXPIRED, sums.expired) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_TAG_EVICTIONS,
				  sums.evictions) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_TAG_EVICTED_BYTES,
				  sums.evicted_bytes) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_TAG_MISSES,
				  atomic64_read(&tag->misses));
}

int zcache_nl_tag_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zc_store *store = zc_netlink_find(info, ZCACHE_A_TAG_STORE);
	struct sk_buff *reply;
	struct zc_tag *tag;
	void *hdr;
	int err;
	u64 id;

	if (IS_ERR(store))
		return PTR_ERR(store);
	err = zc_netlink_tag_id(info, &id);
	if (err)
		goto out;
	tag = zc_tag_find(store, id);
	if (!tag) {
		NL_SET_ERR_MSG(info->extack,
			       "no object of the store has this tag, and it has no limits");
		err = -ENOENT;
		goto out;
	}
	err = -ENOMEM;
	reply = zc_netlink_reply(info, ZCACHE_CMD_TAG_GET, &hdr);
	if (reply)
		err = zc_netlink_send(info, reply, hdr,
				      zc_netlink_put_tag(reply, tag));
	zc_tag_put(store, tag);
out:
	zc_store_put(store);
	return err;
}

/**
 * struct zc_netlink_tags - a dump of tags, over its messages
 * @store: the store, referenced
 * @iter: where it is
 */
struct zc_netlink_tags {
	struct zc_store *store;
	struct rhashtable_iter iter;
};

/* Begins a dump of tags: finds the store. */
int zcache_nl_tag_get_start(struct netlink_callback *cb)
{
	struct nlattr **attrs = zc_compat_dump_attrs(cb);
	struct nlattr *name = attrs[ZCACHE_A_TAG_STORE];
	struct zc_netlink_tags *walk;
	char store[ZC_NAME_MAX + 1];

	if (!name) {
		NL_SET_ERR_MSG(cb->extack, "the name of the store is missing");
		return -EINVAL;
	}
	if (zc_compat_others_attr(attrs, ZCACHE_A_TAG_STORE, ZCACHE_A_TAG_ID)) {
		NL_SET_ERR_MSG(cb->extack, "a dump of tags takes no id");
		return -EINVAL;
	}
	walk = kzalloc(sizeof(*walk), GFP_KERNEL);
	if (!walk)
		return -ENOMEM;
	nla_strscpy(store, name, sizeof(store));
	walk->store = zc_store_find(store);
	if (!walk->store) {
		kfree(walk);
		NL_SET_ERR_MSG(cb->extack, "there is no store of this name");
		return -ENOENT;
	}
	rhashtable_walk_enter(&walk->store->tags, &walk->iter);
	cb->args[0] = (long)walk;
	cb->seq = 1;
	return 0;
}

int zcache_nl_tag_get_done(struct netlink_callback *cb)
{
	struct zc_netlink_tags *walk = (void *)cb->args[0];

	rhashtable_walk_exit(&walk->iter);
	zc_store_put(walk->store);
	kfree(walk);
	return 0;
}

static int zc_netlink_dump_tag(struct sk_buff *skb, struct netlink_callback *cb,
			       const struct zc_tag *tag)
{
	void *hdr = zc_netlink_dump_hdr(skb, cb, ZCACHE_CMD_TAG_GET);

	if (!hdr)
		return -EMSGSIZE;
	if (zc_netlink_put_tag(skb, tag)) {
		genlmsg_cancel(skb, hdr);
		return -EMSGSIZE;
	}
	genl_dump_check_consistent(cb, hdr);
	genlmsg_end(skb, hdr);
	return 0;
}

/* Under RCU: a tag that is found here may go, but its memory stays. */
int zcache_nl_tag_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct zc_netlink_tags *walk = (void *)cb->args[0];
	struct zc_tag *tag;

	zc_netlink_walk_on(&walk->iter, cb);
	/* The one that did not fit in the last message comes again. */
	tag = rhashtable_walk_peek(&walk->iter);
	for (; tag; tag = rhashtable_walk_next(&walk->iter)) {
		if (IS_ERR(tag)) {
			cb->seq++;
			continue;
		}
		if (zc_netlink_dump_tag(skb, cb, tag))
			break;
	}
	rhashtable_walk_stop(&walk->iter);
	return skb->len;
}
