// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: SEND, the reason for everything else.
 *
 * The parts become pieces: bytes in kernel memory or a range of the object's
 * pages. User memory is read, and everything checked, before the first byte
 * leaves; after that only the socket can end the call. Pieces by copy that
 * follow each other go to the socket in one message, so that a header and a
 * small body share a segment; a large range goes by reference.
 *
 * Pages by reference: the socket takes references on the folios. They may
 * leave the object's mapping while they are queued, but nobody writes to them.
 */

#include <linux/bvec.h>
#include <linux/net.h>
#include <linux/netdev_features.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>
#include <linux/skmsg.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/uio.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <uapi/linux/zcache.h>

#include "ioctl.h"
#include "object.h"
#include "pages.h"
#include "send.h"
#include "splice.h"
#include "store.h"

/* Bytes copied from folios are reached by address. */
static_assert(!IS_ENABLED(CONFIG_HIGHMEM));

/*
 * Runs of memory in one message to the socket, and bytes in it: enough that
 * the cost of a message does not show, and little enough that the call looks
 * at signals and reschedules often.
 */
#define ZC_SEND_RUNS	16
#define ZC_SEND_BYTES	SZ_2M

/*
 * Parts and INLINE bytes that need no memory of their own: a usual answer is a
 * header, some lines and a body. Debian's kernels zero what they allocate,
 * which a small answer would notice.
 */
#define ZC_SEND_PARTS	4
#define ZC_SEND_SMALL	256

/**
 * struct zc_piece - one part, resolved
 * @data: its bytes in kernel memory; NULL for a range of the object's pages
 * @addr: of an INLINE part whose bytes are not read yet, the user's address
 * @offset: of the range
 * @len: bytes
 * @type: ZC_PART_*
 * @flags: ZC_PART_*
 */
struct zc_piece {
	union {
		const u8 *data;
		u64 addr;
	};
	u64 offset;
	u64 len;
	u32 type;
	u32 flags;
};

/**
 * struct zc_send_op - one SEND under way
 * @store: the store
 * @object: the object, referenced
 * @sock: the socket, referenced
 * @msg_flags: MSG_* for every message
 * @more: the caller has more to send
 * @splice: ranges may go by reference
 * @pos: bytes of the message that are gone, with the skipped ones
 * @end: where this call ends
 * @total: bytes of the message
 * @current_piece: the piece that @pos is in
 * @piece_pos: and where in it
 * @nr: pieces
 * @piece: the pieces; @few or memory of their own
 * @inline_len: bytes of all INLINE parts
 * @inline_data: those bytes; @small or memory of their own
 * @few: a few pieces
 * @small: a few INLINE bytes
 */
struct zc_send_op {
	struct zc_store *store;
	struct zc_object *object;
	struct socket *sock;
	int msg_flags;
	bool more;
	bool splice;
	u64 pos;
	u64 end;
	u64 total;
	unsigned int current_piece;
	u64 piece_pos;
	unsigned int nr;
	struct zc_piece *piece;
	size_t inline_len;
	u8 *inline_data;
	struct zc_piece few[ZC_SEND_PARTS];
	u8 small[ZC_SEND_SMALL];
};

/* Takes one part in, as far as it can be checked without the object. */
static int zc_send_part(struct zc_send_op *op, struct zc_piece *piece,
			const struct zc_part *part)
{
	if (part->__reserved || part->flags & ~ZC_PART_TO_END)
		return -EINVAL;
	*piece = (struct zc_piece){
		.offset = part->offset,
		.len = part->length,
		.type = part->type,
		.flags = part->flags,
	};
	switch (part->type) {
	case ZC_PART_INLINE:
		if (part->flags || part->offset)
			return -EINVAL;
		if (part->length > ZC_INLINE_BYTES_MAX - op->inline_len)
			return -EMSGSIZE;
		op->inline_len += part->length;
		piece->addr = part->addr;
		return 0;
	case ZC_PART_HEADER:
		if (part->flags || part->addr || part->offset || part->length)
			return -EINVAL;
		return 0;
	case ZC_PART_OBJECT:
		if (part->addr ||
		    (part->flags & ZC_PART_TO_END && part->length))
			return -EINVAL;
		return 0;
	default:
		return -EINVAL;
	}
}

