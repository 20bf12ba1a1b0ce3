// SPDX-License-Identifier: GPL-2.0-only
/*
 * Least hit density: evicts what promises the fewest hits for the bytes, and the time,
 * that it takes until it is hit or leaves. What an object promises is learned from
 * others of its class, which is how far its last two uses were apart, at its age. Of
 * all objects a sample competes, and some that came last and promise little.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy.h"

#define SAMPLE 32
#define NEWCOMERS 8
#define CLASSES 16
/* Ages are told apart to an eighth of a power of two. */
#define STEPS 8
#define AGES (STEPS * 30)
/* Uses between two times that it learns; with more objects, as many as these. */
#define PERIOD 4096
#define FADE 0.9
/* One in so many that come is kept whatever it promises, to learn of great ages. */
#define EXPLORE 32
#define EXPLORER_PART 100
/*
 * Before it knows better an object promises what its class does, and less when it is
 * old: half at three times as many uses as there are objects. That weighs as much as
 * so many objects that stayed for one use.
 */
#define PRIOR 4000.0
#define HALF_AGE 3.0

/* Of an entry's words; its place in the array is @prev. */
enum { TIME, LAST_AGE, AGE_BEFORE, EXPLORER };
/* In AGE_BEFORE: not used since it came. */
#define NEVER UINT32_MAX

/**
 * struct lhd - the private part
 * @array: objects in no order, to sample
 * @room: places of @array
 * @nr: objects in it
 * @now: uses so far
 * @left: uses until it learns again
 * @random: state of the generator
 * @objects: how many, on average
 * @budget: bytes that explorers may still take; less than 0 if one took more
 * @low: what victims promise, on average
 * @newest: place in @newcomers of the last
 * @newcomers: those that came last of the ones that promise less than @low
 * @learned: whether @density was
 * @hits: by class and age
 * @evictions: by class and age
 * @density: what is promised
 */
struct lhd {
	uint32_t *array;
	uint32_t room;
	uint32_t nr;
	uint32_t now;
	uint32_t left;
	uint64_t random;
	double objects;
	int64_t budget;
	double low;
	uint32_t newest;
	uint32_t newcomers[NEWCOMERS];
	bool learned;
	float hits[CLASSES][AGES];
	float evictions[CLASSES][AGES];
	float density[CLASSES][AGES];
};

static uint32_t chance(struct lhd *l, uint32_t n)
{
	l->random ^= l->random << 13;
	l->random ^= l->random >> 7;
	l->random ^= l->random << 17;
	return (l->random >> 32) * n >> 32;
}

static unsigned int age_step(uint32_t age)
{
	uint64_t a = age + 1ull;
	unsigned int log = 63 - __builtin_clzll(a), step;

	if (a < STEPS)
		return a - 1;
	step = (log - 2) * STEPS + (a >> (log - 3)) % STEPS;
	return step < AGES ? step : AGES - 1;
}

static double age_of(unsigned int step)
{
	return step < STEPS ? step :
	       (double)((uint64_t)(STEPS + step % STEPS) << (step / STEPS - 1)) - 1;
}

/* 0 of what was never used, then the more the shorter its last two ages were. */
static unsigned int class_of(const struct lhd *l, const struct zp_entry *e)
{
	uint64_t ages = (uint64_t)e->word[LAST_AGE] + e->word[AGE_BEFORE];
	uint64_t longest = 100 * (uint64_t)(l->objects > 1 ? l->objects : 1);
	unsigned int class = 0;

	if (e->word[AGE_BEFORE] == NEVER)
		return 0;
	for (ages |= !ages; ages < longest && class < CLASSES - 1; ages *= 2)
		class++;
	return class;
}

static double promise(const struct lhd *l, const struct zp_entry *e)
{
	uint32_t age = l->now - e->word[TIME];
	unsigned int class = class_of(l, e);
	double p;

	if (l->learned)
		p = l->density[class][age_step(age)];
	else	/* about as GDSF */
		p = (class + CLASSES + 1.0) / (age / 1024 + 1);
	return p / (e->size ?: 1) + e->word[EXPLORER];
}

static int init(struct zp *zp)
{
	struct lhd *l = calloc(1, sizeof(*l));

	if (!l || zp_grow_refs(&l->array, &l->room, zp->objects)) {
		free(l);
		return -ENOMEM;
	}
	l->random = 88172645463325252;
	l->left = PERIOD;
	l->budget = zp->options.capacity / EXPLORER_PART;
	zp->priv = l;
	return 0;
}

static void fini(struct zp *zp)
{
	struct lhd *l = zp->priv;

	free(l->array);
	free(l);
}

/* Lets the past fade; returns hits for the time that all objects took. */
static double fade(struct lhd *l)
{
	double hits = 0, time = 0;
	unsigned int class, age;

	for (class = 0; class < CLASSES; class++)
		for (age = 0; age < AGES; age++) {
			l->hits[class][age] *= FADE;
			l->evictions[class][age] *= FADE;
			hits += l->hits[class][age];
			time += (l->hits[class][age] + l->evictions[class][age]) *
				(age_of(age) + age_of(age + 1)) / 2;
		}
	return time > 0 ? hits / time : 0;
}

