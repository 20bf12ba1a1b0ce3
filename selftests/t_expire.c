// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time to live, and purging: what has expired is not served and goes by itself,
 * what is purged is gone, or expired, whatever happens meanwhile.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "zc_harness.h"

#define HOUR	3600000000000LL

/* Nothing is kept for anybody: what expires goes at once. */
ZCT_STORE_FIXTURE(expire, .capacity = 128 * MiB, .grace = 0, .set = ZC_NL_SET(GRACE))

static int put(int fd, const char *key, size_t len, __s64 expires_ns)
{
	struct zc_put p = { .key = ZC_ADDR(key), .key_len = strlen(key), .data_len = len,
			    .expires_ns = expires_ns };
	void *data = zct_alloc(len);
	int err;

	zct_pattern(data, len, 1, 1, 0);
	p.data = ZC_ADDR(data);
	err = zct_put(fd, &p);
	munmap(data, len + 1);
	return err;
}

static int touch(int fd, const char *key, __u32 flags, struct zc_touch *t)
{
	t->key = ZC_ADDR(key);
	t->key_len = strlen(key);
	t->flags = flags;
	return zct_touch(fd, t);
}

static int purge(int fd, const char *prefix, __u32 flags, struct zc_purge *p)
{
	*p = (struct zc_purge){ .flags = flags, .key_len = strlen(prefix) };
	p->key = p->key_len ? ZC_ADDR(prefix) : 0;
	return zct_purge(fd, p);
}

static int get_flags(int fd, const char *key, __u32 flags)
{
	char buf[64];
	struct zc_get g = { .key = ZC_ADDR(key), .key_len = strlen(key), .flags = flags,
			    .buf = ZC_ADDR(buf), .buf_len = sizeof(buf) };

	return zct_get(fd, &g);
}

/* The sweep runs by itself; the harness ends a test that waits in vain. */
static void wait_objects(const struct zct_store *s, __u64 n)
{
	while (zct_objects(s) != n)
		sched_yield();
}

/* Its room comes back a moment after an object is gone. */
static void wait_empty(const struct zct_store *s)
{
	wait_objects(s, 0);
	while (zct_used(s))
		sched_yield();
}

static int set_grace(const struct zct_store *s, __u32 ms)
{
	const struct zc_nl_cfg cfg = { .name = s->name, .grace = ms, .set = ZC_NL_SET(GRACE) };

	return zc_nl_store_set(&cfg);
}

static int set_ttl(const struct zct_store *s, __u64 ms)
{
	const struct zc_nl_cfg cfg = { .name = s->name, .default_ttl = ms,
				       .set = ZC_NL_SET(DEFAULT_TTL) };

	return zc_nl_store_set(&cfg);
}

TEST_F(expire, default_ttl)
{
	struct zc_stat st = { 0 };
	__u64 before, after;

	ASSERT_OK(put(self->s.fd, "none", 10, 0));
	ASSERT_OK(zct_stat_key(self->s.fd, "none", &st));
	EXPECT_EQ(0, st.expires_ns);

	ASSERT_OK(set_ttl(&self->s, 3600000));
	before = zct_now();
	ASSERT_OK(put(self->s.fd, "default", 10, 0));
	after = zct_now();
	ASSERT_OK(zct_stat_key(self->s.fd, "default", &st));
	EXPECT_LE(before + HOUR, (__u64)st.expires_ns);
	EXPECT_GE(after + HOUR, (__u64)st.expires_ns);
	EXPECT_EQ(st.created_ns + HOUR, st.expires_ns);

	/* its own time comes first */
	ASSERT_OK(put(self->s.fd, "own", 10, before + 2 * HOUR));
	ASSERT_OK(zct_stat_key(self->s.fd, "own", &st));
	EXPECT_EQ((__s64)before + 2 * HOUR, st.expires_ns);

	/* a fill's time runs from its commit */
	{
		int fill = zct_fill_key(self->s.fd, "fill", 0, 0);

		ASSERT_FD(fill);
		ASSERT_OK(zct_commit_fd(fill, NULL));
		close(fill);
		ASSERT_OK(zct_stat_key(self->s.fd, "fill", &st));
		EXPECT_EQ(st.created_ns + HOUR, st.expires_ns);
	}

	ASSERT_OK(set_ttl(&self->s, 0));
	ASSERT_OK(put(self->s.fd, "none again", 10, 0));
	ASSERT_OK(zct_stat_key(self->s.fd, "none again", &st));
	EXPECT_EQ(0, st.expires_ns);
}

