// SPDX-License-Identifier: GPL-2.0-only
/* SEND and SEND_BATCH on one store, made of an operation's numbers. */
#include <errno.h>

#include "run_int.h"

/* One message as it is given to one store. */
struct message {
	struct zc_send send;
	struct zc_part parts[ZC_PARTS_MAX];
};

/* The seed of message @i; a single one is the first of a batch. */
static unsigned int seed_of(const struct op *op, unsigned int i)
{
	return op->seed + 1000003 * i;
}

static unsigned int messages(const struct op *op)
{
	return op->kind == OP_SEND ? 1 : 1 + op->seed % BATCH_MOST;
}

/* Those of a batch go to one socket that has to take them all. */
static unsigned int bound(const struct op *op)
{
	return op->kind == OP_SEND ? SEND_MAX : SEND_MAX / BATCH_MOST;
}

static void make_part(const struct run *r, const struct subject *s, unsigned int seed,
		      unsigned int i, unsigned int n, struct zc_part *p)
{
	unsigned int kind = run_derive(seed, 8 * n, 20), flags = run_derive(seed, 8 * n + 1, 4);
	struct run_key k = run_key(run_derive(seed, 8 * n + 2, 10));
	unsigned int len = run_derive(seed, 8 * n + 3, flags & 1 ? 300 : 3000);
	unsigned int off = run_derive(seed, 8 * n + 4, 3) ? 0 : run_derive(seed, 8 * n + 5, 4000);

	if (kind < 6) {
		*p = (struct zc_part){ .type = ZC_PART_INLINE, .addr = run_addr(r->data + off),
				       .length = len % 400 };
	} else if (kind < 7) {
		p->type = ZC_PART_HEADER;
	} else if (kind < 16) {
		p->type = ZC_PART_OBJECT;
		p->flags = flags == 0 ? 0 : flags == 1 ? ZC_PART_SUFFIX : ZC_PART_TO_END;
		p->offset = p->flags == ZC_PART_SUFFIX ? 0 : off;
		p->length = p->flags == ZC_PART_TO_END ? 0 : len;
	} else {
		p->type = ZC_PART_SELECT;
		p->generation = run_generation_in(s, r->part_generation[i][n]);
		if (kind == 19) {
			p->flags = ZC_PART_FD;
			p->offset = s->fd[run_derive(seed, 8 * n + 6, 6)];
		} else {
			p->addr = run_addr(k.bytes);
			p->length = k.len;
		}
	}
}

static void spoil_part(const struct subject *s, unsigned int bad, struct zc_part *p)
{
	struct run_key k = run_key(0), too_long = run_key(10);
	static const unsigned char bytes[ZC_INLINE_BYTES_MAX + 1];
	const struct zc_part wrong[] = {
		{ .type = 0 },
		{ .type = 9 },
		{ .type = ZC_PART_INLINE, .flags = 1 },
		{ .type = ZC_PART_INLINE, .offset = 1 },
		{ .type = ZC_PART_INLINE, .generation = 1 },
		{ .type = ZC_PART_INLINE, .addr = run_addr(bytes), .length = sizeof(bytes) },
		{ .type = ZC_PART_HEADER, .length = 1 },
		{ .type = ZC_PART_OBJECT, .addr = run_addr(bytes) },
		{ .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END, .length = 1 },
		{ .type = ZC_PART_OBJECT, .flags = ZC_PART_SUFFIX, .offset = 1 },
		{ .type = ZC_PART_OBJECT, .flags = ZC_PART_SUFFIX | ZC_PART_TO_END },
		{ .type = ZC_PART_SELECT, .addr = run_addr(k.bytes), .length = k.len, .offset = 1 },
		{ .type = ZC_PART_SELECT, .addr = run_addr(k.bytes) },
		{ .type = ZC_PART_SELECT, .addr = run_addr(too_long.bytes), .length = too_long.len },
		{ .type = ZC_PART_SELECT, .flags = 2, .addr = run_addr(k.bytes), .length = k.len },
		{ .type = ZC_PART_SELECT, .flags = ZC_PART_FD, .offset = s->fd[0], .length = 1 },
		{ .type = ZC_PART_SELECT, .flags = ZC_PART_FD, .offset = s->foreign },
	};

	*p = wrong[bad % (sizeof(wrong) / sizeof(wrong[0]))];
}

