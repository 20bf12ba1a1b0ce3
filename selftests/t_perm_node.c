// SPDX-License-Identifier: GPL-2.0-only
/*
 * The node's mode says who reads objects and who writes them; who may do neither
 * learns nothing of them, and what is handed over is granted.
 */
#include <dirent.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/netlink.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "zc_harness.h"
#include "zc_raw.h"
#include "zc_user.h"

#define SIZE	100000		/* bytes of the object "key" */

FIXTURE(node) {
	struct zct_store s;		/* root's alone */
	struct zc_stores before;
	char mark[96];
};

FIXTURE_SETUP(node)
{
	ZCT_START(node);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	ASSERT_OK(zct_put_pattern(self->s.fd, "key", 1, 1, SIZE, NULL));
	ASSERT_OK(zc_stores_get(&self->before));
}

FIXTURE_TEARDOWN(node)
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

#define R	4
#define W	2

static const struct mode {
	__u32 mode;
	uid_t uid;
	gid_t gid;
	int user, member, stranger;
} modes[] = {
	{ 0600, 0, 0, 0, 0, 0 },
	{ 0640, 0, ZC_GROUP, 0, R, 0 },
	{ 0620, 0, ZC_GROUP, 0, W, 0 },
	{ 0660, 0, ZC_GROUP, 0, R | W, 0 },
	{ 0644, 0, 0, R, R, R },
	{ 0622, 0, 0, W, W, W },
	{ 0400, ZC_USER, 0, R, 0, 0 },
	{ 0200, ZC_USER, 0, W, 0, 0 },
	{ 0600, ZC_USER, ZC_GROUP, R | W, 0, 0 },
	/* the first that fits decides: owner, group, others */
	{ 0460, ZC_USER, ZC_GROUP, R, R | W, 0 },
	{ 0066, ZC_USER, 0, 0, R | W, R | W },
	{ 0604, 0, ZC_GROUP, R, 0, R },
	{ 0000, ZC_USER, ZC_GROUP, 0, 0, 0 },
	{ 0111, ZC_USER, ZC_GROUP, 0, 0, 0 },
	{ 0777, 0, 0, R | W, R | W, R | W },
};

static void try_node(struct __test_metadata *_metadata, const struct zct_store *s, long allowed)
{
	static const struct { int flags, need; } opens[] = {
		{ O_RDONLY, R }, { O_WRONLY, W }, { O_RDWR, R | W },
	};
	struct stat sb = { 0 };
	unsigned int i;
	int fd;

	EXPECT_OK(stat(s->path, &sb));
	for (i = 0; i < ARRAY_SIZE(opens); i++) {
		fd = open(s->path, opens[i].flags);
		EXPECT_EQ((opens[i].need & ~allowed) == 0, fd >= 0)
			TH_LOG("uid %u, mode 0%o of %u:%u, opens[%u]", geteuid(),
			       sb.st_mode & 0777, sb.st_uid, sb.st_gid, i);
		if (fd >= 0)
			close(fd);
		else
			EXPECT_EQ(EACCES, errno);
	}
}

TEST_F(node, modes)
{
	struct zct_store s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		const struct mode *m = &modes[i];
		const struct zc_nl_cfg cfg = {
			.mode = m->mode, .uid = m->uid, .gid = m->gid,
			.set = ZC_NL_SET(MODE) | ZC_NL_SET(UID) | ZC_NL_SET(GID),
		};

		ASSERT_OK(zct_store_new(&s, &cfg));
		AS(user, try_node, &s, m->user);
		AS(member, try_node, &s, m->member);
		AS(stranger, try_node, &s, m->stranger);
		EXPECT_OK(zct_store_end(&s));
	}
}

struct granter {
	pthread_t thread;
	const struct zct_store *s;
	int sock, node, err;
};

/* What zcachectl, which lies next to this program, says of the store. */
static int ctl(const struct zct_store *s, const char *words)
{
	char self[256] = { 0 }, command[512];

	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return -errno;
	snprintf(command, sizeof(command), "%s/zcachectl store set %s %s", dirname(self), s->name,
		 words);
	return system(command);
}

static int listen_uevents(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)))
		return -errno;
	return fd;
}

/* Whether the next uevent of a store is a change with these variables. */
static bool changed(int fd, const struct zct_store *s, const char *mode, const char *gid)
{
	char text[4096], head[128];
	const char *p;
	ssize_t n;
	int found = 0;

	snprintf(head, sizeof(head), "change@/devices/virtual/zcache/zcache!%s", s->name);
	do {
		n = recv(fd, text, sizeof(text) - 1, 0);
		if (n < 0)
			return false;
		text[n] = '\0';
	} while (!strstr(text, "zcache!"));
	for (p = text; p < text + n; p += strlen(p) + 1) {
		printf("# %s\n", p);
		found += !strcmp(p, mode) || !strcmp(p, gid);
	}
	return !strcmp(text, head) && found == 2;
}

