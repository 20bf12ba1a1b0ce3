/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Ghosts: objects that left, remembered for a while, first in, first out. An id is
 * kept as 32 bits of its hash, so one in some millions that never was here is
 * taken for a ghost; that costs a wrong guess and saves half of the memory.
 */
#ifndef ZP_GHOST_H
#define ZP_GHOST_H

#include <stdbool.h>
#include <stdint.h>

/**
 * struct zp_ghost - one that left
 * @tag: of its id; 0 of a place in the ring that is free
 * @value: what the policy wants to know of it, or its bytes
 */
struct zp_ghost {
	uint32_t tag;
	uint32_t value;
};

/**
 * struct zp_ghosts - all of them
 * @ring: by age; grows
 * @slots: hash table of places in the ring, plus 1; 0 is a free slot
 * @nr_ring: places of the ring
 * @nr_slots: slots of the table
 * @first: the place of the oldest
 * @span: places from the oldest to the newest
 * @objects: how many ghosts; @span less the free ones between
 * @sum: of the values
 */
struct zp_ghosts {
	struct zp_ghost *ring;
	uint32_t *slots;
	uint32_t nr_ring;
	uint32_t nr_slots;
	uint32_t first;
	uint32_t span;
	uint32_t objects;
	uint64_t sum;
};

/* Zeroed, there is none; frees all. */
void zp_ghost_exit(struct zp_ghosts *g);

/* Makes it the newest, also if it was one; without memory it is forgotten. */
void zp_ghost_add(struct zp_ghosts *g, uint64_t id, uint32_t value);
/* Whether it was one, which it is no more; @value may be NULL. */
bool zp_ghost_del(struct zp_ghosts *g, uint64_t id, uint32_t *value);
/* Forgets the oldest until there are so few, of such a sum. */
void zp_ghost_trim(struct zp_ghosts *g, uint32_t objects, uint64_t sum);

/* Bytes as a value; of the few objects above 4 GiB it is 4 GiB. */
static inline uint32_t zp_ghost_bytes(uint64_t size)
{
	return size < UINT32_MAX ? size : UINT32_MAX;
}

/* Mixes all bits of an id, whatever its source. */
static inline uint64_t zp_hash(uint64_t id)
{
	id = (id ^ id >> 30) * 0xbf58476d1ce4e5b9;
	id = (id ^ id >> 27) * 0x94d049bb133111eb;
	return id ^ id >> 31;
}

#endif /* ZP_GHOST_H */