/* One that is over already is committed, and goes; its room comes back. */
TEST_F(expire, swept)
{
	static const size_t sizes[] = { 0, 1, 2048, 2049, 100000, 3 * MiB };
	__u64 charge = 0, n = ARRAY_SIZE(sizes);
	struct zc_stat st = { 0 };
	char key[16];
	size_t i;

	ASSERT_OK(set_grace(&self->s, 3600000));
	for (i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "k%zu", i);
		ASSERT_OK(put(self->s.fd, key, sizes[i], zct_now() - 1));
		EXPECT_ERR(ENOENT, get_flags(self->s.fd, key, 0));
		EXPECT_OK(get_flags(self->s.fd, key, ZC_GET_EXPIRED_OK));
		st = (struct zc_stat){ .flags = ZC_STAT_EXPIRED_OK, .key = ZC_ADDR(key),
				       .key_len = strlen(key) };
		ASSERT_OK(zct_stat(self->s.fd, &st));
		charge += st.charge;
	}
	EXPECT_EQ(n, zct_objects(&self->s));
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_EXPIRIES));
	ASSERT_OK(set_grace(&self->s, 0));
	wait_empty(&self->s);
	EXPECT_EQ(n, zct_count(&self->s, ZC_C_EXPIRIES));
	EXPECT_EQ(charge, zct_count(&self->s, ZC_C_EXPIRED_BYTES));
}

/* Of many with times in any order those go that are over, and no others. */
TEST_F(expire, the_right_ones)
{
	unsigned int seed = zct_seed(), i, n = zct_times(5000), over = 0, deleted = 0;
	__u64 now = zct_now();
	char key[16];

	for (i = 0; i < n; i++) {
		bool gone = zct_random(&seed) & 1;
		__s64 t = gone ? now - zct_random(&seed) % HOUR :
				 now + HOUR + zct_random(&seed);

		snprintf(key, sizeof(key), "%c%u", gone ? 'x' : 's', i);
		ASSERT_OK(put(self->s.fd, key, 10, t));
		over += gone;
		/* some of the others leave by another way */
		if (!gone && i % 7 == 0) {
			ASSERT_OK(zct_delete_key(self->s.fd, key));
			deleted++;
		}
	}
	zct_wait_count(&self->s, ZC_C_EXPIRIES, over);
	EXPECT_EQ(n - over - deleted, zct_objects(&self->s));
	for (i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "x%u", i);
		EXPECT_ERR(ENOENT, get_flags(self->s.fd, key, ZC_GET_EXPIRED_OK));
	}
}

/* What is open stays readable when its time is over, and charged. */
TEST_F(expire, open_object)
{
	int fd;

	ASSERT_OK(put(self->s.fd, "k", 100000, zct_now() + HOUR));
	fd = zct_open_key(self->s.fd, "k");
	ASSERT_FD(fd);
	{
		struct zc_touch t = { .expires_ns = 1 };

		ASSERT_OK(touch(self->s.fd, "k", ZC_TOUCH_EXPIRES, &t));
		EXPECT_EQ(1, t.expires_ns);
	}
	wait_objects(&self->s, 0);
	EXPECT_OK(zct_verify_fd(fd, 1, 1, 100000));
	EXPECT_LT(100000, zct_used(&self->s));
	close(fd);
	wait_empty(&self->s);
}

