// SPDX-License-Identifier: GPL-2.0-only
/* The objects that a policy knows, and who drives it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admission.h"
#include "policy.h"

/* Of an entry that is a victim, in @prev. */
#define OUT UINT32_MAX

const struct zp_ops *const zp_all[] = {
	&zp_fifo,
	&zp_lru,
	&zp_clock,
	&zp_sieve,
	&zp_s3fifo,
	&zp_gdsf,
	&zp_gdsf2,
	&zp_wtinylfu,
	&zp_lhd,
	&zp_auto,
	NULL,
};

/**
 * zp_find - finds a policy
 * @name: its name
 * Return: the policy, NULL if there is none of this name
 */
const struct zp_ops *zp_find(const char *name)
{
	const struct zp_ops *const *ops;

	for (ops = zp_all; *ops; ops++)
		if (!strcmp((*ops)->name, name))
			return *ops;
	return NULL;
}

/**
 * zp_init - begins with no object
 * @zp: what to set up
 * @ops: the policy
 * @options: how it is to behave
 * Return: 0, -EINVAL of options that cannot be, or -ENOMEM
 */
int zp_init(struct zp *zp, const struct zp_ops *ops, const struct zp_options *options)
{
	int err;

	*zp = (struct zp){ .ops = ops, .options = *options };
	if (!options->capacity || !(options->a <= 1))
		return -EINVAL;
	if (options->frequency) {
		zp->admission = zp_admission_new();
		if (!zp->admission)
			return -ENOMEM;
	}
	err = ops->init(zp);
	if (err)
		zp_admission_free(zp->admission);
	return err;
}

/**
 * zp_exit - forgets all
 * @zp: what zp_init() made
 */
void zp_exit(struct zp *zp)
{
	zp->ops->exit(zp);
	zp_admission_free(zp->admission);
	free(zp->entries);
}

/*
 * A sixteenth more each time: entries are most of the memory that an object costs,
 * and growing moves pages, not bytes, once there are many.
 */
