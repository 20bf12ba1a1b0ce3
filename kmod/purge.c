// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: making many objects vanish, or expire, by their keys; and giving one
 * another time to live.
 */

#include <linux/rhashtable.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <uapi/linux/zcache.h>

#include "event.h"
#include "expire.h"
#include "object.h"
#include "policy.h"
#include "purge.h"
#include "reclaim.h"
#include "store.h"
#include "tag.h"

/* Objects looked at under RCU, and taken, before others have a turn. */
#define ZC_PURGE_RUN	1024
#define ZC_PURGE_BATCH	32

/**
 * struct zc_purge_walk - a purge under way
 * @store: where
 * @iter: how far it is
 * @bound: only versions up to this one: what is added meanwhile stays
 * @prefix: bytes with which the keys begin
 * @prefix_len: how many; 0 for all keys
 * @soft: they expire, and stay
 * @objects: how many it took
 * @bytes: their charge
 */
struct zc_purge_walk {
	struct zc_store *store;
	struct rhashtable_iter iter;
	u64 bound;
	const u8 *prefix;
	u32 prefix_len;
	bool soft;
	u64 objects;
	u64 bytes;
};

static bool zc_purge_wants(const struct zc_purge_walk *walk,
			   const struct zc_object *object)
{
	return object->generation <= walk->bound &&
	       !zc_object_purged(object) &&
	       object->key_len >= walk->prefix_len &&
	       !memcmp(object->blob, walk->prefix, walk->prefix_len) &&
	       !(walk->soft && zc_object_expired(object));
}

/* Gets references on some that are wanted. *@end: there are no more. */
static unsigned int zc_purge_collect(struct zc_purge_walk *walk,
				     struct zc_object **found, bool *end)
{
	struct zc_object *object;
	unsigned int nr = 0, seen = 0;

	*end = false;
	rhashtable_walk_start(&walk->iter);
	while (nr < ZC_PURGE_BATCH && seen++ < ZC_PURGE_RUN) {
		object = rhashtable_walk_next(&walk->iter);
		if (!object) {
			*end = true;
			break;
		}
		/* The table grew or shrank: it begins anew, and misses none. */
		if (IS_ERR(object))
			continue;
		if (zc_purge_wants(walk, object) &&
		    refcount_inc_not_zero(&object->refs))
			found[nr++] = object;
	}
	rhashtable_walk_stop(&walk->iter);
	/*
	 * What was collected is about to go: a walk that goes on from its place
	 * in a bucket would pass over what moved up. So the bucket is looked at
	 * anew; what was taken is not there any more, or has expired.
	 */
	walk->iter.p = NULL;
	walk->iter.skip = 0;
	return nr;
}

static void zc_purge_batch(struct zc_purge_walk *walk,
			   struct zc_object **found, unsigned int nr)
{
	struct zc_object *object;
	unsigned int i;
	bool taken;

	for (i = 0; i < nr; i++) {
		object = found[i];
		spin_lock(&walk->store->lock);
		taken = object->linked &&
			!(walk->soft && zc_object_expired(object));
		if (taken) {
			walk->objects++;
			walk->bytes += object->charge;
			if (walk->soft)
				zc_expire_now(object);
			else
				zc_object_unlink(object, ZC_POLICY_GONE_OTHER);
		}
		spin_unlock(&walk->store->lock);
		/* The index's reference. */
		if (taken && !walk->soft) {
			zc_event_del(object, ZCACHE_OBJECT_REASON_PURGED);
			zc_object_put(object);
		}
		zc_object_put(object);
		cond_resched();
	}
}

