// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on the module, on a mirror and on the model of a store, which
 * have to answer alike. ZC_MODEL_OPS runs one list, ZCACHE_SEED chooses the lists.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "zc_harness.h"

#include <zcache.h>
#include "model/run.h"

struct stores {
	struct zct_store store, other;
};

static int kmod_counters(struct subject *s, uint64_t *count)
{
	struct stores *own = s->own;
	struct zc_nl_store st;
	int err = zc_nl_store_get(own->store.name, &st);

	if (!err)
		memcpy(count, st.count, sizeof(st.count));
	return err;
}

static int open_store(const struct zct_store *store, struct zc_cache **cache)
{
	char name[80];

	snprintf(name, sizeof(name), "kmod:%s", store->name);
	return zc_open(name, O_RDWR, cache);
}

static int kmod_reopen(struct subject *s, bool bare)
{
	struct stores *own = s->own;

	(void)bare;
	zc_close(s->cache);
	return open_store(&own->store, &s->cache);
}

/* Return: an object fd of the store, or -errno. */
static int open_foreign(const struct zct_store *store)
{
	struct zc_put put = { .size = sizeof(put), .key = (uintptr_t)"a", .key_len = 1 };
	struct zc_open open = { .size = sizeof(open), .key = (uintptr_t)"a", .key_len = 1 };
	struct zc_cache *cache;
	int err = open_store(store, &cache);

	if (err)
		return err;
	err = zc_put(cache, &put) ?: zc_open_object(cache, &open);
	zc_close(cache);
	return err;
}

static int kmod_start(struct subject *s, const struct model_conf *conf)
{
	const struct zc_nl_cfg cfg = {
		.capacity = conf->capacity, .max_object_size = conf->max_object_size,
		.max_key_len = conf->max_key_len, .default_ttl = conf->default_ttl_ms,
		.grace = conf->grace_ms,
		.set = ZC_NL_SET(MAX_OBJECT_SIZE) | ZC_NL_SET(MAX_KEY_LEN) |
		       ZC_NL_SET(DEFAULT_TTL) | ZC_NL_SET(GRACE),
	};
	const struct zc_nl_cfg other = { .capacity = MiB };
	struct stores *own = calloc(1, sizeof(*own));
	static struct calls calls;
	int err;

	if (!own)
		return -ENOMEM;
	err = zct_store_new(&own->store, &cfg);
	if (err)
		goto err_free;
	err = zct_store_new(&own->other, &other);
	if (err)
		goto err_store;
	s->foreign = open_foreign(&own->other);
	err = s->foreign < 0 ? s->foreign : open_store(&own->store, &s->cache);
	if (err)
		goto err_other;
	calls = library_calls;
	calls.counters = kmod_counters;
	calls.reopen = kmod_reopen;
	s->calls = &calls;
	s->own = own;
	return 0;

err_other:
	zct_store_end(&own->other);
err_store:
	zct_store_end(&own->store);
err_free:
	free(own);
	return err;
}

static int left_behind;

/* What is purged by a tag goes a moment later. */
static void wait_swept(const struct zct_store *store)
{
	__u64 until = zct_now() + 2000000000;
	struct zc_purge p = { 0 };

	zct_purge(store->fd, &p);
	while (zct_used(store) && zct_now() < until)
		sched_yield();
}

static void kmod_stop(struct subject *s)
{
	struct stores *own = s->own;
	int err;

	zc_close(s->cache);
	close(s->foreign);
	wait_swept(&own->store);
	/* It looks whether all is gone that the store had. */
	err = zct_store_end(&own->store) ?: zct_store_end(&own->other);
	if (err)
		left_behind = err;
	free(s->own);
}

static const struct maker module = {
	.name = "module", .start = kmod_start, .stop = kmod_stop,
};

FIXTURE(model) {
	char mark[96];
};

FIXTURE_SETUP(model)
{
	ZCT_START(model);
}

FIXTURE_TEARDOWN(model)
{
	ZCT_END();
}

/* One kernel is enough to find what is wrong with the model's idea of the module. */
static unsigned int lists_here(unsigned int n)
{
	const char *lists = getenv("ZC_MODEL_LISTS");
	struct utsname u;

	if (lists)
		return strtoul(lists, NULL, 0);
	return zct_times(uname(&u) || strncmp(u.release, "6.12.", 5) ? n / 5 : n);
}

/*
 * On the module and, if there are two makers, on a mirror; with much room, or so little
 * that it runs out. Return: how many were run.
 */
static long run(const char *name, unsigned int nr, unsigned int lists, bool little)
{
	const struct maker makers[] = { module, mirror_maker };
	const struct run_conf conf = {
		.makers = makers, .nr_makers = nr,
		.store = { .capacity = 256 * MiB, .max_object_size = 70000,
			   .max_key_len = ZC_KEY_MAX, .grace_ms = 3600000,
			   .follows = little, .holds = little },
	};
	const struct search what = {
		.seed = zct_seed(), .lists = lists_here(lists), .length = 1024,
		.seconds = little ? 15 : 30, .name = name, .program = "/zc/t_model",
		.guest = true,
	};

	return search(&conf, &what);
}

TEST_F(model, module)
{
	long done = run("module", 1, 75, false), little = run("little_room", 1, 15, true);

	TH_LOG("%ld operations, and %ld with little room", done, little);
	EXPECT_LT(0, done);
	EXPECT_LT(0, little);
	EXPECT_EQ(0, left_behind);
	/* A short search is not asked for all. */
	EXPECT_TRUE(done < 50000 || little < 10000 || search_saw_all());
}

/* A mirror takes several times as long here as the module; the host has the rest. */
TEST_F(model, module_and_mirror)
{
	long done = run("module_and_mirror", 2, 10, false);

	TH_LOG("%ld operations", done);
	EXPECT_LT(0, done);
	EXPECT_EQ(0, left_behind);
}

TEST_HARNESS_MAIN