static void spoil_send(const struct subject *s, unsigned int bad, struct message *m)
{
	struct zc_send *send = &m->send;

	switch (bad) {
	case 0:
		break;
	case 1:
		send->flags |= 0x1000;
		break;
	case 2:
		send->__reserved = 1;
		break;
	case 3:
		send->pinned = 1;
		break;
	case 4:
		send->nr_parts = 0;
		break;
	case 5:
		send->nr_parts = ZC_PARTS_MAX + 1;
		break;
	case 6:
		send->flags |= ZC_SEND_IF_MATCH | ZC_SEND_IF_NONE_MATCH;
		break;
	case 7:
		send->etag_len = send->etag_len ? 0 : 1;
		break;
	case 8:
		send->etag_len = ZC_ETAG_MAX + 1;
		break;
	case 9:
		send->key_len = send->flags & ZC_SEND_FD ? 1 : 0;
		break;
	case 10:
		send->fd = send->flags & ZC_SEND_FD ? s->foreign : 3;
		break;
	default:
		spoil_part(s, bad - 11, &m->parts[0]);
		break;
	}
}

static void make_send(const struct run *r, const struct subject *s, unsigned int i,
		      struct message *m)
{
	const struct op *op = r->op;
	struct zc_send *send = &m->send;
	struct run_key k = run_key((op->key + i) % 10);
	const unsigned char *etag;
	unsigned int n, seed = seed_of(op, i);

	memset(m, 0, sizeof(*m));
	send->flags = op->flags;
	send->nr_parts = op->parts < ZC_PARTS_MAX ? op->parts : ZC_PARTS_MAX;
	if (op->kind == OP_BATCH && send->nr_parts > 6)
		send->nr_parts = 6;
	if (op->flags & ZC_SEND_FD) {
		send->fd = s->fd[run_object_slot(op)];
	} else {
		send->key = run_addr(k.bytes);
		send->key_len = k.len;
	}
	if (op->flags & (ZC_SEND_IF_MATCH | ZC_SEND_IF_NONE_MATCH)) {
		run_etag(op->blobs, &etag, &send->etag_len);
		send->etag = run_addr(etag);
	}
	send->parts = run_addr(m->parts);
	send->generation = run_generation_in(s, r->generation);
	send->skip = op->skip;
	send->max_bytes = r->max_bytes[i];
	for (n = 0; n < send->nr_parts; n++)
		make_part(r, s, seed, i, n, &m->parts[n]);
	if (!i)
		spoil_send(s, op->bad, m);
	/* What TCP may hold back comes 200 ms later. */
	if (op->sock % MODEL_SOCKS == MODEL_TCP)
		send->flags &= ~ZC_SEND_MORE;
	/* Nobody reads from the one that is full. */
	if (op->sock % MODEL_SOCKS == MODEL_FULL)
		send->flags |= ZC_SEND_NOWAIT;
}

/* Whether the parts or the call name a version of which it is not said if it expired. */
static bool vague(const struct run *r, const struct message *m)
{
	struct model *model = r->subject[0].model;
	unsigned int n;

	if (m->send.flags & ZC_SEND_FD && model_vague(model, m->send.fd))
		return true;
	for (n = 0; n < ZC_PARTS_MAX; n++)
		if (m->parts[n].type == ZC_PART_SELECT && m->parts[n].flags & ZC_PART_FD &&
		    model_vague(model, m->parts[n].offset))
			return true;
	return false;
}

bool run_plan_send(struct run *r)
{
	const struct op *op = r->op;
	struct message m;
	unsigned int i, n;
	uint64_t len;

	for (i = 0; i < messages(op); i++) {
		for (n = 0; n < ZC_PARTS_MAX; n++)
			r->part_generation[i][n] = run_derive(seed_of(op, i), 8 * n + 7, 6) ? 0 :
				run_choose_generation(r, run_derive(seed_of(op, i), 8 * n + 7, 8),
						      run_derive(seed_of(op, i), 8 * n + 2, 10));
		r->max_bytes[i] = op->max;
		make_send(r, &r->subject[0], i, &m);
		if (vague(r, &m))
			return false;
		len = model_message(r->subject[0].model, &m.send);
		if (op->max ? op->max > bound(op) : len > bound(op) + (uint64_t)op->skip)
			r->max_bytes[i] = bound(op);
	}
	return true;
}

