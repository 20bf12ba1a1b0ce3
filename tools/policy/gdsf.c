// SPDX-License-Identifier: GPL-2.0-only
/*
 * GreedyDual-Size-Frequency: evicts what has the lowest priority
 *
 *	L + uses * (size / 1 MB)^(a - 1)
 *
 * where L is the priority of what was evicted last, so that what is no longer used
 * grows old. With a = 0 a byte of a small object is worth more, for the most hits;
 * with a = 1 size does not matter, for the most bytes.
 *
 * GDSF2 differs in two things. Uses are remembered of as many objects that left as
 * are here, so who comes back need not begin anew. And the first use counts an
 * eighth of one: most objects are wanted once and never again, and those leave
 * sooner. Any part from a fourth to a twentieth does about the same.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "ghost.h"
#include "policy.h"

#define WAYS 4
#define SCALE 1e6
#define FIRST_USE (1 / 8.0)	/* of GDSF2 */

/**
 * struct gdsf - the private part
 * @heap: objects; each is not above the @WAYS that follow it
 * @room: places of @heap
 * @nr: objects in it
 * @level: L
 * @a: exponent
 * @first: what the first use counts
 * @ghosts: the uses of those that left
 *
 * The entry: real[0] the priority, dword[1] the time of the last use, prev the
 * place in the heap, next the uses.
 */
struct gdsf {
	uint32_t *heap;
	uint32_t room;
	uint32_t nr;
	double level;
	double a;
	double first;
	struct zp_ghosts ghosts;
};

static const double goal_a[] = {
	[ZP_BALANCED] = 0.5,
	[ZP_OBJECTS] = 0,
	[ZP_BYTES] = 1,
};

static double exponent(const struct zp *zp)
{
	return zp->options.a >= 0 ? zp->options.a : goal_a[zp->options.goal];
}

static int init(struct zp *zp)
{
	struct gdsf *g = calloc(1, sizeof(*g));

	if (!g || zp_grow_refs(&g->heap, &g->room, zp->objects)) {
		free(g);
		return -ENOMEM;
	}
	g->a = exponent(zp);
	g->first = zp->ops == &zp_gdsf2 ? FIRST_USE : 1;
	zp->priv = g;
	return 0;
}

static void fini(struct zp *zp)
{
	struct gdsf *g = zp->priv;

	zp_ghost_exit(&g->ghosts);
	free(g->heap);
	free(g);
}

/*
 * What the heap is ordered by: of two of the same priority, that which was used
 * earlier is the lower. No priority is below 0, so they are in the order of their
 * bits, and as integers they are compared without branches, half of which would be
 * guessed wrong.
 */
static unsigned __int128 rank(struct zp *zp, uint32_t ref)
{
	const struct zp_entry *e = zp_entry(zp, ref);

	return (unsigned __int128)e->dword[0] << 64 | e->dword[1];
}

static void put(struct zp *zp, struct gdsf *g, uint32_t place, uint32_t ref)
{
	g->heap[place] = ref;
	zp_entry(zp, ref)->prev = place;
}

static void sift_up(struct zp *zp, struct gdsf *g, uint32_t ref)
{
	unsigned __int128 own = rank(zp, ref);
	uint32_t place = zp_entry(zp, ref)->prev, parent;

	for (; place; place = parent) {
		parent = (place - 1) / WAYS;
		if (own >= rank(zp, g->heap[parent]))
			break;
		put(zp, g, place, g->heap[parent]);
	}
	put(zp, g, place, ref);
}

/* The lowest of the @nr objects from @place on, and its rank. */
static uint32_t lowest(struct zp *zp, const struct gdsf *g, uint32_t place, unsigned int nr,
		       unsigned __int128 *least)
{
	unsigned __int128 next;
	uint32_t low = place;
	unsigned int i;

	*least = rank(zp, g->heap[place]);
	for (i = 1; i < nr; i++) {
		next = rank(zp, g->heap[place + i]);
		low = next < *least ? place + i : low;
		*least = next < *least ? next : *least;
	}
	return low;
}

