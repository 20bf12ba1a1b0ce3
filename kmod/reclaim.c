// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: making room. SIEVE (Zhang et al., NSDI 2024) walks the queue from
 * the oldest object to the newest: an object found since the hand passed last
 * stays and loses its mark, another one goes. New objects enter at the head,
 * behind the hand. Objects in use are passed over, since their bytes would
 * stay charged anyway.
 */

#include <linux/list.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat.h"
#include "event.h"
#include "object.h"
#include "policy.h"
#include "reclaim.h"
#include "store.h"
#include "tag.h"
#include "trace.h"

/*
 * Objects looked at, and taken, while the lock is held once: some microseconds
 * of work, so that nobody who waits for the lock notices.
 */
#define ZC_RECLAIM_SCAN		128
#define ZC_RECLAIM_BATCH	32

/*
 * Objects that one call of the shrinker looks at for each page wanted: who
 * runs short of memory does not wait for a walk round the whole queue.
 */
#define ZC_RECLAIM_SHRINK	32

/**
 * struct zc_reclaim - one round of eviction
 * @store: where
 * @want: bytes of charge still wanted
 * @scan: objects that may still be looked at
 * @freed: bytes of charge taken
 * @objects: objects taken
 * @wanted: the object that room is wanted for, or NULL
 * @floors: what tags protect with their floors is spared
 * @all: also those marked or in use, for the end of the store
 * @scan_all: @scan was enough to look at each object twice
 * @reason: enum zcache_object_reason
 */
struct zc_reclaim {
	struct zc_store *store;
	u64 want;
	u64 scan;
	u64 freed;
	u64 objects;
	const struct zc_object *wanted;
	bool floors;
	bool all;
	bool scan_all;
	u32 reason;
};

/**
 * zc_reclaim_spares() - is an object to stay for now?
 * @object: a linked object
 *
 * Context: the store's lock is held.
 * Return: whether it is in use, or was since it was asked last; now it was not.
 */
bool zc_reclaim_spares(struct zc_object *object)
{
	if (refcount_read(&object->refs) > 1)
		return true;
	if (!READ_ONCE(object->touched) || zc_object_expired(object))
		return false;
	WRITE_ONCE(object->touched, false);
	return true;
}

static bool zc_reclaim_keeps(const struct zc_reclaim *r,
			     struct zc_object *object)
{
	if (r->all)
		return false;
	/* In this order: a mark goes only if that may cost the object its place. */
	return (r->floors && zc_tag_keeps(object, r->wanted)) ||
	       zc_reclaim_spares(object);
}

/**
 * zc_reclaim_drop() - free an object that was evicted
 * @object: an object that was unlinked
 * @reason: enum zcache_object_reason
 *
 * Context: process; may sleep.
 */
void zc_reclaim_drop(struct zc_object *object, u32 reason)
{
	trace_zcache_evict(object);
	zc_event_del(object, reason);
	zc_tag_add(object, evictions, 1);
	zc_tag_add(object, evicted_bytes, object->charge);
	zc_object_put(object);
	cond_resched();
}

/** zc_round_link() - zc_reclaim_begin() where the store's lock is held */
void zc_round_link(struct zc_store *store, struct zc_round *round)
{
	lockdep_assert_held(&store->lock);
	round->nr = ++store->round;
	list_add_tail(&round->entry, &store->rounds);
}

/**
 * zc_reclaim_begin() - objects are about to be unlinked and freed
 * @store: the store
 * @round: kept until zc_reclaim_end()
 *
 * Who finds nothing to evict waits for zc_reclaim_end() then, as room is coming.
 * Before the first one is unlinked, or held for it; not for as long as a user
 * likes. Several may be under way.
 */
void zc_reclaim_begin(struct zc_store *store, struct zc_round *round)
{
	spin_lock(&store->lock);
	zc_round_link(store, round);
	spin_unlock(&store->lock);
}

/** zc_reclaim_end() - the end of zc_reclaim_begin(): they are freed */
void zc_reclaim_end(struct zc_store *store, struct zc_round *round)
{
	spin_lock(&store->lock);
	list_del(&round->entry);
	WRITE_ONCE(store->rounds_ended, store->rounds_ended + 1);
	spin_unlock(&store->lock);
	wake_up_all(&store->evicted);
}

