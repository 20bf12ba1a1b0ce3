// SPDX-License-Identifier: GPL-2.0
/* zcache: passing pages by reference, and reading into a pipe by copy. */

#include <linux/bvec.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/pipe_fs_i.h>
#include <linux/sizes.h>
#include <linux/skbuff.h>
#include <linux/uio.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "splice.h"

/*
 * Three ways to hand a socket pages by reference, by what the kernel has. Debian's
 * 6.1 declares MSG_SPLICE_PAGES, but its TCP does not know it and would copy, so
 * the version decides and not the name.
 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 5, 0)

static int zc_compat_splice_pages(struct socket *sock, struct msghdr *msg)
{
	msg->msg_flags |= MSG_SPLICE_PAGES;
	return sock_sendmsg(sock, msg);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 10, 0)

/*
 * MSG_SPLICE_PAGES makes each page of a folio a fragment of its own, at most 17
 * to a packet, and a large folio gains little. A sender that brings a
 * msg_ubuf fills the fragments itself; here a run of a folio becomes one. The
 * fragments hold references on the folio as any do, so nobody needs to be
 * told when they are gone, and the packet is not marked as one that somebody
 * waits for: loopback would copy it then.
 *
 * As long as the fragments that TCP makes of what it copies (SKB_FRAG_PAGE_ORDER
 * is 32 KiB); when it joins packets it may join fragments, too.
 */
#define ZC_FRAG_BYTES	SZ_32K

static int zc_compat_fill_skb(struct sk_buff *skb, struct iov_iter *from,
			      size_t length)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);

	length = min(length, iov_iter_count(from));
	while (length) {
		const struct bio_vec *bvec = from->bvec;
		struct page *page = bvec->bv_page;
		size_t offset = bvec->bv_offset + from->iov_offset;
		size_t len = min3(bvec->bv_len - from->iov_offset, length,
				  (size_t)ZC_FRAG_BYTES);
		int nr = shinfo->nr_frags;

		if (skb_can_coalesce(skb, nr, page, offset) &&
		    skb_frag_size(&shinfo->frags[nr - 1]) + len <=
		    ZC_FRAG_BYTES) {
			skb_frag_size_add(&shinfo->frags[nr - 1], len);
		} else if (nr < MAX_SKB_FRAGS) {
			get_page(page);
			skb_fill_page_desc_noacc(skb, nr, page, offset, len);
		} else {
			return -EMSGSIZE;
		}
		skb->len += len;
		skb->data_len += len;
		skb->truesize += len;
		length -= len;
		iov_iter_advance(from, len);
	}
	return 0;
}

/* Never called: no packet has SKBFL_ZEROCOPY_ENABLE by us. */
static void zc_compat_ubuf_complete(struct sk_buff *skb,
				    struct ubuf_info *ubuf, bool success)
{
}

static const struct ubuf_info_ops zc_compat_ubuf_ops = {
	.complete = zc_compat_ubuf_complete,
};

static int zc_compat_splice_tcp(struct socket *sock, struct msghdr *msg)
{
	/*
	 * Lives as long as this call. A packet keeps its address, but looks
	 * at it only with SKBFL_ZEROCOPY_ENABLE. Shared: whoever would change
	 * a packet in place copies it first.
	 */
	struct ubuf_info ubuf = {
		.ops = &zc_compat_ubuf_ops,
		.refcnt = REFCOUNT_INIT(1),
		.flags = SKBFL_SHARED_FRAG,
	};

	msg->msg_flags |= MSG_ZEROCOPY;
	msg->msg_ubuf = &ubuf;
	msg->sg_from_iter = zc_compat_fill_skb;
	return sock_sendmsg(sock, msg);
}

#else
#define zc_compat_splice_tcp	zc_compat_splice_pages
#endif

/**
 * zc_compat_splice() - hand pages to a socket by reference
 * @sock: a TCP socket; if it is plain, its route takes page references
 * @ulp: it has kernel TLS on it
 * @bvec: the pages, each one run within a folio, with a reference
 * @nr: how many
 * @bytes: in all of them
 * @flags: MSG_*
 *
 * Context: process; may sleep.
 * Return: the bytes taken, or -errno if none. The socket takes references of
 * its own.
 */
int zc_compat_splice(struct socket *sock, bool ulp, struct bio_vec *bvec,
		     unsigned int nr, size_t bytes, int flags)
{
	struct msghdr msg = { .msg_flags = flags };

	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, bvec, nr, bytes);
	return ulp ? zc_compat_splice_pages(sock, &msg) :
		     zc_compat_splice_tcp(sock, &msg);
}

#else

/*
 * A whole run of a compound page goes to sendpage at once: it becomes one
 * fragment of up to 64 KiB, where a page at a time costs a call for each.
 *
 * Plain TCP is locked once for all runs. It waits without the lock, and kernel
 * TLS may be set up meanwhile, whose sendpage wants a lock of its own taken
 * first: so it is looked for before each run, and TCP's own function called.
 */
static int zc_compat_sendpage(struct socket *sock, bool ulp,
			      const struct bio_vec *bvec, size_t done,
			      int flags)
{
	struct page *page = bvec->bv_page;
	size_t offset = bvec->bv_offset + done;
	size_t left = bvec->bv_len - done;

	if (ulp)
		return kernel_sendpage(sock, page, offset, left, flags);
	if (READ_ONCE(inet_csk(sock->sk)->icsk_ulp_ops))
		return -EOPNOTSUPP;
	return tcp_sendpage_locked(sock->sk, page, offset, left, flags);
}

int zc_compat_splice(struct socket *sock, bool ulp, struct bio_vec *bvec,
		     unsigned int nr, size_t bytes, int flags)
{
	/* TLS would not push what it has when the socket is full. */
	int more = ulp ? MSG_MORE : MSG_MORE | MSG_SENDPAGE_NOTLAST;
	struct msghdr empty = { .msg_flags = flags | MSG_MORE };
	size_t sent = 0, done, left;
	unsigned int i;
	int ret;

	/* Sendpage does not ask the security modules. */
	ret = sock_sendmsg(sock, &empty);
	if (ret < 0)
		return ret;
	if (!ulp)
		lock_sock(sock->sk);
	for (i = 0; i < nr; i++) {
		for (done = 0; done < bvec[i].bv_len; done += ret) {
			left = bvec[i].bv_len - done;
			ret = zc_compat_sendpage(sock, ulp, &bvec[i], done,
						 sent + left == bytes ? flags :
						 flags | more);
			if (ret <= 0)
				goto out;
			sent += ret;
			/* It waited as long as it may, or has an error to tell. */
			if (ret < left)
				goto out;
		}
	}
out:
	if (!ulp)
		release_sock(sock->sk);
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
