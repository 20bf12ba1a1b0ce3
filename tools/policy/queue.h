/* SPDX-License-Identifier: GPL-2.0-only */
/* A queue of objects, linked by their references. */
#ifndef ZP_QUEUE_H
#define ZP_QUEUE_H

#include "policy.h"

/**
 * struct zp_queue - objects by age
 * @newest: came last
 * @oldest: came first
 * @objects: how many
 * @bytes: their sizes
 */
struct zp_queue {
	uint32_t newest;
	uint32_t oldest;
	uint32_t objects;
	uint64_t bytes;
};

void zp_queue_add(struct zp *zp, struct zp_queue *q, uint32_t ref);
void zp_queue_del(struct zp *zp, struct zp_queue *q, uint32_t ref);
/* The oldest, which is no longer in the queue; ZP_NONE of an empty one. */
uint32_t zp_queue_pop(struct zp *zp, struct zp_queue *q);

/* The operations of policies whose private part is one queue. */
int zp_queue_init(struct zp *zp);
void zp_queue_exit(struct zp *zp);
int zp_queue_came(struct zp *zp, uint32_t ref);
void zp_queue_left(struct zp *zp, uint32_t ref);
uint32_t zp_queue_victim(struct zp *zp);

#endif /* ZP_QUEUE_H */
