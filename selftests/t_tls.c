// SPDX-License-Identifier: GPL-2.0-only
/*
 * SEND over kernel TLS: the receiver's kernel decrypts, and gets every byte of
 * the message, whole or in pieces, whatever becomes of the object meanwhile.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>

#include "zc_harness.h"
#include "zc_msg.h"
#include "zc_tls.h"

#define LEN	((zct_slow() ? 1 : 2) * MiB + 77)

FIXTURE(tls) {
	struct zct_store s;
	int sv[2];
	struct zct_obj k, tiny;
	struct zct_msg m;
	struct zc_send send;
	char mark[96];
};

FIXTURE_VARIANT(tls) {
	unsigned int version;
	enum zct_cipher cipher;
};

FIXTURE_VARIANT_ADD(tls, v12_gcm128) { TLS_1_2_VERSION, ZCT_GCM128 };
FIXTURE_VARIANT_ADD(tls, v12_gcm256) { TLS_1_2_VERSION, ZCT_GCM256 };
FIXTURE_VARIANT_ADD(tls, v12_chacha) { TLS_1_2_VERSION, ZCT_CHACHA };
FIXTURE_VARIANT_ADD(tls, v13_gcm128) { TLS_1_3_VERSION, ZCT_GCM128 };
FIXTURE_VARIANT_ADD(tls, v13_gcm256) { TLS_1_3_VERSION, ZCT_GCM256 };
FIXTURE_VARIANT_ADD(tls, v13_chacha) { TLS_1_3_VERSION, ZCT_CHACHA };

FIXTURE_SETUP(tls)
{
	const struct zc_nl_cfg cfg = { .capacity = 12 * MiB };
	int err;

	ZCT_START(tls);
	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
	err = zct_tls(self->sv, variant->version, variant->cipher);
	if (err == -EOPNOTSUPP)
		SKIP(return, "this kernel has no TLS, or not this cipher");
	ASSERT_OK(err);
	ASSERT_OK(zct_store_new(&self->s, &cfg));
	self->k = (struct zct_obj){ "k", 1, 1, LEN, 300 };
	self->tiny = (struct zct_obj){ "tiny", 2, 1, 100, 0 };
	ASSERT_OK(zct_obj_put(self->s.fd, &self->k));
	ASSERT_OK(zct_obj_put(self->s.fd, &self->tiny));
	zct_msg_new(&self->m, 16 * MiB);
}

FIXTURE_TEARDOWN(tls)
{
	zct_msg_free(&self->m);
	close(self->sv[0]);
	close(self->sv[1]);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

#define NEW_PAIR() \
	do { \
		close(self->sv[0]); \
		close(self->sv[1]); \
		ASSERT_OK(zct_tcp_pair(ZCT_V6, self->sv)); \
		ASSERT_OK(zct_tls(self->sv, variant->version, variant->cipher)); \
	} while (0)

/*
 * Records wait in the TLS layer while the socket is full; shutdown() loses them,
 * after send() as well as here.
 */
#define EXPECT_ARRIVED(rx) \
	do { \
		zct_rx_wait(rx, self->m.len); \
		EXPECT_MESSAGE(&self->m, self->sv[0], rx); \
	} while (0)

static void header_and_body(FIXTURE_DATA(tls) *self)
{
	zct_msg_clear(&self->m);
	zct_msg_inline(&self->m, "begin", 5);
	zct_msg_header(&self->m, &self->k);
	zct_msg_to_end(&self->m, &self->k, 0);
	self->send = zct_msg_send(&self->m, "k", self->sv[0]);
}

/* By reference and by copy, and counted so. */
TEST_F(tls, whole)
{
	const struct zct_delta spliced[] = {
		{ ZC_C_HITS, 1 }, { ZC_C_SENDS, 1 }, { ZC_C_SPLICED_BYTES, LEN },
		{ ZC_C_COPIED_BYTES, 305 },
	};
	const struct zct_delta copied[] = {
		{ ZC_C_HITS, 1 }, { ZC_C_SENDS, 1 }, { ZC_C_COPIED_BYTES, 305 + LEN },
		{ ZC_C_FALLBACKS, 1 }, { ZC_C_FALLBACKS_ASKED, 1 },
	};
	struct zc_nl_store before;
	struct zct_rx rx = { 0 };

	header_and_body(self);
	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(self->m.len, self->send.sent);
	EXPECT_EQ(self->m.len, self->send.total);
	EXPECT_ARRIVED(&rx);
	EXPECT_EQ(0, zct_deltas(&self->s, &before, spliced, ARRAY_SIZE(spliced)));

	NEW_PAIR();
	header_and_body(self);
	self->send.flags = ZC_SEND_COPY;
	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(self->m.len, self->send.sent);
	EXPECT_ARRIVED(&rx);
	EXPECT_EQ(0, zct_deltas(&self->s, &before, copied, ARRAY_SIZE(copied)));
}

