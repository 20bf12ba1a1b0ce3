// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* zc_put_file(): an object from a file, through a fill. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "xfer.h"
#include "zcache.h"

/* Small enough that progress is seen, large enough that calls do not matter. */
#define PIECE (4U << 20)
#define BOUNCE (256U << 10)

static int write_all(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(fd, buf, len);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		buf += n;
		len -= n;
	}
	return 0;
}

/* For files that sendfile(2) does not read: pipes, terminals, some pseudo files. */
static int copy_by_write(int fill_fd, int fd, uint64_t done, uint64_t len,
			 zc_progress_fn progress, void *arg)
{
	char *buf = malloc(BOUNCE);
	int err = 0;

	if (!buf)
		return -ENOMEM;
	while (!err && done < len) {
		ssize_t n = read(fd, buf, len - done < BOUNCE ? len - done : BOUNCE);

		if (n < 0) {
			err = errno == EINTR ? 0 : -errno;
			continue;
		}
		if (!n) {
			err = -ENODATA;
			break;
		}
		err = write_all(fill_fd, buf, n);
		done += n;
		if (!err && progress && progress(arg, done))
			err = -ECANCELED;
	}
	free(buf);
	return err;
}

static int copy(int fill_fd, int fd, uint64_t len, zc_progress_fn progress, void *arg)
{
	uint64_t done = 0;

	while (done < len) {
		ssize_t n = zcx_sendfile(fill_fd, fd, NULL,
					 len - done < PIECE ? len - done : PIECE);

		if (n < 0) {
			if (errno == EINTR)
				continue;
			if (zcx_unsupported(errno))
				return copy_by_write(fill_fd, fd, done, len, progress, arg);
			return -errno;
		}
		if (!n)
			return -ENODATA;
		done += n;
		if (progress && progress(arg, done))
			return -ECANCELED;
	}
	return 0;
}

int zc_put_file(struct zc_cache *cache, struct zc_put *put, int fd,
		zc_progress_fn progress, void *arg)
{
	uint64_t generation;
	int fill_fd, err;

	put->fd = 0;
	fill_fd = zc_fill(cache, put);
	if (fill_fd < 0)
		return fill_fd;
	err = copy(fill_fd, fd, put->data_len, progress, arg);
	if (!err)
		err = zc_commit(cache, fill_fd, &generation);
	close(fill_fd);
	/* The struct may be used again, so the closed fd must not stay in it. */
	put->fd = 0;
	if (!err)
		put->generation = generation;
	return err;
}
