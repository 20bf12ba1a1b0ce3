// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tags: what has one is counted, limited and protected together, and purged in a
 * call that looks at none of it.
 */
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "zc_harness.h"
#include "zc_msg.h"
#include "zc_tag.h"

FIXTURE(tag) {
	struct zct_store s;
	struct zc_nl_store st;
	char mark[96];
};

FIXTURE_SETUP(tag)
{
	const struct zc_nl_cfg cfg = { .capacity = 16 * MiB, .grace = 3600000,
				       .set = ZC_NL_SET(GRACE) };

	ZCT_START(tag);
	ASSERT_OK(zct_store_new(&self->s, &cfg));
}

FIXTURE_TEARDOWN(tag)
{
	const __u64 ids[] = { 1, 2 };
	struct zc_purge p = { 0 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++)
		EXPECT_OK(zct_tag_set(&self->s, ids[i], 0, 0));
	EXPECT_OK(zct_purge(self->s.fd, &p));
	zct_wait_used(&self->s, 0);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

static int has(int fd, const char *key)
{
	struct zc_stat st = { 0 };

	return zct_stat_key(fd, key, &st);
}

TEST_F(tag, stat_and_list)
{
	const __u64 tags[] = { 7, ~0ULL, 1, 5, 4, 3, 2, 1ULL << 63 };
	__u64 out[9] = { 0 };
	struct zc_stat st = { .key = ZC_ADDR("k"), .key_len = 1, .tags = ZC_ADDR(out) };
	struct zc_nl_object object;
	struct zct_tag t;
	int i;

	ASSERT_OK(zct_put_tags(self->s.fd, "k", 100, tags, 8));
	ASSERT_OK(zct_put_pattern(self->s.fd, "none", 1, 1, 100, NULL));
	st.nr_tags = 9;
	ASSERT_OK(zct_stat(self->s.fd, &st));
	EXPECT_EQ(8, st.nr_tags);
	EXPECT_EQ(0, memcmp(tags, out, sizeof(tags)));
	/* too small a room says how much it would take */
	memset(out, 0, sizeof(out));
	st.generation = 0;
	st.nr_tags = 7;
	EXPECT_ERR(EMSGSIZE, zct_stat(self->s.fd, &st));
	EXPECT_EQ(8, st.nr_tags);
	EXPECT_EQ(0, out[0]);
	st = (struct zc_stat){ .key = ZC_ADDR("none"), .key_len = 4, .nr_tags = 1,
			       .tags = ZC_ADDR(out) };
	ASSERT_OK(zct_stat(self->s.fd, &st));
	EXPECT_EQ(0, st.nr_tags);
	/* a small struct of before has none */
	st = (struct zc_stat){ .size = 128, .key = ZC_ADDR("k"), .key_len = 1 };
	ASSERT_OK(zct_stat(self->s.fd, &st));

	ASSERT_OK(zc_nl_object_get(self->s.name, "k", 1, &object));
	EXPECT_TRUE(object.seen & 1U << ZCACHE_A_OBJECT_TAGS);
	ASSERT_OK(zc_nl_object_get(self->s.name, "none", 4, &object));
	EXPECT_FALSE(object.seen & 1U << ZCACHE_A_OBJECT_TAGS);
	for (i = 0; i < 8; i++) {
		ASSERT_OK(zct_tag_get(&self->s, tags[i], &t));
		EXPECT_EQ(tags[i], t.id);
		EXPECT_EQ(1, t.objects);
		EXPECT_EQ(1, t.commits);
		EXPECT_EQ(100, t.fill_bytes);
		EXPECT_LE(100, t.used);
	}
	/* with its last object a tag goes */
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_ERR(ENOENT, zct_tag_get(&self->s, 7, &t));
	EXPECT_LT(5, strlen(zc_nl_extack()));
}

TEST_F(tag, refused)
{
	const __u64 zero[] = { 1, 0 }, twice[] = { 1, 2, 1 }, nine[9] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct zc_purge p = { 0 };
	struct zc_put put = { .key = ZC_ADDR("k"), .key_len = 1, .__reserved2 = 1 };
	struct zct_tag t;

	EXPECT_ERR(EINVAL, zct_put_tags(self->s.fd, "k", 10, zero, 2));
	EXPECT_ERR(EINVAL, zct_put_tags(self->s.fd, "k", 10, twice, 3));
	EXPECT_ERR(EINVAL, zct_put_tags(self->s.fd, "k", 10, nine, 9));
	EXPECT_ERR(EFAULT, zct_put_tags(self->s.fd, "k", 10, zct_at(ZC_BAD_LOW), 1));
	EXPECT_ERR(EFAULT, zct_put_tags(self->s.fd, "k", 10, zct_at(ZC_BAD_KERNEL), 1));
	EXPECT_ERR(EINVAL, zct_put(self->s.fd, &put));
	EXPECT_EQ(0, zct_used(&self->s));
	EXPECT_EQ(0, zct_objects(&self->s));
	/* a purge by tag has a tag and no key, and one by key has no tag */
	EXPECT_ERR(EINVAL, zct_purge_tag(self->s.fd, 0, 0, &p));
	p = (struct zc_purge){ .tag = 1 };
	EXPECT_ERR(EINVAL, zct_purge(self->s.fd, &p));
	p = (struct zc_purge){ .flags = ZC_PURGE_TAG, .tag = 1, .key = ZC_ADDR("k"), .key_len = 1 };
	EXPECT_ERR(EINVAL, zct_purge(self->s.fd, &p));
	/* one that nothing has is no error */
	EXPECT_OK(zct_purge_tag(self->s.fd, 99, 0, &p));
	EXPECT_EQ(0, p.objects);
	/* limits */
	EXPECT_ERR(EINVAL, zct_tag_set(&self->s, 0, 1, 1));
	EXPECT_LT(5, strlen(zc_nl_extack()));
	EXPECT_ERR(EINVAL, zct_tag_set(&self->s, 1, MiB, 2 * MiB));
	EXPECT_LT(5, strlen(zc_nl_extack()));
	EXPECT_ERR(ENOSPC, zct_tag_set(&self->s, 1, 0, 17 * MiB));
	EXPECT_LT(5, strlen(zc_nl_extack()));
	EXPECT_ERR(ENOENT, zct_tag_get(&self->s, 1, &t));
	ASSERT_OK(zct_tag_set(&self->s, 1, 0, 10 * MiB));
	EXPECT_ERR(ENOSPC, zct_tag_set(&self->s, 2, 0, 7 * MiB));
	ASSERT_OK(zct_tag_set(&self->s, 2, 0, 6 * MiB));
	ASSERT_OK(zct_tag_get(&self->s, 1, &t));
	EXPECT_EQ(10 * MiB, t.floor);
	/* the capacity holds the floors */
	EXPECT_ERR(EINVAL, zc_nl_store_set(&(struct zc_nl_cfg){
		.name = self->s.name, .capacity = 15 * MiB, .set = ZC_NL_SET(CAPACITY) }));
	ASSERT_OK(zct_tag_set(&self->s, 1, 0, 0));
	ASSERT_OK(zct_tag_set(&self->s, 2, 0, 0));
	EXPECT_ERR(ENOENT, zct_tag_get(&self->s, 1, &t));
}

TEST_F(tag, counters)
{
	const __u64 both[] = { 1, 2 };
	struct zct_obj o = { .key = "k", .id = 1, .version = 1, .len = 5000 };
	struct zct_msg m;
	struct zc_send send;
	struct zc_purge p;
	struct zct_tag one, two;
	char buf[100];
	int sv[2];

	ASSERT_OK(zct_tcp_pair(ZCT_V4, sv));
	ASSERT_OK(zct_put_tags(self->s.fd, "k", o.len, both, 2));
	ASSERT_OK(zct_put_tag(self->s.fd, "two", 100, 2));
	EXPECT_EQ(100, zct_get_data(self->s.fd, "k", buf, 100, 0));
	EXPECT_EQ(100, zct_get_data(self->s.fd, "two", buf, 100, 0));
	zct_msg_new(&m, 8 * KiB);
	zct_msg_range(&m, &o, 0, 4000);
	send = zct_msg_send(&m, "k", sv[0]);
	ASSERT_OK(zct_send(self->s.fd, &send));
	ASSERT_OK(zct_msg_receive(&m, sv[1]));
	ASSERT_OK(zct_tag_get(&self->s, 1, &one));
	ASSERT_OK(zct_tag_get(&self->s, 2, &two));
	EXPECT_EQ(2, one.hits);
	EXPECT_EQ(10000, one.hit_bytes);
	EXPECT_EQ(4000, one.sent_bytes);
	EXPECT_EQ(1, one.commits);
	EXPECT_EQ(5000, one.fill_bytes);
	EXPECT_EQ(3, two.hits);
	EXPECT_EQ(10100, two.hit_bytes);
	EXPECT_EQ(4000, two.sent_bytes);
	EXPECT_EQ(2, two.commits);
	EXPECT_EQ(5100, two.fill_bytes);
	EXPECT_EQ(2, two.objects);
	EXPECT_LT(one.used, two.used);
	EXPECT_EQ(0, two.evictions);
	EXPECT_EQ(0, one.expired);
	ASSERT_OK(zct_purge_tag(self->s.fd, 1, ZC_PURGE_SOFT, &p));
	EXPECT_EQ(-ENOENT, zct_get_data(self->s.fd, "k", buf, 100, 0));
	ASSERT_OK(zct_tag_get(&self->s, 1, &one));
	EXPECT_EQ(1, one.expired);
	zct_msg_free(&m);
	close(sv[0]);
	close(sv[1]);
}

TEST_F(tag, purge)
{
	const __u64 both[] = { 1, 2 };
	struct zc_purge p;
	struct zct_tag t;
	char buf[100];
	int fd;

	ASSERT_OK(zct_put_tag(self->s.fd, "one", 100, 1));
	ASSERT_OK(zct_put_tag(self->s.fd, "large", 300000, 1));
	ASSERT_OK(zct_put_tags(self->s.fd, "both", 100, both, 2));
	ASSERT_OK(zct_put_tag(self->s.fd, "two", 100, 2));
	ASSERT_OK(zct_put_pattern(self->s.fd, "none", 1, 1, 100, NULL));
	EXPECT_EQ(3, zct_tag_listed(&self->s, 1));
	EXPECT_EQ(2, zct_tag_listed(&self->s, 2));
	EXPECT_EQ(0, zct_tag_listed(&self->s, 3));
	EXPECT_EQ(-EINVAL, zct_tag_listed(&self->s, 0));
	fd = zct_open_key(self->s.fd, "large");
	ASSERT_FD(fd);
	ASSERT_OK(zct_tag_get(&self->s, 1, &t));
	ASSERT_OK(zct_purge_tag(self->s.fd, 1, 0, &p));
	EXPECT_EQ(3, p.objects);
	EXPECT_EQ(t.used, p.bytes);
	/* at once, whatever is still to be swept */
	EXPECT_ERR(ENOENT, has(self->s.fd, "one"));
	EXPECT_ERR(ENOENT, has(self->s.fd, "large"));
	EXPECT_ERR(ENOENT, has(self->s.fd, "both"));
	EXPECT_ERR(ENOENT, zct_delete_key(self->s.fd, "one"));
	EXPECT_ERR(ENOENT, zct_get_data(self->s.fd, "one", buf, 100, 0));
	EXPECT_EQ(0, zct_tag_listed(&self->s, 1));
	EXPECT_EQ(1, zct_tag_listed(&self->s, 2));
	EXPECT_OK(has(self->s.fd, "two"));
	EXPECT_OK(has(self->s.fd, "none"));
	/* who has it open reads on */
	EXPECT_OK(zct_verify_fd(fd, 1, 1, 300000));
	close(fd);
	/* the key is free, and what comes later stays */
	ASSERT_OK(zct_put_tag(self->s.fd, "one", 50, 1));
	EXPECT_OK(zct_verify_key(self->s.fd, "one", 1, 1, 50));
	while (zct_objects(&self->s) != 3)
		sched_yield();
	EXPECT_OK(has(self->s.fd, "one"));
	ASSERT_OK(zct_delete_key(self->s.fd, "one"));
	ASSERT_OK(zct_delete_key(self->s.fd, "two"));
	ASSERT_OK(zct_delete_key(self->s.fd, "none"));
	zct_wait_used(&self->s, 0);
}

TEST_F(tag, soft_purge)
{
	struct zc_get get = { .key = ZC_ADDR("k"), .key_len = 1 };
	struct zc_touch touch = { .key = ZC_ADDR("k"), .key_len = 1,
				  .flags = ZC_TOUCH_EXPIRES | ZC_TOUCH_EXPIRED_OK };
	struct zc_purge p;
	struct zct_tag t;
	char buf[10];

	get.buf = ZC_ADDR(buf);
	get.buf_len = sizeof(buf);
	ASSERT_OK(zct_put_tag(self->s.fd, "k", 10, 1));
	ASSERT_OK(zct_put_tag(self->s.fd, "other", 10, 2));
	ASSERT_OK(zct_purge_tag(self->s.fd, 1, ZC_PURGE_SOFT, &p));
	EXPECT_EQ(1, p.objects);
	EXPECT_ERR(ENOENT, zct_get(self->s.fd, &get));
	EXPECT_OK(has(self->s.fd, "other"));
	get.flags = ZC_GET_EXPIRED_OK;
	EXPECT_OK(zct_get(self->s.fd, &get));
	ASSERT_OK(zct_tag_get(&self->s, 1, &t));
	EXPECT_EQ(1, t.objects);
	/* one that is found to be right is made fresh, at once and for good */
	ASSERT_OK(zct_touch(self->s.fd, &touch));
	get.flags = 0;
	EXPECT_OK(zct_get(self->s.fd, &get));
	/* and can be purged again */
	ASSERT_OK(zct_purge_tag(self->s.fd, 1, ZC_PURGE_SOFT, &p));
	EXPECT_ERR(ENOENT, zct_get(self->s.fd, &get));
	/* a new version is fresh */
	ASSERT_OK(zct_put_tag(self->s.fd, "k", 10, 1));
	get.generation = 0;
	EXPECT_OK(zct_get(self->s.fd, &get));
	/* soft, then hard */
	ASSERT_OK(zct_purge_tag(self->s.fd, 1, ZC_PURGE_SOFT, &p));
	ASSERT_OK(zct_purge_tag(self->s.fd, 1, 0, &p));
	get.flags = ZC_GET_EXPIRED_OK;
	EXPECT_ERR(ENOENT, zct_get(self->s.fd, &get));
}

/* What is purged softly goes by itself once the grace is over. */
TEST_F(tag, soft_purge_swept)
{
	const struct zc_nl_cfg cfg = { .name = self->s.name, .set = ZC_NL_SET(GRACE) };
	struct zc_purge p;

	ASSERT_OK(zc_nl_store_set(&cfg));
	ASSERT_OK(zct_put_tag(self->s.fd, "k", 10, 1));
	ASSERT_OK(zct_put_tag(self->s.fd, "l", 300000, 1));
	ASSERT_OK(zct_purge_tag(self->s.fd, 1, ZC_PURGE_SOFT, &p));
	zct_wait_used(&self->s, 0);
	EXPECT_EQ(0, zct_objects(&self->s));
}

/* Many objects: gone for who looks, whatever the work has done so far. */
TEST_F(tag, purge_many)
{
	const struct zc_nl_cfg cfg = { .name = self->s.name, .capacity = 64 * MiB,
				       .set = ZC_NL_SET(CAPACITY) };
	const unsigned int nr = zct_times(5000);
	struct zc_purge p;
	char key[32];
	unsigned int i, n;

	ASSERT_OK(zc_nl_store_set(&cfg));
	for (i = 0; i < nr; i++) {
		snprintf(key, sizeof(key), "key-%u", i);
		ASSERT_OK(zct_put_tag(self->s.fd, key, 10, 1 + i % 2));
	}
	ASSERT_OK(zct_purge_tag(self->s.fd, 1, 0, &p));
	EXPECT_EQ(nr / 2, p.objects);
	EXPECT_EQ(0, zct_tag_listed(&self->s, 1));
	for (i = n = 0; i < nr; i++) {
		snprintf(key, sizeof(key), "key-%u", i);
		n += has(self->s.fd, key) == (i % 2 ? 0 : -ENOENT);
	}
	EXPECT_EQ(nr, n);
	zct_wait_count(&self->s, ZC_C_PURGED_OBJECTS, nr / 2);
	EXPECT_EQ(nr / 2, zct_objects(&self->s));
}

TEST_F(tag, quota)
{
	struct zc_nl_store before;
	struct zct_tag t;
	char key[32];
	int i, fd, fill;

	ASSERT_OK(zct_tag_set(&self->s, 1, MiB, ZCT_KEEP));
	ASSERT_OK(zct_put_pattern(self->s.fd, "other", 1, 1, 100000, NULL));
	for (i = 0; i < 40; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		ASSERT_OK(zct_put_tag(self->s.fd, key, 100000, 1));
		ASSERT_OK(zct_tag_get(&self->s, 1, &t));
		EXPECT_GE(MiB, t.used);
	}
	/* its own went, the oldest first, and no other's */
	EXPECT_ERR(ENOENT, has(self->s.fd, "k0"));
	EXPECT_OK(has(self->s.fd, "k39"));
	EXPECT_OK(has(self->s.fd, "other"));
	EXPECT_EQ(40, t.objects + t.evictions);
	EXPECT_EQ(t.evictions, zct_count(&self->s, ZC_C_EVICTIONS));
	/* more than it all */
	EXPECT_ERR(EDQUOT, zct_put_tag(self->s.fd, "big", MiB, 1));
	EXPECT_OK(has(self->s.fd, "k39"));
	/* what is in use stays, and is in the way */
	fd = zct_open_key(self->s.fd, "k39");
	ASSERT_FD(fd);
	EXPECT_ERR(EDQUOT, zct_put_tag(self->s.fd, "big", 950000, 1));
	EXPECT_OK(has(self->s.fd, "k39"));
	close(fd);
	ASSERT_OK(zct_put_tag(self->s.fd, "big", 950000, 1));
	/* a fill counts from its start */
	{
		__u64 one = 1;
		struct zc_put p = { .key = ZC_ADDR("f"), .key_len = 1, .data_len = 900000,
				    .tags = ZC_ADDR(&one), .nr_tags = 1 };

		ASSERT_OK(zct_fill(self->s.fd, &p));
		fill = p.fd;
		ASSERT_OK(zct_tag_get(&self->s, 1, &t));
		EXPECT_LE(900000, t.used);
		EXPECT_EQ(0, t.objects);
		close(fill);
		ASSERT_OK(zct_tag_get(&self->s, 1, &t));
		EXPECT_EQ(0, t.used);
	}
	/* lowered, it evicts; with none, the capacity is the limit */
	ASSERT_OK(zct_put_tag(self->s.fd, "a", 400000, 1));
	ASSERT_OK(zct_put_tag(self->s.fd, "b", 400000, 1));
	ASSERT_OK(zct_tag_set(&self->s, 1, 500000, ZCT_KEEP));
	ASSERT_OK(zct_tag_get(&self->s, 1, &t));
	EXPECT_GE(500000, t.used);
	EXPECT_EQ(1, t.objects);
	ASSERT_OK(zct_tag_set(&self->s, 1, 0, ZCT_KEEP));
	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	ASSERT_OK(zct_put_tag(self->s.fd, "big", 2 * MiB, 1));
	EXPECT_OK(zct_deltas(&self->s, &before, (const struct zct_delta[]){
		{ ZC_C_PUTS, 1 }, { ZC_C_FILL_BYTES, 2 * MiB } }, 2));
}

TEST_F(tag, floor)
{
	struct zc_purge p;
	struct zct_tag t;
	char key[32];
	int i;

	ASSERT_OK(zct_tag_set(&self->s, 1, 0, 4 * MiB));
	for (i = 0; i < 50; i++) {
		snprintf(key, sizeof(key), "mine%d", i);
		ASSERT_OK(zct_put_tag(self->s.fd, key, 100000, 1));
	}
	/* others fill the store several times */
	for (i = 0; i < (zct_slow() ? 200 : 500); i++) {
		snprintf(key, sizeof(key), "other%d", i);
		ASSERT_OK(zct_put_tag(self->s.fd, key, 100000, 2));
	}
	ASSERT_OK(zct_tag_get(&self->s, 1, &t));
	EXPECT_LE(4 * MiB - 110000, t.used);
	/* what is above its floor is as anything else */
	EXPECT_GT(50, t.objects);
	EXPECT_EQ(50, t.objects + t.evictions);
	/* its own new ones make its own old ones go, if nothing else can */
	ASSERT_OK(zct_tag_set(&self->s, 2, 0, 12 * MiB));
	for (i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "new%d", i);
		ASSERT_OK(zct_put_tag(self->s.fd, key, 100000, 1));
	}
	EXPECT_OK(has(self->s.fd, "new99"));
	ASSERT_OK(zct_tag_get(&self->s, 2, &t));
	EXPECT_LE(11 * MiB, t.used);
	/* nothing without a tag finds room where all is protected */
	ASSERT_OK(zct_tag_set(&self->s, 2, 0, 0));
	ASSERT_OK(zct_purge_tag(self->s.fd, 2, 0, &p));
	/* the room of what is swept only later would be left over */
	while (zct_tag_get(&self->s, 2, &t) != -ENOENT)
		sched_yield();
	ASSERT_OK(zct_tag_set(&self->s, 1, 0, 16 * MiB));
	for (i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "all%d", i);
		ASSERT_OK(zct_put_tag(self->s.fd, key, 100000, 1));
	}
	/* which only the system's own want of memory may have taken any of */
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_SHRINKS));
	EXPECT_ERR(ENOSPC, zct_put_pattern(self->s.fd, "none", 1, 1, 100000, NULL));
	ASSERT_OK(zct_tag_set(&self->s, 1, 0, 0));
	EXPECT_OK(zct_put_pattern(self->s.fd, "none", 1, 1, 100000, NULL));
}

