// SPDX-License-Identifier: GPL-2.0-only
/* Who decides that bytes are copied, when, and how it is counted. */
#include <fcntl.h>
#include <sched.h>
#include <sys/socket.h>
#include <netlink/genl/genl.h>

#include "zc_harness.h"
#include "zc_msg.h"
#include "zc_net.h"

#define LEN	((zct_slow() ? MiB / 2 : MiB) + 77)

/* Between the two ranges that are sent. */
#define THRESHOLD	65536

FIXTURE(copy) {
	struct zct_store s;
	int sv[2];
	struct zct_obj k, tiny;
	struct zct_msg m;
	struct zc_send send;
	struct zct_net net;
	char mark[96];
};

FIXTURE_SETUP(copy)
{
	const struct zc_nl_cfg cfg = { .splice_threshold = THRESHOLD,
				       .set = ZC_NL_SET(SPLICE_THRESHOLD) };

	ZCT_START(copy);
	ASSERT_OK(zct_store_new(&self->s, &cfg));
	self->k = (struct zct_obj){ "k", 1, 1, LEN, 300 };
	self->tiny = (struct zct_obj){ "tiny", 2, 1, 1000, 0 };
	ASSERT_OK(zct_obj_put(self->s.fd, &self->k));
	ASSERT_OK(zct_obj_put(self->s.fd, &self->tiny));
	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
	zct_msg_new(&self->m, 4 * MiB);
	zct_msg_inline(&self->m, "begin", 5);
	zct_msg_to_end(&self->m, &self->k, 0);
	zct_msg_range(&self->m, &self->k, 5, 5000);
}

FIXTURE_TEARDOWN(copy)
{
	zct_net_end(&self->net);
	zct_msg_free(&self->m);
	close(self->sv[0]);
	close(self->sv[1]);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

/* The call's own object and those that its parts name. */
static unsigned int objects(const struct zct_msg *m)
{
	unsigned int i, n = 1;

	for (i = 0; i < m->nr; i++)
		n += m->part[i].type == ZC_PART_SELECT;
	return n;
}

/* Sends self->send as a whole; of it @by_reference bytes, for no reason or one. */
#define EXPECT_WAY(by_reference, reason) \
	do { \
		struct zct_delta d_[] = { \
			{ ZC_C_HITS, objects(&self->m) }, { ZC_C_SENDS, 1 }, \
			{ ZC_C_SPLICED_BYTES, by_reference }, \
			{ ZC_C_COPIED_BYTES, self->m.len - (by_reference) }, \
			{ ZC_C_FALLBACKS, 1 }, { reason, 1 }, \
		}; \
		struct zc_nl_store before_; \
		struct zct_rx rx_ = { 0 }; \
		ASSERT_OK(zc_nl_store_get(self->s.name, &before_)); \
		ASSERT_OK(zct_rx_start(&rx_, self->sv[1])); \
		EXPECT_OK(zct_send(self->s.fd, &self->send)); \
		EXPECT_EQ(self->m.len, self->send.sent); \
		EXPECT_EQ(0, zct_deltas(&self->s, &before_, d_, (reason) < 0 ? 4 : 6)); \
		EXPECT_MESSAGE(&self->m, self->sv[0], &rx_); \
		close(self->sv[0]); \
		close(self->sv[1]); \
		ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv)); \
		self->send.sock = self->sv[0]; \
	} while (0)
#define NO_REASON	-1

static int set_copy(FIXTURE_DATA(copy) *self, __u32 copy)
{
	const struct zc_nl_cfg cfg = { .name = self->s.name, .copy = copy,
				       .set = ZC_NL_SET(COPY) };

	return zc_nl_store_set(&cfg);
}

static int set_threshold(FIXTURE_DATA(copy) *self, __u64 threshold)
{
	const struct zc_nl_cfg cfg = { .name = self->s.name, .splice_threshold = threshold,
				       .set = ZC_NL_SET(SPLICE_THRESHOLD) };

	return zc_nl_store_set(&cfg);
}

