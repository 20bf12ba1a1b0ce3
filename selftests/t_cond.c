// SPDX-License-Identifier: GPL-2.0-only
/* Conditions of a SEND: on the entity tag, on freshness, on the version. */
#include <sys/socket.h>

#include "zc_harness.h"
#include "zc_msg.h"

#define LEN	100000

FIXTURE(cond) {
	struct zct_store s;
	int sv[2];
	struct zct_obj tagged, bare, longest;
	struct zct_msg m;
	struct zc_send send;
	char mark[96];
};

static char tag128[ZC_ETAG_MAX + 2];

FIXTURE_SETUP(cond)
{
	ZCT_START(cond);
	memset(tag128, 't', ZC_ETAG_MAX);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	self->tagged = (struct zct_obj){ "tagged", 1, 1, LEN, 300, "\"v1\"" };
	self->bare = (struct zct_obj){ "bare", 2, 1, 100, 0 };
	self->longest = (struct zct_obj){ "longest", 3, 1, LEN, 0, tag128 };
	ASSERT_OK(zct_obj_put(self->s.fd, &self->tagged));
	ASSERT_OK(zct_obj_put(self->s.fd, &self->bare));
	ASSERT_OK(zct_obj_put(self->s.fd, &self->longest));
	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
	zct_msg_new(&self->m, MiB);
	zct_msg_inline(&self->m, "head", 4);
	zct_msg_to_end(&self->m, &self->tagged, 0);
}

