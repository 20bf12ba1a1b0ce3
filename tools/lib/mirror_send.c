// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Sending objects of a mirror: zc_send() as the module does it. The parts become
 * pieces of memory and of files, everything is checked, and then zcx_send() sends; what
 * goes by reference, and what is counted, follows the rules of kmod/xmit.c.
 */
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "mirror.h"
#include "xfer.h"
#include "zcache_xfer.h"

#define CONDITIONS	(ZC_SEND_IF_MATCH | ZC_SEND_IF_NONE_MATCH)
#define SEND_FLAGS	(ZC_SEND_FD | ZC_SEND_EXPIRED_OK | ZC_SEND_NOWAIT | ZC_SEND_MORE | \
			 ZC_SEND_COPY | ZC_SEND_PIN | CONDITIONS)

/* Fewer bytes of a larger object are copied, as in the module. */
#define LEAST	4096

/**
 * struct message - one message on its way
 * @m: the mirror
 * @send: what the user asks for
 * @parts: its parts
 * @object: the call's own object
 * @select: objects of SELECT parts, by part
 * @seg: the pieces, by part
 * @local: it is a UNIX socket
 * @connected: bytes go out at once
 * @total: bytes of all pieces
 * @sent: bytes that went
 */
struct message {
	struct zc_mirror *m;
	struct zc_send *send;
	struct zc_part *parts;
	struct zcm_object *object;
	struct zcm_object *select[ZC_PARTS_MAX];
	struct zcx_seg seg[ZC_PARTS_MAX];
	bool local;
	bool connected;
	uint64_t total;
	uint64_t sent;
};

static void *address(uint64_t a)
{
	return (void *)(uintptr_t)a;
}

static bool send_valid(const struct zc_send *send)
{
	uint32_t conditions = send->flags & CONDITIONS;

	if (send->flags & ~SEND_FLAGS || send->__reserved || send->pinned ||
	    !send->nr_parts || send->nr_parts > ZC_PARTS_MAX)
		return false;
	if (!conditions)
		return !send->etag && !send->etag_len;
	return conditions != CONDITIONS && send->etag_len && send->etag_len <= ZC_ETAG_MAX;
}

/* Checks a part, as far as that goes without the object. */
static int check_part(const struct zc_part *part, uint64_t *inline_len)
{
	if (part->generation && part->type != ZC_PART_SELECT)
		return -EINVAL;
	switch (part->type) {
	case ZC_PART_INLINE:
		if (part->flags || part->offset)
			return -EINVAL;
		if (part->length > ZC_INLINE_BYTES_MAX - *inline_len)
			return -EMSGSIZE;
		*inline_len += part->length;
		return 0;
	case ZC_PART_HEADER:
		return part->flags || part->addr || part->offset || part->length ? -EINVAL : 0;
	case ZC_PART_OBJECT:
		if (part->addr || (part->flags && part->flags != ZC_PART_TO_END &&
				   part->flags != ZC_PART_SUFFIX) ||
		    (part->flags == ZC_PART_TO_END && part->length) ||
		    (part->flags == ZC_PART_SUFFIX && part->offset))
			return -EINVAL;
		return 0;
	case ZC_PART_SELECT:
		if (part->flags & ~ZC_PART_FD || part->length > UINT32_MAX ||
		    part->offset > (part->flags & ZC_PART_FD ? INT_MAX : 0))
			return -EINVAL;
		return 0;
	default:
		return -EINVAL;
	}
}

static int check_parts(struct message *msg)
{
	uint64_t inline_len = 0;
	unsigned int i;
	int err;

	msg->parts = address(msg->send->parts);
	if (!msg->parts)
		return -EFAULT;
	for (i = 0; i < msg->send->nr_parts; i++) {
		err = check_part(&msg->parts[i], &inline_len);
		if (err)
			return err;
	}
	for (i = 0; i < msg->send->nr_parts; i++)
		if (msg->parts[i].type == ZC_PART_INLINE && msg->parts[i].length &&
		    !msg->parts[i].addr)
			return -EFAULT;
	return 0;
}

static int option(int sock, int level, int name, int *value)
{
	socklen_t len = sizeof(*value);

	*value = 0;
	return getsockopt(sock, level, name, value, &len) ? -errno : 0;
}

/* One that was closed has its own error to tell, at the first byte. */
static bool never_connected(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLRDHUP };

	return poll(&p, 1, 0) >= 0 && !(p.revents & (POLLERR | POLLRDHUP));
}

