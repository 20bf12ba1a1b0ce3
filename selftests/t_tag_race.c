// SPDX-License-Identifier: GPL-2.0-only
/* Tags put, purged, limited, listed and read all at once. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "zc_harness.h"
#include "zc_tag.h"

ZCT_STORE_FIXTURE(tag_race, .capacity = 16 * MiB)

struct storm {
	struct zct_store *s;
	int stop, errors;
};

static void *storm_put(void *arg)
{
	struct storm *w = arg;
	char key[32];
	unsigned int i = 0;
	__u64 tags[2];
	int err;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		snprintf(key, sizeof(key), "k%u", i % 97);
		tags[0] = 1 + i % 3;
		tags[1] = 4 + i % 5;
		err = zct_put_tags(w->s->fd, key, i % 7 ? 100 : 40000, tags, 2);
		if (err && err != -EDQUOT)
			__atomic_add_fetch(&w->errors, 1, __ATOMIC_RELAXED);
		i++;
	}
	return NULL;
}

static void *storm_purge(void *arg)
{
	struct storm *w = arg;
	struct zc_purge p;
	unsigned int i = 0;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		if (zct_purge_tag(w->s->fd, 1 + i % 8, i % 3 ? 0 : ZC_PURGE_SOFT, &p))
			__atomic_add_fetch(&w->errors, 1, __ATOMIC_RELAXED);
		i++;
	}
	return NULL;
}

static void *storm_limit(void *arg)
{
	struct storm *w = arg;
	struct zct_tag t;
	unsigned int i = 0;
	int err;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		err = zct_tag_set(w->s, 1 + i % 8, i % 2 ? 500000 : 0, i % 5 ? 0 : 100000);
		if (!err)
			err = zct_tag_get(w->s, 1 + i % 3, &t);
		if (err && err != -ENOENT && err != -EINVAL)
			__atomic_add_fetch(&w->errors, 1, __ATOMIC_RELAXED);
		if (zct_tag_listed(w->s, 1 + i % 8) < 0)
			__atomic_add_fetch(&w->errors, 1, __ATOMIC_RELAXED);
		i++;
	}
	return NULL;
}

static void *storm_read(void *arg)
{
	struct storm *w = arg;
	struct zc_touch touch;
	unsigned int i = 0;
	char key[32], buf[64];
	ssize_t n;
	int err;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		snprintf(key, sizeof(key), "k%u", i % 97);
		n = zct_get_data(w->s->fd, key, buf, sizeof(buf), 0);
		if (n >= 0 ? zct_check(buf, n, 1, 1, 0) != -1 : n != -ENOENT)
			__atomic_add_fetch(&w->errors, 1, __ATOMIC_RELAXED);
		touch = (struct zc_touch){ .key = ZC_ADDR(key), .key_len = strlen(key),
			.flags = ZC_TOUCH_EXPIRES | ZC_TOUCH_EXPIRED_OK };
		err = zct_touch(w->s->fd, &touch);
		if (err && err != -ENOENT)
			__atomic_add_fetch(&w->errors, 1, __ATOMIC_RELAXED);
		i++;
	}
	return NULL;
}

TEST_F(tag_race, storm)
{
	void *(*const fns[])(void *) = { storm_put, storm_purge, storm_limit, storm_read };
	struct storm w = { .s = &self->s };
	pthread_t threads[ARRAY_SIZE(fns)];
	struct zc_purge p = { 0 };
	struct zct_tag t;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fns); i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, fns[i], &w));
	while (zct_count(&self->s, ZC_C_PUTS) < 500)
		sched_yield();
	__atomic_store_n(&w.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < ARRAY_SIZE(fns); i++)
		pthread_join(threads[i], NULL);
	EXPECT_EQ(0, w.errors);
	/* nothing is left of it all */
	for (i = 1; i <= 8; i++)
		ASSERT_OK(zct_tag_set(&self->s, i, 0, 0));
	ASSERT_OK(zct_purge(self->s.fd, &p));
	zct_wait_used(&self->s, 0);
	for (i = 1; i <= 8; i++)
		EXPECT_ERR(ENOENT, zct_tag_get(&self->s, i, &t));
}

TEST_HARNESS_MAIN
