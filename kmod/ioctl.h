/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_IOCTL_H
#define ZC_IOCTL_H

#include <linux/types.h>

struct file;
struct zc_object;
struct zc_store;

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

/**
 * struct zc_find - how a call names an object
 * @key: user address of the key
 * @key_len: its bytes
 * @fd: object fd with ZC_FIND_FD
 * @generation: version wanted, 0 for any
 * @flags: ZC_FIND_*
 */
struct zc_find {
	u64 key;
	u32 key_len;
	s32 fd;
	u64 generation;
	u32 flags;
};

int zc_ioctl_copy_in(struct zc_call *call, void *cmd, size_t size,
		     size_t min_size);
int zc_ioctl_reply(const struct zc_call *call, const void *cmd);
struct zc_object *zc_ioctl_find(struct zc_store *store,
				const struct zc_find *find);
long zc_ioctl_node(struct file *file, unsigned int nr, unsigned long arg);

#endif /* ZC_IOCTL_H */
