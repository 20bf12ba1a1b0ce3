/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/*
 * Owning the policy of a mirror: being told what comes, is used and leaves, and naming
 * who is to leave, as <linux/zcache_policy.h> and the commands policy-set, policy-del,
 * policy-drain and policy-evict of netlink have it for a store of the module. Nobody
 * waits for the owner: who needs room and finds none evicts by SIEVE, as without one.
 *
 * All of these give -EOPNOTSUPP for a store that is no mirror, and -EBADF for one that
 * was opened for reading.
 */
#ifndef ZCACHE_OWNER_H
#define ZCACHE_OWNER_H

#include <stdint.h>
#include <linux/zcache_policy.h>

#include "zcache.h"

#ifdef __cplusplus
extern "C" {
#endif

#define ZC_POLICY_NAME_ROOM	32	/* bytes of a policy's name, with the 0 behind it */
#define ZC_POLICY_VICTIMS_MAX	1024	/* victims that one call takes */

/*
 * Owns the policy of an open mirror, until zc_policy_release(), zc_close() or the end of
 * the process that called this. The name is what others are told; to who owns it already
 * that is all that changes. -EBUSY: another owns it, or the parent did with this handle
 * before it forked: a child opens the mirror again. -EINVAL: the name is empty, or too
 * long.
 */
int zc_policy_own(struct zc_cache *cache, const char *name);

/* -EPERM: it is not owned by this process with this handle. */
int zc_policy_release(struct zc_cache *cache);

/*
 * Sets the name of the policy of whoever owns it. Returns 1, or 0 if nobody does. Also of
 * one that is open for reading, by who may write the folder; else -EBADF.
 */
int zc_policy_owner(struct zc_cache *cache, char name[ZC_POLICY_NAME_ROOM]);

/* What happened since the last drain; members from nr on are set by the call. */
struct zc_policy_drain {
	uint32_t size;
	uint32_t room;		/* for so many records, at least 1 */
	struct zc_policy_record *records;
	uint32_t nr;		/* so many were told */
	uint32_t resync;	/* what was told before these is void: all is told anew */
	uint32_t more;		/* there is more to drain, also if nr is 0 */
	uint32_t __reserved;
	uint64_t used;		/* bytes in use now */
	uint64_t capacity;	/* bytes there are */
	uint64_t high;		/* 95 % of these: from there on room is to be made */
	uint64_t low;		/* 90 %: and down to here */
};

/*
 * Tells of an object once, however much happened to it since the last drain: that what
 * was known of its slot left, that it came, and how often it was used. What came is in
 * its order. -EPERM: as above; -EINVAL, -EFAULT: there is no room.
 */
int zc_policy_drain(struct zc_cache *cache, struct zc_policy_drain *drain);

/* zc_policy_evict.flags */
#define ZC_POLICY_EVICT_EXPIRED	(1U << 0)	/* first what has expired, the oldest first */

/* Who is to leave; members from evicted on are set by the call. */
struct zc_policy_evict {
	uint32_t size;
	uint32_t flags;
	const struct zc_policy_victim *victims;
	uint32_t nr;		/* of these, 1 to 1024; or 0 if it is for what has expired */
	uint32_t __reserved;
	uint64_t target;	/* bytes in use at which to stop; 0 to take them all */
	uint64_t evicted;	/* so many left */
	uint64_t bytes;		/* their charge */
	uint64_t spared;	/* stay: they were used since they were told, or cannot leave */
	uint64_t gone;		/* were not there any more */
	uint64_t used;		/* bytes in use now */
};

/* -EPERM: as above, and what left by then is told by the next drain; -EINVAL, -EFAULT. */
int zc_policy_evict(struct zc_cache *cache, struct zc_policy_evict *evict);

#ifdef __cplusplus
}
#endif

#endif /* ZCACHE_OWNER_H */
