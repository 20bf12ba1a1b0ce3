// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>

#include "queue.h"

/**
 * zp_queue_add - makes an object the newest of a queue
 * @zp: whose object it is
 * @q: the queue
 * @ref: the object, in no queue
 */
void zp_queue_add(struct zp *zp, struct zp_queue *q, uint32_t ref)
{
	struct zp_entry *e = zp_entry(zp, ref);

	e->prev = ZP_NONE;
	e->next = q->newest;
	if (q->newest)
		zp_entry(zp, q->newest)->prev = ref;
	else
		q->oldest = ref;
	q->newest = ref;
	q->objects++;
	q->bytes += e->size;
}

/**
 * zp_queue_del - takes an object out of its queue
 * @zp: whose object it is
 * @q: the queue
 * @ref: the object
 */
void zp_queue_del(struct zp *zp, struct zp_queue *q, uint32_t ref)
{
	struct zp_entry *e = zp_entry(zp, ref);

	if (e->prev)
		zp_entry(zp, e->prev)->next = e->next;
	else
		q->newest = e->next;
	if (e->next)
		zp_entry(zp, e->next)->prev = e->prev;
	else
		q->oldest = e->prev;
	q->objects--;
	q->bytes -= e->size;
}

/**
 * zp_queue_pop - takes out the oldest
 * @zp: whose queue it is
 * @q: the queue
 * Return: the object, ZP_NONE if there is none
 */
uint32_t zp_queue_pop(struct zp *zp, struct zp_queue *q)
{
	uint32_t ref = q->oldest;

	if (ref)
		zp_queue_del(zp, q, ref);
	return ref;
}

/**
 * zp_queue_init - gives a policy one queue as its private part
 * @zp: the policy
 * Return: 0 or -ENOMEM
 */
int zp_queue_init(struct zp *zp)
{
	zp->priv = calloc(1, sizeof(struct zp_queue));
	return zp->priv ? 0 : -ENOMEM;
}

/**
 * zp_queue_exit - frees the private part, whatever it is
 * @zp: the policy
 */
void zp_queue_exit(struct zp *zp)
{
	free(zp->priv);
}

/**
 * zp_queue_came - makes an object the newest of the one queue
 * @zp: the policy
 * @ref: the object
 * Return: 0
 */
int zp_queue_came(struct zp *zp, uint32_t ref)
{
	zp_queue_add(zp, zp->priv, ref);
	return 0;
}

/**
 * zp_queue_left - takes an object out of the one queue
 * @zp: the policy
 * @ref: the object
 */
void zp_queue_left(struct zp *zp, uint32_t ref)
{
	zp_queue_del(zp, zp->priv, ref);
}

/**
 * zp_queue_victim - takes the oldest out of the one queue
 * @zp: the policy
 * Return: the object, ZP_NONE if there is none
 */
uint32_t zp_queue_victim(struct zp *zp)
{
	return zp_queue_pop(zp, zp->priv);
}
