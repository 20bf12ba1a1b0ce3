// SPDX-License-Identifier: GPL-2.0
/* zcache: how a call names an object, and finding it; what it counts as. */

#include <linux/fault-inject-usercopy.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <uapi/linux/zcache.h>

#include "compat.h"
#include "ioctl.h"
#include "object.h"
#include "policy.h"
#include "ofile.h"
#include "store.h"
#include "tag.h"
#include "trace.h"

/* Copies a key that fits. As structs are copied, and then its last bytes. */
static inline int zc_ioctl_key_small(u8 *to, const u8 __user *from, u32 len)
{
	might_fault();
	if (should_fail_usercopy() || !user_read_access_begin(from, len))
		return -EFAULT;
	for (; len >= sizeof(u64); len -= sizeof(u64)) {
		unsafe_get_user(*(u64 *)to, (const u64 __user *)from, fault);
		to += sizeof(u64);
		from += sizeof(u64);
	}
	for (; len; len--)
		unsafe_get_user(*to++, from++, fault);
	user_read_access_end();
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

/**
 * zc_ioctl_key() - copy a key from user memory
 * @store: whose key it is
 * @addr: user address
 * @len: its bytes
 * @small: room for ZC_KEY_SMALL bytes, where a short one goes
 * @key: set to the key, for zc_ioctl_key_put()
 *
 * Context: process; may fault and sleep.
 * Return: 0, -EINVAL, -ENAMETOOLONG, -EFAULT or -ENOMEM.
 */
int zc_ioctl_key(const struct zc_store *store, u64 addr, u32 len, u8 *small,
		 struct zc_key *key)
{
	void *data;

	if (!len)
		return -EINVAL;
	if (len > store->config.max_key_len)
		return -ENAMETOOLONG;
	key->len = len;
	key->data = small;
	if (len <= ZC_KEY_SMALL)
		return zc_ioctl_key_small(small, u64_to_user_ptr(addr), len);
	data = memdup_user(u64_to_user_ptr(addr), len);
	key->data = data;
	return PTR_ERR_OR_ZERO(data);
}

static struct zc_object *zc_ioctl_find_key(struct zc_store *store,
					   const struct zc_find *find)
{
	u8 small[ZC_KEY_SMALL] __uninitialized;
	struct zc_object *object;
	struct zc_key key;
	int err;

	if (find->fd)
		return ERR_PTR(-EINVAL);
	err = zc_ioctl_key(store, find->key, find->key_len, small, &key);
	if (err)
		return ERR_PTR(err);
	object = zc_object_find(store, &key);
	if (!object && !(find->flags & ZC_FIND_QUIET))
		trace_zcache_lookup(store, key.data, key.len, NULL,
				    ZC_LOOKUP_MISS);
	zc_ioctl_key_put(&key, small);
	return object ?: ERR_PTR(-ENOENT);
}

static void zc_ioctl_missed(struct zc_store *store, const struct zc_find *find)
{
	zc_store_count(store, ZC_C_MISSES, 1);
	if (find->miss_tag)
		zc_tag_miss(store, find->miss_tag);
}

/**
 * zc_ioctl_hit() - count that an object was found, and is used
 * @store: the store
 * @object: the object, with a reference
 *
 * Context: process.
 */
void zc_ioctl_hit(struct zc_store *store, struct zc_object *object)
{
	zc_store_count(store, ZC_C_HITS, 1);
	zc_store_count(store, ZC_C_HIT_BYTES, object->size);
	zc_tag_add(object, hits, 1);
	zc_tag_add(object, hit_bytes, object->size);
	zc_object_touch(object);
	zc_policy_touch(object);
}

/**
 * zc_ioctl_find() - find the object that a call names
 * @store: the store of the node
 * @find: how it is named
 *
 * Counts a hit or a miss and the use, unless told not to, or not yet.
 *
 * Context: process; may sleep.
 * Return: the object with a reference, or an error pointer: -ENOENT, -ESTALE,
 * and for what the user gave wrong -EINVAL, -ENAMETOOLONG, -EFAULT, -EBADF,
 * -EXDEV.
 */
struct zc_object *zc_ioctl_find(struct zc_store *store,
				const struct zc_find *find)
{
	bool quiet = find->flags & ZC_FIND_QUIET;
	struct zc_object *object;
	int result = ZC_LOOKUP_HIT;

	if (find->flags & ZC_FIND_FD) {
		if (find->key || find->key_len)
			return ERR_PTR(-EINVAL);
		object = zc_ofile_find(store, find->fd);
	} else {
		object = zc_ioctl_find_key(store, find);
	}
	if (object == ERR_PTR(-ENOENT) && !quiet)
		zc_ioctl_missed(store, find);
	if (IS_ERR(object))
		return object;

	if (!(find->flags & ZC_FIND_EXPIRED_OK) && zc_object_expired(object))
		result = ZC_LOOKUP_EXPIRED;
	else if (find->generation && find->generation != object->generation)
		result = ZC_LOOKUP_STALE;
	if (!quiet)
		trace_zcache_lookup(store, object->blob, object->key_len,
				    object, result);
	switch (result) {
	case ZC_LOOKUP_EXPIRED:
		if (!quiet) {
			zc_store_count(store, ZC_C_EXPIRED, 1);
			zc_tag_add(object, expired, 1);
			zc_ioctl_missed(store, find);
		}
		zc_object_put(object);
		return ERR_PTR(-ENOENT);
	case ZC_LOOKUP_STALE:
		zc_object_put(object);
		return ERR_PTR(-ESTALE);
	}
	if (!quiet && !(find->flags & ZC_FIND_HIT_LATER))
		zc_ioctl_hit(store, object);
	return object;
}
