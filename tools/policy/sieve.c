// SPDX-License-Identifier: GPL-2.0-only
/*
 * SIEVE: a hand goes from the oldest to the newest and evicts what was not used
 * since it came by. Unlike with CLOCK objects keep their places, so those that
 * just came are sifted soon.
 */
#include <errno.h>
#include <stdlib.h>

#include "queue.h"

/* Of an entry's words. */
enum { USED };

/**
 * struct sieve - the private part
 * @q: all objects
 * @hand: who is asked next; ZP_NONE for the oldest
 */
struct sieve {
	struct zp_queue q;
	uint32_t hand;
};

static int init(struct zp *zp)
{
	zp->priv = calloc(1, sizeof(struct sieve));
	return zp->priv ? 0 : -ENOMEM;
}

static int add(struct zp *zp, uint32_t ref)
{
	struct sieve *s = zp->priv;

	zp_queue_add(zp, &s->q, ref);
	return 0;
}

static void hit(struct zp *zp, uint32_t ref, unsigned int n)
{
	(void)n;
	zp_entry(zp, ref)->word[USED] = 1;
}

static void del(struct zp *zp, uint32_t ref)
{
	struct sieve *s = zp->priv;

	if (s->hand == ref)
		s->hand = zp_entry(zp, ref)->prev;
	zp_queue_del(zp, &s->q, ref);
}

static uint32_t victim(struct zp *zp)
{
	struct sieve *s = zp->priv;
	uint32_t ref = s->hand ?: s->q.oldest;

	if (!ref)
		return ZP_NONE;
	while (zp_entry(zp, ref)->word[USED]) {
		zp_entry(zp, ref)->word[USED] = 0;
		ref = zp_entry(zp, ref)->prev ?: s->q.oldest;
	}
	s->hand = ref;
	del(zp, ref);
	return ref;
}

const struct zp_ops zp_sieve = {
	.name = "sieve",
	.summary = "Evicts what was not used since a hand came by, where it stands.",
	.init = init,
	.exit = zp_queue_exit,
	.add = add,
	.hit = hit,
	.del = del,
	.victim = victim,
};