/* What a class promises whatever the age. */
static double class_density(const struct lhd *l, unsigned int class, double all)
{
	double hits = PRIOR * all * (class + CLASSES + 1) / (CLASSES + 1), time = PRIOR;
	unsigned int age;

	for (age = 0; age < AGES; age++) {
		hits += l->hits[class][age];
		time += (l->hits[class][age] + l->evictions[class][age]) *
			(age_of(age) + age_of(age + 1)) / 2;
	}
	return hits / time;
}

/* From the greatest age down: hits still to come, for the time still to pass. */
static void learn_class(struct lhd *l, unsigned int class, double all)
{
	double own = class_density(l, class, all), hits = 0, ends = 0, time = 0, now, width;
	double half = HALF_AGE * (l->objects > 1 ? l->objects : 1);
	int age;

	for (age = AGES - 1; age >= 0; age--) {
		now = l->hits[class][age] + l->evictions[class][age];
		width = age_of(age + 1) - age_of(age);
		time += ends * width + now * width / 2;
		ends += now;
		hits += l->hits[class][age];
		l->density[class][age] = (hits + PRIOR * own / (age_of(age) / half + 1)) /
					 (time + PRIOR);
	}
}

static void learn(struct lhd *l)
{
	double all = fade(l);
	unsigned int class;

	l->objects = l->learned ? l->objects * FADE + l->nr * (1 - FADE) : l->nr;
	for (class = 0; class < CLASSES; class++)
		learn_class(l, class, all);
	l->learned = true;
	l->left = l->nr > PERIOD ? l->nr : PERIOD;
}

static void use(struct lhd *l, uint32_t ref, struct zp_entry *e, bool came)
{
	bool explore = !chance(l, EXPLORE);

	e->word[TIME] = l->now;
	e->word[EXPLORER] = explore && l->budget > 0;
	if (e->word[EXPLORER])
		l->budget -= e->size;
	if (came && !explore && promise(l, e) < l->low)
		l->newcomers[l->newest++ % NEWCOMERS] = ref;
	l->now++;
	if (!--l->left)
		learn(l);
}

static int add(struct zp *zp, uint32_t ref)
{
	struct zp_entry *e = zp_entry(zp, ref);
	struct lhd *l = zp->priv;

	if (zp_grow_refs(&l->array, &l->room, l->nr + 1))
		return -ENOMEM;
	if (!l->learned)
		l->objects = l->nr + 1;
	e->prev = l->nr;
	l->array[l->nr++] = ref;
	e->word[AGE_BEFORE] = NEVER;
	use(l, ref, e, true);
	return 0;
}

/* It is no explorer any more. */
static void end_explorer(struct lhd *l, struct zp_entry *e)
{
	if (e->word[EXPLORER])
		l->budget += e->size;
	e->word[EXPLORER] = 0;
}

/* Many uses at once are one occasion. */
static void hit(struct zp *zp, uint32_t ref, unsigned int n)
{
	struct zp_entry *e = zp_entry(zp, ref);
	struct lhd *l = zp->priv;
	uint32_t age = l->now - e->word[TIME];

	(void)n;
	l->hits[class_of(l, e)][age_step(age)]++;
	end_explorer(l, e);
	e->word[AGE_BEFORE] = e->word[LAST_AGE];
	e->word[LAST_AGE] = age < NEVER ? age : NEVER - 1;
	use(l, ref, e, false);
}

static void del(struct zp *zp, uint32_t ref)
{
	struct zp_entry *e = zp_entry(zp, ref);
	struct lhd *l = zp->priv;
	uint32_t last = l->array[--l->nr];

	end_explorer(l, e);
	l->array[e->prev] = last;
	zp_entry(zp, last)->prev = e->prev;
}

static uint32_t lowest(struct zp *zp, struct lhd *l, double *least)
{
	uint32_t victim = ZP_NONE, ref, place;
	unsigned int i;
	double p;

	for (i = 0; i < SAMPLE + NEWCOMERS; i++) {
		if (i < SAMPLE) {
			ref = l->array[chance(l, l->nr)];
		} else {
			/* it may have left, and its reference be another's or nobody's */
			ref = l->newcomers[i - SAMPLE];
			place = zp_entry(zp, ref)->prev;
			if (!ref || place >= l->nr || l->array[place] != ref)
				continue;
		}
		p = promise(l, zp_entry(zp, ref));
		if (!victim || p < *least) {
			victim = ref;
			*least = p;
		}
	}
	return victim;
}

static uint32_t victim(struct zp *zp)
{
	struct lhd *l = zp->priv;
	struct zp_entry *e;
	double least = 0;
	uint32_t ref;

	if (!l->nr)
		return ZP_NONE;
	ref = lowest(zp, l, &least);
	l->low = l->low * FADE + least * (1 - FADE);
	e = zp_entry(zp, ref);
	l->evictions[class_of(l, e)][age_step(l->now - e->word[TIME])]++;
	del(zp, ref);
	return ref;
}

static void resize(struct zp *zp)
{
	struct lhd *l = zp->priv;
	uint32_t i;

	l->budget = zp->options.capacity / EXPLORER_PART;
	for (i = 0; i < l->nr; i++)
		if (zp_entry(zp, l->array[i])->word[EXPLORER])
			l->budget -= zp_entry(zp, l->array[i])->size;
}

const struct zp_ops zp_lhd = {
	.name = "lhd",
	.summary = "Evicts what promises the fewest hits for its bytes and its time.",
	.init = init,
	.exit = fini,
	.add = add,
	.hit = hit,
	.del = del,
	.victim = victim,
	.resize = resize,
};
