// SPDX-License-Identifier: GPL-2.0-only
/*
 * The policies against models of them that search all objects for each victim, by
 * random requests; and what they miss of a generated trace.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <policy.h>

#include "sim.h"
#include "tap.h"

#define IDS 200

/* What the models know of an id. */
struct object {
	bool here, main, ghost, used;
	uint64_t size, came, last, left;	/* times of a clock */
	uint32_t uses, ghost_uses, ghost_size;
	double priority;
	uint32_t ref;
};

static struct object o[IDS];
static uint64_t now, hand;
static double level;
static struct zp_options options;
static const char *policy;

static bool is(const char *name)
{
	return !strcmp(policy, name);
}

static uint64_t seed;

static uint32_t chance(uint32_t n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % n;
}

static bool in_queue(int i, bool main)
{
	return o[i].here && o[i].main == main;
}

static uint64_t bytes_of(bool main)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < IDS; i++)
		sum += in_queue(i, main) ? o[i].size : 0;
	return sum;
}

/* The first that came, at this time or later. */
static int oldest(bool main, uint64_t from)
{
	int i, best = -1;

	for (i = 0; i < IDS; i++)
		if (in_queue(i, main) && o[i].came >= from &&
		    (best < 0 || o[i].came < o[best].came))
			best = i;
	return best;
}

static void trim_ghosts(void)
{
	uint64_t sum = 0, nr = 0, here = 0;
	int i, first;

	for (;;) {
		first = -1;
		sum = nr = here = 0;
		for (i = 0; i < IDS; i++) {
			here += o[i].here;
			if (!o[i].ghost)
				continue;
			nr++;
			sum += o[i].ghost_size;
			if (first < 0 || o[i].left < o[first].left)
				first = i;
		}
		if (is("s3fifo") ? sum <= options.capacity - options.capacity / 10 : nr <= here)
			return;
		o[first].ghost = false;
	}
}

static void use(int i, uint32_t n)
{
	double first = is("gdsf2") ? 1 / 8.0 : 1;
	double a = options.a, counted;

	o[i].last = ++now;
	o[i].uses += n;
	counted = o[i].uses - 1 + first;
	o[i].priority = level + (a == 0 ? counted * 1e6 / o[i].size : a == 1 ? counted :
				 a == 0.5 ? counted * sqrt(1e6 / o[i].size) :
				 counted * pow(1e6 / o[i].size, 1 - a));
}

static void model_add(int i, uint64_t size)
{
	bool ghost = o[i].ghost;

	o[i].here = true;
	o[i].ghost = false;
	o[i].used = false;
	o[i].size = size;
	o[i].came = ++now;
	o[i].uses = is("gdsf2") && ghost ? o[i].ghost_uses : 0;
	o[i].main = is("s3fifo") && (ghost || size >= options.capacity / 10);
	if (!is("s3fifo"))
		use(i, 1);
	trim_ghosts();
}

static void model_hit(int i, uint32_t n)
{
	o[i].used = true;
	use(i, n);
	if (is("lru"))
		o[i].came = ++now;
	if (is("s3fifo") && o[i].uses > 3)
		o[i].uses = 3;
}

/* The hand of SIEVE goes on from who leaves. */
static void model_del(int i)
{
	o[i].here = false;
	if (hand == o[i].came)
		hand = oldest(false, hand) >= 0 ? o[oldest(false, hand)].came : 0;
}

static int victim_in_order(void)
{
	int i = oldest(false, 0);

	while (i >= 0 && is("clock") && o[i].used) {
		o[i].used = false;
		o[i].came = ++now;
		i = oldest(false, 0);
	}
	return i;
}

static int victim_sieve(void)
{
	int i = oldest(false, hand);

	while (i >= 0 && o[i].used) {
		o[i].used = false;
		i = oldest(false, o[i].came + 1);
		if (i < 0)
			i = oldest(false, 0);
	}
	if (i >= 0)
		hand = o[i].came;
	return i;
}

static int victim_s3fifo(void)
{
	bool small = bytes_of(true) <= options.capacity - options.capacity / 10;
	int i;

	while (small && (i = oldest(false, 0)) >= 0) {
		if (o[i].uses < 2) {
			o[i].ghost = true;
			o[i].left = ++now;
			o[i].ghost_size = o[i].size;
			return i;
		}
		o[i].uses = 0;
		o[i].main = true;
		o[i].came = ++now;
	}
	while ((i = oldest(true, 0)) >= 0 && o[i].uses) {
		o[i].uses--;
		o[i].came = ++now;
	}
	return i;
}

static int victim_gdsf(void)
{
	int i, best = -1;

	for (i = 0; i < IDS; i++)
		if (o[i].here && (best < 0 || o[i].priority < o[best].priority ||
				  (o[i].priority == o[best].priority && o[i].last < o[best].last)))
			best = i;
	if (best < 0)
		return best;
	level = o[best].priority;
	if (is("gdsf2")) {
		o[best].ghost = true;
		o[best].left = ++now;
		o[best].ghost_uses = o[best].uses;
	}
	return best;
}

static int model_victim(void)
{
	if (is("sieve"))
		return victim_sieve();
	if (is("s3fifo"))
		return victim_s3fifo();
	if (is("gdsf") || is("gdsf2"))
		return victim_gdsf();
	return victim_in_order();
}

