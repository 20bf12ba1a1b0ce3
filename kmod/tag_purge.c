// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: purging by tag. The call notes a new generation, and splices the tag's
 * list: lookups compare it with the object's own, and a work takes the objects out,
 * or makes them expire, in its own time. The number stays: it is above no
 * generation of what comes later.
 */

#include <linux/rhashtable.h>
#include <linux/sched.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>

#include "compat.h"
#include "event.h"
#include "expire.h"
#include "object.h"
#include "policy.h"
#include "reclaim.h"
#include "store.h"
#include "tag.h"

/* Objects looked at, and taken, while the lock is held once. */
#define ZC_TAG_SCAN	128
#define ZC_TAG_BATCH	32

/** zc_tag_purged() - Return: whether a purge of a tag took the object */
bool zc_tag_purged(const struct zc_object *object)
{
	const struct zc_tag_link *links = zc_object_links(object);
	unsigned int i;

	for (i = 0; i < object->nr_tags; i++)
		if (object->generation <= READ_ONCE(links[i].tag->hard))
			return true;
	return false;
}

/** zc_tag_expired() - Return: whether a soft purge made the object expire */
bool zc_tag_expired(const struct zc_object *object)
{
	const struct zc_tag_link *links = zc_object_links(object);
	unsigned int i;

	for (i = 0; i < object->nr_tags; i++)
		if (READ_ONCE(links[i].fresh) <= READ_ONCE(links[i].tag->soft))
			return true;
	return false;
}

static void zc_tag_start(struct zc_store *store, struct zc_tag *tag)
{
	lockdep_assert_held(&store->lock);
	list_splice_init(&tag->objects, &tag->sweep);
	zc_round_link(store, &tag->round);
	list_add_tail(&tag->entry, &store->purged);
}

/*
 * A tag's sweep is through. If it was purged meanwhile another one begins, which
 * those who wait for this one do not wait for: it might be so for ever.
 */
static void zc_tag_swept(struct zc_store *store, struct zc_tag *tag)
{
	bool again;

	zc_reclaim_end(store, &tag->round);
	spin_lock(&store->lock);
	again = tag->again;
	tag->again = false;
	tag->sweeping = again;
	if (again)
		zc_tag_start(store, tag);
	spin_unlock(&store->lock);
	/* Of the purge. */
	if (!again)
		zc_tag_put(store, tag);
}

/* Does to some of a purged tag's objects what is to be done; the next tag's turn. */
static void zc_tag_sweep(struct zc_store *store, struct zc_tag *tag)
{
	struct zc_object *victims[ZC_TAG_BATCH];
	unsigned int nr = 0, seen, i, expired = 0;
	struct zc_tag_link *link;
	struct zc_object *object;
	struct zc_round round;
	u64 bytes = 0;
	bool done;

	zc_reclaim_begin(store, &round);
	spin_lock(&store->lock);
	for (seen = 0; seen < ZC_TAG_SCAN && nr < ZC_TAG_BATCH &&
	     !list_empty(&tag->sweep); seen++) {
		link = list_last_entry(&tag->sweep, struct zc_tag_link, entry);
		object = link->object;
		if (object->generation <= tag->hard) {
			bytes += object->charge;
			zc_object_unlink(object, ZC_POLICY_GONE_OTHER);
			victims[nr++] = object;
			continue;
		}
		list_move_tail(&link->entry, &tag->objects);
		if (link->fresh > tag->soft || zc_object_timed_out(object))
			continue;
		/* To be swept as others that expire. */
		bytes += object->charge;
		expired++;
		zc_expire_set(object, tag->soft_ns);
	}
	done = list_empty(&tag->sweep);
	if (done)
		list_del_init(&tag->entry);
	else
		list_move_tail(&tag->entry, &store->purged);
	spin_unlock(&store->lock);

	for (i = 0; i < nr; i++) {
		zc_event_del(victims[i], ZCACHE_OBJECT_REASON_PURGED);
		zc_object_put(victims[i]);
		cond_resched();
	}
	zc_store_count(store, ZC_C_PURGED_OBJECTS, nr + expired);
	zc_store_count(store, ZC_C_PURGED_BYTES, bytes);
	/* There is more room: who waits tries again. */
	zc_reclaim_end(store, &round);
	if (done)
		zc_tag_swept(store, tag);
}

static void zc_tag_work(struct work_struct *work)
{
	struct zc_store *store = container_of(work, struct zc_store, tag_sweep);
	struct zc_tag *tag;

	for (;;) {
		spin_lock(&store->lock);
		tag = list_first_entry_or_null(&store->purged, struct zc_tag,
					       entry);
		spin_unlock(&store->lock);
		/* Nobody else takes it off the list. */
		if (!tag)
			return;
		zc_tag_sweep(store, tag);
		cond_resched();
	}
}

/**
 * zc_tag_purge() - make all objects of a tag vanish, or expire
 * @store: where
 * @id: the tag
 * @soft: they expire, and stay
 * @objects: set to how many they are, with those of a purge that is not swept yet
 * @bytes: set to their charge, and that of those not visible yet or any more
 *
 * Context: process.
 */
void zc_tag_purge(struct zc_store *store, u64 id, bool soft, u64 *objects,
		  u64 *bytes)
{
	u64 generation;
	struct zc_tag *tag;

	*objects = 0;
	*bytes = 0;
	spin_lock(&store->lock);
	tag = rhashtable_lookup_fast(&store->tags, &id, zc_tag_params);
	if (!tag || !tag->linked || store->dead)
		goto out;
	*objects = tag->linked;
	*bytes = tag->used;
	/* One of its own: what is touched later is later. */
	generation = atomic64_inc_return(&store->generation);
	if (soft) {
		WRITE_ONCE(tag->soft, generation);
		tag->soft_ns = ktime_get_real_ns();
	} else {
		WRITE_ONCE(tag->hard, generation);
	}
	if (tag->sweeping) {
		tag->again = true;
	} else {
		tag->sweeping = true;
		tag->users++;
		zc_tag_start(store, tag);
		queue_work(zc_compat_unbound_wq, &store->tag_sweep);
	}
out:
	spin_unlock(&store->lock);
}

/**
 * zc_tag_freshen() - end what soft purges said of an object
 * @object: a linked object, which gets another time
 *
 * Context: the store's lock is held.
 */
void zc_tag_freshen(struct zc_object *object)
{
	struct zc_tag_link *links = zc_object_links(object);
	struct zc_store *store = object->store;
	unsigned int i;
	u64 fresh;

	lockdep_assert_held(&store->lock);
	if (!object->nr_tags)
		return;
	fresh = atomic64_inc_return(&store->generation);
	for (i = 0; i < object->nr_tags; i++)
		WRITE_ONCE(links[i].fresh, fresh);
}

/** zc_tag_purge_init() - a new store's part of this */
void zc_tag_purge_init(struct zc_store *store)
{
	INIT_LIST_HEAD(&store->purged);
	INIT_WORK(&store->tag_sweep, zc_tag_work);
}

/** zc_tag_stop() - wait for the purges of a dead store; may sleep */
void zc_tag_stop(struct zc_store *store)
{
	flush_work(&store->tag_sweep);
}