static int zc_purge_run(struct zc_purge_walk *walk)
{
	struct zc_object *found[ZC_PURGE_BATCH];
	struct zc_round round;
	unsigned int nr;
	int err = 0;
	bool end;

	walk->bound = atomic64_read(&walk->store->generation);
	rhashtable_walk_enter(&walk->store->index, &walk->iter);
	do {
		/* Its references keep the objects from eviction meanwhile. */
		zc_reclaim_begin(walk->store, &round);
		nr = zc_purge_collect(walk, found, &end);
		zc_purge_batch(walk, found, nr);
		zc_reclaim_end(walk->store, &round);
		if (fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
	} while (!end && !err);
	rhashtable_walk_exit(&walk->iter);
	return err;
}

/**
 * zc_purge_call() - the PURGE call
 * @call: the call
 * @cmd: its struct zc_purge
 *
 * Context: process; may sleep.
 * Return: 0 or -errno, see the uapi header.
 */
long zc_purge_call(struct zc_call *call, void *cmd)
{
	struct zc_purge *purge = cmd;
	struct zc_purge_walk walk = {
		.store = call->store,
		.prefix_len = purge->key_len,
		.soft = purge->flags & ZC_PURGE_SOFT,
	};
	void *prefix = NULL;
	long err;

	if (purge->flags & ~(ZC_PURGE_SOFT | ZC_PURGE_TAG) ||
	    purge->__reserved ||
	    !purge->tag != !(purge->flags & ZC_PURGE_TAG))
		return -EINVAL;
	if (purge->flags & ZC_PURGE_TAG) {
		if (purge->key || purge->key_len)
			return -EINVAL;
		zc_tag_purge(call->store, purge->tag, walk.soft,
			     &purge->objects, &purge->bytes);
		zc_store_count(call->store, ZC_C_PURGES, 1);
		return zc_ioctl_reply(call, purge);
	}
	if (purge->key_len > call->store->config.max_key_len)
		return -ENAMETOOLONG;
	if (purge->key_len) {
		prefix = memdup_user(u64_to_user_ptr(purge->key),
				     purge->key_len);
		if (IS_ERR(prefix))
			return PTR_ERR(prefix);
	} else if (purge->key) {
		return -EINVAL;
	}
	walk.prefix = prefix;
	err = zc_purge_run(&walk);
	kfree(prefix);
	zc_store_count(call->store, ZC_C_PURGES, 1);
	zc_store_count(call->store, ZC_C_PURGED_OBJECTS, walk.objects);
	zc_store_count(call->store, ZC_C_PURGED_BYTES, walk.bytes);
	if (err)
		return err;
	purge->objects = walk.objects;
	purge->bytes = walk.bytes;
	return zc_ioctl_reply(call, purge);
}

/* Gives an object another time, if it still is what was looked for. */
static bool zc_touch_set(struct zc_object *object, const struct zc_touch *touch)
{
	struct zc_store *store = object->store;
	bool found;

	spin_lock(&store->lock);
	found = object->linked && !zc_object_purged(object) &&
		(touch->flags & ZC_TOUCH_EXPIRED_OK ||
		 !zc_object_expired(object));
	if (found) {
		zc_tag_freshen(object);
		zc_expire_set(object, touch->expires_ns);
	}
	spin_unlock(&store->lock);
	return found;
}

/**
 * zc_touch_call() - the TOUCH call
 * @call: the call
 * @cmd: its struct zc_touch
 *
 * Context: process; may sleep.
 * Return: 0 or -errno, see the uapi header.
 */
long zc_touch_call(struct zc_call *call, void *cmd)
{
	struct zc_touch *touch = cmd;
	struct zc_find find = {
		.key = touch->key,
		.key_len = touch->key_len,
		.generation = touch->generation,
		.flags = ZC_FIND_QUIET,
	};
	struct zc_object *object;
	bool found = true;

	if (touch->flags & ~(ZC_TOUCH_EXPIRES | ZC_TOUCH_EXPIRED_OK) ||
	    touch->__reserved || touch->expires_ns < 0 ||
	    (touch->expires_ns && !(touch->flags & ZC_TOUCH_EXPIRES)))
		return -EINVAL;
	if (touch->flags & ZC_TOUCH_EXPIRED_OK)
		find.flags |= ZC_FIND_EXPIRED_OK;
	do {
		object = zc_ioctl_find(call->store, &find);
		if (IS_ERR(object))
			return PTR_ERR(object);
		WRITE_ONCE(object->touched, true);
		if (touch->flags & ZC_TOUCH_EXPIRES)
			found = zc_touch_set(object, touch);
		/* Replaced, deleted or purged since: what is there now? */
		if (!found)
			zc_object_put(object);
	} while (!found);
	touch->generation = object->generation;
	touch->expires_ns = READ_ONCE(object->expires_ns);
	zc_object_put(object);
	return zc_ioctl_reply(call, touch);
}
