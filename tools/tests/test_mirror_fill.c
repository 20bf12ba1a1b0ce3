// SPDX-License-Identifier: GPL-2.0-only
/* The mirror: fills, keys that are reserved, and who waits for them. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zcache.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

static struct zc_cache *cache;

static int fill(const char *key, uint64_t len, uint32_t flags)
{
	struct zc_put p = {
		.flags = flags, .key = zc_ptr(key), .key_len = strlen(key), .data_len = len,
		.etag = zc_ptr("e"), .etag_len = 1,
	};

	return zc_fill(cache, &p);
}

static void fills(void)
{
	struct zc_open o = { .key = zc_ptr("f"), .key_len = 1 };
	struct zc_stat st = { .flags = ZC_STAT_FD };
	struct zc_mirror_status status;
	char buf[8];
	struct zc_get get = { .flags = ZC_GET_FD, .buf = zc_ptr(buf), .buf_len = sizeof(buf) };
	uint64_t generation = 0;
	int fd;

	fd = fill("f", 6, 0);
	ok(fd >= 0, "fill returns a fd");
	is_int(fcntl(fd, F_GETFD), FD_CLOEXEC, "it is close-on-exec");
	is_int(used(cache), 8192, "its room is used");
	is_int(zc_mirror_status(cache, &status), 0, "status");
	ok(status.pinned == 8192 && status.data == 0 && status.metadata == 0, "by the fill");
	is_int(zc_commit(cache, fd, &generation), -ENODATA, "commit of nothing is refused");
	is_int(pwrite(fd, "def", 3, 3), 3, "the end first");
	is_int(lseek(fd, 2, SEEK_SET), 2, "a position");
	is_int(write(fd, "c", 1), 1, "in between");
	is_int(lseek(fd, 0, SEEK_CUR), 3, "goes on");
	is_int(pwrite(fd, "ab", 2, 0), 2, "and the start");
	is_int(zc_open_object(cache, &o), -ENOENT, "not visible before the commit");
	is_int(zc_commit(cache, fd, &generation), 0, "commit");
	ok(generation != 0, "gives a generation");
	zc_mirror_status(cache, &status);
	ok(status.pinned == 0 && status.data == 6 && status.metadata == 8186, "and the room");
	is_int(zc_commit(cache, fd, NULL), -EALREADY, "but once");
	st.fd = fd;
	get.fd = fd;
	is_int(zc_stat(cache, &st), -EINVAL, "a fill fd is no object fd");
	is_int(zc_get(cache, &get), -EINVAL, "nor to read of, though it was committed");
	is_int(pwrite(fd, "a", 1, 0), 1, "and is written to: nothing is frozen");
	close(fd);
	fd = zc_open_object(cache, &o);
	is_int(o.generation, generation, "open finds it");
	is_mem(buf, pread(fd, buf, sizeof(buf), 0), "abcdef", 6, "with its bytes");
	is_int(zc_commit(cache, fd, NULL), -EBADF, "an object fd is no fill fd");
	close(fd);

	fd = fill("f", 5, 0);
	is_int(write(fd, "123456", 6), 6, "too many bytes");
	is_int(zc_commit(cache, fd, NULL), -EFBIG, "are refused by the commit");
	is_int(ftruncate(fd, 5), 0, "without them");
	is_int(zc_commit(cache, fd, NULL), 0, "it works");
	close(fd);
	fd = fill("f", 1 << 20, 0);
	is_int(pwrite(fd, "x", 1, (1 << 20) - 1), 1, "the last byte of a hole");
	is_int(zc_commit(cache, fd, NULL), -ENODATA, "is refused");
	close(fd);
	is_int(used(cache), 8192, "a fill that was given up uses nothing");
	fd = fill("f", 0, ZC_PUT_EXCL);
	is_int(zc_commit(cache, fd, NULL), -EEXIST, "EXCL at the commit");
	close(fd);
	fd = fill("nothing", 0, ZC_PUT_EXCL);
	is_int(zc_commit(cache, fd, NULL), 0, "no bytes at all");
	close(fd);
	is_int(zc_commit(cache, 0, NULL), -EBADF, "another file is no fill");
	is_int(counted(cache, ZC_C_FILLS), 5, "fills");
	is_int(counted(cache, ZC_C_COMMITS), 3, "commits");
	is_int(counted(cache, ZC_C_ABORTS), 2, "aborts");
	is_int(counted(cache, ZC_C_FILL_BYTES), 11, "bytes");
	is_int(counted(cache, ZC_C_MISS_BYTES), 6, "bytes that were missing");
}

static void send_fd(int sock, int fd)
{
	char room[CMSG_SPACE(sizeof(fd))] = "", byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
		.msg_controllen = sizeof(room),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	if (sendmsg(sock, &msg, 0) != 1)
		_exit(9);
}

static int recv_fd(int sock)
{
	char room[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
		.msg_controllen = sizeof(room),
	};
	int fd = -1;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

/* Another process, with a handle of its own: commits a fill, and names objects by fd. */
static int other_process(int sock)
{
	struct zc_cache *c = mirror_open("fill", O_RDWR);
	struct zc_stat s = { .flags = ZC_STAT_FD };
	int fd = recv_fd(sock), bad = 0;

	bad |= zc_commit(c, fd, NULL) ? 1 : 0;
	close(fd);
	s.fd = recv_fd(sock);
	bad |= zc_stat(c, &s) || s.data_len != 4 || s.etag_len != 1 ? 2 : 0;
	/* Its name is gone, but it was told of before. */
	bad |= put_object(c, "passed", "new", 3, NULL, NULL, NULL) ? 4 : 0;
	s = (struct zc_stat) { .flags = ZC_STAT_FD, .fd = s.fd };
	bad |= zc_stat(c, &s) || s.data_len != 4 ? 8 : 0;
	close(s.fd);
	zc_close(c);
	return bad;
}

