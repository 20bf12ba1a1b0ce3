// SPDX-License-Identifier: GPL-2.0-only
/*
 * A mirror whose policy the daemon owns: what it misses of a trace, when the daemon has
 * its turn after each request, against the policy without a store, and the simulator.
 * With ZCACHE_TRACES, the folder of public traces, of a part of one of these as well.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mirror_steer.h"
#include "mirror_util.h"
#include "said.h"
#include "sim.h"
#include "store.h"
#include "tap.h"
#include "util.h"

#define REQUESTS	2500
#define POPULAR		800
#define CAPACITY	2000000
#define REFS		65536

static struct zc_cache *cache;
static struct managed s;
static uint64_t now;		/* milliseconds */

static struct choice policy(const char *name)
{
	return (struct choice){ .ops = name ? zp_find(name) : NULL,
				.options = { .a = -1, .large_main = true } };
}

/* Until there is nothing more; long after what was done before. */
static void steps(void)
{
	now += 10000;
	while (!store_step(&s, now))
		;
}

static void begin(const char *name, uint64_t capacity, const char *with)
{
	const struct zc_mirror_conf conf = { .size = sizeof(conf), .capacity = capacity };
	struct choice c = policy(with);

	cache = mirror_new(name, &conf);
	store_begin(&s, &mirror_steer, cache, name, &c, 10000);
}

static void end(void)
{
	store_end(&s);
	zc_close(cache);
}

static int put(const char *key, size_t len)
{
	static const char body[1 << 20];

	return put_object(cache, key, body, len, NULL, NULL, NULL);
}

/* What the daemon knows is what the mirror has. */
static bool agrees(void)
{
	const struct zcm_entry *e = zcm_mirror(cache)->entry;
	uint32_t slot, nr = 0;

	for (slot = 1; slot < zcm_mirror(cache)->slots; slot++) {
		uint32_t ref = slot < s.tracked.nr_slots ? s.tracked.ref[slot] : 0;

		if (!e[slot].generation != !ref)
			return false;
		if (!ref)
			continue;
		nr++;
		if (s.tracked.generation[slot] != e[slot].generation ||
		    zp_entry(&s.tracked.zp, ref)->size != e[slot].charge ||
		    zp_entry(&s.tracked.zp, ref)->id != e[slot].hash.w[0])
			return false;
	}
	return nr == objects(cache) && tracked_objects(&s.tracked) == nr && s.used == used(cache);
}

/* The state of the store, and what is said of it. */
static void states(void)
{
	struct choice c = policy("fifo");
	struct zc_cache *other;
	int i;

	begin("states", 100 * 8192, "lru");
	is_int(s.state, STORE_OWNED, "a mirror is owned");
	is_str(said, "store states: its policy is lru now", "as is said");
	other = mirror_open("states", O_RDWR);
	for (i = 0; i < 94; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%d", i);
		put(key, 1);
	}
	steps();
	get_key(other, "0", 0);
	steps();
	ok(agrees() && s.resyncs == 1, "what others do is known");
	is_int(objects(cache), 94, "below the high watermark nobody leaves");
	put("94", 1);
	steps();
	is_int(objects(cache), 89, "from it on, until less than the low one is used");
	is_int(get_key(cache, "0", 0), 0, "but not what was used");
	is_int(get_key(cache, "1", 0), -ENOENT, "before what was not");
	ok(agrees(), "which is known");
	is_int(counted(cache, ZC_C_POLICY_EVICTIONS), 6, "and counted");

	store_choose(&s, &c, 10000);
	is_str(said, "store states: its policy is fifo now", "it may be another policy");
	c.ops = NULL;
	store_choose(&s, &c, 10000);
	is_int(s.state, STORE_KERNEL, "or none");
	is_str(said, "store states: its policy is left to the library", "which is said");
	is_int(zc_policy_own(other, "theirs"), 0, "then another may own it");
	c = policy("lru");
	store_choose(&s, &c, 10000);
	is_int(s.state, STORE_BUSY, "for whom it is waited");
	is_str(said, "store states: another process owns its policy; waiting for it to end: Device or resource busy (EBUSY)",
	       "which is said");
	zc_close(other);
	store_retry(&s);
	is_int(s.state, STORE_OWNED, "until it ends");
	steps();
	ok(agrees(), "and all is known");
	zcm_lock(zcm_mirror(cache));
	zcm_dirty(zcm_mirror(cache));
	zcm_unlock(zcm_mirror(cache));
	steps();
	is_int(s.resyncs, 3, "once");
	ok(agrees(), "also when the index was made anew");
	end();
	is_int(zcm_mirror(cache = mirror_open("states", O_RDWR))->head->news_end, 0,
	       "in the end nothing is noted");
	zc_close(cache);
}

static uint64_t seed;

static uint32_t chance(uint32_t n)
{
	seed = seed * 6364136223846793005 + 1442695040888963407;
	return (seed >> 33) % n;
}

/* Some of a few, many of many, and a tenth that comes once; of one page or several. */
static struct sim_trace make_trace(bool sized)
{
	struct sim_trace t = { .nr = REQUESTS, .objects = POPULAR };
	uint64_t i;

	seed = 1;
	t.requests = calloc(t.nr, sizeof(*t.requests));
	for (i = 0; i < t.nr; i++) {
		struct sim_request *q = &t.requests[i];

		q->object = chance(10) ? chance(chance(chance(POPULAR) + 1) + 1) : t.objects++;
		q->size = 4096 + 4096 * (sized ? 1 + q->object % 5 : 1);
	}
	return t;
}

