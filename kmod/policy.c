// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: the owner of a store's policy, a daemon: what it is told, and what it
 * says. Nobody here ever waits for it, and what it says is checked: a store whose
 * owner is dead, slow or mad is as good as one without.
 *
 * What came and went is in one log, in its order, under the store's lock. When
 * the log overflows the owner is told all anew. What is used is in a list of each
 * CPU, once until it is drained; a list that is full forgets.
 */

#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include "compat.h"
#include "netlink.h"
#include "policy.h"
#include "reclaim.h"
#include "tag.h"

/*
 * At a hundred thousand changes a second, a seventh of a second's worth: the owner
 * is told when half of it is. Powers of two.
 */
#define ZC_POLICY_LOG		16384
#define ZC_POLICY_TOUCHED_MAX	2048

/* Of one drain, while all objects are told: others still come and go. */
#define ZC_POLICY_WALK		(ZC_POLICY_DRAIN_MAX / 2)

/* Records taken out of the log while the store's lock is held once. */
#define ZC_POLICY_COPY		128

/* Victims, and slots of a list, taken while a lock is held once. */
#define ZC_POLICY_BATCH		32

/**
 * struct zc_touched - slots of objects that were used on one CPU
 * @lock: protects the others; nobody waits for it but a drain
 * @head: how many were put in
 * @tail: how many were taken out
 * @slot: a ring
 */
struct zc_touched {
	spinlock_t lock; /* protects all of it */
	u32 head;
	u32 tail;
	u32 slot[ZC_POLICY_TOUCHED_MAX];
};

static DEFINE_SPINLOCK(zc_policies_lock); /* protects zc_policies */
static LIST_HEAD(zc_policies); /* those that stores have */

/**
 * struct zc_policy - what the owner of a store's policy is to be told
 * @store: the store, referenced
 * @owner: who it is; protected by zc_store.policy_mutex
 * @seen: jiffies of its last call; likewise
 * @watch: finds out whether it is silent
 * @tell: tells it that there is much to drain
 * @told: it was, since its last drain
 * @walking: all objects are being told; protected by zc_store.policy_mutex
 * @cursor: the next slot of these; likewise
 * @overflow: something was not logged: all is to be told anew; protected by the
 *	store's lock, like what follows
 * @head: how many records were logged
 * @tail: how many of them were drained
 * @log: a ring
 * @touched: what was used
 * @first_cpu: where the next drain begins to look; protected by
 *	zc_store.policy_mutex
 * @entry: in zc_policies, then in a list of those that are to be freed
 */
struct zc_policy {
	struct zc_store *store;
	struct zc_policy_owner owner;
	unsigned long seen;
	struct delayed_work watch;
	struct work_struct tell;
	bool told;
	bool walking;
	unsigned long cursor;
	bool overflow;
	u32 head;
	u32 tail;
	struct zc_policy_record *log;
	struct zc_touched __percpu *touched;
	unsigned int first_cpu;
	struct list_head entry;
};

static struct zc_policy *zc_policy_of(struct zc_store *store)
{
	return rcu_dereference_protected(store->policy,
					 lockdep_is_held(&store->policy_mutex));
}

static u64 zc_policy_id(const struct zc_object *object)
{
	return siphash(object->blob, object->key_len,
		       &object->store->policy_key);
}

static void zc_policy_wake(struct zc_policy *policy)
{
	if (READ_ONCE(policy->told))
		return;
	WRITE_ONCE(policy->told, true);
	queue_work(zc_compat_unbound_wq, &policy->tell);
}

/**
 * zc_policy_log() - an object came or left
 * @object: the object
 * @what: ZC_POLICY_NEW or ZC_POLICY_GONE
 * @reason: of the latter, ZC_POLICY_GONE_OTHER, ...
 *
 * Context: the store's lock is held.
 */
void zc_policy_log(const struct zc_object *object, u8 what, u8 reason)
{
	struct zc_store *store = object->store;
	struct zc_policy *policy =
		rcu_dereference_protected(store->policy,
					  lockdep_is_held(&store->lock));

	if (!policy || policy->overflow)
		return;
	if (policy->head - policy->tail == ZC_POLICY_LOG) {
		policy->overflow = true;
		zc_policy_wake(policy);
		return;
	}
	policy->log[policy->head++ % ZC_POLICY_LOG] = (struct zc_policy_record){
		.generation = object->generation,
		.id = what == ZC_POLICY_NEW ? zc_policy_id(object) : 0,
		.charge = object->charge,
		.slot = object->slot,
		.what = what,
		.reason = reason,
	};
	if (policy->head - policy->tail >= ZC_POLICY_LOG / 2)
		zc_policy_wake(policy);
}

