// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: the owner of a store's policy, a daemon: who it is, and what it says.
 * Nobody here ever waits for it, and what it says is checked: a store whose owner is
 * dead, slow or mad is as good as one without.
 */

#include <linux/jiffies.h>
#include <linux/netlink.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "compat.h"
#include "expire.h"
#include "netlink.h"
#include "policy.h"
#include "policy_log.h"
#include "reclaim.h"
#include "tag.h"

static DEFINE_SPINLOCK(zc_policies_lock); /* protects zc_policies */
static LIST_HEAD(zc_policies); /* those that stores have */

static void zc_policy_tell(struct work_struct *work)
{
	struct zc_policy *policy = container_of(work, struct zc_policy, tell);

	zc_netlink_policy_tell(policy->store, READ_ONCE(policy->owner.portid));
}

static void zc_policy_watch(struct work_struct *work)
{
	struct zc_policy *policy = container_of(to_delayed_work(work),
						struct zc_policy, watch);
	struct zc_store *store = policy->store;
	unsigned long timeout, passed;

	mutex_lock(&store->policy_mutex);
	/* Else it is being freed, by who waits for this. */
	if (zc_policy_of(store) == policy) {
		timeout = msecs_to_jiffies(policy->owner.watchdog_ms);
		passed = jiffies - policy->seen;
		if (passed < timeout) {
			timeout -= passed;
		} else if (!policy->owner.late) {
			policy->owner.late = true;
			zc_netlink_policy_lost(store, &policy->owner,
					       ZCACHE_POLICY_REASON_SILENT);
		}
		queue_delayed_work(zc_compat_unbound_wq, &policy->watch,
				   timeout);
	}
	mutex_unlock(&store->policy_mutex);
}

static struct zc_policy *zc_policy_new(struct zc_store *store)
{
	struct zc_policy *policy = kzalloc(sizeof(*policy), GFP_KERNEL_ACCOUNT);

	if (!policy)
		return NULL;
	if (zc_policy_log_new(policy)) {
		kfree(policy);
		return NULL;
	}
	INIT_DELAYED_WORK(&policy->watch, zc_policy_watch);
	INIT_WORK(&policy->tell, zc_policy_tell);
	policy->store = store;
	zc_store_get(store);
	return policy;
}

/* Frees what stores had. */
static void zc_policy_free(struct list_head *closed)
{
	struct zc_policy *policy, *next;

	if (list_empty(closed))
		return;
	/* Those who count a use may still look at it. */
	synchronize_rcu();
	list_for_each_entry_safe(policy, next, closed, entry) {
		cancel_delayed_work_sync(&policy->watch);
		cancel_work_sync(&policy->tell);
		zc_policy_log_free(policy);
		zc_store_put(policy->store);
		kfree(policy);
	}
}

/* Makes @policy that of its store; the old one is to be freed. */
static int zc_policy_publish(struct zc_store *store, struct zc_policy *policy,
			     struct list_head *closed)
{
	struct zc_policy *old = zc_policy_of(store);
	bool dead;

	spin_lock(&store->lock);
	dead = policy && store->dead;
	if (!dead)
		rcu_assign_pointer(store->policy, policy);
	spin_unlock(&store->lock);
	if (dead)
		return -ENODEV;
	spin_lock(&zc_policies_lock);
	if (policy)
		list_add(&policy->entry, &zc_policies);
	if (old)
		list_move(&old->entry, closed);
	spin_unlock(&zc_policies_lock);
	return 0;
}

/* Its time begins, and who listens hears of it. */
static void zc_policy_begin(struct zc_policy *policy)
{
	policy->seen = jiffies;
	mod_delayed_work(zc_compat_unbound_wq, &policy->watch,
			 msecs_to_jiffies(policy->owner.watchdog_ms));
	zc_netlink_policy_new(policy->store, &policy->owner);
}