static void passing(void)
{
	struct zc_open o = { .key = zc_ptr("passed"), .key_len = 6 };
	int sv[2], fd, status, object;
	pid_t pid;

	ok(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), "sockets");
	fd = fill("passed", 4, 0);
	is_int(write(fd, "data", 4), 4, "a fill");
	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(other_process(sv[1]));
	send_fd(sv[0], fd);
	close(fd);
	do {
		object = zc_open_object(cache, &o);
	} while (object == -ENOENT && !sched_yield());
	send_fd(sv[0], object);
	is_int(waitpid(pid, &status, 0), pid, "another process");
	is_int(status, 0, "commits it, and knows the object fd");
	close(object);
	close(sv[0]);
	close(sv[1]);
}

static void *wait_without_end(void *arg)
{
	*(int *)arg = wait_for(cache, "r", 0, -1);
	return NULL;
}

static void reservations(void)
{
	struct zc_delete d = { .flags = ZC_DELETE_SOFT, .key = zc_ptr("r"), .key_len = 1 };
	int fd, other, waiting, got = 1;
	pthread_t thread;

	is_int(wait_for(cache, "r", 0, -1), -ENOENT, "wait for nobody");
	fd = fill("r", 4, ZC_PUT_RESERVE);
	ok(fd >= 0, "a fill with a reservation");
	is_int(fill("r", 4, ZC_PUT_RESERVE), -EBUSY, "another finds it reserved");
	is_int(fill("r", UINT64_MAX, ZC_PUT_RESERVE), -EBUSY, "also if it could not be");
	other = fill("r", 4, 0);
	ok(other >= 0, "unless it does not ask");
	close(other);
	is_int(wait_for(cache, "r", 0, 0), -ETIMEDOUT, "wait for no time");
	is_int(wait_for(cache, "r", 0, 1), -ETIMEDOUT, "wait for a short time");
	is_int(wait_for(cache, "s", 0, -1), -ENOENT, "another key is not reserved");
	is_int(wait_for(cache, "r", 0, -2), -EINVAL, "no such time");
	is_int(wait_for(cache, "r", ZC_WAIT_FD, 1), -EINVAL, "a time and a fd");
	waiting = wait_for(cache, "r", ZC_WAIT_FD, 0);
	ok(waiting >= 0, "a fd to wait with");
	ok(!readable(waiting, 0), "is not readable yet");
	close(fd);
	ok(readable(waiting, -1), "it is when the fill is given up");
	ok(readable(waiting, 0), "and stays so");
	close(waiting);

	fd = fill("r", 4, ZC_PUT_RESERVE);
	ok(fd >= 0, "then the key can be reserved again");
	waiting = wait_for(cache, "r", ZC_WAIT_FD, 0);
	is_int(write(fd, "data", 4), 4, "bytes for it");
	ok(!readable(waiting, 0), "do not end the wait");
	pthread_create(&thread, NULL, wait_without_end, &got);
	is_int(zc_commit(cache, fd, NULL), 0, "the commit");
	pthread_join(thread, NULL);
	ok(!got || got == -ENOENT, "who waits is told");
	ok(readable(waiting, -1), "by the fd as well");
	close(waiting);
	is_int(wait_for(cache, "r", 0, -1), -ENOENT, "also while the fill fd is open");
	close(fd);
	is_int(fill("r", 4, ZC_PUT_RESERVE), -EEXIST, "an object needs no fill");
	is_int(zc_delete(cache, &d), 0, "until it has expired");
	fd = fill("r", 4, ZC_PUT_RESERVE);
	ok(fd >= 0, "then it does");
	close(fd);
}

