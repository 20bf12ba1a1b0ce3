// SPDX-License-Identifier: GPL-2.0-only
/*
 * Of a store whose charges are its own business nobody can say beforehand how much goes
 * to make room. So it runs an operation first and says how many went; which ones it has
 * to be is the model's to say, as long as it knows where the hand is.
 */
#include <errno.h>

#include "run_int.h"

#define KEYS 10

bool run_follows(const struct run *r)
{
	return r->conf->store.follows &&
	       (r->op->kind == OP_PUT || r->op->kind == OP_FILL || r->op->kind == OP_OPEN);
}

static int stat_of(struct subject *s, unsigned int i, struct zc_stat *st)
{
	struct run_key k = run_key(i);

	*st = (struct zc_stat){
		.size = sizeof(*st), .flags = ZC_STAT_EXPIRED_OK, .key = run_addr(k.bytes),
		.key_len = k.len,
	};
	return s->calls->stat(s, st);
}

void run_before(struct run *r)
{
	uint64_t count[ZC_C_NR] = { 0 };
	struct zc_stat st;
	unsigned int i;

	r->subject[1].calls->counters(&r->subject[1], count);
	r->evictions = count[ZC_C_EVICTIONS];
	for (i = 0; i < KEYS; i++) {
		r->there[i] = !stat_of(&r->subject[1], i, &st);
		if (r->there[i])
			model_charge(r->subject[0].model, run_key(i).bytes, run_key(i).len,
				     st.charge);
	}
}

void run_follow(struct run *r)
{
	struct model *m = r->subject[0].model;
	const struct answer *a = &r->answer[1];
	uint64_t count[ZC_C_NR] = { 0 };
	struct zc_stat st;
	unsigned int i, own = r->op->key % KEYS, gone = 0;
	uint64_t evictions;

	r->subject[1].calls->counters(&r->subject[1], count);
	evictions = count[ZC_C_EVICTIONS] - r->evictions;
	model_follow(m, evictions, a->err == -ENOSPC);
	for (i = 0; i < KEYS; i++)
		if (r->there[i] && stat_of(&r->subject[1], i, &st)) {
			model_gone(m, run_key(i).bytes, run_key(i).len);
			gone++;
		}
	/* The key that has a new version may have lost the old one so. */
	if (gone + 1 == evictions && r->op->kind == OP_PUT && r->there[own])
		model_gone(m, run_key(own).bytes, run_key(own).len);
}

void run_followed(struct run *r, struct answer *model, struct answer *a)
{
	struct zc_stat st;
	unsigned int i;

	run_say(model, "legal", 1);
	run_say(a, "legal", model_followed(r->subject[0].model));
	for (i = 0; i < KEYS; i++) {
		struct run_key k = run_key(i);

		run_say(model, "there", !!model_generation(r->subject[0].model, k.bytes, k.len));
		run_say(a, "there", !stat_of(&r->subject[1], i, &st));
	}
}