FIXTURE_TEARDOWN(cond)
{
	zct_msg_free(&self->m);
	close(self->sv[0]);
	close(self->sv[1]);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

static int conditional(FIXTURE_DATA(cond) *self, const char *key, __u32 flags, const char *etag,
		       size_t len)
{
	self->send = zct_msg_send(&self->m, key, self->sv[0]);
	self->send.flags |= flags;
	self->send.etag = ZC_ADDR(etag);
	self->send.etag_len = len;
	return zct_send(self->s.fd, &self->send);
}

#define EXPECT_SENT(name, how, tag, bytes) \
	do { \
		EXPECT_OK(conditional(self, name, how, tag, bytes)); \
		EXPECT_EQ(self->m.len, self->send.sent); \
		EXPECT_OK(zct_msg_receive(&self->m, self->sv[1])); \
		EXPECT_OK(zct_silent(self->sv)); \
	} while (0)

/* Nothing is sent, and the caller learns of what object it would have been. */
#define EXPECT_FAILED(obj, how, tag, bytes) \
	do { \
		struct zc_nl_store before_; \
		const struct zct_delta deltas_[] = { \
			{ ZC_C_CONDITIONS_FAILED, 1 }, { ZC_C_HITS, 1 }, \
		}; \
		ASSERT_OK(zc_nl_store_get(self->s.name, &before_)); \
		EXPECT_ERR(ECANCELED, conditional(self, (obj)->key, how, tag, bytes)); \
		EXPECT_EQ(0, zct_deltas(&self->s, &before_, deltas_, 2)); \
		EXPECT_EQ((obj)->generation, self->send.generation); \
		EXPECT_EQ((obj)->len, self->send.data_len); \
		EXPECT_EQ((obj)->len <= 2048 ? zct_state_inline : 0, self->send.state); \
		EXPECT_OK(zct_silent(self->sv)); \
	} while (0)

TEST_F(cond, if_match)
{
	EXPECT_SENT("tagged", ZC_SEND_IF_MATCH, "\"v1\"", 4);
	EXPECT_EQ(self->tagged.generation, self->send.generation);
	EXPECT_FAILED(&self->tagged, ZC_SEND_IF_MATCH, "\"v2\"", 4);
	EXPECT_FAILED(&self->tagged, ZC_SEND_IF_MATCH, "\"v1\"", 3);
	EXPECT_FAILED(&self->tagged, ZC_SEND_IF_MATCH, "\"v1\"\0", 5);
	EXPECT_FAILED(&self->tagged, ZC_SEND_IF_MATCH, "W/\"v1\"", 6);
	/* bytes, not text */
	EXPECT_FAILED(&self->tagged, ZC_SEND_IF_MATCH, "\"V1\"", 4);
	EXPECT_FAILED(&self->tagged, ZC_SEND_IF_MATCH, "*", 1);
}

TEST_F(cond, if_none_match)
{
	EXPECT_FAILED(&self->tagged, ZC_SEND_IF_NONE_MATCH, "\"v1\"", 4);
	EXPECT_SENT("tagged", ZC_SEND_IF_NONE_MATCH, "\"v2\"", 4);
	EXPECT_SENT("tagged", ZC_SEND_IF_NONE_MATCH, "\"v1\"", 3);
	EXPECT_SENT("tagged", ZC_SEND_IF_NONE_MATCH, "\"v1\"\0", 5);
}

/* An object without a tag has none that could match. */
TEST_F(cond, no_tag)
{
	EXPECT_FAILED(&self->bare, ZC_SEND_IF_MATCH, "\"v1\"", 4);
	EXPECT_FAILED(&self->bare, ZC_SEND_IF_MATCH, "", 1);
	zct_msg_clear(&self->m);
	zct_msg_to_end(&self->m, &self->bare, 0);
	EXPECT_SENT("bare", ZC_SEND_IF_NONE_MATCH, "\"v1\"", 4);
}

TEST_F(cond, longest)
{
	zct_msg_clear(&self->m);
	zct_msg_to_end(&self->m, &self->longest, 0);
	EXPECT_SENT("longest", ZC_SEND_IF_MATCH, tag128, ZC_ETAG_MAX);
	EXPECT_FAILED(&self->longest, ZC_SEND_IF_NONE_MATCH, tag128, ZC_ETAG_MAX);
	EXPECT_FAILED(&self->longest, ZC_SEND_IF_MATCH, tag128, ZC_ETAG_MAX - 1);
	EXPECT_SENT("longest", ZC_SEND_IF_NONE_MATCH, tag128, 1);
}

TEST_F(cond, wrong)
{
	const __u32 both = ZC_SEND_IF_MATCH | ZC_SEND_IF_NONE_MATCH;
	static const __u32 one[] = { ZC_SEND_IF_MATCH, ZC_SEND_IF_NONE_MATCH };
	static const __u64 bad[] = { 0, ZC_BAD_LOW, ZC_BAD_KERNEL, ZC_BAD_TOP };
	unsigned int i, k;

	EXPECT_ERR(EINVAL, conditional(self, "tagged", both, "\"v1\"", 4));
	/* a tag without a condition, or a part of one */
	EXPECT_ERR(EINVAL, conditional(self, "tagged", 0, "\"v1\"", 4));
	EXPECT_ERR(EINVAL, conditional(self, "tagged", 0, "\"v1\"", 0));
	EXPECT_ERR(EINVAL, conditional(self, "tagged", 0, NULL, 4));
	for (i = 0; i < ARRAY_SIZE(one); i++) {
		EXPECT_ERR(EINVAL, conditional(self, "tagged", one[i], "\"v1\"", 0));
		EXPECT_ERR(EINVAL, conditional(self, "tagged", one[i], NULL, 0));
		EXPECT_ERR(EINVAL, conditional(self, "tagged", one[i], tag128,
					       ZC_ETAG_MAX + 1));
		EXPECT_ERR(EINVAL, conditional(self, "tagged", one[i], tag128, ~0U));
		for (k = 0; k < ARRAY_SIZE(bad); k++)
			EXPECT_ERR(EFAULT, conditional(self, "tagged", one[i], zct_at(bad[k]),
						       4));
	}
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_CONDITIONS_FAILED));
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_SENDS));
	EXPECT_OK(zct_silent(self->sv));
}

