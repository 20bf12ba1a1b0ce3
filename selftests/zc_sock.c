// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/sockios.h>

#include "zc_test.h"

int zct_tcp_pair(enum zct_family family, int sv[2])
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	struct sockaddr *addr = (struct sockaddr *)&a6;
	socklen_t len = sizeof(a6);
	int lsock, on = 1, err = 0;

	sv[0] = sv[1] = -1;
	if (family == ZCT_V4) {
		a4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		addr = (struct sockaddr *)&a4;
		len = sizeof(a4);
	} else if (family == ZCT_V6) {
		a6.sin6_addr = in6addr_loopback;
	} else {
		inet_pton(AF_INET6, "::ffff:127.0.0.1", &a6.sin6_addr);
	}
	lsock = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	sv[0] = socket(addr->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (lsock < 0 || sv[0] < 0 || bind(lsock, addr, len) || listen(lsock, 1) ||
	    getsockname(lsock, addr, &len) || connect(sv[0], addr, len))
		err = -errno;
	else if ((sv[1] = accept4(lsock, NULL, NULL, SOCK_CLOEXEC)) < 0)
		err = -errno;
	if (lsock >= 0)
		close(lsock);
	if (err) {
		if (sv[0] >= 0)
			close(sv[0]);
		sv[0] = -1;
		return err;
	}
	/* What is sent is to arrive at once: tests wait for it. */
	setsockopt(sv[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}

int zct_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int zct_bufsize(int fd, int option, int bytes)
{
	return setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof(bytes)) < 0 ? -errno : 0;
}

int zct_read_all(int fd, void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = read(fd, (char *)buf + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return -EPIPE;
		done += n;
	}
	return 0;
}

int zct_write_all(int fd, const void *buf, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = write(fd, (const char *)buf + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += n;
	}
	return 0;
}

int zct_silent(int sv[2])
{
	unsigned char byte = 0;
	int err;

	err = zct_write_all(sv[0], "\x99", 1);
	if (!err)
		err = zct_read_all(sv[1], &byte, 1);
	if (!err && byte != 0x99)
		err = 1;
	/* and nothing behind it */
	if (!err && recv(sv[1], &byte, 1, MSG_DONTWAIT) >= 0)
		err = 2;
	return err;
}

ssize_t zct_stuff(int fd)
{
	static const char zeros[4096];
	ssize_t n, total = 0, before;
	struct tcp_info info;
	socklen_t len;

	do {
		before = total;
		/* A small segment may still fit where a large one does not. */
		while ((n = send(fd, zeros, sizeof(zeros), MSG_DONTWAIT | MSG_NOSIGNAL)) > 0 ||
		       (n = send(fd, zeros, 1, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
			total += n;
		if (errno != EAGAIN)
			return -errno;
		/* What is on its way will make room when it has arrived. */
		do {
			len = sizeof(info);
			if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len))
				return -errno;
		} while (info.tcpi_unacked && !sched_yield());
	} while (total != before);
	return total;
}

int zct_held(int fd)
{
	int queued, unsent;

	do {
		if (ioctl(fd, SIOCOUTQ, &queued) || ioctl(fd, SIOCOUTQNSD, &unsent))
			return -errno;
	} while (unsent && queued > unsent && !sched_yield());
	return unsent;
}

static void *rx_thread(void *arg)
{
	size_t room = 0, chunk;
	struct zct_rx *rx = arg;
	ssize_t n;

	for (;;) {
		chunk = rx->chunk ? rx->chunk : 256 * KiB;
		if (room - rx->len < chunk) {
			room = 2 * room + chunk;
			rx->data = realloc(rx->data, room);
			if (!rx->data)
				abort();
		}
		n = read(rx->fd, rx->data + rx->len, chunk);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rx->err = -errno;
		pthread_mutex_lock(&rx->lock);
		if (n > 0)
			rx->len += n;
		else
			rx->ended = true;
		pthread_cond_signal(&rx->arrived);
		pthread_mutex_unlock(&rx->lock);
		if (n <= 0)
			return NULL;
	}
}

int zct_rx_start(struct zct_rx *rx, int fd)
{
	rx->fd = fd;
	rx->data = NULL;
	rx->len = 0;
	rx->ended = false;
	rx->err = 0;
	pthread_mutex_init(&rx->lock, NULL);
	pthread_cond_init(&rx->arrived, NULL);
	return -pthread_create(&rx->thread, NULL, rx_thread, rx);
}

void zct_rx_wait(struct zct_rx *rx, size_t len)
{
	pthread_mutex_lock(&rx->lock);
	while (rx->len < len && !rx->ended)
		pthread_cond_wait(&rx->arrived, &rx->lock);
	pthread_mutex_unlock(&rx->lock);
}

int zct_rx_join(struct zct_rx *rx)
{
	int err = pthread_join(rx->thread, NULL);

	return err ? -err : rx->err;
}

void zct_rx_free(struct zct_rx *rx)
{
	free(rx->data);
	rx->data = NULL;
}
