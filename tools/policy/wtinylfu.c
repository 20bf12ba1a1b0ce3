// SPDX-License-Identifier: GPL-2.0-only
/*
 * W-TinyLFU: objects come to a window, a hundredth of the bytes, that is LRU. Who
 * reaches its end goes on to the main part if there is room, else it has to have been
 * used more often than the one that would leave there; a sketch knows how often.
 * The main part is LRU in two segments: a fifth where one is on probation, and four
 * fifths where one gets by a use, and from where the oldest falls back.
 *
 * What falls out of the probation that way has lost its place, but need not leave
 * before room is wanted. It waits, apart, and a use saves it.
 */
#include <errno.h>
#include <stdlib.h>

#include "queue.h"
#include "sketch.h"

/* Where an entry is; its word[0]. */
enum { WINDOW, PROBATION, PROTECTED, WAITING, QUEUES };

/**
 * struct wtinylfu - the private part
 * @queues: where entries are
 * @sketch: how often ids were used. Uses in the window do not count: those are of one
 *	occasion, and no sign that it comes back.
 */
struct wtinylfu {
	struct zp_queue queues[QUEUES];
	struct zp_sketch sketch;
};

static uint64_t window_bytes(const struct zp *zp)
{
	return zp->options.capacity / 100;
}

static uint64_t main_bytes(const struct zp *zp)
{
	return zp->options.capacity - window_bytes(zp);
}

static uint64_t protected_bytes(const struct zp *zp)
{
	return main_bytes(zp) - main_bytes(zp) / 5;
}

static uint64_t largest(struct zp *zp)
{
	return zp->options.large_main ? zp->options.capacity : window_bytes(zp);
}

static int init(struct zp *zp)
{
	struct wtinylfu *w = calloc(1, sizeof(*w));

	if (!w || zp_sketch_init(&w->sketch, zp->objects)) {
		free(w);
		return -ENOMEM;
	}
	zp->priv = w;
	return 0;
}

static void fini(struct zp *zp)
{
	struct wtinylfu *w = zp->priv;

	zp_sketch_exit(&w->sketch);
	free(w);
}

static void put(struct zp *zp, struct wtinylfu *w, uint32_t ref, uint32_t queue)
{
	zp_entry(zp, ref)->word[0] = queue;
	zp_queue_add(zp, &w->queues[queue], ref);
}

static void take(struct zp *zp, struct wtinylfu *w, uint32_t ref)
{
	zp_queue_del(zp, &w->queues[zp_entry(zp, ref)->word[0]], ref);
}

static uint64_t in_main(const struct wtinylfu *w)
{
	return w->queues[PROBATION].bytes + w->queues[PROTECTED].bytes;
}

/* While there is room the protected part fills too, without a use. */
static void put_main(struct zp *zp, struct wtinylfu *w, uint32_t ref)
{
	uint64_t size = zp_entry(zp, ref)->size;

	if (w->queues[PROBATION].bytes + size > main_bytes(zp) - protected_bytes(zp) &&
	    w->queues[PROTECTED].bytes + size <= protected_bytes(zp))
		put(zp, w, ref, PROTECTED);
	else
		put(zp, w, ref, PROBATION);
}

static int add(struct zp *zp, uint32_t ref)
{
	struct zp_entry *e = zp_entry(zp, ref);
	struct wtinylfu *w = zp->priv;

	zp_sketch_grow(&w->sketch, zp->objects);
	zp_sketch_add(&w->sketch, e->id, 1);
	if (e->size > window_bytes(zp))
		put_main(zp, w, ref);
	else
		put(zp, w, ref, WINDOW);
	return 0;
}

/* What was used longest ago falls back, and pushes others out. */
static void shrink_protected(struct zp *zp, struct wtinylfu *w)
{
	uint64_t probation = main_bytes(zp) - protected_bytes(zp);

	while (w->queues[PROTECTED].bytes > protected_bytes(zp)) {
		put(zp, w, zp_queue_pop(zp, &w->queues[PROTECTED]), PROBATION);
		while (w->queues[PROBATION].bytes > probation)
			put(zp, w, zp_queue_pop(zp, &w->queues[PROBATION]), WAITING);
	}
}

static void hit(struct zp *zp, uint32_t ref, unsigned int n)
{
	struct zp_entry *e = zp_entry(zp, ref);
	struct wtinylfu *w = zp->priv;

	take(zp, w, ref);
	if (e->word[0] == WINDOW) {
		put(zp, w, ref, WINDOW);
		return;
	}
	zp_sketch_add(&w->sketch, e->id, n);
	put(zp, w, ref, PROTECTED);
	shrink_protected(zp, w);
}

static void del(struct zp *zp, uint32_t ref)
{
	take(zp, zp->priv, ref);
}

static uint32_t pop_main(struct zp *zp, struct wtinylfu *w)
{
	return zp_queue_pop(zp, &w->queues[PROBATION]) ?:
	       zp_queue_pop(zp, &w->queues[PROTECTED]);
}

/* One that stands at the end of the window against one of the main part. */
static uint32_t duel(struct zp *zp, struct wtinylfu *w, uint32_t ref)
{
	uint32_t other = w->queues[PROBATION].oldest ?: w->queues[PROTECTED].oldest;

	if (!other || zp_sketch_get(&w->sketch, zp_entry(zp, ref)->id) <=
		      zp_sketch_get(&w->sketch, zp_entry(zp, other)->id))
		return ref;
	take(zp, w, other);
	put_main(zp, w, ref);
	return other;
}

static uint32_t victim(struct zp *zp)
{
	struct wtinylfu *w = zp->priv;
	uint32_t ref = zp_queue_pop(zp, &w->queues[WAITING]);

	if (ref)
		return ref;
	/* a large winner leaves more in it than belongs there */
	if (in_main(w) > main_bytes(zp))
		return pop_main(zp, w);
	while ((ref = zp_queue_pop(zp, &w->queues[WINDOW]))) {
		if (in_main(w) + zp_entry(zp, ref)->size > main_bytes(zp))
			return duel(zp, w, ref);
		put_main(zp, w, ref);
	}
	return pop_main(zp, w);
}

const struct zp_ops zp_wtinylfu = {
	.name = "wtinylfu",
	.summary = "Lets in what was used more often than what would have to leave.",
	.init = init,
	.exit = fini,
	.largest = largest,
	.add = add,
	.hit = hit,
	.del = del,
	.victim = victim,
};
