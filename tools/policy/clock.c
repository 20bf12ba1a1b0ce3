// SPDX-License-Identifier: GPL-2.0-only
/* CLOCK with one bit: FIFO, but what was used goes round once more. */
#include "queue.h"

/* Of an entry's words. */
enum { USED };

static void hit(struct zp *zp, uint32_t ref, unsigned int n)
{
	(void)n;
	zp_entry(zp, ref)->word[USED] = 1;
}

static uint32_t victim(struct zp *zp)
{
	struct zp_queue *q = zp->priv;
	uint32_t ref;

	while ((ref = zp_queue_pop(zp, q)) && zp_entry(zp, ref)->word[USED]) {
		zp_entry(zp, ref)->word[USED] = 0;
		zp_queue_add(zp, q, ref);
	}
	return ref;
}

const struct zp_ops zp_clock = {
	.name = "clock",
	.summary = "Evicts what came first and was not used in the last round.",
	.init = zp_queue_init,
	.exit = zp_queue_exit,
	.add = zp_queue_came,
	.hit = hit,
	.del = zp_queue_left,
	.victim = victim,
};
