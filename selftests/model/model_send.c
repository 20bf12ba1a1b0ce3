// SPDX-License-Identifier: GPL-2.0-only
/* The model of a store: SEND and SEND_BATCH. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model_int.h"

#define CONDITIONS	(ZC_SEND_IF_MATCH | ZC_SEND_IF_NONE_MATCH)
#define FLAGS		(ZC_SEND_FD | ZC_SEND_EXPIRED_OK | ZC_SEND_NOWAIT | ZC_SEND_MORE | \
			 ZC_SEND_COPY | ZC_SEND_PIN | CONDITIONS)

/* A message whole, before skip and bound. */
struct message {
	unsigned char *bytes;
	uint64_t len;
};

static void append(struct message *msg, const void *bytes, uint64_t len)
{
	if (!len)
		return;
	msg->bytes = realloc(msg->bytes, msg->len + len);
	if (!msg->bytes)
		abort();
	memcpy(msg->bytes + msg->len, bytes, len);
	msg->len += len;
}

static int check_send(const struct zc_send *send)
{
	uint32_t conditions = send->flags & CONDITIONS;

	if (send->flags & ~FLAGS || send->__reserved || send->pinned || !send->nr_parts ||
	    send->nr_parts > ZC_PARTS_MAX)
		return -EINVAL;
	if (!conditions)
		return send->etag || send->etag_len ? -EINVAL : 0;
	return conditions == CONDITIONS || !send->etag_len || send->etag_len > ZC_ETAG_MAX ?
	       -EINVAL : 0;
}