/* Takes a victim of both, and now and then keeps it. */
static bool same_victim(struct zp *zp)
{
	uint32_t ref = zp_victim(zp);
	int i = model_victim();

	if (i < 0)
		return ref == ZP_NONE;
	if (ref == ZP_NONE || ref != o[i].ref || zp_entry(zp, ref)->id != (uint64_t)i)
		return false;
	model_del(i);
	if (chance(20)) {
		zp_del(zp, ref);
	} else {
		zp_keep(zp, ref);
		model_add(i, o[i].size);
		model_hit(i, 1);
	}
	return true;
}

static bool step(struct zp *zp)
{
	/* some ids are asked for more often than others */
	int i = chance(chance(IDS) + 1);
	uint32_t n = chance(10) ? 1 : 1 + chance(4);

	if (!chance(500)) {
		options.capacity = 1000 + chance(9000);
		zp_resize(zp, options.capacity);
	}
	if (o[i].here && !chance(20)) {
		zp_del(zp, o[i].ref);
		model_del(i);
	} else if (o[i].here) {
		zp_hit(zp, o[i].ref, n);
		model_hit(i, n);
	} else {
		uint64_t size = 1 + chance(chance(10) ? 100 : 900);

		if (zp_add(zp, i, size, &o[i].ref))
			return false;
		model_add(i, size);
	}
	while (zp->used > options.capacity)
		if (!same_victim(zp))
			return false;
	return chance(50) || same_victim(zp);
}

static void random_requests(const char *name, double a)
{
	uint64_t used = 0;
	uint32_t objects = 0;
	struct zp zp;
	char text[96];
	int n, i;

	policy = name;
	options = (struct zp_options){ .capacity = 4000, .a = a, .large_main = true };
	memset(o, 0, sizeof(o));
	now = hand = 0;
	level = 0;
	seed = 1;
	if (zp_init(&zp, zp_find(name), &options))
		abort();
	for (n = 0; n < 20000 && step(&zp); n++)
		;
	snprintf(text, sizeof(text), "%s, exponent %.2f: as its model for 20000 steps", name, a);
	is_int(n, 20000, text);
	for (i = 0; i < IDS; i++) {
		objects += o[i].here;
		used += o[i].here ? o[i].size : 0;
	}
	is_int(zp.objects, objects, text);
	is_int(zp.used, used, text);
	zp_exit(&zp);
}

/* 100,000 requests of 5,000 objects, the n-th with a share of 1/n. */
static struct sim_trace zipf(void)
{
	struct sim_trace t = { .nr = 100000, .objects = 5000 };
	static uint64_t below[5001];
	uint64_t i, at, low, high;

	t.requests = calloc(t.nr, sizeof(*t.requests));
	if (!t.requests)
		abort();
	for (i = 0; i < t.objects; i++) {
		below[i + 1] = below[i] + 1000000 / (i + 1);
		t.footprint += 100 + i * 7919 % 10007;
	}
	seed = 42;
	for (i = 0; i < t.nr; i++) {
		at = chance(below[t.objects]);
		for (low = 0, high = t.objects; high - low > 1;)
			*(below[(low + high) / 2] <= at ? &low : &high) = (low + high) / 2;
		t.requests[i].object = low;
		t.requests[i].size = 100 + low * 7919 % 10007;
		t.bytes += t.requests[i].size;
	}
	return t;
}

static void golden(const struct sim_trace *t, const char *name, double a, double batch,
		   uint64_t misses, uint64_t bytes)
{
	struct sim_run r = {
		.ops = zp_find(name),
		.options = { .capacity = t->footprint / 10, .a = a, .large_main = true },
		.batch = batch,
	};
	char text[96];

	snprintf(text, sizeof(text), "%s, exponent %.1f, batches of %.0f %%, by Zipf", name, a,
		 100 * batch);
	is_int(sim_run(&r, t, NULL, NULL), 0, text);
	is_int(r.misses, misses, text);
	is_int(r.missed_bytes, bytes, text);
}

int main(void)
{
	static const char *const plain[] = { "fifo", "lru", "clock", "sieve", "s3fifo" };
	static const double exponents[] = { 0, 0.25, 0.5, 1 };
	struct sim_trace t = zipf();
	size_t i;

	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		random_requests(plain[i], -1);
	for (i = 0; i < sizeof(exponents) / sizeof(exponents[0]); i++) {
		random_requests("gdsf", exponents[i]);
		random_requests("gdsf2", exponents[i]);
	}
	golden(&t, "fifo", -1, 0, 39799, 202579329);
	golden(&t, "lru", -1, 0, 35100, 178467407);
	golden(&t, "lru", -1, 0.05, 35436, 180100341);
	golden(&t, "clock", -1, 0, 33985, 172640836);
	golden(&t, "sieve", -1, 0, 28595, 144973216);
	golden(&t, "s3fifo", -1, 0, 28899, 146057535);
	golden(&t, "gdsf", 0, 0, 27264, 157998311);
	golden(&t, "gdsf", 0.5, 0, 28291, 153520528);
	golden(&t, "gdsf2", 0.5, 0.05, 26705, 141346849);
	golden(&t, "wtinylfu", -1, 0, 27512, 144451765);
	golden(&t, "lhd", -1, 0, 28568, 188927198);
	golden(&t, "auto", -1, 0, 26499, 140168520);
	golden(&t, "auto", -1, 0.05, 26705, 141346849);
	free(t.requests);
	return tap_end();
}
