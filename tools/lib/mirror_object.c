// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The calls on objects of a mirror that are there. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "served.h"

/**
 * zcm_pin() - make an object fd for the user
 * @m: the mirror
 * @obj: the object, found without ZCM_BARE
 *
 * Return: the fd, with a position of its own; or -errno.
 */
int zcm_pin(struct zc_mirror *m, struct zcm_object *obj)
{
	struct stat st;
	int fd = zcm_reopen(m, obj);

	/* Another user's file, or a system without /proc: who owns it opens it. */
	if (fd < 0 && fd != -EMFILE && fd != -ENFILE && m->served)
		fd = zcs_open(m, obj);
	/* He has it no more, or ended: what is open here is what there is of it. */
	if (fd < 0 && fd != -EMFILE && fd != -ENFILE && m->served) {
		fd = fcntl(obj->fd, F_DUPFD_CLOEXEC, 0);
		fd = fd < 0 ? -errno : fd;
	}
	if (fd < 0)
		return fd == -EMFILE || fd == -ENFILE ? fd : -EIO;
	if (!fstat(fd, &st))
		zcm_known_add(m, &st, obj->info);
	return fd;
}

static int find(struct zc_mirror *m, uint64_t key, uint32_t key_len, bool by_fd, int fd,
		uint64_t generation, uint64_t miss_tag, unsigned int flags,
		struct zcm_object **obj)
{
	if (by_fd)
		return key || key_len ? -EINVAL : zcm_find_fd(m, fd, generation, flags, obj);
	if (fd)
		return -EINVAL;
	return zcm_find(m, (const void *)(uintptr_t)key, key_len, generation, miss_tag, flags, obj);
}

static int copy_blob(uint64_t to, uint32_t room, const void *from, size_t len)
{
	if (!room || !len)
		return 0;
	if (!to)
		return -EFAULT;
	memcpy((void *)(uintptr_t)to, from, len);
	return 0;
}

static int copy_blobs(const struct zcm_object *obj, const struct zc_stat *stat)
{
	int err;

	if ((stat->nr_tags && stat->nr_tags < obj->nr_tags) ||
	    (stat->header_len && stat->header_len < obj->header_len) ||
	    (stat->etag_len && stat->etag_len < obj->etag_len) ||
	    (stat->type_len && stat->type_len < obj->type_len))
		return -EMSGSIZE;
	err = copy_blob(stat->tags, stat->nr_tags, obj->tags, obj->nr_tags * sizeof(*obj->tags));
	if (!err)
		err = copy_blob(stat->header, stat->header_len, obj->header, obj->header_len);
	if (!err)
		err = copy_blob(stat->etag, stat->etag_len, obj->etag, obj->etag_len);
	if (!err)
		err = copy_blob(stat->type, stat->type_len, obj->type, obj->type_len);
	return err;
}

/** zcm_call_stat() - zc_stat() */
int zcm_call_stat(struct zc_cache *cache, struct zc_stat *stat)
{
	struct zc_mirror *m = zcm_mirror(cache);
	unsigned int flags = ZCM_NO_COUNT;
	struct zcm_object *obj;
	int err;

	if (stat->flags & ~(ZC_STAT_FD | ZC_STAT_EXPIRED_OK) || stat->__reserved ||
	    stat->__reserved2 || stat->__reserved3)
		return -EINVAL;
	if (stat->flags & ZC_STAT_EXPIRED_OK)
		flags |= ZCM_EXPIRED_OK;
	err = find(m, stat->key, stat->key_len, stat->flags & ZC_STAT_FD, stat->fd,
		   stat->generation, 0, flags, &obj);
	if (err)
		return err;
	err = copy_blobs(obj, stat);
	if (!err || err == -EMSGSIZE) {
		stat->generation = obj->generation;
		stat->data_len = obj->data_len;
		stat->resident = obj->data_len;
		stat->charge = obj->charge;
		stat->expires_ns = obj->expires_ns;
		stat->created_ns = obj->created_ns;
		stat->hits = obj->hits;
		stat->state = obj->state;
		stat->header_len = obj->header_len;
		stat->etag_len = obj->etag_len;
		stat->type_len = obj->type_len;
		stat->nr_tags = obj->nr_tags;
	}
	zcm_put(m, obj);
	return err;
}

/** zcm_call_get() - zc_get() */
int zcm_call_get(struct zc_cache *cache, struct zc_get *get)
{
	struct zc_mirror *m = zcm_mirror(cache);
	unsigned int flags = ZCM_BARE;
	struct zcm_object *obj;
	uint64_t len;
	int err;

	if (get->flags & ~(ZC_GET_FD | ZC_GET_EXPIRED_OK))
		return -EINVAL;
	if (get->flags & ZC_GET_EXPIRED_OK)
		flags |= ZCM_EXPIRED_OK;
	err = find(m, get->key, get->key_len, get->flags & ZC_GET_FD, get->fd, get->generation,
		   get->miss_tag, flags, &obj);
	if (err)
		return err;
	if (get->offset > obj->data_len) {
		err = -ERANGE;
		goto out;
	}
	len = obj->data_len - get->offset;
	if (len > get->buf_len)
		len = get->buf_len;
	err = zcm_read(obj, get->offset, (void *)(uintptr_t)get->buf, len);
	if (err)
		goto out;
	zcm_count(m, ZC_C_GETS, 1);
	zcm_count(m, ZC_C_GET_BYTES, len);
	get->copied = len;
	get->generation = obj->generation;
	get->data_len = obj->data_len;
out:
	zcm_put(m, obj);
	return err;
}

