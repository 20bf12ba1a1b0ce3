// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random operations on the module, on a mirror and on the model of a store, which
 * have to answer alike. ZC_MODEL_OPS runs one list, ZCACHE_SEED chooses the lists.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/utsname.h>

#include "zc_harness.h"

#include <zcache.h>
#include "model/run.h"

static int kmod_counters(struct subject *s, uint64_t *count)
{
	struct zct_store *store = s->own;
	struct zc_nl_store st;
	int err = zc_nl_store_get(store->name, &st);

	if (!err)
		memcpy(count, st.count, sizeof(st.count));
	return err;
}

static int kmod_reopen(struct subject *s, bool bare)
{
	struct zct_store *store = s->own;
	char name[80];

	(void)bare;
	zc_close(s->cache);
	snprintf(name, sizeof(name), "kmod:%s", store->name);
	return zc_open(name, O_RDWR, &s->cache);
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
	struct zct_store *store = calloc(1, sizeof(*store));
	static struct calls calls;
	char name[80];
	int err;

	if (!store)
		return -ENOMEM;
	err = zct_store_new(store, &cfg);
	if (!err) {
		snprintf(name, sizeof(name), "kmod:%s", store->name);
		err = zc_open(name, O_RDWR, &s->cache);
		if (err)
			zct_store_end(store);
	}
	if (err) {
		free(store);
		return err;
	}
	calls = library_calls;
	calls.counters = kmod_counters;
	calls.reopen = kmod_reopen;
	s->calls = &calls;
	s->own = store;
	return 0;
}

static int left_behind;

static void kmod_stop(struct subject *s)
{
	int err;

	zc_close(s->cache);
	/* It looks whether all is gone that the store had. */
	err = zct_store_end(s->own);
	if (err)
		left_behind = err;
	free(s->own);
}

static const struct maker makers[] = {
	{ .name = "module", .start = kmod_start, .stop = kmod_stop },
	{ "mirror", mirror_start, mirror_stop },
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

/* On the module and, if there are @nr makers, on a mirror. Return: how many were run. */
static long run(unsigned int nr, unsigned int lists)
{
	const struct run_conf conf = {
		.makers = makers, .nr_makers = nr,
		.store = { .capacity = 256 * MiB, .max_object_size = 70000,
			   .max_key_len = ZC_KEY_MAX, .grace_ms = 3600000 },
	};
	const struct search what = {
		.seed = zct_seed(), .lists = lists_here(lists), .length = 1024, .seconds = 45,
		.program = "/zc/t_model", .guest = true,
	};

	return search(&conf, &what);
}

TEST_F(model, module)
{
	long done = run(1, 90);

	TH_LOG("%ld operations", done);
	EXPECT_LT(0, done);
	EXPECT_EQ(0, left_behind);
	/* A short search is not asked for all. */
	EXPECT_TRUE(done < 50000 || search_saw_all());
}

/* A mirror takes several times as long here as the module; the host has the rest. */
TEST_F(model, module_and_mirror)
{
	long done = run(ARRAY_SIZE(makers), 10);

	TH_LOG("%ld operations", done);
	EXPECT_LT(0, done);
	EXPECT_EQ(0, left_behind);
}

TEST_HARNESS_MAIN
