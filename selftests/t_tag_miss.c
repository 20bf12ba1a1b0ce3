// SPDX-License-Identifier: GPL-2.0-only
/* Misses by tag: who looks up says whose a miss is, as a miss has no tags. */
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zc_harness.h"
#include "zc_tag.h"

#define TAG	5
#define OTHER	6

FIXTURE(miss) {
	struct zct_store s;
	int sv[2];
	char mark[96];
};

FIXTURE_SETUP(miss)
{
	ZCT_START(miss);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	ASSERT_OK(zct_put_tag(self->s.fd, "here", 100, TAG));
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, self->sv));
}

FIXTURE_TEARDOWN(miss)
{
	close(self->sv[0]);
	close(self->sv[1]);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

#define EXPECT_COUNTS(id, hit, missed) \
	do { \
		struct zct_tag t; \
		EXPECT_OK(zct_tag_get(&self->s, id, &t)); \
		EXPECT_EQ(hit, t.hits); \
		EXPECT_EQ(missed, t.misses); \
	} while (0)

static int get(int fd, const char *key, __u64 tag, __u32 size)
{
	char room[128];
	struct zc_get g = { .size = size, .key = ZC_ADDR(key), .key_len = strlen(key),
			    .buf = ZC_ADDR(room), .buf_len = sizeof(room), .miss_tag = tag };

	return zct_get(fd, &g);
}

TEST_F(miss, by_call)
{
	struct zc_part part = { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	struct zc_part select[2] = {
		{ .type = ZC_PART_SELECT, .addr = ZC_ADDR("none"), .length = 4 }, part,
	};
	struct zc_open open = { .key = ZC_ADDR("none"), .key_len = 4, .miss_tag = TAG };
	struct zc_send send = { .size = sizeof(send), .key = ZC_ADDR("none"), .key_len = 4,
				.sock = self->sv[0], .parts = ZC_ADDR(&part), .nr_parts = 1,
				.miss_tag = TAG };
	struct zc_send other = send;
	__s32 result = 1;
	struct zc_send_batch batch = { .nr = 1, .send_size = sizeof(send),
				       .sends = ZC_ADDR(&send), .results = ZC_ADDR(&result) };

	EXPECT_COUNTS(TAG, 0, 0);
	EXPECT_ERR(ENOENT, get(self->s.fd, "none", TAG, 0));
	EXPECT_COUNTS(TAG, 0, 1);
	EXPECT_ERR(ENOENT, zct_open(self->s.fd, &open));
	EXPECT_COUNTS(TAG, 0, 2);
	EXPECT_ERR(ENOENT, zct_send(self->s.fd, &send));
	EXPECT_COUNTS(TAG, 0, 3);
	EXPECT_OK(zct_send_batch(self->s.fd, &batch));
	EXPECT_EQ(-ENOENT, result);
	EXPECT_COUNTS(TAG, 0, 4);
	/* the call's own object is there, another is not: the message cannot be, and is no hit */
	other.key = ZC_ADDR("here");
	other.parts = ZC_ADDR(select);
	other.nr_parts = 2;
	EXPECT_ERR(ENOENT, zct_send(self->s.fd, &other));
	EXPECT_COUNTS(TAG, 0, 5);
	EXPECT_EQ(5, zct_count(&self->s, ZC_C_MISSES));
	EXPECT_OK(zct_silent(self->sv));
}

/* What is no miss, or nobody's. */
TEST_F(miss, none)
{
	const __u32 old = offsetof(struct zc_get, miss_tag);
	char room[8];
	struct zc_get stale = { .key = ZC_ADDR("here"), .key_len = 4, .generation = 1ULL << 60,
				.buf = ZC_ADDR(room), .buf_len = sizeof(room), .miss_tag = TAG };
	struct zct_tag t;

	EXPECT_OK(get(self->s.fd, "here", TAG, 0));
	EXPECT_COUNTS(TAG, 1, 0);
	EXPECT_ERR(ENOENT, get(self->s.fd, "none", 0, 0));
	EXPECT_ERR(ESTALE, zct_get(self->s.fd, &stale));
	EXPECT_ERR(EINVAL, get(self->s.fd, "", TAG, 0));
	/* a struct from before it: what lies behind is not looked at */
	EXPECT_ERR(ENOENT, get(self->s.fd, "none", TAG, old));
	EXPECT_COUNTS(TAG, 1, 0);
	EXPECT_EQ(2, zct_count(&self->s, ZC_C_MISSES));
	/* a tag is not made for it */
	EXPECT_ERR(ENOENT, get(self->s.fd, "none", 99, 0));
	EXPECT_ERR(ENOENT, zct_tag_get(&self->s, 99, &t));
	EXPECT_EQ(3, zct_count(&self->s, ZC_C_MISSES));
}

/* One that has expired is a miss too, of whoever says so. */
TEST_F(miss, expired)
{
	struct zc_delete soft = { .key = ZC_ADDR("old"), .key_len = 3, .flags = ZC_DELETE_SOFT };
	struct zct_tag t;

	ASSERT_OK(zct_put_tag(self->s.fd, "old", 100, OTHER));
	ASSERT_OK(zct_delete(self->s.fd, &soft));
	EXPECT_ERR(ENOENT, get(self->s.fd, "old", TAG, 0));
	EXPECT_COUNTS(TAG, 0, 1);
	EXPECT_OK(zct_tag_get(&self->s, OTHER, &t));
	EXPECT_EQ(1, t.expired);
	EXPECT_EQ(0, t.misses);
	EXPECT_ERR(ENOENT, get(self->s.fd, "old", OTHER, 0));
	EXPECT_COUNTS(OTHER, 0, 1);
	/* with limits a tag is there without objects */
	ASSERT_OK(zct_tag_set(&self->s, 7, MiB, ZCT_KEEP));
	EXPECT_ERR(ENOENT, get(self->s.fd, "none", 7, 0));
	EXPECT_COUNTS(7, 0, 1);
	ASSERT_OK(zct_tag_set(&self->s, 7, 0, ZCT_KEEP));
}

TEST_HARNESS_MAIN