/* What a message that was tried says. */
static void say_send(struct run *r, struct subject *s, struct answer *a, struct message *m,
		     int err)
{
	struct zc_send *send = &m->send;
	unsigned int n;

	/* Of the parts that name an object, those that were come to know the version. */
	for (n = 0; n < send->nr_parts && n < ZC_PARTS_MAX; n++)
		if (m->parts[n].type == ZC_PART_SELECT)
			run_say_generation(a, s, m->parts[n].generation);
	if (err && err != -ECANCELED)
		return;
	run_say_generation(a, s, send->generation);
	run_say(a, "data_len", send->data_len);
	run_say(a, "state", send->state & ~ZC_STATE_INLINE);
	if (err)
		return;
	run_say(a, "sent", send->sent);
	run_say(a, "total", send->total);
	if (!(send->flags & ZC_SEND_PIN)) {
		run_say(a, "pinned", send->pinned);
		return;
	}
	run_say(a, "pinned", send->pinned >= 0);
	if (send->pinned < 0)
		return;
	if (r->op->kind == OP_SEND)
		run_take_fd(r, s, run_object_slot(r->op), send->pinned);
	else
		s->calls->close(s, send->pinned);
}

/* Whether a message that failed was left alone, but for what may be written. */
static bool left_alone(const struct zc_send *before, const struct zc_send *after, int err)
{
	struct zc_send b = *before;

	if (err >= 0)
		return true;
	if (err == -ECANCELED) {
		b.generation = after->generation;
		b.data_len = after->data_len;
		b.state = after->state;
	}
	return !memcmp(&b, after, sizeof(b));
}

static void say_received(struct run *r, struct subject *s, struct answer *a, uint64_t sent)
{
	static unsigned char buf[RECEIVED_MAX];
	enum model_sock kind = r->op->sock % MODEL_SOCKS;
	size_t len = s->calls->receive(s, kind, sent, buf, sizeof(buf));

	run_say(a, "received", len);
	run_say_bytes(a, buf, len);
}

void run_send(struct run *r, struct subject *s, struct answer *a)
{
	struct zc_send before;
	struct message m;

	make_send(r, s, 0, &m);
	m.send.size = sizeof(m.send);
	m.send.sock = s->calls->sock(s, r->op->sock % MODEL_SOCKS);
	before = m.send;
	a->err = s->calls->send(s, &m.send);
	run_say(a, "argument left alone", left_alone(&before, &m.send, a->err));
	say_send(r, s, a, &m, a->err);
	say_received(r, s, a, a->err ? 0 : m.send.sent);
}

void run_batch(struct run *r, struct subject *s, struct answer *a)
{
	static struct message m[BATCH_MOST];
	struct zc_send sends[BATCH_MOST], before[BATCH_MOST];
	unsigned int i, nr = messages(r->op);
	int32_t results[BATCH_MOST];
	struct zc_send_batch batch = {
		.size = sizeof(batch), .nr = nr, .send_size = sizeof(sends[0]),
		.sends = run_addr(sends), .results = run_addr(results),
	};
	uint64_t sent = 0;

	for (i = 0; i < nr; i++) {
		make_send(r, s, i, &m[i]);
		m[i].send.size = sizeof(m[i].send);
		m[i].send.sock = s->calls->sock(s, r->op->sock % MODEL_SOCKS);
		sends[i] = before[i] = m[i].send;
		results[i] = 12345;
	}
	/* The others are of the first message. */
	if (r->op->bad == 20)
		batch.flags = 1;
	if (r->op->bad == 21)
		batch.__reserved = 1;
	if (r->op->bad == 22)
		batch.nr = 0;
	if (r->op->bad == 23)
		batch.nr = ZC_BATCH_MAX + 1;
	a->err = s->calls->send_batch(s, &batch);
	run_say(a, "done", batch.done);
	for (i = 0; i < nr; i++) {
		run_say(a, "result", results[i]);
		if (a->err)
			continue;
		run_say(a, "argument left alone", left_alone(&before[i], &sends[i], results[i]));
		m[i].send = sends[i];
		say_send(r, s, a, &m[i], results[i]);
		sent += results[i] ? 0 : sends[i].sent;
	}
	say_received(r, s, a, sent);
}