/* Many messages on one connection; records are of 16 KiB. */
TEST_F(tls, ranges)
{
	const size_t at[] = { 1, LEN - 70000, 0, 4095 };
	const unsigned int places = zct_slow() ? 2 : ARRAY_SIZE(at);
	static const size_t lens[] = { 1, 4096, 16383, 16384, 16385, 32768, 65535, 65536,
				       65537, 69999 };
	unsigned int i, k, way;
	struct zct_rx rx = { 0 };
	struct zct_msg all;

	zct_msg_new(&all, 16 * MiB);
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	for (i = 0; i < places; i++) {
		for (k = 0; k < ARRAY_SIZE(lens); k++) {
			for (way = 0; way < 3; way++) {
				zct_msg_clear(&self->m);
				if (k % 2)
					zct_msg_inline(&self->m, "head", 4);
				zct_msg_range(&self->m, &self->k, at[i], lens[k]);
				if (k % 3)
					zct_msg_inline(&self->m, "tail", 4);
				self->send = zct_msg_send(&self->m, "k", self->sv[0]);
				/* as the store says, all by reference, all by copy */
				self->send.threshold = way == 1;
				self->send.flags = way == 2 ? ZC_SEND_COPY : 0;
				ASSERT_OK(zct_send(self->s.fd, &self->send));
				ASSERT_EQ(self->m.len, self->send.sent);
				all.nr = 0;
				zct_msg_inline(&all, self->m.want, self->m.len);
			}
		}
	}
	self->m.len = all.len;
	memcpy(self->m.want, all.want, all.len);
	EXPECT_ARRIVED(&rx);
	zct_msg_free(&all);
}

/* A socket that takes little at a time, and stops anywhere. */
TEST_F(tls, small_buffers)
{
	unsigned int seed = zct_seed(), i, calls = 0;

	for (i = 0; i < 8; i++) {
		struct zct_rx rx = { .chunk = i & 1 ? 3000 : 0 };

		NEW_PAIR();
		ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 2000 << i));
		/*
		 * A record that does not fit into the buffer waits for a late
		 * acknowledgement of its beginning: little at first
		 */
		zct_msg_clear(&self->m);
		zct_msg_header(&self->m, &self->k);
		zct_msg_range(&self->m, &self->k, 1, i < 4 ? 100000ULL << i : LEN - 1);
		zct_msg_select(&self->m, "tiny", 0);
		zct_msg_to_end(&self->m, &self->tiny, 1);
		zct_msg_select(&self->m, "k", 0);
		zct_msg_suffix(&self->m, &self->k, 70001);
		self->send = zct_msg_send(&self->m, "k", self->sv[0]);
		self->send.flags = (i & 4 ? 0 : ZC_SEND_NOWAIT) | (i & 2 ? ZC_SEND_COPY : 0);
		self->send.max_bytes = i & 1 ? 1 + zct_random(&seed) % 100000 : 0;
		ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
		EXPECT_OK(zct_send_rest(self->s.fd, &self->send, &calls));
		EXPECT_ARRIVED(&rx);
	}
	/* a test in which it never stopped proves nothing */
	EXPECT_LT(16, calls);
}

/* A socket that is full has sent what it has: nothing waits for more to come. */
TEST_F(tls, nothing_is_held)
{
	int bytes, way;

	for (way = 0; way < 2; way++) {
		for (bytes = 2000; bytes <= 20000; bytes *= 2) {
			NEW_PAIR();
			ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, bytes));
			header_and_body(self);
			self->send.flags = ZC_SEND_NOWAIT | (way ? ZC_SEND_COPY : 0);
			ASSERT_OK(zct_send(self->s.fd, &self->send));
			ASSERT_GT(self->m.len, self->send.sent);
			EXPECT_EQ(0, zct_held(self->sv[0])) TH_LOG("%d bytes of buffer, way %d", bytes, way);
		}
	}
}