/* If it is the owner that asks: what was told stays told. */
static bool zc_policy_change(struct zc_store *store,
			     const struct zc_policy_owner *owner)
{
	struct zc_policy *policy;
	bool same;

	mutex_lock(&store->policy_mutex);
	policy = zc_policy_of(store);
	same = policy && policy->owner.portid == owner->portid &&
	       policy->owner.sk == owner->sk;
	if (same) {
		policy->owner = *owner;
		zc_policy_begin(policy);
	}
	mutex_unlock(&store->policy_mutex);
	return same;
}

/**
 * zc_policy_set() - become the owner of a store's policy, or change as it
 * @store: the store
 * @owner: who, and how
 * @takeover: although there is another
 * @extack: for a sentence on failure
 *
 * Context: process; may sleep.
 * Return: 0, -EBUSY, -ENOMEM, or -ENODEV if the store was deleted.
 */
int zc_policy_set(struct zc_store *store, const struct zc_policy_owner *owner,
		  bool takeover, struct netlink_ext_ack *extack)
{
	struct zc_policy *policy, *fresh;
	enum zcache_policy_reason reason = ZCACHE_POLICY_REASON_REPLACED;
	LIST_HEAD(closed);
	int err = 0;

	if (zc_policy_change(store, owner))
		return 0;
	fresh = zc_policy_new(store);
	if (!fresh) {
		NL_SET_ERR_MSG(extack, "no memory for the log of the policy");
		return -ENOMEM;
	}
	/* Before it can be seen. */
	fresh->owner = *owner;
	mutex_lock(&store->policy_mutex);
	policy = zc_policy_of(store);
	/* Of a socket that was closed, which is about to be noticed. */
	if (policy && policy->owner.portid == owner->portid) {
		reason = ZCACHE_POLICY_REASON_CLOSED;
		takeover = true;
	}
	if (policy && !takeover) {
		NL_SET_ERR_MSG(extack,
			       "another socket owns the policy of this store; stop its daemon or use takeover");
		list_add(&fresh->entry, &closed);
		err = -EBUSY;
	} else {
		err = zc_policy_publish(store, fresh, &closed);
		if (err) {
			NL_SET_ERR_MSG(extack, "the store is being deleted");
			list_add(&fresh->entry, &closed);
		} else if (policy) {
			zc_netlink_policy_lost(store, &policy->owner, reason);
		}
	}
	if (!err)
		zc_policy_begin(fresh);
	mutex_unlock(&store->policy_mutex);
	/*
	 * The first drain takes all objects out of the lists of the one before. Who
	 * still sees that, which may be gone already, is through before.
	 */
	if (list_empty(&closed))
		synchronize_rcu();
	zc_policy_free(&closed);
	return err;
}

static bool zc_policy_take(struct zc_store *store, u32 portid,
			   enum zcache_policy_reason reason,
			   struct list_head *closed)
{
	struct zc_policy *policy;
	bool owned;

	mutex_lock(&store->policy_mutex);
	policy = zc_policy_of(store);
	owned = policy && policy->owner.portid == portid;
	if (owned) {
		zc_policy_publish(store, NULL, closed);
		zc_netlink_policy_lost(store, &policy->owner, reason);
	}
	mutex_unlock(&store->policy_mutex);
	return owned;
}

/**
 * zc_policy_del() - give a store's policy up
 * @store: the store
 * @portid: who
 *
 * Context: process; may sleep.
 * Return: 0, or -EPERM to who does not own it.
 */
int zc_policy_del(struct zc_store *store, u32 portid)
{
	LIST_HEAD(closed);

	if (!zc_policy_take(store, portid, ZCACHE_POLICY_REASON_RELEASED,
			    &closed))
		return -EPERM;
	zc_policy_free(&closed);
	return 0;
}

/* A store, referenced, whose policy a socket owns; or NULL. */
static struct zc_store *zc_policy_owned(u32 portid)
{
	struct zc_store *store = NULL;
	struct zc_policy *policy;

	spin_lock(&zc_policies_lock);
	list_for_each_entry(policy, &zc_policies, entry)
		if (READ_ONCE(policy->owner.portid) == portid) {
			store = policy->store;
			zc_store_get(store);
			break;
		}
	spin_unlock(&zc_policies_lock);
	return store;
}

