/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Admission by frequency, before any policy. Whoever drives a policy has let objects in
 * already, so it cannot be that they do not come: who is new is compared with whom the
 * policy would evict, and the one that was used less leaves first. Without need for room
 * nobody is asked for, and all stay.
 */
#ifndef ZP_ADMISSION_H
#define ZP_ADMISSION_H

#include "sketch.h"

struct zp;

/**
 * struct zp_newcomer - an object that came lately
 * @ref: the object, unless its bit is not set any more
 * @bytes: its size, 4 GiB of those above
 */
struct zp_newcomer {
	uint32_t ref;
	uint32_t bytes;
};

/**
 * struct zp_admission - who is new, and what was used how often
 * @sketch: how often ids were used, whether they are here or not
 * @new: those that came last and were not compared, the oldest at @first
 * @first: where they begin
 * @nr: where they end
 * @room: for how many there is room
 * @bytes: of them
 * @is_new: a bit for each reference
 * @nr_words: words of these
 * @other: the policy's victim with whom they are compared; ZP_NONE if there is none
 */
struct zp_admission {
	struct zp_sketch sketch;
	struct zp_newcomer *new;
	uint32_t first;
	uint32_t nr;
	uint32_t room;
	uint64_t bytes;
	uint64_t *is_new;
	uint32_t nr_words;
	uint32_t other;
};

/* NULL without memory */
struct zp_admission *zp_admission_new(void);
void zp_admission_free(struct zp_admission *a);

/* An object came; without memory it is not new. */
void zp_admission_add(struct zp *zp, uint32_t ref);
void zp_admission_hit(struct zp *zp, uint32_t ref, unsigned int n);
/* It is gone, or compared with nobody any more. */
void zp_admission_del(struct zp *zp, uint32_t ref);
/* Who leaves next, out of the policy's queues; ZP_NONE if there is none. */
uint32_t zp_admission_victim(struct zp *zp);

#endif /* ZP_ADMISSION_H */
