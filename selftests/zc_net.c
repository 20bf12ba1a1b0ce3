// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "zc_net.h"

int zct_run(const char *fmt, ...)
{
	char line[300];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (n + 1 > (int)sizeof(line))
		return -E2BIG;
	return system(line);
}

/*
 * One program for all commands: starting one takes a second on an emulated kernel
 * with every check on.
 */
static int ip_batch(const char *first, const char *dev, int host)
{
	return zct_run("ip -batch - 2>/dev/null <<END\n%s"
		       "addr add 10.99.0.%d/24 dev %s\n"
		       "addr add fd99::%d/64 dev %s nodad\n"
		       "link set %s up\nEND", first, host, dev, host, dev, dev);
}

/* Says so when it has its name space, and sets up its end when it is told to. */
static void peer(int sock)
{
	char byte;

	if (unshare(CLONE_NEWNET) || write(sock, "x", 1) != 1 || read(sock, &byte, 1) != 1)
		_exit(1);
	byte = ip_batch("", "zcv1", 2) ? 'n' : 'y';
	if (write(sock, &byte, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

int zct_net_new(struct zct_net *n)
{
	char add[80], byte = 0;
	int sv[2], err = 0;

	if (if_nametoindex("zcv0"))
		zct_run("ip link del zcv0");
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv))
		return -errno;
	n->peer = fork();
	if (!n->peer) {
		close(sv[1]);
		peer(sv[0]);
	}
	close(sv[0]);
	if (n->peer < 0 || read(sv[1], &byte, 1) != 1) {
		close(sv[1]);
		return -EOPNOTSUPP;
	}
	snprintf(add, sizeof(add), "link add zcv0 type veth peer name zcv1 netns %d\n", n->peer);
	if (ip_batch(add, "zcv0", 1))
		err = if_nametoindex("zcv0") ? -EIO : -EOPNOTSUPP;
	else if (write(sv[1], "x", 1) != 1 || read(sv[1], &byte, 1) != 1 || byte != 'y')
		err = -EIO;
	close(sv[1]);
	return err;
}

void zct_net_end(struct zct_net *n)
{
	int status;

	if (n->peer <= 0)
		return;
	zct_run("ip link del zcv0 2>/dev/null");
	kill(n->peer, SIGKILL);
	waitpid(n->peer, &status, 0);
	n->peer = 0;
}

int zct_net_sg(bool on)
{
	struct ethtool_value value = { .cmd = ETHTOOL_SSG, .data = on };
	struct ifreq ifr = { .ifr_name = "zcv0" };
	int err, sock = socket(AF_INET, SOCK_DGRAM, 0);

	ifr.ifr_data = (void *)&value;
	err = ioctl(sock, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
	close(sock);
	return err;
}

/* The address of the device here or there; returns its length. */
static socklen_t address(enum zct_family family, bool here, struct sockaddr_storage *addr)
{
	struct sockaddr_in6 *a6 = (void *)addr;
	struct sockaddr_in *a4 = (void *)addr;

	memset(addr, 0, sizeof(*addr));
	if (family == ZCT_V4) {
		a4->sin_family = AF_INET;
		a4->sin_addr.s_addr = inet_addr(here ? "10.99.0.1" : "10.99.0.2");
		return sizeof(*a4);
	}
	a6->sin6_family = AF_INET6;
	inet_pton(AF_INET6, here ? "fd99::1" : "fd99::2", &a6->sin6_addr);
	return sizeof(*a6);
}

static int sign(int sock, enum zct_family family, bool here)
{
	struct tcp_md5sig md5 = { .tcpm_keylen = 3, .tcpm_key = "key" };
	struct sockaddr_storage addr;

	address(family, here, &addr);
	memcpy(&md5.tcpm_addr, &addr, sizeof(md5.tcpm_addr));
	return setsockopt(sock, IPPROTO_TCP, TCP_MD5SIG, &md5, sizeof(md5));
}

int zct_net_pair(const struct zct_net *n, enum zct_family family, bool md5, int sv[2])
{
	struct sockaddr_storage addr;
	socklen_t len = address(family, false, &addr);
	int here, there, lsock, err = 0, on = 1;
	char path[64];

	sv[0] = sv[1] = -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", n->peer);
	here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	there = open(path, O_RDONLY | O_CLOEXEC);
	if (setns(there, CLONE_NEWNET))
		return -errno;
	lsock = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if ((md5 && sign(lsock, family, true)) || bind(lsock, (void *)&addr, len) ||
	    listen(lsock, 1) || getsockname(lsock, (void *)&addr, &len))
		err = -errno;
	if (setns(here, CLONE_NEWNET) && !err)
		err = -errno;
	close(here);
	close(there);
	sv[0] = socket(addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!err && ((md5 && sign(sv[0], family, false)) ||
		     connect(sv[0], (void *)&addr, len)))
		err = -errno;
	if (!err && (sv[1] = accept4(lsock, NULL, NULL, SOCK_CLOEXEC)) < 0)
		err = -errno;
	close(lsock);
	if (err) {
		close(sv[0]);
		sv[0] = -1;
		return err;
	}
	setsockopt(sv[0], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return 0;
}