/* Which sockets messages go to: TCP, and UNIX ones that are streams. */
static int check_socket(struct message *msg)
{
	int sock = msg->send->sock, protocol, value, err;

	err = option(sock, SOL_SOCKET, SO_PROTOCOL, &protocol);
	if (err)
		return err;
	if (protocol != IPPROTO_TCP) {
		err = option(sock, SOL_SOCKET, SO_DOMAIN, &value);
		if (!err && value == AF_UNIX)
			err = option(sock, SOL_SOCKET, SO_TYPE, &value);
		else
			value = -1;
		msg->local = true;
		return err ? err : value == SOCK_STREAM ? 0 : -EOPNOTSUPP;
	}
	/* The state comes first. Raw sockets, which can have this protocol, have none. */
	if (option(sock, IPPROTO_TCP, TCP_INFO, &value))
		return -EOPNOTSUPP;
	value &= 0xff;
	if (value == TCP_LISTEN || (value == TCP_CLOSE && never_connected(sock)))
		return -ENOTCONN;
	msg->connected = value == TCP_ESTABLISHED || value == TCP_CLOSE_WAIT;
	return 0;
}

/* What goes on with a message was counted by the call that began it. */
static unsigned int find_flags(const struct zc_send *send)
{
	return (send->flags & ZC_SEND_EXPIRED_OK ? ZCM_EXPIRED_OK : 0) |
	       (send->skip ? ZCM_NO_COUNT : 0);
}

/* Whether a HEADER part follows that is of the object which is named before part @i. */
static bool header_wanted(const struct message *msg, unsigned int i)
{
	for (; i < msg->send->nr_parts && msg->parts[i].type != ZC_PART_SELECT; i++)
		if (msg->parts[i].type == ZC_PART_HEADER)
			return true;
	return false;
}

static int find_own(struct message *msg)
{
	const struct zc_send *send = msg->send;
	/* A message that cannot be is asked for anew: that is not two hits. */
	unsigned int flags = find_flags(send) | ZCM_HIT_LATER;

	if (!(send->flags & (CONDITIONS | ZC_SEND_PIN)) && !header_wanted(msg, 0))
		flags |= ZCM_BARE;
	if (send->flags & ZC_SEND_FD)
		return send->key || send->key_len ? -EINVAL :
		       zcm_find_fd(msg->m, send->fd, send->generation, flags, &msg->object);
	if (send->fd)
		return -EINVAL;
	return zcm_find(msg->m, address(send->key), send->key_len, send->generation,
			send->miss_tag, flags, &msg->object);
}

/* Finds the object of a SELECT and tells the caller its version. */
static int find_selected(struct message *msg, unsigned int i)
{
	struct zc_part *part = &msg->parts[i];
	unsigned int flags = find_flags(msg->send);
	int err;

	if (!header_wanted(msg, i + 1))
		flags |= ZCM_BARE;
	if (part->flags & ZC_PART_FD)
		err = part->addr || part->length ? -EINVAL :
		      zcm_find_fd(msg->m, part->offset, part->generation, flags,
				  &msg->select[i]);
	else
		err = zcm_find(msg->m, address(part->addr), part->length, part->generation,
			       msg->send->miss_tag, flags, &msg->select[i]);
	if (!err)
		part->generation = msg->select[i]->generation;
	return err;
}

static int resolve_range(struct zcx_seg *seg, const struct zc_part *part,
			 const struct zcm_object *object)
{
	uint64_t size = object->data_len, len = part->length, at = part->offset;

	if (part->flags & ZC_PART_SUFFIX) {
		len = len < size ? len : size;
		at = size - len;
	}
	if (at > size)
		return -ERANGE;
	if (part->flags & ZC_PART_TO_END)
		len = size - at;
	if (len > size - at)
		return -ERANGE;
	seg->fd = object->fd;
	seg->offset = at;
	seg->len = len;
	return 0;
}

/* Gives the parts their objects and places, and the message its length. */
static int resolve(struct message *msg)
{
	const struct zcm_object *object = msg->object;
	unsigned int i;
	int err = 0;

	for (i = 0; i < msg->send->nr_parts && !err; i++) {
		const struct zc_part *part = &msg->parts[i];
		struct zcx_seg *seg = &msg->seg[i];

		*seg = (struct zcx_seg){ .len = 0 };
		switch (part->type) {
		case ZC_PART_INLINE:
			seg->mem = address(part->addr);
			seg->len = part->length;
			break;
		case ZC_PART_HEADER:
			/* Without its header the message would be another. */
			if (!object->header_len)
				return -ENODATA;
			seg->mem = object->header;
			seg->len = object->header_len;
			break;
		case ZC_PART_OBJECT:
			err = resolve_range(seg, part, object);
			break;
		default:
			err = find_selected(msg, i);
			object = msg->select[i];
		}
		if (!err && (__builtin_add_overflow(msg->total, seg->len, &msg->total) ||
			     msg->total > INT64_MAX))
			err = -EOVERFLOW;
	}
	return err;
}