/**
 * zc_policy_close() - a socket was closed that may own policies
 * @portid: the socket
 *
 * Context: process; may sleep. Of anybody's sockets, so who owns nothing takes no
 * mutex.
 */
void zc_policy_close(u32 portid)
{
	struct zc_store *store;
	LIST_HEAD(closed);

	while ((store = zc_policy_owned(portid))) {
		zc_policy_take(store, portid, ZCACHE_POLICY_REASON_CLOSED,
			       &closed);
		zc_store_put(store);
	}
	zc_policy_free(&closed);
}

/** zc_policy_init() - a new store's part of this */
void zc_policy_init(struct zc_store *store)
{
	mutex_init(&store->policy_mutex);
	get_random_bytes(&store->policy_key, sizeof(store->policy_key));
}

/** zc_policy_stop() - the end of a dead store's policy; may sleep */
void zc_policy_stop(struct zc_store *store)
{
	LIST_HEAD(closed);

	mutex_lock(&store->policy_mutex);
	zc_policy_publish(store, NULL, &closed);
	mutex_unlock(&store->policy_mutex);
	zc_policy_free(&closed);
}

/**
 * zc_policy_get() - find out who owns a store's policy
 * @store: the store
 * @owner: set to who it is
 *
 * Context: process; may sleep.
 * Return: whether there is one.
 */
bool zc_policy_get(struct zc_store *store, struct zc_policy_owner *owner)
{
	struct zc_policy *policy;

	mutex_lock(&store->policy_mutex);
	policy = zc_policy_of(store);
	if (policy)
		*owner = policy->owner;
	mutex_unlock(&store->policy_mutex);
	return policy;
}

/**
 * zc_policy_see() - note a call of the owner
 * @store: the store
 * @portid: who calls
 *
 * Context: process; the policy_mutex is held.
 * Return: its policy, or NULL to another one.
 */
struct zc_policy *zc_policy_see(struct zc_store *store, u32 portid)
{
	struct zc_policy *policy = zc_policy_of(store);

	if (!policy || policy->owner.portid != portid)
		return NULL;
	policy->seen = jiffies;
	if (policy->owner.late) {
		policy->owner.late = false;
		zc_netlink_policy_new(store, &policy->owner);
	}
	return policy;
}

/* Whether a victim is to stay, under the store's lock. */
static bool zc_policy_spares(struct zc_object *object)
{
	if (refcount_read(&object->refs) > 1)
		return true;
	if (READ_ONCE(object->uses)) {
		/* One that fell into a drain, so that nobody is told: once. */
		if (!READ_ONCE(object->listed))
			WRITE_ONCE(object->uses, 0);
		return true;
	}
	return zc_tag_keeps(object, NULL);
}

/**
 * struct zc_policy_taken - victims that are off the store
 * @objects: the victims
 * @nr: how many
 * @bytes: their charge
 * @round: since the first one
 */
struct zc_policy_taken {
	struct zc_object *objects[ZC_POLICY_BATCH];
	u32 nr;
	u64 bytes;
	struct zc_round round;
};

static void zc_policy_unlink(struct zc_store *store, struct zc_object *object,
			     struct zc_policy_taken *taken)
{
	if (!taken->nr)
		zc_round_link(store, &taken->round);
	taken->bytes += object->charge;
	zc_object_unlink(object, ZC_POLICY_GONE_OWNER);
	taken->objects[taken->nr++] = object;
}

/* Outside of the store's lock. */
static void zc_policy_drop(struct zc_store *store,
			   struct zc_policy_taken *taken,
			   struct zc_policy_evicted *evicted)
{
	u32 i;

	for (i = 0; i < taken->nr; i++)
		zc_reclaim_drop(taken->objects[i],
				ZCACHE_OBJECT_REASON_POLICY);
	if (taken->nr)
		zc_reclaim_end(store, &taken->round);
	evicted->evicted += taken->nr;
	evicted->bytes += taken->bytes;
	cond_resched();
}

