// SPDX-License-Identifier: GPL-2.0-only
/* Fill fds that are shared, passed on, inherited, outlived and killed. */
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "zc_harness.h"

ZCT_STORE_FIXTURE(fill_life, .capacity = 32 * MiB)

static int send_fd(int sock, int fd)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u = { 0 };
	struct iovec iov = { "f", 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = u.buf,
			      .msg_controllen = sizeof(u.buf) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(sock, &msg, 0) == 1 ? 0 : -errno;
}

static int recv_fd(int sock)
{
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} u;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = u.buf,
			      .msg_controllen = sizeof(u.buf) };
	int fd;

	if (recvmsg(sock, &msg, 0) != 1 || !CMSG_FIRSTHDR(&msg))
		return -EIO;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(int));
	return fd;
}

TEST_F(fill_life, dup)
{
	int fd, copy;

	fd = zct_fill_key(self->s.fd, "k", 2, 0);
	ASSERT_FD(fd);
	copy = dup(fd);
	ASSERT_EQ(1, write(fd, "a", 1));
	close(fd);
	/* the last copy counts */
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_ABORTS));
	/* one position for both */
	ASSERT_EQ(1, write(copy, "b", 1));
	EXPECT_OK(zct_commit_fd(copy, NULL));
	fd = dup(copy);
	EXPECT_ERR(EALREADY, zct_commit_fd(fd, NULL));
	close(copy);
	close(fd);
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_ABORTS));
	EXPECT_EQ(1, zct_objects(&self->s));
}

TEST_F(fill_life, passed)
{
	int fd, sv[2], status;
	pid_t pid;

	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, sv));
	fd = zct_fill_key(self->s.fd, "k", 100000, 0);
	ASSERT_FD(fd);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		unsigned char *buf = zct_alloc(100000);

		/* its inherited copy is not the one it uses */
		close(fd);
		fd = recv_fd(sv[1]);
		zct_pattern(buf, 100000, 1, 1, 0);
		if (fd < 0 || write(fd, buf, 100000) != 100000)
			_exit(1);
		_exit(zct_commit_fd(fd, NULL) ? 2 : 0);
	}
	ASSERT_OK(send_fd(sv[0], fd));
	close(fd);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, 1, 100000));
	/* one that nobody ever takes out of the socket */
	fd = zct_fill_key(self->s.fd, "lost", 100000, 0);
	ASSERT_FD(fd);
	ASSERT_OK(send_fd(sv[0], fd));
	close(fd);
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_ABORTS));
	close(sv[0]);
	close(sv[1]);
	EXPECT_EQ(1, zct_count(&self->s, ZC_C_ABORTS));
	EXPECT_EQ(1, zct_objects(&self->s));
}

TEST_F(fill_life, forked)
{
	int fd, go[2], status;
	pid_t pid;
	char byte;

	ASSERT_OK(pipe(go));
	fd = zct_fill_key(self->s.fd, "k", 100000, 0);
	ASSERT_FD(fd);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(go[1]);
		/* the parent has let go of its copy when this returns */
		if (read(go[0], &byte, 1))
			_exit(1);
		_exit(write(fd, &byte, 1) == 1 ? 0 : 2);
	}
	close(go[0]);
	close(fd);
	EXPECT_EQ(0, zct_count(&self->s, ZC_C_ABORTS));
	close(go[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	/* no commit: the last exit ended it */
	EXPECT_EQ(1, zct_count(&self->s, ZC_C_ABORTS));
	EXPECT_EQ(0, zct_used(&self->s));
}

/* SIGKILL while it writes: nothing of it stays. */
TEST_F(fill_life, killed)
{
	unsigned int i, rounds = zct_times(20);
	int p[2], status;
	__u64 used;
	pid_t pid;
	char byte;

	ASSERT_OK(zct_put_pattern(self->s.fd, "k", 1, 1, 100000, NULL));
	used = zct_used(&self->s);
	for (i = 0; i < rounds; i++) {
		ASSERT_OK(pipe(p));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			unsigned char *buf = zct_alloc(4 * MiB);
			int fd = zct_fill_key(self->s.fd, "k", 4 * MiB, 0);
			size_t at;

			for (at = 0;; at = (at + 65536) % (4 * MiB)) {
				if (pwrite(fd, buf + at, 65536, at) != 65536)
					_exit(1);
				if (at == 65536 * (i % 8) && write(p[1], "x", 1) != 1)
					_exit(2);
			}
		}
		close(p[1]);
		ASSERT_EQ(1, read(p[0], &byte, 1));
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status));
		close(p[0]);
		ASSERT_EQ(used, zct_used(&self->s));
		ASSERT_EQ(1, zct_objects(&self->s));
	}
	EXPECT_EQ(rounds, zct_count(&self->s, ZC_C_ABORTS));
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, 1, 100000));
}

