// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: from pieces to a socket. Pieces by copy that follow each other go to
 * the socket in one message, so that a header and a small body share a
 * segment; a large range goes by reference, together with a header before it.
 *
 * Pages by reference: the socket takes references on the folios. They may
 * leave the object's mapping while they are queued, but nobody writes to them.
 */

#include <linux/bvec.h>
#include <linux/net.h>
#include <linux/netdevice.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/skmsg.h>
#include <linux/uio.h>
#include <net/dst.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <uapi/linux/zcache_netlink.h>

#include "compat.h"
#include "object.h"
#include "pages.h"
#include "splice.h"
#include "store.h"
#include "trace.h"
#include "xmit.h"

/* Bytes copied from folios are reached by address. */
static_assert(!IS_ENABLED(CONFIG_HIGHMEM));

/*
 * Runs of memory in one message to the socket, and bytes in it: enough that
 * the cost of a message does not show, and little enough that the call looks
 * at signals and reschedules often.
 */
#define ZC_XMIT_RUNS	16
#define ZC_XMIT_BYTES	SZ_2M

/*
 * Fewer bytes of a larger object are copied, whatever the threshold: so what a
 * socket holds is at most 512 times what it is charged, in folios of 2 MiB.
 */
#define ZC_XMIT_LEAST	SZ_4K

/* Bytes before a range by reference that go in its message at most. */
#define ZC_XMIT_HEAD	SZ_4K

static bool zc_xmit_is_unix(const struct zc_xmit *x)
{
	return x->sock->sk->sk_family == AF_UNIX;
}

/**
 * zc_xmit_check() - check that a socket is of a kind that messages go to
 * @x: the message; its socket is set
 *
 * Only sockets whose way with pages is known: TCP itself with nothing on it
 * but kernel TLS, and UNIX ones, which get copies; not what sends its bytes
 * elsewhere (a BPF map).
 *
 * Return: 0, -EOPNOTSUPP or -ENOTCONN.
 */
int zc_xmit_check(struct zc_xmit *x)
{
	const struct socket *sock = x->sock;
	const struct tcp_ulp_ops *ulp;
	const struct sock *sk = sock->sk;
	bool redirected;
	int state;

	if (sock->type != SOCK_STREAM)
		return -EOPNOTSUPP;
	if (unlikely(rcu_access_pointer(__sk_user_data(sk)))) {
		rcu_read_lock();
		redirected = sk_psock(sk);
		rcu_read_unlock();
		if (redirected)
			return -EOPNOTSUPP;
	}
	/* It knows by itself whether it is connected. */
	x->ulp = false;
	if (zc_xmit_is_unix(x))
		return 0;

	if (sk->sk_protocol != IPPROTO_TCP ||
	    (sk->sk_family != AF_INET && sk->sk_family != AF_INET6))
		return -EOPNOTSUPP;
	ulp = READ_ONCE(inet_csk(sk)->icsk_ulp_ops);
	if (ulp) {
		if (strcmp(ulp->name, "tls"))
			return -EOPNOTSUPP;
		x->ulp = true;
	}
	/* One that was closed has its own error to tell, at the first byte. */
	state = READ_ONCE(sk->sk_state);
	if (state == TCP_LISTEN ||
	    (state == TCP_CLOSE && !READ_ONCE(sk->sk_err) &&
	     !(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)))
		return -ENOTCONN;
	return 0;
}

/* Whether the peer is reached by the loopback device, as far as is known. */
static bool zc_xmit_is_local(const struct sock *sk)
{
	const struct dst_entry *dst;
	bool local;

	rcu_read_lock();
	dst = __sk_dst_get((struct sock *)sk);
	local = !dst || dst->dev->flags & IFF_LOOPBACK;
	rcu_read_unlock();
	return local;
}

/* Why everything is copied: a counter, or ZC_C_NR if there is no reason. */
static enum zc_counter zc_xmit_copies(const struct zc_xmit *x, bool copy)
{
	u32 mode = READ_ONCE(x->store->config.copy);
	const struct sock *sk = x->sock->sk;
	int state = READ_ONCE(sk->sk_state);

	if (zc_xmit_is_unix(x))
		return ZC_C_FALLBACKS_UNIX;
	if (copy || mode == ZCACHE_COPY_ALWAYS)
		return ZC_C_FALLBACKS_ASKED;
	if (mode == ZCACHE_COPY_LOCAL && zc_xmit_is_local(sk))
		return ZC_C_FALLBACKS_LOCAL;
	/* TCP would copy; done here, it is counted. TLS makes new pages. */
	if (!x->ulp && !(sk->sk_route_caps & NETIF_F_SG))
		return ZC_C_FALLBACKS_ROUTE;
	/* With TCP_FASTOPEN_CONNECT it is sendmsg() that connects. */
	if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT)
		return ZC_C_FALLBACKS_ROUTE;
	return ZC_C_NR;
}

