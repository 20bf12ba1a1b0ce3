// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* What whoever keeps a mirror asks of it: its limits, its state, its objects. */
#include <errno.h>
#include <string.h>

#include "mirror.h"

static struct zc_mirror *mirror_of(struct zc_cache *cache)
{
	return cache->be == &zc_backend_mirror ? zcm_mirror(cache) : NULL;
}

static void tell(const struct zc_mirror *m, struct zc_mirror_conf *conf)
{
	const struct zcm_head *h = m->head;

	*conf = (struct zc_mirror_conf) {
		.size = sizeof(*conf), .flags = h->flags, .capacity = h->capacity,
		.max_object_size = h->max_object_size, .splice_threshold = h->splice_threshold,
		.default_ttl_ms = h->default_ttl_ms,
		.grace_ms = h->grace_ms ? h->grace_ms : ZC_MIRROR_NO_GRACE,
		.max_key_len = m->super.max_key_len,
	};
}

/**
 * zc_mirror_get() - tell what a mirror is to be
 * @cache: the mirror
 * @conf: set to it, with no member left at its default
 *
 * Return: 0, or -EOPNOTSUPP: it is no mirror.
 */
int zc_mirror_get(struct zc_cache *cache, struct zc_mirror_conf *conf)
{
	struct zc_mirror *m = mirror_of(cache);
	int err;

	if (!m)
		return -EOPNOTSUPP;
	err = zcm_lock(m);
	if (err)
		return err;
	tell(m, conf);
	zcm_unlock(m);
	return 0;
}

/**
 * zc_mirror_set() - change a mirror while it is in use
 * @cache: the mirror, open for writing
 * @conf: what it is to be, in all; the longest key stays as it is
 *
 * Return: 0 or -errno, see zcache.h.
 */
int zc_mirror_set(struct zc_cache *cache, const struct zc_mirror_conf *conf)
{
	return zc_mirror_swap(cache, NULL, conf);
}

/* A conf has no padding, and zc_mirror_get() sets all of it. */
static bool is_now(const struct zc_mirror *m, const struct zc_mirror_conf *was)
{
	struct zc_mirror_conf now;

	tell(m, &now);
	return !memcmp(&now, was, sizeof(now));
}

/**
 * zc_mirror_swap() - change a mirror, unless another has changed it since
 * @cache: the mirror, open for writing
 * @was: what zc_mirror_get() told of it; NULL: whatever it is
 * @conf: what it is to be, as of zc_mirror_set()
 *
 * Return: 0; -EAGAIN: it is not as it was; or -errno, see zcache.h.
 */
int zc_mirror_swap(struct zc_cache *cache, const struct zc_mirror_conf *was,
		   const struct zc_mirror_conf *conf)
{
	struct zc_mirror *m = mirror_of(cache);
	struct zcm_super super, old;
	int err;

	if (!m)
		return -EOPNOTSUPP;
	if (!m->writable)
		return -EBADF;
	super = m->super;
	err = zcm_conf_check(&super, conf);
	if (err)
		return err;
	if (conf->max_key_len && conf->max_key_len != m->super.max_key_len)
		return -EINVAL;
	err = zcm_lock(m);
	if (err)
		return err;
	err = was && !is_now(m, was) ? -EAGAIN : zcm_super_read(m->dir, &old);
	if (err)
		goto unlock;
	/* Lower, and generations would be given again. */
	super.high_water = old.high_water > m->head->high_water ? old.high_water :
			   m->head->high_water;
	err = zcm_super_write(m->dir, &super, false);
	if (!err) {
		zcm_take_conf(m->head, &super);
		/* Nobody is to find it above the capacity, if little has to leave. */
		(void)zcm_reserve(m, 0, ZCM_EVICT_MAX);
		zcm_clean(m);
	}
unlock:
	zcm_unlock(m);
	return err ? err : zcm_shrink(m);
}

/**
 * zc_mirror_status() - tell how a mirror does
 * @cache: the mirror
 * @status: set to it
 *
 * Return: 0, or -EOPNOTSUPP: it is no mirror.
 */
