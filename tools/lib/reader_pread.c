// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* A reader by pread(2): what is left where nothing else works. */
#include <errno.h>
#include <unistd.h>

#include "reader.h"
#include "ring.h"

int zcr_pread(struct zc_reader *r, void *buf, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		size_t ask = len - done < ZCR_PIECE ? len - done : ZCR_PIECE;
		ssize_t n = pread(r->fd, (char *)buf + done, ask, offset + done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += n;
		/*
		 * With O_DIRECT more is asked for than there is; after an end amid a block
		 * no further block begins.
		 */
		if (!n || (r->conf.direct && n % r->conf.alignment && done < len))
			return offset + done >= r->size ? 0 : -EIO;
	}
	return 0;
}

static int pread_open(struct zc_reader *r)
{
	uint64_t size = r->conf.prefetch_size;
	uint64_t mask = r->conf.alignment - 1;

	if (size > r->size)
		size = (r->size + mask) & ~mask;
	if (size < r->conf.alignment)
		size = r->conf.alignment;
	zcr_hint_ahead(r, 0);
	return zc_aligned_alloc(&r->buf, size, r->conf.alignment);
}

static int pread_peek(struct zc_reader *r, const void **data, size_t *len)
{
	uint64_t at = r->pos, have, want;
	int err;

	if (at < r->buf_at || at - r->buf_at >= r->buf_len) {
		if (r->conf.direct)
			at &= ~((uint64_t)r->conf.alignment - 1);
		have = r->size - at < r->buf.size ? r->size - at : r->buf.size;
		/* A whole block, also where the file ends within it. */
		want = r->conf.direct ? r->buf.size : have;
		zcr_hint_passed(r, r->buf_at, r->buf_len);
		r->buf_len = 0;
		err = zcr_pread(r, r->buf.data, want, at);
		if (err)
			return err;
		r->buf_at = at;
		r->buf_len = have;
		zcr_hint_ahead(r, at + have);
	}
	*data = (char *)r->buf.data + (r->pos - r->buf_at);
	*len = r->buf_len - (r->pos - r->buf_at);
	return 0;
}

static ssize_t pread_read_at(struct zc_reader *r, void *buf, size_t len, uint64_t offset)
{
	uint64_t mask = r->conf.alignment - 1;
	/* The caller's buffer has room for it: its length was a multiple. */
	int err = zcr_pread(r, buf, r->conf.direct ? (len + mask) & ~mask : len, offset);

	return err ? err : (ssize_t)len;
}

static void pread_close(struct zc_reader *r)
{
	zc_aligned_free(&r->buf);
}

const struct zcr_way zcr_way_pread = {
	.open = pread_open,
	.peek = pread_peek,
	.read_at = pread_read_at,
	.close = pread_close,
};
