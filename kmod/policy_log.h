/* SPDX-License-Identifier: GPL-2.0 */
/* What policy.c and policy_log.c share: the owner, and what it is to be told. */
#ifndef ZC_POLICY_LOG_H
#define ZC_POLICY_LOG_H

#include <linux/cache.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/workqueue.h>

#include "policy.h"
#include "store.h"

/*
 * At a hundred thousand changes a second, a seventh of a second's worth: the owner
 * is told when half of it is. Powers of two.
 */
#define ZC_POLICY_LOG		16384
#define ZC_POLICY_TOUCHED_MAX	2048

/* Victims, and slots of a list, taken while a lock is held once. */
#define ZC_POLICY_BATCH		32

/* Expired objects that stay, which are passed over then. */
#define ZC_POLICY_STAY		256

/**
 * struct zc_touched - slots of objects that were used on one CPU
 * @head: how many were put in, by who runs on this CPU and is not preempted
 * @slot: a ring
 * @tail: how many were taken out, by a drain; on a cache line of its own
 */
struct zc_touched {
	u32 head;
	u32 slot[ZC_POLICY_TOUCHED_MAX];
	u32 tail ____cacheline_aligned_in_smp;
};

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

int zc_policy_log_new(struct zc_policy *policy);
void zc_policy_log_free(struct zc_policy *policy);
struct zc_policy *zc_policy_see(struct zc_store *store, u32 portid);

/** zc_policy_of() - Return: a store's policy; its policy_mutex is held */
static inline struct zc_policy *zc_policy_of(struct zc_store *store)
{
	return rcu_dereference_protected(store->policy,
					 lockdep_is_held(&store->policy_mutex));
}

#endif /* ZC_POLICY_LOG_H */
