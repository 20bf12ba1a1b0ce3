// SPDX-License-Identifier: GPL-2.0-only
/* SEND to what cannot take it, and with arguments that are wrong. */
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "zc_harness.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP	262
#endif

#define BIG	(8 * MiB)

FIXTURE(send_bad) {
	struct zct_store s;
	int sv[2];
	struct zc_part part[4];
	struct zc_send send;
	__u64 used;
	char mark[96];
};

FIXTURE_SETUP(send_bad)
{
	ZCT_START(send_bad);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	ASSERT_OK(zct_put_pattern(self->s.fd, "k", 1, 1, BIG, NULL));
	ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
	self->part[0] = (struct zc_part){ .type = ZC_PART_INLINE, .addr = ZC_ADDR("hello"),
					  .length = 5 };
	self->part[1] = (struct zc_part){ .type = ZC_PART_OBJECT, .length = 100000 };
	self->send = (struct zc_send){ .key = ZC_ADDR("k"), .key_len = 1, .nr_parts = 2,
				       .sock = self->sv[0], .parts = ZC_ADDR(self->part) };
	self->used = zct_used(&self->s);
}

FIXTURE_TEARDOWN(send_bad)
{
	if (self->sv[0] >= 0)
		close(self->sv[0]);
	if (self->sv[1] >= 0)
		close(self->sv[1]);
	EXPECT_EQ(self->used, zct_used(&self->s));
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, 1, BIG));
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

/* The pair is untouched, and a good message still goes through. */
#define EXPECT_NOTHING_SENT() \
	EXPECT_OK(zct_silent(self->sv))

static int send_to(FIXTURE_DATA(send_bad) *self, int fd)
{
	struct zc_send send = self->send;

	send.sock = fd;
	return zct_send(self->s.fd, &send);
}

TEST_F(send_bad, not_a_socket)
{
	int p[2], fd;

	EXPECT_ERR(EBADF, send_to(self, -1));
	EXPECT_ERR(EBADF, send_to(self, 0x7fffffff));
	EXPECT_ERR(EBADF, send_to(self, 1000000));
	fd = open("/dev/null", O_RDWR);
	EXPECT_ERR(ENOTSOCK, send_to(self, fd));
	close(fd);
	EXPECT_ERR(EBADF, send_to(self, fd));
	fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	EXPECT_ERR(ENOTSOCK, send_to(self, fd));
	close(fd);
	ASSERT_OK(pipe(p));
	EXPECT_ERR(ENOTSOCK, send_to(self, p[1]));
	close(p[0]);
	close(p[1]);
	fd = eventfd(0, 0);
	EXPECT_ERR(ENOTSOCK, send_to(self, fd));
	close(fd);
	fd = epoll_create1(0);
	EXPECT_ERR(ENOTSOCK, send_to(self, fd));
	close(fd);
	EXPECT_ERR(ENOTSOCK, send_to(self, self->s.fd));
	fd = zct_open_key(self->s.fd, "k");
	EXPECT_ERR(ENOTSOCK, send_to(self, fd));
	close(fd);
	fd = open("/tmp", O_PATH);
	EXPECT_ERR(EBADF, send_to(self, fd));
	close(fd);
}

TEST_F(send_bad, other_sockets)
{
	struct sockaddr_in6 addr = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof(addr);
	int fd, peer, sv[2];

	/* datagrams, connected so that only their kind is wrong */
	addr.sin6_addr = in6addr_loopback;
	peer = socket(AF_INET6, SOCK_DGRAM, 0);
	ASSERT_OK(bind(peer, (void *)&addr, len));
	ASSERT_OK(getsockname(peer, (void *)&addr, &len));
	fd = socket(AF_INET6, SOCK_DGRAM, 0);
	ASSERT_OK(connect(fd, (void *)&addr, len));
	EXPECT_ERR(EOPNOTSUPP, send_to(self, fd));
	EXPECT_EQ(-1, recv(peer, sv, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	close(fd);
	close(peer);

	fd = socket(AF_INET, SOCK_RAW, IPPROTO_TCP);
	if (fd >= 0) {
		EXPECT_ERR(EOPNOTSUPP, send_to(self, fd));
		close(fd);
	}
	fd = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);
	if (fd >= 0) {
		EXPECT_ERR(EOPNOTSUPP, send_to(self, fd));
		close(fd);
	}
	fd = socket(AF_NETLINK, SOCK_RAW, 0);
	EXPECT_ERR(EOPNOTSUPP, send_to(self, fd));
	close(fd);
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_SENDS));
}