/** zcm_call_open() - zc_open_object() */
int zcm_call_open(struct zc_cache *cache, struct zc_open *open)
{
	struct zc_mirror *m = zcm_mirror(cache);
	struct zcm_object *obj;
	int fd;

	if (open->flags & ~ZC_OPEN_EXPIRED_OK)
		return -EINVAL;
	fd = find(m, open->key, open->key_len, false, open->fd, open->generation, open->miss_tag,
		  open->flags & ZC_OPEN_EXPIRED_OK ? ZCM_EXPIRED_OK : 0, &obj);
	if (fd)
		return fd;
	fd = zcm_pin(m, obj);
	if (fd >= 0) {
		open->generation = obj->generation;
		open->data_len = obj->data_len;
		open->fd = fd;
		zcm_count(m, ZC_C_OPENS, 1);
	}
	zcm_put(m, obj);
	return fd;
}

static int io_error(int err)
{
	return err == -EUCLEAN ? -EIO : err;
}

/* With the lock; -EAGAIN as of zcm_set_expires(). */
static int delete_entry(struct zc_mirror *m, struct zc_delete *del, uint32_t i, int64_t now,
			struct zcm_change *change)
{
	uint64_t generation = m->entry[i].generation;
	int err = 0;

	if (!i)
		return -ENOENT;
	if (del->generation && del->generation != generation)
		return -ESTALE;
	if (!(del->flags & ZC_DELETE_SOFT)) {
		zcm_dirty(m);
		err = zcm_remove(m, i, ZC_POLICY_GONE_OTHER);
		zcm_clean(m);
	} else if (!zcm_expired(m->entry[i].expires_ns, now)) {
		err = io_error(zcm_set_expires(m, i, now, change));
	}
	if (err)
		return err;
	zcm_count(m, ZC_C_DELETES, 1);
	del->generation = generation;
	return 0;
}

/** zcm_call_delete() - zc_delete() */
int zcm_call_delete(struct zc_cache *cache, struct zc_delete *del)
{
	struct zc_mirror *m = zcm_mirror(cache);
	const void *key = (const void *)(uintptr_t)del->key;
	int64_t now = zcm_now();
	struct zcm_change change = ZCM_NO_CHANGE;
	struct zcm_hash hash;
	int err;

	if (!m->writable)
		return -EBADF;
	if (del->flags & ~ZC_DELETE_SOFT || del->__reserved)
		return -EINVAL;
	err = zcm_key_check(m, key, del->key_len);
	if (err)
		return err;
	zcm_hash(m, key, del->key_len, &hash);
	for (;;) {
		err = zcm_lock(m);
		if (err)
			break;
		zcm_sweep(m);
		err = delete_entry(m, del, zcm_entry_live(m, &hash, now), now, &change);
		zcm_unlock(m);
		if (err != -EAGAIN)
			break;
		zcm_change_prepare(m, &change);
	}
	zcm_change_end(&change);
	return err;
}

/* With the lock; -EAGAIN as of zcm_set_expires(). */
static int touch_entry(struct zc_mirror *m, struct zc_touch *touch, uint32_t i, int64_t now,
		       struct zcm_change *change)
{
	struct zcm_entry *e = &m->entry[i];
	int err = 0;

	if (!i || (zcm_expired(e->expires_ns, now) && !(touch->flags & ZC_TOUCH_EXPIRED_OK)))
		return -ENOENT;
	if (touch->generation && touch->generation != e->generation)
		return -ESTALE;
	if (touch->flags & ZC_TOUCH_EXPIRES)
		err = io_error(zcm_set_expires(m, i, touch->expires_ns, change));
	/* Once, however often it is prepared. */
	if (err != -EAGAIN)
		zcm_use(m, i);
	if (err)
		return err;
	touch->generation = e->generation;
	touch->expires_ns = e->expires_ns;
	return 0;
}

/** zcm_call_touch() - zc_touch() */
int zcm_call_touch(struct zc_cache *cache, struct zc_touch *touch)
{
	struct zc_mirror *m = zcm_mirror(cache);
	const void *key = (const void *)(uintptr_t)touch->key;
	int64_t now = zcm_now();
	struct zcm_change change = ZCM_NO_CHANGE;
	struct zcm_hash hash;
	int err;

	if (!m->writable)
		return -EBADF;
	if (touch->flags & ~(ZC_TOUCH_EXPIRES | ZC_TOUCH_EXPIRED_OK) || touch->__reserved ||
	    touch->expires_ns < 0 ||
	    (touch->expires_ns && !(touch->flags & ZC_TOUCH_EXPIRES)))
		return -EINVAL;
	err = zcm_key_check(m, key, touch->key_len);
	if (err)
		return err;
	zcm_hash(m, key, touch->key_len, &hash);
	for (;;) {
		err = zcm_lock(m);
		if (err)
			break;
		zcm_sweep(m);
		err = touch_entry(m, touch, zcm_entry_live(m, &hash, now), now, &change);
		zcm_unlock(m);
		if (err != -EAGAIN)
			break;
		zcm_change_prepare(m, &change);
	}
	zcm_change_end(&change);
	return err;
}
