/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Netlink by hand: messages that no library sends, many in one send, dumps that
 * are read a packet at a time; and all stores at once, to compare.
 */
#ifndef ZC_RAW_H
#define ZC_RAW_H

#include <linux/genetlink.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "zc_test.h"

/* A socket of generic netlink, or -errno. An ordinary user has less room in it. */
static inline int zc_raw_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	int on = 1, room = 32 << 20;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	return fd;
}

/* Without an address: that is how the kernel looks at who opened the socket. */
static inline int zc_raw_send(int fd, const void *bytes, size_t len)
{
	return send(fd, bytes, len, 0) < 0 ? -errno : 0;
}

/*
 * Gives each message of the next packet to @fn. The kernel answers before
 * send() returns, and refills a dump before recv() does, so there is no waiting.
 * Return: how many there were; -EAGAIN: no packet.
 */
static inline int zc_raw_next(int fd, void (*fn)(struct nlmsghdr *nlh, void *arg), void *arg)
{
	static char buf[8 << 10] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	int len = recv(fd, buf, sizeof(buf), MSG_DONTWAIT), n = 0;

	if (len < 0)
		return -errno;
	for (; nlmsg_ok(nlh, len); nlh = nlmsg_next(nlh, &len), n++)
		fn(nlh, arg);
	return n;
}

/* The error of an acknowledgement, and its sentence, empty if it has none. */
static inline int zc_raw_error(struct nlmsghdr *nlh, char *why, size_t room)
{
	int head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nlmsgerr));
	struct nlattr *attr = NULL;

	why[0] = '\0';
	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		attr = nla_find((struct nlattr *)((char *)nlh + head), nlh->nlmsg_len - head,
				NLMSGERR_ATTR_MSG);
	if (attr)
		nla_strlcpy(why, attr, room);
	return ((struct nlmsgerr *)nlmsg_data(nlh))->error;
}

/*
 * Linux 6.1 gives the beginning of a dump no place for a sentence; what it says
 * later comes with an end of the dump that libnl takes for success.
 */
static inline bool zc_raw_dumps_say_why(void)
{
	struct utsname uts;

	return uname(&uts) || strncmp(uts.release, "6.1.", 4);
}

/* All there is to know of all stores: what a refused message leaves as it was. */
struct zc_stores {
	struct zc_nl_store store[16];
	unsigned int nr;
};

static inline void zc_stores_one(const struct zc_nl_store *store, void *arg)
{
	struct zc_stores *all = arg;

	if (all->nr < ARRAY_SIZE(all->store))
		all->store[all->nr] = *store;
	all->nr++;
}

static inline int zc_stores_get(struct zc_stores *all)
{
	memset(all, 0, sizeof(*all));
	return zc_nl_store_dump(zc_stores_one, all) ?:
	       all->nr > ARRAY_SIZE(all->store) ? -E2BIG : 0;
}

/* 0 if nothing changed since @before. */
static inline int zc_stores_changed(const struct zc_stores *before)
{
	static struct zc_stores now;

	return zc_stores_get(&now) ?: memcmp(&now, before, sizeof(now));
}

#endif /* ZC_RAW_H */