/* What comes before the condition, and what after it. */
TEST_F(cond, order)
{
	int fd;

	EXPECT_ERR(ENOENT, conditional(self, "none", ZC_SEND_IF_MATCH, "x", 1));
	/* a range that cannot be is not looked at: the object is another one */
	zct_msg_clear(&self->m);
	self->m.part[0] = (struct zc_part){ .type = ZC_PART_OBJECT, .length = LEN + 1 };
	self->m.nr = 1;
	EXPECT_FAILED(&self->tagged, ZC_SEND_IF_MATCH, "\"v2\"", 4);
	EXPECT_ERR(ERANGE, conditional(self, "tagged", ZC_SEND_IF_MATCH, "\"v1\"", 4));
	/* the version is asked for first */
	self->send = zct_msg_send(&self->m, "tagged", self->sv[0]);
	self->send.flags = ZC_SEND_IF_MATCH;
	self->send.etag = ZC_ADDR("x");
	self->send.etag_len = 1;
	self->send.generation = self->tagged.generation + 1;
	EXPECT_ERR(ESTALE, zct_send(self->s.fd, &self->send));
	/* the condition is on the call's own object, however that is named */
	fd = zct_open_key(self->s.fd, "tagged");
	ASSERT_FD(fd);
	self->tagged.version = 2;
	self->tagged.etag = "\"v2\"";
	ASSERT_OK(zct_obj_put(self->s.fd, &self->tagged));
	self->tagged.version = 1;
	zct_msg_clear(&self->m);
	zct_msg_select(&self->m, "longest", 0);
	zct_msg_to_end(&self->m, &self->longest, 0);
	self->send = zct_msg_send(&self->m, NULL, self->sv[0]);
	self->send.fd = fd;
	self->send.flags |= ZC_SEND_IF_MATCH;
	self->send.etag = ZC_ADDR("\"v1\"");
	self->send.etag_len = 4;
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_OK(zct_msg_receive(&self->m, self->sv[1]));
	EXPECT_OK(zct_silent(self->sv));
	close(fd);
}

/* With PIN too: no fd is made, none is told. */
TEST_F(cond, pinned)
{
	unsigned int fds = zct_count_fds();

	EXPECT_FAILED(&self->tagged, ZC_SEND_IF_MATCH | ZC_SEND_PIN, "x", 1);
	EXPECT_EQ(fds, zct_count_fds());
}

TEST_F(cond, freshness)
{
	struct zct_obj old = { "old", 5, 1, LEN, 0, "\"o\"", .expires_ns = zct_now() - 1 };
	struct zc_nl_store before;
	const struct zct_delta missed[] = { { ZC_C_MISSES, 1 }, { ZC_C_EXPIRED, 1 } };

	ASSERT_OK(zct_obj_put(self->s.fd, &old));
	zct_msg_clear(&self->m);
	zct_msg_to_end(&self->m, &old, 0);
	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	EXPECT_ERR(ENOENT, conditional(self, "old", 0, NULL, 0));
	EXPECT_EQ(0, zct_deltas(&self->s, &before, missed, 2));
	EXPECT_ERR(ENOENT, conditional(self, "old", ZC_SEND_IF_NONE_MATCH, "\"o\"", 3));
	EXPECT_OK(zct_silent(self->sv));
	EXPECT_SENT("old", ZC_SEND_EXPIRED_OK, NULL, 0);
	EXPECT_EQ(ZC_STATE_EXPIRED, self->send.state);
	EXPECT_ERR(ECANCELED, conditional(self, "old", ZC_SEND_EXPIRED_OK |
					  ZC_SEND_IF_NONE_MATCH, "\"o\"", 3));
	EXPECT_EQ(ZC_STATE_EXPIRED, self->send.state);
	/* one that is fresh, and one in slab memory */
	zct_msg_clear(&self->m);
	zct_msg_to_end(&self->m, &self->bare, 0);
	EXPECT_SENT("bare", 0, NULL, 0);
	EXPECT_EQ(zct_state_inline, self->send.state);
	self->bare.expires_ns = zct_now() - 1;
	ASSERT_OK(zct_obj_put(self->s.fd, &self->bare));
	EXPECT_SENT("bare", ZC_SEND_EXPIRED_OK, NULL, 0);
	EXPECT_EQ(zct_state_inline | ZC_STATE_EXPIRED, self->send.state);
	self->bare.expires_ns = zct_now() + 3600 * 1000000000LL;
	ASSERT_OK(zct_obj_put(self->s.fd, &self->bare));
	EXPECT_SENT("bare", 0, NULL, 0);
	EXPECT_EQ(zct_state_inline, self->send.state);
}

TEST_HARNESS_MAIN
