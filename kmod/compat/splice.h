/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_COMPAT_SPLICE_H
#define ZC_COMPAT_SPLICE_H

#include <linux/splice.h>
#include <linux/version.h>

struct bio_vec;
struct socket;

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 5, 0)
ssize_t copy_splice_read(struct file *in, loff_t *ppos,
			 struct pipe_inode_info *pipe, size_t len,
			 unsigned int flags);
#endif

int zc_compat_splice(struct socket *sock, bool ulp, struct bio_vec *bvec,
		     unsigned int nr, size_t bytes, int flags);

#endif /* ZC_COMPAT_SPLICE_H */
