// SPDX-License-Identifier: GPL-2.0-only
/* The policies' engine: victims that were worked out by hand, ghosts, and memory. */
#include <errno.h>
#include <malloc.h>
#include <math.h>
#include <stdlib.h>

#include <ghost.h>
#include <policy.h>

#include "tap.h"

/* What is allocated now, by the program's own calls. */
static size_t allocated;
/* Allocations that still succeed. */
static int allow = INT32_MAX;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static void *count(void *p)
{
	allocated += malloc_usable_size(p);
	return p;
}

void *__wrap_malloc(size_t n)
{
	return allow-- > 0 ? count(__real_malloc(n)) : NULL;
}

void *__wrap_calloc(size_t n, size_t m)
{
	return allow-- > 0 ? count(__real_calloc(n, m)) : NULL;
}

void *__wrap_realloc(void *p, size_t n)
{
	if (allow-- <= 0)
		return NULL;
	allocated -= malloc_usable_size(p);
	return count(__real_realloc(p, n));
}

void __wrap_free(void *p)
{
	allocated -= malloc_usable_size(p);
	__real_free(p);
}

static struct zp zp;
static uint32_t refs[128];	/* of the objects 'a' to 'z' */

static void begin(const char *policy, uint64_t capacity, double a)
{
	struct zp_options options = { .capacity = capacity, .a = a, .large_main = true };

	memset(refs, 0, sizeof(refs));
	if (zp_init(&zp, zp_find(policy), &options))
		abort();
}

static void evict(char *victims)
{
	uint32_t ref = zp_victim(&zp);
	size_t n = strlen(victims);

	victims[n] = ref ? zp_entry(&zp, ref)->id : '-';
	victims[n + 1] = '\0';
	if (!ref)
		return;
	refs[zp_entry(&zp, ref)->id] = ZP_NONE;
	zp_del(&zp, ref);
}

/*
 * Letters use objects, of one byte or of so many as a digit says that follows; '!' is
 * an eviction. Returns who left; '-' for nobody.
 */
static const char *play(const char *requests)
{
	static char victims[64];
	uint64_t size;

	victims[0] = '\0';
	for (; *requests; requests++) {
		if (*requests == '!') {
			evict(victims);
			continue;
		}
		size = requests[1] >= '0' && requests[1] <= '9' ? requests[1] - '0' : 1;
		if (refs[(int)*requests])
			zp_hit(&zp, refs[(int)*requests], 1);
		else if (zp_add(&zp, *requests, size, &refs[(int)*requests]))
			abort();
		requests += requests[1] >= '0' && requests[1] <= '9';
	}
	return victims;
}

static void by_hand(const char *policy, double a, const char *requests, const char *want)
{
	char name[128];

	snprintf(name, sizeof(name), "%s, exponent %.1f: %s", policy, a, requests);
	begin(policy, 30, a);
	is_str(play(requests), want, name);
	zp_exit(&zp);
}

static void victims(void)
{
	by_hand("fifo", -1, "!abca!!!!", "-abc-");
	by_hand("lru", -1, "abcca!d!e!", "bca");
	/* c goes round again at the second, so a, which did before, leaves */
	by_hand("clock", -1, "abcca!d!e!", "bad");
	by_hand("clock", -1, "abcabc!!!!", "abc-");
	/* the hand is past a, which no use saved the second time, and past c */
	by_hand("sieve", -1, "abca!d!e!f!g!", "bcdef");
	by_hand("sieve", -1, "abcabc!!d!!", "abcd");
	/* c is used twice before its turn, the others are not; a is remembered */
	by_hand("s3fifo", -1, "abbccdde!!c!!a!!!!", "abdeca--");
	by_hand("s3fifo", -1, "abbbcdce!a!!!a!!!", "acdeba-");
	/* 1e6/4, 1e6/1, 1e6/2; then d at L + 1e6/4, as much as c, which is older */
	by_hand("gdsf", 0, "a4b1c2!d4!!!!", "acdb-");
	by_hand("gdsf", 0, "a4b1c2aaaa!!!!", "cba-");
	by_hand("gdsf", 1, "a4b1c2a!!d!!", "bcad");
	/* 500, 1000, 577: used twice, a is worth as much as b, which is older */
	by_hand("gdsf", 0.5, "a4b1c3a!!!", "cba");
	by_hand("gdsf", -1, "a4b1c3a!!!", "cba");
	/* a: 9/8. b: 1/8. c: 2/8. b again, 2 uses: 2/8 + 9/8. d: 3/8. */
	by_hand("gdsf2", 1, "aba!c!bd!!!", "bcdab");
	by_hand("gdsf2", 0, "a4b1c2!d4!!!!", "acdb-");
}