/* From the beginning, by a change, and back again. */
TEST_F(copy, always)
{
	const struct zc_nl_cfg cfg = {
		.copy = ZCACHE_COPY_ALWAYS, .splice_threshold = THRESHOLD,
		.set = ZC_NL_SET(COPY) | ZC_NL_SET(SPLICE_THRESHOLD),
	};
	struct zct_store mine = self->s, other;

	ASSERT_OK(zct_store_new(&other, &cfg));
	self->s = other;
	ASSERT_OK(zct_obj_put(self->s.fd, &self->k));
	self->send = zct_msg_send(&self->m, "k", self->sv[0]);
	EXPECT_WAY(0, ZC_C_FALLBACKS_ASKED);
	/* asked for twice is one reason */
	self->send.flags = ZC_SEND_COPY;
	EXPECT_WAY(0, ZC_C_FALLBACKS_ASKED);
	self->send.flags = 0;
	ASSERT_OK(set_copy(self, ZCACHE_COPY_NEVER));
	EXPECT_WAY(LEN, NO_REASON);
	ASSERT_OK(set_copy(self, ZCACHE_COPY_ALWAYS));
	EXPECT_WAY(0, ZC_C_FALLBACKS_ASKED);
	self->s = mine;
	EXPECT_OK(zct_store_end(&other));
}

TEST_F(copy, local)
{
	int err;

	ASSERT_OK(set_copy(self, ZCACHE_COPY_LOCAL));
	self->send = zct_msg_send(&self->m, "k", self->sv[0]);
	EXPECT_WAY(0, ZC_C_FALLBACKS_LOCAL);
	close(self->sv[0]);
	close(self->sv[1]);
	ASSERT_OK(zct_tcp_pair(ZCT_V6, self->sv));
	self->send.sock = self->sv[0];
	EXPECT_WAY(0, ZC_C_FALLBACKS_LOCAL);
	err = zct_net_new(&self->net);
	if (err == -EOPNOTSUPP)
		SKIP(return, "no veth devices, or no ip");
	ASSERT_OK(err);
	close(self->sv[0]);
	close(self->sv[1]);
	ASSERT_OK(zct_net_pair(&self->net, ZCT_V4, false, self->sv));
	self->send.sock = self->sv[0];
	EXPECT_WAY(LEN, NO_REASON);
	close(self->sv[0]);
	close(self->sv[1]);
	ASSERT_OK(zct_net_pair(&self->net, ZCT_V6, false, self->sv));
	self->send.sock = self->sv[0];
	EXPECT_WAY(LEN, NO_REASON);
}

TEST_F(copy, by_call)
{
	self->send = zct_msg_send(&self->m, "k", self->sv[0]);
	self->send.flags = ZC_SEND_COPY;
	EXPECT_WAY(0, ZC_C_FALLBACKS_ASKED);
	self->send.flags = 0;
	EXPECT_WAY(LEN, NO_REASON);
	/* short ranges are copied anyhow: nothing to count */
	zct_msg_clear(&self->m);
	zct_msg_range(&self->m, &self->k, 0, THRESHOLD - 1);
	self->send = zct_msg_send(&self->m, "k", self->sv[0]);
	self->send.flags = ZC_SEND_COPY;
	EXPECT_WAY(0, NO_REASON);
}

TEST_F(copy, threshold_of_call)
{
	self->send = zct_msg_send(&self->m, "k", self->sv[0]);
	self->send.threshold = 5001;
	EXPECT_WAY(LEN, NO_REASON);
	self->send.threshold = 5000;
	EXPECT_WAY(LEN + 5000, NO_REASON);
	self->send.threshold = 1;
	EXPECT_WAY(LEN + 5000, NO_REASON);
	self->send.threshold = LEN;
	EXPECT_WAY(LEN, NO_REASON);
	self->send.threshold = LEN + 1;
	EXPECT_WAY(0, NO_REASON);
	self->send.threshold = ~0ULL;
	EXPECT_WAY(0, NO_REASON);
	/* it stands before the store's, which stands again without it */
	ASSERT_OK(set_threshold(self, 500));
	EXPECT_WAY(0, NO_REASON);
	self->send.threshold = 0;
	EXPECT_WAY(LEN + 5000, NO_REASON);
}

