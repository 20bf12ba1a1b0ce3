// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The entries of a mirror's index: a hash table, a queue and a heap. With its lock. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "mirror.h"

static uint32_t bucket_of(const struct zc_mirror *m, const struct zcm_hash *hash)
{
	return hash->w[1] & (m->slots - 1);
}

/** zcm_entry_find() - Return: the entry of a key, 0 if there is none */
uint32_t zcm_entry_find(struct zc_mirror *m, const struct zcm_hash *hash)
{
	uint32_t i = m->entry[bucket_of(m, hash)].bucket;

	while (i && (m->entry[i].hash.w[0] != hash->w[0] || m->entry[i].hash.w[1] != hash->w[1]))
		i = m->entry[i].next;
	return i;
}

/** zcm_entry_live() - Return: the entry of a key whose grace is not over, or 0 */
uint32_t zcm_entry_live(struct zc_mirror *m, const struct zcm_hash *hash, int64_t now)
{
	uint32_t i = zcm_entry_find(m, hash);

	return i && zcm_over(m, m->entry[i].expires_ns, now) ? 0 : i;
}

/**
 * zcm_entry_rehash() - use a table that has grown
 * @m: the mirror, locked; becomes dirty
 * @old: how many entries there were, none of them free
 */
void zcm_entry_rehash(struct zc_mirror *m, uint32_t old)
{
	struct zcm_head *h = m->head;
	uint32_t i;

	/* A kill from here on leaves chains that are of neither size. */
	zcm_dirty(m);
	h->slots = m->slots;
	for (i = 0; i < m->slots; i++)
		m->entry[i].bucket = 0;
	for (i = 1; i < old; i++) {
		struct zcm_entry *e = &m->entry[i];

		e->next = m->entry[bucket_of(m, &e->hash)].bucket;
		m->entry[bucket_of(m, &e->hash)].bucket = i;
	}
	for (i = old; i < m->slots; i++) {
		memset(&m->entry[i].heap, 0,
		       sizeof(struct zcm_entry) - offsetof(struct zcm_entry, heap));
		m->entry[i].next = i + 1 < m->slots ? i + 1 : 0;
	}
	h->free = old;
}

static void heap_set(struct zc_mirror *m, uint32_t at, uint32_t i)
{
	m->entry[at].heap = i;
	m->entry[i].heap_at = at;
}

static int64_t heap_time(const struct zc_mirror *m, uint32_t at)
{
	return m->entry[m->entry[at].heap].expires_ns;
}

/* Puts an entry at a place, or where it belongs above or below it. */
static void heap_sift(struct zc_mirror *m, uint32_t at, uint32_t i)
{
	const uint32_t nr = m->head->expiring;
	const int64_t time = m->entry[i].expires_ns;

	while (at > 1 && heap_time(m, at / 2) > time) {
		heap_set(m, at, m->entry[at / 2].heap);
		at /= 2;
	}
	for (;;) {
		uint32_t child = 2 * at;

		if (child < nr && heap_time(m, child + 1) < heap_time(m, child))
			child++;
		if (child > nr || heap_time(m, child) >= time)
			break;
		heap_set(m, at, m->entry[child].heap);
		at = child;
	}
	heap_set(m, at, i);
}

/**
 * zcm_entry_expires() - give an object another time
 * @m: the mirror, locked
 * @i: the entry
 * @expires_ns: the time, 0 for never
 */
void zcm_entry_expires(struct zc_mirror *m, uint32_t i, int64_t expires_ns)
{
	struct zcm_head *h = m->head;
	uint32_t at = m->entry[i].heap_at, last;

	m->entry[i].expires_ns = expires_ns;
	if (expires_ns) {
		heap_sift(m, at ?: ++h->expiring, i);
	} else if (at) {
		last = m->entry[h->expiring--].heap;
		m->entry[i].heap_at = 0;
		if (last != i)
			heap_sift(m, at, last);
	}
}

/**
 * zcm_entry_add() - add an object that no entry has the key of
 * @m: the mirror, locked; zcm_entry_room() worked since the last call
 * @info: its metadata
 *
 * Return: the entry.
 */
uint32_t zcm_entry_add(struct zc_mirror *m, const struct zcm_info *info)
{
	const struct zcm_meta *meta = &info->meta;
	struct zcm_head *h = m->head;
	uint32_t i = h->free, at = bucket_of(m, &info->hash);
	struct zcm_entry *e = &m->entry[i];

	h->free = e->next;
	e->next = m->entry[at].bucket;
	m->entry[at].bucket = i;
	e->heap_at = 0;
	e->hash = info->hash;
	e->generation = meta->generation;
	e->data_len = meta->data_len;
	e->charge = zcm_meta_charge(meta);
	e->created_ns = meta->created_ns;
	e->hits = 0;
	memcpy(e->tags, meta->tags, sizeof(e->tags));
	e->nr_tags = meta->nr_tags;
	e->key_len = meta->key_len;
	e->visited = 0;
	e->changed = !!(meta->flags & ZCM_META_CHANGED);
	memset(e->key, 0, sizeof(e->key));
	memcpy(e->key, info->body, meta->key_len < ZCM_KEY_START ? meta->key_len : ZCM_KEY_START);
	e->newer = 0;
	e->older = h->newest;
	if (h->newest)
		m->entry[h->newest].newer = i;
	else
		h->oldest = i;
	h->newest = i;
	h->objects++;
	h->used += e->charge;
	h->data += e->data_len;
	zcm_entry_expires(m, i, meta->expires_ns);
	zcm_news_came(m, i);
	return i;
}

/**
 * zcm_past_expires() - when does a version end that has no entry any more?
 * @m: the mirror, locked
 * @generation: which
 * @expires_ns: the time it had when it was opened
 *
 * Return: the time it had last, if that is known still; else @expires_ns.
 */
int64_t zcm_past_expires(struct zc_mirror *m, uint64_t generation, int64_t expires_ns)
{
	unsigned int i;

	for (i = 0; i < ZCM_PAST_MAX; i++)
		if (m->head->past[i].generation == generation)
			return m->head->past[i].expires_ns;
	return expires_ns;
}

/**
 * zcm_entry_del() - take an entry out of the index; the hand moves on if it was there
 * @m: the mirror, locked
 * @i: the entry
 * @reason: ZC_POLICY_GONE_*
 */
void zcm_entry_del(struct zc_mirror *m, uint32_t i, uint8_t reason)
{
	struct zcm_head *h = m->head;
	struct zcm_entry *e = &m->entry[i];
	uint32_t *link = &m->entry[bucket_of(m, &e->hash)].bucket;

	while (*link != i)
		link = &m->entry[*link].next;
	*link = e->next;
	if (e->changed)
		h->past[h->nr_past++ % ZCM_PAST_MAX] = (struct zcm_past) {
			.generation = e->generation, .expires_ns = e->expires_ns,
		};
	zcm_entry_expires(m, i, 0);
	if (h->hand == i)
		h->hand = e->newer;
	if (e->newer)
		m->entry[e->newer].older = e->older;
	else
		h->newest = e->older;
	if (e->older)
		m->entry[e->older].newer = e->newer;
	else
		h->oldest = e->newer;
	h->objects--;
	h->used -= e->charge;
	zcm_news_left(m, i, reason);
	h->data -= e->data_len;
	e->generation = 0;
	e->next = h->free;
	h->free = i;
}