/* The first use since the last drain. Returns whether there was room. */
static bool zc_policy_list(struct zc_policy *policy, u32 slot)
{
	/* Another CPU's does as well, should this task move. */
	struct zc_touched *touched = raw_cpu_ptr(policy->touched);
	u32 nr;

	spin_lock(&touched->lock);
	nr = touched->head - touched->tail;
	if (nr < ZC_POLICY_TOUCHED_MAX)
		touched->slot[touched->head++ % ZC_POLICY_TOUCHED_MAX] = slot;
	spin_unlock(&touched->lock);
	if (nr >= ZC_POLICY_TOUCHED_MAX / 2)
		zc_policy_wake(policy);
	return nr < ZC_POLICY_TOUCHED_MAX;
}

/**
 * zc_policy_use() - count a use of an object for the owner
 * @object: the object
 *
 * An object with uses is in a list, or its use is lost. They are counted by
 * compare-and-exchange, as a drain may take them at any time: one that was
 * counted after it would stand for a place in a list that is not there.
 *
 * Context: process.
 */
void zc_policy_use(struct zc_object *object)
{
	struct zc_store *store = object->store;
	u8 uses = READ_ONCE(object->uses), old;
	struct zc_policy *policy;

	for (; uses < ZC_POLICY_USES_MAX; uses = old) {
		old = cmpxchg(&object->uses, uses, uses + 1);
		if (old == uses)
			break;
	}
	if (uses)
		return;
	rcu_read_lock();
	policy = rcu_dereference(store->policy);
	if (policy && !zc_policy_list(policy, READ_ONCE(object->slot))) {
		/* So that the next one is told. */
		WRITE_ONCE(object->uses, 0);
		zc_store_count(store, ZC_C_TOUCHES_LOST, 1);
	}
	rcu_read_unlock();
}

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
	int cpu;

	if (!policy)
		return NULL;
	policy->log = kvmalloc_array(ZC_POLICY_LOG, sizeof(*policy->log),
				     GFP_KERNEL_ACCOUNT);
	if (!policy->log)
		goto err_free;
	policy->touched = alloc_percpu_gfp(struct zc_touched,
					   GFP_KERNEL_ACCOUNT);
	if (!policy->touched)
		goto err_log;
	for_each_possible_cpu(cpu)
		spin_lock_init(&per_cpu_ptr(policy->touched, cpu)->lock);
	INIT_DELAYED_WORK(&policy->watch, zc_policy_watch);
	INIT_WORK(&policy->tell, zc_policy_tell);
	/* All is new to a new owner. */
	policy->overflow = true;
	policy->store = store;
	zc_store_get(store);
	return policy;

err_log:
	kvfree(policy->log);
err_free:
	kfree(policy);
	return NULL;
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
		free_percpu(policy->touched);
		kvfree(policy->log);
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

	fresh = zc_policy_new(store);
	if (!fresh) {
		NL_SET_ERR_MSG(extack, "no memory for the log of the policy");
		return -ENOMEM;
	}
	/* Before it can be seen. */
	fresh->owner = *owner;
	fresh->seen = jiffies;
	mutex_lock(&store->policy_mutex);
	policy = zc_policy_of(store);
	/* Its socket was closed, which is about to be noticed. */
	if (policy && policy->owner.portid == owner->portid &&
	    policy->owner.sk != owner->sk) {
		reason = ZCACHE_POLICY_REASON_CLOSED;
		takeover = true;
	}
	if (policy && policy->owner.sk == owner->sk) {
		/* What was told stays told. */
		list_add(&fresh->entry, &closed);
		policy->owner = *owner;
		policy->seen = jiffies;
	} else if (policy && !takeover) {
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
		policy = fresh;
	}
	if (!err) {
		mod_delayed_work(zc_compat_unbound_wq, &policy->watch,
				 msecs_to_jiffies(owner->watchdog_ms));
		zc_netlink_policy_new(store, &policy->owner);
	}
	mutex_unlock(&store->policy_mutex);
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

/* Notes a call of the owner. Returns its policy, or NULL to another one. */
static struct zc_policy *zc_policy_see(struct zc_store *store, u32 portid)
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