static int arrived(int sock)
{
	char byte;

	return recv(sock, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
}

/* MORE leaves the record open, and what follows closes it. */
TEST_F(tls, more)
{
	int queued = -1;

	zct_msg_range(&self->m, &self->k, 0, 1000);
	self->send = zct_msg_send(&self->m, "k", self->sv[0]);
	self->send.flags = ZC_SEND_MORE;
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(1000, self->send.sent);
	ASSERT_OK(ioctl(self->sv[0], SIOCOUTQ, &queued));
	EXPECT_EQ(0, queued);
	EXPECT_EQ(-1, arrived(self->sv[1]));
	/* by reference, with more to come, of an object that goes meanwhile */
	self->send.threshold = 1;
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(-1, arrived(self->sv[1]));
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	ASSERT_OK(zct_put_pattern(self->s.fd, "x", 8, 8, 8 * MiB, NULL));
	zct_msg_range(&self->m, &self->k, 0, 1000);
	zct_msg_inline(&self->m, "end", 3);
	EXPECT_EQ(2003, self->m.len);
	self->send = zct_msg_send(&self->m, "x", self->sv[0]);
	self->send.parts = ZC_ADDR(&self->m.part[2]);
	self->send.nr_parts = 1;
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(3, self->send.sent);
	EXPECT_OK(zct_msg_receive(&self->m, self->sv[1]));
	EXPECT_OK(zct_silent(self->sv));
}

/* Between two calls the object goes, and its memory is used for others. */
TEST_F(tls, object_goes)
{
	unsigned int way, i;
	char key[16];

	for (way = 0; way < 3; way++) {
		struct zct_obj newer = { "k", 1, 2, 100000, 10 };
		struct zct_rx rx = { 0 };

		NEW_PAIR();
		ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 50000));
		self->k.version = 1;
		ASSERT_OK(zct_obj_put(self->s.fd, &self->k));
		header_and_body(self);
		self->send.flags = ZC_SEND_NOWAIT | ZC_SEND_PIN;
		ASSERT_OK(zct_send(self->s.fd, &self->send));
		ASSERT_LE(0, self->send.pinned);
		if (way == 0) {
			ASSERT_OK(zct_obj_put(self->s.fd, &newer));
		} else if (way == 1) {
			ASSERT_OK(zct_delete_key(self->s.fd, "k"));
		}
		/* more than there is room for */
		for (i = 0; i < (zct_slow() ? 13 : 20); i++) {
			snprintf(key, sizeof(key), "fill%u", i);
			ASSERT_OK(zct_put_pattern(self->s.fd, key, 9, i, 1 * MiB, NULL));
		}
		ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
		self->send.fd = self->send.pinned;
		self->send.flags = ZC_SEND_FD;
		self->send.key = self->send.key_len = 0;
		self->send.skip = self->send.sent;
		EXPECT_OK(zct_send_rest(self->s.fd, &self->send, NULL));
		close(self->send.fd);
		EXPECT_ARRIVED(&rx);
	}
}

/* The sender goes in the middle: what arrives is right, and then it ends. */
TEST_F(tls, closed_midway)
{
	unsigned int way;

	for (way = 0; way < 2; way++) {
		struct linger linger = { way, 0 };
		struct zct_rx rx = { .chunk = 1000 };
		int err;

		NEW_PAIR();
		ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 50000));
		header_and_body(self);
		self->send.flags = ZC_SEND_NOWAIT | (way ? ZC_SEND_MORE : 0);
		ASSERT_OK(zct_send(self->s.fd, &self->send));
		ASSERT_GT(self->m.len, self->send.sent);
		ASSERT_OK(setsockopt(self->sv[0], SOL_SOCKET, SO_LINGER, &linger,
				     sizeof(linger)));
		close(self->sv[0]);
		self->sv[0] = dup(self->sv[1]);
		ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
		err = zct_rx_join(&rx);
		EXPECT_TRUE(!err || err == -ECONNRESET || err == -EBADMSG || err == -EIO ||
			    err == -EINVAL) TH_LOG("%d", err);
		EXPECT_GE(self->send.sent, rx.len);
		EXPECT_EQ(0, memcmp(rx.data, self->m.want, rx.len));
		zct_rx_free(&rx);
	}
}

