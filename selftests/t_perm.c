// SPDX-License-Identifier: GPL-2.0-only
/*
 * Control is for CAP_NET_ADMIN of the initial user namespace and nobody else:
 * not for an ordinary user, nor for the root of a user namespace.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <linux/genetlink.h>
#include <netlink/genl/genl.h>

#include "zc_harness.h"
#include "zc_raw.h"
#include "zc_user.h"

#define SIZE	100000		/* bytes of the object "key" */
#define MINE	"t_perm-mine"	/* what nobody may make */

/* What the kernel tells everybody of the family. */
static struct family {
	int id;
	unsigned int nr_ops, nr_groups;
	struct { __u32 cmd, flags; } ops[64];
	__u32 groups[16];
} family;

static void on_family(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *tb[CTRL_ATTR_MAX + 1], *op[CTRL_ATTR_OP_MAX + 1];
	struct nlattr *group[CTRL_ATTR_MCAST_GRP_MAX + 1], *attr;
	struct family *f = arg;
	int left;

	if (genlmsg_parse(nlh, 0, tb, CTRL_ATTR_MAX, NULL) < 0)
		return;
	nla_for_each_nested(attr, tb[CTRL_ATTR_OPS], left) {
		if (f->nr_ops == ARRAY_SIZE(f->ops))
			break;
		nla_parse_nested(op, CTRL_ATTR_OP_MAX, attr, NULL);
		f->ops[f->nr_ops].cmd = nla_get_u32(op[CTRL_ATTR_OP_ID]);
		f->ops[f->nr_ops++].flags = nla_get_u32(op[CTRL_ATTR_OP_FLAGS]);
	}
	if (!tb[CTRL_ATTR_MCAST_GROUPS])
		return;
	nla_for_each_nested(attr, tb[CTRL_ATTR_MCAST_GROUPS], left) {
		if (f->nr_groups == ARRAY_SIZE(f->groups))
			break;
		nla_parse_nested(group, CTRL_ATTR_MCAST_GRP_MAX, attr, NULL);
		f->groups[f->nr_groups++] = nla_get_u32(group[CTRL_ATTR_MCAST_GRP_ID]);
	}
}

static int get_family(struct family *f)
{
	struct nl_msg *msg;

	f->id = zc_nl_family();
	msg = zc_nl_msg_of(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_REQUEST);
	nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, ZCACHE_FAMILY_NAME);
	return zc_nl_call(msg, on_family, f);
}

FIXTURE(perm) {
	struct zct_store s;		/* root's alone */
	struct zc_stores before;
	char mark[96];
};

FIXTURE_SETUP(perm)
{
	ZCT_START(perm);
	zc_nl_store_del(MINE, true);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	ASSERT_OK(zct_put_pattern(self->s.fd, "key", 1, 1, SIZE, NULL));
	memset(&family, 0, sizeof(family));
	ASSERT_OK(get_family(&family));
	ASSERT_OK(zc_stores_get(&self->before));
}