TEST_F(send_bad, not_connected)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd;

	fd = socket(AF_INET, SOCK_STREAM, 0);
	EXPECT_ERR(ENOTCONN, send_to(self, fd));
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ASSERT_OK(bind(fd, (void *)&addr, sizeof(addr)));
	EXPECT_ERR(ENOTCONN, send_to(self, fd));
	ASSERT_OK(listen(fd, 1));
	EXPECT_ERR(ENOTCONN, send_to(self, fd));
	close(fd);
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0);
	EXPECT_ERR(ENOTCONN, send_to(self, fd));
	close(fd);
}

static volatile sig_atomic_t signals;

static void on_signal(int sig)
{
	(void)sig;
	signals++;
}

static void catch(int sig)
{
	/* no SA_RESTART: a call that was interrupted says so */
	struct sigaction act = { .sa_handler = on_signal };

	signals = 0;
	sigaction(sig, &act, NULL);
}

TEST_F(send_bad, shut_down)
{
	struct zc_nl_store before;
	char byte;

	catch(SIGPIPE);
	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	ASSERT_OK(shutdown(self->sv[0], SHUT_WR));
	EXPECT_ERR(EPIPE, send_to(self, self->sv[0]));
	self->send.flags = ZC_SEND_NOWAIT;
	EXPECT_ERR(EPIPE, send_to(self, self->sv[0]));
	self->send.flags = ZC_SEND_COPY;
	EXPECT_ERR(EPIPE, send_to(self, self->sv[0]));
	EXPECT_EQ(0, signals);
	EXPECT_EQ(0, read(self->sv[1], &byte, 1));
	EXPECT_EQ(before.count[ZC_C_SENDS_FAILED] + 3, zct_count(&self->s, ZC_C_SENDS_FAILED));
	EXPECT_EQ(before.count[ZC_C_HITS] + 3, zct_count(&self->s, ZC_C_HITS));
}

TEST_F(send_bad, peer_resets)
{
	struct linger linger = { 1, 0 };
	int err;

	catch(SIGPIPE);
	/* a close that sends a reset */
	ASSERT_OK(setsockopt(self->sv[1], SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)));
	close(self->sv[1]);
	self->sv[1] = -1;
	err = send_to(self, self->sv[0]);
	EXPECT_TRUE(err == -ECONNRESET || err == -EPIPE) TH_LOG("%d", err);
	/* the error was told once; from then on the pipe is broken */
	EXPECT_ERR(EPIPE, send_to(self, self->sv[0]));
	EXPECT_EQ(0, signals);
}

static void *read_and_close(void *arg)
{
	char *buf = zct_alloc(300000);
	int fd = *(int *)arg;

	zct_read_all(fd, buf, 300000);
	close(fd);
	return zct_check(buf, 300000, 1, 1, 0) == -1 ? NULL : (void *)1;
}

