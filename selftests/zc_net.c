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

static pid_t other_netns(void)
{
	int p[2];
	char byte;
	pid_t pid;

	if (pipe(p))
		return -1;
	pid = fork();
	if (!pid) {
		if (unshare(CLONE_NEWNET) || write(p[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(p[1]);
	if (pid > 0 && read(p[0], &byte, 1) != 1)
		pid = -1;
	close(p[0]);
	return pid;
}

int zct_net_new(struct zct_net *n)
{
	n->peer = other_netns();
	if (n->peer < 0)
		return -EOPNOTSUPP;
	zct_run("ip link del zcv0 2>/dev/null");
	if (zct_run("ip link add zcv0 type veth peer name zcv1 netns %d 2>/dev/null", n->peer))
		return -EOPNOTSUPP;
	if (zct_run("ip addr add 10.99.0.1/24 dev zcv0 && "
		    "ip addr add fd99::1/64 dev zcv0 nodad && ip link set zcv0 up") ||
	    zct_run("nsenter -t %d -n sh -c 'ip addr add 10.99.0.2/24 dev zcv1 && "
		    "ip addr add fd99::2/64 dev zcv1 nodad && ip link set zcv1 up'", n->peer))
		return -EIO;
	return 0;
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