static int zc_send_parts(struct zc_send_op *op, u64 addr)
{
	const struct zc_part __user *parts = u64_to_user_ptr(addr);
	struct zc_part part;
	unsigned int i;
	int err;

	if (op->nr > ARRAY_SIZE(op->few))
		op->piece = kmalloc_array(op->nr, sizeof(*op->piece),
					  GFP_KERNEL);
	if (!op->piece)
		return -ENOMEM;
	for (i = 0; i < op->nr; i++) {
		if (copy_from_user(&part, &parts[i], sizeof(part)))
			return -EFAULT;
		err = zc_send_part(op, &op->piece[i], &part);
		if (err)
			return err;
	}
	return 0;
}

/* Reads the bytes of the INLINE parts. */
static int zc_send_inline(struct zc_send_op *op)
{
	unsigned int i;
	u8 *to;

	if (op->inline_len > sizeof(op->small))
		op->inline_data = kvmalloc(op->inline_len, GFP_KERNEL);
	if (!op->inline_data)
		return -ENOMEM;
	to = op->inline_data;
	for (i = 0; i < op->nr; i++) {
		struct zc_piece *piece = &op->piece[i];

		if (piece->type != ZC_PART_INLINE)
			continue;
		if (copy_from_user(to, u64_to_user_ptr(piece->addr),
				   piece->len))
			return -EFAULT;
		piece->data = to;
		to += piece->len;
	}
	return 0;
}

/* Gives the parts their place in the object and the message its length. */
static int zc_send_resolve(struct zc_send_op *op)
{
	const struct zc_object *object = op->object;
	s64 total = 0;
	unsigned int i;

	for (i = 0; i < op->nr; i++) {
		struct zc_piece *piece = &op->piece[i];

		switch (piece->type) {
		case ZC_PART_HEADER:
			/* Without its header the message would be another. */
			if (!object->header_len)
				return -ENODATA;
			piece->data = zc_object_header(object);
			piece->len = object->header_len;
			break;
		case ZC_PART_OBJECT:
			if (piece->offset > object->size)
				return -ERANGE;
			if (piece->flags & ZC_PART_TO_END)
				piece->len = object->size - piece->offset;
			if (piece->len > object->size - piece->offset)
				return -ERANGE;
			if (object->is_inline)
				piece->data = zc_object_inline(object) +
					      piece->offset;
			break;
		}
		if (check_add_overflow(total, (s64)piece->len, &total))
			return -EOVERFLOW;
	}
	op->total = total;
	return 0;
}

/*
 * Only sockets whose way with pages is known: TCP itself, and not what may sit
 * on it (an ULP, a BPF map).
 */
static int zc_send_check_sock(const struct socket *sock)
{
	const struct sock *sk = sock->sk;
	bool redirected;
	int state;

	if (sock->type != SOCK_STREAM || sk->sk_protocol != IPPROTO_TCP ||
	    (sk->sk_family != AF_INET && sk->sk_family != AF_INET6))
		return -EOPNOTSUPP;
	rcu_read_lock();
	redirected = sk_psock(sk);
	rcu_read_unlock();
	if (redirected || READ_ONCE(inet_csk(sk)->icsk_ulp_ops))
		return -EOPNOTSUPP;

	/* One that was closed has its own error to tell, at the first byte. */
	state = READ_ONCE(sk->sk_state);
	if (state == TCP_LISTEN ||
	    (state == TCP_CLOSE && !READ_ONCE(sk->sk_err) &&
	     !(READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN)))
		return -ENOTCONN;
	return 0;
}

static bool zc_send_by_reference(const struct zc_send_op *op,
				 const struct zc_piece *piece)
{
	return !piece->data && op->splice &&
	       piece->len >= op->store->config.splice_threshold;
}

