// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: what the owner of a store's policy is told.
 *
 * What came and went is in one log, in its order, under the store's lock. When
 * the log overflows the owner is told all anew. What is used is in a list of each
 * CPU, once until it is drained; a list that is full forgets.
 */

#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "compat.h"
#include "object.h"
#include "policy.h"
#include "policy_log.h"
#include "store.h"

/* Of one drain, while all objects are told: others still come and go. */
#define ZC_POLICY_WALK		(ZC_POLICY_DRAIN_MAX / 2)

/* Records taken out of the log while the store's lock is held once. */
#define ZC_POLICY_COPY		128

/**
 * zc_policy_log_new() - make what a new owner is to be told with
 * @policy: gets it
 *
 * Context: process; may sleep.
 * Return: 0 or -ENOMEM.
 */
int zc_policy_log_new(struct zc_policy *policy)
{
	policy->log = kvmalloc_array(ZC_POLICY_LOG, sizeof(*policy->log),
				     GFP_KERNEL_ACCOUNT);
	if (!policy->log)
		return -ENOMEM;
	policy->touched = alloc_percpu_gfp(struct zc_touched,
					   GFP_KERNEL_ACCOUNT);
	if (!policy->touched) {
		kvfree(policy->log);
		return -ENOMEM;
	}
	/* All is new to a new owner. */
	policy->overflow = true;
	return 0;
}

/** zc_policy_log_free() - the end of zc_policy_log_new(); nobody looks at it */
void zc_policy_log_free(struct zc_policy *policy)
{
	free_percpu(policy->touched);
	kvfree(policy->log);
}

static u64 zc_policy_id(const struct zc_object *object)
{
	return siphash(object->blob, object->key_len,
		       &object->store->policy_key);
}

/* Not a part of those who use an object: they would save registers for it. */
static noinline void zc_policy_wake(struct zc_policy *policy)
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

/*
 * The first use since the last drain. Returns whether there was room. Without a lock:
 * nobody else puts in on this CPU, and only a drain takes out.
 */
static bool zc_policy_list(struct zc_policy *policy, struct zc_object *object,
			   u8 uses)
{
	struct zc_touched *touched = this_cpu_ptr(policy->touched);
	u32 head = touched->head;
	/* What is overwritten was read. */
	u32 nr = head - smp_load_acquire(&touched->tail);

	if (nr < ZC_POLICY_TOUCHED_MAX) {
		touched->slot[head % ZC_POLICY_TOUCHED_MAX] =
			READ_ONCE(object->slot);
		WRITE_ONCE(object->uses, uses);
		WRITE_ONCE(object->listed, true);
		/* Who finds it in the list finds the above, and undoes it. */
		smp_store_release(&touched->head, head + 1);
	}
	if (nr >= ZC_POLICY_TOUCHED_MAX / 2)
		zc_policy_wake(policy);
	return nr < ZC_POLICY_TOUCHED_MAX;
}

/**
 * zc_policy_use() - the first use of an object since its owner was told
 * @object: the object
 * @uses: how many it has with this one
 *
 * An object that is @listed is in a list. Whoever makes it so puts it in after
 * that, so a drain that takes it out has the last word. All is counted without
 * atomic operations: of two uses at the same time one may be lost, one that falls
 * into a drain may be told with the next one.
 *
 * Context: process.
 */
void zc_policy_use(struct zc_object *object, u8 uses)
{
	struct zc_store *store = object->store;
	struct zc_policy *policy;

	/* Cheaper than rcu_read_lock(), as preemption is to be off anyway. */
	rcu_read_lock_sched();
	policy = rcu_dereference_sched(store->policy);
	if (policy && !zc_policy_list(policy, object, uses))
		zc_store_count(store, ZC_C_TOUCHES_LOST, 1);
	rcu_read_unlock_sched();
}

static void zc_policy_record(struct zc_policy_drained *drained,
			     struct zc_object *object, u32 slot, u8 what,
			     u64 id)
{
	u8 uses;

	WRITE_ONCE(object->listed, false);
	uses = READ_ONCE(object->uses);
	if (uses)
		WRITE_ONCE(object->uses, 0);
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

/* Takes slots out of a list, under the mutex. Returns how many; 0 if there are none. */
static u32 zc_policy_unlist(struct zc_touched *touched, u32 *slots, u32 max)
{
	/* With what it counts, see zc_policy_list(). */
	u32 head = smp_load_acquire(&touched->head);
	u32 tail = touched->tail, nr = 0;

	while (nr < max && tail != head)
		slots[nr++] = touched->slot[tail++ % ZC_POLICY_TOUCHED_MAX];
	/* They were read. */
	smp_store_release(&touched->tail, tail);
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
