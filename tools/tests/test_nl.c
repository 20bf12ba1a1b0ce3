// SPDX-License-Identifier: GPL-2.0-only
/*
 * nl.c against the one family that every kernel has, "nlctrl": answers, dumps,
 * refusals and the kernel's sentences are the same for all families.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <netlink/genl/ctrl.h>

#include "fail.h"
#include "nl.h"
#include "tap.h"

int __wrap_genl_ctrl_resolve(struct nl_sock *sk, const char *name);

int __wrap_genl_ctrl_resolve(struct nl_sock *sk, const char *name)
{
	(void)sk;
	(void)name;
	return GENL_ID_CTRL;
}

int __real_genl_ctrl_resolve_grp(struct nl_sock *sk, const char *family, const char *group);
int __wrap_genl_ctrl_resolve_grp(struct nl_sock *sk, const char *family, const char *group);

/* Of all groups, every kernel has this one. */
int __wrap_genl_ctrl_resolve_grp(struct nl_sock *sk, const char *family, const char *group)
{
	if (!strcmp(group, "none"))
		return -NLE_OBJ_NOTFOUND;
	(void)family;
	return __real_genl_ctrl_resolve_grp(sk, "nlctrl", "notify");
}

/* What nl.c says goes to the main program elsewhere. */
static char said[512];

int fail(enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	return code;
}

const char *error_name(int err)
{
	return strerrorname_np(-err);
}

struct seen {
	int messages, limit;
	bool nlctrl;
};

static int count(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *a[CTRL_ATTR_MAX + 1];
	struct seen *s = arg;

	if (genlmsg_parse(nlh, 0, a, CTRL_ATTR_MAX, NULL) || !a[CTRL_ATTR_FAMILY_NAME])
		return 1;
	s->messages++;
	if (!strcmp(nla_get_string(a[CTRL_ATTR_FAMILY_NAME]), "nlctrl"))
		s->nlctrl = true;
	return s->messages == s->limit;
}

static int get_family(struct nlc *nlc, const char *name, struct seen *s)
{
	struct nl_msg *msg = nlc_msg(nlc, CTRL_CMD_GETFAMILY, 0);

	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, name);
	return nlc_call(nlc, msg, count, s);
}

static void answers(struct nlc *nlc)
{
	struct seen one = { 0 }, all = { 0 };

	is_int(get_family(nlc, "nlctrl", &one), 0, "one answer");
	is_int(one.messages, 1, "is one message");
	ok(one.nlctrl, "with what was asked for");
	is_int(nlc_call(nlc, nlc_msg(nlc, CTRL_CMD_GETFAMILY, NLM_F_DUMP), count, &all), 0, "a dump");
	ok(all.messages >= 1 && all.nlctrl, "has all of them");
	ok(!nlc->inconsistent, "undisturbed");
	is_int(nlc_call(nlc, nlc_msg(nlc, CTRL_CMD_GETFAMILY, NLM_F_DUMP), NULL, NULL), 0,
	       "a dump that nobody looks at");
	is_int(get_family(nlc, "nlctrl", &one), 0, "the socket can be used again");
}

static void count_piece(struct nlmsghdr *nlh, void *arg)
{
	count(nlh, arg);
}

static void pieces(struct nlc *nlc)
{
	struct seen all = { 0 }, whole = { 0 };
	int err;

	nlc_call(nlc, nlc_msg(nlc, CTRL_CMD_GETFAMILY, NLM_F_DUMP), count, &whole);
	is_int(nlc_ask(nlc, nlc_msg(nlc, CTRL_CMD_GETFAMILY, NLM_F_DUMP)), 0, "a dump in pieces");
	do
		err = nlc_piece(nlc, count_piece, &all);
	while (err == 1);
	is_int(err, 0, "has an end");
	ok(all.nlctrl, "and what was asked for");
	is_int(all.messages, whole.messages, "has what a whole one has");
	is_int(nlc_piece(nlc, count_piece, &all), -EAGAIN, "and no more than that");
	is_int(nlc_ask(nlc, nlc_msg(nlc, 200, NLM_F_DUMP)), 0, "an unknown one");
	is_int(nlc_piece(nlc, count_piece, &all), -EOPNOTSUPP, "is refused");
	is_int(nlc_ask(nlc, NULL), -ENOMEM, "no message");
	is_int(get_family(nlc, "nlctrl", &all), 0, "the socket can be used again");
}

