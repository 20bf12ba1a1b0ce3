// SPDX-License-Identifier: GPL-2.0-only
/* First in, first out: whatever is used meanwhile. */
#include "queue.h"

static void hit(struct zp *zp, uint32_t ref, unsigned int n)
{
	(void)zp;
	(void)ref;
	(void)n;
}

const struct zp_ops zp_fifo = {
	.name = "fifo",
	.summary = "Evicts what came first.",
	.init = zp_queue_init,
	.exit = zp_queue_exit,
	.add = zp_queue_came,
	.hit = hit,
	.del = zp_queue_left,
	.victim = zp_queue_victim,
};
