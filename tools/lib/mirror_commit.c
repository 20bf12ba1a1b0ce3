// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * A fill becomes an object. With ZC_MIRROR_DURABLE its files are on the disk before that,
 * and nobody waits for the disk with the index's lock: so the version is given, and its
 * metadata written, in a turn of its own before.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mirror.h"

/* So often another was faster; then the sync is done with the lock. */
#define TRIES	8

/* A generation that was never given, also if the index is lost right after. */
static int next_generation(struct zc_mirror *m, uint64_t *generation)
{
	struct zcm_head *h = m->head;
	struct zcm_super super;
	char name[ZCM_NAME];
	struct stat st;
	int err;

	for (;;) {
		if (h->generation >= h->high_water) {
			err = zcm_super_read(m->dir, &super);
			if (err)
				return err;
			if (h->generation < super.high_water)
				h->generation = super.high_water;
			super.high_water = h->generation + ZCM_GENERATIONS;
			err = zcm_super_write(m->dir, &super, false);
			if (err)
				return err;
			h->high_water = super.high_water;
		}
		*generation = ++h->generation;
		zcm_data_name(name, *generation);
		if (fstatat(m->dir, name, &st, AT_SYMLINK_NOFOLLOW))
			return errno == ENOENT ? 0 : -errno;
		/* The index has forgotten which were given; none above this was. */
		h->generation = h->high_water;
	}
}

static int64_t end_of_life(const struct zcm_head *h, int64_t expires_ns, int64_t now)
{
	if (expires_ns || !h->default_ttl_ms)
		return expires_ns;
	return h->default_ttl_ms > (uint64_t)(INT64_MAX - now) / ZCM_NS_PER_MS ? INT64_MAX :
	       now + (int64_t)h->default_ttl_ms * ZCM_NS_PER_MS;
}

