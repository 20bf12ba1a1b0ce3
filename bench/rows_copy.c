// SPDX-License-Identifier: GPL-2.0-only
/* Ways that copy from user memory: read and write, and a mapping for good. */
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "send_bench.h"

#define CHUNK	65536UL		/* as nginx's and Apache's output buffers */

/* Reads the next piece; the header goes out with the first. */
static int fill_chunk(struct conn *c)
{
	size_t pos = body_done(c);
	ssize_t n;

	if (!c->chunk)
		c->chunk = malloc(CHUNK);
	if (!c->chunk)
		return -ENOMEM;
	n = pread(c->object->file, c->chunk, MIN(c->length - pos, CHUNK),
		  c->offset + pos);
	if (n <= 0)
		return n ? -errno : -ENODATA;
	c->chunk_len = n;
	c->chunk_done = 0;
	return 0;
}

static ssize_t pread_step(struct conn *c)
{
	struct iovec iov[2];
	size_t head = 0;
	int nr = 0;
	ssize_t n;

	if (c->chunk_done == c->chunk_len) {
		int err = fill_chunk(c);

		if (err)
			return err;
	}
	if (c->done < c->header) {
		head = c->header - c->done;
		iov[nr].iov_base = header + c->done;
		iov[nr++].iov_len = head;
	}
	iov[nr].iov_base = c->chunk + c->chunk_done;
	iov[nr++].iov_len = c->chunk_len - c->chunk_done;
	n = writev(c->sock, iov, nr);
	if (n < 0)
		return -errno;
	if ((size_t)n > head)
		c->chunk_done += n - head;
	return n;
}

static ssize_t mmap_step(struct conn *c)
{
	size_t pos = body_done(c);
	ssize_t n;

	if (c->done < c->header)
		return send_header(c);
	n = write(c->sock, c->object->map + c->offset + pos, c->length - pos);
	return n < 0 ? -errno : n;
}

static ssize_t writev_step(struct conn *c)
{
	size_t pos = body_done(c);
	struct iovec iov[2];
	int nr = 0;
	ssize_t n;

	if (c->done < c->header) {
		iov[nr].iov_base = header + c->done;
		iov[nr++].iov_len = c->header - c->done;
	}
	iov[nr].iov_base = c->object->map + c->offset + pos;
	iov[nr++].iov_len = c->length - pos;
	n = writev(c->sock, iov, nr);
	return n < 0 ? -errno : n;
}

const struct row row_pread = {
	.name = "pread+write",
	.what = "pread of 64 KiB, write, and so on",
	.step = pread_step,
};

const struct row row_mmap = {
	.name = "mmap+write",
	.what = "write from a mapping that stays",
	.step = mmap_step,
};

const struct row row_writev = {
	.name = "writev",
	.what = "writev of header and a mapping that stays",
	.answers_only = true,
	.step = writev_step,
};