/* A route without scatter-gather would copy: done here, it is counted. */
static void zc_send_check_route(struct zc_send_op *op)
{
	unsigned int i;

	if (op->sock->sk->sk_route_caps & NETIF_F_SG)
		return;
	for (i = 0; i < op->nr; i++) {
		if (zc_send_by_reference(op, &op->piece[i])) {
			zc_store_count(op->store, ZC_C_FALLBACKS, 1);
			break;
		}
	}
	op->splice = false;
}

static int zc_send_flags(const struct zc_send_op *op, u64 bytes)
{
	/* Left set at the end it would hold the last segment for 200 ms. */
	bool more = op->more || op->pos + bytes < op->end;

	return op->msg_flags | (more ? MSG_MORE : 0);
}

static void zc_send_advance(struct zc_send_op *op, u64 bytes)
{
	op->pos += bytes;
	op->piece_pos += bytes;
	while (op->current_piece < op->nr &&
	       op->piece_pos >= op->piece[op->current_piece].len) {
		op->piece_pos -= op->piece[op->current_piece].len;
		op->current_piece++;
	}
}

/* Sends some of the current piece by reference; sets the bytes asked. */
static noinline_for_stack int zc_send_splice(struct zc_send_op *op,
					     size_t *asked)
{
	const struct zc_piece *piece = &op->piece[op->current_piece];
	struct inode *inode = op->object->inode;
	struct bio_vec bvec[ZC_SEND_RUNS];
	loff_t pos = piece->offset + op->piece_pos;
	size_t want = min3(piece->len - op->piece_pos, op->end - op->pos,
			   (u64)ZC_SEND_BYTES);
	unsigned int nr = 0, i;
	size_t bytes = 0;
	int ret = -EIO;

	while (nr < ZC_SEND_RUNS && bytes < want) {
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
	if (nr)
		ret = zc_compat_splice(op->sock, bvec, nr, bytes,
				       zc_send_flags(op, bytes));
	for (i = 0; i < nr; i++)
		folio_put(page_folio(bvec[i].bv_page));
	if (ret > 0)
		zc_store_count(op->store, ZC_C_SPLICED_BYTES, ret);
	return ret;
}

/*
 * Sends by copy from the current piece on, up to the next piece that goes by
 * reference; sets the bytes asked.
 */
static noinline_for_stack int zc_send_copy(struct zc_send_op *op,
					   size_t *asked)
{
	size_t want = min(op->end - op->pos, (u64)ZC_SEND_BYTES);
	struct folio *folio[ZC_SEND_RUNS];
	struct kvec kvec[ZC_SEND_RUNS];
	unsigned int i = op->current_piece, nr = 0;
	u64 pos = op->piece_pos;
	struct msghdr msg = {};
	size_t bytes = 0;
	int ret = -EIO;

	while (nr < ZC_SEND_RUNS && bytes < want) {
		const struct zc_piece *piece = &op->piece[i];
		u64 len = min(piece->len - pos, (u64)want - bytes);

		if (pos == piece->len) {
			i++;
			pos = 0;
			continue;
		}
		if (zc_send_by_reference(op, piece))
			break;
		folio[nr] = NULL;
		if (piece->data) {
			kvec[nr].iov_base = (void *)piece->data + pos;
		} else {
			loff_t at = piece->offset + pos;
			size_t offset;

			folio[nr] = zc_pages_find(op->object->inode, at);
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
		msg.msg_flags = zc_send_flags(op, bytes);
		iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, kvec, nr, bytes);
		ret = sock_sendmsg(op->sock, &msg);
	}
	while (nr--)
		if (folio[nr])
			folio_put(folio[nr]);
	if (ret > 0)
		zc_store_count(op->store, ZC_C_COPIED_BYTES, ret);
	return ret;
}

/*
 * Sends until the end, or until the socket takes less than it was given: it
 * may not block, was interrupted, timed out or broke, and has waited as long
 * as it may.
 */
static int zc_send_run(struct zc_send_op *op)
{
	while (op->pos < op->end) {
		const struct zc_piece *piece = &op->piece[op->current_piece];
		size_t asked;
		int ret;

		if (zc_send_by_reference(op, piece))
			ret = zc_send_splice(op, &asked);
		else
			ret = zc_send_copy(op, &asked);
		if (ret < 0)
			return ret;
		zc_send_advance(op, ret);
		if (ret < asked)
			return 0;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

static int zc_send_object(struct zc_send_op *op, struct zc_send *send)
{
	u64 budget = send->max_bytes ?: U64_MAX;
	int err;

	err = zc_send_resolve(op);
	if (err)
		return err;
	if (send->skip > op->total)
		return -ERANGE;
	op->end = send->skip + min(op->total - send->skip, budget);
	zc_send_check_route(op);
	zc_send_advance(op, send->skip);

	err = zc_send_run(op);
	send->generation = op->object->generation;
	send->sent = op->pos - send->skip;
	send->total = op->total;
	send->data_len = op->object->size;
	/* What went out is told; the error comes back with the next call. */
	if (send->sent)
		err = 0;
	zc_store_count(op->store, err ? ZC_C_SENDS_FAILED :
		       op->pos < op->end ? ZC_C_SENDS_PARTIAL : ZC_C_SENDS, 1);
	return err;
}

static int zc_send_sock(struct zc_send_op *op, struct zc_send *send)
{
	struct zc_find find = {
		.key = send->key,
		.key_len = send->key_len,
		.fd = send->fd,
		.generation = send->generation,
	};
	int err;

	err = zc_send_check_sock(op->sock);
	if (err)
		return err;
	op->msg_flags = MSG_NOSIGNAL;
	if (send->flags & ZC_SEND_NOWAIT || op->sock->file->f_flags & O_NONBLOCK)
		op->msg_flags |= MSG_DONTWAIT;

	if (send->flags & ZC_SEND_FD)
		find.flags |= ZC_FIND_FD;
	if (send->flags & ZC_SEND_EXPIRED_OK)
		find.flags |= ZC_FIND_EXPIRED_OK;
	op->object = zc_ioctl_find(op->store, &find);
	if (IS_ERR(op->object))
		return PTR_ERR(op->object);
	err = zc_send_object(op, send);
	zc_object_put(op->object);
	return err;
}

/**
 * zc_send_call() - the SEND call
 * @call: the call
 * @cmd: its struct zc_send
 *
 * Context: process; may sleep, as long as the socket's peer likes.
 * Return: 0 or -errno, see the uapi header.
 */
long zc_send_call(struct zc_call *call, void *cmd)
{
	struct zc_send *send = cmd;
	struct zc_send_op op;
	int err;

	if (send->flags & ~(ZC_SEND_FD | ZC_SEND_EXPIRED_OK | ZC_SEND_NOWAIT |
			    ZC_SEND_MORE | ZC_SEND_COPY) ||
	    !send->nr_parts || send->nr_parts > ZC_PARTS_MAX)
		return -EINVAL;
	op.store = call->store;
	op.more = send->flags & ZC_SEND_MORE;
	op.splice = !(send->flags & ZC_SEND_COPY);
	op.pos = 0;
	op.current_piece = 0;
	op.piece_pos = 0;
	op.nr = send->nr_parts;
	op.piece = op.few;
	op.inline_len = 0;
	op.inline_data = op.small;

	err = zc_send_parts(&op, send->parts) ?: zc_send_inline(&op);
	if (!err) {
		op.sock = sockfd_lookup(send->sock, &err);
		if (op.sock) {
			err = zc_send_sock(&op, send);
			sockfd_put(op.sock);
		}
	}
	if (op.inline_data != op.small)
		kvfree(op.inline_data);
	if (op.piece != op.few)
		kfree(op.piece);
	return err ?: zc_ioctl_reply(call, send);
}
