/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_STORE_H
#define ZC_STORE_H

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/rbtree.h>
#include <linux/rhashtable.h>
#include <linux/shrinker.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/siphash.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <uapi/linux/zcache.h>

#include "stats.h"

/* Bytes of a policy's name, as in zcache.yaml. */
#define ZC_POLICY_NAME_MAX	31

struct dentry;
struct mem_cgroup;
struct zc_policy;
struct netlink_ext_ack;

/**
 * struct zc_store_config - what the creator of a store decides
 * @name: name of the store and its node
 * @capacity: bytes of data and metadata, never exceeded
 * @max_object_size: bytes of the largest object
 * @splice_threshold: object ranges of at least this many bytes are sent by
 *	reference
 * @max_key_len: bytes of the longest key
 * @inline_limit: objects up to this many bytes live in slab memory
 * @copy: enum zcache_copy: for whom bytes are copied in any case
 * @grace_ms: milliseconds that an expired object is kept
 * @high_watermark: percent of @capacity whose use raises a pressure event
 * @low_watermark: percent below which it can be raised again
 * @default_ttl_ms: milliseconds after which an object expires that brings no
 *	time of its own; 0 for never
 * @object_events: 1: who listens is told of each object that comes or leaves
 * @policy: the policy that the store is to have; protected by zc_store.lock
 * @mode: permission bits of the node
 * @uid: owner of the node
 * @gid: group of the node
 *
 * What zc_store_set() changes may change at any time, and is read once where
 * it is used; the rest is constant.
 */
struct zc_store_config {
	char name[ZC_NAME_MAX + 1];
	u64 capacity;
	u64 max_object_size;
	u64 splice_threshold;
	u32 max_key_len;
	u32 inline_limit;
	u32 copy;
	u32 grace_ms;
	u32 high_watermark;
	u32 low_watermark;
	u64 default_ttl_ms;
	u32 object_events;
	char policy[ZC_POLICY_NAME_MAX + 1];
	umode_t mode;
	kuid_t uid;
	kgid_t gid;
};

/**
 * struct zc_store - one cache
 * @dev: the device; its reference count is the store's. One reference is held
 *	by the list of stores, by each open node, by each object and by each
 *	fill or object fd (through its object).
 * @cdev: the node
 * @entry: in the list of stores; protected by the list's mutex
 * @config: as created or set, see there
 * @memcg: charged for the pages; constant
 * @shrinker: gives memory back under pressure; constant until deletion
 * @debug: folder of its files in debugfs, or an error pointer
 * @stats: the counters
 * @high: bytes whose use raises a pressure event; changes with the configuration
 * @low: bytes below which it can be raised again
 * @pressure: raises it
 * @dead: the store was deleted; nothing is added any more. Written under
 *	@lock, but far from what changes: every call looks at it
 * @policy: what the owner of the policy is to be told, or NULL; read under RCU,
 *	changed under @policy_mutex and @lock
 * @policy_key: for the ids of keys that it is told; constant
 * @index: key to object; read under RCU, changed under @lock
 * @slots: slot to object, likewise, with empty slots of those not added yet
 * @tags: the tags that objects have or that have limits; likewise
 * @reserved: the keys that are being filled by one for all; likewise
 * @lock: protects the members below it, changes of @index, and
 *	zc_object.entry, .linked, .charge, .expiry and, of linked ones,
 *	.expires_ns; and what struct zc_tag says of itself
 * @opens: open files of the node
 * @fds: object and fill fds
 * @queue: the objects of @index, newest first
 * @hand: where SIEVE looks next; NULL for the tail of @queue
 * @objects: how many are in @queue
 * @linked_charge: sum of their charges
 * @data: sum of their sizes
 * @expiring: those of them that expire, by their time
 * @sweep: takes out those whose time is over
 * @purged: tags with objects that a purge is still to take
 * @tag_sweep: takes them
 * @floors: sum of the tags' floors; at most the capacity
 * @rounds: rounds of eviction, sweeps and purges that have objects to free, in the
 *	order in which they began
 * @round: the number of the last one
 * @rounds_ended: changes when one ends
 * @evicted: woken when one ends
 * @policy_mutex: protects who owns the policy, and what is told to whom; far from
 *	what every call reads
 * @used: bytes charged; at most the capacity
 * @pressed: the event was raised, and use has not been below @low since
 * @generation: the last one given out
 *
 * Lock order: the list's mutex, then @policy_mutex, then @lock, then the locks of
 * the rhashtable and the xarray.
 */
