// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sockets.h"

#define ROOM	(8UL << 20)
#define PIECE	(256U << 10)

static void must(bool good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

void socket_pair(int family, int sv[2])
{
	struct sockaddr_storage addr = { .ss_family = family };
	socklen_t len = sizeof(addr);
	int listener;

	if (family == AF_UNIX) {
		must(!socketpair(family, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), "socketpair");
		return;
	}
	if (family == AF_INET)
		((struct sockaddr_in *)&addr)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)&addr)->sin6_addr = in6addr_loopback;
	listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(!bind(listener, (void *)&addr, sizeof(addr)) && !listen(listener, 1) &&
	     !getsockname(listener, (void *)&addr, &len), "listen");
	sv[0] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	must(!connect(sv[0], (void *)&addr, len), "connect");
	sv[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(sv[1] >= 0, "accept");
	close(listener);
}

static void *reader(void *arg)
{
	struct linger linger = { 1, 0 };
	struct pair *p = arg;
	size_t most = p->way.quit ? p->way.bytes : ~0ULL >> 1;
	ssize_t n = 1;

	pthread_mutex_lock(&p->lock);
	while (p->held)
		pthread_cond_wait(&p->go, &p->lock);
	pthread_mutex_unlock(&p->lock);
	while (n > 0 && (size_t)p->got_len < most) {
		size_t len = most - p->got_len < PIECE ? most - p->got_len : PIECE;

		if (!p->way.discard && len > ROOM - p->got_len)
			len = ROOM - p->got_len;
		n = recv(p->peer, p->got + (p->way.discard ? 0 : p->got_len), len, 0);
		if (n > 0)
			p->got_len += n;
	}
	p->err = n < 0 ? errno : 0;
	if (p->way.reset)
		setsockopt(p->peer, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	if (p->way.quit)
		close(p->peer);
	return NULL;
}

void pair_new(struct pair *p, int family, const struct pair_way *way)
{
	int sv[2], window = 100000;

	socket_pair(family, sv);
	*p = (struct pair){ .sock = sv[0], .peer = sv[1], .want = malloc(ROOM), .got = malloc(ROOM) };
	must(p->want && p->got, "malloc");
	if (way)
		p->way = *way;
	p->held = p->way.hold;
	if (p->way.buffer) {
		setsockopt(p->sock, SOL_SOCKET, SO_SNDBUF, &p->way.buffer, sizeof(int));
		setsockopt(p->peer, SOL_SOCKET, SO_RCVBUF, &window, sizeof(int));
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->go, NULL);
	must(!pthread_create(&p->thread, NULL, reader, p), "pthread_create");
}

void pair_want(struct pair *p, const void *bytes, size_t len)
{
	must(p->want_len + len <= ROOM, "room");
	if (len)
		memcpy(p->want + p->want_len, bytes, len);
	p->want_len += len;
}

void pair_go(struct pair *p)
{
	pthread_mutex_lock(&p->lock);
	p->held = false;
	pthread_cond_signal(&p->go);
	pthread_mutex_unlock(&p->lock);
}

void pair_wait(struct pair *p)
{
	pthread_join(p->thread, NULL);
}

void pair_end(struct pair *p)
{
	close(p->sock);
	if (!p->way.quit)
		close(p->peer);
	free(p->want);
	free(p->got);
}

bool pair_matches(struct pair *p)
{
	bool good;

	pair_go(p);
	shutdown(p->sock, SHUT_WR);
	pair_wait(p);
	if (p->want_len >= 0 && p->got_len != p->want_len)
		printf("# got %zd bytes, want %zd\n", p->got_len, p->want_len);
	good = !p->err && (p->want_len < 0 || (p->got_len == p->want_len &&
	       (p->way.discard || !memcmp(p->got, p->want, p->want_len))));
	pair_end(p);
	return good;
}
