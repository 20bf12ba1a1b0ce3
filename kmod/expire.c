// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: the end of objects that have one. They are in a tree by their time, so
 * that the next one is known without looking at the others; a delayed work
 * takes out what is over. An expired object is not served from its time on,
 * whenever it is swept: the store keeps it for a while (its grace) for those
 * who ask for expired ones.
 */

#include <linux/rbtree.h>
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
#include "trace.h"

/* Objects taken out while the lock is held once. */
#define ZC_EXPIRE_BATCH		32

/* CLOCK_REALTIME may be set: the tree is looked at so often, at least. */
#define ZC_EXPIRE_LOOK		(60 * HZ)

static bool zc_expire_less(struct rb_node *a, const struct rb_node *b)
{
	return rb_entry(a, struct zc_object, expiry)->expires_ns <
	       rb_entry(b, struct zc_object, expiry)->expires_ns;
}

static struct zc_object *zc_expire_first(struct zc_store *store)
{
	struct rb_node *node = rb_first_cached(&store->expiring);

	return node ? rb_entry(node, struct zc_object, expiry) : NULL;
}

/* Nanoseconds until an object is to be swept; 0 or less: now. */
static s64 zc_expire_left(const struct zc_object *object)
{
	u64 grace = READ_ONCE(object->store->config.grace_ms) *
		    (u64)NSEC_PER_MSEC;
	s64 left;

	left = object->expires_ns - (s64)ktime_get_real_ns();
	/* The sum cannot overflow: a grace is some days at most. */
	return left > 0 && left > S64_MAX - (s64)grace ? S64_MAX :
	       left + (s64)grace;
}

static void zc_expire_arm(struct zc_store *store)
{
	struct zc_object *first = zc_expire_first(store);
	unsigned long delay;
	s64 left;

	lockdep_assert_held(&store->lock);
	if (!first || store->dead)
		return;
	left = zc_expire_left(first);
	delay = left <= 0 ? 0 : left >= ZC_EXPIRE_LOOK * (s64)TICK_NSEC ?
		ZC_EXPIRE_LOOK : nsecs_to_jiffies(left) + 1;
	mod_delayed_work(zc_compat_unbound_wq, &store->sweep, delay);
}

/* Takes some objects out whose time is over. Returns how many. */
static unsigned int zc_expire_batch(struct zc_store *store)
{
	struct zc_object *victims[ZC_EXPIRE_BATCH];
	struct zc_object *object;
	unsigned int nr = 0, i;
	struct zc_round round;
	u64 bytes = 0;

	zc_reclaim_begin(store, &round);
	spin_lock(&store->lock);
	while (nr < ZC_EXPIRE_BATCH && !store->dead) {
		object = zc_expire_first(store);
		if (!object || zc_expire_left(object) > 0)
			break;
		bytes += object->charge;
		zc_object_unlink(object, ZC_POLICY_GONE_OTHER);
		victims[nr++] = object;
	}
	spin_unlock(&store->lock);

	zc_store_count(store, ZC_C_EXPIRIES, nr);
	zc_store_count(store, ZC_C_EXPIRED_BYTES, bytes);
	for (i = 0; i < nr; i++) {
		trace_zcache_expire(victims[i]);
		zc_event_del(victims[i], ZCACHE_OBJECT_REASON_EXPIRED);
		zc_object_put(victims[i]);
		cond_resched();
	}
	zc_reclaim_end(store, &round);
	return nr;
}

static void zc_expire_work(struct work_struct *work)
{
	struct zc_store *store = container_of(to_delayed_work(work),
					      struct zc_store, sweep);

	while (zc_expire_batch(store))
		cond_resched();
	zc_expire_rearm(store);
}

/** zc_expire_init() - a new store's part of this */
void zc_expire_init(struct zc_store *store)
{
	store->expiring = RB_ROOT_CACHED;
	INIT_DELAYED_WORK(&store->sweep, zc_expire_work);
}

/**
 * zc_expire_stop() - end the sweeping of a dead store
 * @store: the store
 *
 * Context: process; may sleep.
 */
void zc_expire_stop(struct zc_store *store)
{
	cancel_delayed_work_sync(&store->sweep);
}

/** zc_expire_rearm() - the grace changed, or some were swept */
void zc_expire_rearm(struct zc_store *store)
{
	spin_lock(&store->lock);
	zc_expire_arm(store);
	spin_unlock(&store->lock);
}

/** zc_expire_link() - an object was linked; the store's lock is held */
void zc_expire_link(struct zc_object *object)
{
	struct zc_store *store = object->store;

	lockdep_assert_held(&store->lock);
	if (!object->expires_ns)
		return;
	rb_add_cached(&object->expiry, &store->expiring, zc_expire_less);
	if (zc_expire_first(store) == object)
		zc_expire_arm(store);
}

/**
 * zc_expire_next() - find what has expired, whether the grace is over or not
 * @store: the store
 * @object: the one before, still linked, or NULL for the first
 *
 * Context: the store's lock is held.
 * Return: an object, or NULL if there is none.
 */
struct zc_object *zc_expire_next(struct zc_store *store,
				 struct zc_object *object)
{
	struct rb_node *node;

	lockdep_assert_held(&store->lock);
	if (object) {
		node = rb_next(&object->expiry);
		object = node ? rb_entry(node, struct zc_object, expiry) : NULL;
	} else {
		object = zc_expire_first(store);
	}
	return object && zc_object_timed_out(object) ? object : NULL;
}

/** zc_expire_unlink() - an object is unlinked; the store's lock is held */
void zc_expire_unlink(struct zc_object *object)
{
	lockdep_assert_held(&object->store->lock);
	if (RB_EMPTY_NODE(&object->expiry))
		return;
	rb_erase_cached(&object->expiry, &object->store->expiring);
	RB_CLEAR_NODE(&object->expiry);
}

/** zc_expire_now() - end a linked object's time; the store's lock is held */
void zc_expire_now(struct zc_object *object)
{
	/* One that has expired would be kept for another grace. */
	if (!zc_object_timed_out(object))
		zc_expire_set(object, ktime_get_real_ns());
}

/**
 * zc_expire_set() - give a linked object another time
 * @object: the object
 * @expires_ns: CLOCK_REALTIME nanoseconds, 0 for never
 *
 * Context: the store's lock is held.
 */
void zc_expire_set(struct zc_object *object, s64 expires_ns)
{
	zc_expire_unlink(object);
	/* Lookups read it without the lock. */
	WRITE_ONCE(object->expires_ns, expires_ns);
	zc_expire_link(object);
}
