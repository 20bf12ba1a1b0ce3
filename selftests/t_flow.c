// SPDX-License-Identifier: GPL-2.0-only
/*
 * Peers that read slowly, stop and go away, sockets of all sizes, and many of
 * them at once. Who waits uses no CPU.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include "zc_harness.h"
#include "zc_msg.h"

#define LEN	(3 * MiB + 77)

FIXTURE(flow) {
	struct zct_store s;
	int sv[2];
	struct zct_obj k;
	struct zct_msg m;
	struct zc_send send;
	char mark[96];
};

FIXTURE_SETUP(flow)
{
	const struct zc_nl_cfg cfg = { .capacity = 128 * MiB };

	ZCT_START(flow);
	ASSERT_OK(zct_store_new(&self->s, &cfg));
	self->k = (struct zct_obj){ "k", 1, 1, LEN, 300 };
	ASSERT_OK(zct_obj_put(self->s.fd, &self->k));
	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
	zct_msg_new(&self->m, 16 * MiB);
	zct_msg_header(&self->m, &self->k);
	zct_msg_to_end(&self->m, &self->k, 0);
	self->send = zct_msg_send(&self->m, "k", self->sv[0]);
}

FIXTURE_TEARDOWN(flow)
{
	zct_msg_free(&self->m);
	close(self->sv[0]);
	close(self->sv[1]);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

/* The smallest and the largest buffers there are, and readers of all kinds. */
TEST_F(flow, buffers)
{
	const size_t most = zct_slow() ? 500000 : LEN;
	const struct { int snd, rcv; size_t chunk, len; } cases[] = {
		{ 1, 0, 0, most }, { 1, 0, 1000, 500000 }, { 16 * MiB, 0, 0, most },
		{ 16 * MiB, 16 * MiB, 3000, most }, { 1, 20000, 0, 500000 },
		/* a window of a few bytes, which TCP opens once in 200 ms */
		{ 1, 1, 0, 3000 }, { 16 * MiB, 1, 100, 3000 },
	};
	unsigned int i, way;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		/* 0 and 3 have each half of what can be */
		for (way = 0; way < 4; way += zct_slow() ? 3 : 1) {
			struct zct_rx rx = { .chunk = cases[i].chunk };
			size_t len = cases[i].len;

			close(self->sv[0]);
			close(self->sv[1]);
			ASSERT_OK(zct_tcp_pair(way & 1 ? ZCT_V6 : ZCT_V4, self->sv));
			if (cases[i].snd)
				ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUFFORCE, cases[i].snd));
			if (cases[i].rcv)
				ASSERT_OK(zct_bufsize(self->sv[1], SO_RCVBUFFORCE, cases[i].rcv));
			zct_msg_clear(&self->m);
			zct_msg_header(&self->m, &self->k);
			zct_msg_range(&self->m, &self->k, 77, len - 77);
			self->send = zct_msg_send(&self->m, "k", self->sv[0]);
			self->send.flags = way & 2 ? ZC_SEND_NOWAIT : 0;
			ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
			EXPECT_OK(zct_send_rest(self->s.fd, &self->send, NULL));
			EXPECT_MESSAGE(&self->m, self->sv[0], &rx);
		}
	}
}

/* A large buffer takes all at once, whoever reads. */
TEST_F(flow, all_at_once)
{
	struct zct_rx rx = { 0 };

	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUFFORCE, 64 * MiB));
	self->send.flags = ZC_SEND_NOWAIT;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(self->m.len, self->send.sent);
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	EXPECT_MESSAGE(&self->m, self->sv[0], &rx);
}

/* A socket that is full has sent what it has: nothing waits for more to come. */
TEST_F(flow, nothing_is_held)
{
	int bytes, way;

	for (way = 0; way < 2; way++) {
		for (bytes = 2000; bytes <= 20000; bytes *= 2) {
			close(self->sv[0]);
			close(self->sv[1]);
			ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
			ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, bytes));
			self->send.sock = self->sv[0];
			self->send.flags = ZC_SEND_NOWAIT | (way ? ZC_SEND_COPY : 0);
			ASSERT_OK(zct_send(self->s.fd, &self->send));
			ASSERT_GT(self->m.len, self->send.sent);
			EXPECT_EQ(0, zct_held(self->sv[0])) TH_LOG("%d bytes of buffer, way %d", bytes, way);
		}
	}
}

struct sender {
	pthread_t thread;
	int fd;
	struct zc_send *send;
	volatile pid_t tid;
	int err;
};

static void *send_blocking(void *arg)
{
	struct sender *s = arg;

	s->tid = gettid();
	s->err = zct_send(s->fd, s->send);
	return NULL;
}

/* A sender that has filled the socket of a peer which does not read, and waits. */
#define START_BLOCKED(sender) \
	do { \
		char byte_; \
		ASSERT_EQ(0, pthread_create(&(sender)->thread, NULL, send_blocking, sender)); \
		ASSERT_EQ(1, recv(self->sv[1], &byte_, 1, MSG_PEEK)); \
		ASSERT_OK(zct_wait_asleep((sender)->tid)); \
	} while (0)

