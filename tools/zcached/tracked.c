// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tracked.h"

/* In a slot's reference; references have the bits below. */
#define CHOSEN (1U << 31)
#define REFUSED (1U << 30)
#define UNSEEN (1U << 29)
#define REF_MASK (UNSEEN - 1)

/* A sixteenth more each time, as the policies' entries grow. */
static uint64_t enough(uint32_t nr, uint32_t last)
{
	uint64_t want = (uint64_t)nr + nr / 16 + 64;

	return want > last ? want : (uint64_t)last + 1;
}

static int grow(void *array, size_t size, uint64_t from, uint64_t to)
{
	char *p = realloc(*(void **)array, to * size);

	if (!p)
		return -ENOMEM;
	memset(p + from * size, 0, (to - from) * size);
	*(void **)array = p;
	return 0;
}

static int room_for_slot(struct tracked *t, uint32_t slot)
{
	uint64_t nr = enough(t->nr_slots, slot);

	if (slot < t->nr_slots)
		return 0;
	if (nr > UINT32_MAX ||
	    grow(&t->generation, sizeof(*t->generation), t->nr_slots, nr) ||
	    grow(&t->ref, sizeof(*t->ref), t->nr_slots, nr))
		return -ENOMEM;
	t->nr_slots = nr;
	return 0;
}

static int room_for_ref(struct tracked *t, uint32_t ref)
{
	uint64_t nr = enough(t->nr_refs, ref);

	if (ref < t->nr_refs)
		return 0;
	if (ref > REF_MASK || grow(&t->slot, sizeof(*t->slot), t->nr_refs, nr))
		return -ENOMEM;
	t->nr_refs = nr;
	return 0;
}

void tracked_end(struct tracked *t)
{
	if (t->begun)
		zp_exit(&t->zp);
	free(t->generation);
	free(t->ref);
	free(t->slot);
	free(t->refused);
	memset(t, 0, sizeof(*t));
}

int tracked_begin(struct tracked *t, const struct zp_ops *ops, const struct zp_options *options)
{
	int err;

	tracked_end(t);
	err = zp_init(&t->zp, ops, options);
	t->begun = !err;
	return err;
}

/* Those that left are forgotten only here; one slot may have been listed twice. */
static void sweep_refused(struct tracked *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->nr_refused; i++) {
		uint32_t slot = t->refused[i];

		if (!(t->ref[slot] & REFUSED))
			continue;
		/* only the first time that it is listed */
		t->ref[slot] &= ~REFUSED;
		t->refused[n++] = slot;
	}
	for (i = 0; i < n; i++)
		t->ref[t->refused[i]] |= REFUSED;
	t->nr_refused = n;
}

static int refuse(struct tracked *t, uint32_t slot)
{
	size_t room = t->room_refused * 2 + 64;

	if (t->nr_refused == t->room_refused)
		sweep_refused(t);
	if (t->nr_refused == t->room_refused) {
		if (grow(&t->refused, sizeof(*t->refused), t->room_refused, room))
			return -ENOMEM;
		t->room_refused = room;
	}
	t->refused[t->nr_refused++] = slot;
	t->ref[slot] = REFUSED;
	return 0;
}

/* It is there. */
static void see(struct tracked *t, uint32_t slot)
{
	uint32_t ref = t->ref[slot];

	if (!(ref & UNSEEN))
		return;
	t->ref[slot] &= ~UNSEEN;
	if (ref & REF_MASK)
		t->unseen -= zp_entry(&t->zp, ref & REF_MASK)->size;
}

static void forget(struct tracked *t, uint32_t slot)
{
	see(t, slot);
	if (t->ref[slot] & REF_MASK)
		zp_del(&t->zp, t->ref[slot] & REF_MASK);
	t->ref[slot] = ZP_NONE;
}

static void hit(struct tracked *t, uint32_t ref, unsigned int uses)
{
	if (uses)
		zp_hit(&t->zp, ref & REF_MASK, uses);
}

/* A victim that was used stays; that it does is a use for the policy. */
static int touched(struct tracked *t, const struct zc_policy_record *r)
{
	uint32_t *ref = &t->ref[r->slot];
	int err;

	if (!(*ref & REF_MASK) || !r->uses)
		return 0;
	if (!(*ref & CHOSEN)) {
		hit(t, *ref, r->uses);
		return 0;
	}
	err = zp_keep(&t->zp, *ref & REF_MASK);
	if (err)
		return err;
	*ref &= ~CHOSEN;
	hit(t, *ref, r->uses > 1 ? r->uses - 1 : 0);
	return 0;
}

static int came(struct tracked *t, const struct zc_policy_record *r)
{
	uint32_t ref;
	int err;

	/* of the generation that is known it is there, or was and left */
	if (r->generation == t->generation[r->slot]) {
		see(t, r->slot);
		return touched(t, r);
	}
	forget(t, r->slot);
	t->generation[r->slot] = r->generation;
	err = zp_add(&t->zp, r->id, r->charge, &ref);
	if (err == -EFBIG)
		return refuse(t, r->slot);
	if (!err && room_for_ref(t, ref)) {
		zp_del(&t->zp, ref);
		err = -ENOMEM;
	}
	if (err)
		return err;
	t->slot[ref] = r->slot;
	t->ref[r->slot] = ref;
	hit(t, ref, r->uses);
	return 0;
}

