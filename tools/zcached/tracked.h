/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the daemon knows of a store's objects: which the policy has, and by what
 * slot and generation the kernel names each. At most 60 bytes for one.
 */
#ifndef TRACKED_H
#define TRACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/zcache_policy.h>

#include "steer.h"
#include "policy.h"

/**
 * struct tracked - the objects of a store
 * @zp: the policy
 * @generation: by slot, the newest that is known of, in the store or not
 * @ref: by slot, what the policy calls it, and three bits of ours; 0 if not there
 * @slot: by reference, where it is
 * @nr_slots: room in the two by slot
 * @nr_refs: room in the one by reference
 * @chosen: references of the victims that the kernel was told
 * @nr_chosen: how many
 * @refused: slots of objects that the policy does not want; some may have left
 * @nr_refused: how many
 * @room_refused: room for them
 * @next_refused: who is named next
 * @unseen: bytes that the policy holds of objects of which it was not told, since all is
 *	told anew, that they are there still
 * @begun: there is a policy
 * @marked: all is being told anew
 */
struct tracked {
	struct zp zp;
	uint64_t *generation;
	uint32_t *ref;
	uint32_t *slot;
	uint32_t nr_slots, nr_refs;
	uint32_t chosen[VICTIMS_MAX];
	size_t nr_chosen;
	uint32_t *refused;
	size_t nr_refused, room_refused, next_refused;
	uint64_t unseen;
	bool begun, marked;
};

/* Each returns 0 or -errno; after an error nothing can be told but tracked_end(). */

/* Forgets all, and begins with a policy. */
int tracked_begin(struct tracked *t, const struct zp_ops *ops, const struct zp_options *options);
void tracked_end(struct tracked *t);

/*
 * All is told anew: what is told to be there keeps what the policy has learnt of it. The
 * rest is forgotten by tracked_sweep(), when all was told.
 */
int tracked_resync(struct tracked *t);
void tracked_sweep(struct tracked *t);

int tracked_record(struct tracked *t, const struct zc_policy_record *r);

/*
 * Victims of together at least bytes if there are such. They are on hold until
 * tracked_settle(), and with those that already are there are at most VICTIMS_MAX.
 */
size_t tracked_choose(struct tracked *t, uint64_t bytes, struct zc_policy_victim *v);

/* Objects that are to leave whether there is room or not. */
size_t tracked_unwanted(struct tracked *t, struct zc_policy_victim *v);

/* All that happened to the victims was told: those that are there stay. */
int tracked_settle(struct tracked *t);

/* Goes on with another policy, or the same with other options. */
int tracked_switch(struct tracked *t, const struct zp_ops *ops, const struct zp_options *options);

/* How many objects there are, wanted or not. */
uint64_t tracked_objects(struct tracked *t);

#endif /* TRACKED_H */
