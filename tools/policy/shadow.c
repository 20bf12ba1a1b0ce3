// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "ghost.h"
#include "shadow.h"

#define SLOTS_MIN 64

/**
 * zp_shadow_init - begins with no object
 * @s: what to set up
 * @ops: the policy
 * @options: how it is to behave
 * Return: 0 or -errno
 */
int zp_shadow_init(struct zp_shadow *s, const struct zp_ops *ops,
		   const struct zp_options *options)
{
	int err;

	*s = (struct zp_shadow){ .nr_slots = SLOTS_MIN };
	s->slots = calloc(s->nr_slots, sizeof(*s->slots));
	err = s->slots ? zp_init(&s->zp, ops, options) : -ENOMEM;
	if (err) {
		free(s->slots);
		s->slots = NULL;
	}
	return err;
}

/**
 * zp_shadow_exit - frees it
 * @s: what zp_shadow_init() made, or zeroed
 */
void zp_shadow_exit(struct zp_shadow *s)
{
	if (!s->slots)
		return;
	zp_exit(&s->zp);
	free(s->slots);
}

static uint32_t home(const struct zp_shadow *s, uint64_t id)
{
	return zp_hash(id) & (s->nr_slots - 1);
}

/* The slot of an id, or the free one where it would be. */
static uint32_t find(struct zp_shadow *s, uint64_t id)
{
	uint32_t at = home(s, id);

	while (s->slots[at] && zp_entry(&s->zp, s->slots[at])->id != id)
		at = (at + 1) & (s->nr_slots - 1);
	return at;
}

/* Closes the gap, so that no id is behind a free slot. */
static void del_slot(struct zp_shadow *s, uint32_t at)
{
	uint32_t mask = s->nr_slots - 1, next = at, from;

	for (;;) {
		next = (next + 1) & mask;
		if (!s->slots[next])
			break;
		from = home(s, zp_entry(&s->zp, s->slots[next])->id);
		if (((next - from) & mask) < ((next - at) & mask))
			continue;
		s->slots[at] = s->slots[next];
		at = next;
	}
	s->slots[at] = ZP_NONE;
}

/* Three quarters of the slots at most are in use. */
static int grow(struct zp_shadow *s)
{
	uint32_t *old = s->slots, nr = s->nr_slots, i;

	if (s->zp.objects < nr - nr / 4)
		return 0;
	s->slots = calloc(nr * 2ull, sizeof(*s->slots));
	if (!s->slots) {
		s->slots = old;
		return -ENOMEM;
	}
	s->nr_slots = nr * 2;
	for (i = 0; i < nr; i++)
		if (old[i])
			s->slots[find(s, zp_entry(&s->zp, old[i])->id)] = old[i];
	free(old);
	return 0;
}

static void evict(struct zp_shadow *s, uint64_t limit)
{
	uint32_t ref;

	while (s->zp.used > limit && (ref = zp_victim(&s->zp))) {
		del_slot(s, find(s, zp_entry(&s->zp, ref)->id));
		zp_del(&s->zp, ref);
	}
}

/**
 * zp_shadow_request - somebody wants an object
 * @s: the shadow
 * @id: names its key
 * @size: bytes
 * @n: how often, at least once; it misses the first at most
 */
void zp_shadow_request(struct zp_shadow *s, uint64_t id, uint64_t size, unsigned int n)
{
	uint32_t at = find(s, id), ref;

	if (s->slots[at]) {
		zp_hit(&s->zp, s->slots[at], n);
		return;
	}
	s->misses++;
	s->missed_bytes += size;
	if (size > zp_largest(&s->zp) || grow(s))
		return;
	evict(s, s->zp.options.capacity - size);
	if (zp_add(&s->zp, id, size, &ref))
		return;
	s->slots[find(s, id)] = ref;
	if (n > 1)
		zp_hit(&s->zp, ref, n - 1);
}

/**
 * zp_shadow_shrink - goes on with fewer keys
 * @s: the shadow
 * @capacity: bytes that these have
 * @sampled: whether an id is one of them
 * @shift: for @sampled
 */
void zp_shadow_shrink(struct zp_shadow *s, uint64_t capacity,
		      bool (*sampled)(uint64_t id, unsigned int shift), unsigned int shift)
{
	uint32_t at = 0, ref;

	while (at < s->nr_slots) {
		ref = s->slots[at];
		if (!ref || sampled(zp_entry(&s->zp, ref)->id, shift)) {
			at++;
			continue;
		}
		/* another may take its slot, so look at that again */
		del_slot(s, at);
		zp_del(&s->zp, ref);
	}
	zp_resize(&s->zp, capacity);
	evict(s, capacity);
}