/* The peer goes in the middle: what went out is told, the error comes next. */
TEST_F(send_bad, peer_closes)
{
	pthread_t thread;
	void *bad;
	int err;

	catch(SIGPIPE);
	self->part[0] = (struct zc_part){ .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	self->send.nr_parts = 1;
	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 20000));
	ASSERT_OK(zct_bufsize(self->sv[1], SO_RCVBUF, 20000));
	ASSERT_EQ(0, pthread_create(&thread, NULL, read_and_close, &self->sv[1]));
	EXPECT_OK(zct_send(self->s.fd, &self->send));
	EXPECT_LE(300000, self->send.sent);
	EXPECT_GT(BIG, self->send.sent);
	EXPECT_EQ(BIG, self->send.total);
	pthread_join(thread, &bad);
	self->sv[1] = -1;
	EXPECT_EQ(NULL, bad);
	EXPECT_EQ(1, zct_count(&self->s, ZC_C_SENDS_PARTIAL));
	self->send.skip = self->send.sent;
	err = zct_send(self->s.fd, &self->send);
	EXPECT_TRUE(err == -ECONNRESET || err == -EPIPE) TH_LOG("%d", err);
	EXPECT_EQ(0, signals);
}

/* A child that sends more than fits, to a peer that does not read. */
static pid_t blocked_sender(FIXTURE_DATA(send_bad) *self, int out)
{
	pid_t pid = fork();
	char byte;

	if (!pid) {
		int err;

		catch(SIGUSR1);
		self->part[0] = (struct zc_part){ .type = ZC_PART_OBJECT,
						  .flags = ZC_PART_TO_END };
		self->send.nr_parts = 1;
		err = zct_send(self->s.fd, &self->send);
		if (write(out, &err, sizeof(err)) != sizeof(err) ||
		    write(out, &self->send, sizeof(self->send)) != sizeof(self->send))
			_exit(1);
		_exit(signals ? 0 : 2);
	}
	if (pid < 0)
		return pid;
	/* Once bytes have come the call is under way; asleep, it waits for room. */
	if (recv(self->sv[1], &byte, 1, MSG_PEEK) != 1 || zct_wait_asleep(pid))
		return -1;
	return pid;
}

TEST_F(send_bad, killed)
{
	unsigned int i, rounds = zct_times(10);
	struct zc_nl_store st;
	int status;
	pid_t pid;

	ASSERT_OK(zct_bufsize(self->sv[0], SO_SNDBUF, 200000));
	for (i = 0; i < rounds; i++) {
		pid = blocked_sender(self, -1);
		ASSERT_LT(0, pid);
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
		ASSERT_OK(zc_nl_store_get(self->s.name, &st));
		EXPECT_EQ(1, st.opens);
		EXPECT_EQ(self->used, st.used);
		/* the next one on a new connection */
		close(self->sv[0]);
		close(self->sv[1]);
		ASSERT_OK(zct_tcp_pair(ZCT_V4, self->sv));
		self->send.sock = self->sv[0];
	}
}

/* A signal that is handled: progress is told. */
TEST_F(send_bad, signal_after_progress)
{
	struct zc_send result;
	unsigned char *buf;
	int p[2], status, err;
	pid_t pid;

	ASSERT_OK(pipe(p));
	pid = blocked_sender(self, p[1]);
	ASSERT_LT(0, pid);
	kill(pid, SIGUSR1);
	ASSERT_OK(zct_read_all(p[0], &err, sizeof(err)));
	ASSERT_OK(zct_read_all(p[0], &result, sizeof(result)));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_OK(err);
	EXPECT_LT(0, result.sent);
	EXPECT_GT(BIG, result.sent);
	EXPECT_EQ(BIG, result.total);
	/* exactly that many arrive */
	buf = zct_alloc(BIG);
	ASSERT_OK(zct_nonblock(self->sv[1], false));
	ASSERT_OK(zct_read_all(self->sv[1], buf, result.sent));
	EXPECT_EQ(-1, zct_check(buf, result.sent, 1, 1, 0));
	EXPECT_OK(zct_silent(self->sv));
}

