// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The back end of the kernel module: each call is one ioctl on the node. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "backend.h"

#define NODE_DIR "/dev/zcache/"

struct kmod_cache {
	struct zc_cache cache;
	int fd;
	uint64_t threshold; /* the store's when it was first asked for, or 0; atomic */
};

static int call(struct zc_cache *cache, unsigned long nr, void *arg)
{
	return ioctl(((struct kmod_cache *)cache)->fd, nr, arg) < 0 ? -errno : 0;
}

/*
 * The kernel's rule for names. It also keeps a name from leaving the folder of
 * the nodes, so it is not left to the kernel.
 */
static int name_ok(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return len > 0 && len <= ZC_NAME_MAX && !name[len] && name[0] != '.';
}

static int kmod_open(const char *name, int flags, struct zc_cache **cache)
{
	char path[sizeof(NODE_DIR) + ZC_NAME_MAX];
	struct kmod_cache *k;
	int err;

	if (!name_ok(name))
		return -EINVAL;
	k = malloc(sizeof(*k));
	if (!k)
		return -ENOMEM;
	snprintf(path, sizeof(path), NODE_DIR "%s", name);
	k->cache.be = &zc_backend_kmod;
	k->threshold = 0;
	k->fd = open(path, flags | O_CLOEXEC);
	if (k->fd < 0) {
		err = -errno;
		free(k);
		return err;
	}
	*cache = &k->cache;
	return 0;
}

static void kmod_close(struct zc_cache *cache)
{
	close(((struct kmod_cache *)cache)->fd);
	free(cache);
}

static int kmod_info(struct zc_cache *cache, struct zc_info *info)
{
	return call(cache, ZC_IOC_INFO, info);
}

static int kmod_put(struct zc_cache *cache, struct zc_put *put)
{
	return call(cache, ZC_IOC_PUT, put);
}

static int kmod_fill(struct zc_cache *cache, struct zc_put *fill)
{
	int err = call(cache, ZC_IOC_FILL, fill);

	return err ? err : fill->fd;
}

/* The fill fd knows its store, so the cache is not looked at. */
static int kmod_commit(struct zc_cache *cache, int fill_fd, struct zc_commit *commit)
{
	(void)cache;
	return ioctl(fill_fd, ZC_IOC_COMMIT, commit) < 0 ? -errno : 0;
}

static int kmod_stat(struct zc_cache *cache, struct zc_stat *stat)
{
	return call(cache, ZC_IOC_STAT, stat);
}

static int kmod_get(struct zc_cache *cache, struct zc_get *get)
{
	return call(cache, ZC_IOC_GET, get);
}

static int kmod_open_object(struct zc_cache *cache, struct zc_open *open)
{
	int err = call(cache, ZC_IOC_OPEN, open);

	return err ? err : open->fd;
}

static int kmod_send(struct zc_cache *cache, struct zc_send *send)
{
	return call(cache, ZC_IOC_SEND, send);
}

static int kmod_send_batch(struct zc_cache *cache, struct zc_send_batch *batch)
{
	return call(cache, ZC_IOC_SEND_BATCH, batch);
}

static int kmod_delete(struct zc_cache *cache, struct zc_delete *del)
{
	return call(cache, ZC_IOC_DELETE, del);
}

static int kmod_purge(struct zc_cache *cache, struct zc_purge *purge)
{
	return call(cache, ZC_IOC_PURGE, purge);
}

static int kmod_touch(struct zc_cache *cache, struct zc_touch *touch)
{
	return call(cache, ZC_IOC_TOUCH, touch);
}

static int kmod_lookup(struct zc_cache *cache, struct zc_lookup *lookup)
{
	struct kmod_cache *k = (struct kmod_cache *)cache;
	uint64_t threshold = __atomic_load_n(&k->threshold, __ATOMIC_RELAXED);
	struct zc_info info = { .size = sizeof(info) };
	int err;

	if (!threshold) {
		err = kmod_info(cache, &info);
		if (err)
			return err;
		threshold = info.splice_threshold ? info.splice_threshold : 1;
		__atomic_store_n(&k->threshold, threshold, __ATOMIC_RELAXED);
	}
	return zc_lookup_calls(cache, lookup, threshold);
}

static void kmod_release(struct zc_cache *cache, struct zc_lookup *lookup)
{
	(void)cache;
	zc_release_calls(lookup);
}

/* They come by netlink, and need no open store. */
static int kmod_counters(struct zc_cache *cache, uint64_t *values, unsigned int nr)
{
	(void)cache;
	(void)values;
	(void)nr;
	return -EOPNOTSUPP;
}

static int kmod_wait(struct zc_cache *cache, struct zc_wait *wait)
{
	int err = call(cache, ZC_IOC_WAIT, wait);

	return err || !(wait->flags & ZC_WAIT_FD) ? err : wait->fd;
}

const struct zc_backend zc_backend_kmod = {
	.prefix = "kmod",
	.caps = ZC_CAP_COVERAGE | ZC_CAP_FROZEN | ZC_CAP_HELD | ZC_CAP_TAG_LIMITS,
	.open = kmod_open,
	.close = kmod_close,
	.info = kmod_info,
	.put = kmod_put,
	.fill = kmod_fill,
	.commit = kmod_commit,
	.stat = kmod_stat,
	.get = kmod_get,
	.open_object = kmod_open_object,
	.send = kmod_send,
	.send_batch = kmod_send_batch,
	.del = kmod_delete,
	.purge = kmod_purge,
	.touch = kmod_touch,
	.wait = kmod_wait,
	.lookup = kmod_lookup,
	.release = kmod_release,
	.counters = kmod_counters,
};