struct zc_store {
	struct device dev;
	struct cdev cdev;
	struct list_head entry;
	struct zc_store_config config;
	struct mem_cgroup *memcg;
	struct shrinker *shrinker;
	struct dentry *debug;
	struct zc_stats __percpu *stats;
	u64 high;
	u64 low;
	struct work_struct pressure;
	bool dead;
	struct zc_policy __rcu *policy;
	siphash_key_t policy_key;
	struct rhashtable index;
	struct xarray slots;
	struct rhashtable tags;
	struct rhashtable reserved;
	spinlock_t lock ____cacheline_aligned_in_smp; /* protects: see above */
	unsigned int opens;
	unsigned int fds;
	struct list_head queue;
	struct list_head *hand;
	u64 objects;
	u64 linked_charge;
	u64 data;
	struct rb_root_cached expiring;
	struct delayed_work sweep;
	struct list_head purged;
	struct work_struct tag_sweep;
	u64 floors;
	struct list_head rounds;
	u64 round;
	unsigned int rounds_ended;
	wait_queue_head_t evicted;
	struct mutex policy_mutex; /* protects: see above */
	atomic64_t used ____cacheline_aligned_in_smp;
	atomic64_t generation;
	bool pressed;
};

/**
 * struct zc_store_use - what a store has at one time
 * @used: bytes charged
 * @linked_charge: of these, those of the objects that can be found; at most
 *	@used
 * @data: bytes of these objects; at most @linked_charge
 * @objects: how many these are
 * @opens: open files of the node
 * @policy: the policy that it is to have
 */
struct zc_store_use {
	u64 used;
	u64 linked_charge;
	u64 data;
	u64 objects;
	unsigned int opens;
	char policy[ZC_POLICY_NAME_MAX + 1];
};

int zc_store_init(void);
void zc_store_exit(void);

struct zc_store *zc_store_new(const struct zc_store_config *config,
			      struct netlink_ext_ack *extack);
void zc_store_set(struct zc_store *store,
		  const struct zc_store_config *config);
void zc_store_announce(struct zc_store *store);
bool zc_store_holds(struct zc_store *store, u64 capacity);
int zc_store_fit(struct zc_store *store, struct netlink_ext_ack *extack);
struct zc_store *zc_store_del(const char *name, bool force,
			      struct netlink_ext_ack *extack);
struct zc_store *zc_store_find(const char *name);
int zc_store_walk(unsigned int first, unsigned int *seq,
		  int (*one)(struct zc_store *store, void *arg), void *arg);

void zc_store_get_use(struct zc_store *store, struct zc_store_use *use);

int zc_store_open(struct zc_store *store);
void zc_store_release(struct zc_store *store);
int zc_store_add_fd(struct zc_store *store);
void zc_store_del_fd(struct zc_store *store);

bool zc_store_charge(struct zc_store *store, u64 bytes);
void zc_store_uncharge(struct zc_store *store, u64 bytes);

static inline void zc_store_get(struct zc_store *store)
{
	get_device(&store->dev);
}

static inline void zc_store_put(struct zc_store *store)
{
	put_device(&store->dev);
}

static inline void zc_store_time(struct zc_store *store, enum zc_latency what,
				 u64 ns)
{
	zc_stats_time(store->stats, what, ns);
}

static inline void zc_store_count(struct zc_store *store, enum zc_counter id,
				  u64 n)
{
	zc_stats_add(store->stats, id, n);
}

#endif /* ZC_STORE_H */
