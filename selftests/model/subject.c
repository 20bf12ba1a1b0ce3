// SPDX-License-Identifier: GPL-2.0-only
/* The two kinds of store that operations run on: the model, and the library's. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <zcache.h>

#include "run.h"

/* --- the model */

#define MODEL(name, type) \
	static int m_##name(struct subject *s, struct type *arg) \
	{ \
		return model_##name(s->model, arg); \
	}

MODEL(info, zc_info)
MODEL(put, zc_put)
MODEL(fill, zc_put)
MODEL(stat, zc_stat)
MODEL(get, zc_get)
MODEL(open, zc_open)
MODEL(send, zc_send)
MODEL(send_batch, zc_send_batch)
MODEL(delete, zc_delete)
MODEL(purge, zc_purge)
MODEL(touch, zc_touch)
MODEL(wait, zc_wait)

static int m_commit(struct subject *s, int fd, uint64_t *generation)
{
	return model_commit(s->model, fd, generation);
}

static ssize_t m_write(struct subject *s, int fd, const void *buf, size_t len, uint64_t off)
{
	return model_write(s->model, fd, buf, len, off);
}

static ssize_t m_read(struct subject *s, int fd, void *buf, size_t len, uint64_t off)
{
	return model_read(s->model, fd, buf, len, off);
}

static ssize_t m_map(struct subject *s, int fd, void *buf, size_t room)
{
	return model_read(s->model, fd, buf, room, 0);
}

static int64_t m_size(struct subject *s, int fd)
{
	struct zc_stat stat = { .flags = ZC_STAT_FD | ZC_STAT_EXPIRED_OK, .fd = fd };

	return model_stat(s->model, &stat) ? -1 : (int64_t)stat.data_len;
}

static bool m_readable(struct subject *s, int fd)
{
	return model_readable(s->model, fd);
}

static void m_close(struct subject *s, int fd)
{
	model_close(s->model, fd);
}

static int m_sock(struct subject *s, enum model_sock kind)
{
	(void)s;
	return kind;
}

static size_t m_receive(struct subject *s, enum model_sock kind, uint64_t expect, void *buf,
			size_t room)
{
	const unsigned char *bytes;
	size_t len;

	(void)kind;
	(void)expect;
	bytes = model_received(s->model, &len);
	if (len)
		memcpy(buf, bytes, len < room ? len : room);
	return len;
}

static int m_counters(struct subject *s, uint64_t *count)
{
	memcpy(count, model_counters(s->model), ZC_C_NR * sizeof(*count));
	return 0;
}

static int m_reopen(struct subject *s, bool bare)
{
	if (bare)
		model_forget(s->model);
	return 0;
}

const struct calls model_calls = {
	m_info, m_put, m_fill, m_commit, m_stat, m_get, m_open, m_send, m_send_batch, m_delete,
	m_purge, m_touch, m_wait, m_write, m_read, m_map, m_size, m_readable, m_close, m_sock,
	m_receive, m_counters, m_reopen,
};

static int model_start(struct subject *s, const struct model_conf *conf)
{
	s->model = model_new(conf);
	s->foreign = model_foreign(s->model);
	s->calls = &model_calls;
	return 0;
}

static void model_stop(struct subject *s)
{
	model_free(s->model);
}

const struct maker model_maker = { .name = "model", .start = model_start, .stop = model_stop };

/* --- the library */

#define LIBRARY(name, type) \
	static int l_##name(struct subject *s, struct type *arg) \
	{ \
		return zc_##name(s->cache, arg); \
	}

LIBRARY(info, zc_info)
LIBRARY(put, zc_put)
LIBRARY(fill, zc_put)
LIBRARY(stat, zc_stat)
LIBRARY(get, zc_get)
LIBRARY(send, zc_send)
LIBRARY(send_batch, zc_send_batch)
LIBRARY(delete, zc_delete)
LIBRARY(purge, zc_purge)
LIBRARY(touch, zc_touch)
LIBRARY(wait, zc_wait)

static int l_open(struct subject *s, struct zc_open *arg)
{
	return zc_open_object(s->cache, arg);
}

static int l_commit(struct subject *s, int fd, uint64_t *generation)
{
	return zc_commit(s->cache, fd, generation);
}

static ssize_t l_write(struct subject *s, int fd, const void *buf, size_t len, uint64_t off)
{
	ssize_t n = pwrite(fd, buf, len, off);

	(void)s;
	return n < 0 ? -errno : n;
}

