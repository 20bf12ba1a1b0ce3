// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "text.h"

#define BACKLOG 64

int address_of_path(const char *path, struct address *a)
{
	struct sockaddr_un *un = &a->sa.un;

	memset(a, 0, sizeof(*a));
	if (strlen(path) >= sizeof(un->sun_path))
		return -ENAMETOOLONG;
	un->sun_family = AF_UNIX;
	strcpy(un->sun_path, path);
	a->len = sizeof(*un);
	return 0;
}

static bool loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohl(((struct sockaddr_in *)sa)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
	return sa->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((struct sockaddr_in6 *)sa)->sin6_addr);
}

static int parse_inet(const char *text, struct address *a)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	char host[64], *colon;
	struct addrinfo *ai;
	uint64_t port;
	size_t len;
	int err = -EINVAL;

	if (strlen(text) >= sizeof(host))
		return -EINVAL;
	strcpy(host, text);
	colon = strrchr(host, ':');
	if (!colon || parse_u64(colon + 1, 65535, &port))
		return -EINVAL;
	*colon = '\0';
	len = colon - host;
	if (host[0] == '[' && host[len - 1] == ']') {
		memmove(host, host + 1, len);
		host[len - 2] = '\0';
	} else if (strchr(host, ':')) {
		return -EINVAL;
	}
	if (!host[0] || getaddrinfo(host, strrchr(text, ':') + 1, &hints, &ai))
		return -EINVAL;
	if (loopback(ai->ai_addr)) {
		memcpy(&a->sa, ai->ai_addr, ai->ai_addrlen);
		a->len = ai->ai_addrlen;
		err = 0;
	}
	freeaddrinfo(ai);
	return err;
}

int address_parse(const char *text, struct address *a)
{
	memset(a, 0, sizeof(*a));
	if (!text[0] || !strcmp(text, "none"))
		return 0;
	if (!strncmp(text, "unix:", 5))
		return text[5] == '/' && !address_of_path(text + 5, a) ? 0 : -EINVAL;
	return parse_inet(text, a);
}

/* One that was left behind refuses connections. */
static void remove_dead(const struct address *a, int type)
{
	struct stat st;
	int fd;

	if (a->sa.any.sa_family != AF_UNIX || lstat(a->sa.un.sun_path, &st) ||
	    !S_ISSOCK(st.st_mode))
		return;
	/* One whose queue is full would be waited for. */
	fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, &a->sa.any, a->len) && errno == ECONNREFUSED)
		unlink(a->sa.un.sun_path);
	close(fd);
}

bool address_local_host(const char *host)
{
	struct in_addr in;
	char name[64];
	uint64_t port;
	size_t len;

	/* what has colons itself is in brackets */
	len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
	if (len >= sizeof(name) || len > strlen(host))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (host[len] && (host[len] != ':' || parse_u64(host + len + 1, 65535, &port)))
		return false;
	if (inet_pton(AF_INET, name, &in) == 1)
		return ntohl(in.s_addr) >> 24 == IN_LOOPBACKNET;
	return !strcasecmp(name, "localhost") || !strcmp(name, "[::1]");
}

int address_listen(const struct address *a, int type, mode_t mode)
{
	int fd, on = 1, err;
	mode_t mask;

	remove_dead(a, type);
	fd = socket(a->sa.any.sa_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	mask = umask(~mode & 0777);
	err = bind(fd, &a->sa.any, a->len);
	umask(mask);
	if (!err && !listen(fd, BACKLOG))
		return fd;
	err = -errno;
	close(fd);
	return err;
}

const char *address_name(int fd, char buf[ADDRESS_TEXT])
{
	struct address a = { .len = sizeof(a.sa) };
	char host[64], port[8];

	snprintf(buf, ADDRESS_TEXT, "?");
	if (getsockname(fd, &a.sa.any, &a.len))
		return buf;
	if (a.sa.any.sa_family == AF_UNIX)
		snprintf(buf, ADDRESS_TEXT, "unix:%s", a.sa.un.sun_path);
	else if (!getnameinfo(&a.sa.any, a.len, host, sizeof(host), port, sizeof(port),
			      NI_NUMERICHOST | NI_NUMERICSERV))
		snprintf(buf, ADDRESS_TEXT, a.sa.any.sa_family == AF_INET6 ? "[%s]:%s" : "%s:%s",
			 host, port);
	return buf;
}
