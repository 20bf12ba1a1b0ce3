// SPDX-License-Identifier: GPL-2.0-only
/* Policies that learn: the sketch, W-TinyLFU by hand, and how auto follows a change. */
#include <errno.h>
#include <stdlib.h>

#include <policy.h>
#include <shadow.h>
#include <sketch.h>

#include "tap.h"

#define IDS 4000

static struct zp zp;
static uint32_t refs[IDS];
static uint64_t seed;
static bool frequency;

static uint32_t chance(uint32_t n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) * n >> 31;
}

static void sketch(void)
{
	struct zp_sketch s;
	unsigned int wrong = 0;
	uint64_t i;

	is_int(zp_sketch_init(&s, 1000), 0, "a sketch");
	is_int(s.width, 16384, "is not narrow");
	is_int(zp_sketch_get(&s, 7), 0, "what was never used");
	zp_sketch_add(&s, 7, 1);
	zp_sketch_add(&s, 7, 2);
	is_int(zp_sketch_get(&s, 7), 3, "three uses");
	zp_sketch_add(&s, 8, 1000);
	is_int(zp_sketch_get(&s, 8), ZP_SKETCH_MAX, "as many as it counts");
	is_int(zp_sketch_get(&s, 7), 3, "another's uses");
	is_int(s.uses, 1003, "all uses");
	zp_sketch_grow(&s, 4096);
	is_int(s.width, 16384, "there is room for four thousand");
	zp_sketch_grow(&s, 4097);
	is_int(s.width, 32768, "but not for more");
	is_int(zp_sketch_get(&s, 7), 3, "it keeps its counts");
	is_int(zp_sketch_get(&s, 8), ZP_SKETCH_MAX, "all of them");
	for (i = 0; i < 5000; i++)
		zp_sketch_add(&s, 100 + i, 1 + i % 5);
	for (i = 0; i < 5000; i++)
		wrong += zp_sketch_get(&s, 100 + i) != 1 + i % 5;
	is_int(wrong, 0, "five thousand are told apart");
	/* 16003 so far; halved at 2.5 times the width */
	zp_sketch_add(&s, 9, 81920 - 16003 - 1);
	is_int(zp_sketch_get(&s, 100 + 3), 4, "before the halving");
	zp_sketch_add(&s, 9, 1);
	is_int(s.uses, 40960, "half of the uses");
	is_int(zp_sketch_get(&s, 100 + 3), 2, "half of four");
	is_int(zp_sketch_get(&s, 7), 1, "of three");
	is_int(zp_sketch_get(&s, 100), 0, "and of one");
	is_int(zp_sketch_get(&s, 9), ZP_SKETCH_MAX / 2, "and of the most");
	zp_sketch_exit(&s);
}

static void begin(const char *policy, uint64_t capacity, enum zp_goal goal)
{
	struct zp_options options = {
		.capacity = capacity, .goal = goal, .a = -1, .large_main = true,
		.frequency = frequency,
	};

	memset(refs, 0, sizeof(refs));
	if (zp_init(&zp, zp_find(policy), &options))
		abort();
}

static void add(uint64_t id, uint64_t size)
{
	if (zp_add(&zp, id, size, &refs[id]))
		abort();
}

static int evict(void)
{
	uint32_t ref = zp_victim(&zp);
	int id;

	if (!ref)
		return -1;
	id = zp_entry(&zp, ref)->id;
	refs[id] = ZP_NONE;
	zp_del(&zp, ref);
	return id;
}

/* A window of one object, 19 places on probation and 79 protected, one shared. */
static void wtinylfu(void)
{
	int i;

	begin("wtinylfu", 1000, ZP_BALANCED);
	for (i = 1; i <= 100; i++)
		add(i, 10);
	is_int(evict(), 100, "used as often as the oldest, the newcomer leaves");
	zp_hit(&zp, refs[1], 1);
	is_int(evict(), 2, "a use protects, so another falls back and one more out");
	add(101, 10);
	is_int(evict(), 3, "who finds room in the main part need not win");
	add(102, 10);
	is_int(evict(), 4, "and makes it full");
	add(103, 10);
	add(104, 10);
	is_int(evict(), 104, "none of them was used more");
	add(104, 10);
	is_int(evict(), 5, "what comes again was");
	add(105, 10);
	zp_hit(&zp, refs[105], 9);
	is_int(evict(), 105, "uses in the window do not count");
	add(106, 500);
	is_int(evict(), 6, "a large object makes the main part shrink");
	zp.options.large_main = false;
	is_int(zp_largest(&zp), 10, "or is refused");
	is_int(zp_add(&zp, 200, 11, &refs[200]), -EFBIG, "by EFBIG");
	zp_exit(&zp);
}

