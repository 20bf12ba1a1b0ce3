// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "ghost.h"

static uint32_t tag_of(uint64_t id)
{
	uint32_t tag = zp_hash(id);

	return tag ?: 1;
}

/* The table may have any number of slots, so it need not double. */
static uint32_t home(const struct zp_ghosts *g, uint32_t tag)
{
	return (uint64_t)tag * g->nr_slots >> 32;
}

static uint32_t step(const struct zp_ghosts *g, uint32_t slot)
{
	return slot + 1 < g->nr_slots ? slot + 1 : 0;
}

static uint32_t place(const struct zp_ghosts *g, uint32_t n)
{
	uint64_t at = (uint64_t)g->first + n;

	return at < g->nr_ring ? at : at - g->nr_ring;
}

/* The slot of the tag, or the free one where it would be. */
static uint32_t find(const struct zp_ghosts *g, uint32_t tag)
{
	uint32_t slot = home(g, tag);

	while (g->slots[slot] && g->ring[g->slots[slot] - 1].tag != tag)
		slot = step(g, slot);
	return slot;
}

/* Closes the gap with whatever was pushed past it, so that no marks are needed. */
static void free_slot(struct zp_ghosts *g, uint32_t gap)
{
	uint32_t slot, from;

	for (slot = step(g, gap); g->slots[slot]; slot = step(g, slot)) {
		from = home(g, g->ring[g->slots[slot] - 1].tag);
		if (gap <= slot ? from <= gap || from > slot : from <= gap && from > slot) {
			g->slots[gap] = g->slots[slot];
			gap = slot;
		}
	}
	g->slots[gap] = 0;
}

static void skip_free(struct zp_ghosts *g)
{
	while (g->span && !g->ring[g->first].tag) {
		g->first = place(g, 1);
		g->span--;
	}
}

static void forget(struct zp_ghosts *g, uint32_t slot)
{
	struct zp_ghost *ghost = &g->ring[g->slots[slot] - 1];

	g->objects--;
	g->sum -= ghost->value;
	free_slot(g, slot);
	ghost->tag = 0;
	skip_free(g);
}

/* A bigger ring, or one of the same size if this one is full of free places. */
static bool grow(struct zp_ghosts *g)
{
	struct zp_ghosts to = { .objects = g->objects, .span = g->objects, .sum = g->sum };
	uint64_t nr = g->objects + g->objects / 8ull + 64;
	uint32_t i, n = 0;

	/* looking for what is not there ends at a free slot, so many stay free */
	if (2 * nr > UINT32_MAX)
		return false;
	to.nr_ring = nr;
	to.nr_slots = nr + nr * 3 / 4;
	to.ring = malloc(nr * sizeof(*to.ring));
	to.slots = calloc(to.nr_slots, sizeof(*to.slots));
	if (!to.ring || !to.slots) {
		zp_ghost_exit(&to);
		return false;
	}
	for (i = 0; i < g->span; i++) {
		struct zp_ghost *ghost = &g->ring[place(g, i)];

		if (!ghost->tag)
			continue;
		to.ring[n++] = *ghost;
		to.slots[find(&to, ghost->tag)] = n;
	}
	zp_ghost_exit(g);
	*g = to;
	return true;
}

/**
 * zp_ghost_exit - forgets all
 * @g: the ghosts
 */
void zp_ghost_exit(struct zp_ghosts *g)
{
	free(g->ring);
	free(g->slots);
	memset(g, 0, sizeof(*g));
}

/**
 * zp_ghost_add - remembers an object
 * @g: the ghosts
 * @id: names it
 * @value: what is to be known of it
 */
void zp_ghost_add(struct zp_ghosts *g, uint64_t id, uint32_t value)
{
	uint32_t at;

	zp_ghost_del(g, id, NULL);
	if (g->span == g->nr_ring && !grow(g))
		return;
	at = place(g, g->span);
	g->ring[at] = (struct zp_ghost){ .tag = tag_of(id), .value = value };
	g->slots[find(g, g->ring[at].tag)] = at + 1;
	g->span++;
	g->objects++;
	g->sum += value;
}

/**
 * zp_ghost_del - forgets an object
 * @g: the ghosts
 * @id: names it
 * @value: gets what was remembered; may be NULL
 * Return: whether it was a ghost
 */
bool zp_ghost_del(struct zp_ghosts *g, uint64_t id, uint32_t *value)
{
	uint32_t slot;

	if (!g->objects)
		return false;
	slot = find(g, tag_of(id));
	if (!g->slots[slot])
		return false;
	if (value)
		*value = g->ring[g->slots[slot] - 1].value;
	forget(g, slot);
	return true;
}

/**
 * zp_ghost_trim - forgets the oldest
 * @g: the ghosts
 * @objects: how many may stay
 * @sum: of the values of those that stay
 */
void zp_ghost_trim(struct zp_ghosts *g, uint32_t objects, uint64_t sum)
{
	while (g->objects > objects || g->sum > sum)
		forget(g, find(g, g->ring[g->first].tag));
}