#define EXPECT_RECORD(m, u, g) \
	do { \
		struct zc_nl_store st; \
		EXPECT_OK(zc_nl_store_get(self->s.name, &st)); \
		EXPECT_EQ(m, st.mode); \
		EXPECT_EQ(u, st.uid); \
		EXPECT_EQ(g, st.gid); \
	} while (0)

static void stay(struct __test_metadata *_metadata, const struct zct_store *s, long sock)
{
	int fd = open(s->path, O_RDONLY);
	char byte = 0;

	EXPECT_LE(0, fd);
	EXPECT_EQ(1, write(sock, &byte, 1));
	/* the mode has been changed: who has it open keeps it */
	EXPECT_EQ(1, read(sock, &byte, 1));
	EXPECT_OK(zct_verify_key(fd, "key", 1, 1, SIZE));
	EXPECT_EQ(-1, open(s->path, O_RDONLY));
	EXPECT_EQ(EACCES, errno);
	close(fd);
}

static void *tighten(void *arg)
{
	struct granter *g = arg;
	char byte = 0;

	if (read(g->sock, &byte, 1) != 1)
		return NULL;
	g->err = ctl(g->s, "mode 600 owner 0 group 0");
	if (write(g->sock, &byte, 1) != 1)
		g->err = -EPIPE;
	return NULL;
}

TEST_F(node, set)
{
	const struct zc_nl_cfg cfg = {
		.name = self->s.name, .mode = 0640, .gid = ZC_GROUP,
		.set = ZC_NL_SET(MODE) | ZC_NL_SET(GID),
	};
	struct granter g = { .s = &self->s, .err = 1 };
	int uevents = listen_uevents(), pair[2];
	struct zc_nl_cfg bad = cfg;
	struct stat sb;

	ASSERT_FD(uevents);
	AS(member, try_node, &self->s, 0);
	/* the module notes it and tells of it; the node is left to whom it told */
	ASSERT_OK(zc_nl_store_set(&cfg));
	EXPECT_TRUE(changed(uevents, &self->s, "DEVMODE=0640", "DEVGID=1500"));
	EXPECT_RECORD(0640, 0, ZC_GROUP);
	ASSERT_OK(stat(self->s.path, &sb));
	EXPECT_EQ(0600, sb.st_mode & 07777);
	AS(member, try_node, &self->s, 0);
	/* so zcachectl does it itself; what it is not given stays as it was noted */
	EXPECT_OK(ctl(&self->s, "mode 640"));
	EXPECT_TRUE(changed(uevents, &self->s, "DEVMODE=0640", "DEVGID=1500"));
	AS(member, try_node, &self->s, R);
	AS(user, try_node, &self->s, 0);
	EXPECT_OK(ctl(&self->s, "mode 460 owner 1001"));
	EXPECT_RECORD(0460, ZC_USER, ZC_GROUP);
	AS(user, try_node, &self->s, R);
	AS(member, try_node, &self->s, R | W);
	AS(stranger, try_node, &self->s, 0);
	EXPECT_TRUE(changed(uevents, &self->s, "DEVMODE=0460", "DEVUID=1001"));

	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	g.sock = pair[0];
	ASSERT_EQ(0, pthread_create(&g.thread, NULL, tighten, &g));
	AS(member, stay, &self->s, pair[1]);
	shutdown(pair[0], SHUT_RDWR);
	pthread_join(g.thread, NULL);
	EXPECT_OK(g.err);
	EXPECT_RECORD(0600, 0, 0);
	ASSERT_OK(stat(self->s.path, &sb));
	EXPECT_EQ(0600, sb.st_mode & 07777);
	EXPECT_EQ(0, sb.st_uid);
	EXPECT_EQ(0, sb.st_gid);

	/* what is refused changes nothing */
	bad.mode = 01000;
	EXPECT_ERR(ERANGE, zc_nl_store_set(&bad));
	bad.mode = 0666;
	bad.uid = ~0U;
	bad.set |= ZC_NL_SET(UID);
	EXPECT_ERR(EINVAL, zc_nl_store_set(&bad));
	EXPECT_STREQ("uid must be a valid user id", zc_nl_extack());
	bad.uid = 0;
	bad.gid = ~0U;
	EXPECT_ERR(EINVAL, zc_nl_store_set(&bad));
	EXPECT_STREQ("gid must be a valid group id", zc_nl_extack());
	EXPECT_RECORD(0600, 0, 0);
	EXPECT_OK(zct_verify_key(self->s.fd, "key", 1, 1, SIZE));
	close(pair[0]);
	close(pair[1]);
	close(uevents);
}

