// SPDX-License-Identifier: GPL-2.0-only
/*
 * A link that loses and reorders: what is sent again long after the object went
 * is what was sent first, though the object's memory would be used anew.
 */
#include <fcntl.h>
#include <poll.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "zc_harness.h"
#include "zc_msg.h"
#include "zc_net.h"
#include "zc_tls.h"

#define LEN	((zct_slow() ? 1 : 3) * MiB + 77)

FIXTURE(netem) {
	struct zct_store s;
	struct zct_net net;
	int sv[2];
	struct zct_obj k;
	struct zct_msg m;
	struct zc_send send;
	char mark[96];
};

FIXTURE_VARIANT(netem) {
	enum zct_family family;
	unsigned int tls;		/* its version, 0: none */
	enum zct_cipher cipher;
	bool flat;			/* the device takes no packets in pieces */
};

FIXTURE_VARIANT_ADD(netem, v4) { .family = ZCT_V4 };
FIXTURE_VARIANT_ADD(netem, v6) { .family = ZCT_V6 };
FIXTURE_VARIANT_ADD(netem, v4_flat) { .family = ZCT_V4, .flat = true };
FIXTURE_VARIANT_ADD(netem, v4_tls12) { ZCT_V4, TLS_1_2_VERSION, ZCT_CHACHA, false };
FIXTURE_VARIANT_ADD(netem, v6_tls13) { ZCT_V6, TLS_1_3_VERSION, ZCT_GCM128, false };

#define NOTHING_PASSES	"loss 100%"
#define BAD_LINK	"delay 2ms 1ms loss 2% reorder 25% 50%"

static int link_is(const char *how)
{
	return zct_run("tc qdisc replace dev zcv0 root netem %s 2>/dev/null", how);
}

FIXTURE_SETUP(netem)
{
	const struct zc_nl_cfg cfg = { .capacity = 16 * MiB };
	int err;

	ZCT_START(netem);
	err = zct_net_new(&self->net);
	if (err == -EOPNOTSUPP)
		SKIP(return, "no veth devices, or no ip");
	ASSERT_OK(err);
	if (link_is(BAD_LINK)) {
		zct_net_end(&self->net);
		SKIP(return, "no netem, or no tc");
	}
	ASSERT_OK(zct_net_sg(!variant->flat));
	ASSERT_OK(zct_net_pair(&self->net, variant->family, false, self->sv));
	err = variant->tls ? zct_tls(self->sv, variant->tls, variant->cipher) : 0;
	if (err == -EOPNOTSUPP) {
		zct_net_end(&self->net);
		SKIP(return, "this kernel has no TLS, or not this cipher");
	}
	ASSERT_OK(err);
	ASSERT_OK(zct_store_new(&self->s, &cfg));
	self->k = (struct zct_obj){ "k", 1, 1, LEN, 300 };
	ASSERT_OK(zct_obj_put(self->s.fd, &self->k));
	zct_msg_new(&self->m, 8 * MiB);
	zct_msg_header(&self->m, &self->k);
	zct_msg_to_end(&self->m, &self->k, 0);
	zct_msg_range(&self->m, &self->k, 1, 5000);
	self->send = zct_msg_send(&self->m, "k", self->sv[0]);
}

FIXTURE_TEARDOWN(netem)
{
	zct_msg_free(&self->m);
	close(self->sv[0]);
	close(self->sv[1]);
	zct_net_end(&self->net);
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

/* Takes all the memory there is in the store, several times. */
static int use_memory(FIXTURE_DATA(netem) *self, unsigned int version)
{
	char key[16];
	unsigned int i;
	int err = 0;

	for (i = 0; i < 12 && !err; i++) {
		snprintf(key, sizeof(key), "x%u", i);
		err = zct_put_pattern(self->s.fd, key, 9, version, 3 * MiB + i, NULL);
	}
	return err;
}

static unsigned int resent(int sock)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(sock, IPPROTO_TCP, TCP_INFO, &info, &len) ? 0 :
	       info.tcpi_total_retrans;
}

#define EXPECT_ARRIVED(rx) \
	do { \
		zct_rx_wait(rx, self->m.len); \
		EXPECT_MESSAGE(&self->m, self->sv[0], rx); \
	} while (0)

/* All is sent and nothing arrives; then the object goes, and then it arrives. */
TEST_F(netem, gone_before_it_leaves)
{
	struct zct_rx rx = { 0 };

	ASSERT_EQ(0, link_is(NOTHING_PASSES));
	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUFFORCE, 32 * MiB));
	self->send.flags = ZC_SEND_NOWAIT;
	ASSERT_OK(zct_send(self->s.fd, &self->send));
	ASSERT_EQ(self->m.len, self->send.sent);
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_EQ(0, zct_used(&self->s));
	ASSERT_OK(use_memory(self, 2));
	ASSERT_EQ(0, link_is(BAD_LINK));
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	EXPECT_ARRIVED(&rx);
	EXPECT_LT(0, resent(self->sv[0]));
}

/* It goes in pieces over a bad link, and goes away between them. */
TEST_F(netem, gone_on_its_way)
{
	unsigned int version = 2, pieces = 0;
	struct zct_rx rx = { 0 };
	int err;

	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 200000));
	ASSERT_OK(zct_rx_start(&rx, self->sv[1]));
	self->send.flags = ZC_SEND_NOWAIT | ZC_SEND_PIN;
	for (;;) {
		err = zct_send(self->s.fd, &self->send);
		if (err == -EAGAIN) {
			poll(&(struct pollfd){ self->sv[0], POLLOUT, 0 }, 1, -1);
			continue;
		}
		ASSERT_OK(err);
		if (self->send.flags & ZC_SEND_FD)
			close(self->send.fd);
		self->send.skip += self->send.sent;
		if (self->send.skip == self->m.len)
			break;
		ASSERT_LE(0, self->send.pinned);
		self->send.fd = self->send.pinned;
		self->send.pinned = 0;
		self->send.flags |= ZC_SEND_FD;
		self->send.key = self->send.key_len = 0;
		if (pieces++ % 4 == 0) {
			ASSERT_OK(zct_put_pattern(self->s.fd, "k", 9, version++, LEN, NULL));
		}
	}
	ASSERT_OK(use_memory(self, version));
	EXPECT_LT(1, pieces);
	EXPECT_ARRIVED(&rx);
}

/* By IPv6 the other goes, with TLS; and of that one version. */
ZCT_MAIN_SLOW_WITHOUT("-Vv6", "-Vv4_tls12")
