/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_IOCTL_H
#define ZC_IOCTL_H

#include <linux/slab.h>
#include <linux/types.h>

#include "object.h"

struct file;
struct zc_store;

/* Keys up to this long are copied to the stack. */
#define ZC_KEY_SMALL	256

/**
 * struct zc_call - one call under way
 * @file: the file it came through
 * @store: its store
 * @user: the user's struct
 * @size: bytes of the user's struct that this kernel knows
 */
struct zc_call {
	struct file *file;
	struct zc_store *store;
	void __user *user;
	size_t size;
};

/* What zc_ioctl_find() looks at besides the key. */
#define ZC_FIND_EXPIRED_OK	(1U << 0)
#define ZC_FIND_FD		(1U << 1)
#define ZC_FIND_QUIET		(1U << 2)	/* counts nothing */
#define ZC_FIND_HIT_LATER	(1U << 3)	/* who calls counts a hit */

/**
 * struct zc_find - how a call names an object
 * @key: user address of the key
 * @key_len: its bytes
 * @fd: object fd with ZC_FIND_FD
 * @generation: version wanted, 0 for any
 * @miss_tag: whose miss it is, 0 for nobody's
 * @flags: ZC_FIND_*
 */
struct zc_find {
	u64 key;
	u32 key_len;
	s32 fd;
	u64 generation;
	u64 miss_tag;
	u32 flags;
};

int zc_ioctl_copy_in(struct zc_call *call, void *cmd, size_t size,
		     size_t min_size);
int zc_ioctl_reply(const struct zc_call *call, const void *cmd);
int zc_ioctl_key(const struct zc_store *store, u64 addr, u32 len, u8 *small,
		 struct zc_key *key);
struct zc_object *zc_ioctl_find(struct zc_store *store,
				const struct zc_find *find);
void zc_ioctl_hit(struct zc_store *store, struct zc_object *object);
long zc_ioctl_node(struct file *file, unsigned int nr, unsigned long arg);

/** zc_ioctl_key_put() - the end of zc_ioctl_key(), with the same @small */
static inline void zc_ioctl_key_put(const struct zc_key *key, const u8 *small)
{
	if (key->data != small)
		kfree(key->data);
}

#endif /* ZC_IOCTL_H */