/* Who has the key reserved is killed: who waits is told, and may fill. */
static void killed(void)
{
	int fd, status, pipes[2], got = 1;
	pthread_t thread;
	char byte;
	pid_t pid;

	ok(!pipe2(pipes, O_CLOEXEC), "a pipe");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		fd = fill("k", 4, ZC_PUT_RESERVE);
		if (fd < 0 || write(pipes[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	is_int(read(pipes[0], &byte, 1), 1, "another process has it reserved");
	is_int(wait_for(cache, "k", 0, 0), -ETIMEDOUT, "as is known here");
	fd = fill("r", 4, ZC_PUT_RESERVE);
	pthread_create(&thread, NULL, wait_without_end, &got);
	kill(pid, SIGKILL);
	is_int(waitpid(pid, &status, 0), pid, "it is killed");
	is_int(wait_for(cache, "k", 0, -1), -ENOENT, "then it has not");
	close(fd);
	pthread_join(thread, NULL);
	ok(!got || got == -ENOENT, "a thread that waits is told of a close");
	fd = fill("k", 4, ZC_PUT_RESERVE);
	ok(fd >= 0, "the key can be filled");
	close(fd);
	is_str(mirror_wrong(cache, "fill") ?: "well", "well", "nothing is left behind");
}

static void files(void)
{
	static char data[3 << 20], got[3 << 20];
	struct zc_put p = { .key = zc_ptr("file"), .key_len = 4, .data_len = sizeof(data) };
	struct zc_get g = {
		.key = zc_ptr("file"), .key_len = 4, .buf = zc_ptr(got), .buf_len = sizeof(got),
	};
	int fd;

	fill_pattern(data, sizeof(data), 1);
	fd = open(test_file("data", data, sizeof(data)), O_RDONLY);
	is_int(zc_put_file(cache, &p, fd, NULL, NULL), 0, "put_file");
	is_int(zc_get(cache, &g), 0, "get");
	is_int(g.generation, p.generation, "the generation is told");
	is_mem(got, g.copied, data, sizeof(data), "with its bytes");
	is_int(zc_put_file(cache, &p, fd, NULL, NULL), -ENODATA, "at the file's end");
	close(fd);
	is_str(mirror_wrong(cache, "fill") ?: "well", "well", "nothing is left behind");
}

int main(void)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf), .grace_ms = 3600000 };

	cache = mirror_new("fill", &conf);
	fills();
	passing();
	reservations();
	killed();
	files();
	zc_close(cache);
	return tap_end();
}
