// SPDX-License-Identifier: GPL-2.0-only
/* Stores over netlink: made, refused, listed, deleted, with a reason each time. */
#include <fcntl.h>
#include <grp.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <netlink/genl/genl.h>

#include "zc_harness.h"

#define NAME	"t_store"

FIXTURE(store) {
	char mark[96];
};

static bool is_there(const char *name)
{
	struct zc_nl_store st;

	return !zc_nl_store_get(name, &st);
}

FIXTURE_SETUP(store)
{
	ZCT_START(store);
	/* what a test that failed may have left */
	zc_nl_store_del(NAME, true);
}

FIXTURE_TEARDOWN(store)
{
	EXPECT_FALSE(is_there(NAME)) {
		zc_nl_store_del(NAME, true);
	}
	ZCT_END();
}

/* A refusal has its errno and a sentence. */
#define EXPECT_REFUSED(error, call) \
	do { \
		EXPECT_ERR(error, call); \
		EXPECT_LT(5, strlen(zc_nl_extack())) \
			TH_LOG("no sentence with " #error " of " #call); \
	} while (0)

static int new_store(const char *name, __u64 capacity)
{
	const struct zc_nl_cfg cfg = { .name = name, .capacity = capacity };

	return zc_nl_store_new(&cfg);
}

TEST_F(store, life)
{
	const struct zc_nl_cfg cfg = {
		.name = NAME, .capacity = 10 * MiB, .max_object_size = 5 * MiB,
		.max_key_len = 77, .inline_limit = 500, .splice_threshold = 12345,
		.mode = 0640, .uid = 12, .gid = 34, .copy = ZCACHE_COPY_LOCAL,
		.high_watermark = 60, .low_watermark = 40, .set = ~0U,
	};
	struct zc_nl_store st;
	struct stat sb;
	int i;

	EXPECT_REFUSED(ENOENT, zc_nl_store_get(NAME, &st));
	ASSERT_OK(zc_nl_store_new(&cfg));
	ASSERT_OK(stat("/dev/zcache/" NAME, &sb));
	EXPECT_TRUE(S_ISCHR(sb.st_mode));
	EXPECT_EQ(0640, sb.st_mode & 07777);
	EXPECT_EQ(12, sb.st_uid);
	EXPECT_EQ(34, sb.st_gid);
	ASSERT_OK(zc_nl_store_get(NAME, &st));
	EXPECT_STREQ(NAME, st.name);
	EXPECT_EQ(10 * MiB, st.capacity);
	EXPECT_EQ(5 * MiB, st.max_object_size);
	EXPECT_EQ(77, st.max_key_len);
	EXPECT_EQ(500, st.inline_limit);
	EXPECT_EQ(12345, st.splice_threshold);
	EXPECT_EQ(0640, st.mode);
	EXPECT_EQ(12, st.uid);
	EXPECT_EQ(34, st.gid);
	EXPECT_EQ(ZCACHE_COPY_LOCAL, st.copy);
	EXPECT_EQ(60, st.high_watermark);
	EXPECT_EQ(40, st.low_watermark);
	EXPECT_EQ(0, st.used);
	EXPECT_EQ(0, st.objects);
	EXPECT_EQ(0, st.opens);
	EXPECT_EQ(ZC_C_NR, st.counters);
	for (i = 0; i < ZC_C_NR; i++)
		EXPECT_EQ(0, st.count[i]);
	EXPECT_OK(zc_nl_store_del(NAME, false));
	EXPECT_EQ(-1, stat("/dev/zcache/" NAME, &sb));
	EXPECT_REFUSED(ENOENT, zc_nl_store_del(NAME, false));
	EXPECT_REFUSED(ENOENT, zc_nl_store_del(NAME, true));
}

TEST_F(store, defaults)
{
	struct zc_nl_store st;
	struct stat sb;

	ASSERT_OK(new_store(NAME, 3 * MiB));
	ASSERT_OK(zc_nl_store_get(NAME, &st));
	EXPECT_EQ(3 * MiB, st.max_object_size);
	EXPECT_EQ(1024, st.max_key_len);
	EXPECT_EQ(2048, st.inline_limit);
	EXPECT_EQ(4096, st.splice_threshold);
	EXPECT_EQ(0600, st.mode);
	EXPECT_EQ(0, st.uid);
	EXPECT_EQ(0, st.gid);
	EXPECT_EQ(ZCACHE_COPY_NEVER, st.copy);
	EXPECT_EQ(95, st.high_watermark);
	EXPECT_EQ(90, st.low_watermark);
	ASSERT_OK(stat("/dev/zcache/" NAME, &sb));
	EXPECT_EQ(0600, sb.st_mode & 07777);
	EXPECT_EQ(0, sb.st_uid);
	EXPECT_OK(zc_nl_store_del(NAME, false));
}

TEST_F(store, names)
{
	static const char * const good[] = {
		"a", "A9", "a.b", "a-b_c.9", "-", "_", "0", "a..", "x.",
		"12345678901234567890123456789012",
	};
	static const char * const bad[] = {
		"", ".", "..", ".a", "a/b", "/", "../x", "a b", "a\n", "\xc3\xa9", "a:b", "*",
		"a\\b", "a%b",
	};
	char path[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(good); i++) {
		EXPECT_OK(new_store(good[i], 1 * MiB)) TH_LOG("'%s'", good[i]);
		snprintf(path, sizeof(path), "/dev/zcache/%s", good[i]);
		EXPECT_EQ(0, access(path, F_OK)) TH_LOG("'%s'", good[i]);
		EXPECT_OK(zc_nl_store_del(good[i], false));
		EXPECT_EQ(-1, access(path, F_OK)) TH_LOG("'%s'", good[i]);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		EXPECT_REFUSED(EINVAL, new_store(bad[i], 1 * MiB));
	/* the policy's own errors: ERANGE for the length */
	EXPECT_NE(0, new_store("123456789012345678901234567890123", 1 * MiB));
	EXPECT_LT(0, strlen(zc_nl_extack()));
	EXPECT_REFUSED(EINVAL, zc_nl_store_new(&(struct zc_nl_cfg){ .capacity = MiB }));
}

TEST_F(store, limits)
{
	const struct {
		int err;
		struct zc_nl_cfg cfg;
	} bad[] = {
		{ EINVAL, { .capacity = 0 } },
		{ EINVAL, { .capacity = 1 } },
		{ EINVAL, { .capacity = ~0ULL } },
		{ EINVAL, { .capacity = MiB, .max_object_size = 0,
			    .set = ZC_NL_SET(MAX_OBJECT_SIZE) } },
		{ EINVAL, { .capacity = MiB, .max_object_size = MiB + 1,
			    .set = ZC_NL_SET(MAX_OBJECT_SIZE) } },
		{ ERANGE, { .capacity = MiB, .max_key_len = 0, .set = ZC_NL_SET(MAX_KEY_LEN) } },
		{ ERANGE, { .capacity = MiB, .max_key_len = 1025,
			    .set = ZC_NL_SET(MAX_KEY_LEN) } },
		{ ERANGE, { .capacity = MiB, .inline_limit = 2049,
			    .set = ZC_NL_SET(INLINE_LIMIT) } },
		{ ERANGE, { .capacity = MiB, .mode = 01000, .set = ZC_NL_SET(MODE) } },
		{ EINVAL, { .capacity = MiB, .uid = ~0U, .set = ZC_NL_SET(UID) } },
		{ EINVAL, { .capacity = MiB, .gid = ~0U, .set = ZC_NL_SET(GID) } },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct zc_nl_cfg cfg = bad[i].cfg;

		cfg.name = NAME;
		EXPECT_REFUSED(bad[i].err, zc_nl_store_new(&cfg)) ;
		EXPECT_FALSE(is_there(NAME)) TH_LOG("limits %u", i);
	}
}

TEST_F(store, duplicate)
{
	struct zc_nl_store st;

	ASSERT_OK(new_store(NAME, 2 * MiB));
	EXPECT_REFUSED(EEXIST, new_store(NAME, 3 * MiB));
	ASSERT_OK(zc_nl_store_get(NAME, &st));
	EXPECT_EQ(2 * MiB, st.capacity);
	EXPECT_OK(zc_nl_store_del(NAME, false));
}

TEST_F(store, unprivileged)
{
	const struct zc_nl_cfg open_to_all = { .name = NAME, .capacity = MiB, .mode = 0606,
					       .set = ZC_NL_SET(MODE) };
	int status;
	pid_t pid;

	ASSERT_OK(new_store(NAME "-root", MiB));
	ASSERT_OK(zc_nl_store_new(&open_to_all));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		struct zc_nl_store st;
		struct zc_nl_object ob;
		int fd;

		if (setgroups(0, NULL) || setresgid(65534, 65534, 65534) ||
		    setresuid(65534, 65534, 65534))
			_exit(1);
		if (new_store("mine", MiB) != -EPERM)
			_exit(2);
		if (zc_nl_store_del(NAME, true) != -EPERM)
			_exit(3);
		if (zc_nl_store_get(NAME, &st) != -EPERM)
			_exit(4);
		if (zc_nl_store_dump(NULL, NULL) != -EPERM)
			_exit(5);
		if (zc_nl_object_get(NAME, "k", 1, &ob) != -EPERM)
			_exit(6);
		if (zc_nl_object_dump(NAME, NULL, 0, NULL, NULL) != -EPERM)
			_exit(7);
		if (open("/dev/zcache/" NAME "-root", O_RDONLY) >= 0 || errno != EACCES)
			_exit(8);
		/* who may open the node may use it: no capability is asked for */
		fd = open("/dev/zcache/" NAME, O_RDWR);
		if (fd < 0)
			_exit(9);
		if (zct_put_data(fd, "k", "x", 1, NULL))
			_exit(10);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, WEXITSTATUS(status));
	EXPECT_TRUE(WIFEXITED(status));
	EXPECT_OK(zc_nl_store_del(NAME, false));
	EXPECT_OK(zc_nl_store_del(NAME "-root", false));
	EXPECT_FALSE(is_there("mine"));
}

TEST_F(store, busy)
{
	struct zc_nl_store st;
	struct zc_info info;
	int node, node2, object, fill;
	void *map;

	ASSERT_OK(new_store(NAME, 4 * MiB));
	node = open("/dev/zcache/" NAME, O_RDWR);
	ASSERT_FD(node);
	EXPECT_REFUSED(EBUSY, zc_nl_store_del(NAME, false));
	node2 = open("/dev/zcache/" NAME, O_RDONLY);
	ASSERT_OK(zc_nl_store_get(NAME, &st));
	EXPECT_EQ(2, st.opens);
	close(node2);
	ASSERT_OK(zc_nl_store_get(NAME, &st));
	EXPECT_EQ(1, st.opens);
	ASSERT_OK(zct_put_pattern(node, "k", 1, 1, 100000, NULL));
	object = zct_open_key(node, "k");
	fill = zct_fill_key(node, "f", 10, 0);
	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, object, 0);
	ASSERT_NE(MAP_FAILED, map);
	close(node);
	EXPECT_REFUSED(EBUSY, zc_nl_store_del(NAME, false));
	close(fill);
	EXPECT_REFUSED(EBUSY, zc_nl_store_del(NAME, false));
	close(object);
	EXPECT_REFUSED(EBUSY, zc_nl_store_del(NAME, false));
	munmap(map, 4096);
	/* all that was refused did nothing */
	node = open("/dev/zcache/" NAME, O_RDWR);
	ASSERT_FD(node);
	EXPECT_OK(zct_verify_key(node, "k", 1, 1, 100000));
	memset(&info, 0, sizeof(info));
	EXPECT_OK(zct_info(node, &info));
	close(node);
	EXPECT_OK(zc_nl_store_del(NAME, false));
}

