// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "ghost.h"
#include "policy.h"

/*
 * Who is new is so until this part of the capacity came after it: long enough for a
 * second use, and twice what stores let come in before room is made (5 %, if nobody set
 * their watermarks), so that all of that is compared.
 */
#define NEW_PART 10

/**
 * zp_admission_new - begins with no object
 * Return: it, or NULL without memory
 */
struct zp_admission *zp_admission_new(void)
{
	struct zp_admission *a = calloc(1, sizeof(*a));

	if (a && zp_sketch_init(&a->sketch, 0)) {
		free(a);
		return NULL;
	}
	return a;
}

/**
 * zp_admission_free - frees it
 * @a: what zp_admission_new() made, or NULL
 */
void zp_admission_free(struct zp_admission *a)
{
	if (!a)
		return;
	zp_sketch_exit(&a->sketch);
	free(a->new);
	free(a->is_new);
	free(a);
}

static bool is_new(const struct zp_admission *a, uint32_t ref)
{
	return ref / 64 < a->nr_words && a->is_new[ref / 64] >> ref % 64 & 1;
}

static void forget(struct zp_admission *a, uint32_t ref)
{
	if (ref / 64 < a->nr_words)
		a->is_new[ref / 64] &= ~(1ull << ref % 64);
}

/* The oldest that is still here and new; ZP_NONE if there is none. */
static uint32_t pop(struct zp_admission *a)
{
	struct zp_newcomer *n;

	while (a->first < a->nr) {
		n = &a->new[a->first++];
		a->bytes -= n->bytes;
		if (!is_new(a, n->ref))
			continue;
		forget(a, n->ref);
		return n->ref;
	}
	return ZP_NONE;
}

static bool room_for_bit(struct zp_admission *a, const struct zp *zp, uint32_t ref)
{
	uint32_t nr = zp->nr_entries / 64 + 1;
	uint64_t *words;

	if (ref / 64 < a->nr_words)
		return true;
	words = realloc(a->is_new, nr * sizeof(*words));
	if (!words)
		return false;
	memset(words + a->nr_words, 0, (nr - a->nr_words) * sizeof(*words));
	a->is_new = words;
	a->nr_words = nr;
	return true;
}

static bool room_for_one(struct zp_admission *a)
{
	uint32_t room = a->room * 2 + 64;
	struct zp_newcomer *new;

	if (a->nr < a->room)
		return true;
	if (a->first > a->room / 2) {
		memmove(a->new, a->new + a->first, (a->nr - a->first) * sizeof(*a->new));
		a->nr -= a->first;
		a->first = 0;
		return true;
	}
	new = room > a->room ? realloc(a->new, room * sizeof(*new)) : NULL;
	if (!new)
		return false;
	a->new = new;
	a->room = room;
	return true;
}

/**
 * zp_admission_add - an object came
 * @zp: the policy, which has it
 * @ref: the object
 */
void zp_admission_add(struct zp *zp, uint32_t ref)
{
	struct zp_entry *e = zp_entry(zp, ref);
	struct zp_admission *a = zp->admission;

	zp_sketch_grow(&a->sketch, zp->objects);
	zp_sketch_add(&a->sketch, e->id, 1);
	if (!room_for_bit(a, zp, ref) || !room_for_one(a))
		return;
	a->new[a->nr++] = (struct zp_newcomer){ .ref = ref, .bytes = zp_ghost_bytes(e->size) };
	a->bytes += zp_ghost_bytes(e->size);
	a->is_new[ref / 64] |= 1ull << ref % 64;
	while (a->bytes > zp->options.capacity / NEW_PART && pop(a))
		;
}

/**
 * zp_admission_hit - an object was used
 * @zp: the policy
 * @ref: the object
 * @n: how often
 */
void zp_admission_hit(struct zp *zp, uint32_t ref, unsigned int n)
{
	zp_sketch_add(&zp->admission->sketch, zp_entry(zp, ref)->id, n);
}

/**
 * zp_admission_del - an object is not to be compared any more
 * @zp: the policy
 * @ref: the object
 */
void zp_admission_del(struct zp *zp, uint32_t ref)
{
	forget(zp->admission, ref);
	if (zp->admission->other == ref)
		zp->admission->other = ZP_NONE;
}

static unsigned int uses(const struct zp *zp, uint32_t ref)
{
	return zp_sketch_get(&zp->admission->sketch, zp->entries[ref].id);
}

/**
 * zp_admission_victim - chooses who leaves next
 * @zp: the policy
 * Return: the object, in none of the policy's queues; ZP_NONE if there is none
 *
 * Each newcomer is compared once. The policy's victim waits while others leave instead,
 * as it cannot be put back into its place.
 */
uint32_t zp_admission_victim(struct zp *zp)
{
	struct zp_admission *a = zp->admission;
	uint32_t ref;

	if (!a->other) {
		ref = zp->ops->victim(zp);
		if (ref == ZP_NONE || is_new(a, ref)) {
			forget(a, ref);
			return ref;
		}
		a->other = ref;
	}
	ref = pop(a);
	if (ref != ZP_NONE && uses(zp, ref) < uses(zp, a->other)) {
		zp->ops->del(zp, ref);
		return ref;
	}
	ref = a->other;
	a->other = ZP_NONE;
	return ref;
}
