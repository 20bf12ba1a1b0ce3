// SPDX-License-Identifier: GPL-2.0-only
/*
 * Chooses among policies while it runs. Each candidate has a shadow, a cache without
 * bytes that sees the requests of some keys and has that part of the capacity; keys
 * are chosen by their hash, so a key is seen always or never and the distances
 * between its uses are those of all. The policy whose shadow missed least lately, by
 * what the operator wants, takes over the objects that are here.
 */
#include <errno.h>
#include <stdlib.h>

#include "ghost.h"
#include "shadow.h"

#define CANDIDATES 6
/*
 * With more objects than this in a shadow it sees half of the keys. So they are
 * about half as many at least, and all shadows together take 2 MB at most.
 */
#define SHADOW_OBJECTS 4096
/* Sampled requests between two looks, and how much of the past a look keeps. */
#define LOOK_EVERY 1024
#define KEEP 0.98
/*
 * A candidate has to be better by this part, this many looks in a row. What the one
 * at work knows of the objects stays if only the exponent changes, else it is lost:
 * another policy has to be worth that.
 */
#define MARGIN 0.01
#define MARGIN_OTHER 0.08
#define TIMES 5

/**
 * struct candidate - a policy and its exponent
 * @ops: the policy
 * @a: as in struct zp_options
 */
struct candidate {
	const struct zp_ops *ops;
	double a;
};

/* The first of each is what it begins with. */
static const struct candidate candidates[][CANDIDATES] = {
	[ZP_BALANCED] = { { &zp_gdsf2, 0.5 }, { &zp_gdsf2, 0.25 }, { &zp_gdsf2, 0.75 },
			  { &zp_lhd, -1 }, { &zp_s3fifo, -1 }, { &zp_lru, -1 } },
	[ZP_OBJECTS] = { { &zp_gdsf2, 0 }, { &zp_gdsf2, 0.5 }, { &zp_gdsf, 0 },
			 { &zp_lhd, -1 }, { &zp_s3fifo, -1 }, { &zp_lru, -1 } },
	[ZP_BYTES] = { { &zp_gdsf2, 0.75 }, { &zp_gdsf2, 0.25 }, { &zp_gdsf2, 1 },
		       { &zp_wtinylfu, -1 }, { &zp_s3fifo, -1 }, { &zp_lru, -1 } },
};

/**
 * struct zp_auto - the private part
 * @inner: the policy at work; its entries are those of the outer one
 * @shadows: one of each candidate
 * @current: which is @inner's
 * @rival: which was best when it last looked
 * @times: looks in a row for which it was
 * @shift: the shadows see one key in 2^@shift
 * @left: sampled requests until it looks
 * @coming: objects that it takes over and that are not here yet
 * @requests: that the shadows saw lately
 * @bytes: of these
 */
struct zp_auto {
	struct zp inner;
	struct zp_shadow shadows[CANDIDATES];
	unsigned int current;
	unsigned int rival;
	unsigned int times;
	unsigned int shift;
	unsigned int left;
	uint32_t coming;
	double requests;
	double bytes;
};

static bool sampled(uint64_t id, unsigned int shift)
{
	return !(zp_hash(id) >> 32 & ((1u << shift) - 1));
}

static struct zp_options options_of(const struct zp *zp, unsigned int i)
{
	struct zp_options o = zp->options;

	o.a = candidates[o.goal][i].a;
	o.large_main = true;
	return o;
}

/* Who is new is compared outside, with what the inner policy names. */
static struct zp_options inner_options(const struct zp *zp, unsigned int i)
{
	struct zp_options o = options_of(zp, i);

	o.frequency = false;
	return o;
}

static uint64_t shadow_bytes(const struct zp *zp, unsigned int shift)
{
	return zp->options.capacity >> shift ?: 1;
}

static void free_shadows(struct zp_auto *a)
{
	unsigned int i;

	for (i = 0; i < CANDIDATES; i++)
		zp_shadow_exit(&a->shadows[i]);
}

static int init(struct zp *zp)
{
	struct zp_auto *a = calloc(1, sizeof(*a));
	struct zp_options o;
	unsigned int i;
	int err = 0;

	if (!a)
		return -ENOMEM;
	a->left = LOOK_EVERY;
	a->coming = zp->objects;
	for (i = 0; !err && i < CANDIDATES; i++) {
		o = options_of(zp, i);
		err = zp_shadow_init(&a->shadows[i], candidates[o.goal][i].ops, &o);
	}
	o = inner_options(zp, 0);
	a->inner = (struct zp){ .ops = candidates[o.goal][0].ops, .options = o,
				.objects = zp->objects };
	if (!err)
		err = a->inner.ops->init(&a->inner);
	if (err) {
		free_shadows(a);
		free(a);
		return err;
	}
	zp->priv = a;
	return 0;
}

static void fini(struct zp *zp)
{
	struct zp_auto *a = zp->priv;

	free_shadows(a);
	a->inner.ops->exit(&a->inner);
	free(a);
}

/* The policy at work, with what is the outer one's, but who waits there. */
static struct zp *inner(struct zp *zp)
{
	uint32_t waiting = zp_waiting(zp);
	struct zp_auto *a = zp->priv;