static void s3fifo_expected(void)
{
	begin("s3fifo", 30, -1);
	is_str(play("abbc"), "", "S3-FIFO before evictions");
	zp_resize(&zp, 5);
	is_int(zp_largest(&zp), 5, "large objects go to the main queue");
	zp.options.large_main = false;
	is_int(zp_largest(&zp), 0, "or are refused, if the small queue has no room for them");
	is_int(zp_add(&zp, 'x', 1, &refs['x']), -EFBIG, "by EFBIG");
	is_int(zp.objects, 3, "and are not there");
	zp_exit(&zp);
}

static void engine(void)
{
	const struct zp_options none = { .capacity = 0, .a = -1 }, odd = { .capacity = 1, .a = 2 };
	const struct zp_options not_a_number = { .capacity = 1, .a = NAN };
	uint32_t ref;

	is_int(sizeof(struct zp_entry), 40, "an entry has 40 bytes");
	ok(!zp_find("frob"), "no policy of that name");
	is_int(zp_init(&zp, zp_find("lru"), &none), -EINVAL, "a capacity of 0");
	is_int(zp_init(&zp, zp_find("gdsf"), &odd), -EINVAL, "an exponent above 1");
	is_int(zp_init(&zp, zp_find("gdsf"), &not_a_number), -EINVAL, "an exponent that is none");

	begin("lru", 100, -1);
	is_int(zp_add(&zp, 'x', 101, &ref), -EFBIG, "an object larger than the cache");
	play("a9b8c7");
	is_int(zp.objects, 3, "three objects");
	is_int(zp.used, 24, "and their bytes");
	is_int(zp.requests, 3, "and requests");
	zp_hit(&zp, refs['a'], 5);
	is_int(zp.requests, 8, "five hits at once");
	ref = zp_victim(&zp);
	is_int(zp_entry(&zp, ref)->id, 'b', "the victim");
	is_int(zp_entry(&zp, ref)->size, 8, "has its size still");
	is_int(zp.objects, 2, "and is no longer counted");
	is_int(zp.used, 16, "nor are its bytes");
	zp_hit(&zp, ref, 1);
	is_int(zp_keep(&zp, ref), 0, "it is kept");
	is_int(zp.used, 24, "and counted again");
	is_int(ref, refs['b'], "under its reference");
	is_str(play("!!!!"), "cab-", "as if it was used");
	zp_exit(&zp);

	begin("lru", 100, -1);
	play("abc");
	ref = refs['b'];
	zp_del(&zp, ref);
	refs['b'] = ZP_NONE;
	is_int(zp.objects, 2, "deleted");
	play("d");
	is_int(refs['d'], ref, "its reference is used again");
	is_str(play("!!!!"), "acd-", "it is no victim");
	zp_exit(&zp);
	is_int(allocated, 0, "all memory is given back");
}

static void switching(const char *from, const char *to, const char *want)
{
	struct zp_options options = { .capacity = 50, .a = 0 };
	const uint32_t *before;
	char name[64];

	snprintf(name, sizeof(name), "from %s to %s", from, to);
	begin(from, 30, 0);
	play("a4b2c2bd8e1");
	before = (const uint32_t[]){ refs['a'], refs['b'], refs['e'] };
	allow = 0;
	is_int(zp_switch(&zp, zp_find(to), &options), -ENOMEM, name);
	allow = INT32_MAX;
	is_str(zp.ops->name, from, "without memory all is as it was");
	is_int(zp_switch(&zp, zp_find(to), &options), 0, name);
	is_int(zp.objects, 5, name);
	is_int(zp.used, 17, name);
	is_int(zp.options.capacity, 50, name);
	ok(refs['a'] == before[0] && zp_entry(&zp, before[1])->id == 'b' &&
	   zp_entry(&zp, before[2])->id == 'e', "references stay");
	is_str(play("!!!!!!"), want, name);
	zp_exit(&zp);
	is_int(allocated, 0, "all memory is given back");
}

