// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory control groups: whoever made the store pays for its objects, and
 * filling a cache gets nobody killed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "zc_harness.h"

#define GROUP		"/sys/fs/cgroup/zct"
#define GROUP_MAX	(24 * MiB)
#define OBJECT		(1 * MiB)
#define FILLS		64

FIXTURE(memcg) {
	char mark[96];
};

static __u64 read_number(const char *file, const char *key)
{
	char line[128];
	__u64 n = ~0ULL;
	FILE *f = fopen(file, "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (!key)
			sscanf(line, "%llu", &n);
		else if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ' ')
			sscanf(line + strlen(key), "%llu", &n);
	}
	if (f)
		fclose(f);
	return n;
}

FIXTURE_SETUP(memcg)
{
	char max[32];

	ZCT_START(memcg);
	zc_nl_store_del("memcg", true);
	rmdir(GROUP);
	if (mkdir(GROUP, 0755) || access(GROUP "/memory.max", F_OK)) {
		rmdir(GROUP);
		SKIP(return, "no memory control groups");
	}
	snprintf(max, sizeof(max), "%llu", GROUP_MAX);
	ASSERT_OK(zct_write_file(GROUP "/memory.max", max));
}

FIXTURE_TEARDOWN(memcg)
{
	EXPECT_OK(zc_nl_store_del("memcg", false));
	EXPECT_OK(rmdir(GROUP));
	ZCT_END();
}

static int make_store(void)
{
	const struct zc_nl_cfg cfg = { .name = "memcg", .capacity = 48 * MiB };

	return zc_nl_store_new(&cfg);
}

static int enter_group(void)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", getpid());
	return zct_write_file(GROUP "/cgroup.procs", pid);
}

/* Half by PUT, half by fills. Exit code: 0, or what went wrong. */
static int fill_store(unsigned int *refused)
{
	unsigned char *buf = zct_alloc(OBJECT);
	int node = open("/dev/zcache/memcg", O_RDWR), fd, err, code = 0;
	unsigned int i;
	char key[16];

	if (node < 0)
		return 10;
	for (i = 0; i < FILLS && !code; i++) {
		snprintf(key, sizeof(key), "%u", i);
		zct_pattern(buf, OBJECT, 1, i + 1, 0);
		if (i % 2) {
			err = zct_put_data(node, key, buf, OBJECT, NULL);
		} else {
			err = fd = zct_fill_key(node, key, OBJECT, 0);
			if (fd >= 0) {
				err = zct_write_all(fd, buf, OBJECT);
				if (!err)
					err = zct_commit_fd(fd, NULL);
				close(fd);
			}
		}
		if (err == -ENOMEM)
			(*refused)++;
		else if (err)
			code = 11;
		else if (zct_verify_key(node, key, 1, i + 1, OBJECT))
			code = 12;
	}
	close(node);
	return code;
}

/* A small group fills the store of a large one. */
TEST_F(memcg, creator_pays)
{
	struct zc_nl_store st;
	int status;
	pid_t pid;

	ASSERT_OK(make_store());
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		unsigned int refused = 0;
		int code = enter_group() ? 1 : fill_store(&refused);

		_exit(code ? code : refused ? 20 : 0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, read_number(GROUP "/memory.events", "oom_kill"));
	/* more than the group could ever hold */
	ASSERT_OK(zc_nl_store_get("memcg", &st));
	EXPECT_LT(GROUP_MAX, st.used);
	EXPECT_GT(GROUP_MAX, read_number(GROUP "/memory.peak", NULL) == ~0ULL ?
		  read_number(GROUP "/memory.current", NULL) :
		  read_number(GROUP "/memory.peak", NULL));
}

/*
 * A large group fills the store of a small one: the store stays within what its
 * maker may have, by eviction, and no allocation of the module calls the killer.
 */
TEST_F(memcg, small_creator)
{
	unsigned int refused = 0;
	struct zc_nl_store st;
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(enter_group() ? 1 : make_store() ? 2 : 0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, fill_store(&refused));
	EXPECT_GT(FILLS, refused);
	EXPECT_EQ(0, read_number(GROUP "/memory.events", "oom_kill"));
	EXPECT_GE(GROUP_MAX, read_number(GROUP "/memory.current", NULL));
	ASSERT_OK(zc_nl_store_get("memcg", &st));
	EXPECT_GT(GROUP_MAX, st.used);
	EXPECT_LT(0, st.objects);
	EXPECT_LT(0, st.count[ZC_C_EVICTIONS] + st.count[ZC_C_SHRINKS]);
}

TEST_HARNESS_MAIN
