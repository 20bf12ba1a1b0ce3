// SPDX-License-Identifier: GPL-2.0-only
/* Least recently used: a use makes an object the newest. */
#include "queue.h"

static int add(struct zp *zp, uint32_t ref)
{
	zp_queue_add(zp, zp->priv, ref);
	return 0;
}

static void hit(struct zp *zp, uint32_t ref, unsigned int n)
{
	(void)n;
	zp_queue_del(zp, zp->priv, ref);
	zp_queue_add(zp, zp->priv, ref);
}

static void del(struct zp *zp, uint32_t ref)
{
	zp_queue_del(zp, zp->priv, ref);
}

static uint32_t victim(struct zp *zp)
{
	return zp_queue_pop(zp, zp->priv);
}

const struct zp_ops zp_lru = {
	.name = "lru",
	.summary = "Evicts what has not been used for the longest time.",
	.init = zp_queue_init,
	.exit = zp_queue_exit,
	.add = add,
	.hit = hit,
	.del = del,
	.victim = victim,
};