/* Why everything is copied: a counter, or ZC_C_NR if there is no reason. */
static enum zc_counter copies(const struct message *msg)
{
	if (msg->local)
		return ZC_C_FALLBACKS_UNIX;
	if (msg->send->flags & ZC_SEND_COPY)
		return ZC_C_FALLBACKS_ASKED;
	return msg->connected ? ZC_C_NR : ZC_C_FALLBACKS_ROUTE;
}

/* Whether enough bytes of a piece, which begins at @from, go in this call. */
static bool enough(const struct message *msg, const struct zcx_seg *seg,
		   const struct zcm_object *object, uint64_t from)
{
	uint64_t begin = msg->send->skip, end = msg->total, to = from + seg->len;
	uint64_t least = object->data_len < LEAST ? object->data_len : LEAST;

	if (msg->send->max_bytes && msg->send->max_bytes < end - begin)
		end = begin + msg->send->max_bytes;
	from = from > begin ? from : begin;
	to = to < end ? to : end;
	return to > from && to - from >= least;
}

/* Decides which pieces go by reference. Return: as copies(), of what is long enough. */
static enum zc_counter choose(struct message *msg)
{
	uint64_t threshold = msg->send->threshold, from = 0;
	const struct zcm_object *object = msg->object;
	enum zc_counter reason = copies(msg), told = ZC_C_NR;
	int first = __atomic_load_n(&msg->m->send_path, __ATOMIC_RELAXED);
	unsigned int i;

	if (!threshold)
		threshold = __atomic_load_n(&msg->m->head->splice_threshold, __ATOMIC_RELAXED);
	for (i = 0; i < msg->send->nr_parts; i++) {
		struct zcx_seg *seg = &msg->seg[i];
		bool splice = msg->parts[i].type == ZC_PART_OBJECT && seg->len &&
			      seg->len >= threshold;

		if (msg->select[i])
			object = msg->select[i];
		if (splice)
			told = reason;
		splice = splice && reason == ZC_C_NR && enough(msg, seg, object, from);
		if (splice)
			seg->path = first == ZC_XFER_AUTO ? ZCX_SENDFILE : (enum zcx_path)first;
		else
			seg->path = zcx_choose(seg->len, true);
		from += seg->len;
	}
	return told;
}

/**
 * zc_send_path() - choose the way that objects are sent by
 * @cache: a mirror
 * @path: the first to try, or ZC_XFER_AUTO
 *
 * Return: 0 or -errno, see zcache_xfer.h.
 */
int zc_send_path(struct zc_cache *cache, int path)
{
	if (cache->be != &zc_backend_mirror && cache->be != &zc_backend_served)
		return -EOPNOTSUPP;
	if (path != ZC_XFER_AUTO && (path < 0 || path > ZC_XFER_READ))
		return -EINVAL;
	__atomic_store_n(&zcm_mirror(cache)->send_path, path, __ATOMIC_RELAXED);
	return 0;
}

/* Sends, and counts. */
static int transmit(struct message *msg, bool nowait)
{
	struct zc_send *send = msg->send;
	enum zc_counter reason = choose(msg);
	struct zcx_counts counts = { 0 };
	unsigned int flags = nowait || send->flags & ZC_SEND_NOWAIT ? ZCX_NOWAIT : 0;
	uint64_t left = msg->total - send->skip;
	int64_t sent;
	int i;

	if (send->flags & ZC_SEND_MORE)
		flags |= ZCX_MORE;
	sent = zcx_send(send->sock, msg->seg, send->nr_parts, send->skip, send->max_bytes, flags,
			&counts);
	/* What the module copies at once is found out here when it is tried. */
	if (reason == ZC_C_NR && counts.fallbacks[ZCX_SENDFILE])
		reason = ZC_C_FALLBACKS_ROUTE;
	if (reason != ZC_C_NR) {
		zcm_count(msg->m, ZC_C_FALLBACKS, 1);
		zcm_count(msg->m, reason, 1);
	}
	for (i = 0; i < ZCX_PATHS; i++)
		counts.mem_bytes += i == ZCX_SENDFILE ? 0 : counts.bytes[i];
	if (counts.bytes[ZCX_SENDFILE])
		zcm_count(msg->m, ZC_C_SPLICED_BYTES, counts.bytes[ZCX_SENDFILE]);
	if (counts.mem_bytes)
		zcm_count(msg->m, ZC_C_COPIED_BYTES, counts.mem_bytes);
	if (send->max_bytes && send->max_bytes < left)
		left = send->max_bytes;
	zcm_count(msg->m, sent < 0 ? ZC_C_SENDS_FAILED :
		  (uint64_t)sent < left ? ZC_C_SENDS_PARTIAL : ZC_C_SENDS, 1);
	msg->sent = sent < 0 ? 0 : sent;
	/* The file of an object that is shorter than the object. */
	return sent == -ENODATA ? -EIO : sent < 0 ? (int)sent : 0;
}

