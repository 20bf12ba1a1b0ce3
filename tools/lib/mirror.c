// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The mirror as a back end: opening, closing, and what is asked of the whole of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mirror.h"
#include "zcache_xfer.h"

static int open_folder(struct zc_mirror *m, const char *path)
{
	struct stat st;
	int err;

	m->path = realpath(path, NULL);
	if (!m->path)
		return -errno;
	m->dir = open(m->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dir < 0)
		return errno == ENOTDIR ? -EMEDIUMTYPE : -errno;
	err = zcm_super_read(m->dir, &m->super);
	if (err)
		return err;
	/* A folder may be of another device than the files in it: overlayfs. */
	if (fstatat(m->dir, "store", &st, 0))
		return -errno;
	m->dev = st.st_dev;
	return 0;
}

static void mirror_close(struct zc_cache *cache)
{
	struct zc_mirror *m = zcm_mirror(cache);

	if (m->owner)
		(void)zc_policy_release(cache);
	zcm_cache_exit(m);
	zcm_known_exit(m);
	zcm_index_close(m);
	if (m->dir >= 0)
		close(m->dir);
	free(m->path);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static int mirror_open(const char *path, int flags, struct zc_cache **cache)
{
	struct zc_mirror *m = calloc(1, sizeof(*m));
	bool above;
	int err;

	if (!m)
		return -ENOMEM;
	m->cache.be = &zc_backend_mirror;
	m->dir = -1;
	m->index = -1;
	m->send_path = ZC_XFER_AUTO;
	m->writable = flags == O_RDWR;
	pthread_mutex_init(&m->lock, NULL);
	err = open_folder(m, path);
	if (!err)
		err = zcm_index_open(m);
	if (!err && !m->direct)
		err = zcm_lock_fresh(m);
	if (!err && !m->direct) {
		above = m->head->used > m->head->capacity;
		zcm_unlock(m);
		/* Who made the capacity smaller may have been killed at that. */
		if (m->writable && above)
			err = zcm_shrink(m);
	}
	if (err) {
		mirror_close(&m->cache);
		return err;
	}
	*cache = &m->cache;
	return 0;
}

/**
 * zcm_lock_fresh() - lock the index, and see to it that it tells what is there now
 * @m: the mirror
 *
 * Others have turns at the lock while much goes.
 *
 * Return: 0, with the lock, or -errno, without it.
 */
int zcm_lock_fresh(struct zc_mirror *m)
{
	int err = zcm_lock(m);

	if (err)
		return err;
	if (m->direct) {
		err = zcm_rebuild(m);
		if (err)
			zcm_unlock(m);
		return err;
	}
	zcm_reap(m);
	while (zcm_sweep(m)) {
		zcm_unlock(m);
		err = zcm_lock(m);
		if (err)
			return err;
	}
	return 0;
}

static int mirror_info(struct zc_cache *cache, struct zc_info *info)
{
	struct zc_mirror *m = zcm_mirror(cache);
	const struct zcm_head *h = m->head;
	const char *name;
	int err;

	if (info->flags || info->__reserved)
		return -EINVAL;
	err = zcm_lock_fresh(m);
	if (err)
		return err;
	info->abi = ZC_ABI_VERSION;
	info->inline_limit = 0;
	info->features = 0;
	info->capacity = h->capacity;
	info->used = h->used;
	info->objects = h->objects;
	info->max_object_size = h->max_object_size;
	info->splice_threshold = h->splice_threshold;
	info->max_key_len = m->super.max_key_len;
	name = strrchr(m->path, '/') + 1;
	memset(info->name, 0, sizeof(info->name));
	memcpy(info->name, name, strnlen(name, sizeof(info->name) - 1));
	zcm_unlock(m);
	return 0;
}

static int mirror_counters(struct zc_cache *cache, uint64_t *values, unsigned int nr)
{
	struct zc_mirror *m = zcm_mirror(cache);
	unsigned int i;
	int err;

	err = m->direct ? zcm_lock(m) : zcm_lock_fresh(m);
	if (err)
		return err;
	zcm_unlock(m);
	for (i = 0; i < nr; i++)
		values[i] = i < ZC_C_NR ? __atomic_load_n(&m->head->counters[i],
							  __ATOMIC_RELAXED) : 0;
	return 0;
}

const struct zc_backend zc_backend_mirror = {
	.prefix = "mirror",
	.caps = ZC_CAP_PERSISTENT | ZC_CAP_COUNTERS,
	.open = mirror_open,
	.close = mirror_close,
	.info = mirror_info,
	.put = zcm_call_put,
	.fill = zcm_call_fill,
	.commit = zcm_call_commit,
	.stat = zcm_call_stat,
	.get = zcm_call_get,
	.open_object = zcm_call_open,
	.send = zcm_call_send,
	.send_batch = zcm_call_send_batch,
	.del = zcm_call_delete,
	.purge = zcm_call_purge,
	.touch = zcm_call_touch,
	.wait = zcm_call_wait,
	.lookup = zcm_call_lookup,
	.release = zcm_call_release,
	.counters = mirror_counters,
};