/* Takes some victims. Returns how many were looked at. */
static u32 zc_policy_evict_batch(struct zc_store *store,
				 const struct zc_policy_victim *victims, u32 nr,
				 u64 want, struct zc_policy_evicted *evicted)
{
	struct zc_policy_taken taken = {};
	struct zc_object *object;
	u32 seen;

	rcu_read_lock();
	spin_lock(&store->lock);
	for (seen = 0; seen < min_t(u32, nr, ZC_POLICY_BATCH) &&
	     taken.bytes < want; seen++) {
		object = xa_load(&store->slots, victims[seen].slot);
		if (!object || object->generation != victims[seen].generation)
			evicted->gone++;
		else if (zc_policy_spares(object))
			evicted->spared++;
		else
			zc_policy_unlink(store, object, &taken);
	}
	spin_unlock(&store->lock);
	rcu_read_unlock();
	zc_policy_drop(store, &taken, evicted);
	return seen;
}

/*
 * Takes some of what has expired, the oldest first, whenever it was used: nobody is
 * served it who does not ask for such. Returns whether there may be more; what
 * stays is looked at again, so not for long.
 */
static bool zc_policy_evict_expired(struct zc_store *store, u64 want,
				    struct zc_policy_evicted *evicted)
{
	struct zc_object *object, *next = NULL;
	struct zc_policy_taken taken = {};
	u32 stay = 0;

	spin_lock(&store->lock);
	for (object = zc_expire_next(store, NULL);
	     object && taken.nr < ZC_POLICY_BATCH && taken.bytes < want &&
	     stay < ZC_POLICY_STAY; object = next) {
		next = zc_expire_next(store, object);
		if (refcount_read(&object->refs) > 1 ||
		    zc_tag_keeps(object, NULL))
			stay++;
		else
			zc_policy_unlink(store, object, &taken);
	}
	spin_unlock(&store->lock);
	zc_policy_drop(store, &taken, evicted);
	return taken.nr == ZC_POLICY_BATCH;
}

/* One batch. Returns how many victims are done, or -errno. */
static int zc_policy_evict_some(struct zc_store *store, u32 portid,
				struct zc_policy_evict *e,
				struct zc_policy_evicted *evicted)
{
	u64 used = atomic64_read(&store->used);
	u64 want = e->target ? used - min(used, e->target) : U64_MAX;
	int seen = 0;

	/* Others wait for the mutex: not for all of the victims. */
	mutex_lock(&store->policy_mutex);
	if (!zc_policy_see(store, portid))
		seen = -EPERM;
	else if (e->expired)
		e->expired = zc_policy_evict_expired(store, want, evicted) &&
			     evicted->evicted < ZC_POLICY_VICTIMS;
	else
		seen = zc_policy_evict_batch(store, e->victims, e->nr, want,
					     evicted);
	mutex_unlock(&store->policy_mutex);
	return seen;
}

/**
 * zc_policy_evict() - evict objects as the owner says
 * @store: the store
 * @portid: who says so
 * @e: which; changed
 * @evicted: zeroed; set to what became of them
 *
 * What a floor protects, is in use, or was used since it was drained last stays.
 *
 * Context: process; may sleep.
 * Return: 0, -EPERM to who does not own the policy, or -EINTR on a fatal signal.
 */
int zc_policy_evict(struct zc_store *store, u32 portid,
		    struct zc_policy_evict *e,
		    struct zc_policy_evicted *evicted)
{
	bool expired;
	int seen;

	might_sleep();
	do {
		expired = e->expired;
		seen = zc_policy_evict_some(store, portid, e, evicted);
		if (seen > 0) {
			e->victims += seen;
			e->nr -= seen;
		}
		if (seen >= 0 && fatal_signal_pending(current))
			seen = -EINTR;
	} while (seen >= 0 && (expired || (seen && e->nr)));
	zc_store_count(store, ZC_C_POLICY_EVICTIONS, evicted->evicted);
	zc_store_count(store, ZC_C_POLICY_EVICTED_BYTES, evicted->bytes);
	zc_store_count(store, ZC_C_POLICY_SPARED, evicted->spared);
	return min(seen, 0);
}
