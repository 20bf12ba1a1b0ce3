// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/zcache_netlink.h>
#include <netlink/genl/ctrl.h>

#include "fail.h"
#include "nl.h"

/*
 * Seconds. The kernel has answered when the request is sent, so what is waited for is
 * lost; it is here only for kernels that may do that otherwise one day.
 */
#define PATIENCE 1

/* More messages than any buffer of ours has room for. */
#define REST_MAX 10000

struct call {
	struct nlc *nlc;
	nlc_fn fn;
	void *arg;
	uint32_t seq;
	bool done;
	int err;
};

int nlc_open(struct nlc *nlc)
{
	int on = 1, err;

	memset(nlc, 0, sizeof(*nlc));
	nlc->sk = nl_socket_alloc();
	if (!nlc->sk)
		return fail(CTL_REFUSED, "cannot make a netlink socket: %s", error_name(-ENOMEM));
	err = genl_connect(nlc->sk);
	if (err) {
		fail(CTL_REFUSED, "cannot open generic netlink: %s", nl_geterror(err));
		nlc_close(nlc);
		return CTL_REFUSED;
	}
	/* Both only improve messages, so an old kernel without them will do. */
	setsockopt(nl_socket_get_fd(nlc->sk), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(nlc->sk), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	/* A dump answer may be larger than libnl's one page. */
	nl_socket_set_msg_buf_size(nlc->sk, 64 << 10);

	nlc->fd = nl_socket_get_fd(nlc->sk);
	nlc->family = genl_ctrl_resolve(nlc->sk, ZCACHE_FAMILY_NAME);
	if (nlc->family < 0) {
		nlc_close(nlc);
		return fail(CTL_NO_MODULE,
			    "the kernel has no zcache; load the module with 'modprobe zcache' or 'insmod zcache.ko'");
	}
	return CTL_OK;
}

void nlc_close(struct nlc *nlc)
{
	nl_socket_free(nlc->sk);
	nlc->sk = NULL;
}

struct nl_msg *nlc_msg(struct nlc *nlc, int cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg)
		return NULL;
	if (!genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nlc->family, 0, flags, cmd,
			 ZCACHE_FAMILY_VERSION)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static void read_sentence(struct nlc *nlc, struct nlmsghdr *nlh, size_t skip)
{
	struct nlattr *attr;
	int len;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || nlh->nlmsg_len < NLMSG_HDRLEN + skip)
		return;
	len = nlh->nlmsg_len - NLMSG_HDRLEN - skip;
	attr = nla_find((struct nlattr *)((char *)nlmsg_data(nlh) + skip), len,
			NLMSGERR_ATTR_MSG);
	if (attr)
		snprintf(nlc->sentence, sizeof(nlc->sentence), "%.*s", nla_len(attr),
			 (char *)nla_data(attr));
}

/* A success is a message of the same form. */
static void finish(struct call *call, struct nlmsghdr *nlh)
{
	struct nlmsgerr *e = nlmsg_data(nlh);
	size_t skip = sizeof(*e);

	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len - sizeof(e->msg));
	read_sentence(call->nlc, nlh, skip);
	call->err = e->error;
	call->done = true;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	(void)from;
	finish(arg, (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN));
	return NL_STOP;
}

/* A dump that fails half-way says so in its last message. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct call *call = arg;

	if (nlmsg_datalen(nlh) >= (int)sizeof(int) && *(int *)nlmsg_data(nlh) < 0) {
		read_sentence(call->nlc, nlh, sizeof(int));
		call->err = *(int *)nlmsg_data(nlh);
	}
	call->done = true;
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	finish(arg, nlmsg_hdr(msg));
	return NL_STOP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct call *call = arg;

	if (!call->fn || !call->fn(nlmsg_hdr(msg), call->arg))
		return NL_OK;
	call->done = true;
	return NL_STOP;
}

static int on_interrupted(struct nl_msg *msg, void *arg)
{
	(void)msg;
	((struct call *)arg)->nlc->inconsistent = true;
	return NL_OK;
}

/* What the kernel says by itself has no number; what is left of a call has an old one. */
static int on_number(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *nlh = nlmsg_hdr(msg);
	struct call *call = arg;
	struct nlc *nlc = call->nlc;

	if (!nlh->nlmsg_seq && nlh->nlmsg_type == nlc->family && genlmsg_valid_hdr(nlh, 0) &&
	    nlc->unasked)
		nlc->unasked(nlh, nlc->unasked_arg);
	return nlh->nlmsg_seq == call->seq ? NL_OK : NL_SKIP;
}

/*
 * The socket had no room, perhaps for what was unasked, and takes nothing until it is
 * empty: the answer is in it by now, or is not to come. For libnl this is a lack of memory.
 */
static int receive_rest(struct call *call, struct nl_cb *cb)
{
	int fd = nl_socket_get_fd(call->nlc->sk), flags = fcntl(fd, F_GETFL), err = 1, i;

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	/* a refusal is an error too, and others may be behind it */
	for (i = 0; i < REST_MAX && err && err != -NLE_AGAIN; i++)
		err = nl_recvmsgs_report(call->nlc->sk, cb);
	fcntl(fd, F_SETFL, flags);
	return -ENOBUFS;
}

static int receive_answer(struct call *call, struct nl_cb *cb)
{
	int err;

	do
		err = nl_recvmsgs(call->nlc->sk, cb);
	while (!call->done && err >= 0);
	if (!call->done && err == -NLE_NOMEM)
		err = receive_rest(call, cb);
	else
		err = err == -NLE_AGAIN ? -ETIMEDOUT : -EIO;
	return call->done ? call->err : err;
}

