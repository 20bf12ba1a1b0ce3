// SPDX-License-Identifier: GPL-2.0-only
/* Least recently used: a use makes an object the newest. */
#include "queue.h"

static void hit(struct zp *zp, uint32_t ref, unsigned int n)
{
	(void)n;
	zp_queue_del(zp, zp->priv, ref);
	zp_queue_add(zp, zp->priv, ref);
}

const struct zp_ops zp_lru = {
	.name = "lru",
	.summary = "Evicts what has not been used for the longest time.",
	.init = zp_queue_init,
	.exit = zp_queue_exit,
	.add = zp_queue_came,
	.hit = hit,
	.del = zp_queue_left,
	.victim = zp_queue_victim,
};
