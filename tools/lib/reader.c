// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The reader: a cursor, whatever the way to the bytes. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "reader.h"

const char *zc_reader_kind(const struct zc_reader *r)
{
	return r->kind;
}

uint64_t zc_reader_tell(const struct zc_reader *r)
{
	return r->pos;
}

uint64_t zc_reader_size(const struct zc_reader *r)
{
	return r->size;
}

int zc_reader_seek(struct zc_reader *r, uint64_t offset)
{
	if (offset > r->size)
		return -EINVAL;
	r->pos = offset;
	return 0;
}

int zc_reader_check(struct zc_reader *r)
{
	struct stat st;

	if (r->way->check)
		return r->way->check(r);
	if (fstat(r->fd, &st))
		return -errno;
	return (uint64_t)st.st_size < r->size ? -EIO : 0;
}

/* The end was found when the file was opened; a file cut since then ends earlier. */
static int at_end(struct zc_reader *r)
{
	return r->way->copied ? r->way->copied(r) : 0;
}

int zc_reader_next(struct zc_reader *r, const void **data, size_t *len)
{
	int err;

	if (r->pos == r->size) {
		err = at_end(r);
		if (!err)
			*len = 0;
		return err;
	}
	err = r->way->peek(r, data, len);
	if (!err)
		r->pos += *len;
	return err;
}

ssize_t zc_reader_read(struct zc_reader *r, void *buf, size_t len)
{
	size_t done = 0;
	int err = 0;

	if (len > SIZE_MAX / 2)
		len = SIZE_MAX / 2;
	if (r->pos == r->size && len)
		return at_end(r);
	while (done < len && r->pos < r->size) {
		const void *data;
		size_t n;

		err = r->way->peek(r, &data, &n);
		if (err)
			break;
		if (n > len - done)
			n = len - done;
		memcpy((char *)buf + done, data, n);
		r->pos += n;
		err = r->way->copied ? r->way->copied(r) : 0;
		if (err) {
			r->pos -= n;
			break;
		}
		done += n;
	}
	return done || !err ? (ssize_t)done : err;
}

ssize_t zc_reader_read_at(struct zc_reader *r, void *buf, size_t len, uint64_t offset)
{
	uint64_t unaligned = (uintptr_t)buf | len | offset;

	if (r->conf.direct && unaligned & (r->conf.alignment - 1))
		return -EINVAL;
	if (offset >= r->size || !len)
		return 0;
	if (len > r->size - offset)
		len = r->size - offset;
	return r->way->read_at(r, buf, len, offset);
}
