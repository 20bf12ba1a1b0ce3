// SPDX-License-Identifier: GPL-2.0-only
/*
 * S3-FIFO: objects come to a small queue, a tenth of the bytes. Those that were
 * used twice when they reach its end go on to the main queue, the others leave
 * and are remembered; what comes back from there goes to the main queue at once.
 * That one is a CLOCK that counts to three.
 */
#include <errno.h>
#include <stdlib.h>

#include "ghost.h"
#include "queue.h"

#define USES_TO_MAIN 2
#define USES_MAX 3

/* Of an entry's words. */
enum { USES, IN_MAIN };

/**
 * struct s3fifo - the private part
 * @small: what came first
 * @main: what was used
 * @ghosts: what left from @small
 */
struct s3fifo {
	struct zp_queue small;
	struct zp_queue main;
	struct zp_ghosts ghosts;
};

static uint64_t small_bytes(const struct zp *zp)
{
	return zp->options.capacity / 10;
}

static uint64_t main_bytes(const struct zp *zp)
{
	return zp->options.capacity - small_bytes(zp);
}

/* Of the small queue, which it would fill; whatever is not smaller is too large. */
static uint64_t largest(struct zp *zp)
{
	uint64_t bytes = small_bytes(zp);

	if (zp->options.large_main)
		return zp->options.capacity;
	return bytes ? bytes - 1 : 0;
}

static int init(struct zp *zp)
{
	zp->priv = calloc(1, sizeof(struct s3fifo));
	return zp->priv ? 0 : -ENOMEM;
}

static void fini(struct zp *zp)
{
	struct s3fifo *s = zp->priv;

	zp_ghost_exit(&s->ghosts);
	free(s);
}

/*
 * Ghosts are trimmed here and not when they come: who comes back may be the oldest
 * of them, and the room for it was made before.
 */
static int add(struct zp *zp, uint32_t ref)
{
	struct zp_entry *e = zp_entry(zp, ref);
	struct s3fifo *s = zp->priv;

	e->word[IN_MAIN] = zp_ghost_del(&s->ghosts, e->id, NULL) ||
			   e->size >= small_bytes(zp);
	zp_ghost_trim(&s->ghosts, UINT32_MAX, main_bytes(zp));
	zp_queue_add(zp, e->word[IN_MAIN] ? &s->main : &s->small, ref);
	return 0;
}

static void hit(struct zp *zp, uint32_t ref, unsigned int n)
{
	uint32_t *uses = &zp_entry(zp, ref)->word[USES];

	*uses = n < USES_MAX - *uses ? *uses + n : USES_MAX;
}

static void del(struct zp *zp, uint32_t ref)
{
	struct s3fifo *s = zp->priv;

	zp_queue_del(zp, zp_entry(zp, ref)->word[IN_MAIN] ? &s->main : &s->small, ref);
}

static uint32_t victim_main(struct zp *zp, struct s3fifo *s)
{
	uint32_t ref;

	while ((ref = zp_queue_pop(zp, &s->main)) && zp_entry(zp, ref)->word[USES]) {
		zp_entry(zp, ref)->word[USES]--;
		zp_queue_add(zp, &s->main, ref);
	}
	return ref;
}

static uint32_t victim_small(struct zp *zp, struct s3fifo *s)
{
	struct zp_entry *e;
	uint32_t ref;

	while ((ref = zp_queue_pop(zp, &s->small))) {
		e = zp_entry(zp, ref);
		if (e->word[USES] < USES_TO_MAIN) {
			zp_ghost_add(&s->ghosts, e->id, zp_ghost_bytes(e->size));
			break;
		}
		e->word[USES] = 0;
		e->word[IN_MAIN] = 1;
		zp_queue_add(zp, &s->main, ref);
	}
	return ref;
}

static uint32_t victim(struct zp *zp)
{
	struct s3fifo *s = zp->priv;
	uint32_t ref = ZP_NONE;

	if (s->main.bytes <= main_bytes(zp))
		ref = victim_small(zp, s);
	return ref ?: victim_main(zp, s);
}

const struct zp_ops zp_s3fifo = {
	.name = "s3fifo",
	.summary = "Evicts from a small queue what was not used there, and remembers it.",
	.init = init,
	.exit = fini,
	.largest = largest,
	.add = add,
	.hit = hit,
	.del = del,
	.victim = victim,
};
