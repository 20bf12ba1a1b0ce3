// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a message leaves: in which segments, held back or not, over a route that
 * takes pages by reference and over one that does not.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <time.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>

#include "zc_harness.h"
#include "zc_msg.h"
#include "zc_net.h"

#define BIG	((zct_slow() ? 1 : 3) * MiB + 77)
#define HEADER	300

FIXTURE(wire) {
	struct zct_store s;
	int sv[2];
	unsigned char *buf;
	struct zc_part part[4];
	struct zc_send send;
	struct zct_net net;
	char mark[96];
};

/* What the route is like; only the last test has one. */
FIXTURE_VARIANT(wire) {
	bool sg;		/* the device has scatter-gather */
	bool md5;		/* the socket has no segmentation offload */
};

FIXTURE_VARIANT_ADD(wire, by_reference) { .sg = true };
/* TCP has the kernel segment, and flatten, what such a device is given. */
FIXTURE_VARIANT_ADD(wire, flat_device) { .sg = false };
/* With signed segments it cannot: no references, and the call must know. */
FIXTURE_VARIANT_ADD(wire, flat_route) { .sg = false, .md5 = true };

FIXTURE_SETUP(wire)
{
	struct zc_put put = { .key = ZC_ADDR("k"), .key_len = 1, .data_len = BIG,
			      .header_len = HEADER };

	ZCT_START(wire);
	self->sv[0] = self->sv[1] = -1;
	ASSERT_OK(zct_store_new(&self->s, NULL));
	self->buf = zct_alloc(BIG);
	zct_pattern(self->buf, BIG, 1, 1, 0);
	put.data = put.header = ZC_ADDR(self->buf);
	ASSERT_OK(zct_put(self->s.fd, &put));
	self->send = (struct zc_send){ .key = ZC_ADDR("k"), .key_len = 1,
				       .parts = ZC_ADDR(self->part) };
}

FIXTURE_TEARDOWN(wire)
{
	if (self->sv[0] >= 0)
		close(self->sv[0]);
	if (self->sv[1] >= 0)
		close(self->sv[1]);
	zct_net_end(&self->net);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

static unsigned int queued(int sock, unsigned long what)
{
	int bytes = -1;

	ioctl(sock, what, &bytes);
	return bytes;
}

/* What was sent has arrived, in the queue of the other side. */
static void settle(int sock)
{
	while (queued(sock, SIOCOUTQ))
		sched_yield();
}

/* Segments with data, but for those sent again: who waits for a busy machine may. */
static __u32 segments(int sock)
{
	/* the C library's struct ends before tcpi_data_segs_out */
	union {
		struct tcp_info tcp;
		unsigned char bytes[512];
	} info = { 0 };
	socklen_t len = sizeof(info);
	__u32 n = 0;

	if (!getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &len) && len >= 160)
		memcpy(&n, info.bytes + 156, sizeof(n));
	return n - info.tcp.tcpi_total_retrans;
}

static int read_and_check(FIXTURE_DATA(wire) *self, size_t len, __u64 offset)
{
	unsigned char *buf = zct_alloc(len);
	int err = zct_read_all(self->sv[1], buf, len);

	if (!err && zct_check(buf, len, 1, 1, offset) != -1)
		err = 1;
	munmap(buf, len + 1);
	return err;
}

/*
 * Header and body leave in one segment, and at once: nothing is held back for
 * more to come, also not on a socket that would.
 */
TEST_F(wire, one_segment)
{
	__u32 before;
	int nagle;

	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
	self->send.sock = self->sv[0];
	before = segments(self->sv[0]);
	for (nagle = 0; nagle < 2; nagle++) {
		ASSERT_OK(setsockopt(self->sv[0], IPPROTO_TCP, TCP_NODELAY, &(int){ !nagle },
				     sizeof(int)));
		self->part[0] = (struct zc_part){ .type = ZC_PART_INLINE, .length = 100,
						  .addr = ZC_ADDR(self->buf) };
		self->part[1] = (struct zc_part){ .type = ZC_PART_HEADER };
		self->part[2] = (struct zc_part){ .type = ZC_PART_OBJECT, .offset = 4000,
						  .length = 5000 };
		self->part[3] = (struct zc_part){ .type = ZC_PART_INLINE, .length = 2,
						  .addr = ZC_ADDR(self->buf) };
		self->send.nr_parts = 4;
		EXPECT_OK(zct_send(self->s.fd, &self->send));
		EXPECT_EQ(5402, self->send.sent);
		EXPECT_EQ(0, queued(self->sv[0], SIOCOUTQNSD));
		EXPECT_EQ(before + nagle + 1, segments(self->sv[0]));
		EXPECT_OK(read_and_check(self, 100, 0));
		EXPECT_OK(read_and_check(self, HEADER, 0));
		EXPECT_OK(read_and_check(self, 5000, 4000));
		EXPECT_OK(read_and_check(self, 2, 0));
		/* Nagle would wait for what is under way */
		settle(self->sv[0]);
	}
}