TEST_F(tls, full_and_idle)
{
	struct zct_rx rx = { 0 };
	int cpu;

	header_and_body(self);
	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 50000));
	self->send.flags = ZC_SEND_NOWAIT;
	cpu = zct_loop_cpu(self->s.fd, &self->send);
	EXPECT_LE(0, cpu);
	EXPECT_GT(20, cpu);
	EXPECT_LT(0, self->send.skip);
	EXPECT_GT(self->m.len, self->send.skip);
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	EXPECT_OK(zct_send_rest(self->s.fd, &self->send, NULL));
	EXPECT_ARRIVED(&rx);
}

struct writer {
	pthread_t thread;
	int fd, sock;
	unsigned int rounds;
	struct zc_send send;
	int err;
};

static void *write_bytes(void *arg)
{
	struct writer *w = arg;
	unsigned char *buf = zct_alloc(50000);
	unsigned int i;

	memset(buf, 'w', 50000);
	for (i = 0; i < w->rounds && !w->err; i++)
		w->err = zct_write_all(w->sock, buf, 50000);
	return NULL;
}

static void *send_bytes(void *arg)
{
	struct writer *w = arg;
	unsigned int i;

	for (i = 0; i < w->rounds && !w->err; i++) {
		w->send.skip = 0;
		w->err = zct_send_rest(w->fd, &w->send, NULL);
	}
	return NULL;
}

/* Several threads on one connection: records stay whole, no byte gets lost. */
TEST_F(tls, several_writers)
{
	const unsigned int rounds = zct_times(10);
	struct writer w[4] = { 0 };
	struct zct_rx rx = { 0 };
	size_t i, sent = 0, written = 0;
	unsigned char *data;

	data = zct_alloc(200000);
	memset(data, 's', 200000);
	ASSERT_OK(zct_put_data(self->s.fd, "s", data, 200000, NULL));
	zct_msg_range(&self->m, &(struct zct_obj){ .len = 200000 }, 0, 200000);
	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 100000));
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	for (i = 0; i < ARRAY_SIZE(w); i++) {
		w[i].fd = self->s.fd;
		w[i].sock = self->sv[0];
		w[i].rounds = rounds;
		w[i].send = zct_msg_send(&self->m, "s", self->sv[0]);
		w[i].send.flags = i & 2 ? ZC_SEND_NOWAIT : 0;
		ASSERT_EQ(0, pthread_create(&w[i].thread, NULL,
					    i == 0 ? write_bytes : send_bytes, &w[i]));
	}
	for (i = 0; i < ARRAY_SIZE(w); i++) {
		pthread_join(w[i].thread, NULL);
		EXPECT_OK(w[i].err) TH_LOG("thread %zu", i);
	}
	zct_rx_wait(&rx, rounds * (50000 + 3 * 200000));
	shutdown(self->sv[0], SHUT_WR);
	EXPECT_OK(zct_rx_join(&rx));
	for (i = 0; i < rx.len; i++) {
		sent += rx.data[i] == 's';
		written += rx.data[i] == 'w';
	}
	EXPECT_EQ(rounds * 50000, written);
	EXPECT_EQ(3 * rounds * 200000, sent);
	EXPECT_EQ(written + sent, rx.len);
	zct_rx_free(&rx);
}

/* What cannot be passed on: TLS below a BPF map or another ULP is not tried. */
TEST_F(tls, not_connected)
{
	int sock = socket(AF_INET, SOCK_STREAM, 0);

	header_and_body(self);
	self->send.sock = sock;
	EXPECT_ERR(ENOTCONN, zct_send(self->s.fd, &self->send));
	close(sock);
	/* one whose receiving side alone is TLS sends as it is */
	self->send.sock = self->sv[1];
	self->send.max_bytes = 1000;
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(1000, self->send.sent);
	self->m.len = 1000;
	EXPECT_OK(zct_msg_receive(&self->m, self->sv[0]));
}

/* Each version once, with ciphers of two kinds: how to encrypt is not the module's business. */
ZCT_MAIN_SLOW_WITHOUT("-Vv12_gcm256", "-Vv12_chacha", "-Vv13_gcm128", "-Vv13_gcm256")
