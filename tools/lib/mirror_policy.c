// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The owner of a mirror's policy. It holds a lock of the first byte of the index's file, of
 * its open file description, which ends with it in whatever way. The file's flock() is
 * not touched.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "mirror.h"
#include "process.h"

/* Percent of the capacity; the module's, if nobody says otherwise. */
#define HIGH_WATERMARK	95
#define LOW_WATERMARK	90

/* Victims taken before others have a turn at the lock. */
#define BATCH	32

static int mirror_of(struct zc_cache *cache, struct zc_mirror **m)
{
	if (cache->be != &zc_backend_mirror)
		return -EOPNOTSUPP;
	*m = zcm_mirror(cache);
	return (*m)->writable ? 0 : -EBADF;
}

/* A child has the lock as well, and is not who asked for it. */
static bool owns(const struct zc_mirror *m)
{
	return m->owner && m->owner == zc_process();
}

static int owner_lock(const struct zc_mirror *m, short type)
{
	struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_len = 1 };

	if (!fcntl(m->index, F_OFD_SETLK, &lock))
		return 0;
	return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
}

/* A handle does not see its own lock, which a parent may have. */
static bool is_owned(const struct zc_mirror *m)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };

	return m->owner || fcntl(m->index, F_OFD_GETLK, &lock) || lock.l_type != F_UNLCK;
}

/* Locks if this process owns the policy. */
static int lock_owned(struct zc_mirror *m)
{
	int err = zcm_lock(m);

	if (err || owns(m))
		return err;
	zcm_unlock(m);
	return -EPERM;
}

/** zcm_owner_forget() - nobody owns the policy; nothing is noted any more */
void zcm_owner_forget(struct zcm_head *h)
{
	zcm_news_begin(h, false);
	memset(h->policy, 0, sizeof(h->policy));
}

/**
 * zcm_owner_check() - see whether the owner of the policy still is there
 * @m: the mirror, locked
 *
 * For one that is not nothing is noted any more.
 */
void zcm_owner_check(struct zc_mirror *m)
{
	if (m->head->news_end && !is_owned(m))
		zcm_owner_forget(m->head);
}

/**
 * zc_policy_own() - own the policy of a mirror
 * @cache: the mirror, open for writing
 * @name: of the policy
 *
 * Return: 0 or -errno, see zcache_owner.h.
 */
int zc_policy_own(struct zc_cache *cache, const char *name)
{
	size_t len = name ? strnlen(name, ZC_POLICY_NAME_ROOM) : 0;
	struct zc_mirror *m;
	int err = mirror_of(cache, &m);

	if (err)
		return err;
	if (!len || len == ZC_POLICY_NAME_ROOM)
		return -EINVAL;
	err = zcm_lock(m);
	if (err)
		return err;
	if (m->owner && !owns(m))
		err = -EBUSY;
	else if (!m->owner)
		err = owner_lock(m, F_WRLCK);
	if (!err && !m->owner) {
		m->owner = zc_process();
		zcm_news_begin(m->head, true);
	}
	if (!err) {
		memset(m->head->policy, 0, sizeof(m->head->policy));
		memcpy(m->head->policy, name, len);
	}
	zcm_unlock(m);
	return err;
}

/**
 * zc_policy_release() - own the policy no more
 * @cache: the mirror
 *
 * Return: 0 or -errno, see zcache_owner.h.
 */
int zc_policy_release(struct zc_cache *cache)
{
	struct zc_mirror *m;
	int err = mirror_of(cache, &m);

	if (!err)
		err = lock_owned(m);
	if (err)
		return err;
	zcm_owner_forget(m->head);
	owner_lock(m, F_UNLCK);
	m->owner = 0;
	zcm_unlock(m);
	return 0;
}

/**
 * zc_policy_owner() - tell who owns the policy of a mirror
 * @cache: the mirror
 * @name: set to the policy's name, "" if nobody does
 *
 * Return: 1, 0 if nobody does, or -errno.
 */
int zc_policy_owner(struct zc_cache *cache, char name[ZC_POLICY_NAME_ROOM])
{
	struct zc_mirror *m;
	int err = mirror_of(cache, &m);

	/* Who only reads objects has the index all the same, if he may write the folder. */
	if (err == -EBADF && !m->direct)
		err = 0;
	if (!err)
		err = zcm_lock(m);
	if (err)
		return err;
	zcm_owner_check(m);
	memcpy(name, m->head->policy, ZC_POLICY_NAME_ROOM);
	/* Whoever may write the index can change it at any time. */
	name[ZC_POLICY_NAME_ROOM - 1] = '\0';
	err = m->head->news_end != 0;
	zcm_unlock(m);
	return err;
}

