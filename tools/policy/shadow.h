/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A shadow: a small cache that holds no bytes and sees a part of the keys, to learn
 * what a policy would miss.
 */
#ifndef ZP_SHADOW_H
#define ZP_SHADOW_H

#include "policy.h"

/**
 * struct zp_shadow - one of them
 * @zp: the policy, and what it holds
 * @slots: hash table of references by id; ZP_NONE is a free slot
 * @nr_slots: a power of 2
 * @misses: what it missed lately
 * @missed_bytes: of these
 */
struct zp_shadow {
	struct zp zp;
	uint32_t *slots;
	uint32_t nr_slots;
	double misses;
	double missed_bytes;
};

/* 0 or -errno */
int zp_shadow_init(struct zp_shadow *s, const struct zp_ops *ops,
		   const struct zp_options *options);
void zp_shadow_exit(struct zp_shadow *s);

/* Somebody wants an object @n times; without memory for it, it is a miss each time. */
void zp_shadow_request(struct zp_shadow *s, uint64_t id, uint64_t size, unsigned int n);
/* Forgets what @sampled does not want, and what is too much for @capacity. */
void zp_shadow_shrink(struct zp_shadow *s, uint64_t capacity,
		      bool (*sampled)(uint64_t id, unsigned int shift), unsigned int shift);

#endif /* ZP_SHADOW_H */