/* Whether a record can be of the object that is known of its slot. */
static bool same(const struct tracked *t, const struct zc_policy_record *r)
{
	uint32_t ref = t->ref[r->slot] & REF_MASK;

	if (r->generation != t->generation[r->slot])
		return false;
	return r->what != ZC_POLICY_NEW ||
	       (ref && r->id == t->zp.entries[ref].id && r->charge == t->zp.entries[ref].size);
}

/* Of this slot nothing is known. */
static void disown(struct tracked *t, uint32_t slot)
{
	forget(t, slot);
	t->generation[slot] = 0;
}

int tracked_resync(struct tracked *t)
{
	int err = tracked_settle(t);
	uint32_t slot;

	t->marked = true;
	t->unseen = t->zp.used;
	for (slot = 0; slot < t->nr_slots; slot++) {
		if (t->ref[slot])
			t->ref[slot] |= UNSEEN;
		else
			t->generation[slot] = 0;
	}
	return err;
}

void tracked_sweep(struct tracked *t)
{
	uint32_t slot;

	for (slot = 0; t->marked && slot < t->nr_slots; slot++)
		if (t->ref[slot] & UNSEEN)
			disown(t, slot);
	t->marked = false;
}

int tracked_record(struct tracked *t, const struct zc_policy_record *r)
{
	int err = room_for_slot(t, r->slot);

	if (err)
		return err;
	/* what is not known to be there may be another store's, which counts from 1 */
	if (t->ref[r->slot] & UNSEEN && !same(t, r))
		disown(t, r->slot);
	if (r->generation < t->generation[r->slot])
		return 0;
	if (r->what == ZC_POLICY_NEW)
		return came(t, r);
	if (r->generation > t->generation[r->slot])
		return 0;
	if (r->what == ZC_POLICY_TOUCHED)
		return touched(t, r);
	if (r->what == ZC_POLICY_GONE)
		forget(t, r->slot);
	return 0;
}

static void name_victim(const struct tracked *t, uint32_t slot, struct zc_policy_victim *v)
{
	*v = (struct zc_policy_victim){ .generation = t->generation[slot], .slot = slot };
}

/* Of the others it was told what became of them; their references may be chosen again. */
static void sweep_chosen(struct tracked *t)
{
	size_t i, n = 0;

	for (i = 0; i < t->nr_chosen; i++)
		if (t->ref[t->slot[t->chosen[i]]] == (t->chosen[i] | CHOSEN))
			t->chosen[n++] = t->chosen[i];
	t->nr_chosen = n;
}

size_t tracked_choose(struct tracked *t, uint64_t bytes, struct zc_policy_victim *v)
{
	uint64_t sum = 0;
	uint32_t ref;
	size_t n = 0;

	sweep_chosen(t);
	while (t->nr_chosen < VICTIMS_MAX && sum < bytes) {
		ref = zp_victim(&t->zp);
		if (ref == ZP_NONE)
			break;
		/* if it is there, it is still to be told */
		if (t->ref[t->slot[ref]] & UNSEEN) {
			disown(t, t->slot[ref]);
			continue;
		}
		sum += zp_entry(&t->zp, ref)->size;
		t->ref[t->slot[ref]] |= CHOSEN;
		name_victim(t, t->slot[ref], &v[n++]);
		t->chosen[t->nr_chosen++] = ref;
	}
	return n;
}

size_t tracked_unwanted(struct tracked *t, struct zc_policy_victim *v)
{
	size_t i;

	sweep_refused(t);
	for (i = 0; i < t->nr_refused && i < VICTIMS_MAX; i++)
		name_victim(t, t->refused[(t->next_refused + i) % t->nr_refused], &v[i]);
	/* those that stay are in nobody's way */
	t->next_refused += i;
	return i;
}

/* The reference of one that left may be another object's by now, which is not chosen. */
int tracked_settle(struct tracked *t)
{
	int err;

	for (; t->nr_chosen; t->nr_chosen--) {
		uint32_t ref = t->chosen[t->nr_chosen - 1];
		uint32_t *of_slot = &t->ref[t->slot[ref]];

		if (*of_slot != (ref | CHOSEN))
			continue;
		err = zp_keep(&t->zp, ref);
		if (err)
			return err;
		*of_slot = ref;
	}
	return 0;
}

int tracked_switch(struct tracked *t, const struct zp_ops *ops, const struct zp_options *options)
{
	int err = tracked_settle(t);

	/* the next policy takes over what this one has, not what is on hold */
	return err || !t->begun ? err : zp_switch(&t->zp, ops, options);
}

uint64_t tracked_objects(struct tracked *t)
{
	uint64_t n = t->zp.objects;
	size_t i;

	sweep_refused(t);
	for (i = 0; i < t->nr_chosen; i++)
		n += t->ref[t->slot[t->chosen[i]]] == (t->chosen[i] | CHOSEN);
	return n + t->nr_refused;
}
