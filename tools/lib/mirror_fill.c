// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Objects that come: a fill is a file in DIR/fill, beside its metadata, and a line in
 * the index that says what room it has. Who fills holds a lock (flock) of the file,
 * which ends with the last copy of the fill fd, also when its process dies.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mirror.h"

/* So often at the lock room is made little by little, while others may take it. */
#define TURNS	64

static bool put_flags_ok(const struct zc_put *put, uint32_t flags)
{
	return !(put->flags & ~flags) && !put->fd && !put->__reserved && !put->__reserved2;
}

static int tags_check(const struct zc_put *put)
{
	const uint64_t *tags = (const uint64_t *)(uintptr_t)put->tags;
	uint32_t i, k;

	if (put->nr_tags && !tags)
		return -EFAULT;
	for (i = 0; i < put->nr_tags; i++) {
		if (!tags[i])
			return -EINVAL;
		for (k = 0; k < i; k++)
			if (tags[k] == tags[i])
				return -EINVAL;
	}
	return 0;
}

/* In the order of the module, so that of several errors the same is told. */
static int put_check(struct zc_mirror *m, const struct zc_put *put)
{
	int err;

	if (put->key_len > m->super.max_key_len)
		return -ENAMETOOLONG;
	if (!put->key_len || put->header_len > ZC_HEADER_MAX || put->etag_len > ZC_ETAG_MAX ||
	    put->type_len > ZC_TYPE_MAX || put->nr_tags > ZC_TAGS_MAX || put->expires_ns < 0)
		return -EINVAL;
	if (put->data_len > __atomic_load_n(&m->head->max_object_size, __ATOMIC_RELAXED))
		return -EFBIG;
	err = zcm_key_check(m, (void *)(uintptr_t)put->key, put->key_len);
	if (err)
		return err;
	if ((put->etag_len && !put->etag) || (put->type_len && !put->type) ||
	    (put->header_len && !put->header))
		return -EFAULT;
	return 0;
}

/** zcm_fresh() - Return: whether an entry, or 0, is of an object that is served now */
bool zcm_fresh(struct zc_mirror *m, uint32_t i)
{
	return i && !zcm_expired(m->entry[i].expires_ns, zcm_now());
}

/**
 * zcm_fill_reserved() - find who has a key reserved
 * @m: the mirror, locked
 * @hash: of the key
 *
 * Return: the fill, or NULL.
 */
struct zcm_fill *zcm_fill_reserved(struct zc_mirror *m, const struct zcm_hash *hash)
{
	uint32_t i;

	for (i = 0; i < m->head->nr_fills; i++) {
		struct zcm_fill *f = &m->head->fill[i];

		if (f->flags & ZC_PUT_RESERVE && f->hash.w[0] == hash->w[0] &&
		    f->hash.w[1] == hash->w[1])
			return f;
	}
	return NULL;
}

/**
 * zcm_fill_dead() - tell whether nobody has a fill fd any more
 * @m: the mirror; need not be locked, but what is told of a fill that ends then is nothing
 * @fill: the fill, or a copy
 *
 * Return: whether nobody has. Several that look at once do not take each other for one.
 */