static void key_of(char key[16], uint32_t object)
{
	snprintf(key, 16, "%08x", object);
}

/* What the mirror misses. */
static uint64_t replay(const struct sim_trace *t)
{
	uint64_t misses = 0, i;
	char key[16];

	for (i = 0; i < t->nr; i++) {
		key_of(key, t->requests[i].object);
		if (get_key(cache, key, 0)) {
			misses++;
			if (put(key, t->requests[i].size - 4096))
				return 0;
		}
		steps();
	}
	return misses;
}

/* What a policy misses that is asked as the daemon asks it, and of which all left. */
static uint64_t model(const struct sim_trace *t, const struct choice *c, uint64_t capacity)
{
	uint32_t *refs = calloc(t->objects, sizeof(*refs)), *of = calloc(REFS, sizeof(*of)), ref;
	uint64_t misses = 0, high = capacity / 100 * 95, low = capacity / 100 * 90, i;
	struct zp_options options = c->options;
	struct zp zp;

	options.capacity = capacity;
	if (zp_init(&zp, c->ops, &options))
		abort();
	for (i = 0; i < t->nr; i++) {
		uint32_t object = t->requests[i].object;
		struct zcm_hash hash;
		char key[16];

		if (refs[object]) {
			zp_hit(&zp, refs[object], 1);
			continue;
		}
		misses++;
		key_of(key, object);
		zcm_hash(zcm_mirror(cache), key, strlen(key), &hash);
		if (zp_add(&zp, hash.w[0], t->requests[i].size, &refs[object]) ||
		    refs[object] >= REFS)
			abort();
		of[refs[object]] = object;
		if (zp.used < high)
			continue;
		while (zp.used >= low) {
			ref = zp_victim(&zp);
			refs[of[ref]] = ZP_NONE;
			zp_del(&zp, ref);
		}
	}
	zp_exit(&zp);
	free(refs);
	free(of);
	return misses;
}

/*
 * What the simulator misses, which makes room before an object comes: of objects of one
 * size it is the same for who would not name the one that comes.
 */
static uint64_t simulate(const struct sim_trace *t, const struct choice *c, uint64_t capacity)
{
	struct sim_run r = { .ops = c->ops, .options = c->options };
	uint64_t room = capacity / 100 * 95 - 1, rest = capacity / 100 * 90 - 1 - 8192;

	r.options.capacity = room;
	r.batch = 1 - (rest + 0.5) / room;
	return sim_run(&r, t, NULL, NULL) ? 0 : r.misses;
}

static void compare(const struct sim_trace *t, const char *name, uint64_t capacity, bool exact,
		    uint64_t want)
{
	struct choice c = policy(name);
	uint64_t misses, simulated;
	char text[100];

	snprintf(text, sizeof(text), "%s%s%s", name, exact ? "" : "-sized", want ? "-public" : "");
	begin(text, capacity, name);
	misses = replay(t);
	simulated = simulate(t, &c, capacity);
	printf("# %s: %" PRIu64 " misses, the simulator %" PRIu64 "\n", text, misses, simulated);
	snprintf(text, sizeof(text), "%s: it misses what the policy does alone", name);
	is_int(misses, model(t, &c, capacity), text);
	if (exact && (!strcmp(name, "lru") || !strcmp(name, "fifo"))) {
		snprintf(text, sizeof(text), "%s: and what the simulator does", name);
		is_int(misses, simulated, text);
	}
	if (want) {
		snprintf(text, sizeof(text), "%s: which is as many as are known", name);
		is_int(misses, want, text);
	}
	is_int(counted(cache, ZC_C_EVICTIONS), 0, "nothing is left to the library");
	ok(counted(cache, ZC_C_POLICY_EVICTIONS) > 300 && agrees(), "much left, and all is known");
	end();
}

static void generated(void)
{
	static const char *const sized[] = { "lru", "s3fifo", "gdsf2" };
	struct sim_trace t = make_trace(false);
	size_t i;

	for (i = 0; zp_all[i]; i++)
		compare(&t, zp_all[i]->name, CAPACITY, true, 0);
	free(t.requests);
	t = make_trace(true);
	for (i = 0; i < sizeof(sized) / sizeof(sized[0]); i++)
		compare(&t, sized[i], 2 * CAPACITY, false, 0);
	free(t.requests);
}

/* Of objects of one size, so that what the simulator says is exact. */
static void public_trace(void)
{
	static const struct {
		const char *policy;
		uint64_t misses;
	} known[] = {
		{ "lru", 1483 }, { "fifo", 1619 }, { "s3fifo", 1459 }, { "gdsf2", 1452 },
	};
	const char *folder = getenv("ZCACHE_TRACES");
	struct sim_trace t;
	char file[512];
	uint64_t n;
	size_t i;

	if (!folder || !*folder) {
		tap_ok(true, "a public trace # SKIP ZCACHE_TRACES names no folder of traces",
		       __FILE__, __LINE__);
		return;
	}
	snprintf(file, sizeof(file), "%s/libcachesim/cloudPhysicsIO.oracleGeneral.bin", folder);
	if (sim_trace_read(file, SIM_ORACLE_GENERAL, NULL, SIM_BY_FORMAT, &t)) {
		ok(false, "a public trace is read");
		return;
	}
	is_int(t.nr, 113872, "a public trace");
	t.nr = 4000;
	for (n = 0; n < t.nr; n++)
		t.requests[n].size = 8192;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		compare(&t, known[i].policy, 2 * CAPACITY, true, known[i].misses);
	sim_trace_free(&t);
}

int main(void)
{
	test_folder();
	states();
	generated();
	public_trace();
	return tap_end();
}
