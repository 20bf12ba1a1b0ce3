// SPDX-License-Identifier: GPL-2.0-only
/* SEND of the stand-in for the module, see fake_kmod.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_kmod.h"

#define FLAGS (ZC_SEND_FD | ZC_SEND_EXPIRED_OK | ZC_SEND_NOWAIT | ZC_SEND_MORE | ZC_SEND_COPY | \
	       ZC_SEND_PIN | ZC_SEND_IF_MATCH | ZC_SEND_IF_NONE_MATCH)

/* The objects of one message: the call's, and that of each SELECT. */
struct objects {
	struct meta meta[ZC_PARTS_MAX + 1];
	int data[ZC_PARTS_MAX + 1];
	uint32_t nr;
};

/* A part as bytes: in memory, or in data if mem is NULL. */
struct piece {
	const char *mem;
	int data;
	uint64_t at, len;
};

static ssize_t send_corrupt(int sock, int data, off_t offset)
{
	char byte;

	if (pread(data, &byte, 1, offset) != 1)
		return -1;
	byte ^= 1;
	return send(sock, &byte, 1, MSG_NOSIGNAL);
}

/* Sends some of a piece. */
static ssize_t send_piece(int sock, const struct piece *p, uint64_t len, bool more)
{
	off_t offset = p->at;

	if (p->mem)
		return send(sock, p->mem + p->at, len, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
	if (!offset && fake_injected("CORRUPT"))
		return send_corrupt(sock, p->data, offset);
	return sendfile(sock, p->data, &offset, len);
}

static int object_range(const struct zc_part *p, uint64_t size, struct piece *piece)
{
	piece->at = p->offset;
	piece->len = p->length;
	if (p->flags & ZC_PART_SUFFIX) {
		piece->len = p->length < size ? p->length : size;
		piece->at = size - piece->len;
	} else if (p->offset > size) {
		return -ERANGE;
	} else if (p->flags & ZC_PART_TO_END) {
		piece->len = size - p->offset;
	} else if (p->length > size - p->offset) {
		return -ERANGE;
	}
	return 0;
}

static int select_object(int dir, const struct zc_send *s, struct zc_part *p, struct objects *o)
{
	int err = fake_find(dir, p->offset, p->flags & ZC_PART_FD, p->addr, p->length,
			    p->generation, s->flags & ZC_SEND_EXPIRED_OK, &o->meta[o->nr],
			    &o->data[o->nr]);

	if (!err)
		p->generation = o->meta[o->nr++].generation;
	return err;
}

static int resolve(int dir, struct zc_send *s, struct objects *o, struct piece *piece)
{
	struct zc_part *part = (void *)(uintptr_t)s->parts;
	uint32_t i;
	int err = 0;

	s->total = 0;
	for (i = 0; i < s->nr_parts && !err; i++) {
		struct zc_part *p = &part[i];
		struct meta *m = &o->meta[o->nr - 1];

		piece[i] = (struct piece) { .data = o->data[o->nr - 1] };
		switch (p->type) {
		case ZC_PART_INLINE:
			piece[i].mem = (void *)(uintptr_t)p->addr;
			piece[i].len = p->length;
			break;
		case ZC_PART_HEADER:
			piece[i].mem = m->header;
			piece[i].len = m->header_len;
			err = m->header_len ? 0 : -ENODATA;
			break;
		case ZC_PART_OBJECT:
			err = object_range(p, m->data_len, &piece[i]);
			break;
		case ZC_PART_SELECT:
			err = select_object(dir, s, p, o);
			break;
		default:
			err = -EINVAL;
		}
		s->total += piece[i].len;
	}
	return err;
}

static int send_pieces(struct zc_send *s, struct piece *piece)
{
	const char *max_text = getenv("FAKE_ZCACHE_MAX");
	uint64_t room = s->max_bytes ? s->max_bytes : UINT64_MAX, skip = s->skip;
	uint32_t i;

	if (max_text && strtoull(max_text, NULL, 10) < room)
		room = strtoull(max_text, NULL, 10);
	s->sent = 0;
	for (i = 0; i < s->nr_parts; i++) {
		struct piece *p = &piece[i];

		if (skip >= p->len) {
			skip -= p->len;
			continue;
		}
		p->at += skip;
		p->len -= skip;
		skip = 0;
		while (p->len) {
			ssize_t n;

			if (!room)
				return 0;
			n = send_piece(s->sock, p, p->len < room ? p->len : room,
				       i + 1 < s->nr_parts);
			if (n <= 0)
				return s->sent ? 0 : n ? -errno : -EIO;
			p->at += n;
			p->len -= n;
			room -= n;
			s->sent += n;
		}
	}
	return 0;
}

static int condition(const struct zc_send *s, const struct meta *m)
{
	bool match;

	if (!(s->flags & (ZC_SEND_IF_MATCH | ZC_SEND_IF_NONE_MATCH)))
		return 0;
	match = s->etag_len == m->etag_len &&
		!memcmp((void *)(uintptr_t)s->etag, m->etag, s->etag_len);
	return match == !!(s->flags & ZC_SEND_IF_MATCH) ? 0 : -ECANCELED;
}

static bool valid(const struct zc_send *s)
{
	uint32_t conditions = s->flags & (ZC_SEND_IF_MATCH | ZC_SEND_IF_NONE_MATCH);

	return s->size == sizeof(*s) && !(s->flags & ~FLAGS) && !s->__reserved && !s->pinned &&
	       s->nr_parts && s->nr_parts <= ZC_PARTS_MAX &&
	       (conditions ? s->etag_len && s->etag_len <= ZC_ETAG_MAX : !s->etag && !s->etag_len);
}

static int send_objects(int dir, struct zc_send *s, struct objects *o)
{
	struct piece piece[ZC_PARTS_MAX];
	int err;

	s->generation = o->meta[0].generation;
	s->data_len = o->meta[0].data_len;
	s->state = 0;
	err = condition(s, &o->meta[0]);
	if (!err)
		err = resolve(dir, s, o, piece);
	if (!err)
		err = send_pieces(s, piece);
	if (err || !(s->flags & ZC_SEND_PIN))
		return err;
	s->pinned = -1;
	if (s->skip + s->sent < s->total && !fake_injected("PIN")) {
		s->pinned = dup(o->data[0]);
		fake_remember(s->pinned, FD_OBJECT)->meta = o->meta[0];
	}
	return 0;
}

int fake_send(int dir, struct zc_send *s)
{
	struct objects *o;
	int err;

	if (!valid(s))
		return -EINVAL;
	o = malloc(sizeof(*o));
	o->nr = 0;
	err = fake_find(dir, s->fd, s->flags & ZC_SEND_FD, s->key, s->key_len, s->generation,
			s->flags & ZC_SEND_EXPIRED_OK, &o->meta[0], &o->data[0]);
	if (!err) {
		o->nr = 1;
		err = send_objects(dir, s, o);
	}
	while (o->nr)
		close(o->data[--o->nr]);
	free(o);
	return err;
}

int fake_send_batch(int dir, struct zc_send_batch *b)
{
	struct zc_send *sends = (void *)(uintptr_t)b->sends;
	int32_t *results = (void *)(uintptr_t)b->results;

	if (b->size != sizeof(*b) || b->flags || b->__reserved || !b->nr ||
	    b->nr > ZC_BATCH_MAX || b->send_size != sizeof(*sends))
		return -EINVAL;
	for (b->done = 0; b->done < b->nr; b->done++)
		results[b->done] = fake_send(dir, &sends[b->done]);
	return 0;
}