static const struct { unsigned long nr; int need; } calls[] = {
	{ ZC_IOC_INFO, 0 },
	{ ZC_IOC_STAT, R }, { ZC_IOC_GET, R }, { ZC_IOC_OPEN, R }, { ZC_IOC_SEND, R },
	{ ZC_IOC_SEND_BATCH, R },
	{ ZC_IOC_PUT, W }, { ZC_IOC_FILL, W }, { ZC_IOC_DELETE, W }, { ZC_IOC_PURGE, W },
	{ ZC_IOC_TOUCH, W },
};

/*
 * How the node is open is looked at before the struct is: a call without one
 * tells whether it would have been let through.
 */
static void try_calls(struct __test_metadata *_metadata, const struct zct_store *s, long allowed)
{
	int fd = open(s->path, allowed == R ? O_RDONLY : O_WRONLY), other = O_RDONLY;
	char path[32];
	unsigned int i;

	EXPECT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		EXPECT_EQ(-1, ioctl(fd, calls[i].nr, NULL));
		EXPECT_EQ(calls[i].need & ~allowed ? EBADF : EFAULT, errno)
			TH_LOG("calls[%u]", i);
	}
	/* it cannot be had for more than it was */
	if (allowed == R)
		other = O_WRONLY;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_EQ(-1, open(path, O_RDWR));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(-1, open(path, other));
	EXPECT_EQ(EACCES, errno);
	close(fd);
}

TEST_F(node, calls)
{
	static const struct { __u32 mode; int allowed; } ways[] = { { 0640, R }, { 0620, W } };
	struct zct_store s;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ways); i++) {
		const struct zc_nl_cfg cfg = { .mode = ways[i].mode, .gid = ZC_GROUP,
					       .set = ZC_NL_SET(MODE) | ZC_NL_SET(GID) };
		struct zc_stores before;

		ASSERT_OK(zct_store_new(&s, &cfg));
		ASSERT_OK(zct_put_data(s.fd, "key", "data", 4, NULL));
		ASSERT_OK(zc_stores_get(&before));
		AS(member, try_calls, &s, ways[i].allowed);
		EXPECT_OK(zc_stores_changed(&before));
		EXPECT_OK(zct_store_end(&s));
	}
}

/* --- what others learn */

static void learn_nothing(struct __test_metadata *_metadata, const struct zct_store *s, long arg)
{
	static const char * const files[] = { ".", "..", "dev", "power", "subsystem", "uevent" };
	char path[64], text[256] = { 0 }, want[256];
	struct dirent *entry;
	struct stat sb;
	unsigned int i;
	int fd;
	DIR *dir;

	EXPECT_EQ(-1, open(s->path, O_RDONLY));
	EXPECT_EQ(EACCES, errno);
	/* a name, an owner, a mode and a number, which are everybody's */
	EXPECT_OK(stat(s->path, &sb));
	EXPECT_EQ(0, sb.st_size);
	EXPECT_EQ(0, sb.st_blocks);
	fd = open(s->path, O_PATH);
	EXPECT_LE(0, fd);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		EXPECT_EQ(-1, ioctl(fd, calls[i].nr, text));
		EXPECT_EQ(EBADF, errno);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	EXPECT_EQ(-1, open(path, O_RDONLY));
	EXPECT_EQ(EACCES, errno);
	close(fd);
	snprintf(path, sizeof(path), "/tmp/node-%d", getpid());
	EXPECT_EQ(-1, mknod(path, S_IFCHR | 0600, sb.st_rdev));
	EXPECT_EQ(EPERM, errno);
	/* nor does sysfs know more */
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u", major(sb.st_rdev), minor(sb.st_rdev));
	dir = opendir(path);
	EXPECT_NE(NULL, dir);
	while (dir && (entry = readdir(dir))) {
		for (i = 0; i < ARRAY_SIZE(files) && strcmp(files[i], entry->d_name); i++)
			;
		EXPECT_NE(ARRAY_SIZE(files), i) TH_LOG("there is a file %s", entry->d_name);
	}
	closedir(dir);
	strcat(path, "/uevent");
	fd = open(path, O_RDONLY);
	EXPECT_LT(0, read(fd, text, sizeof(text) - 1));
	close(fd);
	snprintf(want, sizeof(want),
		 "MAJOR=%u\nMINOR=%u\nDEVNAME=zcache/%s\nDEVMODE=0600\nDEVTYPE=store\n",
		 major(sb.st_rdev), minor(sb.st_rdev), s->name);
	EXPECT_STREQ(want, text);
	(void)arg;
}