	a->inner.entries = zp->entries;
	a->inner.objects = zp->objects - (waiting != ZP_NONE);
	a->inner.used = zp->used - (waiting ? zp_entry(zp, waiting)->size : 0);
	a->inner.requests = zp->requests;
	return &a->inner;
}

/* What a shadow missed, as the operator counts. */
static double cost(const struct zp *zp, const struct zp_auto *a, unsigned int i)
{
	const struct zp_shadow *s = &a->shadows[i];

	switch (zp->options.goal) {
	case ZP_OBJECTS:
		return s->misses;
	case ZP_BYTES:
		return s->missed_bytes;
	default:
		return s->misses / a->requests + s->missed_bytes / (a->bytes ?: 1);
	}
}

/* Goes on in place if only the exponent changes. */
static int change(struct zp *in, const struct zp_ops *ops, const struct zp_options *o)
{
	if (ops != in->ops)
		return zp_switch(in, ops, o);
	in->options = *o;
	in->ops->resize(in);
	return 0;
}

static double margin(const struct zp *zp, const struct zp_auto *a, unsigned int i)
{
	const struct candidate *c = candidates[zp->options.goal];

	return c[i].ops == c[a->current].ops ? MARGIN : MARGIN_OTHER;
}

static void look(struct zp *zp, struct zp_auto *a)
{
	struct zp_options o;
	double least = cost(zp, a, a->current), c;
	unsigned int i, best = a->current;

	for (i = 0; i < CANDIDATES; i++) {
		c = cost(zp, a, i) / (1 - margin(zp, a, i));
		if (i != a->current && c < least) {
			least = c;
			best = i;
		}
	}
	a->times = best == a->rival ? a->times + 1 : 1;
	a->rival = best;
	if (best != a->current && a->times >= TIMES) {
		o = inner_options(zp, best);
		if (!change(inner(zp), candidates[o.goal][best].ops, &o))
			a->current = best;
	}
	for (i = 0; i < CANDIDATES; i++) {
		a->shadows[i].misses *= KEEP;
		a->shadows[i].missed_bytes *= KEEP;
	}
	a->requests *= KEEP;
	a->bytes *= KEEP;
	a->left = LOOK_EVERY;
}

static void request(struct zp *zp, uint64_t id, uint64_t size, unsigned int n)
{
	struct zp_auto *a = zp->priv;
	uint32_t most = 0;
	unsigned int i;

	if (!sampled(id, a->shift))
		return;
	a->requests += n;
	a->bytes += (double)size * n;
	for (i = 0; i < CANDIDATES; i++) {
		zp_shadow_request(&a->shadows[i], id, size, n);
		if (a->shadows[i].zp.objects > most)
			most = a->shadows[i].zp.objects;
	}
	if (most > SHADOW_OBJECTS && a->shift < 31) {
		a->shift++;
		for (i = 0; i < CANDIDATES; i++)
			zp_shadow_shrink(&a->shadows[i], shadow_bytes(zp, a->shift), sampled,
					 a->shift);
	}
	if (a->left)
		a->left--;
	/* another policy would make room for what is here, not for what is to come */
	if (!a->left && !a->coming)
		look(zp, a);
}

static int add(struct zp *zp, uint32_t ref)
{
	struct zp_auto *a = zp->priv;
	struct zp *in = inner(zp);
	int err = in->ops->add(in, ref);

	if (a->coming)
		a->coming--;
	if (!err)
		request(zp, zp_entry(zp, ref)->id, zp_entry(zp, ref)->size, 1);
	return err;
}

static void hit(struct zp *zp, uint32_t ref, unsigned int n)
{
	struct zp *in = inner(zp);

	in->ops->hit(in, ref, n);
	request(zp, zp_entry(zp, ref)->id, zp_entry(zp, ref)->size, n);
}

static void del(struct zp *zp, uint32_t ref)
{
	struct zp *in = inner(zp);

	in->ops->del(in, ref);
}

static uint32_t victim(struct zp *zp)
{
	struct zp *in = inner(zp);

	return in->ops->victim(in);
}

/*
 * Shadows begin anew and see all keys: with another capacity they may need more of
 * them, and what they missed says nothing.
 */
static void resize(struct zp *zp)
{
	struct zp_auto *a = zp->priv;
	struct zp_shadow fresh;
	struct zp_options o;
	unsigned int i;

	a->inner.options.capacity = zp->options.capacity;
	if (a->inner.ops->resize)
		a->inner.ops->resize(inner(zp));
	a->shift = 0;
	a->requests = 0;
	a->bytes = 0;
	a->times = 0;
	for (i = 0; i < CANDIDATES; i++) {
		o = options_of(zp, i);
		if (zp_shadow_init(&fresh, candidates[o.goal][i].ops, &o))
			continue;
		zp_shadow_exit(&a->shadows[i]);
		a->shadows[i] = fresh;
	}
}

const struct zp_ops zp_auto = {
	.name = "auto",
	.summary = "Chooses the policy by what small shadow caches of several miss.",
	.init = init,
	.exit = fini,
	.add = add,
	.hit = hit,
	.del = del,
	.victim = victim,
	.resize = resize,
};
