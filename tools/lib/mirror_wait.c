// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Waiting for who fills a missing key of a mirror: for the fill's file to be closed,
 * renamed or removed, which the system tells (inotify).
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "mirror.h"

/*
 * The system tells of the close a moment before the file's lock goes. Who is told then
 * would wait for ever, so a wait looks again after so many milliseconds.
 */
#define LOOK_MS	50

/*
 * Finds the fill that has a key reserved; its id is 0 if there is none. Its file is looked
 * at without the index's lock: many may wait, and look again and again.
 */
static int reserved(struct zc_mirror *m, const struct zcm_hash *hash, uint64_t *id)
{
	struct zcm_fill *fill, seen = { 0 };
	int err = zcm_lock(m);

	if (err)
		return err;
	fill = zcm_fill_reserved(m, hash);
	if (fill)
		seen = *fill;
	zcm_unlock(m);
	*id = seen.id;
	if (!fill || !zcm_fill_dead(m, &seen))
		return 0;
	err = zcm_lock(m);
	if (err)
		return err;
	fill = zcm_fill_reserved(m, hash);
	/* It may have been committed, and another begun. */
	if (fill && fill->id == seen.id) {
		zcm_fill_end(m, fill);
		fill = NULL;
	}
	*id = fill ? fill->id : 0;
	zcm_unlock(m);
	return 0;
}

/* By the fd of the folder, which may be called otherwise by now. */
static int watch_file(struct zc_mirror *m, uint64_t id)
{
	const uint32_t what = IN_CLOSE_WRITE | IN_MOVE_SELF | IN_DELETE_SELF;
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), err;
	char name[ZCM_NAME], path[ZCM_NAME + 32];

	if (fd < 0)
		return -errno;
	zcm_fill_name(name, id, false);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", m->dir, name);
	if (inotify_add_watch(fd, path, what) >= 0)
		return fd;
	/* Not the word for it: somebody has the key. */
	err = errno == ENOENT ? -EIO : -errno;
	close(fd);
	return err;
}

/*
 * Watches the file of the fill that has a key reserved: sets *fd, or if that cannot be
 * to -errno. -ENOENT: there is no such fill.
 */
static int watch(struct zc_mirror *m, const struct zcm_hash *hash, uint64_t *id, int *fd)
{
	uint64_t now;
	int err;

	err = reserved(m, hash, id);
	for (;;) {
		if (!err && !*id)
			err = -ENOENT;
		if (err)
			return err;
		*fd = watch_file(m, *id);
		/* It may have been closed before it was watched. */
		err = reserved(m, hash, &now);
		if (!err && now == *id)
			return 0;
		if (*fd >= 0)
			close(*fd);
		*id = now;
	}
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / ZCM_NS_PER_MS;
}

static int wait_for(struct zc_mirror *m, const struct zcm_hash *hash, int fd, uint64_t id,
		    int timeout_ms)
{
	int64_t end = now_ms() + timeout_ms;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char events[4096];

	for (;;) {
		int64_t left = timeout_ms < 0 ? LOOK_MS : end - now_ms();
		uint64_t now;
		int err;

		if (left > LOOK_MS)
			left = LOOK_MS;
		if (poll(&p, 1, left < 0 ? 0 : left) < 0)
			return -errno;
		/* Told or not: what counts is who has the key. */
		while (read(fd, events, sizeof(events)) > 0)
			;
		err = reserved(m, hash, &now);
		if (err || now != id)
			return err;
		if (timeout_ms >= 0 && now_ms() >= end)
			return -ETIMEDOUT;
	}
}

/** zcm_call_wait() - zc_wait() */
int zcm_call_wait(struct zc_cache *cache, struct zc_wait *wait)
{
	struct zc_mirror *m = zcm_mirror(cache);
	const void *key = (const void *)(uintptr_t)wait->key;
	struct zcm_hash hash;
	uint64_t id = 0;
	int fd, err;

	if (wait->flags & ~ZC_WAIT_FD || wait->__reserved || wait->fd ||
	    wait->timeout_ms < -1 || (wait->flags & ZC_WAIT_FD && wait->timeout_ms))
		return -EINVAL;
	err = zcm_key_check(m, key, wait->key_len);
	if (err)
		return err;
	if (m->direct)
		return -ENOENT;
	zcm_hash(m, key, wait->key_len, &hash);
	err = watch(m, &hash, &id, &fd);
	if (err)
		return err;
	if (wait->flags & ZC_WAIT_FD) {
		if (fd >= 0)
			wait->fd = fd;
		return fd;
	}
	/* A user may have so many of these only; who is not told looks again. */
	err = wait_for(m, &hash, fd, id, wait->timeout_ms);
	if (fd >= 0)
		close(fd);
	return err;
}
