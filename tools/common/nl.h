/* SPDX-License-Identifier: GPL-2.0-only */
/* The netlink family "zcache", through libnl. */
#ifndef NL_H
#define NL_H

#include <stdbool.h>
#include <netlink/netlink.h>
#include <netlink/msg.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>

typedef int (*nlc_fn)(struct nlmsghdr *nlh, void *arg);

struct nlc {
	struct nl_sock *sk;
	int family;
	int fd;			/* readable when there is what nobody called for */
	nlc_fn unasked;		/* called for such a message that comes amid an answer */
	void *unasked_arg;
	uint32_t asked;		/* the number of what nlc_ask() sent */
	bool inconsistent;	/* the last dump was interrupted */
	char sentence[256];	/* the kernel's own words on the last refusal, or its warning */
};

/* Returns an exit code, having said what is wrong. */
int nlc_open(struct nlc *nlc);
void nlc_close(struct nlc *nlc);

/*
 * For a program that goes on whatever happens: a larger buffer for what comes unasked, and
 * no call waits for ever.
 */
void nlc_endure(struct nlc *nlc);

/* flags: NLM_F_DUMP or 0. NULL without memory. */
struct nl_msg *nlc_msg(struct nlc *nlc, int cmd, int flags);

/*
 * Consumes msg, which may be NULL (-ENOMEM). fn, which may be NULL, is called for
 * each message of the answer; other than 0 from it ends the call at once. 0 or
 * -errno: -ENOBUFS if the kernel found no room for all of the answer, -ETIMEDOUT or -EIO
 * if the answer was lost.
 */
int nlc_call(struct nlc *nlc, struct nl_msg *msg, nlc_fn fn, void *arg);

/*
 * A dump in pieces, for who has more to do. Until its end, or nlc_close(), the socket is
 * for nothing else. nlc_ask() consumes msg, which may be NULL. nlc_piece() calls fn for
 * each message of the next piece; returns 1 if there are more pieces, else 0 or -errno.
 */
int nlc_ask(struct nlc *nlc, struct nl_msg *msg);
int nlc_piece(struct nlc *nlc, void (*fn)(struct nlmsghdr *nlh, void *arg), void *arg);

/*
 * What the group is told comes from now on, too much for a socket that makes calls.
 * Returns an exit code, having said what is wrong.
 */
int nlc_join(struct nlc *nlc, const char *group);

/*
 * Calls fn for what is there unasked, without waiting. 0, -EAGAIN if there is nothing,
 * -ENOBUFS if something was lost, -EMSGSIZE if a message was too long, -ENODEV if the module is gone, or another -errno.
 */
int nlc_receive(struct nlc *nlc, nlc_fn fn, void *arg);

/* Says why what could not be done; returns the exit code for err. */
int nlc_fail(struct nlc *nlc, int err, const char *what);

#endif /* NL_H */