static void sift_down(struct zp *zp, struct gdsf *g, uint32_t ref)
{
	unsigned __int128 own = rank(zp, ref), least;
	uint32_t place = zp_entry(zp, ref)->prev, low;
	uint64_t child;

	for (;; place = low) {
		child = (uint64_t)place * WAYS + 1;
		if (child >= g->nr)
			break;
		/* of a number that is known here the compiler makes no loop */
		low = g->nr - child < WAYS ? lowest(zp, g, child, g->nr - child, &least) :
					     lowest(zp, g, child, WAYS, &least);
		if (least >= own)
			break;
		put(zp, g, place, g->heap[low]);
	}
	put(zp, g, place, ref);
}

/* What some uses are worth; an empty object is as one of a byte. */
static double worth(const struct gdsf *g, double uses, uint64_t size)
{
	double s = size ?: 1;

	if (g->a == 0)	/* these need no pow(), which takes longer than all else */
		return uses * SCALE / s;
	if (g->a == 0.5)
		return uses * sqrt(SCALE / s);
	if (g->a == 1)
		return uses;
	return uses * pow(SCALE / s, 1 - g->a);
}

static void use(struct zp *zp, struct gdsf *g, struct zp_entry *e, uint32_t n)
{
	e->next = n < UINT32_MAX - e->next ? e->next + n : UINT32_MAX;
	e->real[0] = g->level + worth(g, e->next - 1 + g->first, e->size);
	e->dword[1] = zp->requests;
}

static int add(struct zp *zp, uint32_t ref)
{
	struct zp_entry *e = zp_entry(zp, ref);
	struct gdsf *g = zp->priv;
	uint32_t uses;

	if (zp_grow_refs(&g->heap, &g->room, g->nr + 1))
		return -ENOMEM;
	if (zp_ghost_del(&g->ghosts, e->id, &uses))
		e->next = uses;
	zp_ghost_trim(&g->ghosts, zp->objects, UINT64_MAX);
	e->prev = g->nr++;
	use(zp, g, e, 1);
	sift_up(zp, g, ref);
	return 0;
}

static void hit(struct zp *zp, uint32_t ref, unsigned int n)
{
	struct gdsf *g = zp->priv;

	use(zp, g, zp_entry(zp, ref), n);
	sift_down(zp, g, ref);
}

static void del(struct zp *zp, uint32_t ref)
{
	struct gdsf *g = zp->priv;
	uint32_t place = zp_entry(zp, ref)->prev, last = g->heap[--g->nr];

	if (last == ref)
		return;
	put(zp, g, place, last);
	sift_up(zp, g, last);
	sift_down(zp, g, last);
}

static uint32_t victim(struct zp *zp)
{
	struct gdsf *g = zp->priv;
	struct zp_entry *e;
	uint32_t ref;

	if (!g->nr)
		return ZP_NONE;
	ref = g->heap[0];
	e = zp_entry(zp, ref);
	g->level = e->real[0];
	if (zp->ops == &zp_gdsf2)
		zp_ghost_add(&g->ghosts, e->id, e->next);
	del(zp, ref);
	return ref;
}

/*
 * With another exponent priorities are of another measure. The part that is left of
 * what the uses were worth, as L nears, is left of what they are worth now.
 */
static void retune(struct zp *zp)
{
	struct gdsf *g = zp->priv;
	double a = exponent(zp), part, uses;
	struct zp_entry *e;
	uint32_t i;

	if (a == g->a)
		return;
	for (i = 0; i < g->nr; i++) {
		e = zp_entry(zp, g->heap[i]);
		part = (e->real[0] - g->level) / worth(g, e->next - 1 + g->first, e->size);
		e->real[0] = part < 1 ? part : 1;
	}
	g->a = a;
	g->level = 0;
	for (i = 0; i < g->nr; i++) {
		e = zp_entry(zp, g->heap[i]);
		uses = e->next - 1 + g->first;
		e->real[0] *= worth(g, uses, e->size);
	}
	for (i = g->nr; i--;)
		sift_down(zp, g, g->heap[i]);
}

const struct zp_ops zp_gdsf = {
	.name = "gdsf",
	.summary = "Evicts what is used least for its size; the exponent says how much size matters.",
	.init = init,
	.exit = fini,
	.add = add,
	.hit = hit,
	.del = del,
	.victim = victim,
	.resize = retune,
};

const struct zp_ops zp_gdsf2 = {
	.name = "gdsf2",
	.summary = "As gdsf, but knows who was here before, and counts a first use little.",
	.init = init,
	.exit = fini,
	.add = add,
	.hit = hit,
	.del = del,
	.victim = victim,
	.resize = retune,
};