static int sync_meta(struct zc_mirror *m, uint64_t id)
{
	char name[ZCM_NAME];
	int fd, err;

	zcm_fill_name(name, id, true);
	fd = zcm_open(m, m->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	/* Another thread may have committed it; who looks at the fill then is told. */
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

/* Has a folder's names on the disk. */
static int sync_folder(struct zc_mirror *m, char *name)
{
	int fd, err;

	*strrchr(name, '/') = 0;
	fd = openat(m->dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	err = fsync(fd) ? -errno : 0;
	close(fd);
	return err;
}

/* The names of a version: a file without one is nobody's after a power cut. */
static int sync_names(struct zc_mirror *m, const struct zcm_info *info)
{
	char data[ZCM_NAME], meta[ZCM_NAME];

	zcm_data_name(data, info->meta.generation);
	zcm_meta_name(meta, &info->hash);
	return sync_folder(m, data) ?: sync_folder(m, meta);
}

/* Bytes of one key do not become another's, nor more than was reserved. */
static int may_publish(struct zc_mirror *m, const struct zcm_fill *fill,
		       const struct zcm_info *info)
{
	if (memcmp(&info->hash, &fill->hash, sizeof(info->hash)) ||
	    info->meta.data_len != fill->data_len || zcm_meta_charge(&info->meta) != fill->charge)
		return -EIO;
	return fill->flags & ZC_PUT_EXCL && zcm_fresh(m, zcm_entry_find(m, &info->hash)) ?
	       -EEXIST : 0;
}

/* With the lock: completes the metadata of what the fill is to become. */
static int name_version(struct zc_mirror *m, struct zcm_fill *fill, struct zcm_info *info)
{
	char name[ZCM_NAME];
	int err;

	err = next_generation(m, &info->meta.generation);
	if (err)
		return err;
	info->meta.created_ns = zcm_now();
	info->meta.expires_ns = end_of_life(m->head, info->meta.expires_ns, info->meta.created_ns);
	zcm_dirty(m);
	zcm_fill_name(name, fill->id, true);
	err = zcm_info_rewrite(m, name, info);
	fill->generation = info->meta.generation;
	zcm_clean(m);
	return err;
}

/*
 * The commit itself: the data gets the name of its version, then the metadata its
 * key's. The latter is the moment from which on the key has the new version. What
 * the old one had is taken away then.
 */
static int publish(struct zc_mirror *m, struct zcm_fill *fill, struct zcm_info *info, int fd)
{
	char from[ZCM_NAME], data[ZCM_NAME], meta_from[ZCM_NAME], meta[ZCM_NAME];
	uint32_t old = zcm_entry_find(m, &info->hash);
	bool missing = !zcm_fresh(m, old);
	struct zcm_head *h = m->head;
	int err;

	zcm_dirty(m);
	err = zcm_entry_room(m);
	if (err)
		goto out;
	zcm_fill_name(from, fill->id, false);
	zcm_fill_name(meta_from, fill->id, true);
	zcm_data_name(data, info->meta.generation);
	zcm_meta_name(meta, &info->hash);
	zcm_stamp(m, fd, info->meta.generation);
	if (renameat(m->dir, from, m->dir, data)) {
		err = -errno;
		goto out;
	}
	if (renameat(m->dir, meta_from, m->dir, meta)) {
		err = -errno;
		/* The fill goes on. If it cannot, who looks at the files next ends it. */
		if (renameat(m->dir, data, m->dir, from))
			return err;
		goto out;
	}
	if (old) {
		uint64_t gone = m->entry[old].generation;

		zcm_data_name(data, gone);
		zcm_unlink(m, data);
		zcm_entry_del(m, old, ZC_POLICY_GONE_OTHER);
		zcm_cache_drop(m, gone);
		zcm_count(m, ZC_C_REPLACES, 1);
	}
	/* What the fill had is the object's now. */
	h->used -= fill->charge;
	*fill = h->fill[--h->nr_fills];
	zcm_entry_add(m, info);
	if (missing)
		zcm_count(m, ZC_C_MISS_BYTES, info->meta.data_len);
out:
	zcm_clean(m);
	return err;
}

/* Gives it its version before, and has that on the disk. */
static int prepare(struct zc_mirror *m, const struct stat *st, struct zcm_info *info)
{
	struct zcm_fill *fill;
	uint64_t id = 0;
	int err = zcm_lock(m);

	if (err)
		return err;
	fill = zcm_fill_of(m, st);
	err = fill ? may_publish(m, fill, info) : -EALREADY;
	if (!err) {
		id = fill->id;
		err = name_version(m, fill, info);
	}
	zcm_unlock(m);
	return err ?: sync_meta(m, id);
}

/* With the lock. -EAGAIN: what was prepared is not what is to come. */
static int commit_fill(struct zc_mirror *m, struct zcm_fill *fill, struct zcm_info *info, int fd,
		       bool prepared)
{
	const struct zcm_entry *e;
	int err = may_publish(m, fill, info);

	if (err)
		return err;
	if (prepared) {
		/* The fill was prepared by another, or the key has a newer version. */
		e = &m->entry[zcm_entry_find(m, &info->hash)];
		if (fill->generation != info->meta.generation ||
		    e->generation > info->meta.generation)
			return -EAGAIN;
	} else {
		err = name_version(m, fill, info);
		if (!err && zcm_durable(m))
			err = sync_meta(m, fill->id);
	}
	return err ?: publish(m, fill, info, fd);
}

/**
 * zcm_commit() - make an object of a fill whose bytes are there
 * @m: the mirror
 * @fd: the fill fd
 * @st: of it
 * @info: its metadata, which gets generation and times
 * @counter: what to count it as
 *
 * Return: 0; -EALREADY: it is no fill any more; -EEXIST, or what the system says. If that
 * is of the disk after the commit, there is an object all the same.
 */
int zcm_commit(struct zc_mirror *m, int fd, const struct stat *st, struct zcm_info *info,
	       enum zc_counter counter)
{
	const bool durable = zcm_durable(m);
	struct zcm_fill *fill;
	unsigned int tries;
	int err;

	if (durable && fsync(fd))
		return -errno;
	for (tries = 0; ; tries++) {
		const bool prepared = durable && tries < TRIES;

		err = prepared ? prepare(m, st, info) : 0;
		if (!err)
			err = zcm_lock(m);
		if (err)
			return err;
		fill = zcm_fill_of(m, st);
		err = fill ? commit_fill(m, fill, info, fd, prepared) : -EALREADY;
		if (!err) {
			zcm_count(m, counter, 1);
			zcm_count(m, ZC_C_FILL_BYTES, info->meta.data_len);
		}
		zcm_unlock(m);
		if (!err && durable)
			return sync_names(m, info);
		if (err != -EAGAIN || !prepared)
			return err;
	}
}