static int check_part(const struct zc_part *p, uint64_t *inline_bytes)
{
	if (p->generation && p->type != ZC_PART_SELECT)
		return -EINVAL;
	switch (p->type) {
	case ZC_PART_INLINE:
		if (p->flags || p->offset)
			return -EINVAL;
		*inline_bytes += p->length;
		return *inline_bytes > ZC_INLINE_BYTES_MAX ? -EMSGSIZE : 0;
	case ZC_PART_HEADER:
		return p->flags || p->addr || p->offset || p->length ? -EINVAL : 0;
	case ZC_PART_OBJECT:
		if (p->addr || p->flags & ~(ZC_PART_TO_END | ZC_PART_SUFFIX) ||
		    p->flags == (ZC_PART_TO_END | ZC_PART_SUFFIX))
			return -EINVAL;
		if (p->flags & ZC_PART_TO_END && p->length)
			return -EINVAL;
		return p->flags & ZC_PART_SUFFIX && p->offset ? -EINVAL : 0;
	case ZC_PART_SELECT:
		if (p->flags & ~ZC_PART_FD)
			return -EINVAL;
		return p->offset > (p->flags & ZC_PART_FD ? INT_MAX : 0) ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static int check_parts(const struct zc_send *send)
{
	const struct zc_part *parts = at(send->parts);
	uint64_t inline_bytes = 0;
	uint32_t i;
	int err;

	for (i = 0; i < send->nr_parts; i++) {
		err = check_part(&parts[i], &inline_bytes);
		if (err)
			return err;
	}
	return 0;
}

/* Known before anything is looked up. */
static int check_sock(int sock)
{
	switch (sock) {
	case MODEL_NO_FD:
		return -EBADF;
	case MODEL_NO_SOCKET:
		return -ENOTSOCK;
	case MODEL_DATAGRAM:
		return -EOPNOTSUPP;
	case MODEL_LISTENS:
		return -ENOTCONN;
	default:
		return 0;
	}
}

/* What the socket says to bytes. */
static int deliver(struct model *m, int sock, const unsigned char *bytes, uint64_t len)
{
	if (!len)
		return 0;
	switch (sock) {
	case MODEL_UNCONNECTED:
		return -ENOTCONN;
	case MODEL_SHUT:
	case MODEL_GONE:
		return -EPIPE;
	case MODEL_FULL:
		m->full_len = len;
		return -EAGAIN;
	}
	if (m->received_room - m->received_len < len) {
		m->received_room = 2 * (m->received_len + len);
		m->received = realloc(m->received, m->received_room);
		if (!m->received)
			abort();
	}
	memcpy(m->received + m->received_len, bytes, len);
	m->received_len += len;
	return 0;
}

static int append_range(struct message *msg, const struct version *v, const struct zc_part *p)
{
	uint64_t from = p->offset, len = p->length;

	if (p->flags & ZC_PART_SUFFIX) {
		if (len > v->data_len)
			len = v->data_len;
		from = v->data_len - len;
	}
	if (from > v->data_len)
		return -ERANGE;
	if (p->flags & ZC_PART_TO_END)
		len = v->data_len - from;
	if (len > v->data_len - from)
		return -ERANGE;
	append(msg, v->data + from, len);
	return 0;
}

/* A continuation was counted by the call that began the message. */
static int compose(struct model *m, const struct zc_send *send, struct version *v,
		   struct message *msg)
{
	struct zc_part *parts = at(send->parts);
	uint32_t i;
	int err = 0;

	for (i = 0; i < send->nr_parts && !err; i++) {
		struct zc_part *p = &parts[i];
		const struct name name = {
			.by_fd = p->flags & ZC_PART_FD,
			.expired_ok = send->flags & ZC_SEND_EXPIRED_OK,
			.key = p->addr, .key_len = p->length,
			.fd = p->offset, .generation = p->generation,
		};

		switch (p->type) {
		case ZC_PART_INLINE:
			append(msg, at(p->addr), p->length);
			break;
		case ZC_PART_HEADER:
			if (!v->header_len)
				err = -ENODATA;
			append(msg, v->header, v->header_len);
			break;
		case ZC_PART_OBJECT:
			err = append_range(msg, v, p);
			break;
		case ZC_PART_SELECT:
			err = model_find(m, &name, send->skip ? COUNTS_NOTHING : COUNTS, &v);
			if (!err)
				p->generation = v->generation;
			break;
		}
	}
	return err;
}

static bool condition_holds(const struct zc_send *send, const struct version *v)
{
	bool same;

	if (!(send->flags & CONDITIONS))
		return true;
	same = send->etag_len == v->etag_len && !memcmp(at(send->etag), v->etag, v->etag_len);
	return same == !!(send->flags & ZC_SEND_IF_MATCH);
}

static void tell_object(struct zc_send *send, const struct version *v)
{
	send->generation = v->generation;
	send->data_len = v->data_len;
	send->state = model_expired(v) ? ZC_STATE_EXPIRED : 0;
}

int model_send(struct model *m, struct zc_send *send)
{
	const struct name name = {
		.by_fd = send->flags & ZC_SEND_FD,
		.expired_ok = send->flags & ZC_SEND_EXPIRED_OK,
		.key = send->key, .key_len = send->key_len, .fd = send->fd,
		.generation = send->generation,
	};
	struct message msg = { 0 };
	struct version *v;
	uint64_t len;
	int err;

	err = check_send(send);
	if (!err)
		err = check_parts(send);
	if (!err)
		err = check_sock(send->sock);
	if (!err)
		err = model_find(m, &name, send->skip ? COUNTS_NOTHING : COUNTS_MISSES, &v);
	if (err)
		return err;
	if (!condition_holds(send, v)) {
		m->count[ZC_C_CONDITIONS_FAILED]++;
		if (!send->skip)
			model_count_hit(m, v);
		tell_object(send, v);
		return -ECANCELED;
	}
	err = compose(m, send, v, &msg);
	if (!err && send->skip > msg.len)
		err = -ERANGE;
	if (err)
		goto out;
	if (!send->skip)
		model_count_hit(m, v);
	len = msg.len - send->skip;
	if (send->max_bytes && len > send->max_bytes)
		len = send->max_bytes;
	err = deliver(m, send->sock, msg.bytes + send->skip, len);
	m->count[err ? ZC_C_SENDS_FAILED : ZC_C_SENDS]++;
	if (err)
		goto out;
	m->count[ZC_C_COPIED_BYTES] += len;
	tell_object(send, v);
	send->sent = len;
	send->total = msg.len;
	if (send->flags & ZC_SEND_PIN)
		send->pinned = send->skip + len < msg.len ? model_open_version(m, v) : -1;
out:
	free(msg.bytes);
	return err;
}

int model_send_batch(struct model *m, struct zc_send_batch *batch)
{
	struct zc_send *sends = at(batch->sends);
	int32_t *results = at(batch->results);
	uint32_t i;

	if (batch->flags || batch->__reserved || !batch->nr || batch->nr > ZC_BATCH_MAX)
		return -EINVAL;
	m->count[ZC_C_BATCHES]++;
	for (i = 0; i < batch->nr; i++)
		results[i] = model_send(m, &sends[i]);
	batch->done = batch->nr;
	return 0;
}

const unsigned char *model_received(struct model *m, size_t *len)
{
	*len = m->received_len;
	m->received_len = 0;
	return m->received;
}

uint64_t model_message(struct model *m, const struct zc_send *send)
{
	struct zc_part parts[ZC_PARTS_MAX];
	uint64_t count[ZC_C_NR];
	struct zc_send trial = *send;
	int err;

	if (check_send(send) || check_parts(send))
		return 0;
	/* Nobody gets to know of the trial. */
	memcpy(count, m->count, sizeof(count));
	memcpy(parts, at(send->parts), send->nr_parts * sizeof(parts[0]));
	trial.parts = (uintptr_t)parts;
	trial.flags &= ~ZC_SEND_PIN;
	trial.sock = MODEL_FULL;
	trial.skip = 0;
	trial.max_bytes = 0;
	m->trial = true;
	err = model_send(m, &trial);
	m->trial = false;
	memcpy(m->count, count, sizeof(count));
	return err == -EAGAIN ? m->full_len : 0;
}