TEST_F(expire, touch)
{
	struct zc_touch t = { 0 };
	__u64 generation, now = zct_now();

	ASSERT_OK(set_grace(&self->s, 3600000));
	EXPECT_ERR(ENOENT, touch(self->s.fd, "k", 0, &t));
	ASSERT_OK(put(self->s.fd, "k", 10, 0));
	t = (struct zc_touch){ 0 };
	ASSERT_OK(touch(self->s.fd, "k", 0, &t));
	EXPECT_EQ(0, t.expires_ns);
	generation = t.generation;
	EXPECT_NE(0, generation);

	/* over, and fresh again without its bytes being sent anew */
	t = (struct zc_touch){ .expires_ns = now - 1, .generation = generation };
	ASSERT_OK(touch(self->s.fd, "k", ZC_TOUCH_EXPIRES, &t));
	EXPECT_ERR(ENOENT, get_flags(self->s.fd, "k", 0));
	t = (struct zc_touch){ .expires_ns = now + HOUR };
	EXPECT_ERR(ENOENT, touch(self->s.fd, "k", ZC_TOUCH_EXPIRES, &t));
	t = (struct zc_touch){ .expires_ns = now + HOUR };
	ASSERT_OK(touch(self->s.fd, "k", ZC_TOUCH_EXPIRES | ZC_TOUCH_EXPIRED_OK, &t));
	EXPECT_EQ(generation, t.generation);
	EXPECT_EQ((__s64)now + HOUR, t.expires_ns);
	EXPECT_OK(get_flags(self->s.fd, "k", 0));
	/* and for ever */
	t = (struct zc_touch){ 0 };
	ASSERT_OK(touch(self->s.fd, "k", ZC_TOUCH_EXPIRES, &t));
	EXPECT_EQ(0, t.expires_ns);

	t = (struct zc_touch){ .generation = generation + 1 };
	EXPECT_ERR(ESTALE, touch(self->s.fd, "k", 0, &t));
	t = (struct zc_touch){ .expires_ns = 1 };
	EXPECT_ERR(EINVAL, touch(self->s.fd, "k", 0, &t));
	t = (struct zc_touch){ .expires_ns = -1 };
	EXPECT_ERR(EINVAL, touch(self->s.fd, "k", ZC_TOUCH_EXPIRES, &t));
	t = (struct zc_touch){ 0 };
	EXPECT_ERR(EINVAL, touch(self->s.fd, "k", 4, &t));
	/* no hit was counted but the GET */
	EXPECT_EQ(1, zct_count(&self->s, ZC_C_HITS));
}

TEST_F(expire, soft_delete)
{
	struct zc_delete del = { .flags = ZC_DELETE_SOFT, .key = ZC_ADDR("k"), .key_len = 1 };
	__u64 generation;

	ASSERT_OK(set_grace(&self->s, 3600000));
	EXPECT_ERR(ENOENT, zct_delete(self->s.fd, &del));
	ASSERT_OK(zct_put_data(self->s.fd, "k", "bytes", 5, &generation));
	del.generation = generation + 1;
	EXPECT_ERR(ESTALE, zct_delete(self->s.fd, &del));
	del.generation = 0;
	ASSERT_OK(zct_delete(self->s.fd, &del));
	EXPECT_EQ(generation, del.generation);
	EXPECT_ERR(ENOENT, get_flags(self->s.fd, "k", 0));
	EXPECT_OK(get_flags(self->s.fd, "k", ZC_GET_EXPIRED_OK));
	ASSERT_OK(set_grace(&self->s, 0));
	wait_empty(&self->s);
}

TEST_F(expire, purge)
{
	__u64 charge[2] = { 0 };
	struct zc_stat st;
	struct zc_purge p;
	char key[16];
	int i, fd;

	ASSERT_OK(set_grace(&self->s, 3600000));
	for (i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "%c/%d", 'a' + i % 2, i);
		ASSERT_OK(put(self->s.fd, key, i * 50, 0));
		memset(&st, 0, sizeof(st));
		ASSERT_OK(zct_stat_key(self->s.fd, key, &st));
		charge[i % 2] += st.charge;
	}
	ASSERT_OK(purge(self->s.fd, "c", 0, &p));
	EXPECT_EQ(0, p.objects);
	EXPECT_EQ(0, p.bytes);
	/* longer than any key, and more than a key begins with */
	ASSERT_OK(purge(self->s.fd, "a/0 and more", 0, &p));
	EXPECT_EQ(0, p.objects);

	fd = zct_open_key(self->s.fd, "a/100");
	ASSERT_FD(fd);
	ASSERT_OK(purge(self->s.fd, "a/", 0, &p));
	EXPECT_EQ(100, p.objects);
	EXPECT_EQ(charge[0], p.bytes);
	EXPECT_EQ(100, zct_objects(&self->s));
	EXPECT_ERR(ENOENT, get_flags(self->s.fd, "a/0", ZC_GET_EXPIRED_OK));
	EXPECT_OK(get_flags(self->s.fd, "b/1", 0));
	EXPECT_OK(zct_verify_fd(fd, 1, 1, 5000));
	close(fd);

	ASSERT_OK(purge(self->s.fd, "b/1", ZC_PURGE_SOFT, &p));
	EXPECT_EQ(1 + 5 + 50, p.objects);
	EXPECT_EQ(100, zct_objects(&self->s));
	EXPECT_ERR(ENOENT, get_flags(self->s.fd, "b/1", 0));
	EXPECT_OK(get_flags(self->s.fd, "b/1", ZC_GET_EXPIRED_OK));
	EXPECT_OK(get_flags(self->s.fd, "b/3", 0));
	/* they have expired, and do not again */
	ASSERT_OK(purge(self->s.fd, "", ZC_PURGE_SOFT, &p));
	EXPECT_EQ(100 - 56, p.objects);

	ASSERT_OK(purge(self->s.fd, "", 0, &p));
	EXPECT_EQ(100, p.objects);
	EXPECT_EQ(charge[1], p.bytes);
	EXPECT_EQ(0, zct_objects(&self->s));
	EXPECT_EQ(0, zct_used(&self->s));
	EXPECT_EQ(6, zct_count(&self->s, ZC_C_PURGES));
	EXPECT_EQ(100 + 56 + 44 + 100, zct_count(&self->s, ZC_C_PURGED_OBJECTS));
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_EXPIRIES));
}

