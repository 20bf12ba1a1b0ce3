// SPDX-License-Identifier: GPL-2.0-only
/* The listening socket. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve.h"
#include "text.h"

#define BACKLOG 1024

/* "ADDR:PORT" or "[ADDR]:PORT" into its two halves, in buf. */
static int split(const char *where, char *buf, size_t room, char **host, char **port)
{
	char *colon;

	if (strlen(where) >= room)
		return -EINVAL;
	strcpy(buf, where);
	colon = strrchr(buf, ':');
	if (!colon)
		return -EINVAL;
	*colon = '\0';
	*port = colon + 1;
	*host = buf;
	if (buf[0] == '[') {
		if (colon == buf + 1 || colon[-1] != ']')
			return -EINVAL;
		colon[-1] = '\0';
		++*host;
	} else if (strchr(buf, ':')) {
		return -EINVAL;
	}
	return **host && **port ? 0 : -EINVAL;
}

static int bind_to(const struct addrinfo *ai)
{
	int fd, on = 1, off = 0, err;

	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Accepted sockets inherit it, which saves a call for each. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (ai->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

int listen_bind(const char *where)
{
	struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *ai;
	char buf[128], *host, *port;
	uint64_t number;
	int fd;

	if (split(where, buf, sizeof(buf), &host, &port) || parse_u64(port, 65535, &number) ||
	    getaddrinfo(host, port, &hints, &ai)) {
		say("--listen %s: right is an address and a port such as 127.0.0.1:8080 or [::]:8080",
		    where);
		return -EINVAL;
	}
	fd = bind_to(ai);
	freeaddrinfo(ai);
	/* Any address was asked for, and without IPv6 that is any of IPv4. */
	if (fd == -EAFNOSUPPORT && !strcmp(host, "::") &&
	    !getaddrinfo("0.0.0.0", port, &hints, &ai)) {
		fd = bind_to(ai);
		freeaddrinfo(ai);
	}
	if (fd < 0)
		say("cannot listen on %s: %s", where, strerror(-fd));
	return fd;
}

int listen_start(int fd)
{
	if (!listen(fd, BACKLOG))
		return 0;
	/* Sockets bound to one port may both be bound, but not both listen. */
	say("cannot listen: %s", strerror(errno));
	return -errno;
}

void listen_print(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	char host[64], port[8];

	if (getsockname(fd, (struct sockaddr *)&addr, &len) ||
	    getnameinfo((struct sockaddr *)&addr, len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return;
	printf(addr.ss_family == AF_INET6 ? "listening on [%s]:%s" : "listening on %s:%s",
	       host, port);
}