/* A signal before the first byte: EINTR, and no byte. */
TEST_F(send_bad, signal_before_progress)
{
	struct zc_send *send = &self->send;
	int p[2], status, err;
	ssize_t stuffed;
	pid_t pid;

	ASSERT_OK(pipe(p));
	stuffed = zct_stuff(self->sv[0]);
	ASSERT_LT(0, stuffed);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		catch(SIGUSR1);
		if (write(p[1], "x", 1) != 1)
			_exit(1);
		/* what the receiver's kernel had no room for before, it may take by now */
		do {
			err = zct_send(self->s.fd, send);
			send->skip += err ? 0 : send->sent;
		} while (!err && send->skip < send->total);
		if (write(p[1], &send->skip, sizeof(send->skip)) != sizeof(send->skip))
			_exit(1);
		_exit(err == -EINTR && signals ? 0 : 2);
	}
	ASSERT_EQ(1, read(p[0], &err, 1));
	ASSERT_OK(zct_wait_asleep(pid));
	/* a signal that came before the call did not wake it: another */
	do {
		kill(pid, SIGUSR1);
		sched_yield();
	} while (!waitpid(pid, &status, WNOHANG));
	EXPECT_EQ(0, status);
	ASSERT_EQ(sizeof(send->skip), read(p[0], &send->skip, sizeof(send->skip)));
	stuffed += send->skip;
	ASSERT_OK(zct_read_all(self->sv[1], zct_alloc(stuffed), stuffed));
	EXPECT_NOTHING_SENT();
}

TEST_F(send_bad, full)
{
	struct zc_send send;
	ssize_t stuffed;
	int way;

	stuffed = zct_stuff(self->sv[0]);
	ASSERT_LT(0, stuffed);
	for (way = 0; way < 4; way++) {
		send = self->send;
		send.flags = way & 1 ? ZC_SEND_COPY : 0;
		if (way & 2)
			send.flags |= ZC_SEND_NOWAIT;
		ASSERT_OK(zct_nonblock(self->sv[0], !(way & 2)));
		EXPECT_ERR(EAGAIN, zct_send(self->s.fd, &send));
		/* with the object first, too */
		send.parts += sizeof(struct zc_part);
		send.nr_parts = 1;
		EXPECT_ERR(EAGAIN, zct_send(self->s.fd, &send));
	}
	EXPECT_EQ(8, zct_count(&self->s, ZC_C_SENDS_FAILED));
	ASSERT_OK(zct_nonblock(self->sv[0], false));
	ASSERT_OK(zct_read_all(self->sv[1], zct_alloc(stuffed), stuffed));
	EXPECT_NOTHING_SENT();
}

/* SO_SNDTIMEO: a blocking socket that waits only so long. */
TEST_F(send_bad, send_timeout)
{
	struct timeval tv = { .tv_usec = 20000 };
	struct zc_send send = self->send;
	ssize_t stuffed;

	stuffed = zct_stuff(self->sv[0]);
	ASSERT_LT(0, stuffed);
	ASSERT_OK(setsockopt(self->sv[0], SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)));
	EXPECT_ERR(EAGAIN, zct_send(self->s.fd, &send));
	ASSERT_OK(zct_read_all(self->sv[1], zct_alloc(stuffed), stuffed));
	EXPECT_NOTHING_SENT();
}