TEST_F(store, forced)
{
	struct zc_info info = { 0 };
	struct zc_stat st = { .key = ZC_ADDR("k"), .key_len = 1 };
	int node, again, object;
	char byte = 0;

	ASSERT_OK(new_store(NAME, 4 * MiB));
	node = open("/dev/zcache/" NAME, O_RDWR);
	ASSERT_FD(node);
	ASSERT_OK(zct_put_data(node, "k", "old", 3, NULL));
	object = zct_open_key(node, "k");
	ASSERT_FD(object);
	EXPECT_OK(zc_nl_store_del(NAME, true));
	EXPECT_EQ(-1, access("/dev/zcache/" NAME, F_OK));
	/* the name is free while the old one is held */
	ASSERT_OK(new_store(NAME, 5 * MiB));
	again = open("/dev/zcache/" NAME, O_RDWR);
	ASSERT_FD(again);
	EXPECT_ERR(ENODEV, zct_info(node, &info));
	EXPECT_ERR(ENODEV, zct_stat(node, &st));
	EXPECT_ERR(ENODEV, zct_put_data(node, "k", "new", 3, NULL));
	EXPECT_ERR(ENODEV, zct_fill_key(node, "k", 3, 0));
	EXPECT_ERR(ENODEV, zct_get_data(node, "k", &byte, 1, 0));
	EXPECT_ERR(ENODEV, zct_open_key(node, "k"));
	EXPECT_ERR(ENODEV, zct_delete_key(node, "k"));
	EXPECT_EQ(1, pread(object, &byte, 1, 0));
	EXPECT_EQ('o', byte);
	ASSERT_OK(zct_info(again, &info));
	EXPECT_EQ(5 * MiB, info.capacity);
	EXPECT_EQ(0, info.objects);
	/* an object of the old one is not one of the new one */
	st = (struct zc_stat){ .flags = ZC_STAT_FD, .fd = object };
	EXPECT_ERR(EXDEV, zct_stat(again, &st));
	close(object);
	close(node);
	close(again);
	EXPECT_OK(zc_nl_store_del(NAME, false));
}