/* However much is wanted at once, and whatever is held besides. */
TEST_F(tag, floor_at_once)
{
	char key[32];
	int i, fds[10];

	ASSERT_OK(zct_tag_set(&self->s, 1, 0, 4 * MiB));
	for (i = 0; i < 10; i++) {
		snprintf(key, sizeof(key), "held%d", i);
		ASSERT_OK(zct_put_tag(self->s.fd, key, 100000, 1));
		fds[i] = zct_open_key(self->s.fd, key);
		ASSERT_FD(fds[i]);
		ASSERT_OK(zct_delete_key(self->s.fd, key));
	}
	for (i = 0; i < 120; i++) {
		snprintf(key, sizeof(key), "mine%d", i);
		ASSERT_OK(zct_put_tag(self->s.fd, key, 100000, 1));
	}
	EXPECT_ERR(ENOSPC, zct_put_pattern(self->s.fd, "big", 1, 1, 12 * MiB, NULL));
	EXPECT_LE(39, zct_tag_listed(&self->s, 1));
	EXPECT_GE(41, zct_tag_listed(&self->s, 1));
	for (i = 0; i < 10; i++)
		close(fds[i]);
}

/* What can never be evicts nothing, whichever of its tags says so. */
TEST_F(tag, never_fits)
{
	const __u64 one[] = { 1, 2 }, other[] = { 2, 1 };

	ASSERT_OK(zct_tag_set(&self->s, 1, 2 * MiB, 0));
	ASSERT_OK(zct_tag_set(&self->s, 2, 100000, 0));
	ASSERT_OK(zct_put_tag(self->s.fd, "k", MiB, 1));
	EXPECT_ERR(EDQUOT, zct_put_tags(self->s.fd, "big", MiB, one, 2));
	EXPECT_ERR(EDQUOT, zct_put_tags(self->s.fd, "big", MiB, other, 2));
	EXPECT_OK(has(self->s.fd, "k"));
	ASSERT_OK(zct_tag_set(&self->s, 1, 20 * MiB, 0));
	EXPECT_ERR(ENOSPC, zct_put_tag(self->s.fd, "big", 16 * MiB, 1));
	EXPECT_OK(has(self->s.fd, "k"));
}