TEST_F(expire, purge_refused)
{
	struct zc_purge p;
	char key[1030];
	int fd;

	memset(key, 'k', sizeof(key));
	p = (struct zc_purge){ .key = ZC_ADDR(key), .key_len = 1025 };
	EXPECT_ERR(ENAMETOOLONG, zct_purge(self->s.fd, &p));
	p = (struct zc_purge){ .key = ZC_ADDR(key) };
	EXPECT_ERR(EINVAL, zct_purge(self->s.fd, &p));
	p = (struct zc_purge){ .key = ZC_BAD_KERNEL, .key_len = 3 };
	EXPECT_ERR(EFAULT, zct_purge(self->s.fd, &p));
	EXPECT_ERR(EINVAL, purge(self->s.fd, "k", 2, &p));
	/* who may only read purges nothing */
	fd = open(self->s.path, O_RDONLY);
	ASSERT_FD(fd);
	EXPECT_ERR(EBADF, purge(fd, "k", 0, &p));
	{
		struct zc_touch t = { 0 };

		EXPECT_ERR(EBADF, touch(fd, "k", 0, &t));
	}
	close(fd);
}

struct adder {
	pthread_t thread;
	int fd;
	unsigned int n;
	int err;
};

static void *add(void *arg)
{
	struct adder *a = arg;
	char key[16];
	unsigned int i;

	for (i = 0; i < a->n && !a->err; i++) {
		snprintf(key, sizeof(key), "new%u", i);
		a->err = zct_put_data(a->fd, key, key, sizeof(key), NULL);
	}
	return NULL;
}

/* The index grows under its feet, and none of those it is to take is missed. */
TEST_F(expire, purge_while_growing)
{
	unsigned int round, i, n = zct_times(5000);
	struct adder a = { .fd = self->s.fd, .n = 2 * n };
	struct zc_purge p;
	char key[16];

	for (round = 0; round < 3; round++) {
		for (i = 0; i < n; i++) {
			snprintf(key, sizeof(key), "old%u", i);
			ASSERT_OK(zct_put_data(self->s.fd, key, key, sizeof(key), NULL));
		}
		ASSERT_EQ(0, pthread_create(&a.thread, NULL, add, &a));
		EXPECT_OK(purge(self->s.fd, round == 1 ? "" : "old", 0, &p));
		pthread_join(a.thread, NULL);
		EXPECT_OK(a.err);
		EXPECT_LE(n, p.objects);
		for (i = 0; i < n; i++) {
			snprintf(key, sizeof(key), "old%u", i);
			EXPECT_ERR(ENOENT, get_flags(self->s.fd, key, ZC_GET_EXPIRED_OK));
		}
		ASSERT_OK(purge(self->s.fd, "", 0, &p));
		EXPECT_EQ(0, zct_objects(&self->s));
		EXPECT_EQ(0, zct_used(&self->s));
	}
}

