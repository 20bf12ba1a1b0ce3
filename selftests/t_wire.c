// SPDX-License-Identifier: GPL-2.0-only
/*
 * How a message leaves: in which segments, held back or not, over a route that
 * takes pages by reference and over one that does not.
 */
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <time.h>
#include <arpa/inet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "zc_harness.h"

#define BIG	(3 * MiB + 77)
#define HEADER	300

FIXTURE(wire) {
	struct zct_store s;
	int sv[2];
	unsigned char *buf;
	struct zc_part part[4];
	struct zc_send send;
	pid_t peer;
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
	int status;

	if (self->sv[0] >= 0)
		close(self->sv[0]);
	if (self->sv[1] >= 0)
		close(self->sv[1]);
	if (self->peer > 0) {
		kill(self->peer, SIGKILL);
		waitpid(self->peer, &status, 0);
	}
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

static __u32 segments(int sock)
{
	/* the C library's struct ends before tcpi_data_segs_out */
	unsigned char info[512] = { 0 };
	socklen_t len = sizeof(info);
	__u32 n = 0;

	if (!getsockopt(sock, IPPROTO_TCP, TCP_INFO, info, &len) && len >= 160)
		memcpy(&n, info + 156, sizeof(n));
	return n;
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

/* --- a route that is not the loopback: two name spaces and a pair of devices */

static int run(const char *fmt, int arg)
{
	char line[200], *end;

	snprintf(line, sizeof(line), fmt, arg);
	end = line + strlen(line);
	snprintf(end, sizeof(line) - (end - line), " >/dev/null 2>&1");
	return system(line);
}

/* A process that is nothing but the owner of another network name space. */
static pid_t other_netns(void)
{
	int p[2];
	char byte;
	pid_t pid;

	if (pipe(p))
		return -1;
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNET) || write(p[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(p[1]);
	if (pid > 0 && read(p[0], &byte, 1) != 1)
		pid = -1;
	close(p[0]);
	return pid;
}

static int set_sg(const char *device, __u32 on)
{
	struct ethtool_value value = { .cmd = ETHTOOL_SSG, .data = on };
	struct ifreq ifr = { 0 };
	int err, sock = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	ifr.ifr_data = (void *)&value;
	err = ioctl(sock, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
	close(sock);
	return err;
}

static int sign(int sock, const char *peer)
{
	struct tcp_md5sig md5 = { .tcpm_keylen = 3, .tcpm_key = "key" };
	struct sockaddr_in *addr = (struct sockaddr_in *)&md5.tcpm_addr;

	addr->sin_family = AF_INET;
	addr->sin_addr.s_addr = inet_addr(peer);
	return setsockopt(sock, IPPROTO_TCP, TCP_MD5SIG, &md5, sizeof(md5));
}

/* [0] here, [1] in the other name space. */
static int routed_pair(pid_t peer, bool md5, int sv[2])
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	int here, there, lsock;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", peer);
	here = open("/proc/self/ns/net", O_RDONLY);
	there = open(path, O_RDONLY);
	if (setns(there, CLONE_NEWNET))
		return -errno;
	lsock = socket(AF_INET, SOCK_STREAM, 0);
	addr.sin_addr.s_addr = inet_addr("10.99.0.2");
	if (md5 && sign(lsock, "10.99.0.1"))
		return -errno;
	if (bind(lsock, (void *)&addr, len) || listen(lsock, 1) ||
	    getsockname(lsock, (void *)&addr, &len) || setns(here, CLONE_NEWNET))
		return -errno;
	close(here);
	close(there);
	sv[0] = socket(AF_INET, SOCK_STREAM, 0);
	if ((md5 && sign(sv[0], "10.99.0.2")) || connect(sv[0], (void *)&addr, len))
		return -errno;
	sv[1] = accept(lsock, NULL, NULL);
	close(lsock);
	return sv[1] < 0 ? -errno : 0;
}

TEST_F(wire, routed)
{
	const __u64 spliced = variant->md5 ? 0 : BIG;
	struct zc_nl_store before, after;
	struct zct_rx rx = { 0 };
	int err;

	self->peer = other_netns();
	ASSERT_LT(0, self->peer);
	if (run("ip link add zcv0 type veth peer name zcv1 netns %d", self->peer))
		SKIP(return, "no veth devices, or no ip");
	ASSERT_EQ(0, run("ip addr add 10.99.0.1/24 dev zcv0 && ip link set zcv0 up", 0));
	ASSERT_EQ(0, run("nsenter -t %d -n sh -c 'ip addr add 10.99.0.2/24 dev zcv1 && "
			 "ip link set zcv1 up'", self->peer));
	ASSERT_OK(set_sg("zcv0", variant->sg));
	err = routed_pair(self->peer, variant->md5, self->sv);
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
	/* evicted or not while it is under way, the bytes are right */
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	close(self->sv[0]);
	self->sv[0] = -1;
	EXPECT_OK(zct_rx_join(&rx));
	EXPECT_EQ(BIG, rx.len);
	EXPECT_EQ(-1, zct_check(rx.data, rx.len, 1, 1, 0));
	zct_rx_free(&rx);
	run("ip link del zcv0", 0);
}

TEST_HARNESS_MAIN
