// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * What the owner of a mirror's policy is to be told: of each entry of the index, which
 * is a slot, at most one piece of news. Slots with news are in a list, so nothing of it
 * grows, however long nobody asks. All with the index's lock.
 *
 * What is in entries from zcm_head.news_end on is of an earlier owner, or of none, and is
 * not looked at: the walk that tells all anew cleans each as it comes by. So nothing has
 * to be undone when an owner dies.
 */
#include "mirror.h"

/* zcm_head.news_end when all was told. */
#define ALL	UINT32_MAX

/* Entries that one drain walks over, so that nobody waits long for the lock. */
#define WALK	4096

/* zcm_entry.news */
#define LISTED	1	/* in the list */
#define KNOWN	2	/* @told was told to be there, and not that it left */

static void unlist(struct zc_mirror *m, uint32_t i)
{
	struct zcm_entry *e = &m->entry[i];
	struct zcm_head *h = m->head;

	if (e->news_prev)
		m->entry[e->news_prev].news_next = e->news_next;
	else
		h->news_first = e->news_next;
	if (e->news_next)
		m->entry[e->news_next].news_prev = e->news_prev;
	else
		h->news_last = e->news_prev;
	e->news &= ~LISTED;
}

static void list(struct zc_mirror *m, uint32_t i)
{
	struct zcm_entry *e = &m->entry[i];
	struct zcm_head *h = m->head;

	e->news |= LISTED;
	e->news_next = 0;
	e->news_prev = h->news_last;
	if (h->news_last)
		m->entry[h->news_last].news_next = i;
	else
		h->news_first = i;
	h->news_last = i;
}

/**
 * zcm_news_begin() - tell all anew, if there is an owner
 * @h: the head of the index
 * @owned: there is one
 */
void zcm_news_begin(struct zcm_head *h, bool owned)
{
	h->news_first = 0;
	h->news_last = 0;
	h->news_end = owned;
	h->resync = owned;
}

/**
 * zcm_news_came() - an object came
 * @m: the mirror, locked
 * @i: its entry
 *
 * It comes after all that is to be told, also if there is news of its slot before it:
 * that is told then.
 */
void zcm_news_came(struct zc_mirror *m, uint32_t i)
{
	struct zcm_entry *e = &m->entry[i];

	e->uses = 0;
	if (i >= m->head->news_end)
		return;
	/* Of two fills that wait for the disk the older may become an object later. */
	if (e->generation < e->told) {
		zcm_news_begin(m->head, true);
		return;
	}
	if (e->news & LISTED)
		unlist(m, i);
	list(m, i);
}

/**
 * zcm_news_left() - an object leaves
 * @m: the mirror, locked
 * @i: its entry, which has its generation still
 * @reason: ZC_POLICY_GONE_*
 */
void zcm_news_left(struct zc_mirror *m, uint32_t i, uint8_t reason)
{
	struct zcm_entry *e = &m->entry[i];

	if (i >= m->head->news_end || !(e->news & KNOWN) || e->told != e->generation)
		return;
	e->reason = reason;
	if (!(e->news & LISTED))
		list(m, i);
}

/**
 * zcm_news_used() - an object was used, and there is an owner
 * @m: the mirror, locked
 * @i: its entry
 */
void zcm_news_used(struct zc_mirror *m, uint32_t i)
{
	struct zcm_entry *e = &m->entry[i];

	if (e->uses < ZC_POLICY_USES_MAX)
		e->uses++;
	if (i < m->head->news_end && !(e->news & LISTED))
		list(m, i);
}

static struct zc_policy_record about(const struct zcm_entry *e, uint32_t i, uint8_t what)
{
	return (struct zc_policy_record) {
		.generation = e->generation, .id = what == ZC_POLICY_NEW ? e->hash.w[0] : 0,
		.charge = e->charge, .slot = i, .what = what, .uses = e->uses,
	};
}

static struct zc_policy_record is_there(struct zcm_entry *e, uint32_t i)
{
	struct zc_policy_record r = about(e, i, ZC_POLICY_NEW);

	e->told = e->generation;
	e->news |= KNOWN;
	e->uses = 0;
	return r;
}

/* Tells of what is there, from where the last drain came to. */
static uint32_t walk(struct zc_mirror *m, struct zc_policy_record *records, uint32_t room)
{
	struct zcm_head *h = m->head;
	uint32_t i = h->news_end, nr = 0, seen;

	for (seen = 0; i < m->slots && nr < room && seen < WALK; i++, seen++) {
		struct zcm_entry *e = &m->entry[i];

		e->news = 0;
		e->told = 0;
		if (e->generation)
			records[nr++] = is_there(e, i);
	}
	h->news_end = i < m->slots ? i : ALL;
	return nr;
}

/* What there is to tell of a slot, if there is room for it. Returns how much. */
static uint32_t tell(struct zc_mirror *m, uint32_t i, struct zc_policy_record *records,
		     uint32_t room)
{
	struct zcm_entry *e = &m->entry[i];
	uint32_t nr = 0;

	if (e->news & KNOWN && e->told != e->generation) {
		records[nr++] = (struct zc_policy_record) {
			.generation = e->told, .slot = i, .what = ZC_POLICY_GONE,
			.reason = e->reason,
		};
		e->news &= ~KNOWN;
	}
	if (e->generation && !(e->news & KNOWN)) {
		/* The rest is told next, from here on. */
		if (nr == room)
			return nr;
		records[nr++] = is_there(e, i);
	} else if (e->generation && e->uses) {
		records[nr++] = about(e, i, ZC_POLICY_TOUCHED);
		e->uses = 0;
	}
	unlist(m, i);
	return nr;
}

/**
 * zcm_news_drain() - tell the owner what happened
 * @m: the mirror, locked
 * @drain: has room for one record or more; nr, resync and more are set
 */
void zcm_news_drain(struct zc_mirror *m, struct zc_policy_drain *drain)
{
	struct zcm_head *h = m->head;
	uint32_t nr = 0, seen;

	drain->resync = h->resync;
	h->resync = 0;
	if (h->news_end != ALL)
		nr = walk(m, drain->records, drain->room);
	/* There may be nothing to tell of a slot that is listed: its object came and left. */
	for (seen = 0; h->news_first && nr < drain->room && seen < WALK; seen++)
		nr += tell(m, h->news_first, drain->records + nr, drain->room - nr);
	drain->nr = nr;
	drain->more = h->news_end != ALL || h->news_first;
}