FIXTURE_TEARDOWN(perm)
{
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

/* Nothing is there that was not, and nothing is counted, used or set anew. */
#define EXPECT_UNCHANGED() \
	do { \
		EXPECT_OK(zc_stores_changed(&self->before)); \
		EXPECT_OK(zct_verify_key(self->s.fd, "key", 1, 1, SIZE)); \
	} while (0)

/* --- control */

static void on_object(const struct zc_nl_object *object, void *arg)
{
	++*(unsigned int *)arg;
	(void)object;
}

/* Requests in which root would be obeyed, and some that name nothing. */
static void requests(struct __test_metadata *_metadata, const struct zct_store *s, int err)
{
	const struct zc_nl_cfg mine = { .name = MINE, .capacity = MiB };
	const struct zc_nl_cfg set = { .name = s->name, .copy = ZCACHE_COPY_ALWAYS,
				       .set = ZC_NL_SET(COPY) };
	struct zc_nl_object ob, no_object = { 0 };
	struct zc_nl_store st, no_store = { 0 };
	struct zc_stores all = { 0 };
	unsigned int objects = 0;

	EXPECT_EQ(err, zc_nl_store_new(&mine));
	EXPECT_EQ(err, zc_nl_store_set(&set));
	EXPECT_EQ(err, zc_nl_store_del(s->name, false));
	EXPECT_EQ(err, zc_nl_store_del(s->name, true));
	EXPECT_EQ(err, zc_nl_store_get(s->name, &st));
	EXPECT_EQ(0, memcmp(&no_store, &st, sizeof(st)));
	EXPECT_EQ(err, zc_nl_store_dump(zc_stores_one, &all));
	EXPECT_EQ(0, all.nr);
	EXPECT_EQ(err, zc_nl_object_get(s->name, "key", 3, &ob));
	EXPECT_EQ(0, memcmp(&no_object, &ob, sizeof(ob)));
	EXPECT_EQ(err, zc_nl_object_dump(s->name, NULL, 0, on_object, &objects));
	EXPECT_EQ(0, objects);
	/* whether there is such a store or key is not told either */
	EXPECT_EQ(err, zc_nl_store_get("no-such-store", &st));
	EXPECT_EQ(err, zc_nl_store_del("no-such-store", false));
	EXPECT_EQ(err, zc_nl_object_get(s->name, "none", 4, &ob));
	EXPECT_EQ(err, zc_nl_object_dump("no-such-store", NULL, 0, on_object, &objects));
}

/* Each operation that the kernel says there is, by its number. */
static void operations(struct __test_metadata *_metadata, int err)
{
	const struct family *f = &family;
	unsigned int i;

	/* for the socket, which belongs to this process */
	zc_nl_family();
	for (i = 0; i < f->nr_ops; i++) {
		if (f->ops[i].flags & GENL_CMD_CAP_DO) {
			EXPECT_EQ(err, zc_nl_call(zc_nl_msg_of(f->id, f->ops[i].cmd, 0), NULL, NULL))
				TH_LOG("command %u", f->ops[i].cmd);
		}
		if (f->ops[i].flags & GENL_CMD_CAP_DUMP) {
			EXPECT_EQ(err, zc_nl_call(zc_nl_msg_of(f->id, f->ops[i].cmd, NLM_F_DUMP),
						  NULL, NULL))
				TH_LOG("dump of command %u", f->ops[i].cmd);
		}
	}
}

/* Who may not ask is not told by the way. */
static void groups(struct __test_metadata *_metadata)
{
	const struct family *f = &family;
	int sock = zc_raw_open();
	unsigned int i;

	EXPECT_LE(0, sock);
	for (i = 0; i < f->nr_groups; i++) {
		EXPECT_EQ(-1, setsockopt(sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &f->groups[i],
					 sizeof(f->groups[i])));
		EXPECT_EQ(EPERM, errno);
	}
	close(sock);
}

static void no_control(struct __test_metadata *_metadata, const struct zct_store *s, long arg)
{
	requests(_metadata, s, -EPERM);
	operations(_metadata, -EPERM);
	groups(_metadata);
	(void)arg;
}

TEST_F(perm, control)
{
	const struct family *f = &family;
	unsigned int i, seen = 0;

	for (i = 0; i < f->nr_ops; i++) {
		EXPECT_EQ(GENL_ADMIN_PERM, f->ops[i].flags & GENL_ADMIN_PERM)
			TH_LOG("command %u", f->ops[i].cmd);
		seen |= 1U << f->ops[i].cmd;
	}
	for (i = ZCACHE_CMD_STORE_NEW; i <= ZCACHE_CMD_STORE_SET; i++) {
		EXPECT_EQ(1, seen >> i & 1) TH_LOG("command %u", i);
	}
	AS(user, no_control, &self->s, 0);
	AS(member, no_control, &self->s, 0);
	EXPECT_UNCHANGED();
}

static void on_error(struct nlmsghdr *nlh, void *arg)
{
	char why[256];

	if (nlh->nlmsg_type == NLMSG_ERROR)
		*(int *)arg = zc_raw_error(nlh, why, sizeof(why));
}

/* Deletes the store by force on this socket. Return: the answer's error. */
static int delete_on(const struct zct_store *s, int sock)
{
	struct nl_msg *msg;
	int err;

	zc_nl_family();
	msg = zc_nl_msg_of(family.id, ZCACHE_CMD_STORE_DEL, NLM_F_REQUEST | NLM_F_ACK);
	nla_put_string(msg, ZCACHE_A_STORE_NAME, s->name);
	nla_put_flag(msg, ZCACHE_A_STORE_FORCE);
	err = zc_raw_send(sock, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
	nlmsg_free(msg);
	if (!err && zc_raw_next(sock, on_error, &err) != 1)
		err = -ENOMSG;
	return err;
}

static void use_socket(struct __test_metadata *_metadata, const struct zct_store *s, long sock)
{
	EXPECT_ERR(EPERM, delete_on(s, sock));
}

static void make_socket(struct __test_metadata *_metadata, const struct zct_store *s, long pair)
{
	int sock = zc_raw_open();

	EXPECT_OK(zc_send_fd(pair, sock));
	(void)s;
}

/* A socket is worth what both may: who opened it, and who sends on it. */
TEST_F(perm, socket_of_another)
{
	int pair[2], sock = zc_raw_open();

	ASSERT_FD(sock);
	AS(user, use_socket, &self->s, sock);
	close(sock);
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	AS(user, make_socket, &self->s, pair[1]);
	sock = zc_receive_fd(pair[0]);
	ASSERT_FD(sock);
	EXPECT_ERR(EPERM, delete_on(&self->s, sock));
	close(sock);
	close(pair[0]);
	close(pair[1]);
	EXPECT_UNCHANGED();
}


/* --- namespaces */

static int write_map(const char *path, unsigned int id)
{
	char map[32];

	snprintf(map, sizeof(map), "0 %u 1", id);
	return zct_write_file(path, map);
}

/* Become root of a new user namespace, and so with all capabilities, in it. */
static int enter_user_ns(int more)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	if (unshare(CLONE_NEWUSER | more))
		return -errno;
	return zct_write_file("/proc/self/setgroups", "deny") ?:
	       write_map("/proc/self/uid_map", uid) ?: write_map("/proc/self/gid_map", gid);
}

static int without_user_ns(void)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		_exit(zc_become(&zc_user) ? EPERM : -enter_user_ns(CLONE_NEWNET));
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return ECHILD;
	return WEXITSTATUS(status);
}

