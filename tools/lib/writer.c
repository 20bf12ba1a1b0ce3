// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The writer: small writes are gathered in a buffer, full buffers are written. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ring.h"

/* A buffer that is being written. */
struct extent {
	struct zcr_wait wait;
	void *buf;		/* NULL: none */
	uint64_t offset;
	size_t len;
};

struct zc_writer {
	int fd;
	bool direct;		/* fd has O_DIRECT */
	struct zc_ring *ring;	/* NULL: pwrite */
	struct zc_pool *pool;
	struct extent *extents;	/* a queue of depth: the oldest is the first */
	unsigned int depth, first, nr;
	char *buf;		/* what is gathered, or NULL */
	size_t extent, used;
	size_t alignment;
	uint64_t start, offset;	/* of the first byte of all, and of buf, in the file */
	uint64_t surely;	/* all before this is in the file */
	int err;		/* why it failed, or 0 */
	bool told;
};

void zc_writer_conf_init(struct zc_writer_conf *conf)
{
	*conf = (struct zc_writer_conf){
		.size = sizeof(*conf),
		.use_io_uring = 1,
		.extent = 2 << 20,
		.alignment = 4096,
		.queue_depth = 4,
	};
}

static int prepare(struct zc_writer *w, const struct zc_writer_conf *conf)
{
	struct zc_ring_conf ring;
	int err, flags = fcntl(w->fd, F_GETFL);

	if (flags < 0)
		return -errno;
	w->direct = flags & O_DIRECT;
	if ((flags & O_ACCMODE) == O_RDONLY)
		return -EBADF;
	/* Such writes go to the end in the order in which they happen, and not to offset. */
	if (flags & O_APPEND)
		return -EINVAL;
	if (w->direct && conf->offset & (conf->alignment - 1))
		return -EINVAL;
	w->extents = calloc(w->depth, sizeof(*w->extents));
	if (!w->extents)
		return -ENOMEM;
	/* One more, which is filled while the others are written. */
	err = zc_pool_new(w->extent, conf->use_io_uring ? w->depth + 1 : 1, w->alignment, &w->pool);
	if (err || !conf->use_io_uring)
		return err;
	zc_ring_conf_init(&ring);
	ring.queue_depth = w->depth;
	err = zc_ring_new(&ring, &w->ring);
	if (err)
		return err;
	if (strcmp(zc_ring_kind(w->ring), "io_uring")) {
		zc_ring_free(w->ring);
		w->ring = NULL;
		return 0;
	}
	/* Without it every write pins its pages, which only takes longer. */
	zc_ring_register(w->ring, w->pool);
	return 0;
}

static void release(struct zc_writer *w)
{
	/* Else the kernel may still read the buffers: lost memory is better than wrong bytes. */
	if (zcr_free(w->ring)) {
		if (w->buf)
			zc_pool_put(w->pool, w->buf);
		zc_pool_free(w->pool);
	}
	free(w->extents);
	free(w);
}

int zc_writer_new(int fd, const struct zc_writer_conf *conf, struct zc_writer **result)
{
	struct zc_writer_conf defaults;
	struct zc_writer *w;
	int err;

	if (!conf) {
		zc_writer_conf_init(&defaults);
		conf = &defaults;
	}
	if (!result || conf->size != sizeof(*conf) || conf->alignment < 512 ||
	    conf->alignment > 2 << 20 || (conf->alignment & (conf->alignment - 1)) ||
	    conf->extent < conf->alignment || conf->extent > 1 << 30 || !conf->queue_depth ||
	    conf->queue_depth > 128 || conf->offset > INT64_MAX)
		return -EINVAL;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->fd = fd;
	w->alignment = conf->alignment;
	w->extent = (conf->extent + conf->alignment - 1) & ~((uint64_t)conf->alignment - 1);
	w->depth = conf->queue_depth;
	w->start = w->offset = w->surely = conf->offset;
	err = prepare(w, conf);
	if (err) {
		release(w);
		return err;
	}
	*result = w;
	return 0;
}

const char *zc_writer_kind(const struct zc_writer *w)
{
	return w->ring ? "io_uring" : "pwrite";
}