static void zc_policy_record(struct zc_policy_drained *drained,
			     struct zc_object *object, u32 slot, u8 what,
			     u64 id)
{
	u8 uses = xchg(&object->uses, 0);

	/* It was told already, or the slot is another object's now. */
	if (what == ZC_POLICY_TOUCHED && !uses)
		return;
	drained->records[drained->nr++] = (struct zc_policy_record){
		.generation = object->generation,
		.id = id,
		.charge = READ_ONCE(object->charge),
		.slot = slot,
		.what = what,
		.uses = uses,
	};
}

/* Tells of objects that are there, from the cursor on. */
static void zc_policy_walk(struct zc_policy *policy,
			   struct zc_policy_drained *drained)
{
	struct xarray *slots = &policy->store->slots;
	struct zc_object *object;

	rcu_read_lock();
	while (drained->nr < ZC_POLICY_WALK) {
		object = xa_find(slots, &policy->cursor, ULONG_MAX, XA_PRESENT);
		if (!object) {
			policy->walking = false;
			break;
		}
		/* It may have left since: then the log says so, after this. */
		zc_policy_record(drained, object, policy->cursor, ZC_POLICY_NEW,
				 zc_policy_id(object));
		policy->cursor++;
	}
	rcu_read_unlock();
}

/* Tells of what came and went. Returns whether all was told. */
static bool zc_policy_drain_log(struct zc_policy *policy,
				struct zc_policy_drained *drained)
{
	struct zc_store *store = policy->store;
	bool empty;
	u32 max;

	do {
		max = min_t(u32, ZC_POLICY_DRAIN_MAX,
			    drained->nr + ZC_POLICY_COPY);
		spin_lock(&store->lock);
		while (drained->nr < max && policy->tail != policy->head)
			drained->records[drained->nr++] =
				policy->log[policy->tail++ % ZC_POLICY_LOG];
		empty = policy->tail == policy->head;
		if (empty && policy->overflow) {
			spin_unlock(&store->lock);
			return false;
		}
		spin_unlock(&store->lock);
	} while (!empty && drained->nr < ZC_POLICY_DRAIN_MAX);
	return empty;
}

/* Takes slots out of a list. Returns how many; 0 if there are none. */
static u32 zc_policy_unlist(struct zc_touched *touched, u32 *slots, u32 max)
{
	u32 nr = 0;

	spin_lock(&touched->lock);
	while (nr < max && touched->tail != touched->head)
		slots[nr++] = touched->slot[touched->tail++ %
					    ZC_POLICY_TOUCHED_MAX];
	spin_unlock(&touched->lock);
	return nr;
}

/* Tells of what was used on one CPU. Returns whether all was told. */
static bool zc_policy_drain_touched(struct zc_policy *policy,
				    struct zc_touched *touched,
				    struct zc_policy_drained *drained)
{
	u32 slots[ZC_POLICY_BATCH], nr, i;
	struct zc_object *object;

	while (drained->nr < ZC_POLICY_DRAIN_MAX) {
		nr = zc_policy_unlist(touched, slots,
				      min_t(u32, ZC_POLICY_BATCH,
					    ZC_POLICY_DRAIN_MAX - drained->nr));
		if (!nr)
			return true;
		rcu_read_lock();
		for (i = 0; i < nr; i++) {
			object = xa_load(&policy->store->slots, slots[i]);
			if (object)
				zc_policy_record(drained, object, slots[i],
						 ZC_POLICY_TOUCHED, 0);
		}
		rcu_read_unlock();
	}
	return false;
}

/**
 * zc_policy_lose() - what was drained last did not arrive
 * @store: the store
 * @portid: who was to get it
 *
 * Context: process; may sleep.
 */
void zc_policy_lose(struct zc_store *store, u32 portid)
{
	struct zc_policy *policy;

	mutex_lock(&store->policy_mutex);
	policy = zc_policy_of(store);
	if (policy && policy->owner.portid == portid) {
		spin_lock(&store->lock);
		policy->overflow = true;
		spin_unlock(&store->lock);
	}
	mutex_unlock(&store->policy_mutex);
}

/**
 * zc_policy_drain() - tell the owner what happened
 * @store: the store
 * @portid: who asks
 * @drained: has room; set to what happened
 *
 * A record of the walk is told before what the log says later of the same object:
 * each drain walks first.
 *
 * Context: process; may sleep.
 * Return: 0, or -EPERM to who does not own the policy.
 */
int zc_policy_drain(struct zc_store *store, u32 portid,
		    struct zc_policy_drained *drained)
{
	struct zc_policy *policy;
	unsigned int cpu, i;