/* A quota is kept at the cost of no other tag's floor. */
TEST_F(tag, quota_and_floor)
{
	const __u64 both[] = { 1, 2 };
	char key[32];
	int i;

	ASSERT_OK(zct_tag_set(&self->s, 1, MiB, 0));
	ASSERT_OK(zct_tag_set(&self->s, 2, 0, 4 * MiB));
	for (i = 0; i < 9; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		ASSERT_OK(zct_put_tags(self->s.fd, key, 100000, both, 2));
	}
	EXPECT_ERR(EDQUOT, zct_put_tag(self->s.fd, "one", 300000, 1));
	EXPECT_EQ(9, zct_tag_listed(&self->s, 2));
	EXPECT_OK(zct_put_tags(self->s.fd, "two", 300000, both, 2));
	EXPECT_GT(9, zct_tag_listed(&self->s, 2));
}

/* All of a store is one tag's: it still fills, and opens what it has. */
TEST_F(tag, own_room)
{
	__u64 tags[] = { 1, 9 };
	struct zc_put p = { .key = ZC_ADDR("f"), .key_len = 1, .data_len = 100000,
			    .tags = ZC_ADDR(tags), .nr_tags = 2 };
	char key[32];
	int i, fd;

	ASSERT_OK(zct_tag_set(&self->s, 1, 0, 16 * MiB));
	for (i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		ASSERT_OK(zct_put_tag(self->s.fd, key, 100000, 1));
	}
	ASSERT_OK(zct_fill(self->s.fd, &p));
	close(p.fd);
	ASSERT_OK(zct_put_tag(self->s.fd, "small", 100, 1));
	fd = zct_open_key(self->s.fd, "small");
	ASSERT_FD(fd);
	close(fd);
}