TEST_F(node, nothing_leaks)
{
	AS(user, learn_nothing, &self->s, 0);
	AS(stranger, learn_nothing, &self->s, 0);
	EXPECT_UNCHANGED();
}

/* Everything an object fd can be used for in another store. */
static void use_in_another(struct __test_metadata *_metadata, int node, int object)
{
	struct zc_part part = { .type = ZC_PART_OBJECT, .flags = ZC_PART_TO_END };
	struct zc_part select[2] = {
		{ .type = ZC_PART_SELECT, .flags = ZC_PART_FD, .offset = object }, part,
	};
	struct zc_stat st = { .flags = ZC_STAT_FD, .fd = object };
	char byte;
	struct zc_get get = { .flags = ZC_GET_FD, .fd = object, .buf = ZC_ADDR(&byte),
			      .buf_len = 1 };
	struct zc_send send = { .flags = ZC_SEND_FD, .fd = object, .parts = ZC_ADDR(&part),
				.nr_parts = 1 };
	struct zc_send other = { .key = ZC_ADDR("own"), .key_len = 3, .parts = ZC_ADDR(select),
				 .nr_parts = 2 };
	int pair[2];

	EXPECT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	send.sock = other.sock = pair[0];
	EXPECT_ERR(EXDEV, zct_stat(node, &st));
	EXPECT_ERR(EXDEV, zct_get(node, &get));
	EXPECT_ERR(EXDEV, zct_send(node, &send));
	EXPECT_ERR(EXDEV, zct_send(node, &other));
	EXPECT_EQ(-1, recv(pair[1], &byte, 1, MSG_DONTWAIT));
	EXPECT_EQ(EAGAIN, errno);
	/* nor is the other's key one here */
	EXPECT_ERR(ENOENT, zct_stat_key(node, "key", &st));
	close(pair[0]);
	close(pair[1]);
}

static void use_grant(struct __test_metadata *_metadata, const struct zct_store *s, long sock)
{
	int node = open(s->path, O_RDWR), object;
	char path[32], byte = 0;
	unsigned char *map;
	unsigned int i;

	/* root says when the object fd is there: nothing is inherited */
	EXPECT_EQ(1, write(sock, &byte, 1));
	object = zc_receive_fd(sock);
	EXPECT_LE(0, object);
	EXPECT_OK(zct_verify_fd(object, 1, 1, SIZE));
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, object, 0);
	EXPECT_NE(MAP_FAILED, map);
	if (map != MAP_FAILED) {
		EXPECT_EQ(-1, zct_check(map, SIZE, 1, 1, 0));
		munmap(map, SIZE);
	}
	/* that object and no more: not to be changed, no way to its store */
	EXPECT_EQ(-1, pwrite(object, &byte, 1, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, object, 0));
	EXPECT_EQ(EACCES, errno);
	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		EXPECT_EQ(-1, ioctl(object, calls[i].nr, NULL));
		EXPECT_EQ(ENOTTY, errno);
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", object);
	EXPECT_EQ(-1, open(path, O_RDONLY));
	EXPECT_EQ(EACCES, errno);

	EXPECT_LE(0, node);
	EXPECT_OK(zct_put_data(node, "own", "data", 4, NULL));
	use_in_another(_metadata, node, object);
	close(node);
	close(object);
}

static void *grant(void *arg)
{
	struct granter *g = arg;
	char byte;
	int fd;

	if (recv(g->sock, &byte, 1, 0) != 1)
		return NULL;
	fd = zct_open_key(g->node, "key");
	g->err = fd < 0 ? fd : zc_send_fd(g->sock, fd);
	close(fd);
	return NULL;
}

/* An object fd that is handed over is a grant of that object, wherever it came from. */
TEST_F(node, grant)
{
	const struct zc_nl_cfg cfg = { .uid = ZC_USER, .set = ZC_NL_SET(UID) };
	struct granter g = { .node = self->s.fd, .err = 1 };
	struct zct_store own;
	int pair[2];

	ASSERT_OK(zct_store_new(&own, &cfg));
	ASSERT_OK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	g.sock = pair[0];
	ASSERT_EQ(0, pthread_create(&g.thread, NULL, grant, &g));
	AS(user, use_grant, &own, pair[1]);
	shutdown(pair[0], SHUT_RDWR);
	pthread_join(g.thread, NULL);
	EXPECT_EQ(0, g.err);
	close(pair[0]);
	close(pair[1]);
	EXPECT_OK(zct_store_end(&own));
	EXPECT_OK(zct_verify_key(self->s.fd, "key", 1, 1, SIZE));
}

TEST_HARNESS_MAIN
