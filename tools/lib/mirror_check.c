// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Whether the index that the last user left can be used. Whoever may write the file may
 * have changed it, and a power cut or a full disk may have; a chain that does not end is
 * walked for ever, with the lock.
 */
#include "mirror.h"

static bool live(const struct zc_mirror *m, uint32_t i)
{
	return i && i < m->slots && m->entry[i].generation;
}

/* All objects are in the chain of their key, and nothing else is. */
static bool chains_good(const struct zc_mirror *m)
{
	uint64_t steps = 0;
	uint32_t at, i;

	for (at = 0; at < m->slots; at++) {
		for (i = m->entry[at].bucket; i; i = m->entry[i].next) {
			if (!live(m, i) || ++steps > m->head->objects ||
			    (m->entry[i].hash.w[1] & (m->slots - 1)) != at)
				return false;
		}
	}
	return steps == m->head->objects;
}

static bool free_good(const struct zc_mirror *m)
{
	uint64_t steps = 0, want = m->slots - 1 - m->head->objects;
	uint32_t i;

	for (i = m->head->free; i; i = m->entry[i].next)
		if (i >= m->slots || m->entry[i].generation || ++steps > want)
			return false;
	return steps == want;
}

static bool queue_good(const struct zc_mirror *m)
{
	const struct zcm_head *h = m->head;
	uint32_t i, last = 0;
	uint64_t steps = 0;

	for (i = h->newest; i; i = m->entry[i].older) {
		if (!live(m, i) || m->entry[i].newer != last || ++steps > h->objects)
			return false;
		last = i;
	}
	return last == h->oldest && steps == h->objects && (!h->hand || live(m, h->hand));
}

static int64_t heap_time(const struct zc_mirror *m, uint32_t at)
{
	return m->entry[m->entry[at].heap].expires_ns;
}

static bool heap_good(const struct zc_mirror *m)
{
	uint32_t at, i;

	if (m->head->expiring >= m->slots)
		return false;
	for (at = 1; at <= m->head->expiring; at++) {
		i = m->entry[at].heap;
		if (!live(m, i) || m->entry[i].heap_at != at || m->entry[i].expires_ns <= 0 ||
		    (at > 1 && heap_time(m, at / 2) > heap_time(m, at)))
			return false;
	}
	return true;
}

static bool entry_good(const struct zc_mirror *m, const struct zcm_entry *e)
{
	return e->generation <= m->head->generation && e->nr_tags <= ZC_TAGS_MAX && e->key_len &&
	       e->key_len <= m->super.max_key_len && e->data_len <= INT64_MAX &&
	       !e->heap_at == !e->expires_ns && e->heap_at <= m->head->expiring;
}

/**
 * zcm_table_good() - tell whether an index can be used
 * @m: the mirror; its table is mapped, and nobody else has it
 *
 * What is looked at is what a walk or a copy depends on, what is counted, and that no
 * generation comes twice.
 *
 * Return: whether it can.
 */
bool zcm_table_good(const struct zc_mirror *m)
{
	const struct zcm_head *h = m->head;
	uint64_t seen = 0, used = 0, data = 0, nr_expiring = 0;
	uint32_t i;

	if (h->objects >= m->slots || h->nr_fills > ZCM_FILLS_MAX ||
	    h->generation > m->super.high_water)
		return false;
	for (i = 1; i < m->slots; i++) {
		const struct zcm_entry *e = &m->entry[i];

		if (!e->generation)
			continue;
		if (!entry_good(m, e))
			return false;
		seen++;
		used += e->charge;
		data += e->data_len;
		nr_expiring += e->expires_ns != 0;
	}
	for (i = 0; i < h->nr_fills; i++)
		used += h->fill[i].charge;
	return seen == h->objects && used == h->used && data == h->data &&
	       nr_expiring == h->expiring && chains_good(m) && free_good(m) && queue_good(m) && heap_good(m);
}