/* To open an inline object takes room of its tag. */
TEST_F(tag, open_is_charged)
{
	struct zct_tag before, after;
	int fd;

	ASSERT_OK(zct_put_tag(self->s.fd, "k", 100, 1));
	ASSERT_OK(zct_tag_get(&self->s, 1, &before));
	ASSERT_OK(zct_tag_set(&self->s, 1, before.used + 1000, 0));
	EXPECT_ERR(EDQUOT, zct_open_key(self->s.fd, "k"));
	ASSERT_OK(zct_tag_get(&self->s, 1, &after));
	EXPECT_EQ(before.used, after.used);
	ASSERT_OK(zct_tag_set(&self->s, 1, before.used + 100000, 0));
	fd = zct_open_key(self->s.fd, "k");
	ASSERT_FD(fd);
	ASSERT_OK(zct_tag_get(&self->s, 1, &after));
	EXPECT_LE(before.used + 4096, after.used);
	close(fd);
}

/* An object fd has expired with its object, and stays so. */
TEST_F(tag, fd_of_expired)
{
	struct zc_get get = { .flags = ZC_GET_FD };
	struct zc_purge p;
	char buf[10];
	int i;

	ASSERT_OK(zct_put_tag(self->s.fd, "k", 10, 1));
	get.fd = zct_open_key(self->s.fd, "k");
	ASSERT_FD(get.fd);
	get.buf = ZC_ADDR(buf);
	get.buf_len = sizeof(buf);
	ASSERT_OK(zct_put_tag(self->s.fd, "k", 10, 1));
	ASSERT_OK(zct_purge_tag(self->s.fd, 1, ZC_PURGE_SOFT, &p));
	for (i = 0; i < 100; i++)
		EXPECT_ERR(ENOENT, zct_get(self->s.fd, &get));
	get.flags |= ZC_GET_EXPIRED_OK;
	EXPECT_OK(zct_get(self->s.fd, &get));
	close(get.fd);
}

