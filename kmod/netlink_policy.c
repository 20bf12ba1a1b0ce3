// SPDX-License-Identifier: GPL-2.0
/* zcache: the owner of a store's policy, by netlink. */

#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <uapi/linux/zcache.h>

#include "netlink-gen.h"
#include "netlink.h"
#include "policy.h"
#include "store.h"

#define ZC_WATCHDOG	10000	/* milliseconds */
#define ZC_WATCHDOG_MAX	3600000

/* Bytes of a drain's answer beside its records, and some more. */
#define ZC_DRAINED_REST	512

static int zc_netlink_not_owner(struct genl_info *info)
{
	NL_SET_ERR_MSG(info->extack,
		       "this socket does not own the policy of the store");
	return -EPERM;
}

int zcache_nl_policy_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zc_policy_owner owner = {
		.portid = info->snd_portid,
		.sk = NETLINK_CB(skb).sk,
		.watchdog_ms = ZC_WATCHDOG,
	};
	struct zc_store *store;
	int err = -EINVAL;

	store = zc_netlink_find(info, ZCACHE_A_POLICY_STORE);
	if (IS_ERR(store))
		return PTR_ERR(store);
	if (!info->attrs[ZCACHE_A_POLICY_NAME]) {
		NL_SET_ERR_MSG(info->extack, "the name of the policy is missing");
		goto out;
	}
	nla_strscpy(owner.name, info->attrs[ZCACHE_A_POLICY_NAME],
		    sizeof(owner.name));
	if (!*owner.name || !zc_netlink_policy_valid(owner.name)) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[ZCACHE_A_POLICY_NAME],
				    "name takes letters, digits, dots and dashes, at least one");
		goto out;
	}
	if (info->attrs[ZCACHE_A_POLICY_WATCHDOG])
		owner.watchdog_ms =
			nla_get_u32(info->attrs[ZCACHE_A_POLICY_WATCHDOG]);
	if (owner.watchdog_ms > ZC_WATCHDOG_MAX) {
		NL_SET_ERR_MSG_ATTR(info->extack,
				    info->attrs[ZCACHE_A_POLICY_WATCHDOG],
				    "watchdog must be 100 to 3600000 milliseconds");
		goto out;
	}
	err = zc_policy_set(store, &owner,
			    info->attrs[ZCACHE_A_POLICY_TAKEOVER],
			    info->extack);
out:
	zc_store_put(store);
	return err;
}

int zcache_nl_policy_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zc_store *store = zc_netlink_find(info, ZCACHE_A_POLICY_STORE);
	int err;

	if (IS_ERR(store))
		return PTR_ERR(store);
	err = zc_policy_del(store, info->snd_portid);
	if (err)
		zc_netlink_not_owner(info);
	zc_store_put(store);
	return err;
}

static int zc_netlink_put_drained(struct sk_buff *skb, struct zc_store *store,
				  const struct zc_policy_drained *drained)
{
	if ((drained->nr &&
	     nla_put(skb, ZCACHE_A_POLICY_RECORDS,
		     drained->nr * sizeof(*drained->records),
		     drained->records)) ||
	    (drained->resync && nla_put_flag(skb, ZCACHE_A_POLICY_RESYNC)) ||
	    (drained->more && nla_put_flag(skb, ZCACHE_A_POLICY_MORE)))
		return -EMSGSIZE;
	return zc_netlink_put_u64(skb, ZCACHE_A_POLICY_USED,
				  atomic64_read(&store->used)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_POLICY_CAPACITY,
				  READ_ONCE(store->config.capacity)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_POLICY_HIGH,
				  READ_ONCE(store->high)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_POLICY_LOW,
				  READ_ONCE(store->low));
}

static int zc_netlink_drain(struct genl_info *info, struct zc_store *store)
{
	const size_t size = ZC_POLICY_DRAIN_MAX *
			    sizeof(struct zc_policy_record);
	struct zc_policy_drained drained;
	struct sk_buff *reply;
	int err = -ENOMEM;
	void *hdr;

	/* All memory first: what is drained is not told again. */
	static_assert(ZC_POLICY_DRAIN_MAX * sizeof(struct zc_policy_record) +
		      ZC_DRAINED_REST + NLMSG_HDRLEN + GENL_HDRLEN <=
		      SKB_WITH_OVERHEAD(SZ_32K));
	drained.records = kvmalloc(size, GFP_KERNEL);
	if (!drained.records)
		return -ENOMEM;
	reply = zc_netlink_reply_size(info, ZCACHE_CMD_POLICY_DRAIN,
				      size + ZC_DRAINED_REST, &hdr);
	if (reply) {
		bool taken;

		err = zc_policy_drain(store, info->snd_portid, &drained);
		taken = !err;
		if (err)
			zc_netlink_not_owner(info);
		err = zc_netlink_send(info, reply, hdr,
				      err ?: zc_netlink_put_drained(reply, store,
								    &drained));
		/* The socket had no room for it. */
		if (err && taken)
			zc_policy_lose(store, info->snd_portid);
	}
	kvfree(drained.records);
	return err;
}