/* Few bytes are not worth holding a large folio, whatever the threshold. */
TEST_F(copy, few_bytes)
{
	zct_msg_clear(&self->m);
	zct_msg_to_end(&self->m, &self->k, 0);
	self->send = zct_msg_send(&self->m, "k", self->sv[0]);
	self->send.threshold = 1;
	self->send.max_bytes = 4095;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(4095, self->send.sent);
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_SPLICED_BYTES));
	EXPECT_EQ(4095, zct_count(&self->s, ZC_C_COPIED_BYTES));
	self->send.skip = LEN - 4095;
	self->send.max_bytes = 0;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(4095, self->send.sent);
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_SPLICED_BYTES));
	self->send.skip = LEN - 4096;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(4096, self->send.sent);
	EXPECT_EQ(4096, zct_count(&self->s, ZC_C_SPLICED_BYTES));
	EXPECT_EQ(2 * 4095, zct_count(&self->s, ZC_C_COPIED_BYTES));
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_FALLBACKS));
}

/* Slab memory cannot be passed on. */
TEST_F(copy, inline_object)
{
	zct_msg_clear(&self->m);
	zct_msg_to_end(&self->m, &self->tiny, 0);
	self->send = zct_msg_send(&self->m, "tiny", self->sv[0]);
	EXPECT_WAY(0, NO_REASON);
	self->send.threshold = 1000;
	EXPECT_WAY(0, ZC_C_FALLBACKS_INLINE);
	self->send.threshold = 1001;
	EXPECT_WAY(0, NO_REASON);
	/* next to one that can: that one is */
	zct_msg_select(&self->m, "k", 0);
	zct_msg_to_end(&self->m, &self->k, 0);
	self->send = zct_msg_send(&self->m, "tiny", self->sv[0]);
	self->send.threshold = 1;
	EXPECT_WAY(LEN, ZC_C_FALLBACKS_INLINE);
}

TEST_F(copy, set_shows)
{
	struct zc_nl_cfg both = { .name = self->s.name, .splice_threshold = 7,
				  .copy = ZCACHE_COPY_LOCAL,
				  .set = ZC_NL_SET(COPY) | ZC_NL_SET(SPLICE_THRESHOLD) };
	struct zc_nl_store old, now;
	struct zc_info info = { 0 };

	ASSERT_OK(zc_nl_store_get(self->s.name, &old));
	EXPECT_EQ(THRESHOLD, old.splice_threshold);
	EXPECT_EQ(ZCACHE_COPY_NEVER, old.copy);
	ASSERT_OK(set_threshold(self, 12345));
	ASSERT_OK(zc_nl_store_get(self->s.name, &now));
	EXPECT_EQ(12345, now.splice_threshold);
	EXPECT_EQ(ZCACHE_COPY_NEVER, now.copy);
	ASSERT_OK(set_copy(self, ZCACHE_COPY_ALWAYS));
	ASSERT_OK(zc_nl_store_get(self->s.name, &now));
	EXPECT_EQ(12345, now.splice_threshold);
	EXPECT_EQ(ZCACHE_COPY_ALWAYS, now.copy);
	ASSERT_OK(zct_info(self->s.fd, &info));
	EXPECT_EQ(12345, info.splice_threshold);
	ASSERT_OK(zc_nl_store_set(&both));
	ASSERT_OK(zc_nl_store_get(self->s.name, &now));
	EXPECT_EQ(7, now.splice_threshold);
	EXPECT_EQ(ZCACHE_COPY_LOCAL, now.copy);
	/* a change of nothing is one */
	both.set = 0;
	EXPECT_OK(zc_nl_store_set(&both));
	ASSERT_OK(set_threshold(self, 0));
	ASSERT_OK(zc_nl_store_get(self->s.name, &now));
	EXPECT_EQ(0, now.splice_threshold);
	/* and all the rest stayed */
	now.splice_threshold = old.splice_threshold;
	now.copy = old.copy;
	EXPECT_EQ(0, memcmp(&old, &now, sizeof(old)));
}