bool zcm_fill_dead(struct zc_mirror *m, const struct zcm_fill *fill)
{
	char name[ZCM_NAME];
	bool dead;
	int fd;

	zcm_fill_name(name, fill->id, false);
	fd = zcm_open(m, m->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return fd == -ENOENT;
	dead = !flock(fd, LOCK_SH | LOCK_NB);
	close(fd);
	return dead;
}

/**
 * zcm_fill_end() - forget a fill that was not committed, and its files
 * @m: the mirror, locked
 * @fill: the fill; the last one of the table takes its place
 */
void zcm_fill_end(struct zc_mirror *m, struct zcm_fill *fill)
{
	struct zcm_head *h = m->head;
	char name[ZCM_NAME];

	zcm_dirty(m);
	if (!(fill->flags & ZCM_FILL_PUT))
		zcm_count(m, ZC_C_ABORTS, 1);
	zcm_fill_name(name, fill->id, true);
	zcm_unlink(m, name);
	zcm_fill_name(name, fill->id, false);
	zcm_unlink(m, name);
	h->used -= fill->charge;
	*fill = h->fill[--h->nr_fills];
	zcm_clean(m);
}

/* Makes the two files of a fill. Returns the fill fd, with its lock. */
static int make_files(struct zc_mirror *m, uint64_t id, struct zcm_info *info)
{
	char name[ZCM_NAME];
	int fd, err;

	zcm_fill_name(name, id, false);
	fd = zcm_open(m, m->dir, name, O_WRONLY | O_CREAT | O_EXCL);
	if (fd < 0)
		return fd;
	err = flock(fd, LOCK_EX | LOCK_NB) ? -errno : 0;
	if (!err) {
		zcm_fill_name(name, id, true);
		err = zcm_info_write(m, name, info, false);
		if (err)
			zcm_unlink(m, name);
	}
	if (!err)
		return fd;
	zcm_fill_name(name, id, false);
	zcm_unlink(m, name);
	close(fd);
	return err;
}

static int may_fill(struct zc_mirror *m, const struct zcm_hash *hash, uint32_t flags)
{
	struct zcm_fill *other;

	if (!(flags & ZC_PUT_RESERVE))
		return 0;
	if (zcm_fresh(m, zcm_entry_find(m, hash)))
		return -EEXIST;
	other = zcm_fill_reserved(m, hash);
	if (!other)
		return 0;
	if (!zcm_fill_dead(m, other))
		return -EBUSY;
	zcm_fill_end(m, other);
	return 0;
}

/* With the lock: takes the room and the place in the table, and makes the files. */
static int start(struct zc_mirror *m, struct zcm_info *info, struct zcm_fill *fill,
		 unsigned int most)
{
	struct zcm_head *h = m->head;
	struct stat st;
	int fd, err;

	zcm_sweep(m);
	if (h->nr_fills == ZCM_FILLS_MAX)
		zcm_reap(m);
	if (h->nr_fills == ZCM_FILLS_MAX)
		return -ENFILE;
	err = zcm_reserve(m, fill->charge, most);
	if (err)
		return err;
	fill->id = ++h->fill_id;
	fd = make_files(m, fill->id, info);
	/* What a killed one left behind before the index was made anew. */
	while (fd == -EEXIST) {
		fill->id = ++h->fill_id;
		fd = make_files(m, fill->id, info);
	}
	if (fd >= 0 && fstat(fd, &st)) {
		err = -errno;
		close(fd);
		fd = err;
	}
	if (fd >= 0) {
		fill->dev = st.st_dev;
		fill->ino = st.st_ino;
		h->fill[h->nr_fills++] = *fill;
	} else {
		h->used -= fill->charge;
	}
	zcm_clean(m);
	return fd;
}

/* Begins to fill. Returns the fill fd; *info is the caller's to put. */
static int begin(struct zc_mirror *m, const struct zc_put *put, uint32_t flags,
		 struct zcm_info **info)
{
	struct zcm_fill fill = { .flags = flags };
	unsigned int tries = 0;
	struct zcm_hash hash;
	int fd, err;

	/* Who is not to fill is told first, whatever else is wrong. */
	if (flags & ZC_PUT_RESERVE) {
		err = zcm_key_check(m, (void *)(uintptr_t)put->key, put->key_len);
		if (err)
			return err;
		zcm_hash(m, (void *)(uintptr_t)put->key, put->key_len, &hash);
		err = zcm_lock(m);
		if (err)
			return err;
		err = may_fill(m, &hash, flags);
		zcm_unlock(m);
		if (err)
			return err;
	}
	err = put_check(m, put);
	if (err)
		return err;
	*info = zcm_info_new(m, put);
	if (!*info)
		return -ENOMEM;
	(*info)->meta.flags = flags;
	fill.hash = (*info)->hash;
	fill.data_len = put->data_len;
	fill.charge = zcm_meta_charge(&(*info)->meta);
	do {
		fd = zcm_lock(m);
		if (fd)
			break;
		fd = may_fill(m, &fill.hash, flags);
		/* What never fits is told before what is wrong with its tags. */
		if (!fd && fill.charge > m->head->capacity)
			fd = -ENOSPC;
		if (!fd)
			fd = tags_check(put);
		if (!fd)
			fd = start(m, *info, &fill, tries++ < TURNS ? ZCM_EVICT_MAX : UINT_MAX);
		zcm_unlock(m);
	} while (fd == -EAGAIN);
	if (fd == -ENOSPC)
		zcm_count(m, ZC_C_REFUSALS, 1);
	if (fd < 0)
		zcm_info_put(*info);
	return fd;
}

/** zcm_fill_of() - Return: the fill that a file is of, or NULL; wants the lock */
struct zcm_fill *zcm_fill_of(struct zc_mirror *m, const struct stat *st)
{
	uint32_t i;

	for (i = 0; i < m->head->nr_fills; i++)
		if (m->head->fill[i].ino == st->st_ino && m->head->fill[i].dev == st->st_dev)
			return &m->head->fill[i];
	return NULL;
}

static int write_all(int fd, const char *from, uint64_t len)
{
	while (len) {
		ssize_t n = write(fd, from, len < 1U << 30 ? len : 1U << 30);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		from += n;
		len -= n;
	}
	return 0;
}

static void give_up(struct zc_mirror *m, int fd)
{
	struct zcm_fill *fill;
	struct stat st;

	if (fstat(fd, &st) || zcm_lock(m))
		return;
	fill = zcm_fill_of(m, &st);
	if (fill)
		zcm_fill_end(m, fill);
	zcm_unlock(m);
}

/** zcm_call_put() - zc_put() */
int zcm_call_put(struct zc_cache *cache, struct zc_put *put)
{
	struct zc_mirror *m = zcm_mirror(cache);
	struct zcm_info *info;
	struct stat st;
	int fd, err;

	if (!m->writable)
		return -EBADF;
	if (!put_flags_ok(put, ZC_PUT_EXCL))
		return -EINVAL;
	fd = begin(m, put, put->flags | ZCM_FILL_PUT, &info);
	if (fd < 0)
		return fd;
	err = write_all(fd, (const char *)(uintptr_t)put->data, put->data_len);
	if (!err && fstat(fd, &st))
		err = -errno;
	if (!err)
		err = zcm_commit(m, fd, &st, info, ZC_C_PUTS);
	if (!err)
		put->generation = info->meta.generation;
	else
		give_up(m, fd);
	close(fd);
	zcm_info_put(info);
	return err;
}

/** zcm_call_fill() - zc_fill() */
int zcm_call_fill(struct zc_cache *cache, struct zc_put *fill)
{
	struct zc_mirror *m = zcm_mirror(cache);
	struct zcm_info *info;
	int fd;

	if (!m->writable)
		return -EBADF;
	if (!put_flags_ok(fill, ZC_PUT_EXCL | ZC_PUT_RESERVE) || fill->data)
		return -EINVAL;
	fd = begin(m, fill, fill->flags, &info);
	if (fd < 0)
		return fd;
	zcm_info_put(info);
	zcm_count(m, ZC_C_FILLS, 1);
	fill->fd = fd;
	return fd;
}

/*
 * Whether all bytes were written, as far as the file tells. By a fd of its own: the
 * user's has a position that he goes on from.
 */
static int complete(struct zc_mirror *m, const struct zcm_fill *fill, const struct stat *st)
{
	char name[ZCM_NAME];
	off_t hole;
	int fd;

	if ((uint64_t)st->st_size != fill->data_len)
		return (uint64_t)st->st_size < fill->data_len ? -ENODATA : -EFBIG;
	if (!fill->data_len)
		return 0;
	zcm_fill_name(name, fill->id, false);
	fd = zcm_open(m, m->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	/* Another thread may have been faster. */
	if (fd < 0)
		return fd == -ENOENT ? -EALREADY : fd;
	hole = lseek(fd, 0, SEEK_HOLE);
	close(fd);
	/* A file system that does not know has none. */
	return hole >= 0 && (uint64_t)hole < fill->data_len ? -ENODATA : 0;
}

/** zcm_call_commit() - zc_commit() */
int zcm_call_commit(struct zc_cache *cache, int fill_fd, struct zc_commit *call)
{
	struct zc_mirror *m = zcm_mirror(cache);
	struct zcm_fill *found, fill;
	struct zcm_info *info;
	char name[ZCM_NAME];
	struct stat st;
	int err, mode;

	if (fstat(fill_fd, &st))
		return -errno;
	mode = fcntl(fill_fd, F_GETFL);
	if (!S_ISREG(st.st_mode) || mode < 0 || (mode & O_ACCMODE) == O_RDONLY || m->direct)
		return -EBADF;
	err = zcm_lock(m);
	if (err)
		return err;
	found = zcm_fill_of(m, &st);
	if (found)
		fill = *found;
	zcm_unlock(m);
	/* The mark may have come since the first look. */
	if (!found)
		return !fstat(fill_fd, &st) && zcm_stamped(m, &st) ? -EALREADY : -EBADF;
	err = complete(m, &fill, &st);
	if (err)
		return err;
	zcm_fill_name(name, fill.id, true);
	err = zcm_info_read(m, name, &info);
	/* Another thread may have been faster. */
	if (err)
		return err == -ENOENT ? -EALREADY : err == -EUCLEAN ? -EIO : err;
	err = zcm_commit(m, fill_fd, &st, info, ZC_C_COMMITS);
	if (!err)
		call->generation = info->meta.generation;
	zcm_info_put(info);
	return err;
}