int zcache_nl_policy_drain_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zc_store *store = zc_netlink_find(info, ZCACHE_A_POLICY_STORE);
	int err;

	if (IS_ERR(store))
		return PTR_ERR(store);
	err = zc_netlink_drain(info, store);
	zc_store_put(store);
	return err;
}

/* Copies the victims of a request, which lie at any address there. */
static struct zc_policy_victim *zc_netlink_victims(struct genl_info *info,
						   u32 *nr)
{
	struct nlattr *attr = info->attrs[ZCACHE_A_POLICY_VICTIMS];
	u32 len = attr ? nla_len(attr) : 0, i;
	struct zc_policy_victim *victims;

	*nr = 0;
	if (!attr && info->attrs[ZCACHE_A_POLICY_EXPIRED])
		return NULL;
	*nr = len / sizeof(*victims);
	if (!*nr || *nr > ZC_POLICY_VICTIMS || len % sizeof(*victims)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "victims must be 1 to 1024 structs of 16 bytes");
		return ERR_PTR(-EINVAL);
	}
	victims = nla_memdup(attr, GFP_KERNEL);
	if (!victims)
		return ERR_PTR(-ENOMEM);
	for (i = 0; i < *nr; i++) {
		if (!victims[i].__reserved)
			continue;
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "the reserved member of each of the victims must be 0");
		kfree(victims);
		return ERR_PTR(-EINVAL);
	}
	return victims;
}

static int zc_netlink_put_evicted(struct sk_buff *skb, struct zc_store *store,
				  const struct zc_policy_evicted *evicted)
{
	return zc_netlink_put_u64(skb, ZCACHE_A_POLICY_EVICTED,
				  evicted->evicted) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_POLICY_EVICTED_BYTES,
				  evicted->bytes) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_POLICY_SPARED,
				  evicted->spared) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_POLICY_GONE, evicted->gone) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_POLICY_USED,
				  atomic64_read(&store->used));
}

static int zc_netlink_evict(struct genl_info *info, struct zc_store *store)
{
	struct nlattr *target = info->attrs[ZCACHE_A_POLICY_TARGET];
	struct zc_policy_evict evict = {
		.expired = info->attrs[ZCACHE_A_POLICY_EXPIRED],
		.target = target ? nla_get_u64(target) : 0,
	};
	struct zc_policy_evicted evicted = {};
	struct zc_policy_victim *victims;
	struct sk_buff *reply;
	int err = -ENOMEM;
	void *hdr;

	victims = zc_netlink_victims(info, &evict.nr);
	if (IS_ERR(victims))
		return PTR_ERR(victims);
	evict.victims = victims;
	reply = zc_netlink_reply(info, ZCACHE_CMD_POLICY_EVICT, &hdr);
	if (reply) {
		err = zc_policy_evict(store, info->snd_portid, &evict, &evicted);
		if (err == -EPERM)
			zc_netlink_not_owner(info);
		err = zc_netlink_send(info, reply, hdr,
				      err ?: zc_netlink_put_evicted(reply, store,
								    &evicted));
	}
	kfree(victims);
	return err;
}

int zcache_nl_policy_evict_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zc_store *store = zc_netlink_find(info, ZCACHE_A_POLICY_STORE);
	int err;

	if (IS_ERR(store))
		return PTR_ERR(store);
	err = zc_netlink_evict(info, store);
	zc_store_put(store);
	return err;
}

static int zc_netlink_put_owner(struct sk_buff *skb,
				const struct zc_store *store,
				const struct zc_policy_owner *owner)
{
	return nla_put_string(skb, ZCACHE_A_POLICY_STORE, store->config.name) ?:
	       nla_put_string(skb, ZCACHE_A_POLICY_NAME, owner->name) ?:
	       nla_put_u32(skb, ZCACHE_A_POLICY_WATCHDOG, owner->watchdog_ms) ?:
	       nla_put_u32(skb, ZCACHE_A_POLICY_OWNER, owner->portid) ?:
	       (owner->late ? nla_put_flag(skb, ZCACHE_A_POLICY_LATE) : 0);
}

int zcache_nl_policy_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct zc_store *store = zc_netlink_find(info, ZCACHE_A_POLICY_STORE);
	struct zc_policy_owner owner;
	struct sk_buff *reply;
	int err = -ENOENT;
	void *hdr;

	if (IS_ERR(store))
		return PTR_ERR(store);
	if (!zc_policy_get(store, &owner)) {
		NL_SET_ERR_MSG(info->extack,
			       "nobody owns the policy of this store; the kernel evicts by itself");
		goto out;
	}
	err = -ENOMEM;
	reply = zc_netlink_reply(info, ZCACHE_CMD_POLICY_GET, &hdr);
	if (reply)
		err = zc_netlink_send(info, reply, hdr,
				      zc_netlink_put_owner(reply, store,
							   &owner));