TEST_F(send_bad, bad_parts)
{
	static const struct {
		struct zc_part part;
		int err;
	} bad[] = {
		{ { .type = 0 }, EINVAL },
		{ { .type = ZC_PART_SELECT + 1 }, EINVAL },
		{ { .type = ~0U }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .flags = ZC_PART_FD }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .flags = 8 }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .flags = 0x80000001 }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END | ZC_PART_SUFFIX }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .flags = ZC_PART_SUFFIX, .offset = 1 }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END, .length = 1 }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .addr = 1 }, EINVAL },
		{ { .type = ZC_PART_OBJECT, .generation = 1 }, EINVAL },
		{ { .type = ZC_PART_HEADER, .addr = 1 }, EINVAL },
		{ { .type = ZC_PART_HEADER, .offset = 1 }, EINVAL },
		{ { .type = ZC_PART_HEADER, .length = 1 }, EINVAL },
		{ { .type = ZC_PART_HEADER, .flags = ZC_PART_TO_END }, EINVAL },
		{ { .type = ZC_PART_HEADER, .generation = 1ULL << 63 }, EINVAL },
		{ { .type = ZC_PART_SELECT }, EINVAL },
		{ { .type = ZC_PART_SELECT, .length = 1 }, EFAULT },
		{ { .type = ZC_PART_SELECT, .addr = ZC_BAD_TOP, .length = 9 }, EFAULT },
		{ { .type = ZC_PART_SELECT, .addr = 8, .length = ZC_KEY_MAX + 1 },
		  ENAMETOOLONG },
		{ { .type = ZC_PART_SELECT, .addr = 8, .length = ~0ULL }, EINVAL },
		{ { .type = ZC_PART_SELECT, .offset = 1, .length = 1 }, EINVAL },
		{ { .type = ZC_PART_SELECT, .flags = ZC_PART_TO_END }, EINVAL },
		{ { .type = ZC_PART_SELECT, .flags = ZC_PART_FD, .length = 1 }, EINVAL },
		{ { .type = ZC_PART_SELECT, .flags = ZC_PART_FD, .addr = 1 }, EINVAL },
		{ { .type = ZC_PART_SELECT, .flags = ZC_PART_FD, .offset = 1000000 }, EBADF },
		{ { .type = ZC_PART_INLINE, .offset = 1 }, EINVAL },
		{ { .type = ZC_PART_INLINE, .flags = ZC_PART_TO_END }, EINVAL },
		{ { .type = ZC_PART_INLINE, .generation = 1 }, EINVAL },
		{ { .type = ZC_PART_INLINE, .length = 1 }, EFAULT },
		{ { .type = ZC_PART_INLINE, .length = 4096, .addr = ZC_BAD_KERNEL }, EFAULT },
		{ { .type = ZC_PART_INLINE, .length = 4096, .addr = ZC_BAD_TOP }, EFAULT },
		{ { .type = ZC_PART_INLINE, .length = 1, .addr = ~0ULL }, EFAULT },
		{ { .type = ZC_PART_INLINE, .length = ZC_INLINE_BYTES_MAX + 1 }, EMSGSIZE },
		{ { .type = ZC_PART_INLINE, .length = ~0ULL }, EMSGSIZE },
		{ { .type = ZC_PART_INLINE, .length = ZC_INLINE_BYTES_MAX - 4 }, EMSGSIZE },
		{ { .type = ZC_PART_INLINE, .length = ~0ULL - 4 }, EMSGSIZE },
		{ { .type = ZC_PART_OBJECT, .length = BIG + 1 }, ERANGE },
		{ { .type = ZC_PART_OBJECT, .offset = BIG, .length = 1 }, ERANGE },
		{ { .type = ZC_PART_OBJECT, .offset = BIG + 1 }, ERANGE },
		{ { .type = ZC_PART_OBJECT, .offset = BIG + 1, .flags = 1 }, ERANGE },
		{ { .type = ZC_PART_OBJECT, .offset = ~0ULL, .length = 2 }, ERANGE },
		{ { .type = ZC_PART_OBJECT, .offset = ~0ULL, .flags = 1 }, ERANGE },
		{ { .type = ZC_PART_OBJECT, .offset = 1, .length = ~0ULL }, ERANGE },
		{ { .type = ZC_PART_OBJECT, .offset = 1ULL << 63 }, ERANGE },
	};
	struct zc_nl_store before, after;
	unsigned int i;

	/* good parts come first: they must not go out */
	self->send.nr_parts = 3;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->part[2] = bad[i].part;
		EXPECT_ERR(bad[i].err, zct_send(self->s.fd, &self->send))
			TH_LOG("part %u", i);
	}
	ASSERT_OK(zc_nl_store_get(self->s.name, &before));
	EXPECT_NOTHING_SENT();
	EXPECT_EQ(0, before.count[ZC_C_SENDS]);
	EXPECT_EQ(0, before.count[ZC_C_COPIED_BYTES]);
	/* the object has no header blob */
	self->part[2] = (struct zc_part){ .type = ZC_PART_HEADER };
	EXPECT_ERR(ENODATA, zct_send(self->s.fd, &self->send));
	ASSERT_OK(zc_nl_store_get(self->s.name, &after));
	EXPECT_EQ(0, after.count[ZC_C_COPIED_BYTES]);
	EXPECT_NOTHING_SENT();
}