	might_sleep();
	drained->nr = 0;
	mutex_lock(&store->policy_mutex);
	policy = zc_policy_see(store, portid);
	if (!policy) {
		mutex_unlock(&store->policy_mutex);
		return -EPERM;
	}
	/* What comes from now on may be worth another word. */
	WRITE_ONCE(policy->told, false);
	spin_lock(&store->lock);
	drained->resync = policy->overflow;
	if (policy->overflow) {
		policy->overflow = false;
		policy->tail = policy->head;
		policy->walking = true;
		policy->cursor = 0;
	}
	spin_unlock(&store->lock);
	if (policy->walking)
		zc_policy_walk(policy, drained);
	drained->more = policy->walking;
	if (!zc_policy_drain_log(policy, drained))
		drained->more = true;
	/* An owner that cannot keep up hears of each CPU in turn. */
	cpu = policy->first_cpu;
	for (i = 0; i < nr_cpu_ids; i++, cpu = (cpu + 1) % nr_cpu_ids) {
		if (!cpu_possible(cpu) ||
		    zc_policy_drain_touched(policy,
					    per_cpu_ptr(policy->touched, cpu),
					    drained))
			continue;
		drained->more = true;
		policy->first_cpu = cpu;
		break;
	}
	mutex_unlock(&store->policy_mutex);
	return 0;
}

/* Whether a victim is to stay, under the store's lock. */
static bool zc_policy_spares(const struct zc_object *object)
{
	return refcount_read(&object->refs) > 1 || READ_ONCE(object->uses) ||
	       zc_tag_keeps(object, NULL);
}

/* Takes some victims. Returns how many were looked at. */
static u32 zc_policy_evict_batch(struct zc_store *store,
				 const struct zc_policy_victim *victims, u32 nr,
				 u64 want, struct zc_policy_evicted *evicted)
{
	struct zc_object *taken[ZC_POLICY_BATCH], *object;
	u32 seen, nr_taken = 0, i;
	struct zc_round round;
	u64 bytes = 0;

	rcu_read_lock();
	spin_lock(&store->lock);
	for (seen = 0; seen < min_t(u32, nr, ZC_POLICY_BATCH) && bytes < want;
	     seen++) {
		object = xa_load(&store->slots, victims[seen].slot);
		if (!object || object->generation != victims[seen].generation) {
			evicted->gone++;
		} else if (zc_policy_spares(object)) {
			evicted->spared++;
		} else {
			bytes += object->charge;
			zc_object_unlink(object, ZC_POLICY_GONE_OWNER);
			taken[nr_taken++] = object;
		}
	}
	if (nr_taken)
		zc_round_link(store, &round);
	spin_unlock(&store->lock);
	rcu_read_unlock();

	for (i = 0; i < nr_taken; i++)
		zc_reclaim_drop(taken[i], ZCACHE_OBJECT_REASON_POLICY);
	if (nr_taken)
		zc_reclaim_end(store, &round);
	evicted->evicted += nr_taken;
	evicted->bytes += bytes;
	cond_resched();
	return seen;
}

/**
 * zc_policy_evict() - evict objects as the owner says
 * @store: the store
 * @portid: who says so
 * @victims: the objects, in their order
 * @nr: how many
 * @target: bytes in use at which to stop; 0 to take them all
 * @evicted: zeroed; set to what became of them
 *
 * What a floor protects, is in use, or was used since it was drained last stays.
 *
 * Context: process; may sleep.
 * Return: 0, -EPERM to who does not own the policy, or -EINTR on a fatal signal.
 */
int zc_policy_evict(struct zc_store *store, u32 portid,
		    const struct zc_policy_victim *victims, u32 nr,
		    u64 target, struct zc_policy_evicted *evicted)
{
	int err = 0;
	u32 done = 0;

	might_sleep();
	do {
		u64 used = atomic64_read(&store->used);
		u64 want = target ? used - min(used, target) : U64_MAX;

		/* Others wait for the mutex: not for all of the victims. */
		mutex_lock(&store->policy_mutex);
		if (!zc_policy_see(store, portid))
			err = -EPERM;
		else if (!want)
			nr = done;
		else
			done += zc_policy_evict_batch(store, victims + done,
						      nr - done, want, evicted);
		mutex_unlock(&store->policy_mutex);
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
	} while (!err && done < nr);
	zc_store_count(store, ZC_C_POLICY_EVICTIONS, evicted->evicted);
	zc_store_count(store, ZC_C_POLICY_EVICTED_BYTES, evicted->bytes);
	zc_store_count(store, ZC_C_POLICY_SPARED, evicted->spared);
	return err;
}