out:
	zc_store_put(store);
	return err;
}

/* See zcache_nl_store_get_start(). */
int zcache_nl_policy_get_start(struct netlink_callback *cb)
{
	if (!nlmsg_attrlen(cb->nlh, GENL_HDRLEN))
		return 0;
	NL_SET_ERR_MSG(cb->extack, "a dump of policies takes no attributes");
	return -EINVAL;
}

/**
 * struct zc_netlink_policies - a dump of policies
 * @skb: the message
 * @cb: the dump; its first argument counts the stores that are done
 */
struct zc_netlink_policies {
	struct sk_buff *skb;
	struct netlink_callback *cb;
};

static int zc_netlink_dump_policy(struct zc_store *store, void *arg)
{
	struct zc_netlink_policies *dump = arg;
	struct zc_policy_owner owner;
	void *hdr;

	if (zc_policy_get(store, &owner)) {
		hdr = zc_netlink_dump_hdr(dump->skb, dump->cb,
					  ZCACHE_CMD_POLICY_GET);
		if (!hdr)
			return -EMSGSIZE;
		if (zc_netlink_put_owner(dump->skb, store, &owner)) {
			genlmsg_cancel(dump->skb, hdr);
			return -EMSGSIZE;
		}
		genl_dump_check_consistent(dump->cb, hdr);
		genlmsg_end(dump->skb, hdr);
	}
	dump->cb->args[0]++;
	return 0;
}

int zcache_nl_policy_get_dumpit(struct sk_buff *skb,
				struct netlink_callback *cb)
{
	struct zc_netlink_policies dump = { .skb = skb, .cb = cb };

	zc_store_walk(cb->args[0], &cb->seq, zc_netlink_dump_policy, &dump);
	return skb->len;
}

/**
 * zc_netlink_policy_new() - tell that a store's policy has an owner
 * @store: the store
 * @owner: the owner
 *
 * Context: process; may sleep.
 */
void zc_netlink_policy_new(struct zc_store *store,
			   const struct zc_policy_owner *owner)
{
	struct sk_buff *skb;
	void *hdr;

	skb = zc_netlink_event(ZCACHE_CMD_POLICY_NEW_NTF, &hdr);
	if (skb)
		zc_netlink_tell_event(skb, hdr,
				      zc_netlink_put_owner(skb, store, owner));
}

/**
 * zc_netlink_policy_lost() - tell that a store's policy has none, or a silent one
 * @store: the store
 * @owner: who it was
 * @reason: why
 *
 * Context: process; may sleep.
 */
void zc_netlink_policy_lost(struct zc_store *store,
			    const struct zc_policy_owner *owner,
			    enum zcache_policy_reason reason)
{
	struct sk_buff *skb;
	void *hdr;
	int err;

	skb = zc_netlink_event(ZCACHE_CMD_POLICY_LOST_NTF, &hdr);
	if (!skb)
		return;
	err = nla_put_string(skb, ZCACHE_A_POLICY_STORE, store->config.name) ?:
	      nla_put_string(skb, ZCACHE_A_POLICY_NAME, owner->name) ?:
	      nla_put_u32(skb, ZCACHE_A_POLICY_OWNER, owner->portid) ?:
	      nla_put_u32(skb, ZCACHE_A_POLICY_REASON, reason);
	zc_netlink_tell_event(skb, hdr, err);
}

/**
 * zc_netlink_policy_tell() - tell an owner that there is much to drain
 * @store: the store
 * @portid: the owner
 *
 * Context: process; may sleep.
 */
void zc_netlink_policy_tell(struct zc_store *store, u32 portid)
{
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);
	void *hdr;

	/* It drains at its own pace as well. */
	if (!skb)
		return;
	hdr = genlmsg_put(skb, portid, 0, &zc_netlink_family, 0,
			  ZCACHE_CMD_POLICY_DRAIN_NTF);
	if (!hdr || nla_put_string(skb, ZCACHE_A_POLICY_STORE,
				   store->config.name)) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_unicast(&init_net, skb, portid);
}

/* Some netlink socket of the system was closed, in a process of anybody's. */
static int zc_netlink_closed(struct notifier_block *block, unsigned long event,
			     void *arg)
{
	const struct netlink_notify *notify = arg;

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC ||
	    !net_eq(notify->net, &init_net))
		return NOTIFY_DONE;
	zc_policy_close(notify->portid);
	return NOTIFY_OK;
}

static struct notifier_block zc_netlink_notifier = {
	.notifier_call	= zc_netlink_closed,
};

/**
 * zc_netlink_policy_init() - look for sockets that are closed
 *
 * Return: 0 or -errno.
 */
int __init zc_netlink_policy_init(void)
{
	return netlink_register_notifier(&zc_netlink_notifier);
}

/** zc_netlink_policy_exit() - the end of it; waits for those under way */
void zc_netlink_policy_exit(void)
{
	netlink_unregister_notifier(&zc_netlink_notifier);
}
