// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * A reader of a mapped file, alone or with a ring that maps the pages ahead of it.
 *
 * To read from a mapping takes no call, but a fault every few pages, in which the caller
 * waits. A worker of the ring does them in its place, while the caller looks at the pages
 * before; where the worker is behind, the caller's own faults find them.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "map.h"
#include "reader.h"
#include "ring.h"

/* Spans that are being mapped or are mapped ahead of that where the cursor is. */
#define SPANS 2

/*
 * Pieces of prefetch_size in a span. Pages that are mapped take no room, so it is many:
 * each span is a call.
 */
#define SPAN_PIECES 32

/**
 * struct zcr_ahead - what the ring maps
 * @wait: for each span
 * @busy: that is under way
 * @base: the window that it is about
 * @end: offset in the file up to which spans were asked for
 */
struct zcr_ahead {
	struct zcr_wait wait[SPANS];
	bool busy[SPANS];
	void *base;
	uint64_t end;
};

static int map_open(struct zc_reader *r)
{
	struct zc_map_conf conf;

	zc_map_conf_init(&conf);
	conf.advice = r->conf.advice;
	conf.max_bytes = r->conf.max_mmap_bytes;
	zcr_hint_ahead(r, 0);
	return zc_map_open(r->fd, &conf, &r->map);
}

static int map_peek(struct zc_reader *r, const void **data, size_t *len)
{
	int err = zc_map_seek(r->map, r->pos);

	return err ? err : zc_map_data(r->map, data, len);
}

static int map_copied(struct zc_reader *r)
{
	int err = zc_map_check(r->map);

	return err ? err : zc_map_seek(r->map, r->pos);
}

static ssize_t map_read_at(struct zc_reader *r, void *buf, size_t len, uint64_t offset)
{
	int err = zc_map_seek(r->map, offset);
	ssize_t n = err ? err : zc_map_read(r->map, buf, len);

	/* They may be the zeros of a page that was cut. */
	if (n > 0)
		err = zc_map_check(r->map);
	return err ? err : n;
}

static int map_check(struct zc_reader *r)
{
	return zc_map_check(r->map);
}

static void map_close(struct zc_reader *r)
{
	zc_map_close(r->map);
	r->map = NULL;
}

const struct zcr_way zcr_way_map = {
	.open = map_open,
	.peek = map_peek,
	.copied = map_copied,
	.read_at = map_read_at,
	.check = map_check,
	.close = map_close,
};

static int ahead_open(struct zc_reader *r)
{
	int err;

	r->ahead = calloc(1, sizeof(*r->ahead));
	if (!r->ahead)
		return -ENOMEM;
	err = zcr_open_ring(r, SPANS);
	return err ? err : map_open(r);
}

/*
 * Nothing may be mapping pages where the window was: by then that may be the memory of
 * somebody else.
 */
static void settle(struct zc_reader *r)
{
	int i;

	for (i = 0; i < SPANS; i++) {
		if (r->ahead->busy[i])
			zcr_wait(r->ring, &r->ahead->wait[i]);
		r->ahead->busy[i] = false;
	}
	r->ahead->base = NULL;
}

static bool in_window(struct zc_reader *r, uint64_t offset)
{
	uint64_t start;
	size_t len;

	return zcf_window(r->map, &start, &len) && offset >= start && offset - start < len;
}

/* Asks for the spans from the cursor on; what cannot be asked for now will fault. */
static void go_ahead(struct zc_reader *r, uint64_t span)
{
	struct zcr_ahead *a = r->ahead;
	uint64_t start, end;
	size_t len;
	char *base = zcf_window(r->map, &start, &len);
	int i;

	if (a->base != base || r->pos >= a->end || r->pos + 2 * SPANS * span < a->end) {
		/* A little ahead: to race for the same pages would slow both down. */
		a->base = base;
		a->end = r->pos + r->conf.prefetch_size;
	}
	zcr_flush(r->ring);
	for (i = 0; i < SPANS; i++) {
		struct zc_ring_op op = { .op = ZCR_POPULATE };

		a->busy[i] = a->busy[i] && !a->wait[i].done;
		if (a->busy[i] || a->end >= start + len || a->end >= r->pos + SPANS * span)
			continue;
		/* From a page on, to where a span ends: so spans stay at multiples. */
		a->end &= ~((uint64_t)sysconf(_SC_PAGESIZE) - 1);
		if (a->end < start)
			a->end = start;
		end = a->end + span - (a->end - start) % span;
		if (end > start + len)
			end = start + len;
		op.buf = base + (a->end - start);
		op.len = end - a->end;
		if (zcr_submit(r->ring, &op, 1, &a->wait[i]) != 1)
			return;
		a->busy[i] = true;
		a->end = end;
	}
}

static int ahead_peek(struct zc_reader *r, const void **data, size_t *len)
{
	uint64_t span = SPAN_PIECES * r->conf.prefetch_size, start;
	size_t window;
	int err;

	if (!in_window(r, r->pos))
		settle(r);
	err = map_peek(r, data, len);
	if (err)
		return err;
	go_ahead(r, span);
	/* No further than that, so that the caller comes back to have more asked for. */
	zcf_window(r->map, &start, &window);
	if (*len > span - (r->pos - start) % span)
		*len = span - (r->pos - start) % span;
	return 0;
}

static ssize_t ahead_read_at(struct zc_reader *r, void *buf, size_t len, uint64_t offset)
{
	if (!in_window(r, offset) || !in_window(r, offset + len - 1))
		settle(r);
	return map_read_at(r, buf, len, offset);
}

static void ahead_close(struct zc_reader *r)
{
	if (r->ring && r->ahead)
		settle(r);
	map_close(r);
	zc_ring_free(r->ring);
	r->ring = NULL;
	free(r->ahead);
	r->ahead = NULL;
}

const struct zcr_way zcr_way_map_ring = {
	.open = ahead_open,
	.peek = ahead_peek,
	.copied = map_copied,
	.read_at = ahead_read_at,
	.check = map_check,
	.close = ahead_close,
};