static int more_entries(struct zp *zp)
{
	uint64_t nr = (uint64_t)zp->nr_entries + zp->nr_entries / 16 + 64;
	struct zp_entry *entries;
	uint32_t ref;

	if (nr > UINT32_MAX)
		nr = UINT32_MAX;
	if (nr == zp->nr_entries)
		return -ENOMEM;
	entries = realloc(zp->entries, nr * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	zp->entries = entries;
	/* the lowest first, and never ZP_NONE */
	for (ref = nr - 1; ref >= zp->nr_entries && ref != ZP_NONE; ref--) {
		entries[ref].next = zp->free;
		zp->free = ref;
	}
	zp->nr_entries = nr;
	return 0;
}

/**
 * zp_grow_refs - makes room in an array of references, by small parts as of entries
 * @refs: the array
 * @room: how many it has room for
 * @objects: how many it is to have room for
 * Return: 0 or -ENOMEM
 */
int zp_grow_refs(uint32_t **refs, uint32_t *room, uint32_t objects)
{
	uint64_t more = (uint64_t)objects + objects / 16 + 64;
	uint32_t *grown;

	if (objects <= *room)
		return 0;
	grown = realloc(*refs, more * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*refs = grown;
	*room = more < UINT32_MAX ? more : UINT32_MAX;
	return 0;
}

static void put_entry(struct zp *zp, uint32_t ref)
{
	zp->entries[ref].next = zp->free;
	zp->free = ref;
}

static int take(struct zp *zp, uint32_t ref)
{
	struct zp_entry *e = zp_entry(zp, ref);
	int err;

	e->prev = ZP_NONE;
	e->next = ZP_NONE;
	memset(e->word, 0, sizeof(e->word));
	zp->objects++;
	zp->used += e->size;
	err = zp->ops->add(zp, ref);
	if (err) {
		zp->objects--;
		zp->used -= e->size;
	}
	return err;
}

/**
 * zp_largest - the size above which objects are refused
 * @zp: the policy
 * Return: bytes
 */
uint64_t zp_largest(struct zp *zp)
{
	uint64_t size = zp->ops->largest ? zp->ops->largest(zp) : zp->options.capacity;

	return zp->options.admit_size && zp->options.admit_size < size ?
	       zp->options.admit_size : size;
}

/**
 * zp_waiting - the victim that waits while newcomers leave instead
 * @zp: the policy
 * Return: the object, which is here still; ZP_NONE if there is none
 */
uint32_t zp_waiting(const struct zp *zp)
{
	return zp->admission ? zp->admission->other : ZP_NONE;
}

/**
 * zp_add - an object came
 * @zp: the policy
 * @id: names its key
 * @size: bytes
 * @ref: gets the reference
 * Return: 0, -EFBIG if the policy refuses it, or -ENOMEM
 */
int zp_add(struct zp *zp, uint64_t id, uint64_t size, uint32_t *ref)
{
	int err;

	if (size > zp_largest(zp))
		return -EFBIG;
	if (!zp->free) {
		err = more_entries(zp);
		if (err)
			return err;
	}
	*ref = zp->free;
	zp->free = zp->entries[*ref].next;
	zp->entries[*ref].id = id;
	zp->entries[*ref].size = size;
	zp->requests++;
	err = take(zp, *ref);
	if (err)
		put_entry(zp, *ref);
	else if (zp->admission)
		zp_admission_add(zp, *ref);
	return err;
}

/* Out of what is held. */
static void leave(struct zp *zp, uint32_t ref)
{
	zp->objects--;
	zp->used -= zp->entries[ref].size;
	zp->entries[ref].prev = OUT;
}

/* Who waits was used, so it is a victim no more; without memory it stays one. */
static void rescue(struct zp *zp, uint32_t ref)
{
	zp->admission->other = ZP_NONE;
	leave(zp, ref);
	if (!take(zp, ref))
		return;
	zp->admission->other = ref;
	zp->objects++;
	zp->used += zp->entries[ref].size;
	zp->entries[ref].prev = OUT;
}

/**
 * zp_hit - an object was used
 * @zp: the policy
 * @ref: the object
 * @n: how often, at least once
 */
void zp_hit(struct zp *zp, uint32_t ref, unsigned int n)
{
	zp->requests += n;
	if (zp->admission)
		zp_admission_hit(zp, ref, n);
	if (ref == zp_waiting(zp))
		rescue(zp, ref);
	/* of a victim, whoever has it decides */
	if (zp->entries[ref].prev != OUT)
		zp->ops->hit(zp, ref, n);
}

/**
 * zp_del - an object left
 * @zp: the policy
 * @ref: the object, void from now on
 */
void zp_del(struct zp *zp, uint32_t ref)
{
	if (zp->entries[ref].prev != OUT) {
		zp->ops->del(zp, ref);
		leave(zp, ref);
	} else if (ref == zp_waiting(zp)) {
		leave(zp, ref);
	}
	if (zp->admission)
		zp_admission_del(zp, ref);
	put_entry(zp, ref);
}

/**
 * zp_victim - chooses who leaves next
 * @zp: the policy
 * Return: the object, which is the caller's; ZP_NONE if there is none
 */
uint32_t zp_victim(struct zp *zp)
{
	uint32_t ref = zp->admission ? zp_admission_victim(zp) : zp->ops->victim(zp);

	if (ref != ZP_NONE)
		leave(zp, ref);
	/* whoever waits is held still, but not by the policy */
	if (zp_waiting(zp))
		zp_entry(zp, zp_waiting(zp))->prev = OUT;
	return ref;
}

/**
 * zp_keep - a victim does not leave, as it was used
 * @zp: the policy
 * @ref: the victim
 * Return: 0 or -ENOMEM
 */
int zp_keep(struct zp *zp, uint32_t ref)
{
	int err = take(zp, ref);

	if (err)
		zp->entries[ref].prev = OUT;
	else
		zp_hit(zp, ref, 1);
	return err;
}

/**
 * zp_resize - the capacity changed
 * @zp: the policy
 * @capacity: bytes, more than 0
 */
void zp_resize(struct zp *zp, uint64_t capacity)
{
	zp->options.capacity = capacity;
	if (zp->ops->resize)
		zp->ops->resize(zp);
}

/**
 * zp_switch - goes on with another policy
 * @zp: the policy
 * @ops: the next one
 * @options: how that is to behave
 * Return: 0, -EINVAL or -ENOMEM
 */
int zp_switch(struct zp *zp, const struct zp_ops *ops, const struct zp_options *options)
{
	uint32_t *order = malloc((zp->objects + 1ull) * sizeof(*order));
	struct zp next = *zp;
	uint32_t nr = 0, i;
	int err;

	next.ops = ops;
	next.options = *options;
	if (!options->frequency)
		next.admission = NULL;
	else if (!zp->admission)
		next.admission = zp_admission_new();
	err = !order || (options->frequency && !next.admission) ? -ENOMEM :
	      !options->capacity || !(options->a <= 1) ? -EINVAL : ops->init(&next);
	if (err) {
		if (next.admission != zp->admission)
			zp_admission_free(next.admission);
		free(order);
		return err;
	}
	next.objects = 0;
	next.used = 0;
	if (zp_waiting(zp)) {
		order[nr] = zp_waiting(zp);
		zp_admission_del(zp, order[nr]);
		leave(zp, order[nr++]);
	}
	for (; zp->objects; nr++) {
		order[nr] = zp->ops->victim(zp);
		leave(zp, order[nr]);
	}
	zp->ops->exit(zp);
	if (next.admission != zp->admission)
		zp_admission_free(zp->admission);
	*zp = next;
	for (i = 0; i < nr; i++)
		take(zp, order[i]);	/* init() made room */
	free(order);
	return 0;
}