/* Whether the caller's condition on the entity tag holds. */
static int condition(const struct message *msg)
{
	const struct zcm_object *object = msg->object;
	const struct zc_send *send = msg->send;
	bool match;

	if (!send->etag)
		return -EFAULT;
	match = send->etag_len == object->etag_len &&
		!memcmp(address(send->etag), object->etag, send->etag_len);
	return match == !!(send->flags & ZC_SEND_IF_MATCH) ? 0 : -ECANCELED;
}

static void hit(struct message *msg)
{
	if (!msg->send->skip)
		zcm_hit(msg->m, msg->object);
}

static int send_object(struct message *msg, bool nowait)
{
	const struct zc_send *send = msg->send;
	int err;

	if (send->flags & CONDITIONS) {
		err = condition(msg);
		if (err == -ECANCELED) {
			zcm_count(msg->m, ZC_C_CONDITIONS_FAILED, 1);
			hit(msg);
		}
		if (err)
			return err;
	}
	err = resolve(msg);
	if (err)
		return err;
	if (send->skip > msg->total)
		return -ERANGE;
	hit(msg);
	return transmit(msg, nowait);
}

/* The members that tell of the message and its object. */
static void tell(struct message *msg, int err)
{
	const struct zcm_object *object = msg->object;
	struct zc_send *send = msg->send;

	if (err && err != -ECANCELED)
		return;
	send->generation = object->generation;
	send->data_len = object->data_len;
	send->state = object->state;
	if (err)
		return;
	send->sent = msg->sent;
	send->total = msg->total;
	if (!(send->flags & ZC_SEND_PIN))
		return;
	/* The bytes have left, so that there is no fd to be had is no error. */
	send->pinned = -1;
	if (send->skip + msg->sent == msg->total)
		return;
	send->pinned = zcm_pin(msg->m, msg->object);
	if (send->pinned < 0)
		send->pinned = -1;
	else
		zcm_count(msg->m, ZC_C_OPENS, 1);
}

static int send_one(struct zc_mirror *m, struct zc_send *send, bool nowait)
{
	struct message msg;
	unsigned int i;
	int err;

	if (!send_valid(send))
		return -EINVAL;
	msg.m = m;
	msg.send = send;
	msg.object = NULL;
	msg.local = false;
	msg.connected = false;
	msg.total = 0;
	msg.sent = 0;
	/* What is large is not cleared in whole: a small answer would notice. */
	memset(msg.select, 0, send->nr_parts * sizeof(*msg.select));
	err = check_parts(&msg);
	if (!err)
		err = check_socket(&msg);
	if (!err)
		err = find_own(&msg);
	if (!err) {
		err = send_object(&msg, nowait);
		tell(&msg, err);
		zcm_put(m, msg.object);
	}
	for (i = 0; i < send->nr_parts; i++)
		if (msg.select[i])
			zcm_put(m, msg.select[i]);
	return err;
}

/** zcm_call_send() - zc_send() */
int zcm_call_send(struct zc_cache *cache, struct zc_send *send)
{
	return send_one(zcm_mirror(cache), send, false);
}

/** zcm_call_send_batch() - zc_send_batch() */
int zcm_call_send_batch(struct zc_cache *cache, struct zc_send_batch *batch)
{
	struct zc_mirror *m = zcm_mirror(cache);
	struct zc_send *sends = address(batch->sends);
	int32_t *results = address(batch->results);
	uint32_t i;

	if (batch->flags || batch->__reserved || !batch->nr || batch->nr > ZC_BATCH_MAX ||
	    batch->send_size != sizeof(*sends))
		return -EINVAL;
	zcm_count(m, ZC_C_BATCHES, 1);
	if (!sends || !results)
		return -EFAULT;
	for (i = 0; i < batch->nr; i++)
		results[i] = send_one(m, &sends[i], true);
	batch->done = i;
	return 0;
}
