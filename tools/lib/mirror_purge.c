// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Making many objects of a mirror vanish, or expire. The table is walked by place:
 * an object keeps its own while it is there, so none is passed over or met twice. When
 * the index is made anew meanwhile the walk begins again.
 */
#include <errno.h>
#include <string.h>

#include "mirror.h"

/* Objects looked at, and taken or read of, before others have a turn at the lock. */
#define RUN	4096
#define BATCH	32

/**
 * struct walk - a purge under way
 * @m: where
 * @at: the next place to look at
 * @bound: only versions up to this one: what is committed meanwhile stays
 * @rebuilds: times the index was made anew before
 * @began_ns: when it began; what expired later was told already
 * @prefix: bytes with which the keys begin
 * @prefix_len: how many; 0 for all keys
 * @tag: the tag; 0 for any
 * @soft: they expire, and stay
 * @objects: how many are told
 * @bytes: their charge
 * @taken: how many it took, or made expire
 * @taken_bytes: their charge
 * @read: metadata files read in this turn
 * @change: of the object that is made expire
 */
struct walk {
	struct zc_mirror *m;
	uint32_t at;
	uint64_t bound;
	uint64_t rebuilds;
	int64_t began_ns;
	const uint8_t *prefix;
	uint32_t prefix_len;
	uint64_t tag;
	bool soft;
	uint64_t objects;
	uint64_t bytes;
	uint64_t taken;
	uint64_t taken_bytes;
	unsigned int read;
	struct zcm_change change;
};

/* The bytes that the entry does not have are in the file. */
static bool long_prefix(struct walk *w, const struct zcm_entry *e)
{
	struct zcm_info *info;
	char name[ZCM_NAME];
	bool same;

	w->read++;
	zcm_meta_name(name, &e->hash);
	if (zcm_info_read(w->m, name, &info))
		return false;
	same = info->meta.key_len >= w->prefix_len &&
	       !memcmp(info->body, w->prefix, w->prefix_len);
	zcm_info_put(info);
	return same;
}

static bool wants(struct walk *w, const struct zcm_entry *e, int64_t now)
{
	uint32_t len = w->prefix_len < ZCM_KEY_START ? w->prefix_len : ZCM_KEY_START;
	unsigned int i;

	if (!e->generation || e->generation > w->bound || zcm_over(w->m, e->expires_ns, now))
		return false;
	if (w->tag) {
		for (i = 0; i < e->nr_tags && i < ZC_TAGS_MAX; i++)
			if (e->tags[i] == w->tag)
				return true;
		return false;
	}
	return e->key_len >= w->prefix_len && !memcmp(e->key, w->prefix, len) &&
	       (w->prefix_len <= ZCM_KEY_START || long_prefix(w, e));
}

/* By a tag those are told of as well that had expired before. */
static int take(struct walk *w, uint32_t i, int64_t now)
{
	uint64_t charge = w->m->entry[i].charge;
	bool expired = zcm_expired(w->m->entry[i].expires_ns, now);
	int err;

	if (w->soft && expired) {
		expired = w->tag && w->m->entry[i].expires_ns < w->began_ns;
		w->objects += expired;
		w->bytes += expired ? charge : 0;
		return 0;
	}
	zcm_dirty(w->m);
	err = w->soft ? zcm_set_expires(w->m, i, now, &w->change) :
			zcm_remove(w->m, i, ZC_POLICY_GONE_OTHER);
	zcm_clean(w->m);
	/* Damaged, it would be dropped by whoever finds it. */
	if (err == -EUCLEAN)
		return 0;
	if (err)
		return err;
	w->objects++;
	w->bytes += charge;
	w->taken++;
	w->taken_bytes += charge;
	return 0;
}

/* Returns 1 while there is more to look at. */
static int batch(struct walk *w)
{
	/* Each is prepared by itself, and if that cannot be waits for the disk. */
	const unsigned int most = w->soft && zcm_durable(w->m) ? 1 : BATCH;
	unsigned int seen, nr = 0;
	int64_t now = zcm_now();
	int err = zcm_lock(w->m), more;

	if (err)
		return err;
	if (w->m->head->rebuilds != w->rebuilds) {
		w->rebuilds = w->m->head->rebuilds;
		w->at = 1;
	}
	w->read = 0;
	for (seen = 0; !err && seen < RUN && nr < most && w->read < BATCH &&
	     w->at < w->m->slots; seen++) {
		uint32_t i = w->at++;

		if (!wants(w, &w->m->entry[i], now))
			continue;
		err = take(w, i, now);
		nr++;
		/* It is looked at again, as it may be another by then. */
		w->at -= err == -EAGAIN;
	}
	more = w->at < w->m->slots;
	zcm_unlock(w->m);
	if (err == -EAGAIN) {
		zcm_change_prepare(w->m, &w->change);
		return 1;
	}
	/* The next object has one of its own. */
	zcm_change_end(&w->change);
	w->change.tries = 0;
	return err ? err : more;
}

/** zcm_call_purge() - zc_purge() */
int zcm_call_purge(struct zc_cache *cache, struct zc_purge *purge)
{
	struct zc_mirror *m = zcm_mirror(cache);
	struct walk w = {
		.m = m, .at = 1, .prefix = (const uint8_t *)(uintptr_t)purge->key,
		.prefix_len = purge->key_len, .tag = purge->tag,
		.soft = purge->flags & ZC_PURGE_SOFT, .change = ZCM_NO_CHANGE,
	};
	int err;

	if (!m->writable)
		return -EBADF;
	if (purge->flags & ~(ZC_PURGE_SOFT | ZC_PURGE_TAG) || purge->__reserved ||
	    !purge->tag != !(purge->flags & ZC_PURGE_TAG) ||
	    (purge->tag && (purge->key || purge->key_len)))
		return -EINVAL;
	if (purge->key_len > m->super.max_key_len)
		return -ENAMETOOLONG;
	if (!purge->key != !purge->key_len)
		return purge->key ? -EINVAL : -EFAULT;
	if (!w.prefix)
		w.prefix = (const uint8_t *)"";
	err = zcm_lock(m);
	if (err)
		return err;
	zcm_sweep(m);
	w.bound = m->head->generation;
	w.rebuilds = m->head->rebuilds;
	w.began_ns = zcm_now();
	zcm_unlock(m);
	do {
		err = batch(&w);
	} while (err > 0);
	zcm_change_end(&w.change);
	zcm_count(m, ZC_C_PURGES, 1);
	zcm_count(m, ZC_C_PURGED_OBJECTS, w.taken);
	zcm_count(m, ZC_C_PURGED_BYTES, w.taken_bytes);
	if (err)
		return err;
	purge->objects = w.objects;
	purge->bytes = w.bytes;
	return 0;
}
