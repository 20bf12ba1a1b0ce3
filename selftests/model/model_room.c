// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of a store: room. SIEVE as the paper has it (Zhang et al., NSDI 2024): the
 * versions stand in the order of their commits, which is the queue.
 */
#include <errno.h>

#include "model_int.h"

uint64_t model_used(const struct model *m)
{
	uint64_t used = 0;
	unsigned int i;

	for (i = 0; i < m->nr; i++)
		if (m->version[i]->current)
			used += m->version[i]->charge;
	for (i = 0; i < MODEL_FDS; i++)
		if (m->handle[i].kind == FILL && !m->handle[i].committed)
			used += m->handle[i].version->charge;
	return used;
}

/* The place of the oldest version from @from on that its key has; m->nr if none. */
static unsigned int next(const struct model *m, unsigned int from)
{
	while (from < m->nr && !m->version[from]->current)
		from++;
	return from;
}

void model_unlink(struct model *m, struct version *v)
{
	v->current = false;
	if (m->hand < m->nr && m->version[m->hand] == v) {
		m->hand = next(m, m->hand);
		/* It begins anew, and not with what comes next. */
		if (m->hand == m->nr)
			m->hand = NO_HAND;
	}
}

/* Where what is open is charged, it has to stay. */
static bool held(const struct model *m, const struct version *v)
{
	unsigned int i;

	if (!m->conf.holds)
		return false;
	/* Who filled it has it open as well, until he closes the fill. */
	for (i = 0; i < MODEL_FDS; i++)
		if ((m->handle[i].kind == OBJECT || m->handle[i].kind == FILL) &&
		    m->handle[i].version == v)
			return true;
	return v == m->wanted;
}

static void evict_one(struct model *m, struct version *v)
{
	m->count[ZC_C_EVICTIONS]++;
	m->count[ZC_C_EVICTED_BYTES] += v->charge;
	model_unlink(m, v);
}

static bool evict(struct model *m)
{
	unsigned int objects = 0, left, i;
	struct version *v;

	for (i = next(m, 0); i < m->nr; i = next(m, i + 1))
		objects++;
	for (left = objects ? 2 * objects + 1 : 0; left; left--) {
		if (m->hand == NO_HAND)
			m->hand = next(m, 0);
		v = m->version[m->hand];
		if (held(m, v) || (v->visited && !model_expired(v))) {
			v->visited &= held(m, v);
			m->hand = next(m, m->hand + 1);
			if (m->hand == m->nr)
				m->hand = NO_HAND;
			continue;
		}
		evict_one(m, v);
		return true;
	}
	return false;
}

void model_charge(struct model *m, const void *key, size_t key_len, uint64_t charge)
{
	struct version *v = model_current(m, key, key_len);

	if (v)
		v->charge = charge;
}

void model_follow(struct model *m, uint64_t evictions, bool refused)
{
	m->follow.evictions = evictions;
	m->follow.refused = refused;
	m->follow.nr_gone = 0;
}

void model_gone(struct model *m, const void *key, size_t key_len)
{
	struct version *v = model_current(m, key, key_len);

	if (v)
		m->follow.gone[m->follow.nr_gone++] = v;
}

bool model_followed(const struct model *m)
{
	return !m->follow.wrong && !m->follow.evictions;
}

static bool all_held(const struct model *m)
{
	unsigned int i;

	for (i = next(m, 0); i < m->nr; i = next(m, i + 1))
		if (!held(m, m->version[i]))
			return false;
	return true;
}

/* As the store did. */
static int follow(struct model *m)
{
	struct follow *f = &m->follow;
	unsigned int i;

	/*
	 * How often the hand went round before the store gave up cannot be seen; from
	 * then on any that is not open may go.
	 */
	f->lost |= f->refused;
	if (!f->lost)
		while (f->evictions && evict(m))
			f->evictions--;
	for (i = 0; f->lost && i < f->nr_gone; i++, f->evictions--) {
		f->wrong |= held(m, f->gone[i]);
		evict_one(m, f->gone[i]);
	}
	/* Only what cannot go is a reason to refuse. */
	f->wrong |= f->refused && !all_held(m);
	return f->refused ? -ENOSPC : 0;
}

bool model_never_fits(const struct model *m, uint64_t charge)
{
	return charge > m->conf.capacity;
}

int model_reserve(struct model *m, uint64_t charge)
{
	if (m->conf.follows)
		return follow(m);
	while (model_used(m) + charge > m->conf.capacity)
		if (!evict(m))
			return -ENOSPC;
	return 0;
}

void model_forget(struct model *m)
{
	unsigned int i;

	/* A store in memory is never without. */
	if (m->conf.holds)
		return;
	for (i = 0; i < m->nr; i++)
		m->version[i]->visited = false;
	m->hand = NO_HAND;
}