int zc_mirror_status(struct zc_cache *cache, struct zc_mirror_status *status)
{
	struct zc_mirror *m = mirror_of(cache);
	const struct zcm_head *h;
	uint64_t pinned = 0;
	uint32_t i;
	int err;

	if (!m)
		return -EOPNOTSUPP;
	err = m->direct ? zcm_lock(m) : zcm_lock_fresh(m);
	if (err)
		return err;
	h = m->head;
	for (i = 0; i < h->nr_fills; i++)
		pinned += h->fill[i].charge;
	*status = (struct zc_mirror_status) {
		.size = sizeof(*status), .fills = h->nr_fills, .rebuilds = h->rebuilds,
		.corrupt = h->corrupt, .orphans = h->orphans, .data = h->data,
		.metadata = h->used - pinned - h->data, .pinned = pinned,
	};
	zcm_unlock(m);
	return 0;
}

static void take_entry(struct zc_mirror_object *object, const struct zcm_entry *e)
{
	*object = (struct zc_mirror_object) {
		.size = sizeof(*object), .generation = e->generation,
		.data_len = e->data_len, .charge = e->charge, .hits = e->hits,
		.created_ns = e->created_ns, .expires_ns = e->expires_ns,
		.state = zcm_expired(e->expires_ns, zcm_now()) ? ZC_STATE_EXPIRED : 0,
		.key_len = e->key_len < ZC_KEY_MAX ? e->key_len : ZC_KEY_MAX,
		.nr_tags = e->nr_tags < ZC_TAGS_MAX ? e->nr_tags : ZC_TAGS_MAX,
	};
	memcpy(object->tags, e->tags, sizeof(object->tags));
	memcpy(object->key, e->key,
	       object->key_len < ZCM_KEY_START ? object->key_len : ZCM_KEY_START);
}

/*
 * A cursor is a place of the table, and above it what tells one table from the next: an
 * object has another place when the index was made anew.
 */
#define PLACE_BITS	32

/* Returns 1 if there was one after *cursor. */
static int next_entry(struct zc_mirror *m, uint64_t *cursor, struct zc_mirror_object *object,
		      struct zcm_hash *hash)
{
	uint64_t i, table;
	int err = *cursor ? zcm_lock(m) : zcm_lock_fresh(m);

	if (err)
		return err;
	table = m->head->rebuilds << PLACE_BITS;
	if (*cursor && *cursor >> PLACE_BITS << PLACE_BITS != table) {
		zcm_unlock(m);
		return -EAGAIN;
	}
	for (i = (uint32_t)*cursor + 1; i < m->slots && !m->entry[i].generation; i++)
		;
	if (i < m->slots) {
		take_entry(object, &m->entry[i]);
		*hash = m->entry[i].hash;
	}
	err = i < m->slots;
	*cursor = table | i;
	zcm_unlock(m);
	return err;
}

/**
 * zc_mirror_list() - tell the objects of a mirror, one with each call
 * @cache: the mirror
 * @cursor: 0 at first, then as it was left
 * @object: set to the next one
 *
 * Return: 1, 0 at the end, -EAGAIN: the index was made anew, so begin again; or -errno.
 */
int zc_mirror_list(struct zc_cache *cache, uint64_t *cursor, struct zc_mirror_object *object)
{
	struct zc_mirror *m = mirror_of(cache);
	struct zcm_hash hash;
	struct zcm_info *info;
	char name[ZCM_NAME];
	bool same;
	int err;

	if (!m)
		return -EOPNOTSUPP;
	for (;;) {
		err = next_entry(m, cursor, object, &hash);
		if (err <= 0 || object->key_len <= ZCM_KEY_START)
			return err;
		/* The rest of a long key is in its file. */
		zcm_meta_name(name, &hash);
		err = zcm_info_read(m, name, &info);
		if (!err) {
			same = info->meta.generation == object->generation;
			object->key_len = info->meta.key_len;
			memcpy(object->key, info->body, object->key_len);
			zcm_info_put(info);
			if (same)
				return 1;
		} else if (err != -ENOENT && err != -EUCLEAN) {
			return err;
		}
		/* It was replaced or deleted meanwhile, so it is not there to be told. */
	}
}