#define SWITCHED 8000

/*
 * Objects of 1000 ids in turn go from LRU to auto, whose shadows have room for 500: they
 * are so many that it finds that another policy than its first is needed. Returns how
 * many allocations that took.
 */
static int switching_to_auto(int may, int *err)
{
	struct zp_options options = { .capacity = SWITCHED * 10, .a = -1 };
	uint32_t ref;
	int i, took, lost = SWITCHED;

	if (zp_init(&zp, zp_find("lru"), &options))
		abort();
	for (i = 0; i < SWITCHED; i++)
		if (zp_add(&zp, i % 1000, 10, &ref))
			abort();
	options.capacity = 5000;
	allow = may;
	*err = zp_switch(&zp, zp_find("auto"), &options);
	took = may - allow;
	allow = INT32_MAX;
	if (zp.objects != SWITCHED || zp.used != SWITCHED * 10)
		*err = -EIO;
	while ((ref = zp_victim(&zp))) {
		zp_del(&zp, ref);
		lost--;
	}
	if (lost)
		*err = -EIO;
	zp_exit(&zp);
	return took;
}

/* However much memory there is, what is not refused is whole. */
static void auto_without_memory(void)
{
	int err, all = switching_to_auto(INT32_MAX, &err), may, refused = 0, wrong = 0;

	is_int(err, 0, "from lru to auto");
	for (may = 0; may < all; may += 5) {
		switching_to_auto(may, &err);
		refused += err == -ENOMEM;
		wrong += err && err != -ENOMEM;
	}
	is_int(wrong, 0, "with less memory no object is lost");
	ok(refused > 0, "which without any is refused");
	is_int(allocated, 0, "all memory is given back");
}

/* With another exponent, what is left of each object's priority is left of the new one. */
static void retuned(const char *policy, double from, double to, const char *before,
		    const char *after, const char *want)
{
	char name[128];

	snprintf(name, sizeof(name), "%s, exponent %.1f to %.1f: %s", policy, from, to, before);
	begin(policy, 50, from);
	play(before);
	zp.options.a = to;
	zp_resize(&zp, 50);
	is_str(play(after), want, name);
	zp_exit(&zp);
}

static void exponents(void)
{
	/* b left at 1, so that half is left of a, and all of the others */
	retuned("gdsf", 1, 1, "a4ab1!c3d4", "!!!!", "acd-");
	retuned("gdsf", 1, 0, "a4ab1!c3d4", "!!!!", "adc-");
	retuned("gdsf", 1, 0, "a4ab1!c3d4", "e8!!!!", "eadc");
	retuned("gdsf", 1, 0, "a4ab1!c3d4", "!e8!!!", "adce");
	/* half is left of b, nothing of c, all of d */
	retuned("gdsf", 0.5, 0.5, "a4b1c4!d9", "!!!!", "cdb-");
	retuned("gdsf", 0.5, 1, "a4b1c4!d9", "!!!!", "cbd-");
	retuned("gdsf2", 1, 1, "ab!e1c4d8d", "!!!!!", "becd-");
	retuned("gdsf2", 1, 0, "ab!e1c4d8d", "!!!!!", "bced-");
}