/* In a second in which nothing can go, a blocked call uses no CPU. */
TEST_F(flow, blocked_is_idle)
{
	struct sender s = { .fd = self->s.fd, .send = &self->send };
	struct zct_rx rx = { 0 };
	__u64 cpu, wall;
	clockid_t clock;
	int way;

	for (way = 0; way < 2; way++) {
		self->send.flags = way ? ZC_SEND_COPY : 0;
		ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 100000));
		START_BLOCKED(&s);
		ASSERT_EQ(0, pthread_getcpuclockid(s.thread, &clock));
		cpu = zct_clock(clock);
		wall = zct_clock(CLOCK_MONOTONIC);
		/* the wait is what is tested, there is no event to wait for */
		poll(NULL, 0, 1000);
		cpu = zct_clock(clock) - cpu;
		wall = zct_clock(CLOCK_MONOTONIC) - wall;
		EXPECT_GT(wall / 5, cpu);
		ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
		pthread_join(s.thread, NULL);
		EXPECT_OK(s.err);
		EXPECT_EQ(self->m.len, self->send.sent);
		EXPECT_MESSAGE(&self->m, self->sv[0], &rx);
		close(self->sv[0]);
		close(self->sv[1]);
		ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
		self->send.sock = self->sv[0];
	}
}

/* Nor does a loop on events: a socket that cannot take more does not say it can. */
TEST_F(flow, loop_is_idle)
{
	struct zct_rx rx = { 0 };
	int way, cpu;

	for (way = 0; way < 2; way++) {
		self->send.flags = ZC_SEND_NOWAIT | (way ? ZC_SEND_COPY : 0);
		self->send.skip = 0;
		/* what a system with much memory lets wait could be all of it */
		ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 256 * KiB));
		ASSERT_OK(zct_bufsize(self->sv[1], SO_RCVBUF, 256 * KiB));
		cpu = zct_loop_cpu(self->s.fd, &self->send);
		EXPECT_LE(0, cpu);
		EXPECT_GT(20, cpu);
		EXPECT_LT(0, self->send.skip);
		EXPECT_GT(self->m.len, self->send.skip);
		/* and it goes on from there */
		ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
		EXPECT_OK(zct_send_rest(self->s.fd, &self->send, NULL));
		EXPECT_MESSAGE(&self->m, self->sv[0], &rx);
		close(self->sv[0]);
		close(self->sv[1]);
		ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
		self->send.sock = self->sv[0];
	}
}

/* The peer reads a little, waits, and goes with a reset. */
TEST_F(flow, reset_while_blocked)
{
	struct sender s = { .fd = self->s.fd, .send = &self->send };
	struct linger linger = { 1, 0 };
	unsigned char *buf = zct_alloc(MiB);
	int err;

	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 100000));
	START_BLOCKED(&s);
	ASSERT_OK(zct_read_all(self->sv[1], buf, 50000));
	EXPECT_EQ(0, memcmp(buf, self->m.want, 50000));
	ASSERT_OK(zct_wait_asleep(s.tid));
	ASSERT_OK(setsockopt(self->sv[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(self->sv[1]);
	self->sv[1] = dup(self->sv[0]);
	pthread_join(s.thread, NULL);
	EXPECT_OK(s.err);
	EXPECT_LE(50000, self->send.sent);
	EXPECT_GT(self->m.len, self->send.sent);
	EXPECT_EQ(self->m.len, self->send.total);
	self->send.skip = self->send.sent;
	err = zct_send(self->s.fd, &self->send);
	EXPECT_TRUE(err == -ECONNRESET || err == -EPIPE) TH_LOG("%d", err);
}

/* Our own side is closed while a call waits. */
TEST_F(flow, shut_down_while_blocked)
{
	struct sender s = { .fd = self->s.fd, .send = &self->send };
	struct zct_rx rx = { 0 };

	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 100000));
	START_BLOCKED(&s);
	ASSERT_OK(shutdown(self->sv[0], SHUT_WR));
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	pthread_join(s.thread, NULL);
	EXPECT_OK(s.err);
	EXPECT_OK(zct_rx_join(&rx));
	/* what was told to be sent is what arrives */
	EXPECT_EQ(self->send.sent, rx.len);
	EXPECT_GT(self->m.len, rx.len);
	EXPECT_EQ(0, memcmp(rx.data, self->m.want, rx.len));
	zct_rx_free(&rx);
}

/* --- many connections at once */

#define CONNS_MAX	64
#define CONNS		(zct_slow() ? 24 : CONNS_MAX)
#define KEYS	8

struct conn {
	int sv[2];
	struct zct_msg *m;
	struct zc_send send;
	pthread_t thread;
	struct sender sender;
	size_t got;
	bool bad;
};

FIXTURE(conns) {
	struct zct_store s;
	struct zct_obj obj[KEYS];
	char key[KEYS][8];
	struct zct_msg m[KEYS];
	struct conn c[CONNS_MAX];
	char mark[96];
};

FIXTURE_VARIANT(conns) {
	unsigned int keys;
	bool threads;
};

