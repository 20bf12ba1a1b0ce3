// SPDX-License-Identifier: GPL-2.0
/*
 * zcache: SEND, the reason for everything else.
 *
 * The parts become pieces: bytes in kernel memory or a range of an object's
 * pages. User memory is read, and everything checked, before the first byte
 * leaves; after that only the socket can end the call.
 */

#include <linux/fault-inject-usercopy.h>
#include <linux/file.h>
#include <linux/net.h>
#include <linux/overflow.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>
#include <uapi/linux/zcache.h>

#include "compat.h"
#include "ioctl.h"
#include "object.h"
#include "ofile.h"
#include "send.h"
#include "store.h"
#include "tag.h"
#include "trace.h"
#include "xmit.h"

#define ZC_SEND_CONDITIONS	(ZC_SEND_IF_MATCH | ZC_SEND_IF_NONE_MATCH)
#define ZC_SEND_FLAGS		(ZC_SEND_FD | ZC_SEND_EXPIRED_OK |	\
				 ZC_SEND_NOWAIT | ZC_SEND_MORE |	\
				 ZC_SEND_COPY | ZC_SEND_PIN |		\
				 ZC_SEND_CONDITIONS)

/* The first published struct ended before etag. */
#define ZC_SEND_SIZE_MIN	88

/* Checks one part, as far as that goes without the object. */
static int zc_send_part(struct zc_xmit *x, const struct zc_piece *part)
{
	if (part->generation && part->type != ZC_PART_SELECT)
		return -EINVAL;
	switch (part->type) {
	case ZC_PART_INLINE:
		if (part->flags || part->offset)
			return -EINVAL;
		if (part->len > ZC_INLINE_BYTES_MAX - x->inline_len)
			return -EMSGSIZE;
		x->inline_len += part->len;
		return 0;
	case ZC_PART_HEADER:
		if (part->flags || part->addr || part->offset || part->len)
			return -EINVAL;
		return 0;
	case ZC_PART_OBJECT:
		if (part->addr)
			return -EINVAL;
		switch (part->flags) {
		case 0:
			return 0;
		case ZC_PART_TO_END:
			return part->len ? -EINVAL : 0;
		case ZC_PART_SUFFIX:
			return part->offset ? -EINVAL : 0;
		default:
			return -EINVAL;
		}
	case ZC_PART_SELECT:
		if (part->flags & ~ZC_PART_FD || part->len > U32_MAX ||
		    part->offset > (part->flags & ZC_PART_FD ? INT_MAX : 0))
			return -EINVAL;
		return 0;
	default:
		return -EINVAL;
	}
}

/* Takes the parts in. They are read as structs are, see zc_ioctl_copy_in(). */
static int zc_send_parts(struct zc_xmit *x, u64 addr)
{
	const struct zc_part __user *part = u64_to_user_ptr(addr);
	struct zc_piece *piece;
	unsigned int i;
	int err;

	if (x->nr > ARRAY_SIZE(x->few))
		x->piece = kmalloc_array(x->nr, sizeof(*x->piece), GFP_KERNEL);
	if (!x->piece)
		return -ENOMEM;
	might_fault();
	if (should_fail_usercopy() ||
	    !user_read_access_begin(part, x->nr * sizeof(*part)))
		return -EFAULT;
	for (i = 0; i < x->nr; i++, part++) {
		piece = &x->piece[i];
		unsafe_get_user(piece->type, &part->type, fault);
		unsafe_get_user(piece->flags, &part->flags, fault);
		unsafe_get_user(piece->addr, &part->addr, fault);
		unsafe_get_user(piece->offset, &part->offset, fault);
		unsafe_get_user(piece->len, &part->length, fault);
		unsafe_get_user(piece->generation, &part->generation, fault);
		piece->object = NULL;
		piece->splice = false;
	}
	user_read_access_end();

	for (i = 0; i < x->nr; i++) {
		err = zc_send_part(x, &x->piece[i]);
		if (err)
			return err;
	}
	return 0;

fault:
	user_read_access_end();
	return -EFAULT;
}