/* A refusal has an errno and a sentence. */
#define EXPECT_REFUSED(error, call) \
	do { \
		EXPECT_ERR(error, call); \
		EXPECT_LT(5, strlen(zc_nl_extack())) TH_LOG("no sentence with " #error); \
	} while (0)

static struct nl_msg *set_msg(const char *name)
{
	struct nl_msg *msg = zc_nl_msg(ZCACHE_CMD_STORE_SET, 0);

	if (name)
		nla_put_string(msg, ZCACHE_A_STORE_NAME, name);
	return msg;
}

TEST_F(copy, set_refused)
{
	struct zc_nl_store old, now;
	struct nl_msg *msg;
	int status, err;
	pid_t pid;

	ASSERT_OK(zc_nl_store_get(self->s.name, &old));
	EXPECT_REFUSED(ENOENT, zc_nl_call(set_msg("no-such-store"), NULL, NULL));
	EXPECT_REFUSED(EINVAL, zc_nl_call(set_msg(NULL), NULL, NULL));
	err = set_copy(self, ZCACHE_COPY_ALWAYS + 1);
	EXPECT_TRUE(err == -EINVAL || err == -ERANGE) TH_LOG("%d", err);
	EXPECT_LT(0, strlen(zc_nl_extack()));
	err = set_copy(self, ~0U);
	EXPECT_TRUE(err == -EINVAL || err == -ERANGE) TH_LOG("%d", err);
	/* a number of the wrong size; what cannot be changed */
	msg = set_msg(self->s.name);
	nla_put_u64(msg, ZCACHE_A_STORE_COPY, 0);
	EXPECT_NE(0, zc_nl_call(msg, NULL, NULL));
	msg = set_msg(self->s.name);
	nla_put_u32(msg, ZCACHE_A_STORE_SPLICE_THRESHOLD, 1);
	EXPECT_NE(0, zc_nl_call(msg, NULL, NULL));
	msg = set_msg(self->s.name);
	nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, 1);
	EXPECT_REFUSED(EINVAL, zc_nl_call(msg, NULL, NULL));
	/* a good value next to a bad one is not taken */
	msg = set_msg(self->s.name);
	nla_put_u64(msg, ZCACHE_A_STORE_SPLICE_THRESHOLD, 99);
	nla_put_u32(msg, ZCACHE_A_STORE_COPY, 99);
	EXPECT_NE(0, zc_nl_call(msg, NULL, NULL));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (setgid(65534) || setuid(65534))
			_exit(1);
		_exit(set_copy(self, ZCACHE_COPY_ALWAYS) == -EPERM ? 0 : 2);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	ASSERT_OK(zc_nl_store_get(self->s.name, &now));
	EXPECT_EQ(0, memcmp(&old, &now, sizeof(old)));
}

struct changer {
	pthread_t thread;
	const char *name;
	volatile bool stop;
	unsigned int changes;
	int err;
};

static void *change(void *arg)
{
	struct changer *c = arg;
	struct zc_nl_cfg cfg = { .name = c->name,
				 .set = ZC_NL_SET(COPY) | ZC_NL_SET(SPLICE_THRESHOLD) };

	while (!c->stop && !c->err) {
		cfg.copy = c->changes % 3;
		cfg.splice_threshold = 1ULL << c->changes % 24;
		c->err = zc_nl_store_set(&cfg);
		c->changes++;
	}
	return NULL;
}

/* Under traffic each message goes one way or the other, and arrives. */
TEST_F(copy, change_under_traffic)
{
	struct changer c = { .name = self->s.name };
	unsigned int i, rounds = zct_times(300);
	struct zc_nl_store st;
	struct zct_rx rx;

	zct_msg_header(&self->m, &self->k);
	ASSERT_EQ(0, pthread_create(&c.thread, NULL, change, &c));
	for (i = 0; i < rounds || c.changes < 10; i++) {
		rx = (struct zct_rx){ 0 };
		close(self->sv[0]);
		close(self->sv[1]);
		ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
		self->send = zct_msg_send(&self->m, "k", self->sv[0]);
		ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
		ASSERT_OK(zct_send(self->s.fd, &self->send));
		ASSERT_EQ(self->m.len, self->send.sent);
		shutdown(self->sv[0], SHUT_WR);
		ASSERT_OK(zct_rx_join(&rx));
		ASSERT_EQ(self->m.len, rx.len);
		ASSERT_EQ(0, memcmp(rx.data, self->m.want, rx.len));
		zct_rx_free(&rx);
	}
	c.stop = true;
	pthread_join(c.thread, NULL);
	EXPECT_OK(c.err);
	ASSERT_OK(zc_nl_store_get(self->s.name, &st));
	EXPECT_EQ(i * self->m.len, st.count[ZC_C_SPLICED_BYTES] + st.count[ZC_C_COPIED_BYTES]);
	EXPECT_EQ(st.count[ZC_C_FALLBACKS], st.count[ZC_C_FALLBACKS_ASKED] +
		  st.count[ZC_C_FALLBACKS_LOCAL]);
}

TEST_HARNESS_MAIN