int nlc_call(struct nlc *nlc, struct nl_msg *msg, nlc_fn fn, void *arg)
{
	struct call call = { .nlc = nlc, .fn = fn, .arg = arg };
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int err;

	nlc->sentence[0] = '\0';
	nlc->inconsistent = false;
	if (!msg || !cb || nl_send_auto(nlc->sk, msg) < 0) {
		nl_cb_put(cb);
		nlmsg_free(msg);
		return -ENOMEM;
	}
	call.seq = nlmsg_hdr(msg)->nlmsg_seq;
	nlmsg_free(msg);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_number, &call);
	nl_cb_err(cb, NL_CB_CUSTOM, on_error, &call);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &call);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &call);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_valid, &call);
	nl_cb_set(cb, NL_CB_DUMP_INTR, NL_CB_CUSTOM, on_interrupted, &call);
	err = receive_answer(&call, cb);
	nl_cb_put(cb);
	return err;
}

int nlc_ask(struct nlc *nlc, struct nl_msg *msg)
{
	int err = msg ? nl_send_auto(nlc->sk, msg) : -NLE_NOMEM;

	if (err >= 0)
		nlc->asked = nlmsg_hdr(msg)->nlmsg_seq;
	nlmsg_free(msg);
	return err < 0 ? -ENOMEM : 0;
}

/* What is there: bytes, or -errno; what has no room in the buffer is lost. */
static ssize_t take(const struct nlc *nlc, void *buf, size_t room)
{
	ssize_t n = recv(nlc->fd, buf, room, MSG_DONTWAIT | MSG_TRUNC);

	return n < 0 ? -errno : n && n <= (ssize_t)room ? n : -EMSGSIZE;
}

/* libnl would read on to the end. The kernel has the next piece ready, or there is none. */
int nlc_piece(struct nlc *nlc, void (*fn)(struct nlmsghdr *nlh, void *arg), void *arg)
{
	static char buf[64 << 10] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	int len = take(nlc, buf, sizeof(buf));

	if (len < 0)
		return len;
	for (; nlmsg_ok(nlh, len); nlh = nlmsg_next(nlh, &len)) {
		if (nlh->nlmsg_seq != nlc->asked)
			continue;
		/* both begin with an errno */
		if (nlh->nlmsg_type == NLMSG_DONE || nlh->nlmsg_type == NLMSG_ERROR)
			return nlmsg_datalen(nlh) < (int)sizeof(int) ? -EBADMSG :
			       *(int *)nlmsg_data(nlh);
		fn(nlh, arg);
	}
	return 1;
}

/* More than libnl's 32 KiB: each event has a store's attributes, and they come in bursts. */
static void enlarge_buffer(int fd)
{
	int size = 1 << 20;

	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

void nlc_endure(struct nlc *nlc)
{
	struct timeval patience = { .tv_sec = PATIENCE };

	enlarge_buffer(nlc->fd);
	setsockopt(nlc->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

/* The family of families tells when ours goes. */
int nlc_join(struct nlc *nlc, const char *group)
{
	int events = genl_ctrl_resolve_grp(nlc->sk, ZCACHE_FAMILY_NAME, group);
	int families = genl_ctrl_resolve_grp(nlc->sk, "nlctrl", "notify");

	if (events < 0 || families < 0)
		return fail(CTL_REFUSED, "the module has no events, so it is older than this program");
	enlarge_buffer(nlc->fd);
	if (nl_socket_add_membership(nlc->sk, events) ||
	    nl_socket_add_membership(nlc->sk, families))
		return nlc_fail(nlc, -errno, "cannot listen for events");
	return CTL_OK;
}

static bool family_gone(struct nlmsghdr *nlh)
{
	struct nlattr *name;

	if (nlh->nlmsg_type != GENL_ID_CTRL || !genlmsg_valid_hdr(nlh, 0) ||
	    genlmsg_hdr(nlh)->cmd != CTRL_CMD_DELFAMILY)
		return false;
	name = nlmsg_find_attr(nlh, GENL_HDRLEN, CTRL_ATTR_FAMILY_NAME);
	return name && !nla_strcmp(name, ZCACHE_FAMILY_NAME);
}

/* libnl would take ENOBUFS for a lack of memory, and not end at a signal. */
int nlc_receive(struct nlc *nlc, nlc_fn fn, void *arg)
{
	char buf[16 << 10] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *nlh = (struct nlmsghdr *)buf;
	int len = take(nlc, buf, sizeof(buf));

	if (len < 0)
		return len;
	for (; nlmsg_ok(nlh, len); nlh = nlmsg_next(nlh, &len)) {
		if (family_gone(nlh))
			return -ENODEV;
		if (nlh->nlmsg_type == nlc->family && genlmsg_valid_hdr(nlh, 0) && fn(nlh, arg))
			break;
	}
	return 0;
}

int nlc_fail(struct nlc *nlc, int err, const char *what)
{
	enum exit_code code = err == -ENOENT || err == -ENODEV ? CTL_NOT_FOUND : CTL_REFUSED;

	if (nlc->sentence[0])
		return fail(code, "%s: %s: %s", what, nlc->sentence, error_name(err));
	if (err == -EPERM)
		return fail(code, "%s: this needs CAP_NET_ADMIN, try as root: %s", what,
			    error_name(err));
	return fail(code, "%s: %s", what, error_name(err));
}
