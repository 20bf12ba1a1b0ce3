// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSG_ZEROCOPY from the mapping. A server must hear that the kernel is done
 * with its memory before it may unmap it, so every notice is taken in.
 */
#include <errno.h>
#include <time.h>		/* errqueue.h wants it first */
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "send_bench.h"

#define LAZY	32U	/* notices are taken in when so many are to come */

/* Takes in what is there: 0, or -errno. */
static int reap(struct conn *c)
{
	for (;;) {
		char control[128];
		struct msghdr msg = {
			.msg_control = control,
			.msg_controllen = sizeof(control),
		};
		struct cmsghdr *cm;

		if (recvmsg(c->sock, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			return errno == EAGAIN ? 0 : -errno;
		for (cm = CMSG_FIRSTHDR(&msg); cm; cm = CMSG_NXTHDR(&msg, cm)) {
			struct sock_extended_err *ee = (void *)CMSG_DATA(cm);

			if (cm->cmsg_level == SOL_IP &&
			    cm->cmsg_type == IP_RECVERR &&
			    ee->ee_origin == SO_EE_ORIGIN_ZEROCOPY)
				c->notified += ee->ee_data - ee->ee_info + 1;
		}
	}
}

/* Waits for at least one notice. */
static int wait_notice(struct conn *c)
{
	struct pollfd p = { .fd = c->sock };
	uint32_t before = c->notified;
	int err = 0;

	while (!err && c->notified == before) {
		if (poll(&p, 1, -1) < 0)
			return -errno;
		err = reap(c);
	}
	return err;
}

static int want_notices(struct conn *c)
{
	int one = 1;

	if (c->zerocopy)
		return 0;
	if (setsockopt(c->sock, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		return -errno;
	c->zerocopy = true;
	return 0;
}

static ssize_t zerocopy_step(struct conn *c)
{
	size_t pos = body_done(c);
	ssize_t n;
	int err;

	if (c->done < c->header)
		return send_header(c);
	err = want_notices(c);
	if (!err && c->notices - c->notified >= LAZY)
		err = reap(c);
	if (err)
		return err;
	for (;;) {
		n = send(c->sock, c->object->map + c->offset + pos,
			 c->length - pos, MSG_ZEROCOPY);
		if (n >= 0) {
			c->notices++;
			return n;
		}
		/* The memory for notices (net.core.optmem_max) is used up. */
		if (errno != ENOBUFS || c->notices == c->notified)
			return -errno;
		err = wait_notice(c);
		if (err)
			return err;
	}
}

static void zerocopy_settle(struct conn *c)
{
	int err = 0;

	while (!err && c->notices != c->notified)
		err = wait_notice(c);
	if (err) {
		errno = -err;
		die("waiting for MSG_ZEROCOPY's notices");
	}
}

static int zerocopy_open(const char **why)
{
	int sock = socket(AF_INET, SOCK_STREAM, 0), one = 1, err = 0;

	*why = "setsockopt SO_ZEROCOPY";
	if (sock < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)))
		err = -errno;
	close(sock);
	return err;
}

const struct row row_msg_zerocopy = {
	.name = "msg_zerocopy",
	.what = "send with MSG_ZEROCOPY from a mapping that stays",
	.open = zerocopy_open,
	.step = zerocopy_step,
	.settle = zerocopy_settle,
};