/* The bad bytes are in the middle of what INLINE names. */
TEST_F(send_bad, inline_fault)
{
	char *mem;

	mem = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	memset(mem, 'x', 8192);
	ASSERT_OK(mprotect(mem + 4096, 4096, PROT_NONE));
	self->part[1] = (struct zc_part){ .type = ZC_PART_INLINE, .addr = ZC_ADDR(mem),
					  .length = 5000 };
	EXPECT_ERR(EFAULT, zct_send(self->s.fd, &self->send));
	EXPECT_NOTHING_SENT();
	munmap(mem, 8192);
}

TEST_F(send_bad, parts_address)
{
	static const __u64 bad[] = { 0, ZC_BAD_LOW, ZC_BAD_KERNEL, ZC_BAD_TOP, ~0ULL - 39 };
	unsigned char *mem;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		self->send.parts = bad[i];
		EXPECT_ERR(EFAULT, zct_send(self->s.fd, &self->send));
	}
	/* the array ends where the memory does not */
	mem = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_OK(mprotect(mem + 4096, 4096, PROT_NONE));
	memcpy(mem + 4096 - sizeof(struct zc_part), self->part, sizeof(struct zc_part));
	self->send.parts = ZC_ADDR(mem + 4096 - sizeof(struct zc_part));
	EXPECT_ERR(EFAULT, zct_send(self->s.fd, &self->send));
	EXPECT_NOTHING_SENT();
	munmap(mem, 8192);
}

TEST_F(send_bad, no_object)
{
	struct zct_store other;

	self->send.key = ZC_ADDR("other");
	self->send.key_len = 5;
	EXPECT_ERR(ENOENT, zct_send(self->s.fd, &self->send));
	self->send.key = 0;
	self->send.key_len = 0;
	EXPECT_ERR(EINVAL, zct_send(self->s.fd, &self->send));
	self->send.flags = ZC_SEND_FD;
	self->send.fd = -1;
	EXPECT_ERR(EBADF, zct_send(self->s.fd, &self->send));
	ASSERT_OK(zct_store_new(&other, NULL));
	ASSERT_OK(zct_put_pattern(other.fd, "k", 1, 1, 200000, NULL));
	self->send.fd = zct_open_key(other.fd, "k");
	EXPECT_ERR(EXDEV, zct_send(self->s.fd, &self->send));
	close(self->send.fd);
	EXPECT_OK(zct_store_end(&other));
	EXPECT_NOTHING_SENT();
}

/* What waits in a socket's queue is right, whatever happens to the object. */
TEST_F(send_bad, queue_outlives_object)
{
	struct zct_store other;
	unsigned char *buf = zct_alloc(BIG);

	ASSERT_OK(zct_store_new(&other, NULL));
	ASSERT_OK(zct_put_pattern(other.fd, "k", 4, 4, BIG, NULL));
	self->part[0] = (struct zc_part){ .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	self->send.nr_parts = 1;
	self->send.flags = ZC_SEND_NOWAIT;
	ASSERT_OK(zct_send(other.fd, &self->send));
	EXPECT_LT(0, self->send.sent);
	ASSERT_OK(zct_delete_key(other.fd, "k"));
	EXPECT_EQ(0, zct_used(&other));
	/* the memory would be used for this one */
	ASSERT_OK(zct_put_pattern(other.fd, "x", 5, 5, BIG, NULL));
	EXPECT_OK(zct_store_end(&other));
	ASSERT_OK(zct_read_all(self->sv[1], buf, self->send.sent));
	EXPECT_EQ(-1, zct_check(buf, self->send.sent, 4, 4, 0));
	EXPECT_NOTHING_SENT();
}

TEST_HARNESS_MAIN