static void refusals(struct nlc *nlc)
{
	struct seen s = { 0 };

	is_int(get_family(nlc, "none", &s), -ENOENT, "what is not there");
	is_str(nlc->sentence, "", "has no sentence");
	is_int(nlc_fail(nlc, -ENOENT, "it"), CTL_NOT_FOUND, "its exit code");
	is_str(said, "it: ENOENT", "its message");
	is_int(get_family(nlc, "a name that is longer than any", &s), -EINVAL, "what is malformed");
	ok(nlc->sentence[0] != '\0', "has the kernel's sentence");
	is_int(nlc_fail(nlc, -EINVAL, "it"), CTL_REFUSED, "its exit code");
	ok(!strncmp(said, "it: ", 4) && strstr(said, nlc->sentence) &&
	   !strcmp(said + strlen(said) - 8, ": EINVAL"), "its message has the sentence");
	is_int(nlc_call(nlc, nlc_msg(nlc, 200, 0), NULL, NULL), -EOPNOTSUPP, "an unknown command");
	is_int(nlc_call(nlc, nlc_msg(nlc, 200, NLM_F_DUMP), NULL, NULL), -EOPNOTSUPP,
	       "an unknown dump");
	is_str(nlc->sentence, "", "the sentence is not the older one");
	nlc_fail(nlc, -EPERM, "it");
	is_str(said, "it: this needs CAP_NET_ADMIN, try as root: EPERM", "without rights");
	is_int(nlc_call(nlc, NULL, NULL, NULL), -ENOMEM, "no message");
	is_int(get_family(nlc, "nlctrl", &s), 0, "after all that it still works");
}

static int count_events(struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	++*(int *)arg;
	return 0;
}

/*
 * No request makes the kernel's own family say this, so another socket does. The
 * answer is there before the request, after what is left of an older one and what
 * the kernel said by itself.
 */
static void warnings(void)
{
	int unasked = 0;
	struct nlc nlc = { .sk = nl_socket_alloc(), .family = GENL_ID_CTRL + 5,
			   .unasked = count_events, .unasked_arg = &unasked };
	struct nl_sock *kernel = nl_socket_alloc();
	struct nl_msg *msg = nlmsg_alloc_simple(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS);
	struct nl_msg *old = nlmsg_alloc_simple(NLMSG_ERROR, NLM_F_CAPPED);
	struct nl_msg *event = nlc_msg(&nlc, 1, 0);
	struct nlmsgerr e = { 0 }, failed = { .error = -EIO };

	ok(!nl_connect(nlc.sk, NETLINK_USERSOCK) && !nl_connect(kernel, NETLINK_USERSOCK),
	   "sockets");
	nl_socket_set_peer_port(nlc.sk, nl_socket_get_local_port(kernel));
	nl_socket_set_peer_port(kernel, nl_socket_get_local_port(nlc.sk));
	nl_socket_disable_auto_ack(nlc.sk);
	nlmsg_append(old, &failed, sizeof(failed), NLMSG_ALIGNTO);
	nlmsg_hdr(old)->nlmsg_seq = nl_socket_use_seq(nlc.sk);
	nlmsg_append(msg, &e, sizeof(e), NLMSG_ALIGNTO);
	nla_put_string(msg, NLMSGERR_ATTR_MSG, "done, but");
	nlmsg_hdr(msg)->nlmsg_seq = nlmsg_hdr(old)->nlmsg_seq + 1;
	ok(nl_send(kernel, old) > 0 && nl_send(kernel, event) > 0 && nl_send(kernel, msg) > 0,
	   "an answer");
	is_int(nlc_call(&nlc, nlc_msg(&nlc, 1, 0), NULL, NULL), 0, "a success");
	is_str(nlc.sentence, "done, but", "with a sentence");
	is_int(unasked, 1, "what came unasked is told");
	nlmsg_free(event);
	nlmsg_free(old);
	nlmsg_free(msg);
	nl_socket_free(kernel);
	nlc_close(&nlc);
}

static struct nl_msg *success(struct nl_sock *sk)
{
	struct nl_msg *msg = nlmsg_alloc_simple(NLMSG_ERROR, NLM_F_CAPPED);
	struct nlmsgerr e = { 0 };

	nlmsg_append(msg, &e, sizeof(e), NLMSG_ALIGNTO);
	nlmsg_hdr(msg)->nlmsg_seq = nl_socket_use_seq(sk) + 1;
	return msg;
}