/* Unlinks victims and frees them. Returns whether to go on. */
static bool zc_reclaim_batch(struct zc_reclaim *r)
{
	struct zc_object *victims[ZC_RECLAIM_BATCH];
	struct zc_store *store = r->store;
	unsigned int nr = 0, seen, i;
	struct zc_round round;

	spin_lock(&store->lock);
	for (seen = 0; seen < ZC_RECLAIM_SCAN && nr < ZC_RECLAIM_BATCH &&
	     r->scan && r->freed < r->want && store->objects; seen++) {
		struct zc_object *object;

		if (!store->hand)
			store->hand = store->queue.prev;
		object = list_entry(store->hand, struct zc_object, entry);
		r->scan--;
		if (zc_reclaim_keeps(r, object)) {
			store->hand = object->entry.prev == &store->queue ?
				      NULL : object->entry.prev;
			continue;
		}
		r->freed += object->charge;
		zc_object_unlink(object, ZC_POLICY_GONE_KERNEL);
		victims[nr++] = object;
	}
	if (nr)
		zc_round_link(store, &round);
	spin_unlock(&store->lock);

	r->objects += nr;
	for (i = 0; i < nr; i++) {
		if (!r->all) {
			zc_reclaim_drop(victims[i], r->reason);
			continue;
		}
		zc_object_put(victims[i]);
		cond_resched();
	}
	if (nr)
		zc_reclaim_end(store, &round);
	cond_resched();
	return r->freed < r->want && r->scan && (seen || nr);
}

static void zc_reclaim_run(struct zc_reclaim *r)
{
	/* Twice round: once to clear marks, once to take what had them. */
	u64 round = 2 * READ_ONCE(r->store->objects) + 1;

	r->scan_all = !r->scan || r->scan >= round;
	if (r->scan_all)
		r->scan = round;
	while (zc_reclaim_batch(r))
		;
}

static u64 zc_reclaim_evicted(struct zc_reclaim *r)
{
	might_sleep();
	zc_reclaim_run(r);
	zc_store_count(r->store, ZC_C_EVICTIONS, r->objects);
	zc_store_count(r->store, ZC_C_EVICTED_BYTES, r->freed);
	return r->freed;
}

/**
 * zc_reclaim_evict() - evict objects to make room in memory
 * @store: where
 * @bytes: of charge wanted
 *
 * Context: process; may sleep.
 * Return: bytes of charge evicted; 0 if nothing could be.
 */
u64 zc_reclaim_evict(struct zc_store *store, u64 bytes)
{
	struct zc_reclaim r = {
		.store = store,
		.want = bytes,
		.reason = ZCACHE_OBJECT_REASON_EVICTED,
	};

	return zc_reclaim_evicted(&r);
}

/**
 * zc_reclaim_wait() - wait for somebody who is freeing objects
 * @store: the store
 * @until: 0 for the first wait that is in vain, then as it was left
 *
 * Rounds that begin after the first wait are not waited for: others may go on for
 * ever without making room here.
 *
 * Context: process; may sleep.
 * Return: whether there was somebody, or -EINTR on a fatal signal.
 */
int zc_reclaim_wait(struct zc_store *store, u64 *until)
{
	const struct zc_round *oldest;
	unsigned int ended;
	bool freeing;

	spin_lock(&store->lock);
	if (!*until)
		*until = store->round + 1;
	oldest = list_first_entry_or_null(&store->rounds, struct zc_round,
					  entry);
	freeing = oldest && oldest->nr < *until;
	ended = store->rounds_ended;
	spin_unlock(&store->lock);
	if (!freeing)
		return 0;
	if (wait_event_killable(store->evicted,
				ended != READ_ONCE(store->rounds_ended)))
		return -EINTR;
	return 1;
}

/**
 * zc_reclaim_charge() - take bytes from the capacity, making room if need be
 * @store: where
 * @bytes: how many
 * @wanted: for this object; or NULL
 *
 * Context: process; may sleep.
 * Return: 0; -ENOSPC if everything that is not in use is gone and they still
 * do not fit, -EINTR on a fatal signal, -ENODEV if the store was deleted.
 */