/*
 * Whether enough bytes of a piece go in this call: a fragment of one byte would
 * hold a folio of 2 MiB, for which nobody is charged once the object is gone.
 * @from and @to are the piece's place in the message.
 */
static bool zc_xmit_enough(const struct zc_xmit *x,
			   const struct zc_piece *piece, u64 from, u64 to)
{
	u64 least = min_t(u64, piece->object->size, ZC_XMIT_LEAST);

	from = max(from, x->pos);
	to = min(to, x->end);
	return to > from && to - from >= least;
}

/**
 * zc_xmit_splices() - decide which pieces go by reference
 * @x: the message, resolved, with the position and the end of this call
 * @threshold: ranges of at least this many bytes do
 * @copy: the caller wants none to
 *
 * Counts what is long enough and does not.
 */
void zc_xmit_splices(struct zc_xmit *x, u64 threshold, bool copy)
{
	enum zc_counter all = ZC_C_NR, reason = ZC_C_NR;
	bool any = false;
	unsigned int i;
	u64 from, to;

	for (i = 0, from = 0; i < x->nr; i++, from = to) {
		struct zc_piece *piece = &x->piece[i];

		to = from + piece->len;
		if (piece->type != ZC_PART_OBJECT || !piece->len ||
		    piece->len < threshold)
			continue;
		if (!any)
			reason = all = zc_xmit_copies(x, copy);
		any = true;
		if (all != ZC_C_NR)
			continue;
		if (piece->data)
			reason = ZC_C_FALLBACKS_INLINE;
		else
			piece->splice = zc_xmit_enough(x, piece, from, to);
	}
	if (reason != ZC_C_NR) {
		zc_store_count(x->store, ZC_C_FALLBACKS, 1);
		zc_store_count(x->store, reason, 1);
		trace_zcache_fallback(x->store, reason);
	}
}

static int zc_xmit_flags(const struct zc_xmit *x, u64 bytes)
{
	/* Left set at the end it would hold the last segment for 200 ms. */
	bool more = x->more;

	/*
	 * Kernel TLS passes it on to TCP with each record, and a socket that is
	 * full of what is held back waits as long; so only where a record is
	 * to stay open, for a header.
	 */
	if (x->pos + bytes < x->end)
		more = !x->ulp || bytes < SZ_16K;
	return x->msg_flags | (more ? MSG_MORE : 0);
}

/**
 * zc_xmit_advance() - go on in the message
 * @x: the message
 * @bytes: by how many bytes; empty pieces are passed over
 */
void zc_xmit_advance(struct zc_xmit *x, u64 bytes)
{
	x->pos += bytes;
	x->piece_pos += bytes;
	while (x->current_piece < x->nr &&
	       x->piece_pos >= x->piece[x->current_piece].len) {
		x->piece_pos -= x->piece[x->current_piece].len;
		x->current_piece++;
	}
}

/*
 * The bytes of a header and the like that stand before a range by reference: a
 * fragment of a page of our own takes them, there is room for them now, and they
 * go in the same message. 0 if there are none, or too many to be worth it.
 */
static size_t zc_xmit_head_len(const struct zc_xmit *x)
{
	u64 len = 0, pos = x->piece_pos;
	unsigned int i;

	for (i = x->current_piece; i < x->nr; i++) {
		const struct zc_piece *piece = &x->piece[i];

		if (piece->splice)
			break;
		if (!piece->data && piece->len)
			return 0;
		len += piece->len - pos;
		pos = 0;
		if (len > ZC_XMIT_HEAD)
			return 0;
	}
	if (!len || i == x->nr || x->pos + len >= x->end ||
	    !skb_page_frag_refill(len, &current->task_frag, GFP_KERNEL))
		return 0;
	return len;
}

/* Copies @len bytes of pieces to the fragment, which gets a reference. */
static void zc_xmit_head(const struct zc_xmit *x, size_t len,
			 struct bio_vec *bvec)
{
	struct page_frag *frag = &current->task_frag;
	const struct zc_piece *piece = &x->piece[x->current_piece];
	u64 pos = x->piece_pos;
	u8 *to;

	get_page(frag->page);
	bvec->bv_page = frag->page;
	bvec->bv_offset = frag->offset;
	bvec->bv_len = len;
	to = page_address(frag->page) + frag->offset;
	frag->offset += len;
	for (; len; piece++) {
		size_t part = piece->len - pos;

		memcpy(to, piece->data + pos, part);
		to += part;
		len -= part;
		pos = 0;
	}
}

/*
 * Sends some of a range by reference, with @head bytes before it; sets the
 * bytes asked.
 */