static void ghosts(void)
{
	struct zp_ghosts g = { 0 };
	uint32_t value = 0;
	uint64_t i, found = 0;

	ok(!zp_ghost_del(&g, 1, NULL), "none");
	for (i = 0; i < 10000; i++)
		zp_ghost_add(&g, i, i);
	is_int(g.objects, 10000, "ten thousand ghosts");
	is_int(g.sum, 49995000, "and their sum");
	ok(zp_ghost_del(&g, 5000, &value), "one of them");
	is_int(value, 5000, "with its value");
	ok(!zp_ghost_del(&g, 5000, NULL), "is no more");
	zp_ghost_add(&g, 0, 7);
	is_int(g.objects, 9999, "one that came again is there once");
	zp_ghost_trim(&g, 100, UINT64_MAX);
	is_int(g.objects, 100, "trimmed by number");
	ok(zp_ghost_del(&g, 0, &value) && value == 7, "what came again is the newest");
	ok(zp_ghost_del(&g, 9901, &value) && value == 9901, "the oldest that may stay");
	ok(!zp_ghost_del(&g, 9900, NULL), "the one before");
	zp_ghost_trim(&g, UINT32_MAX, 9999 + 9998 + 9997);
	is_int(g.objects, 3, "trimmed by sum");
	zp_ghost_trim(&g, 0, UINT64_MAX);
	is_int(g.objects, 0, "and all");
	is_int(g.sum, 0, "of them");

	/* a ring that turns, with gaps */
	zp_ghost_exit(&g);
	for (i = 0; i < 100000; i++) {
		zp_ghost_add(&g, i, 1);
		if (i % 3 == 0)
			found += zp_ghost_del(&g, i - i % 50, NULL);
		zp_ghost_trim(&g, 100, UINT64_MAX);
	}
	is_int(found, 2000, "found those that were there, once each");
	is_int(g.objects, 100, "as many as may be");
	ok(g.nr_ring < 300, "the ring does not grow with what passes");
	allow = 0;
	for (i = 0; i < 1000; i++)
		zp_ghost_add(&g, i, 1);
	allow = INT32_MAX;
	ok(g.objects <= g.nr_ring && zp_ghost_del(&g, 99999, NULL), "without memory the old remain");
	zp_ghost_exit(&g);
	is_int(allocated, 0, "all memory is given back");
}

/* As many objects as fit, and twice as many that left. */
static void memory(const struct zp_ops *ops, uint32_t objects)
{
	struct zp_options options = { .capacity = objects * 1000ull, .a = -1, .large_main = true };
	size_t most = 0;
	char name[96];
	uint32_t ref;
	uint64_t id;

	if (zp_init(&zp, ops, &options))
		abort();
	for (id = 0; id < 3 * objects; id++) {
		while (zp.used + 1000 > options.capacity)
			zp_del(&zp, zp_victim(&zp));
		if (zp_add(&zp, id, 1000, &ref))
			abort();
		if (id % 3 == 0)
			zp_hit(&zp, ref, 1 + id % 2);
		if (zp.objects >= objects / 2 && allocated / zp.objects > most)
			most = allocated / zp.objects;
	}
	snprintf(name, sizeof(name), "%s: %zu bytes an object", ops->name, most);
	ok(most <= 64, name);
	zp_exit(&zp);
	is_int(allocated, 0, "all memory is given back");
}

static void no_memory(const struct zp_ops *ops)
{
	struct zp_options options = { .capacity = 1000, .a = -1, .large_main = true };
	char name[64];
	int n, err = -ENOMEM;
	uint32_t ref;

	snprintf(name, sizeof(name), "%s without memory", ops->name);
	for (n = 0; err == -ENOMEM && n < 20; n++) {
		allow = n;
		err = zp_init(&zp, ops, &options);
		if (err)
			continue;
		err = zp_add(&zp, 1, 1, &ref);
		allow = INT32_MAX;
		is_int(zp.objects, !err, name);
		is_int(zp.used, !err, name);
		if (err)
			is_int(err, -ENOMEM, name);
		zp_exit(&zp);
	}
	is_int(err, 0, name);
	is_int(allocated, 0, "all memory is given back");
}

int main(void)
{
	const struct zp_ops *const *ops;

	victims();
	s3fifo_expected();
	engine();
	switching("lru", "fifo", "acbde-");
	switching("fifo", "lru", "abcde-");
	switching("lru", "gdsf", "dacbe-");
	switching("gdsf", "lru", "dacbe-");
	/* d is too large for the small queue */
	switching("sieve", "s3fifo", "acebd-");
	auto_without_memory();
	exponents();
	ghosts();
	for (ops = zp_all; *ops; ops++) {
		/* the shadows of auto take as much however many there are */
		memory(*ops, *ops == &zp_auto ? 1000000 : 100000);
		no_memory(*ops);
	}
	return tap_end();
}
