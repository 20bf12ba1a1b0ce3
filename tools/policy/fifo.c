// SPDX-License-Identifier: GPL-2.0-only
/* First in, first out: whatever is used meanwhile. */
#include "queue.h"

static int add(struct zp *zp, uint32_t ref)
{
	zp_queue_add(zp, zp->priv, ref);
	return 0;
}

static void hit(struct zp *zp, uint32_t ref, unsigned int n)
{
	(void)zp;
	(void)ref;
	(void)n;
}

static void del(struct zp *zp, uint32_t ref)
{
	zp_queue_del(zp, zp->priv, ref);
}

static uint32_t victim(struct zp *zp)
{
	return zp_queue_pop(zp, zp->priv);
}

const struct zp_ops zp_fifo = {
	.name = "fifo",
	.summary = "Evicts what came first.",
	.init = zp_queue_init,
	.exit = zp_queue_exit,
	.add = add,
	.hit = hit,
	.del = del,
	.victim = victim,
};