int zc_reclaim_charge(struct zc_store *store, u64 bytes,
		      const struct zc_object *wanted)
{
	u64 until = 0;
	int waited;

	might_sleep();
	/* What never fits evicts nothing. */
	if (bytes > READ_ONCE(store->config.capacity))
		return -ENOSPC;
	while (!zc_store_charge(store, bytes)) {
		u64 capacity = READ_ONCE(store->config.capacity);
		u64 need = atomic64_read(&store->used) + bytes;
		struct zc_reclaim r = {
			.store = store,
			.wanted = wanted,
			.floors = true,
			.reason = ZCACHE_OBJECT_REASON_EVICTED,
		};

		if (READ_ONCE(store->dead))
			return -ENODEV;
		if (fatal_signal_pending(current))
			return -EINTR;
		if (need <= capacity)
			continue;
		r.want = need - capacity;
		if (zc_reclaim_evicted(&r)) {
			until = 0;
			continue;
		}
		/* Or has somebody taken them all and is still freeing? */
		waited = zc_reclaim_wait(store, &until);
		if (waited < 0)
			return waited;
		if (!waited)
			return zc_store_charge(store, bytes) ? 0 : -ENOSPC;
	}
	return 0;
}

/**
 * zc_reclaim_flush() - drop every object
 * @store: a dead store
 *
 * Objects in use leave the index and keep their bytes until let go.
 *
 * Context: process; may sleep.
 */
void zc_reclaim_flush(struct zc_store *store)
{
	struct zc_reclaim r = {
		.store = store,
		.want = U64_MAX,
		.scan = U64_MAX,
		.all = true,
	};

	might_sleep();
	zc_reclaim_run(&r);
}

static unsigned long zc_reclaim_count(struct shrinker *shrinker,
				      struct shrink_control *sc)
{
	struct zc_store *store = zc_compat_shrinker_data(shrinker);
	unsigned long pages = READ_ONCE(store->linked_charge) >> PAGE_SHIFT;

	return pages ?: SHRINK_EMPTY;
}

/*
 * Runs in reclaim, possibly of a filler of this store: it holds its fill's
 * mutex and its object, which are not needed here.
 */
static unsigned long zc_reclaim_scan(struct shrinker *shrinker,
				     struct shrink_control *sc)
{
	struct zc_store *store = zc_compat_shrinker_data(shrinker);
	struct zc_reclaim r = {
		.store = store,
		.want = (u64)sc->nr_to_scan << PAGE_SHIFT,
		.scan = (u64)sc->nr_to_scan * ZC_RECLAIM_SHRINK,
		.reason = ZCACHE_OBJECT_REASON_SHRUNK,
	};

	/* Freeing an inode is file system work. */
	if (!(sc->gfp_mask & __GFP_FS))
		return SHRINK_STOP;
	zc_reclaim_run(&r);
	zc_store_count(store, ZC_C_SHRINKER_CALLS, 1);
	zc_store_count(store, ZC_C_SHRINKS, r.objects);
	zc_store_count(store, ZC_C_SHRUNK_BYTES, r.freed);
	trace_zcache_shrink(store, r.want, r.freed, r.objects);
	/*
	 * A look that only took marks away is no reason to stop: the next one
	 * goes on from there. One all round that found nothing is.
	 */
	if (!r.freed && r.scan_all)
		return SHRINK_STOP;
	return r.freed >> PAGE_SHIFT;
}

/**
 * zc_reclaim_new() - register a store's shrinker
 * @store: the store
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int zc_reclaim_new(struct zc_store *store)
{
	store->shrinker = zc_compat_shrinker_new(zc_reclaim_count,
						 zc_reclaim_scan, store,
						 store->config.name);
	return store->shrinker ? 0 : -ENOMEM;
}

/** zc_reclaim_del() - end a store's shrinker and wait for it; may sleep */
void zc_reclaim_del(struct zc_store *store)
{
	zc_compat_shrinker_del(store->shrinker);
}
