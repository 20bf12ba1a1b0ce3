// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: the events that netlink tells. Nobody waits for who listens, and there
 * may be nobody, and no memory, for it.
 */

#include <linux/string.h>
#include <net/genetlink.h>
#include <uapi/linux/zcache.h>

#include "event.h"
#include "netlink.h"
#include "object.h"
#include "store.h"

/* Begins an event, if somebody listens; ended by zc_netlink_tell(). */
static struct sk_buff *zc_netlink_begin(u8 cmd, unsigned int group, size_t len,
					gfp_t gfp, void **hdr)
{
	struct sk_buff *skb;

	if (!genl_has_listeners(&zc_netlink_family, &init_net, group))
		return NULL;
	skb = genlmsg_new(len, gfp);
	if (!skb) {
		/* As one whose queue is full is told. */
		genl_set_err(&zc_netlink_family, &init_net, 0, group, -ENOBUFS);
		return NULL;
	}
	*hdr = genlmsg_put(skb, 0, 0, &zc_netlink_family, 0, cmd);
	if (*hdr)
		return skb;
	nlmsg_free(skb);
	return NULL;
}

static void zc_netlink_tell(struct sk_buff *skb, unsigned int group, gfp_t gfp,
			    void *hdr, int err)
{
	if (err) {
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, hdr);
	genlmsg_multicast(&zc_netlink_family, skb, 0, group, gfp);
}

/**
 * zc_netlink_event() - begin an event that is not of an object
 * @cmd: which
 * @hdr: set to the message's header
 *
 * Context: process; may sleep.
 * Return: the message, for zc_netlink_tell_event(); NULL if nobody listens, or
 * there is no memory for it.
 */
struct sk_buff *zc_netlink_event(u8 cmd, void **hdr)
{
	return zc_netlink_begin(cmd, ZCACHE_NLGRP_EVENTS, GENLMSG_DEFAULT_SIZE,
				GFP_KERNEL, hdr);
}

/**
 * zc_netlink_tell_event() - end such an event, and send it
 * @skb: the message; freed
 * @hdr: its header
 * @err: if not 0, there is nothing to send
 */
void zc_netlink_tell_event(struct sk_buff *skb, void *hdr, int err)
{
	zc_netlink_tell(skb, ZCACHE_NLGRP_EVENTS, GFP_KERNEL, hdr, err);
}

/**
 * zc_netlink_store_event() - tell of a store
 * @store: the store
 * @cmd: what happened to it
 *
 * Context: process; may sleep.
 */
void zc_netlink_store_event(struct zc_store *store, u8 cmd)
{
	struct sk_buff *skb;
	void *hdr;

	skb = zc_netlink_event(cmd, &hdr);
	if (skb)
		zc_netlink_tell_event(skb, hdr,
				      zc_netlink_put_store(skb, store));
}

static int zc_netlink_put_pressure(struct sk_buff *skb, struct zc_store *store)
{
	return nla_put_string(skb, ZCACHE_A_STORE_NAME, store->config.name) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_CAPACITY,
				  READ_ONCE(store->config.capacity)) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_STORE_USED,
				  atomic64_read(&store->used));
}

/**
 * zc_event_pressure() - tell that a store reached its high watermark
 * @store: the store
 *
 * Context: process; may sleep.
 */
void zc_event_pressure(struct zc_store *store)
{
	struct sk_buff *skb;
	void *hdr;

	skb = zc_netlink_event(ZCACHE_CMD_PRESSURE_NTF, &hdr);
	if (skb)
		zc_netlink_tell_event(skb, hdr,
				      zc_netlink_put_pressure(skb, store));
}

static int zc_netlink_put_key(struct sk_buff *skb, const struct zc_store *store,
			      const u8 *key, u32 len)
{
	return nla_put_string(skb, ZCACHE_A_OBJECT_STORE, store->config.name) ?:
	       nla_put(skb, ZCACHE_A_OBJECT_KEY, len, key);
}

/**
 * zc_event_waiting() - tell that somebody waits for a key that another fills
 * @store: the store
 * @key: the key
 * @len: its bytes
 *
 * Context: process; may sleep.
 */
void zc_event_waiting(struct zc_store *store, const u8 *key, u32 len)
{
	struct sk_buff *skb;
	void *hdr;

	skb = zc_netlink_event(ZCACHE_CMD_FILL_WAITING_NTF, &hdr);
	if (skb)
		zc_netlink_tell_event(skb, hdr,
				      zc_netlink_put_key(skb, store, key, len));
}

static int zc_netlink_put_object_event(struct sk_buff *skb,
				       const struct zc_object *object, u8 cmd,
				       u32 reason)
{
	return zc_netlink_put_key(skb, object->store, object->blob,
				  object->key_len) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_OBJECT_GENERATION,
				  object->generation) ?:
	       zc_netlink_put_u64(skb, ZCACHE_A_OBJECT_SIZE, object->size) ?:
	       (cmd == ZCACHE_CMD_OBJECT_DEL_NTF ?
		nla_put_u32(skb, ZCACHE_A_OBJECT_REASON, reason) : 0);
}

/**
 * zc_event_object() - tell that an object came or left
 * @object: the object
 * @cmd: which of it
 * @reason: enum zcache_object_reason, if it left
 *
 * It may be the system's want of memory that it left for.
 *
 * Context: process, without locks; also in reclaim.
 */
void zc_event_object(const struct zc_object *object, u8 cmd, u32 reason)
{
	/* Not from the reserves that reclaim may use: netlink drops such, untold. */
	const gfp_t gfp = GFP_NOWAIT | __GFP_NOMEMALLOC | __GFP_NOWARN;
	size_t len = nla_total_size(ZC_NAME_MAX + 1) +
		     nla_total_size(object->key_len) +
		     2 * nla_total_size_64bit(sizeof(u64)) +
		     nla_total_size(sizeof(u32));
	struct sk_buff *skb;
	void *hdr;

	skb = zc_netlink_begin(cmd, ZCACHE_NLGRP_OBJECTS, len, gfp, &hdr);
	if (skb)
		zc_netlink_tell(skb, ZCACHE_NLGRP_OBJECTS, gfp, hdr,
				zc_netlink_put_object_event(skb, object, cmd,
							    reason));
}