FIXTURE_VARIANT_ADD(conns, same_key_loop) { 1, false };
FIXTURE_VARIANT_ADD(conns, other_keys_loop) { KEYS, false };
FIXTURE_VARIANT_ADD(conns, same_key_threads) { 1, true };
FIXTURE_VARIANT_ADD(conns, other_keys_threads) { KEYS, true };

FIXTURE_SETUP(conns)
{
	const size_t len = zct_slow() ? 100000 : 400000;
	unsigned int i;

	ZCT_START(conns);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	for (i = 0; i < variant->keys; i++) {
		struct zct_obj *o = &self->obj[i];

		snprintf(self->key[i], sizeof(self->key[i]), "k%u", i);
		*o = (struct zct_obj){ self->key[i], i + 1, 1, len + i * (len / 6 + 1), 100 + i };
		ASSERT_OK(zct_obj_put(self->s.fd, o));
		zct_msg_new(&self->m[i], 4 * MiB);
		zct_msg_header(&self->m[i], o);
		zct_msg_to_end(&self->m[i], o, i);
		zct_msg_suffix(&self->m[i], o, 30000);
	}
	for (i = 0; i < CONNS; i++) {
		struct conn *c = &self->c[i];

		ASSERT_OK(zct_tcp_pair(i % 3 ? ZCT_V4 : ZCT_V6, c->sv));
		c->m = &self->m[i % variant->keys];
		c->send = zct_msg_send(c->m, self->key[i % variant->keys], c->sv[0]);
		if (i % 5)
			ASSERT_OK(zct_bufsize(c->sv[0], SO_SNDBUF, 3000 << i % 5));
	}
}

FIXTURE_TEARDOWN(conns)
{
	unsigned int i;

	for (i = 0; i < CONNS; i++) {
		close(self->c[i].sv[0]);
		close(self->c[i].sv[1]);
	}
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

/* Reads what has come to any connection, until all have all. */
static void *read_all(void *arg)
{
	struct conn *conns = arg;
	unsigned char *buf = zct_alloc(100000);
	struct pollfd p[CONNS_MAX];
	unsigned int i, left;
	ssize_t n;

	for (;;) {
		for (i = 0, left = 0; i < CONNS; i++) {
			struct conn *c = &conns[i];

			p[i] = (struct pollfd){ c->got < c->m->len && !c->bad ? c->sv[1] : -1,
						POLLIN, 0 };
			left += p[i].fd >= 0;
		}
		if (!left || poll(p, CONNS, -1) < 0)
			return NULL;
		for (i = 0; i < CONNS; i++) {
			struct conn *c = &conns[i];

			if (!p[i].revents)
				continue;
			/* some read much at a time and some little */
			n = recv(c->sv[1], buf, 1000 << i % 7, 0);
			c->bad = n <= 0 || (size_t)n > c->m->len - c->got ||
				 memcmp(buf, c->m->want + c->got, n);
			c->got += n > 0 ? n : 0;
		}
	}
}

static int send_in_loop(struct conn *conns, int fd)
{
	struct pollfd p[CONNS_MAX];
	unsigned int i, left;
	int err;

	do {
		for (i = 0, left = 0; i < CONNS; i++) {
			struct conn *c = &conns[i];
			bool more = !c->send.total || c->send.skip < c->send.total;

			p[i] = (struct pollfd){ more ? c->sv[0] : -1, POLLOUT, 0 };
			left += more;
		}
		if (left && poll(p, CONNS, -1) < 0)
			return -errno;
		for (i = 0; i < CONNS; i++) {
			struct conn *c = &conns[i];

			if (!p[i].revents)
				continue;
			c->send.flags = ZC_SEND_NOWAIT;
			c->send.max_bytes = 100000;
			err = zct_send(fd, &c->send);
			if (!err)
				c->send.skip += c->send.sent;
			else if (err != -EAGAIN)
				return err;
		}
	} while (left);
	return 0;
}

TEST_F(conns, all)
{
	pthread_t reader;
	unsigned int i;

	ASSERT_EQ(0, pthread_create(&reader, NULL, read_all, self->c));
	if (variant->threads) {
		for (i = 0; i < CONNS; i++) {
			struct conn *c = &self->c[i];

			c->sender = (struct sender){ .fd = self->s.fd, .send = &c->send };
			ASSERT_EQ(0, pthread_create(&c->sender.thread, NULL, send_blocking,
						    &c->sender));
		}
		for (i = 0; i < CONNS; i++) {
			pthread_join(self->c[i].sender.thread, NULL);
			EXPECT_OK(self->c[i].sender.err);
			EXPECT_EQ(self->c[i].m->len, self->c[i].send.sent);
		}
	} else {
		EXPECT_OK(send_in_loop(self->c, self->s.fd));
	}
	pthread_join(reader, NULL);
	for (i = 0; i < CONNS; i++) {
		EXPECT_FALSE(self->c[i].bad) TH_LOG("connection %u", i);
		EXPECT_EQ(self->c[i].m->len, self->c[i].got);
		EXPECT_OK(zct_silent(self->c[i].sv));
	}
}

TEST_HARNESS_MAIN
