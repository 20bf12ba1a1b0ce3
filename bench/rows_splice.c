// SPDX-License-Identifier: GPL-2.0-only
/* Ways that pass the page cache's pages: sendfile, and splice by a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "send_bench.h"

static ssize_t sendfile_from(struct conn *c, int file)
{
	size_t pos = body_done(c);
	off_t at = c->offset + pos;
	ssize_t n;

	if (c->done < c->header)
		return send_header(c);
	n = sendfile(c->sock, file, &at, c->length - pos);
	return n < 0 ? -errno : n;
}

static ssize_t sendfile_step(struct conn *c)
{
	return sendfile_from(c, c->object->file);
}

/* What a server does that keeps no files open: the length is news to it. */
static ssize_t open_step(struct conn *c)
{
	ssize_t n;

	if (c->file < 0) {
		struct stat st;

		c->file = open(c->object->path, O_RDONLY | O_CLOEXEC);
		if (c->file < 0 || fstat(c->file, &st))
			return -errno;
		if ((size_t)st.st_size < c->offset + c->length)
			return -ENODATA;
	}
	n = sendfile_from(c, c->file);
	if (n > 0 && c->done + n == c->total) {
		close(c->file);
		c->file = -1;
	}
	return n;
}

/* Returns what the socket took; what it did not take waits in the pipe. */
static ssize_t splice_step(struct conn *c)
{
	size_t pos = body_done(c);
	unsigned int more;
	ssize_t n;

	if (c->done < c->header)
		return send_header(c);
	if (!c->piped) {
		off_t at = c->offset + pos;
		int err = conn_pipe(c);

		if (err)
			return err;
		n = splice(c->object->file, &at, c->pipe[1], NULL,
			   MIN(c->length - pos, pipe_bytes()), SPLICE_F_MOVE);
		if (n <= 0)
			return n ? -errno : -ENODATA;
		c->piped = n;
	}
	more = pos + c->piped < c->length ? SPLICE_F_MORE : 0;
	n = splice(c->pipe[0], NULL, c->sock, NULL, c->piped,
		   SPLICE_F_MOVE | more);
	if (n < 0)
		return -errno;
	c->piped -= n;
	return n;
}

const struct row row_sendfile = {
	.name = "sendfile",
	.what = "sendfile from a file that stays open",
	.step = sendfile_step,
};

const struct row row_open = {
	.name = "open+sendfile",
	.what = "open, fstat, the header if any, sendfile, close",
	.step = open_step,
};

const struct row row_splice = {
	.name = "splice",
	.what = "splice into a pipe of 1 MiB and out of it",
	.step = splice_step,
};
