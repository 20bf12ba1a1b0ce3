// SPDX-License-Identifier: GPL-2.0-only
/* The mirror: waiting for who fills a key, where the system does not tell of it. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <zcache.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

static int no_inotify;		/* what it fails with */
static int close_at_poll = -1;	/* the fd that the next poll(2) closes */
static unsigned int looks;	/* at files of fills */
static unsigned int locks;	/* those with the index's lock */
static struct zc_cache *held;

int __wrap_inotify_init1(int flags);
int __real_inotify_init1(int flags);

int __wrap_inotify_init1(int flags)
{
	if (!no_inotify)
		return __real_inotify_init1(flags);
	errno = no_inotify;
	return -1;
}

int __wrap_poll(struct pollfd *fds, nfds_t nr, int timeout);
int __real_poll(struct pollfd *fds, nfds_t nr, int timeout);

int __wrap_poll(struct pollfd *fds, nfds_t nr, int timeout)
{
	if (close_at_poll >= 0)
		close(close_at_poll);
	close_at_poll = -1;
	return __real_poll(fds, nr, timeout);
}

int __wrap_flock(int fd, int how);
int __real_flock(int fd, int how);

int __wrap_flock(int fd, int how)
{
	if (held) {
		pthread_mutex_t *lock = &zcm_mirror(held)->head->lock;

		looks++;
		if (pthread_mutex_trylock(lock))
			locks++;
		else
			pthread_mutex_unlock(lock);
	}
	return __real_flock(fd, how);
}

static int reserve(struct zc_cache *c)
{
	struct zc_put p = {
		.flags = ZC_PUT_RESERVE, .key = zc_ptr("k"), .key_len = 1, .data_len = 1,
	};

	return zc_fill(c, &p);
}

static int wait_key(struct zc_cache *c, uint32_t flags, int timeout_ms)
{
	struct zc_wait w = {
		.flags = flags, .key = zc_ptr("k"), .key_len = 1, .timeout_ms = timeout_ms,
	};

	return zc_wait(c, &w);
}

static void not_told(int error, const char *what)
{
	struct zc_cache *c = mirror_new(what, NULL);

	no_inotify = error;
	is_int(wait_key(c, 0, 10), -ENOENT, what);
	close_at_poll = reserve(c);
	ok(close_at_poll >= 0, "a key is reserved");
	is_int(wait_key(c, ZC_WAIT_FD, 0), -error, "a fd that tells of it cannot be had");
	is_int(wait_key(c, 0, -1), 0, "but one can wait");
	is_int(wait_key(c, 0, -1), -ENOENT, "until nobody has it");
	close_at_poll = -1;
	no_inotify = 0;
	zc_close(c);
}

/* The folder gets another name while it is open; all else goes by its fd as well. */
static void moved(void)
{
	struct zc_cache *c = mirror_new("here", NULL);
	struct pollfd p = { .events = POLLIN };
	char from[600];
	int fd = reserve(c);

	snprintf(from, sizeof(from), "%s", mirror_path("here"));
	is_int(rename(from, mirror_path("there")), 0, "a folder is renamed");
	is_int(reserve(c), -EBUSY, "the key is reserved still");
	is_int(wait_key(c, 0, 1), -ETIMEDOUT, "and waited for");
	p.fd = wait_key(c, ZC_WAIT_FD, 0);
	ok(p.fd >= 0, "a fd tells of it");
	is_int(poll(&p, 1, 0), 0, "not yet");
	close(fd);
	is_int(poll(&p, 1, 30000), 1, "but when it is closed");
	close(p.fd);
	zc_close(c);
}

/* Many that wait do not keep the others from the index while they look at files. */
static void not_held(void)
{
	struct zc_cache *c = mirror_new("held", NULL);
	int fd = reserve(c);

	held = c;
	is_int(wait_key(c, 0, 120), -ETIMEDOUT, "a wait that looks some times");
	held = NULL;
	ok(looks > 2, "looks at the file");
	is_int(locks, 0, "without the lock");
	close(fd);
	zc_close(c);
}

int main(void)
{
	not_told(EMFILE, "no more of these fds");
	not_told(ENOSPC, "no more watches");
	moved();
	not_held();
	return tap_end();
}