struct listing {
	int mine;
	int others;
};

static void count_stores(const struct zc_nl_store *st, void *arg)
{
	struct listing *l = arg;

	if (strncmp(st->name, "many-", 5))
		l->others++;
	else if (st->capacity == MiB && st->counters == ZC_C_NR)
		l->mine++;
}

TEST_F(store, many)
{
	struct listing before = { 0 }, l = { 0 };
	struct zct_store one;
	char name[33];
	int i, fds[64];

	ASSERT_OK(zc_nl_store_dump(count_stores, &before));
	for (i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "many-%02d", i);
		ASSERT_OK(new_store(name, MiB));
		snprintf(one.path, sizeof(one.path), "/dev/zcache/%s", name);
		fds[i] = open(one.path, O_RDWR);
		ASSERT_FD(fds[i]);
		ASSERT_OK(zct_put_pattern(fds[i], "k", 1, i + 1, 10000, NULL));
	}
	EXPECT_OK(zc_nl_store_dump(count_stores, &l));
	EXPECT_EQ(64, l.mine);
	EXPECT_EQ(before.others, l.others);
	for (i = 0; i < 64; i++) {
		EXPECT_OK(zct_verify_key(fds[i], "k", 1, i + 1, 10000));
		close(fds[i]);
		snprintf(name, sizeof(name), "many-%02d", i);
		EXPECT_OK(zc_nl_store_del(name, false));
	}
}

TEST_HARNESS_MAIN
