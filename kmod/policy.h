/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_POLICY_H
#define ZC_POLICY_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/types.h>
#include <uapi/linux/zcache_policy.h>

#include "object.h"
#include "store.h"

struct netlink_ext_ack;

/* Records that one drain gives out: a message that fits in 32 KiB, see there. */
#define ZC_POLICY_DRAIN_MAX	990

/* Objects that one call of the owner has evicted: of these the log has many times more. */
#define ZC_POLICY_VICTIMS	1024

/**
 * struct zc_policy_owner - who owns a store's policy
 * @portid: port of the netlink socket
 * @sk: the socket, to be compared only: a port is used again
 * @watchdog_ms: milliseconds without a call after which it is silent
 * @late: it is
 * @name: of the policy that it runs
 */
struct zc_policy_owner {
	u32 portid;
	const void *sk;
	u32 watchdog_ms;
	bool late;
	char name[ZC_POLICY_NAME_MAX + 1];
};

/**
 * struct zc_policy_drained - what a drain gave out
 * @records: the records; room for ZC_POLICY_DRAIN_MAX
 * @nr: how many there are
 * @resync: what was told before is void
 * @more: there are others
 */
struct zc_policy_drained {
	struct zc_policy_record *records;
	u32 nr;
	bool resync;
	bool more;
};

/**
 * struct zc_policy_evict - what the owner wants evicted
 * @expired: first, what has expired
 * @victims: then these, in their order
 * @nr: how many
 * @target: bytes in use at which to stop; 0 to take them all
 */
struct zc_policy_evict {
	bool expired;
	const struct zc_policy_victim *victims;
	u32 nr;
	u64 target;
};

/**
 * struct zc_policy_evicted - what became of victims
 * @evicted: objects evicted
 * @bytes: their charge
 * @spared: objects that stay
 * @gone: those that were not there any more
 */
struct zc_policy_evicted {
	u64 evicted;
	u64 bytes;
	u64 spared;
	u64 gone;
};

void zc_policy_init(struct zc_store *store);
void zc_policy_stop(struct zc_store *store);
int zc_policy_set(struct zc_store *store, const struct zc_policy_owner *owner,
		  bool takeover, struct netlink_ext_ack *extack);
int zc_policy_del(struct zc_store *store, u32 portid);
void zc_policy_close(u32 portid);
bool zc_policy_get(struct zc_store *store, struct zc_policy_owner *owner);
void zc_policy_lose(struct zc_store *store, u32 portid);
int zc_policy_drain(struct zc_store *store, u32 portid,
		    struct zc_policy_drained *drained);
int zc_policy_evict(struct zc_store *store, u32 portid,
		    struct zc_policy_evict *e,
		    struct zc_policy_evicted *evicted);

void zc_policy_use(struct zc_object *object, u8 uses);
void zc_policy_log(const struct zc_object *object, u8 what, u8 reason);

/**
 * zc_policy_touch() - an object was found
 * @object: the object
 *
 * Without an owner this is a comparison; with one, it is more for the first uses
 * since it was told last.
 *
 * Context: process.
 */
static inline void zc_policy_touch(struct zc_object *object)
{
	u8 uses;

	if (!rcu_access_pointer(object->store->policy))
		return;
	uses = READ_ONCE(object->uses);
	if (!READ_ONCE(object->listed))
		zc_policy_use(object, min(uses + 1, ZC_POLICY_USES_MAX));
	else if (uses < ZC_POLICY_USES_MAX)
		WRITE_ONCE(object->uses, uses + 1);
}

#endif /* ZC_POLICY_H */