/* Whatever happens, who is there leaves once. */
static void random_requests(const char *policy)
{
	uint64_t size[IDS], used = 0, objects = 0, wrong = 0;
	uint32_t ref;
	int i, id;

	begin(policy, 100000, ZP_OBJECTS);
	seed = 7;
	for (i = 0; i < 200000; i++) {
		id = chance(2) ? chance(IDS) : chance(100);
		if (refs[id]) {
			zp_hit(&zp, refs[id], 1 + chance(3));
			if (!chance(20)) {
				zp_del(&zp, refs[id]);
				refs[id] = ZP_NONE;
				used -= size[id];
				objects--;
			}
			continue;
		}
		size[id] = chance(50) ? 1 + chance(200) : 20000;
		while (used + size[id] > zp.options.capacity) {
			ref = zp_victim(&zp);
			wrong += !ref || refs[zp_entry(&zp, ref)->id] != ref;
			if (!chance(10)) {
				wrong += zp_keep(&zp, ref) != 0;
				continue;
			}
			used -= zp_entry(&zp, ref)->size;
			objects--;
			refs[zp_entry(&zp, ref)->id] = ZP_NONE;
			zp_del(&zp, ref);
		}
		add(id, size[id]);
		used += size[id];
		objects++;
		if (i == 100000)
			zp_resize(&zp, 150000);
	}
	is_int(wrong, 0, policy);
	is_int(zp.used, used, policy);
	is_int(zp.objects, objects, policy);
	while (evict() >= 0)
		objects--;
	is_int(objects, 0, policy);
	zp_exit(&zp);
}

/* A shadow counts what it misses, and forgets what it is no longer to see. */
static bool even(uint64_t id, unsigned int shift)
{
	return id % (1u << shift) == 0;
}

static void shadow(void)
{
	struct zp_options options = { .capacity = 1000, .a = -1, .large_main = true };
	struct zp_shadow s;
	uint64_t id;

	is_int(zp_shadow_init(&s, zp_find("lru"), &options), 0, "a shadow");
	for (id = 0; id < 150; id++)
		zp_shadow_request(&s, id, 10, 1 + id % 2);
	is_int(s.misses, 150, "missed all");
	is_int(s.missed_bytes, 1500, "and their bytes");
	is_int(s.zp.objects, 100, "holds what fits");
	zp_shadow_request(&s, 50, 10, 1);
	zp_shadow_request(&s, 149, 10, 1);
	is_int(s.misses, 150, "the last hundred are hits");
	zp_shadow_request(&s, 49, 10, 1);
	is_int(s.misses, 151, "others are not");
	zp_shadow_request(&s, 1000, 1001, 1);
	is_int(s.zp.objects, 100, "too large for it");
	zp_shadow_shrink(&s, 500, even, 1);
	is_int(s.zp.objects, 50, "sees half of the keys");
	zp_shadow_shrink(&s, 125, even, 2);
	is_int(s.zp.objects, 12, "and a fourth, in less room");
	zp_shadow_request(&s, 148, 10, 1);
	is_int(s.misses, 152, "the newest is there");
	zp_shadow_exit(&s);
}

/*
 * 200,000 requests of one kind, in a cache for 500 objects: 2000 by Zipf, or 1000 in
 * turn. Returns misses of the last 50,000.
 */
static int phase(bool loop)
{
	static uint64_t below[2001];
	uint32_t low, high, at;
	int i, id, misses = 0;

	for (i = 0; i < 2000; i++)
		below[i + 1] = below[i] + 1000000 / (i + 1);
	for (i = 0; i < 200000; i++) {
		at = chance(below[2000]);
		for (low = 0, high = 2000; high - low > 1;)
			*(below[(low + high) / 2] <= at ? &low : &high) = (low + high) / 2;
		id = loop ? 2000 + i % 1000 : (int)low;
		if (refs[id]) {
			zp_hit(&zp, refs[id], 1);
			continue;
		}
		misses += i >= 150000;
		while (zp.used + 10 > zp.options.capacity)
			evict();
		add(id, 10);
	}
	return misses;
}

static void phases(const char *policy, const int *want)
{
	int i;

	begin(policy, 5000, ZP_OBJECTS);
	seed = 1;
	for (i = 0; i < 3; i++)
		is_int(phase(i == 1), want[i], policy);
	zp_exit(&zp);
}

int main(void)
{
	const struct zp_ops *const *ops;

	sketch();
	wtinylfu();
	random_requests("wtinylfu");
	random_requests("lhd");
	random_requests("auto");
	frequency = true;
	for (ops = zp_all; *ops; ops++)
		random_requests((*ops)->name);
	frequency = false;
	shadow();
	phases("lru", (const int[]){ 12059, 50000, 12038 });
	phases("gdsf2", (const int[]){ 8906, 50000, 8851 });
	phases("lhd", (const int[]){ 10268, 25300, 11151 });
	/* each time within a tenth of the best of these */
	phases("auto", (const int[]){ 8906, 25057, 9548 });
	return tap_end();
}
