/* SPDX-License-Identifier: GPL-2.0-only */
/* The owner of a mirror as a thread: what zcached answers, unless it is to lie. */
#ifndef SERVED_OWNER_H
#define SERVED_OWNER_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../zcached/mirror_answer.h"
#include "util.h"

#define CLIENTS	16

/* What the owner says instead. Returns the bytes, and leaves or sets the fd. */
typedef size_t (*lie_fn)(struct zcs_answer_msg *answer, size_t len, int *fd, int *more);

static struct {
	struct zc_cache *c;
	struct pollfd p[2 + CLIENTS];	/* the one that ends it, the listener, clients */
	int stop;
	unsigned int nr_taken;
	lie_fn lie;
	pthread_t thread;
	char name[200];
} s;

static void send_it(int sock, const void *data, size_t len, int fd, int more)
{
	int fds[2] = { fd, more };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(fds))];
	} control = { .room = "" };
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	size_t n = (fd >= 0) + (more >= 0);

	if (n) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(&control.header), fds, n * sizeof(int));
	}
	if (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 && errno != EPIPE)
		abort();
}

static bool one_request(int sock)
{
	struct zcs_request_msg ask;
	struct zcs_answer_msg answer;
	ssize_t n = recv(sock, &ask, sizeof(ask), 0);
	int fd = -1, more = -1;
	size_t len;

	if (n <= 0 || !zcs_request_good(&ask, n))
		return false;
	len = mirror_answer(zcm_mirror(s.c), &ask, &answer, &fd);
	if (len && s.lie)
		len = s.lie(&answer, len, &fd, &more);
	if (len)
		send_it(sock, &answer, len, fd, more);
	if (fd >= 0)
		close(fd);
	return len || ZCS_QUIET(ask.head.op);
}

static void greet(int sock)
{
	struct zcs_answer_msg answer;
	size_t len = mirror_greeting(zcm_mirror(s.c), &answer, 0);

	send_it(sock, &answer, len, -1, -1);
	s.nr_taken++;
}

static void *serve(void *arg)
{
	int i;

	(void)arg;
	while (poll(s.p, 2 + CLIENTS, -1) > 0 && !s.p[0].revents) {
		for (i = 2; i < 2 + CLIENTS; i++) {
			if (s.p[i].fd < 0 && s.p[1].revents) {
				s.p[i].fd = accept(s.p[1].fd, NULL, NULL);
				greet(s.p[i].fd);
				s.p[1].revents = 0;
			} else if (s.p[i].fd >= 0 && s.p[i].revents && !one_request(s.p[i].fd)) {
				close(s.p[i].fd);
				s.p[i].fd = -1;
			}
		}
	}
	for (i = 1; i < 2 + CLIENTS; i++)
		if (s.p[i].fd >= 0)
			close(s.p[i].fd);
	return NULL;
}

static void serve_begin(struct zc_cache *c)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int i, ends[2];

	s.c = c;
	snprintf(s.name, sizeof(s.name), "served:%s/socket", test_folder());
	strcpy(address.sun_path, s.name + strlen("served:"));
	unlink(address.sun_path);
	if (pipe(ends))
		abort();
	s.stop = ends[1];
	for (i = 0; i < 2 + CLIENTS; i++)
		s.p[i] = (struct pollfd) { .fd = -1, .events = POLLIN };
	s.p[0].fd = ends[0];
	s.p[1].fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (bind(s.p[1].fd, (struct sockaddr *)&address, sizeof(address)) || listen(s.p[1].fd, 64))
		abort();
	pthread_create(&s.thread, NULL, serve, NULL);
}

static void serve_end(void)
{
	close(s.stop);
	pthread_join(s.thread, NULL);
	close(s.p[0].fd);
}

static inline struct zc_cache *served(void)
{
	struct zc_cache *c = NULL;
	int err = zc_open(s.name, O_RDONLY, &c);

	if (!err)
		return c;
	printf("Bail out! %s: %s\n", s.name, strerror(-err));
	exit(1);
}

/* How many files are open here. */
static int open_fds(void)
{
	int i, nr = 0;

	for (i = 0; i < 1000; i++)
		nr += fcntl(i, F_GETFD) >= 0;
	return nr;
}

#endif /* SERVED_OWNER_H */