TEST_F(tag, dump)
{
	const unsigned int nr = zct_times(1000);
	struct nl_msg *msg;
	struct zct_tag t = { 0 };
	char key[32];
	unsigned int i;

	for (i = 1; i <= nr; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		ASSERT_OK(zct_put_tag(self->s.fd, key, 10, i * 0x123456789ULL));
	}
	msg = zc_nl_msg(ZCACHE_CMD_TAG_GET, NLM_F_DUMP);
	nla_put_string(msg, ZCACHE_A_TAG_STORE, self->s.name);
	ASSERT_OK(zc_nl_call(msg, zct_on_tag, &t));
	EXPECT_FALSE(zc_nl_interrupted());
	EXPECT_EQ(nr, t.seen);
	EXPECT_EQ(1, t.objects);
	msg = zc_nl_msg(ZCACHE_CMD_TAG_GET, NLM_F_DUMP);
	nla_put_string(msg, ZCACHE_A_TAG_STORE, "no-such-store");
	EXPECT_ERR(ENOENT, zc_nl_call(msg, zct_on_tag, &t));
}

/* A store goes with its tags, their limits, and purges under way. */
TEST_F(tag, store_end)
{
	const unsigned int nr = zct_times(2000);
	struct zct_store s;
	struct zc_purge p;
	char key[32];
	unsigned int i;

	ASSERT_OK(zct_store_new(&s, NULL));
	for (i = 0; i < nr; i++) {
		snprintf(key, sizeof(key), "k%u", i);
		ASSERT_OK(zct_put_tag(s.fd, key, 10, 1 + i % 3));
	}
	ASSERT_OK(zct_tag_set(&s, 1, MiB, MiB));
	ASSERT_OK(zct_tag_set(&s, 77, MiB, 0));
	ASSERT_OK(zct_purge_tag(s.fd, 1, 0, &p));
	ASSERT_OK(zct_purge_tag(s.fd, 2, ZC_PURGE_SOFT, &p));
	EXPECT_OK(zc_nl_store_del(s.name, true));
	EXPECT_ERR(ENODEV, zct_put_tag(s.fd, "k", 10, 1));
	EXPECT_ERR(ENODEV, zct_purge_tag(s.fd, 1, 0, &p));
	close(s.fd);
}

TEST_HARNESS_MAIN
