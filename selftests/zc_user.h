/* SPDX-License-Identifier: GPL-2.0-only */
/* Parts of a test that somebody else runs, with no capabilities. */
#ifndef ZC_USER_H
#define ZC_USER_H

#include <grp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <linux/capability.h>

#include "zc_harness.h"

#define ZC_USER		1001		/* owns what a test gives away */
#define ZC_GROUP	1500		/* the member's */

struct zc_who {
	const char *name;
	uid_t uid;
	gid_t gid;
	gid_t also;		/* a supplementary group, 0: none */
};

__attribute__((unused))
static const struct zc_who zc_user = { "user", ZC_USER, ZC_USER, 0 },
	zc_member = { "member", 1002, 1002, ZC_GROUP },
	zc_stranger = { "stranger", 1003, 1003, 0 },
	zc_root = { "root", 0, 0, 0 };

static inline __u64 zc_capabilities(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };

	if (syscall(SYS_capget, &head, data))
		return ~0ULL;
	return data[0].effective | (__u64)data[1].effective << 32;
}

/* For good, as no capabilities are left. Root stays what it is. */
static inline int zc_become(const struct zc_who *who)
{
	if (!who->uid)
		return 0;
	if (setgroups(who->also ? 1 : 0, &who->also) || setresgid(who->gid, who->gid, who->gid) ||
	    setresuid(who->uid, who->uid, who->uid))
		return -errno;
	/* its files in /proc are its own again */
	if (prctl(PR_SET_DUMPABLE, 1))
		return -errno;
	return zc_capabilities() ? -EPERM : 0;
}

typedef void (*zc_user_fn)(struct __test_metadata *_metadata, const struct zct_store *s,
			   long arg);

/* Runs @fn in a child that is @who. What it expects counts; it may not assert. */
static inline void zc_as(struct __test_metadata *_metadata, const struct zc_who *who,
			 zc_user_fn fn, const struct zct_store *s, long arg)
{
	int status, err;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		err = zc_become(who);
		EXPECT_EQ(0, err) TH_LOG("cannot become %s", who->name);
		if (!err)
			fn(_metadata, s, arg);
		fflush(stdout);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status) TH_LOG("%s came to no good end", who->name);
}

#define AS(who, fn, store, arg)	zc_as(_metadata, &zc_##who, fn, store, arg)

static inline int zc_send_fd(int sock, int fd)
{
	char room[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
			    .msg_controllen = sizeof(room) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(sock, &m, 0) == 1 ? 0 : -errno;
}

/* The descriptor, close-on-exec, or -errno. */
static inline int zc_receive_fd(int sock)
{
	char room[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = room,
			    .msg_controllen = sizeof(room) };
	int fd;

	if (recvmsg(sock, &m, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&m))
		return -ENOMSG;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

#endif /* ZC_USER_H */
