/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_TAG_H
#define ZC_TAG_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/percpu.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>

#include "object.h"
#include "reclaim.h"

struct zc_store;

/**
 * struct zc_tag_stats - the counters of one tag on one CPU; a cache line
 * @hits: lookups that found an object with the tag
 * @hit_bytes: bytes of these objects
 * @sent_bytes: bytes of SEND calls for them
 * @expired: lookups that found an expired one
 * @commits: objects with the tag that were committed
 * @fill_bytes: bytes of these
 * @evictions: objects with the tag that were evicted to make room
 * @evicted_bytes: charge of these
 */
struct zc_tag_stats {
	u64 hits;
	u64 hit_bytes;
	u64 sent_bytes;
	u64 expired;
	u64 commits;
	u64 fill_bytes;
	u64 evictions;
	u64 evicted_bytes;
};

/**
 * struct zc_tag - a tag of a store
 * @node: in zc_store.tags; changed under zc_store.lock, read under RCU
 * @rcu: for the grace period of those who list tags
 * @id: the tag; constant
 * @stats: its counters
 * @users: objects that have it, and one while it has limits, is being swept, or
 *	a call looks at it; at 0 it goes
 * @quota: bytes that its objects may use; 0 for as many as there are
 * @floor: while @linked_charge is no more, none is evicted for others; 0 for none
 * @used: bytes that its objects use
 * @linked: how many of them are in the index
 * @linked_charge: sum of their charges
 * @misses: lookups in vain that were said to be for this tag
 * @objects: the links of these, those committed or looked at last first, but for
 *	the ones in @sweep
 * @sweep: links of those that a purge is still to take or to make expire
 * @entry: in zc_store.purged while @sweep has some
 * @round: the sweep
 * @sweeping: a sweep is under way
 * @again: purged meanwhile: @objects are to be swept then
 * @hard: objects of generations up to this one are gone
 * @soft: those made or touched up to this generation have expired
 * @soft_ns: when they did
 *
 * All but the first four members and @misses are protected by zc_store.lock; @hard
 * and @soft are read without it.
 */
struct zc_tag {
	struct rhash_head node;
	struct rcu_head rcu;
	u64 id;
	struct zc_tag_stats __percpu *stats;
	u64 users;
	u64 quota;
	u64 floor;
	u64 used;
	u64 linked;
	u64 linked_charge;
	atomic64_t misses;
	struct list_head objects;
	struct list_head sweep;
	struct list_head entry;
	struct zc_round round;
	bool sweeping;
	bool again;
	u64 hard;
	u64 soft;
	s64 soft_ns;
};

/**
 * struct zc_tag_link - one tag of one object, in the object's memory
 * @tag: the tag, referenced
 * @object: the object
 * @fresh: its generation, or a later one, when it was touched last; changed under
 *	zc_store.lock, read without it
 * @entry: in one of the lists of @tag while the object is linked
 */
struct zc_tag_link {
	struct zc_tag *tag;
	struct zc_object *object;
	u64 fresh;
	struct list_head entry;
};

extern const struct rhashtable_params zc_tag_params;

int zc_tag_init(struct zc_store *store);
void zc_tag_exit(struct zc_store *store);

struct zc_tag *zc_tag_find(struct zc_store *store, u64 id);
struct zc_tag *zc_tag_get(struct zc_store *store, u64 id,
			  const struct zc_object *wanted);
void zc_tag_put(struct zc_store *store, struct zc_tag *tag);
int zc_tag_set(struct zc_store *store, struct zc_tag *tag, u64 quota,
	       u64 floor);
void zc_tag_fit(struct zc_store *store, struct zc_tag *tag);
void zc_tag_miss(struct zc_store *store, u64 id);
void zc_tag_sum(const struct zc_tag *tag, struct zc_tag_stats *sums);

int zc_tag_attach(struct zc_object *object, u64 ids, u32 nr);
void zc_tag_detach(struct zc_object *object);
int zc_tag_charge(struct zc_object *object, u64 bytes);
void zc_tag_uncharge(struct zc_object *object, u64 bytes);
void zc_tag_link(struct zc_object *object);
void zc_tag_unlink(struct zc_object *object);
void zc_tag_grow(struct zc_object *object, u64 bytes);
bool zc_tag_keeps(const struct zc_object *object,
		  const struct zc_object *wanted);

/* tag_purge.c */
void zc_tag_purge_init(struct zc_store *store);
void zc_tag_stop(struct zc_store *store);
void zc_tag_purge(struct zc_store *store, u64 id, bool soft, u64 *objects,
		  u64 *bytes);
void zc_tag_freshen(struct zc_object *object);

/** zc_tag_add() - add to a counter of each tag of an object; any context */
#define zc_tag_add(_object, counter, n) do {				\
	const struct zc_object *__o = (_object);			\
	unsigned int __i;						\
									\
	for (__i = 0; __i < __o->nr_tags; __i++)			\
		this_cpu_add(zc_object_links(__o)[__i].tag->stats->counter, \
			     n);					\
} while (0)

#endif /* ZC_TAG_H */