/* A smaller store has less in it; what is in use stays until it is let go. */
TEST_F(expire, capacity)
{
	struct zc_nl_cfg cfg = { .name = self->s.name, .set = ZC_NL_SET(CAPACITY) };
	struct zc_nl_store st;
	char key[16];
	int i, fd[8];

	for (i = 0; i < 8; i++) {
		snprintf(key, sizeof(key), "%d", i);
		ASSERT_OK(put(self->s.fd, key, 3 * MiB, 0));
	}
	EXPECT_EQ(8, zct_objects(&self->s));
	cfg.capacity = 10 * MiB;
	ASSERT_OK(zc_nl_store_set(&cfg));
	EXPECT_EQ(3, zct_objects(&self->s));
	EXPECT_GE(10 * MiB, zct_used(&self->s));
	ASSERT_OK(zc_nl_store_get(self->s.name, &st));
	EXPECT_EQ(10 * MiB, st.capacity);
	/* it was the capacity, and follows it */
	EXPECT_EQ(10 * MiB, st.max_object_size);
	EXPECT_ERR(EFBIG, put(self->s.fd, "big", 10 * MiB + 1, 0));

	for (i = 0; i < 3; i++) {
		snprintf(key, sizeof(key), "%d", i);
		ASSERT_OK(put(self->s.fd, key, 3 * MiB, 0));
		fd[i] = zct_open_key(self->s.fd, key);
		ASSERT_FD(fd[i]);
	}
	cfg.capacity = MiB;
	ASSERT_OK(zc_nl_store_set(&cfg));
	EXPECT_STRNE("", zc_nl_extack());
	EXPECT_LT(9 * MiB, zct_used(&self->s));
	EXPECT_ERR(ENOSPC, put(self->s.fd, "x", 10, 0));
	for (i = 0; i < 3; i++) {
		EXPECT_OK(zct_verify_fd(fd[i], 1, 1, 3 * MiB));
		close(fd[i]);
	}
	EXPECT_OK(put(self->s.fd, "x", 10, 0));
	EXPECT_GE(MiB, zct_used(&self->s));

	/* and larger again */
	cfg.capacity = 32 * MiB;
	cfg.set |= ZC_NL_SET(MAX_OBJECT_SIZE);
	cfg.max_object_size = 5 * MiB;
	ASSERT_OK(zc_nl_store_set(&cfg));
	EXPECT_OK(put(self->s.fd, "big", 5 * MiB, 0));
	EXPECT_ERR(EFBIG, put(self->s.fd, "big", 5 * MiB + 1, 0));

	/* refused with a sentence, and nothing is changed */
	cfg.max_object_size = 32 * MiB + 1;
	EXPECT_ERR(EINVAL, zc_nl_store_set(&cfg));
	EXPECT_STRNE("", zc_nl_extack());
	cfg.set = ZC_NL_SET(CAPACITY);
	cfg.capacity = 65535;
	EXPECT_ERR(EINVAL, zc_nl_store_set(&cfg));
	EXPECT_STRNE("", zc_nl_extack());
	cfg = (struct zc_nl_cfg){ .name = self->s.name, .default_ttl = 3155760000001ULL,
				  .set = ZC_NL_SET(DEFAULT_TTL) };
	EXPECT_ERR(EINVAL, zc_nl_store_set(&cfg));
	EXPECT_STRNE("", zc_nl_extack());
	ASSERT_OK(zc_nl_store_get(self->s.name, &st));
	EXPECT_EQ(32 * MiB, st.capacity);
	EXPECT_EQ(5 * MiB, st.max_object_size);
	EXPECT_EQ(0, st.default_ttl);
}

TEST_F(expire, inline_limit)
{
	struct zc_nl_cfg cfg = { .name = self->s.name, .inline_limit = 100,
				 .set = ZC_NL_SET(INLINE_LIMIT) };
	struct zc_stat st = { 0 };

	ASSERT_OK(put(self->s.fd, "before", 1000, 0));
	ASSERT_OK(zc_nl_store_set(&cfg));
	ASSERT_OK(put(self->s.fd, "after", 1000, 0));
	ASSERT_OK(zct_stat_key(self->s.fd, "before", &st));
	EXPECT_EQ(ZC_STATE_INLINE, st.state);
	memset(&st, 0, sizeof(st));
	ASSERT_OK(zct_stat_key(self->s.fd, "after", &st));
	EXPECT_EQ(0, st.state);
	cfg.inline_limit = 2049;
	EXPECT_ERR(ERANGE, zc_nl_store_set(&cfg));
	EXPECT_STRNE("", zc_nl_extack());
}

TEST_HARNESS_MAIN
