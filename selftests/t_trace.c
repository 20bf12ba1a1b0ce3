// SPDX-License-Identifier: GPL-2.0-only
/* Tracepoints: each thing that happens is told once, with the right numbers. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "zc_harness.h"
#include "zc_msg.h"

#define TRACING	"/sys/kernel/tracing/"

FIXTURE(trace) {
	struct zct_store s;
	int sv[2];
	struct zct_msg m;
	struct zc_send send;
	char want[512];
	char mark[96];
};

static bool have_events(void)
{
	return !access(TRACING "events/zcache/zcache_lookup/enable", W_OK);
}

FIXTURE_SETUP(trace)
{
	const struct zc_nl_cfg cfg = { .capacity = 8 * MiB };

	ZCT_START(trace);
	self->s.fd = -1;
	if (!have_events())
		SKIP(return, "this kernel has no trace events, or not here");
	ASSERT_OK(zct_store_new(&self->s, &cfg));
	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
	zct_msg_new(&self->m, MiB);
	ASSERT_OK(zct_write_file(TRACING "trace", ""));
	ASSERT_OK(zct_write_file(TRACING "events/zcache/enable", "1"));
	ASSERT_OK(zct_write_file(TRACING "tracing_on", "1"));
}

FIXTURE_TEARDOWN(trace)
{
	if (self->s.fd >= 0) {
		zct_write_file(TRACING "events/zcache/enable", "0");
		zct_write_file(TRACING "trace", "");
		zct_msg_free(&self->m);
		close(self->sv[0]);
		close(self->sv[1]);
		EXPECT_OK(zct_store_end(&self->s));
	}
	ZCT_END();
}

/* Lines of the trace that have @text. */
static int traced(const char *text)
{
	FILE *f = fopen(TRACING "trace", "r");
	char line[1024];
	int n = 0;

	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		n += line[0] != '#' && strstr(line, text);
	fclose(f);
	return n;
}

#define EXPECT_TRACED(times, fmt...) \
	do { \
		snprintf(self->want, sizeof(self->want), fmt); \
		EXPECT_EQ(times, traced(self->want)) TH_LOG("%s", self->want); \
	} while (0)

TEST_F(trace, objects)
{
	const char *name = self->s.name;
	struct zc_stat st = { 0 };
	__u64 generation;
	int fill;

	ASSERT_OK(zct_put_data(self->s.fd, "a\n\xff key", "12345", 5, &generation));
	ASSERT_OK(zct_stat_key(self->s.fd, "a\n\xff key", &st));
	/* STAT is no lookup that is told */
	EXPECT_TRACED(0, "zcache_lookup: store=%s", name);
	EXPECT_TRACED(1, "zcache_commit: store=%s key=a.. key generation=%llu size=5 charge=%llu hits=0",
		      name, generation, st.charge);
	fill = zct_fill_key(self->s.fd, "filled", 0, 0);
	ASSERT_FD(fill);
	EXPECT_TRACED(1, "zcache_fill: store=%s key=filled generation=0 size=0", name);
	EXPECT_TRACED(0, "zcache_commit: store=%s key=filled", name);
	ASSERT_OK(zct_commit_fd(fill, &generation));
	close(fill);
	EXPECT_TRACED(1, "zcache_commit: store=%s key=filled generation=%llu size=0", name,
		      generation);
}

TEST_F(trace, lookups)
{
	struct zc_get g = { .key = ZC_ADDR("k"), .key_len = 1 };
	const char *name = self->s.name;
	__u64 generation;

	EXPECT_ERR(ENOENT, zct_get(self->s.fd, &g));
	EXPECT_TRACED(1, "zcache_lookup: store=%s key=k result=miss generation=0 size=0", name);
	ASSERT_OK(zct_put_data(self->s.fd, "k", "12345", 5, &generation));
	EXPECT_OK(zct_get(self->s.fd, &g));
	EXPECT_TRACED(1, "zcache_lookup: store=%s key=k result=hit generation=%llu size=5", name,
		      generation);
	g.generation = generation + 1;
	EXPECT_ERR(ESTALE, zct_get(self->s.fd, &g));
	EXPECT_TRACED(1, "zcache_lookup: store=%s key=k result=stale generation=%llu", name,
		      generation);
	{
		struct zc_delete del = { .flags = ZC_DELETE_SOFT, .key = ZC_ADDR("k"),
					 .key_len = 1 };

		ASSERT_OK(zct_delete(self->s.fd, &del));
	}
	g.generation = 0;
	EXPECT_ERR(ENOENT, zct_get(self->s.fd, &g));
	EXPECT_TRACED(1, "zcache_lookup: store=%s key=k result=expired generation=%llu", name,
		      generation);
	EXPECT_TRACED(4, "zcache_lookup: store=%s", name);
}