static ssize_t l_read(struct subject *s, int fd, void *buf, size_t len, uint64_t off)
{
	ssize_t n = pread(fd, buf, len, off);

	(void)s;
	return n < 0 ? -errno : n;
}

static ssize_t l_map(struct subject *s, int fd, void *buf, size_t room)
{
	off_t len = lseek(fd, 0, SEEK_END);
	void *p;

	(void)s;
	if (len <= 0)
		return len < 0 ? -errno : 0;
	p = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	memcpy(buf, p, (size_t)len < room ? (size_t)len : room);
	munmap(p, len);
	return len;
}

static int64_t l_size(struct subject *s, int fd)
{
	struct stat st;

	(void)s;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_END) != st.st_size)
		return -EBADMSG;
	if (pwrite(fd, "x", 1, 0) != -1 || errno != EBADF)
		return -EPERM;
	return st.st_size;
}

static bool l_readable(struct subject *s, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	(void)s;
	return poll(&p, 1, 0) == 1 && p.revents & POLLIN;
}

static void l_close(struct subject *s, int fd)
{
	(void)s;
	close(fd);
}

/*
 * One set of sockets for all: they are empty between operations. [0] of each sends,
 * [1] receives.
 */
static int socks[MODEL_SOCKS][2];

static int tcp_pair(int sv[2], int *listening)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(addr);
	int on = 1;

	*listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sv[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(*listening, (struct sockaddr *)&addr, len) || listen(*listening, 1) ||
	    getsockname(*listening, (struct sockaddr *)&addr, &len) ||
	    connect(sv[0], (struct sockaddr *)&addr, len))
		return -errno;
	sv[1] = accept4(*listening, NULL, NULL, SOCK_CLOEXEC);
	setsockopt(sv[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return sv[1] < 0 ? -errno : 0;
}

static int unix_pair(int sv[2], int type)
{
	return socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, sv) ? -errno : 0;
}

static int make_socks(void)
{
	const struct timeval patience = { .tv_sec = 5 };
	char stuff[4096] = { 0 };
	int err;

	err = unix_pair(socks[MODEL_UNIX], SOCK_STREAM) ?:
	      tcp_pair(socks[MODEL_TCP], &socks[MODEL_LISTENS][0]) ?:
	      unix_pair(socks[MODEL_DATAGRAM], SOCK_DGRAM) ?:
	      unix_pair(socks[MODEL_SHUT], SOCK_STREAM) ?:
	      unix_pair(socks[MODEL_GONE], SOCK_STREAM) ?:
	      unix_pair(socks[MODEL_FULL], SOCK_STREAM);
	if (err)
		return err;
	/* What a back end says it sent and did not send is an error, not a test that hangs. */
	setsockopt(socks[MODEL_UNIX][1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(socks[MODEL_TCP][1], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	socks[MODEL_NO_FD][0] = -1;
	socks[MODEL_NO_SOCKET][0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	socks[MODEL_UNCONNECTED][0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	shutdown(socks[MODEL_SHUT][0], SHUT_WR);
	close(socks[MODEL_GONE][1]);
	while (send(socks[MODEL_FULL][0], stuff, sizeof(stuff), MSG_DONTWAIT) > 0)
		;
	while (send(socks[MODEL_FULL][0], stuff, 1, MSG_DONTWAIT) > 0)
		;
	return 0;
}

static int l_sock(struct subject *s, enum model_sock kind)
{
	static bool made;

	(void)s;
	if (!made && make_socks())
		return -1;
	made = true;
	return socks[kind][0];
}

static size_t l_receive(struct subject *s, enum model_sock kind, uint64_t expect, void *buf,
			size_t room)
{
	size_t len = 0;
	ssize_t n = 0;

	(void)s;
	if (kind != MODEL_UNIX && kind != MODEL_TCP)
		return 0;
	/* What was said to have gone is waited for; that there is no more, is not. */
	while (len < room) {
		n = recv(socks[kind][1], (char *)buf + len, room - len,
			 len < expect ? 0 : MSG_DONTWAIT);
		if (n <= 0)
			break;
		len += n;
	}
	return len;
}

const struct calls library_calls = {
	l_info, l_put, l_fill, l_commit, l_stat, l_get, l_open, l_send, l_send_batch, l_delete,
	l_purge, l_touch, l_wait, l_write, l_read, l_map, l_size, l_readable, l_close, l_sock,
	l_receive, NULL, NULL,
};