static noinline_for_stack int zc_xmit_splice(struct zc_xmit *x, size_t head,
					     size_t *asked)
{
	struct bio_vec bvec[1 + ZC_XMIT_RUNS] __uninitialized;
	const struct zc_piece *piece = &x->piece[x->current_piece];
	loff_t pos = head ? 0 : x->piece_pos;
	unsigned int nr = 0, i;
	struct inode *inode;
	size_t want, bytes = head;
	int ret = -EIO;

	if (head) {
		zc_xmit_head(x, head, &bvec[nr++]);
		while (!piece->splice)
			piece++;
	}
	inode = piece->object->inode;
	want = min3(head + piece->len - pos, x->end - x->pos,
		    (u64)ZC_XMIT_BYTES);
	pos += piece->offset;
	while (nr <= ZC_XMIT_RUNS && bytes < want) {
		struct folio *folio = zc_pages_find(inode, pos);
		size_t offset, len;

		if (!folio)
			break;
		offset = offset_in_folio(folio, pos);
		len = min(folio_size(folio) - offset, want - bytes);
		bvec[nr].bv_page = folio_page(folio, 0);
		bvec[nr].bv_offset = offset;
		bvec[nr].bv_len = len;
		nr++;
		bytes += len;
		pos += len;
	}
	*asked = bytes;
	if (bytes > head)
		ret = zc_compat_splice(x->sock, x->ulp, bvec, nr, bytes,
				       zc_xmit_flags(x, bytes));
	for (i = 0; i < nr; i++)
		put_page(bvec[i].bv_page);
	if (ret > 0) {
		head = min_t(size_t, head, ret);
		zc_store_count(x->store, ZC_C_COPIED_BYTES, head);
		zc_store_count(x->store, ZC_C_SPLICED_BYTES, ret - head);
	}
	return ret;
}

/*
 * Sends by copy from the current piece on, up to the next piece that goes by
 * reference; sets the bytes asked.
 */
static noinline_for_stack int zc_xmit_copy(struct zc_xmit *x, size_t *asked)
{
	size_t want = min(x->end - x->pos, (u64)ZC_XMIT_BYTES);
	struct folio *folio[ZC_XMIT_RUNS] __uninitialized;
	struct kvec kvec[ZC_XMIT_RUNS] __uninitialized;
	unsigned int i = x->current_piece, nr = 0;
	u64 pos = x->piece_pos;
	struct msghdr msg = {};
	size_t bytes = 0;
	int ret = -EIO;

	while (nr < ZC_XMIT_RUNS && bytes < want) {
		const struct zc_piece *piece = &x->piece[i];
		u64 len = min(piece->len - pos, (u64)want - bytes);

		if (pos == piece->len) {
			i++;
			pos = 0;
			continue;
		}
		if (piece->splice)
			break;
		folio[nr] = NULL;
		if (piece->data) {
			kvec[nr].iov_base = (void *)piece->data + pos;
		} else {
			loff_t at = piece->offset + pos;
			size_t offset;

			folio[nr] = zc_pages_find(piece->object->inode, at);
			if (!folio[nr])
				break;
			offset = offset_in_folio(folio[nr], at);
			len = min_t(u64, len, folio_size(folio[nr]) - offset);
			kvec[nr].iov_base = folio_address(folio[nr]) + offset;
		}
		kvec[nr].iov_len = len;
		nr++;
		bytes += len;
		pos += len;
	}
	*asked = bytes;
	if (nr) {
		msg.msg_flags = zc_xmit_flags(x, bytes);
		iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, kvec, nr, bytes);
		ret = sock_sendmsg(x->sock, &msg);
	}
	while (nr--)
		if (folio[nr])
			folio_put(folio[nr]);
	if (ret > 0)
		zc_store_count(x->store, ZC_C_COPIED_BYTES, ret);
	return ret;
}

/**
 * zc_xmit_run() - send from where the message is to where the call ends
 * @x: the message
 *
 * Ends early when the socket takes less than it was given: it may not block,
 * was interrupted, timed out or broke, and has waited as long as it may.
 *
 * Context: process; may sleep, as long as the socket's peer likes.
 * Return: 0 or -errno; the message's position tells what went out.
 */
int zc_xmit_run(struct zc_xmit *x)
{
	while (x->pos < x->end) {
		size_t head = zc_xmit_head_len(x), asked;
		int ret;

		if (head || x->piece[x->current_piece].splice)
			ret = zc_xmit_splice(x, head, &asked);
		else
			ret = zc_xmit_copy(x, &asked);
		if (ret < 0)
			return ret;
		zc_xmit_advance(x, ret);
		if (ret < asked || x->pos == x->end)
			return 0;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}
