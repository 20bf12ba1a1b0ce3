// SPDX-License-Identifier: GPL-2.0
/* zcache: passing pages by reference, and reading into a pipe by copy. */

#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/pipe_fs_i.h>
#include <linux/uio.h>
#include <net/sock.h>

#include "splice.h"

/*
 * Debian's 6.1 declares MSG_SPLICE_PAGES, but its TCP does not know it and
 * would copy, so the version decides and not the name.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)

/**
 * zc_compat_splice() - hand pages to a socket by reference
 * @sock: a TCP socket whose route takes page references
 * @bvec: the pages, each one run within a folio, with a reference
 * @nr: how many
 * @bytes: in all of them
 * @flags: MSG_*
 *
 * Context: process; may sleep.
 * Return: the bytes taken, or -errno if none. The socket takes references of
 * its own.
 */
int zc_compat_splice(struct socket *sock, struct bio_vec *bvec,
		     unsigned int nr, size_t bytes, int flags)
{
	struct msghdr msg = { .msg_flags = flags | MSG_SPLICE_PAGES };

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bvec, nr, bytes);
	return sock_sendmsg(sock, &msg);
}

#else

/*
 * A whole run of a compound page goes to sendpage at once: it becomes one
 * fragment of up to 64 KiB, where a page at a time costs a call for each.
 */
int zc_compat_splice(struct socket *sock, struct bio_vec *bvec,
		     unsigned int nr, size_t bytes, int flags)
{
	struct sock *sk = sock->sk;
	unsigned int i;
	int sent = 0, ret = 0;

	lock_sock(sk);
	for (i = 0; i < nr; i++) {
		size_t offset = bvec[i].bv_offset;
		size_t left = bvec[i].bv_len;

		while (left) {
			int last = sent + left == bytes;

			ret = kernel_sendpage_locked(sk, bvec[i].bv_page,
						     offset, left,
						     last ? flags :
						     flags | MSG_MORE |
						     MSG_SENDPAGE_NOTLAST);
			if (ret <= 0)
				goto out;
			sent += ret;
			/* It waited as long as it may, or has an error to tell. */
			if (ret < left)
				goto out;
			offset += ret;
			left -= ret;
		}
	}
out:
	release_sock(sk);
	return sent ?: ret;
}

/* As the function of the same name in 6.5, whose buffers nobody can steal. */
ssize_t copy_splice_read(struct file *in, loff_t *ppos,
			 struct pipe_inode_info *pipe, size_t len,
			 unsigned int flags)
{
	unsigned int used = pipe_occupancy(pipe->head, pipe->tail);
	unsigned int room = pipe->max_usage - min(used, pipe->max_usage);
	unsigned int nr, i;
	struct bio_vec *bvec;
	struct iov_iter to;
	struct kiocb kiocb;
	ssize_t ret = -ENOMEM, left;

	len = min_t(size_t, len, (size_t)room * PAGE_SIZE);
	if (!len)
		return room ? 0 : -EAGAIN;
	nr = DIV_ROUND_UP(len, PAGE_SIZE);
	bvec = kcalloc(nr, sizeof(*bvec), GFP_KERNEL);
	if (!bvec)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		bvec[i].bv_page = alloc_page(GFP_USER);
		if (!bvec[i].bv_page)
			goto out;
		bvec[i].bv_len = PAGE_SIZE;
	}

	iov_iter_bvec(&to, ITER_DEST, bvec, nr, len);
	init_sync_kiocb(&kiocb, in);
	kiocb.ki_pos = *ppos;
	ret = call_read_iter(in, &kiocb, &to);
	if (ret <= 0)
		goto out;
	*ppos = kiocb.ki_pos;
	for (i = 0, left = ret; left > 0; i++) {
		unsigned int chunk = min_t(size_t, left, PAGE_SIZE);

		pipe->bufs[pipe->head & (pipe->ring_size - 1)] =
			(struct pipe_buffer) {
			.ops = &nosteal_pipe_buf_ops,
			.page = bvec[i].bv_page,
			.len = chunk,
		};
		bvec[i].bv_page = NULL;
		pipe->head++;
		left -= chunk;
	}
out:
	for (i = 0; i < nr; i++)
		if (bvec[i].bv_page)
			__free_page(bvec[i].bv_page);
	kfree(bvec);
	return ret;
}

#endif
