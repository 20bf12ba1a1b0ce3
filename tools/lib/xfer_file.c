// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* zc_sendfile() and zc_copy_range(): from file to socket, and from any fd to any. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xfer.h"
#include "zcache_xfer.h"

/* What is read at once where nothing else works. */
#define BOUNCE		(256U << 10)

_Static_assert((int)ZC_XFER_URING == ZCX_URING && (int)ZC_XFER_SENDFILE == ZCX_SENDFILE && (int)ZC_XFER_MMAP == ZCX_MMAP &&
	       (int)ZC_XFER_READ == ZCX_READ, "the first ways are those of zcx_send()");

static struct {
	_Atomic uint64_t calls[ZC_XFER_PATHS];
	_Atomic uint64_t bytes[ZC_XFER_PATHS];
	_Atomic uint64_t fallbacks[ZC_XFER_PATHS];
} counted;

static void raise_by(_Atomic uint64_t *counter, uint64_t n)
{
	if (n)
		atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static void count(enum zc_xfer_path path, uint64_t bytes)
{
	raise_by(&counted.calls[path], 1);
	raise_by(&counted.bytes[path], bytes);
}

static void count_send(const struct zcx_counts *c)
{
	int i;

	for (i = 0; i < ZCX_PATHS; i++) {
		raise_by(&counted.calls[i], c->calls[i]);
		raise_by(&counted.bytes[i], c->bytes[i]);
		raise_by(&counted.fallbacks[i], c->fallbacks[i]);
	}
}

/**
 * zc_xfer_counts() - what was done in this process
 * @counts: filled in
 * @size: sizeof(*counts) of the caller
 */
void zc_xfer_counts(struct zc_xfer_counts *counts, size_t size)
{
	struct zc_xfer_counts now;
	int i;

	for (i = 0; i < ZC_XFER_PATHS; i++) {
		now.calls[i] = counted.calls[i];
		now.bytes[i] = counted.bytes[i];
		now.fallbacks[i] = counted.fallbacks[i];
	}
	memset(counts, 0, size);
	memcpy(counts, &now, size < sizeof(now) ? size : sizeof(now));
}

/**
 * struct copy - bytes from one fd to another
 * @in: where from
 * @out: where to
 * @in_off: and from which offset; NULL for its position
 * @out_off: the same of @out
 * @left: bytes to go
 * @stops: a signal ends it, when some went
 * @moved: some went
 * @ended: nothing was left to read
 */
struct copy {
	int in, out;
	int64_t *in_off, *out_off;
	uint64_t left;
	bool stops;
	bool moved;
	bool ended;
};

static void moved(struct copy *c, enum zc_xfer_path path, ssize_t n)
{
	count(path, n);
	c->left -= n;
	c->moved |= n > 0;
}

/* One system call of each way. Return: bytes, 0 at the end, -1 and errno. */
static ssize_t by_range(struct copy *c, size_t len)
{
	return copy_file_range(c->in, c->in_off, c->out, c->out_off, len, 0);
}

static ssize_t by_sendfile(struct copy *c, size_t len)
{
	/* It writes at the position of a file, and reads from what can be mapped. */
	if (c->out_off) {
		errno = EINVAL;
		return -1;
	}
	return zcx_sendfile(c->out, c->in, c->in_off, len);
}

static ssize_t by_splice(struct copy *c, size_t len)
{
	return splice(c->in, c->in_off, c->out, c->out_off, len, SPLICE_F_MOVE);
}

/*
 * One way until it is done, or cannot do it. Return: 0 when all is done that can be, 1
 * to try the next way, -errno.
 */
static int try(struct copy *c, enum zc_xfer_path path, ssize_t (*call)(struct copy *c, size_t len))
{
	bool any = false;
	ssize_t n;

	while (c->left) {
		n = call(c, c->left < ZCX_CALL_MAX ? c->left : ZCX_CALL_MAX);
		if (n > 0) {
			moved(c, path, n);
			any = true;
			continue;
		}
		if (n < 0 && errno == EINTR) {
			if (c->moved && c->stops)
				return 0;
			continue;
		}
		/*
		 * Files that have bytes and no size end at once for some kernels, and one
		 * that is opened for appending is a bad fd to copy_file_range().
		 */
		if (n < 0 ? zcx_unsupported(errno) || errno == EBADF || errno == ESPIPE ||
			    errno == EPERM : !any) {
			if (n < 0)
				raise_by(&counted.fallbacks[path], 1);
			return 1;
		}
		c->ended = !n;
		return n ? -errno : 0;
	}
	return 0;
}

static ssize_t put(struct copy *c, const char *buf, size_t len)
{
	ssize_t n;

	if (!c->out_off)
		return write(c->out, buf, len);
	n = pwrite(c->out, buf, len, *c->out_off);
	if (n > 0)
		*c->out_off += n;
	return n;
}

/*
 * Writes what was read. What cannot be read again is written whatever it takes: a fd
 * that does not block is waited for. Sets the bytes that could not be written.
 */
static int put_all(struct copy *c, const char *buf, size_t *len, bool again)
{
	struct pollfd ready = { .fd = c->out, .events = POLLOUT };
	ssize_t n;

	while (*len) {
		n = put(c, buf, *len);
		if (n >= 0) {
			buf += n;
			*len -= n;
			moved(c, ZC_XFER_READ, n);
		} else if (errno == EAGAIN && !again) {
			poll(&ready, 1, -1);
		} else if (errno != EINTR) {
			return -errno;
		}
	}
	return 0;
}

static int by_read(struct copy *c)
{
	bool again = c->in_off || lseek(c->in, 0, SEEK_CUR) >= 0;
	char *buf = malloc(BOUNCE);
	int err = buf ? 0 : -ENOMEM;
	size_t len;
	ssize_t n;

	while (!err && c->left) {
		len = c->left < BOUNCE ? c->left : BOUNCE;
		n = c->in_off ? pread(c->in, buf, len, *c->in_off) : read(c->in, buf, len);
		if (n < 0) {
			err = errno == EINTR && !(c->moved && c->stops) ? 0 : -errno;
			continue;
		}
		c->ended = !n;
		if (!n)
			break;
		len = n;
		err = put_all(c, buf, &len, again);
		if (c->in_off)
			*c->in_off += n - len;
		else if (len && again && lseek(c->in, -(off_t)len, SEEK_CUR) < 0)
			err = -errno;
	}
	free(buf);
	return err;
}

/* Where a fd's bytes begin, -1 if it has no offsets. */
static int64_t place(int fd, const int64_t *off)
{
	return off ? *off : lseek(fd, 0, SEEK_CUR);
}

static bool appends(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && flags & O_APPEND;
}

/*
 * Within one file no bytes are written that are still to be read, and what is written
 * after its end is none of what was to be copied. Return: 0 or -EINVAL.
 */
static int within(struct copy *c)
{
	int64_t in_at = place(c->in, c->in_off), out_at = place(c->out, c->out_off);
	uint64_t apart, there;
	struct stat in, out;

	if (in_at < 0 || out_at < 0 || fstat(c->in, &in) || fstat(c->out, &out) ||
	    !S_ISREG(in.st_mode) || in.st_dev != out.st_dev || in.st_ino != out.st_ino)
		return 0;
	if (appends(c->out))
		out_at = out.st_size;
	there = in_at < in.st_size ? in.st_size - in_at : 0;
	apart = in_at < out_at ? out_at - in_at : in_at - out_at;
	if (c->left > there)
		c->left = there;
	return apart < c->left ? -EINVAL : 0;
}

static int64_t copy(struct copy *c, bool files)
{
	struct zcx_quiet quiet = { 0 };
	uint64_t len;
	int ret;

	/* What is open for appending has the bytes at its end, whatever the offset. */
	if (c->left > INT64_MAX || (c->out_off && appends(c->out)))
		return -EINVAL;
	ret = within(c);
	if (ret)
		return ret;
	len = c->left;
	ret = 1;
	/* The end may be a pipe or a socket, which nobody reads any more. */
	zcx_quiet_begin(&quiet);
	if (files)
		ret = try(c, ZC_XFER_COPY_RANGE, by_range);
	if (ret > 0)
		ret = try(c, ZC_XFER_SENDFILE, by_sendfile);
	if (ret > 0)
		ret = try(c, ZC_XFER_SPLICE, by_splice);
	if (ret > 0)
		ret = by_read(c);
	zcx_quiet_end(&quiet, c->left);
	return c->left == len ? ret : (int64_t)(len - c->left);
}

/**
 * zc_copy_range() - copy bytes from a fd to another
 * @out: where to
 * @out_offset: from which offset on, or NULL
 * @in: where from
 * @in_offset: from which offset on, or NULL
 * @len: how many
 *
 * Return: see zcache_xfer.h.
 */
int64_t zc_copy_range(int out, int64_t *out_offset, int in, int64_t *in_offset, uint64_t len)
{
	struct copy c = {
		.in = in, .out = out, .in_off = in_offset, .out_off = out_offset, .left = len,
	};

	return copy(&c, true);
}

/* From what has no offsets, or to what is no socket. */
static int64_t send_stream(int sock, int fd, int64_t *offset, uint64_t len, unsigned int flags)
{
	struct copy c = {
		.in = fd, .out = sock, .in_off = offset, .left = len, .stops = true,
	};
	int64_t ret;

	if (flags & ZC_XFER_NOWAIT)
		return -EINVAL;
	ret = copy(&c, false);
	return !ret && c.ended ? -ENODATA : ret;
}

/**
 * zc_sendfile() - send bytes of a file to a socket
 * @sock: where to
 * @fd: where from
 * @offset: from which offset on, or NULL
 * @len: how many
 * @flags: ZC_XFER_*
 *
 * Return: see zcache_xfer.h.
 */
int64_t zc_sendfile(int sock, int fd, int64_t *offset, uint64_t len, unsigned int flags)
{
	struct zcx_seg seg = {
		.fd = fd, .len = len,
		.path = flags & ZC_XFER_AHEAD ? ZCX_URING : zcx_choose(len, flags & ZC_XFER_COPY),
	};
	unsigned int how = ZCX_RESTART | (flags & ZC_XFER_NOWAIT ? ZCX_NOWAIT : 0) |
			   (flags & ZC_XFER_MORE ? ZCX_MORE : 0);
	struct zcx_counts counts = { 0 };
	int64_t ret, at = offset ? *offset : lseek(fd, 0, SEEK_CUR);

	if (flags & ~(ZC_XFER_NOWAIT | ZC_XFER_MORE | ZC_XFER_COPY | ZC_XFER_AHEAD) ||
	    len > INT64_MAX)
		return -EINVAL;
	if (!offset && at < 0)
		return errno == ESPIPE ? send_stream(sock, fd, NULL, len, flags) : -errno;
	if (at < 0 || len > (uint64_t)INT64_MAX - at)
		return -EINVAL;
	seg.offset = at;
	ret = zcx_send(sock, &seg, 1, 0, 0, how, &counts);
	count_send(&counts);
	if (ret == -ENOTSOCK)
		return send_stream(sock, fd, offset, len, flags);
	if (ret > 0 && offset)
		*offset += ret;
	else if (ret > 0 && lseek(fd, at + ret, SEEK_SET) < 0)
		return -errno;
	return ret;
}