/* No answer, and one before which the socket was filled by others. */
static void lost_answers(void)
{
	int unasked = 0, sent;
	struct nlc nlc = { .sk = nl_socket_alloc(), .family = GENL_ID_CTRL + 5,
			   .unasked = count_events, .unasked_arg = &unasked };
	struct nl_sock *kernel = nl_socket_alloc();
	struct timeval moment = { .tv_usec = 1000 };
	struct nl_msg *event = nlc_msg(&nlc, 1, 0), *msg;

	ok(!nl_connect(nlc.sk, NETLINK_USERSOCK) && !nl_connect(kernel, NETLINK_USERSOCK),
	   "sockets");
	nlc.fd = nl_socket_get_fd(nlc.sk);
	nl_socket_set_peer_port(nlc.sk, nl_socket_get_local_port(kernel));
	nl_socket_set_peer_port(kernel, nl_socket_get_local_port(nlc.sk));
	nl_socket_disable_auto_ack(nlc.sk);
	nlc_endure(&nlc);
	setsockopt(nlc.fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment));
	is_int(nlc_call(&nlc, nlc_msg(&nlc, 1, 0), NULL, NULL), -ETIMEDOUT,
	       "an answer that does not come is not waited for");

	if (nl_socket_add_membership(nlc.sk, 31)) {
		printf("ok %d - lost answers # SKIP this user may not listen to multicasts\n",
		       ++tap_count);
	} else {
		msg = success(nlc.sk);
		nl_send(kernel, msg);
		nl_socket_set_peer_groups(kernel, 1U << 30);
		nl_socket_set_peer_port(kernel, 0);
		for (sent = 0; sent < 20000; sent++)
			nl_send(kernel, event);
		is_int(nlc_call(&nlc, nlc_msg(&nlc, 1, 0), NULL, NULL), 0,
		       "an answer in a full socket is found");
		for (sent = 0; sent < 20000; sent++)
			nl_send(kernel, event);
		unasked = 0;
		is_int(nlc_call(&nlc, nlc_msg(&nlc, 1, 0), NULL, NULL), -ENOBUFS,
		       "one that found no room is not");
		ok(unasked > 0 && unasked < 20000, "but what is there is told");
		is_int(nlc_receive(&nlc, count_events, &unasked), -EAGAIN, "and the socket empty");
		nlmsg_free(msg);
	}
	is_int(fcntl(nlc.fd, F_GETFL) & O_NONBLOCK, 0, "the next call waits again");
	nlmsg_free(event);
	nl_socket_free(kernel);
	nlc_close(&nlc);
}

static void join(void)
{
	struct nlc nlc;
	int count = 0;

	is_int(nlc_open(&nlc), CTL_OK, "open again");
	is_int(nlc_join(&nlc, "none"), CTL_REFUSED, "a group that is not there");
	is_str(said, "the module has no events, so it is older than this program", "and why");
	is_int(nlc_join(&nlc, "events"), CTL_OK, "one that is");
	is_int(nlc_receive(&nlc, count_events, &count), -EAGAIN, "nothing is told yet");
	nlc_close(&nlc);
}

/* Two sockets of one kind: one is a kernel that multicasts. */
static void events(void)
{
	struct nlc nlc = { .sk = nl_socket_alloc(), .family = GENL_ID_CTRL + 5 };
	struct nl_sock *kernel = nl_socket_alloc();
	struct nl_msg *msg = nlc_msg(&nlc, 1, 0), *other = nlmsg_alloc_simple(NLMSG_NOOP, 0);
	int count = 0, sent, err;

	ok(!nl_connect(nlc.sk, NETLINK_USERSOCK) && !nl_connect(kernel, NETLINK_USERSOCK),
	   "sockets");
	nlc.fd = nl_socket_get_fd(nlc.sk);
	nl_socket_set_peer_port(kernel, nl_socket_get_local_port(nlc.sk));
	ok(nl_send(kernel, other) > 0 && nl_send(kernel, msg) > 0, "an event");
	is_int(nlc_receive(&nlc, count_events, &count), 0, "what is none");
	is_int(count, 0, "is left out");
	is_int(nlc_receive(&nlc, count_events, &count), 0, "an event");
	is_int(count, 1, "is told");
	is_int(nlc_receive(&nlc, count_events, &count), -EAGAIN, "and no other");

	if (nl_socket_add_membership(nlc.sk, 31)) {
		printf("ok %d - lost events # SKIP this user may not listen to multicasts\n",
		       ++tap_count);
	} else {
		nl_socket_set_peer_groups(kernel, 1U << 30);
		nl_socket_set_peer_port(kernel, 0);
		/* libnl's buffer has room for fewer; nobody hears of those that find none */
		for (sent = 0; sent < 1000; sent++)
			nl_send(kernel, msg);
		is_int(nlc_receive(&nlc, count_events, &count), -ENOBUFS, "lost events");
		while (!(err = nlc_receive(&nlc, count_events, &count)))
			;
		is_int(err, -EAGAIN, "those that were not are told");
		ok(count > 1 && count < 1000, "some");
	}
	nlmsg_free(msg);
	nlmsg_free(other);
	nl_socket_free(kernel);
	nlc_close(&nlc);
}

int main(void)
{
	struct seen s = { .limit = 1 };
	struct nlc nlc;

	is_int(nlc_open(&nlc), CTL_OK, "open");
	answers(&nlc);
	pieces(&nlc);
	refusals(&nlc);
	is_int(nlc_call(&nlc, nlc_msg(&nlc, CTRL_CMD_GETFAMILY, NLM_F_DUMP), count, &s), 0,
	       "a dump that is cut short");
	is_int(s.messages, 1, "after one message");
	nlc_close(&nlc);
	warnings();
	lost_answers();
	join();
	events();
	return tap_end();
}
