// SPDX-License-Identifier: GPL-2.0-only
/* Who is let in: by size, and by how often it was used. */
#include <errno.h>
#include <stdlib.h>

#include <admission.h>
#include <policy.h>

#include "sim.h"
#include "tap.h"

static struct zp zp;
static uint32_t refs[128];	/* of the objects 'a' to 'z' */

static void begin(const char *policy)
{
	struct zp_options options = { .capacity = 30, .a = -1, .large_main = true,
				      .frequency = true };

	memset(refs, 0, sizeof(refs));
	if (zp_init(&zp, zp_find(policy), &options))
		abort();
}

/* Letters use objects of one byte, '!' evicts and '-' deletes the next. Returns who left. */
static const char *play(const char *requests)
{
	static char victims[64];
	size_t n = 0;

	for (; *requests; requests++) {
		uint32_t *ref = &refs[(int)*requests], victim;

		if (*requests == '!') {
			victim = zp_victim(&zp);
			victims[n++] = victim ? zp_entry(&zp, victim)->id : '.';
			if (victim) {
				refs[zp_entry(&zp, victim)->id] = ZP_NONE;
				zp_del(&zp, victim);
			}
		} else if (*requests == '-') {
			requests++;
			zp_del(&zp, refs[(int)*requests]);
			refs[(int)*requests] = ZP_NONE;
		} else if (*ref) {
			zp_hit(&zp, *ref, 1);
		} else if (zp_add(&zp, *requests, 1, ref)) {
			abort();
		}
	}
	victims[n] = '\0';
	return victims;
}

static void by_hand(const char *policy, const char *requests, const char *want)
{
	begin(policy);
	is_str(play(requests), want, requests);
	is_int(zp.objects, zp.used, "all are counted");
	zp_exit(&zp);
}

/* Three bytes are new, a tenth of the capacity. */
static void order(void)
{
	by_hand("lru", "aabbccxyz!!!!!!!", "xyzabc.");
	by_hand("lru", "abcxyz!!!!!!!", "abcxyz.");
	by_hand("lru", "aabbccxyzxx!!!", "ayz");
	by_hand("lru", "aabbccxyz!a!!!!!", "xyzbca");
	by_hand("lru", "aabbccxyz!-a!!!!", "xyzbc");
	by_hand("lru", "aabbccwxyz!!!", "xyz");
	by_hand("lru", "aabbccxyz-y!!!!", "xzab");
	by_hand("lru", "xyz!!!!", "xyz.");
	by_hand("lru", "xxx-xaaabbbccc!!!!x!", "abc.x");
	by_hand("lru", "xxx-xaaabbbccyyzx!!!!", "yzab");
	by_hand("fifo", "aabbccxyz!a!!!!!", "xyzbca");
}

static void switching(void)
{
	struct zp_options options;

	begin("lru");
	is_str(play("aabbccxyz!"), "x", "one waits");
	is_int(zp_entry(&zp, zp_waiting(&zp))->id, 'a', "which is the oldest");
	options = zp.options;
	is_int(zp_switch(&zp, &zp_sieve, &options), 0, "another policy");
	is_int(zp_waiting(&zp), ZP_NONE, "nobody waits then");
	is_str(play("!!!!!!"), "yzabc.", "who is new is known, and the order of the others");
	options.frequency = false;
	is_int(zp_switch(&zp, &zp_lru, &options), 0, "none");
	is_str(play("aabbccxyz!!!!!!"), "abcxyz", "then only the policy counts");
	options.frequency = true;
	is_int(zp_switch(&zp, &zp_lru, &options), 0, "again");
	is_str(play("aabbccxyz!!!!!!"), "xyzabc", "it counts");
	zp_exit(&zp);
}

static void size(void)
{
	struct zp_options options = { .capacity = 1000, .a = -1, .large_main = true,
				      .admit_size = 100 };
	uint32_t ref;

	is_int(zp_init(&zp, &zp_lru, &options), 0, "by size");
	is_int(zp_largest(&zp), 100, "no larger ones");
	is_int(zp_add(&zp, 1, 100, &ref), 0, "one that is not larger");
	is_int(zp_add(&zp, 2, 101, &ref), -EFBIG, "one that is");
	zp_exit(&zp);
	options.admit_size = 5000;
	is_int(zp_init(&zp, &zp_lru, &options), 0, "or larger than the cache");
	is_int(zp_largest(&zp), 1000, "which takes none of these");
	zp_exit(&zp);
}

/* A hundred objects that are used all the time, and others between that never come again. */
static struct sim_trace scans(void)
{
	struct sim_trace t = { .nr = 60000 };
	uint64_t i;

	t.requests = calloc(t.nr, sizeof(*t.requests));
	if (!t.requests)
		abort();
	t.objects = 100;
	for (i = 0; i < t.nr; i++) {
		t.requests[i].size = 10;
		t.requests[i].object = i / 200 % 2 ? t.objects++ : i % 100;
		t.bytes += 10;
	}
	t.footprint = 10 * t.objects;
	return t;
}

static uint64_t misses(const struct sim_trace *t, const char *policy, bool frequency,
		       uint64_t admit_size, double batch)
{
	struct sim_run r = {
		.ops = zp_find(policy), .batch = batch,
		.options = { .capacity = 1500, .a = -1, .large_main = true,
			     .frequency = frequency, .admit_size = admit_size },
	};

	return sim_run(&r, t, NULL, NULL) ? 0 : r.misses;
}

/* 30000 are misses whatever is done. */
static void effect(void)
{
	struct sim_trace t = scans();

	is_int(misses(&t, "lru", false, 0, 0), 45000, "LRU forgets in each scan what is used");
	is_int(misses(&t, "lru", true, 0, 0), 30100, "not if what is used more stays");
	is_int(misses(&t, "fifo", false, 0, 0.05), 45000, "FIFO, too");
	is_int(misses(&t, "fifo", true, 0, 0.05), 30100, "with batches, too");
	is_int(misses(&t, "lru", false, 9, 0), 60000, "nothing is small enough");
	free(t.requests);
}

int main(void)
{
	order();
	switching();
	size();
	effect();
	return tap_end();
}
