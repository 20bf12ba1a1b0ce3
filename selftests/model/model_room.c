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
		if (v->visited && !model_expired(v)) {
			v->visited = false;
			m->hand = next(m, m->hand + 1);
			if (m->hand == m->nr)
				m->hand = NO_HAND;
			continue;
		}
		m->count[ZC_C_EVICTIONS]++;
		m->count[ZC_C_EVICTED_BYTES] += v->charge;
		model_unlink(m, v);
		return true;
	}
	return false;
}

bool model_never_fits(const struct model *m, uint64_t charge)
{
	return charge > m->conf.capacity;
}

int model_reserve(struct model *m, uint64_t charge)
{
	while (model_used(m) + charge > m->conf.capacity)
		if (!evict(m))
			return -ENOSPC;
	return 0;
}

void model_forget(struct model *m)
{
	unsigned int i;

	for (i = 0; i < m->nr; i++)
		m->version[i]->visited = false;
	m->hand = NO_HAND;
}