static uint64_t percent(uint64_t of, unsigned int part)
{
	return of / 100 * part + of % 100 * part / 100;
}

/**
 * zc_policy_drain() - hear what happened
 * @cache: the mirror
 * @drain: has room for records; set to what happened
 *
 * Return: 0 or -errno, see zcache_owner.h.
 */
int zc_policy_drain(struct zc_cache *cache, struct zc_policy_drain *drain)
{
	struct zc_mirror *m;
	int err = mirror_of(cache, &m);

	if (err)
		return err;
	if (!drain->room || drain->__reserved)
		return -EINVAL;
	if (!drain->records)
		return -EFAULT;
	err = lock_owned(m);
	if (err)
		return err;
	zcm_news_drain(m, drain);
	drain->size = sizeof(*drain);
	drain->used = m->head->used;
	drain->capacity = m->head->capacity;
	drain->high = percent(m->head->capacity, HIGH_WATERMARK);
	drain->low = percent(m->head->capacity, LOW_WATERMARK);
	zcm_unlock(m);
	return 0;
}

/* Whether there is room to be made still. */
static bool wants(const struct zc_mirror *m, const struct zc_policy_evict *e)
{
	return !e->target || m->head->used > e->target;
}

/* Takes one object away. What cannot leave stays. */
static bool take(struct zc_mirror *m, uint32_t i, struct zc_policy_evict *e)
{
	uint64_t charge = m->entry[i].charge;
	int err;

	zcm_dirty(m);
	err = zcm_remove(m, i, ZC_POLICY_GONE_OWNER);
	zcm_clean(m);
	if (err) {
		e->spared++;
		return false;
	}
	e->evicted++;
	e->bytes += charge;
	return true;
}

/*
 * Whenever it was used: nobody is served it who does not ask for such. Returns whether
 * there may be more.
 */
static bool take_expired(struct zc_mirror *m, struct zc_policy_evict *e)
{
	int64_t now = zcm_now();
	unsigned int nr;

	for (nr = 0; nr < BATCH; nr++) {
		uint32_t i = m->entry[1].heap;

		if (!m->head->expiring || !wants(m, e) ||
		    e->evicted == ZC_POLICY_VICTIMS_MAX ||
		    !zcm_expired(m->entry[i].expires_ns, now) || !take(m, i, e))
			return false;
	}
	return true;
}

static void take_victim(struct zc_mirror *m, const struct zc_policy_victim *v,
			struct zc_policy_evict *e)
{
	if (!v->slot || v->slot >= m->slots || !v->generation ||
	    m->entry[v->slot].generation != v->generation)
		e->gone++;
	else if (m->entry[v->slot].uses)
		e->spared++;
	else
		take(m, v->slot, e);
}

static int check(const struct zc_policy_evict *e)
{
	uint32_t i;

	if (e->flags & ~ZC_POLICY_EVICT_EXPIRED || e->__reserved ||
	    e->nr > ZC_POLICY_VICTIMS_MAX || (!e->nr && !e->flags))
		return -EINVAL;
	if (e->nr && !e->victims)
		return -EFAULT;
	for (i = 0; i < e->nr; i++)
		if (e->victims[i].__reserved)
			return -EINVAL;
	return 0;
}

/**
 * zc_policy_evict() - have objects leave
 * @cache: the mirror
 * @evict: which; set to what became of them
 *
 * Return: 0 or -errno, see zcache_owner.h.
 */
int zc_policy_evict(struct zc_cache *cache, struct zc_policy_evict *evict)
{
	struct zc_policy_evict e = *evict;
	struct zc_mirror *m;
	uint32_t seen = 0;
	bool expired = e.flags & ZC_POLICY_EVICT_EXPIRED, more;
	int err = mirror_of(cache, &m);

	if (!err)
		err = check(&e);
	if (err)
		return err;
	e.size = sizeof(e);
	e.evicted = 0;
	e.bytes = 0;
	e.spared = 0;
	e.gone = 0;
	do {
		uint32_t last = seen + BATCH;

		err = lock_owned(m);
		if (err)
			break;
		if (expired)
			expired = take_expired(m, &e);
		else
			while (seen < e.nr && seen < last && wants(m, &e))
				take_victim(m, &e.victims[seen++], &e);
		more = expired || (seen < e.nr && wants(m, &e));
		e.used = m->head->used;
		zcm_unlock(m);
	} while (more);
	zcm_count(m, ZC_C_POLICY_EVICTIONS, e.evicted);
	zcm_count(m, ZC_C_POLICY_EVICTED_BYTES, e.bytes);
	zcm_count(m, ZC_C_POLICY_SPARED, e.spared);
	if (!err)
		*evict = e;
	return err;
}