/* Reads the bytes of the INLINE parts. */
static int zc_send_inline(struct zc_xmit *x)
{
	unsigned int i;
	u8 *to;

	if (x->inline_len > sizeof(x->small))
		x->inline_data = kvmalloc(x->inline_len, GFP_KERNEL);
	if (!x->inline_data)
		return -ENOMEM;
	to = x->inline_data;
	for (i = 0; i < x->nr; i++) {
		struct zc_piece *piece = &x->piece[i];

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

/* What goes on with a message was counted by the call that began it. */
static u32 zc_send_find_flags(const struct zc_send *send)
{
	return (send->flags & ZC_SEND_EXPIRED_OK ? ZC_FIND_EXPIRED_OK : 0) |
	       (send->skip ? ZC_FIND_QUIET : 0);
}

/* Finds the object of a SELECT and tells the caller its version. */
static noinline_for_stack int
zc_send_select(struct zc_xmit *x, struct zc_piece *piece,
	       struct zc_part __user *part, const struct zc_send *send)
{
	struct zc_find find = {
		.generation = piece->generation,
		.miss_tag = send->miss_tag,
		.flags = zc_send_find_flags(send),
	};
	struct zc_object *object;

	if (piece->flags & ZC_PART_FD) {
		find.flags |= ZC_FIND_FD;
		find.fd = piece->offset;
	}
	/* With an fd these must be zero, which is checked there. */
	find.key = piece->addr;
	find.key_len = piece->len;
	object = zc_ioctl_find(x->store, &find);
	if (IS_ERR(object))
		return PTR_ERR(object);
	piece->object = object;
	piece->len = 0;
	return put_user(object->generation, &part->generation);
}

static int zc_send_range(struct zc_piece *piece)
{
	const struct zc_object *object = piece->object;

	if (piece->flags & ZC_PART_SUFFIX) {
		piece->len = min(piece->len, object->size);
		piece->offset = object->size - piece->len;
	}
	if (piece->offset > object->size)
		return -ERANGE;
	if (piece->flags & ZC_PART_TO_END)
		piece->len = object->size - piece->offset;
	if (piece->len > object->size - piece->offset)
		return -ERANGE;
	piece->data = object->is_inline ?
		      zc_object_inline(object) + piece->offset : NULL;
	return 0;
}

/* Gives the parts their object and place, and the message its length. */
static int zc_send_resolve(struct zc_xmit *x, struct zc_object *object,
			   const struct zc_send *send)
{
	struct zc_part __user *parts = u64_to_user_ptr(send->parts);
	s64 total = 0;
	unsigned int i;
	int err;

	for (i = 0; i < x->nr; i++) {
		struct zc_piece *piece = &x->piece[i];

		switch (piece->type) {
		case ZC_PART_SELECT:
			err = zc_send_select(x, piece, &parts[i], send);
			if (err)
				return err;
			object = piece->object;
			break;
		case ZC_PART_HEADER:
			/* Without its header the message would be another. */
			if (!object->header_len)
				return -ENODATA;
			piece->data = zc_object_header(object);
			piece->len = object->header_len;
			break;
		case ZC_PART_OBJECT:
			piece->object = object;
			err = zc_send_range(piece);
			if (err)
				return err;
			break;
		}
		if (check_add_overflow(total, (s64)piece->len, &total))
			return -EOVERFLOW;
	}
	x->total = total;
	return 0;
}

/* Whether the caller's condition on the entity tag holds. */
static noinline_for_stack int
zc_send_condition(const struct zc_object *object, const struct zc_send *send)
{
	u8 etag[ZC_ETAG_MAX] __uninitialized;
	bool match;

	if (copy_from_user(etag, u64_to_user_ptr(send->etag), send->etag_len))
		return -EFAULT;
	match = send->etag_len == object->etag_len &&
		!memcmp(etag, zc_object_etag(object), send->etag_len);
	return match == !!(send->flags & ZC_SEND_IF_MATCH) ? 0 : -ECANCELED;
}

static int zc_send_object(struct zc_xmit *x, struct zc_object *object,
			  struct zc_send *send)
{
	u64 budget = send->max_bytes ?: U64_MAX;
	u64 threshold = send->threshold ?:
			READ_ONCE(x->store->config.splice_threshold);
	u64 start = ktime_get_ns();
	int err;

	if (send->flags & ZC_SEND_CONDITIONS) {
		err = zc_send_condition(object, send);
		if (err == -ECANCELED) {
			zc_store_count(x->store, ZC_C_CONDITIONS_FAILED, 1);
			if (!send->skip)
				zc_ioctl_hit(x->store, object);
		}
		if (err)
			return err;
	}
	err = zc_send_resolve(x, object, send);
	if (err)
		return err;
	if (send->skip > x->total)
		return -ERANGE;
	if (!send->skip)
		zc_ioctl_hit(x->store, object);
	x->end = send->skip + min(x->total - send->skip, budget);
	zc_xmit_advance(x, send->skip);
	zc_xmit_splices(x, threshold, send->flags & ZC_SEND_COPY);

	err = zc_xmit_run(x);
	/* What went out is told; the error comes back with the next call. */
	if (x->pos > send->skip)
		err = 0;
	zc_store_count(x->store, err ? ZC_C_SENDS_FAILED :
		       x->pos < x->end ? ZC_C_SENDS_PARTIAL : ZC_C_SENDS, 1);
	zc_tag_add(object, sent_bytes, x->pos - send->skip);
	zc_store_time(x->store, ZC_LATENCY_SEND, ktime_get_ns() - start);
	if (!err && x->pos < x->end)
		trace_zcache_partial(object, send->skip, x->pos - send->skip,
				     x->total, 0);
	else
		trace_zcache_send(object, send->skip, x->pos - send->skip,
				  x->total, err);
	return err;
}

/* The members that tell of the message and its object. */
static void zc_send_tell(const struct zc_xmit *x,
			 const struct zc_object *object, struct zc_send *send,
			 bool sent)
{
	send->generation = object->generation;
	send->data_len = object->size;
	send->state = zc_object_state(object);
	if (sent) {
		send->sent = x->pos - send->skip;
		send->total = x->total;
	}
}

/*
 * Sends to @x's socket. If the caller wants to go on with this version after a
 * short send, *@pin gets a file of it; there may be none to be had.
 */
static int zc_send_sock(struct zc_xmit *x, struct zc_send *send, bool nowait,
			struct file **pin)
{
	struct zc_find find = {
		.key = send->key,
		.key_len = send->key_len,
		.fd = send->fd,
		.generation = send->generation,
		.miss_tag = send->miss_tag,
		.flags = zc_send_find_flags(send),
	};
	struct zc_object *object;
	int err;

	err = zc_xmit_check(x);
	if (err)
		return err;
	x->msg_flags = MSG_NOSIGNAL;
	if (nowait || send->flags & ZC_SEND_NOWAIT ||
	    x->sock->file->f_flags & O_NONBLOCK)
		x->msg_flags |= MSG_DONTWAIT;

	if (send->flags & ZC_SEND_FD)
		find.flags |= ZC_FIND_FD;
	/* A message that cannot be is asked for anew: that is not two hits. */
	find.flags |= ZC_FIND_HIT_LATER;
	object = zc_ioctl_find(x->store, &find);
	if (IS_ERR(object))
		return PTR_ERR(object);
	err = zc_send_object(x, object, send);
	if (!err || err == -ECANCELED)
		zc_send_tell(x, object, send, !err);
	if (!err && x->pos < x->total && send->flags & ZC_SEND_PIN) {
		/* The file owns the reference, also on error. */
		*pin = zc_ofile_new(object);
		if (IS_ERR(*pin))
			*pin = NULL;
	} else {
		zc_object_put(object);
	}
	return err;
}

static bool zc_send_valid(const struct zc_send *send)
{
	u32 conditions = send->flags & ZC_SEND_CONDITIONS;

	if (send->flags & ~ZC_SEND_FLAGS || send->__reserved || send->pinned ||
	    !send->nr_parts || send->nr_parts > ZC_PARTS_MAX)
		return false;
	if (!conditions)
		return !send->etag && !send->etag_len;
	return conditions != ZC_SEND_CONDITIONS && send->etag_len &&
	       send->etag_len <= ZC_ETAG_MAX;
}

/* Does one message but for the reply. */
static int zc_send_message(struct zc_store *store, struct zc_send *send,
			   bool nowait, struct file **pin)
{
	struct zc_xmit x __uninitialized;
	struct fd sock;
	unsigned int i;
	int err;

	if (!zc_send_valid(send))
		return -EINVAL;
	x.store = store;
	x.more = send->flags & ZC_SEND_MORE;
	x.pos = 0;
	x.current_piece = 0;
	x.piece_pos = 0;
	x.nr = send->nr_parts;
	x.piece = x.few;
	x.inline_len = 0;
	x.inline_data = x.small;

	err = zc_send_parts(&x, send->parts) ?: zc_send_inline(&x);
	if (err)
		goto out;
	/* Not sockfd_lookup(): a thread on its own needs no reference. */
	sock = fdget(send->sock);
	if (!fd_file(sock)) {
		err = -EBADF;
		goto out;
	}
	x.sock = sock_from_file(fd_file(sock));
	err = x.sock ? zc_send_sock(&x, send, nowait, pin) : -ENOTSOCK;
	fdput(sock);
	for (i = 0; i < x.nr; i++)
		if (x.piece[i].type == ZC_PART_SELECT && x.piece[i].object)
			zc_object_put(x.piece[i].object);
out:
	if (x.inline_data != x.small)
		kvfree(x.inline_data);
	if (x.piece != x.few)
		kfree(x.piece);
	return err;
}

/* Does one message, and replies. */
static int zc_send_one(const struct zc_call *call, struct zc_send *send,
		       bool nowait)
{
	struct file *pin = NULL;
	int err, fd = -1;

	/* A struct without room for the fd cannot tell of it. */
	if (send->flags & ZC_SEND_PIN &&
	    call->size < offsetofend(struct zc_send, pinned))
		return -EINVAL;
	err = zc_send_message(call->store, send, nowait, &pin);
	if (err && err != -ECANCELED)
		return err;
	if (pin) {
		fd = get_unused_fd_flags(O_CLOEXEC);
		if (fd < 0) {
			fput(pin);
			pin = NULL;
			fd = -1;
		}
	}
	if (!err && send->flags & ZC_SEND_PIN)
		send->pinned = fd;
	if (zc_ioctl_reply(call, send)) {
		err = -EFAULT;
		if (pin) {
			fput(pin);
			put_unused_fd(fd);
		}
	} else if (pin) {
		zc_store_count(call->store, ZC_C_OPENS, 1);
		fd_install(fd, pin);
	}
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
	return zc_send_one(call, cmd, false);
}

/**
 * zc_send_batch_call() - the SEND_BATCH call
 * @call: the call
 * @cmd: its struct zc_send_batch
 *
 * Context: process; may sleep, but waits for no socket.
 * Return: 0 or -errno, see the uapi header.
 */
long zc_send_batch_call(struct zc_call *call, void *cmd)
{
	struct zc_send_batch *batch = cmd;
	s32 __user *results = u64_to_user_ptr(batch->results);
	struct zc_call element = *call;
	struct zc_send send __uninitialized;
	u32 i;
	int err;

	if (batch->flags || batch->__reserved || !batch->nr ||
	    batch->nr > ZC_BATCH_MAX || batch->send_size < ZC_SEND_SIZE_MIN ||
	    batch->send_size % __alignof__(struct zc_send) ||
	    batch->send_size > PAGE_SIZE)
		return -EINVAL;
	zc_store_count(call->store, ZC_C_BATCHES, 1);
	for (i = 0; i < batch->nr; i++) {
		element.user = u64_to_user_ptr(batch->sends +
					       (u64)i * batch->send_size);
		err = zc_ioctl_copy_in(&element, &send, sizeof(send),
				       ZC_SEND_SIZE_MIN);
		if (!err && send.size != batch->send_size)
			err = -EINVAL;
		/* The result's memory is tried before the message goes. */
		if (err == -EFAULT || put_user(0, &results[i])) {
			err = -EFAULT;
			break;
		}
		if (!err && READ_ONCE(call->store->dead))
			err = -ENODEV;
		if (!err)
			err = zc_send_one(&element, &send, true);
		if (put_user(err, &results[i]) || fatal_signal_pending(current)) {
			i++;
			err = -EFAULT;
			break;
		}
		err = 0;
		cond_resched();
	}
	if (!i)
		return err;
	batch->done = i;
	return zc_ioctl_reply(call, batch);
}