static int write_all(struct zc_writer *w, const char *buf, size_t len, uint64_t offset,
		     size_t *done)
{
	for (*done = 0; *done < len;) {
		ssize_t n = pwrite(w->fd, buf + *done, len - *done, offset + *done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		/* A file that takes nothing and names no reason would be asked for ever. */
		if (!n)
			return -EIO;
		*done += n;
	}
	return 0;
}

/* The first error is what is told; bytes after it count no more. */
static void wrote(struct zc_writer *w, uint64_t offset, size_t done, int err)
{
	if (!w->err && offset == w->surely)
		w->surely += done;
	if (err && !w->err)
		w->err = err;
}

/* Waits for the oldest extent. */
static void settle(struct zc_writer *w)
{
	struct extent *e = &w->extents[w->first];
	int64_t n = zcr_wait(w->ring, &e->wait);
	size_t more = 0;
	int err;

	if (e->wait.done && zcr_left(n))
		n = 0;
	err = n < 0 ? n : 0;
	/* Where it stopped short, who asks for the rest is told why. */
	if (!err && (size_t)n < e->len)
		err = write_all(w, (char *)e->buf + n, e->len - n, e->offset + n, &more);
	wrote(w, e->offset, (n > 0 ? n : 0) + more, err);
	/* Of what the ring has lost the kernel may still read the buffer. */
	if (e->wait.done)
		zc_pool_put(w->pool, e->buf);
	w->first = (w->first + 1) % w->depth;
	w->nr--;
}

/* Writes len gathered bytes, or has them written. */
static void send_buffer(struct zc_writer *w, size_t len)
{
	struct zc_ring_op op = {
		.op = ZC_RING_WRITE, .fd = w->fd, .offset = w->offset, .buf = w->buf, .len = len,
	};
	struct extent *e;
	size_t done;
	int n;

	if (w->ring) {
		if (w->nr == w->depth)
			settle(w);
		e = &w->extents[(w->first + w->nr) % w->depth];
		*e = (struct extent){ .buf = w->buf, .offset = w->offset, .len = len };
		n = zcr_submit(w->ring, &op, 1, &e->wait);
		if (n == 1)
			w->nr++;
		else
			wrote(w, w->offset, 0, n);
		if (n == 1)
			w->buf = NULL;
	} else {
		n = write_all(w, w->buf, len, w->offset, &done);
		wrote(w, w->offset, done, n);
	}
	w->offset += len;
	w->used = 0;
}

/* What a call returns; an error once. */
static int tell(struct zc_writer *w)
{
	if (!w->err)
		return 0;
	if (w->told)
		return -ECANCELED;
	w->told = true;
	return w->err;
}

/* Large pieces need no buffer: nobody gains by a copy of them. */
static size_t write_through(struct zc_writer *w, const char *data, size_t len)
{
	size_t n = len - len % w->extent, done;
	int err;

	if (w->direct && (uintptr_t)data & (w->alignment - 1))
		return 0;
	err = write_all(w, data, n, w->offset, &done);
	while (w->nr)
		settle(w);
	wrote(w, w->offset, done, err);
	w->offset += n;
	return n;
}

int zc_writer_write(struct zc_writer *w, const void *data, size_t len)
{
	const char *from = data;
	int err;

	if (w->err)
		return tell(w);
	if (len > INT64_MAX - w->offset - w->used)
		return -EFBIG;
	while (len && !w->err) {
		void *buf;
		size_t n;

		if (!w->used && len >= w->extent) {
			n = write_through(w, from, len);
			from += n;
			len -= n;
			if (n)
				continue;
		}
		if (!w->buf) {
			if (w->nr == w->depth)
				settle(w);
			err = zc_pool_get(w->pool, 0, &buf);
			if (err < 0) {
				wrote(w, w->offset, 0, err);
				break;
			}
			w->buf = buf;
		}
		n = w->extent - w->used < len ? w->extent - w->used : len;
		memcpy(w->buf + w->used, from, n);
		w->used += n;
		from += n;
		len -= n;
		if (w->used == w->extent)
			send_buffer(w, w->used);
	}
	return tell(w);
}

/* All that is gathered, with O_DIRECT what is aligned of it. */
static void send_rest(struct zc_writer *w)
{
	size_t len = w->used, rest = 0, done;
	int err;

	if (w->direct)
		rest = len & (w->alignment - 1);
	len -= rest;
	if (!rest) {
		if (len)
			send_buffer(w, len);
		return;
	}
	/* The bytes that stay move to the front of the buffer, so nobody else may read it. */
	if (len) {
		err = write_all(w, w->buf, len, w->offset, &done);
		while (w->nr)
			settle(w);
		wrote(w, w->offset, done, err);
		w->offset += len;
		memmove(w->buf, w->buf + len, rest);
		w->used = rest;
	}
}

int zc_writer_flush(struct zc_writer *w)
{
	if (!w->err)
		send_rest(w);
	while (w->nr)
		settle(w);
	return tell(w);
}

/* The end of a file that is below an alignment: O_DIRECT has no way to write it. */
static void write_tail(struct zc_writer *w)
{
	int flags = fcntl(w->fd, F_GETFL), err;
	size_t done = 0;

	if (flags < 0 || fcntl(w->fd, F_SETFL, flags & ~O_DIRECT) < 0) {
		wrote(w, w->offset, 0, -errno);
		return;
	}
	err = write_all(w, w->buf, w->used, w->offset, &done);
	wrote(w, w->offset, done, err);
	fcntl(w->fd, F_SETFL, flags);
}

int zc_writer_close(struct zc_writer *w, uint64_t *written)
{
	int err;

	if (!w)
		return 0;
	if (!w->err)
		send_rest(w);
	while (w->nr)
		settle(w);
	if (!w->err && w->used)
		write_tail(w);
	err = w->told ? 0 : w->err;
	if (written)
		*written = w->surely - w->start;
	release(w);
	return err;
}
