// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reservations of the stand-in for the module, see fake_kmod.c: who has the lock of
 * KEY.r, which is also the file that the bytes go to, has the key reserved. The lock
 * goes with the last copy of the fill fd, whoever has it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake_kmod.h"

static int lock_file(int fd, int cmd, short type)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET };

	if (fcntl(fd, cmd, &l))
		return -errno;
	return l.l_type;
}

static int open_file(int dir, const char *name, int flags)
{
	char file[100];

	snprintf(file, sizeof(file), "%s.r", name);
	return openat(dir, file, flags | O_CLOEXEC, 0666);
}

/* Returns the fill fd. */
int fake_reserve(int dir, const char *name)
{
	struct meta m;
	int fd;

	if (!fake_read_meta(dir, name, &m) && !fake_expired(&m))
		return -EEXIST;
	fd = open_file(dir, name, O_RDWR | O_CREAT);
	if (fd < 0)
		abort();
	while (lock_file(fd, F_OFD_SETLK, F_WRLCK) < 0) {
		/* Those who waited have it for a moment, to read. */
		if (lock_file(fd, F_OFD_GETLK, F_WRLCK) != F_WRLCK)
			continue;
		close(fd);
		return -EBUSY;
	}
	if (ftruncate(fd, 0))
		abort();
	return fd;
}

void fake_unreserve(int fd)
{
	if (lock_file(fd, F_OFD_SETLK, F_UNLCK) < 0)
		abort();
}

struct waiter {
	int file, to;
};

static void *wait_for_lock(void *arg)
{
	struct waiter w = *(struct waiter *)arg;

	free(arg);
	while (lock_file(w.file, F_OFD_SETLKW, F_RDLCK) == -EINTR)
		;
	close(w.file);
	if (write(w.to, "", 1) != 1)
		abort();
	close(w.to);
	return NULL;
}

/* A pipe that becomes readable. */
static int wait_fd(int file)
{
	struct waiter *w = malloc(sizeof(*w));
	pthread_t thread;
	int ends[2];

	if (!w || pipe2(ends, O_CLOEXEC))
		abort();
	w->file = file;
	w->to = ends[1];
	if (pthread_create(&thread, NULL, wait_for_lock, w))
		abort();
	pthread_detach(thread);
	return ends[0];
}

/* Does not wait yet: w->fd is what is to be waited for. */
int fake_wait(int dir, struct zc_wait *w)
{
	char name[80];
	int err, fd;

	if (w->size != sizeof(*w) || w->flags & ~ZC_WAIT_FD || w->fd || w->__reserved ||
	    w->timeout_ms < -1 || (w->flags & ZC_WAIT_FD && w->timeout_ms))
		return -EINVAL;
	err = fake_hex_name(w->key, w->key_len, name);
	if (err)
		return err;
	fd = open_file(dir, name, O_RDONLY);
	if (fd < 0)
		return -errno;
	if (lock_file(fd, F_OFD_GETLK, F_RDLCK) == F_WRLCK) {
		w->fd = wait_fd(fd);
		return 0;
	}
	close(fd);
	return -ENOENT;
}

int fake_wait_end(struct zc_wait *w)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	int n;

	if (w->flags & ZC_WAIT_FD)
		return 0;
	n = poll(&p, 1, w->timeout_ms);
	if (n)
		close(w->fd);
	w->fd = 0;
	return n < 0 ? -EINTR : n ? 0 : -ETIMEDOUT;
}
