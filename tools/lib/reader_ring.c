// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* A reader by io_uring: pieces after the cursor are being read into registered buffers. */
#include <errno.h>
#include <stdlib.h>

#include "pool.h"
#include "reader.h"
#include "ring.h"

/**
 * struct piece - a piece of the file in a buffer
 * @wait: for its read
 * @at: its offset
 * @len: its length: less than that of the others at the end of the file
 */
struct piece {
	struct zcr_wait wait;
	uint64_t at;
	size_t len;
};

/**
 * struct zcr_pieces - the pieces after the cursor, in their order
 * @pool: one buffer for each
 * @piece: a queue of @depth; the nth has the nth buffer
 * @depth: how many there may be
 * @first: the first in use
 * @nr: in use
 * @next: offset of the piece after the last
 */
struct zcr_pieces {
	struct zc_pool *pool;
	struct piece *piece;
	unsigned int depth, first, nr;
	uint64_t next;
};

static int ring_open(struct zc_reader *r)
{
	uint64_t size = r->conf.prefetch_size;
	uint64_t all = (r->size + size - 1) / size;
	struct zcr_pieces *p = calloc(1, sizeof(*p));
	unsigned int i;
	void *buf;
	int err;

	r->pieces = p;
	if (!p)
		return -ENOMEM;
	p->depth = all < r->conf.queue_depth ? all : r->conf.queue_depth;
	if (p->depth < 2)
		p->depth = 2;
	p->piece = calloc(p->depth, sizeof(*p->piece));
	if (!p->piece)
		return -ENOMEM;
	err = zcr_open_ring(r, p->depth);
	if (err)
		return err;
	err = zc_pool_new(size, p->depth, r->conf.alignment, &p->pool);
	if (err)
		return err;
	/* All of them, for as long as the reader lives. */
	for (i = 0; i < p->depth; i++)
		zc_pool_get(p->pool, 0, &buf);
	/* Without it every read pins its pages, which only takes longer. */
	zc_ring_register(r->ring, p->pool);
	zcr_hint_ahead(r, 0);
	return 0;
}

/* Asks for all pieces that there are buffers for. */
static int refill(struct zc_reader *r)
{
	struct zcr_pieces *p = r->pieces;
	uint64_t size = r->conf.prefetch_size;
	int n = 0;

	while (p->nr < p->depth && p->next < r->size) {
		unsigned int i = (p->first + p->nr) % p->depth;
		struct piece *piece = &p->piece[i];
		struct zc_ring_op op = {
			.op = ZC_RING_READ, .fd = r->fd, .offset = p->next,
			.buf = zcp_buffer(p->pool, i),
		};

		piece->at = p->next;
		piece->len = r->size - p->next < size ? r->size - p->next : size;
		/* With O_DIRECT a whole block, also where the file ends within it. */
		op.len = r->conf.direct ? size : piece->len;
		n = zcr_queue(r->ring, &op, &piece->wait);
		if (n)
			break;
		p->nr++;
		p->next += size;
	}
	zcr_flush(r->ring);
	return p->nr ? 0 : n;
}

/* Forgets all pieces, whose buffers are written until their reads are done. */
static void drop(struct zc_reader *r)
{
	struct zcr_pieces *p = r->pieces;

	for (; p->nr; p->nr--) {
		zcr_wait(r->ring, &p->piece[p->first].wait);
		p->first = (p->first + 1) % p->depth;
	}
}

static int ring_peek(struct zc_reader *r, const void **data, size_t *len)
{
	struct zcr_pieces *p = r->pieces;
	uint64_t at = r->pos, end = p->nr ? p->next : 0;
	struct piece *piece;
	int64_t n;
	int err;

	if (!p->nr || at < p->piece[p->first].at || at >= end) {
		drop(r);
		p->next = at & ~((uint64_t)r->conf.alignment - 1);
	}
	while (p->nr && at - p->piece[p->first].at >= p->piece[p->first].len) {
		zcr_wait(r->ring, &p->piece[p->first].wait);
		zcr_hint_passed(r, p->piece[p->first].at, p->piece[p->first].len);
		p->first = (p->first + 1) % p->depth;
		p->nr--;
	}
	/* Not one by one: half of them at a time is one system call for all. */
	if (p->nr <= p->depth / 2) {
		err = refill(r);
		if (err)
			return err;
		zcr_hint_ahead(r, p->next);
	}
	piece = &p->piece[p->first];
	n = zcr_wait(r->ring, &piece->wait);
	if (piece->wait.done && zcr_left(n)) {
		n = zcr_pread(r, zcp_buffer(p->pool, p->first),
			      r->conf.direct ? r->conf.prefetch_size : piece->len, piece->at);
		n = n ? n : (int64_t)piece->len;
		piece->wait.result = n;
	}
	if (n < 0 || (size_t)n < piece->len) {
		drop(r);
		return n < 0 ? (int)n : -EIO;
	}
	*data = (char *)zcp_buffer(p->pool, p->first) + (at - piece->at);
	*len = piece->len - (at - piece->at);
	return 0;
}

static ssize_t ring_read_at(struct zc_reader *r, void *buf, size_t len, uint64_t offset)
{
	uint64_t mask = r->conf.alignment - 1;
	int err = zcr_pread(r, buf, r->conf.direct ? (len + mask) & ~mask : len, offset);

	return err ? err : (ssize_t)len;
}

static void ring_close(struct zc_reader *r)
{
	struct zcr_pieces *p = r->pieces;
	unsigned int i;

	if (!p)
		return;
	if (r->ring)
		drop(r);
	/* Else the kernel may still write to the buffers: they are lost, but nobody's else. */
	if (zcr_free(r->ring)) {
		for (i = 0; p->pool && i < p->depth; i++)
			zc_pool_put(p->pool, zcp_buffer(p->pool, i));
		zc_pool_free(p->pool);
	}
	r->ring = NULL;
	free(p->piece);
	free(p);
	r->pieces = NULL;
}

const struct zcr_way zcr_way_ring = {
	.open = ring_open,
	.peek = ring_peek,
	.read_at = ring_read_at,
	.close = ring_close,
};
