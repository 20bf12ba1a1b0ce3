// SPDX-License-Identifier: GPL-2.0-only
/* SEND to UNIX stream sockets: the same bytes, all by copy. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "zc_harness.h"
#include "zc_msg.h"

#define LEN	((zct_slow() ? MiB / 2 : MiB) + 77)

FIXTURE(un) {
	struct zct_store s;
	int sv[2];
	struct zct_obj k, tiny;
	struct zct_msg m;
	struct zc_send send;
	char mark[96];
};

static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

FIXTURE_SETUP(un)
{
	struct sigaction act = { .sa_handler = on_signal };

	ZCT_START(un);
	sigaction(SIGPIPE, &act, NULL);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	self->k = (struct zct_obj){ "k", 1, 1, LEN, 300, "tag" };
	self->tiny = (struct zct_obj){ "tiny", 2, 1, 100, 0 };
	ASSERT_OK(zct_obj_put(self->s.fd, &self->k));
	ASSERT_OK(zct_obj_put(self->s.fd, &self->tiny));
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, self->sv));
	zct_msg_new(&self->m, 4 * MiB);
	zct_msg_inline(&self->m, "begin", 5);
	zct_msg_header(&self->m, &self->k);
	zct_msg_to_end(&self->m, &self->k, 0);
	zct_msg_select(&self->m, "tiny", 0);
	zct_msg_to_end(&self->m, &self->tiny, 1);
	zct_msg_select(&self->m, "k", 0);
	zct_msg_suffix(&self->m, &self->k, 70000);
	self->send = zct_msg_send(&self->m, "k", self->sv[0]);
}

FIXTURE_TEARDOWN(un)
{
	EXPECT_EQ(0, signals);
	zct_msg_free(&self->m);
	close(self->sv[0]);
	close(self->sv[1]);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

TEST_F(un, whole)
{
	const struct zct_delta deltas[] = {
		{ ZC_C_HITS, 3 }, { ZC_C_SENDS, 1 }, { ZC_C_COPIED_BYTES, self->m.len },
		{ ZC_C_FALLBACKS, 1 }, { ZC_C_FALLBACKS_UNIX, 1 },
	};
	const struct zct_delta few[] = {
		{ ZC_C_HITS, 1 }, { ZC_C_SENDS, 1 }, { ZC_C_COPIED_BYTES, 65535 },
	};
	struct zc_nl_store before;
	struct zct_rx rx = { 0 };

	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(self->m.len, self->send.sent);
	EXPECT_EQ(self->m.len, self->send.total);
	EXPECT_MESSAGE(&self->m, self->sv[0], &rx);
	EXPECT_EQ(0, zct_deltas(&self->s, &before, deltas, ARRAY_SIZE(deltas)));
	/* below the threshold nothing is a fallback */
	close(self->sv[0]);
	close(self->sv[1]);
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, self->sv));
	zct_msg_clear(&self->m);
	zct_msg_range(&self->m, &self->k, 0, 65535);
	self->send = zct_msg_send(&self->m, "k", self->sv[0]);
	self->send.threshold = 65536;
	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(65535, self->send.sent);
	EXPECT_OK(zct_msg_receive(&self->m, self->sv[1]));
	EXPECT_OK(zct_silent(self->sv));
	EXPECT_EQ(0, zct_deltas(&self->s, &before, few, ARRAY_SIZE(few)));
}

/* In pieces: by the call's bound, by small buffers, blocking and not. */
TEST_F(un, pieces)
{
	static const __u64 bounds[] = { 5000, 16384, 65536, 100001, 0 };
	unsigned int i, way, calls = 0;

	for (i = 0; i < ARRAY_SIZE(bounds); i++) {
		for (way = 0; way < 4; way++) {
			struct zct_rx rx = { .chunk = i & 1 ? 777 : 0 };

			close(self->sv[0]);
			close(self->sv[1]);
			ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, self->sv));
			if (way & 1)
				ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 1));
			self->send = zct_msg_send(&self->m, "k", self->sv[0]);
			self->send.flags = way & 2 ? ZC_SEND_NOWAIT : 0;
			self->send.max_bytes = bounds[i];
			ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
			EXPECT_OK(zct_send_rest(self->s.fd, &self->send, &calls));
			EXPECT_MESSAGE(&self->m, self->sv[0], &rx);
		}
	}
	EXPECT_LT(500, calls);
}

TEST_F(un, conditions)
{
	self->send.flags = ZC_SEND_IF_NONE_MATCH;
	self->send.etag = ZC_ADDR("tag");
	self->send.etag_len = 3;
	EXPECT_ERR(ECANCELED, zct_send(self->s.fd, &self->send));
	EXPECT_OK(zct_silent(self->sv));
}