/* SIGKILL in the middle of a PUT: all or nothing. */
TEST_F(fill_life, put_killed)
{
	unsigned int i, rounds = zct_times(20);
	int p[2], status;
	pid_t pid;
	char byte;

	for (i = 0; i < rounds; i++) {
		ASSERT_OK(pipe(p));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid) {
			unsigned char *buf = zct_alloc(8 * MiB);

			zct_pattern(buf, 8 * MiB, 1, 1, 0);
			if (write(p[1], "x", 1) != 1)
				_exit(1);
			for (;;)
				zct_put_data(self->s.fd, "k", buf, 8 * MiB, NULL);
		}
		close(p[1]);
		ASSERT_EQ(1, read(p[0], &byte, 1));
		kill(pid, SIGKILL);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		close(p[0]);
		if (zct_objects(&self->s)) {
			EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, 1, 8 * MiB));
			ASSERT_OK(zct_delete_key(self->s.fd, "k"));
		}
		ASSERT_EQ(0, zct_used(&self->s));
	}
}

/* A process that exits without closing, or is replaced by another program. */
TEST_F(fill_life, exec)
{
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (zct_fill_key(self->s.fd, "k", 1 * MiB, 0) < 0 ||
		    zct_fill_key(self->s.fd, "k", 100, 0) < 0)
			_exit(1);
		execl("/bin/true", "true", NULL);
		_exit(2);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(2, zct_count(&self->s, ZC_C_ABORTS));
	EXPECT_EQ(0, zct_used(&self->s));
}

/* The store goes while a fill is under way. */
TEST_F(fill_life, store_deleted)
{
	unsigned char buf[8192] = { 0 };
	struct zct_store gone;
	int fd, small;

	ASSERT_OK(zct_store_new(&gone, NULL));
	fd = zct_fill_key(gone.fd, "k", 8192, 0);
	small = zct_fill_key(gone.fd, "s", 10, 0);
	ASSERT_FD(fd);
	ASSERT_FD(small);
	ASSERT_EQ(4096, write(fd, buf, 4096));
	EXPECT_ERR(EBUSY, zc_nl_store_del(gone.name, false));
	close(gone.fd);
	EXPECT_ERR(EBUSY, zc_nl_store_del(gone.name, false));
	/* refused, so nothing happened */
	EXPECT_EQ(4096, write(fd, buf, 4096));
	EXPECT_OK(zc_nl_store_del(gone.name, true));
	EXPECT_ERR(ENODEV, zct_commit_fd(fd, NULL));
	/* to write is useless now, and may say so */
	EXPECT_TRUE(write(small, buf, 10) == 10 || errno == ENODEV);
	EXPECT_ERR(ENODEV, zct_commit_fd(small, NULL));
	close(fd);
	close(small);
}

static void *closer(void *arg)
{
	close(*(int *)arg);
	return NULL;
}

/* A commit races the close of the same fd: committed or not, never half. */
TEST_F(fill_life, commit_races_close)
{
	unsigned int i, rounds = zct_times(300);
	unsigned char buf[5000];
	pthread_t thread;
	int fd, err, closed;

	zct_pattern(buf, sizeof(buf), 2, 1, 0);
	for (i = 0; i < rounds; i++) {
		fd = zct_fill_key(self->s.fd, "k", sizeof(buf), 0);
		ASSERT_FD(fd);
		ASSERT_EQ((ssize_t)sizeof(buf), write(fd, buf, sizeof(buf)));
		closed = fd;
		ASSERT_EQ(0, pthread_create(&thread, NULL, closer, &closed));
		err = zct_commit_fd(fd, NULL);
		pthread_join(thread, NULL);
		EXPECT_TRUE(err == 0 || err == -EBADF) TH_LOG("%d", err);
		EXPECT_EQ(err ? 0 : 1, zct_objects(&self->s));
		if (!err) {
			EXPECT_OK(zct_verify_key(self->s.fd, "k", 2, 1, sizeof(buf)));
			ASSERT_OK(zct_delete_key(self->s.fd, "k"));
		}
		ASSERT_EQ(0, zct_used(&self->s));
	}
}

TEST_HARNESS_MAIN