TEST_F(trace, sends)
{
	struct zct_obj big = { "big", 1, 1, 100000, 0 };
	const char *name = self->s.name;

	ASSERT_OK(zct_obj_put(self->s.fd, &big));
	zct_msg_inline(&self->m, "head", 4);
	zct_msg_to_end(&self->m, &big, 0);
	self->send = zct_msg_send(&self->m, "big", self->sv[0]);
	self->send.max_bytes = 10004;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_TRACED(1, "zcache_send: store=%s key=big generation=%llu skip=0 sent=10004 total=100004 err=0",
		      name, big.generation);
	EXPECT_TRACED(0, "zcache_fallback: store=%s", name);

	self->send.skip = 10004;
	self->send.max_bytes = 20000;
	self->send.flags = ZC_SEND_COPY;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_TRACED(1, "zcache_send: store=%s key=big generation=%llu skip=10004 sent=20000 total=100004 err=0",
		      name, big.generation);
	EXPECT_TRACED(1, "zcache_fallback: store=%s reason=asked", name);

	/* a full socket takes a part, then nothing */
	ASSERT_LT(0, zct_stuff(self->sv[0]));
	self->send.skip = 0;
	self->send.max_bytes = 0;
	self->send.flags = ZC_SEND_NOWAIT;
	EXPECT_ERR(EAGAIN, zct_send(self->s.fd, &self->send));
	EXPECT_TRACED(1, "zcache_send: store=%s key=big generation=%llu skip=0 sent=0 total=100004 err=-11",
		      name, big.generation);
}

TEST_F(trace, partial)
{
	struct zct_obj big = { "big", 1, 1, 6 * MiB, 0 };
	const char *name = self->s.name;

	ASSERT_OK(zct_obj_put(self->s.fd, &big));
	zct_msg_free(&self->m);
	zct_msg_new(&self->m, 7 * MiB);
	zct_msg_to_end(&self->m, &big, 0);
	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 100000));
	self->send = zct_msg_send(&self->m, "big", self->sv[0]);
	self->send.flags = ZC_SEND_NOWAIT;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	ASSERT_GT(6 * MiB, self->send.sent);
	EXPECT_TRACED(1, "zcache_partial: store=%s key=big generation=%llu skip=0 sent=%llu total=%llu err=0",
		      name, big.generation, self->send.sent, 6 * MiB);
}

TEST_F(trace, leaving)
{
	const char *name = self->s.name;
	const struct zc_nl_cfg cfg = { .name = name, .set = ZC_NL_SET(GRACE) };
	struct zc_touch t = { .flags = ZC_TOUCH_EXPIRES, .key = ZC_ADDR("3"), .key_len = 1,
			      .expires_ns = zct_now() - 1 };
	char key[16];
	int i;

	for (i = 0; i < 4; i++) {
		snprintf(key, sizeof(key), "%d", i);
		ASSERT_OK(zct_put_pattern(self->s.fd, key, 1, 1, 3 * MiB, NULL));
	}
	/* two have room */
	EXPECT_TRACED(2, "zcache_evict: store=%s", name);
	EXPECT_TRACED(1, "zcache_evict: store=%s key=0", name);
	EXPECT_TRACED(1, "zcache_evict: store=%s key=1", name);

	ASSERT_OK(zct_touch(self->s.fd, &t));
	EXPECT_TRACED(0, "zcache_expire: store=%s", name);
	ASSERT_OK(zc_nl_store_set(&cfg));
	while (zct_objects(&self->s) != 1)
		sched_yield();
	/* it is told when it is gone */
	zct_wait_count(&self->s, ZC_C_EXPIRIES, 1);
	while (zct_used(&self->s) > 4 * MiB)
		sched_yield();
	EXPECT_TRACED(1, "zcache_expire: store=%s key=3", name);
}

TEST_HARNESS_MAIN
