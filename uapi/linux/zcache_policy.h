/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note OR MIT */
/*
 * zcache: what the kernel tells the owner of a store's policy, and hears of it.
 * The arrays are attributes of the netlink attribute set "policy", see
 * zcache.yaml.
 */
#ifndef _UAPI_LINUX_ZCACHE_POLICY_H
#define _UAPI_LINUX_ZCACHE_POLICY_H

#include <linux/types.h>

/* zc_policy_record.what */
#define ZC_POLICY_NEW		1	/* an object came, or is there */
#define ZC_POLICY_TOUCHED	2	/* it was used since it was told last */
#define ZC_POLICY_GONE		3	/* it left */

/* zc_policy_record.reason */
#define ZC_POLICY_GONE_OTHER	1	/* deleted, replaced, purged or expired */
#define ZC_POLICY_GONE_KERNEL	2	/* evicted by the kernel itself */
#define ZC_POLICY_GONE_OWNER	3	/* evicted as the owner asked */

/* zc_policy_record.uses at most: so many or more */
#define ZC_POLICY_USES_MAX	3

/**
 * struct zc_policy_record - something that happened to an object
 * @generation: of the object; no other object of the store has or will have it
 * @id: of ZC_POLICY_NEW, names the key: the same when the key comes back. It
 *	says nothing of the key's bytes. Two keys may share one, hardly ever. Of
 *	others 0
 * @charge: bytes the object takes of the capacity
 * @slot: small number that no other object of the store has now
 * @what: ZC_POLICY_NEW, ...
 * @uses: uses since it was told last, up to ZC_POLICY_USES_MAX; of what is gone 0
 * @reason: of what is gone ZC_POLICY_GONE_OTHER, ..., of others 0
 * @__reserved: 0
 *
 * What came and left comes in its order, but may come again after a resync: a
 * record whose generation is below the one that is known of the slot is old. A use
 * may be told before the object is; then it comes with one of the next drains.
 */
struct zc_policy_record {
	__aligned_u64 generation;
	__aligned_u64 id;
	__aligned_u64 charge;
	__u32 slot;
	__u8 what;
	__u8 uses;
	__u8 reason;
	__u8 __reserved;
};

/**
 * struct zc_policy_victim - an object to be evicted
 * @generation: of the object
 * @slot: of the object
 * @__reserved: must be 0
 */
struct zc_policy_victim {
	__aligned_u64 generation;
	__u32 slot;
	__u32 __reserved;
};

#endif /* _UAPI_LINUX_ZCACHE_POLICY_H */