/* A peer that does not read: EAGAIN, and no CPU is used for waiting. */
TEST_F(un, full)
{
	struct zct_rx rx = { 0 };
	int cpu;

	self->send.flags = ZC_SEND_NOWAIT;
	cpu = zct_loop_cpu(self->s.fd, &self->send);
	EXPECT_LE(0, cpu);
	EXPECT_GT(20, cpu);
	EXPECT_LT(0, self->send.skip);
	EXPECT_GT(self->m.len, self->send.skip);
	EXPECT_ERR(EAGAIN, zct_send(self->s.fd, &self->send));
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	EXPECT_OK(zct_send_rest(self->s.fd, &self->send, NULL));
	EXPECT_MESSAGE(&self->m, self->sv[0], &rx);
}

/* What waits in the queue is a copy: the object may go. */
TEST_F(un, object_goes)
{
	struct zct_rx rx = { 0 };

	self->send.flags = ZC_SEND_NOWAIT | ZC_SEND_PIN;
	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 100000));
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	ASSERT_LE(0, self->send.pinned);
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	ASSERT_OK(zct_put_pattern(self->s.fd, "x", 9, 9, 4 * MiB, NULL));
	/* but the part that names it by its key needs it */
	self->send.skip = self->send.sent;
	self->send.fd = self->send.pinned;
	self->send.pinned = 0;
	self->send.flags = ZC_SEND_FD;
	self->send.key = self->send.key_len = 0;
	EXPECT_ERR(ENOENT, zct_send(self->s.fd, &self->send));
	self->m.part[5].flags = ZC_PART_FD;
	self->m.part[5].addr = self->m.part[5].length = 0;
	self->m.part[5].offset = self->send.fd;
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_EQ(self->m.len, self->send.skip + self->send.sent);
	close(self->send.fd);
	EXPECT_MESSAGE(&self->m, self->sv[0], &rx);
}

static void *read_some_and_close(void *arg)
{
	unsigned char *buf = zct_alloc(300000);
	int fd = *(int *)arg;

	zct_read_all(fd, buf, 300000);
	close(fd);
	return NULL;
}

/* The peer goes: EPIPE, and never a signal. */
TEST_F(un, peer_closes)
{
	pthread_t thread;
	int err;

	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 20000));
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_some_and_close, &self->sv[1]));
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_LE(300000, self->send.sent);
	EXPECT_GT(self->m.len, self->send.sent);
	pthread_join(thread, NULL);
	self->sv[1] = dup(self->sv[0]);
	self->send.skip = self->send.sent;
	err = zct_send(self->s.fd, &self->send);
	EXPECT_TRUE(err == -EPIPE || err == -ECONNRESET) TH_LOG("%d", err);
	self->send.flags = ZC_SEND_NOWAIT;
	EXPECT_ERR(EPIPE, zct_send(self->s.fd, &self->send));
}

TEST_F(un, shut_down)
{
	ASSERT_OK(shutdown(self->sv[0], SHUT_WR));
	EXPECT_ERR(EPIPE, zct_send(self->s.fd, &self->send));
	self->send.flags = ZC_SEND_NOWAIT;
	EXPECT_ERR(EPIPE, zct_send(self->s.fd, &self->send));
	EXPECT_EQ(2, zct_count(&self->s, ZC_C_SENDS_FAILED));
}

TEST_F(un, others)
{
	static const int types[] = { SOCK_SEQPACKET, SOCK_DGRAM };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char byte;
	unsigned int i;
	int sv[2];

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_OK(socketpair(AF_UNIX, types[i], 0, sv));
		self->send.sock = sv[0];
		EXPECT_ERR(EOPNOTSUPP, zct_send(self->s.fd, &self->send));
		EXPECT_EQ(-1, recv(sv[1], &byte, 1, MSG_DONTWAIT));
		EXPECT_EQ(EAGAIN, errno);
		close(sv[0]);
		close(sv[1]);
	}
	/* of the right kind, and not connected */
	sv[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	self->send.sock = sv[0];
	EXPECT_ERR(ENOTCONN, zct_send(self->s.fd, &self->send));
	/* a name that the kernel chooses */
	ASSERT_OK(bind(sv[0], (void *)&addr, sizeof(addr.sun_family)));
	EXPECT_ERR(ENOTCONN, zct_send(self->s.fd, &self->send));
	ASSERT_OK(listen(sv[0], 1));
	EXPECT_ERR(ENOTCONN, zct_send(self->s.fd, &self->send));
	close(sv[0]);
}

TEST_HARNESS_MAIN