/* The end of what goes by reference is not held back either. */
TEST_F(wire, end_is_pushed)
{
	struct zct_rx rx = { 0 };
	size_t len;

	ASSERT_OK(zct_tcp_pair(ZCT_V6, self->sv));
	self->send.sock = self->sv[0];
	self->send.nr_parts = 2;
	self->part[0] = (struct zc_part){ .type = ZC_PART_HEADER };
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	for (len = 65536; len < 80000; len += 1313) {
		self->part[1] = (struct zc_part){ .type = ZC_PART_OBJECT, .length = len };
		EXPECT_OK(zct_send(self->s.fd, &self->send));
		EXPECT_EQ(HEADER + len, self->send.sent);
		/* acknowledged without another byte of ours */
		settle(self->sv[0]);
	}
	close(self->sv[0]);
	self->sv[0] = -1;
	EXPECT_OK(zct_rx_join(&rx));
	zct_rx_free(&rx);
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* MORE holds the last segment back, and what follows lets it go. */
TEST_F(wire, more)
{
	unsigned int held, before;
	size_t got = 0;
	double begin;

	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
	self->send.sock = self->sv[0];
	self->send.nr_parts = 1;
	self->part[0] = (struct zc_part){ .type = ZC_PART_OBJECT, .length = 100 };
	do {
		settle(self->sv[0]);
		before = segments(self->sv[0]);
		self->send.flags = ZC_SEND_MORE;
		begin = seconds();
		EXPECT_OK(zct_send(self->s.fd, &self->send));
		held = queued(self->sv[0], SIOCOUTQNSD);
		self->send.flags = 0;
		EXPECT_OK(zct_send(self->s.fd, &self->send));
		got += 200;
		/* after 200 ms it goes anyhow: so slow a try tells nothing */
	} while (held != 100 && seconds() - begin > 0.1);
	EXPECT_EQ(100, held);
	EXPECT_EQ(0, queued(self->sv[0], SIOCOUTQNSD));
	EXPECT_EQ(before + 1, segments(self->sv[0]));
	for (; got; got -= 100)
		EXPECT_OK(read_and_check(self, 100, 0));
}

/* --- a route that is not the loopback */

TEST_F(wire, routed)
{
	const __u64 spliced = variant->md5 ? 0 : BIG;
	struct zc_nl_store before, after;
	struct zct_rx rx = { 0 };
	int err;

	err = zct_net_new(&self->net);
	if (err == -EOPNOTSUPP)
		SKIP(return, "no veth devices, or no ip");
	ASSERT_OK(err);
	ASSERT_OK(zct_net_sg(variant->sg));
	err = zct_net_pair(&self->net, ZCT_V4, variant->md5, self->sv);
	if (err == -ENOPROTOOPT)
		SKIP(return, "this kernel signs no TCP segments");
	ASSERT_OK(err);
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	self->send.sock = self->sv[0];
	self->send.nr_parts = 1;
	self->part[0] = (struct zc_part){ .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(BIG, self->send.sent);
	ASSERT_OK(zc_nl_store_get(self->s.name, &after));
	EXPECT_EQ(spliced, after.count[ZC_C_SPLICED_BYTES] -
		  before.count[ZC_C_SPLICED_BYTES]);
	EXPECT_EQ(BIG - spliced, after.count[ZC_C_COPIED_BYTES] -
		  before.count[ZC_C_COPIED_BYTES]);
	EXPECT_EQ(variant->md5, after.count[ZC_C_FALLBACKS] -
		  before.count[ZC_C_FALLBACKS]);
	EXPECT_EQ(variant->md5, after.count[ZC_C_FALLBACKS_ROUTE] -
		  before.count[ZC_C_FALLBACKS_ROUTE]);
	/* evicted or not while it is under way, the bytes are right */
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	close(self->sv[0]);
	self->sv[0] = -1;
	EXPECT_OK(zct_rx_join(&rx));
	EXPECT_EQ(BIG, rx.len);
	EXPECT_EQ(-1, zct_check(rx.data, rx.len, 1, 1, 0));
	zct_rx_free(&rx);
}

/* --- requests and answers, one after the other on one connection */

#define ROUNDS	zct_times(40)

FIXTURE(keep_alive) {
	struct zct_store s;
	int sv[2];
	struct zct_net net;
	struct zct_obj k;
	struct zct_msg m;
	char mark[96];
};

FIXTURE_VARIANT(keep_alive) {
	bool routed;
	bool nagle;
};

FIXTURE_VARIANT_ADD(keep_alive, loopback) { false, false };
FIXTURE_VARIANT_ADD(keep_alive, loopback_nagle) { false, true };
FIXTURE_VARIANT_ADD(keep_alive, routed) { true, false };
FIXTURE_VARIANT_ADD(keep_alive, routed_nagle) { true, true };

FIXTURE_SETUP(keep_alive)
{
	int err, delay = variant->nagle ? 0 : 1;

	ZCT_START(keep_alive);
	if (variant->routed) {
		err = zct_net_new(&self->net);
		if (err == -EOPNOTSUPP)
			SKIP(return, "no veth devices, or no ip");
		ASSERT_OK(err);
		ASSERT_OK(zct_net_pair(&self->net, ZCT_V4, false, self->sv));
	} else {
		ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
	}
	ASSERT_OK(setsockopt(self->sv[0], IPPROTO_TCP, TCP_NODELAY, &delay, sizeof(delay)));
	ASSERT_OK(zct_store_new(&self->s, NULL));
	self->k = (struct zct_obj){ "k", 1, 1, BIG, HEADER };
	ASSERT_OK(zct_obj_put(self->s.fd, &self->k));
	zct_msg_new(&self->m, MiB);
}

FIXTURE_TEARDOWN(keep_alive)
{
	zct_msg_free(&self->m);
	close(self->sv[0]);
	close(self->sv[1]);
	zct_net_end(&self->net);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

static unsigned int segment_size(int sock)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &len) ? 0 : info.tcpi_snd_mss;
}

/*
 * Every answer leaves at once, in as few segments as it fits into. A client that
 * acknowledges late cannot delay one: when the call is done, no byte waits.
 */
TEST_F(keep_alive, answers)
{
	static const size_t bodies[] = { 0, 1, 100, 1000, 1500, 4096, 10000 };
	unsigned int i, round, mss;
	struct zc_send send;
	char request[50];
	__u32 before;

	for (i = 0; i < ARRAY_SIZE(bodies); i++) {
		zct_msg_clear(&self->m);
		zct_msg_inline(&self->m, "HTTP/1.1 200 OK\r\n", 17);
		zct_msg_header(&self->m, &self->k);
		zct_msg_range(&self->m, &self->k, 4000, bodies[i]);
		send = zct_msg_send(&self->m, "k", self->sv[0]);
		for (round = 0; round < ROUNDS; round++) {
			memset(request, round, sizeof(request));
			ASSERT_OK(zct_write_all(self->sv[1], request, sizeof(request)));
			ASSERT_OK(zct_read_all(self->sv[0], request, sizeof(request)));
			ASSERT_OK(setsockopt(self->sv[1], IPPROTO_TCP, TCP_QUICKACK, &(int){ 0 },
					     sizeof(int)));
			before = segments(self->sv[0]);
			mss = segment_size(self->sv[0]);
			send.generation = 0;
			ASSERT_OK(zct_send(self->s.fd, &send));
			ASSERT_EQ(0, queued(self->sv[0], SIOCOUTQNSD))
				TH_LOG("body %zu, round %u", bodies[i], round);
			ASSERT_EQ((self->m.len + mss - 1) / mss, segments(self->sv[0]) - before)
				TH_LOG("body %zu, round %u", bodies[i], round);
			ASSERT_OK(zct_msg_receive(&self->m, self->sv[1]));
		}
	}
}

/* A body by reference, and the header before it: no segment for itself. */
TEST_F(keep_alive, large_answers)
{
	unsigned int round, mss, least, sent;
	struct zct_rx rx = { 0 };
	struct zc_send send;
	__u32 before;

	zct_msg_header(&self->m, &self->k);
	zct_msg_range(&self->m, &self->k, 4000, 100000);
	send = zct_msg_send(&self->m, "k", self->sv[0]);
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	for (round = 0; round < ROUNDS; round++) {
		before = segments(self->sv[0]);
		ASSERT_OK(zct_send(self->s.fd, &send));
		settle(self->sv[0]);
		sent = segments(self->sv[0]) - before;
		mss = segment_size(self->sv[0]);
		least = (self->m.len + mss - 1) / mss;
		/* buffers of 64 KiB end where they end, each with a segment */
		EXPECT_LE(least, sent);
		EXPECT_GE(least + 3, sent) TH_LOG("round %u", round);
	}
	shutdown(self->sv[0], SHUT_WR);
	EXPECT_OK(zct_rx_join(&rx));
	EXPECT_EQ(ROUNDS * self->m.len, rx.len);
	for (round = 0; round < ROUNDS; round++)
		EXPECT_EQ(0, memcmp(rx.data + round * self->m.len, self->m.want, self->m.len));
	zct_rx_free(&rx);
}

TEST_HARNESS_MAIN
