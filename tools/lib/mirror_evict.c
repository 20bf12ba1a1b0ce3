// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Room in a mirror: what has expired, SIEVE (Zhang et al., NSDI 2024) as the module
 * has it, and fills that died. All with the index's lock.
 */
#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "mirror.h"

/* Objects swept by one call, so that nobody waits long for the lock. */
#define SWEEP_MAX	64
/* Between two looks at all fills to make room. */
#define REAP_NS		100000000

/** zcm_now() - Return: CLOCK_REALTIME in nanoseconds */
int64_t zcm_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/** zcm_expired() - Return: whether a time has come; 0 never does */
bool zcm_expired(int64_t expires_ns, int64_t now)
{
	return expires_ns && expires_ns <= now;
}

/** zcm_over() - Return: whether the store's grace is over as well */
bool zcm_over(const struct zc_mirror *m, int64_t expires_ns, int64_t now)
{
	int64_t grace = __atomic_load_n(&m->head->grace_ms, __ATOMIC_RELAXED) *
			(int64_t)ZCM_NS_PER_MS;

	return zcm_expired(expires_ns, now) && expires_ns <= now - grace;
}

/**
 * zcm_remove() - take an object and its files away
 * @m: the mirror, locked and dirty
 * @i: its entry
 * @reason: ZC_POLICY_GONE_*
 *
 * The metadata goes first: a kill after that leaves data that nobody has, not an
 * object without. Who has the data file open keeps the bytes.
 *
 * Return: 0, or -errno and the object stays.
 */
int zcm_remove(struct zc_mirror *m, uint32_t i, uint8_t reason)
{
	const struct zcm_entry *e = &m->entry[i];
	char name[ZCM_NAME];

	zcm_meta_name(name, &e->hash);
	if (unlinkat(m->dir, name, 0) && errno != ENOENT)
		return -errno;
	zcm_data_name(name, e->generation);
	zcm_unlink(m, name);
	zcm_cache_drop(m, e->generation);
	zcm_entry_del(m, i, reason);
	return 0;
}

/**
 * zcm_sweep() - take away what expired so long ago that the grace is over
 * @m: the mirror, locked
 *
 * Return: how many it took; there may be more.
 */
unsigned int zcm_sweep(struct zc_mirror *m)
{
	uint64_t charge, bytes = 0;
	unsigned int nr;
	int64_t now;
	int err;

	if (!m->head->expiring)
		return 0;
	now = zcm_now();
	for (nr = 0; nr < SWEEP_MAX && m->head->expiring; nr++) {
		uint32_t i = m->entry[1].heap;

		if (!zcm_over(m, m->entry[i].expires_ns, now))
			break;
		charge = m->entry[i].charge;
		zcm_dirty(m);
		err = zcm_remove(m, i, ZC_POLICY_GONE_OTHER);
		/* One that cannot go is there as it was. */
		zcm_clean(m);
		if (err)
			break;
		bytes += charge;
	}
	zcm_count(m, ZC_C_EXPIRIES, nr);
	zcm_count(m, ZC_C_EXPIRED_BYTES, bytes);
	return nr;
}

/**
 * zcm_reap() - take back what fills have that nobody can commit any more
 * @m: the mirror, locked
 */
void zcm_reap(struct zc_mirror *m)
{
	uint32_t i = 0;

	while (i < m->head->nr_fills) {
		/* Its place gets the last one of the table. */
		if (zcm_fill_dead(m, &m->head->fill[i]))
			zcm_fill_end(m, &m->head->fill[i]);
		else
			i++;
	}
}

/* Takes the next victim away. Returns whether there was one. */
static bool evict(struct zc_mirror *m, int64_t now)
{
	struct zcm_head *h = m->head;
	uint64_t left = 2 * h->objects + 1, charge;
	struct zcm_entry *e;
	uint32_t i;

	for (; left && h->objects; left--) {
		if (!h->hand)
			h->hand = h->oldest;
		i = h->hand;
		e = &m->entry[i];
		if (e->visited && !zcm_expired(e->expires_ns, now)) {
			e->visited = 0;
			h->hand = e->newer;
			continue;
		}
		charge = e->charge;
		zcm_dirty(m);
		if (zcm_remove(m, i, ZC_POLICY_GONE_KERNEL)) {
			zcm_clean(m);
			h->hand = e->newer;
			continue;
		}
		zcm_clean(m);
		zcm_count(m, ZC_C_EVICTIONS, 1);
		zcm_count(m, ZC_C_EVICTED_BYTES, charge);
		return true;
	}
	return false;
}

/*
 * A cache is full always, and each look at a fill opens its file: so they are looked
 * at from time to time, and when there is nothing else left.
 */
static bool reap_due(struct zc_mirror *m, int64_t now)
{
	if (now >= m->reaped_ns && now - m->reaped_ns < REAP_NS)
		return false;
	m->reaped_ns = now;
	return true;
}

/**
 * zcm_reserve() - take bytes from the capacity, making room if need be
 * @m: the mirror, locked; dirty afterwards, until what has the bytes is in the index
 * @charge: how many
 * @most: how many objects may leave in this turn at the lock: ZCM_EVICT_MAX, or UINT_MAX
 *	for who had many turns already, and others took the room
 *
 * Return: 0; -EAGAIN: some left, and more have to: unlock, so that others have a turn, and
 * look at all again; or -ENOSPC if all that could be evicted is gone.
 */
int zcm_reserve(struct zc_mirror *m, uint64_t charge, unsigned int most)
{
	struct zcm_head *h = m->head;
	unsigned int nr = 0;
	int64_t now;
	bool reap;

	/* What never fits evicts nothing. */
	if (charge > h->capacity)
		return -ENOSPC;
	if (h->used + charge > h->capacity) {
		now = zcm_now();
		zcm_sweep(m);
		reap = reap_due(m, now);
		if (reap) {
			zcm_reap(m);
			/* One that is there would have made room. */
			zcm_owner_check(m);
		}
		while (h->used + charge > h->capacity) {
			if (nr == most)
				return -EAGAIN;
			if (evict(m, now)) {
				nr++;
				continue;
			}
			if (reap)
				return -ENOSPC;
			reap = true;
			zcm_reap(m);
		}
	}
	zcm_dirty(m);
	h->used += charge;
	return 0;
}

/**
 * zcm_shrink() - have leave what is above the capacity
 * @m: the mirror, not locked
 *
 * What is filled just now may be above it, and stays.
 *
 * Return: 0 or -errno.
 */
int zcm_shrink(struct zc_mirror *m)
{
	int err, more;

	do {
		err = zcm_lock(m);
		if (err)
			return err;
		more = zcm_reserve(m, 0, ZCM_EVICT_MAX);
		zcm_clean(m);
		zcm_unlock(m);
	} while (more == -EAGAIN);
	return 0;
}