static void in_user_ns(struct __test_metadata *_metadata, const struct zct_store *s, long more)
{
	bool root = !geteuid();
	int fd, err, sock = zc_raw_open();

	err = enter_user_ns(more);
	EXPECT_EQ(0, err);
	if (err)
		return;
	EXPECT_EQ(0, geteuid());
	EXPECT_EQ(1, zc_capabilities() >> CAP_NET_ADMIN & 1);
	if (more & CLONE_NEWNET) {
		/*
		 * The family is of the initial network namespace alone: in any
		 * other it has no name, and its number is of no family.
		 */
		EXPECT_ERR(ENOENT, zc_nl_family());
		operations(_metadata, -ENOENT);
	} else {
		no_control(_metadata, s, 0);
	}
	/* a socket from outside, which a user or root opened, brings no capability along */
	EXPECT_ERR(EPERM, delete_on(s, sock));
	close(sock);
	/*
	 * Who owns the node outside owns it here. Root of a namespace may pass over
	 * the mode of files whose owner is in it, and root is not in a user's.
	 */
	fd = open(s->path, O_RDWR);
	EXPECT_EQ(root, fd >= 0);
	if (fd >= 0)
		close(fd);
	else
		EXPECT_EQ(EACCES, errno);
	if (root)
		return;
	EXPECT_EQ(-1, chmod(s->path, 0666));
	EXPECT_EQ(EPERM, errno);
	EXPECT_EQ(-1, chown(s->path, 0, 0));
	EXPECT_EQ(EPERM, errno);
}

#define SKIP_WITHOUT_USER_NS() \
	do { \
		int error = without_user_ns(); \
		if (error) \
			SKIP(return, "no user namespaces: %s", strerror(error)); \
	} while (0)

TEST_F(perm, user_namespace)
{
	SKIP_WITHOUT_USER_NS();
	AS(user, in_user_ns, &self->s, 0);
	AS(root, in_user_ns, &self->s, 0);
	EXPECT_UNCHANGED();
}

TEST_F(perm, user_and_network_namespace)
{
	SKIP_WITHOUT_USER_NS();
	AS(user, in_user_ns, &self->s, CLONE_NEWNET);
	AS(root, in_user_ns, &self->s, CLONE_NEWNET);
	EXPECT_UNCHANGED();
}

TEST_HARNESS_MAIN
