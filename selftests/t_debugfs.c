// SPDX-License-Identifier: GPL-2.0-only
/* The files of a store in debugfs: what they say, and that they end with it. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "zc_harness.h"
#include "zc_tag.h"
#include "zc_user.h"

#define DEBUGFS	"/sys/kernel/debug"
#define ROOT	DEBUGFS "/zcache"

static const char * const files[] = { "state", "tags", "reserved", "rounds" };

FIXTURE(debugfs) {
	struct zct_store s;
	char text[1 << 16];
	char mark[96];
};

FIXTURE_SETUP(debugfs)
{
	ZCT_START(debugfs);
	if (access(ROOT, F_OK) && mount("none", DEBUGFS, "debugfs", 0, NULL) && errno == ENODEV)
		SKIP(return, "no debugfs in this kernel");
	ASSERT_OK(zct_store_new(&self->s, NULL));
}

FIXTURE_TEARDOWN(debugfs)
{
	if (self->s.name[0])
		EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

static int open_file(const char *store, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), ROOT "/%s/%s", store, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* All of it, in pieces that are no whole lines. Return: 0 or -errno. */
static int read_file(const char *store, const char *name, char *text, size_t size)
{
	int fd = open_file(store, name);
	size_t n = 0;
	ssize_t got;

	text[0] = '\0';
	if (fd < 0)
		return fd;
	while ((got = read(fd, text + n, n + 1000 < size ? 1000 : size - n - 1)) > 0)
		n += got;
	got = got ? -errno : 0;
	text[n] = '\0';
	close(fd);
	return got;
}

#define EXPECT_LINE(line) \
	EXPECT_NE(NULL, strstr(self->text, "\n" line "\n")) TH_LOG("in %s", self->text)

/* The number after @name in a state. */
static __u64 number(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p ? strtoull(p + strlen(name), NULL, 10) : ~0ULL;
}

TEST_F(debugfs, says)
{
	const __u64 expires = zct_now() + 3600000000000ULL;
	struct zc_put put = { .key = ZC_ADDR("e"), .key_len = 1, .expires_ns = expires };
	char want[128];
	__u64 used;
	int fill;

	ASSERT_OK(read_file(self->s.name, "state", self->text, sizeof(self->text)));
	EXPECT_LINE("queue 0");
	EXPECT_LINE("hand 0");
	EXPECT_LINE("index-elements 0");
	EXPECT_LINE("expires-first 0");
	EXPECT_LINE("opens 1");
	ASSERT_OK(read_file(self->s.name, "tags", self->text, sizeof(self->text)));
	EXPECT_STREQ("", self->text);
	ASSERT_OK(read_file(self->s.name, "reserved", self->text, sizeof(self->text)));
	EXPECT_STREQ("", self->text);
	ASSERT_OK(read_file(self->s.name, "rounds", self->text, sizeof(self->text)));
	EXPECT_STREQ("last 0\nended 0\n", self->text);

	ASSERT_OK(zct_put_tag(self->s.fd, "a", 100, 7));
	ASSERT_OK(zct_put_tag(self->s.fd, "b", 100, 7));
	ASSERT_OK(zct_put(self->s.fd, &put));
	fill = zct_fill_key(self->s.fd, "a\n\x01z", 10, ZC_PUT_RESERVE);
	ASSERT_FD(fill);
	used = zct_used(&self->s);
	ASSERT_OK(read_file(self->s.name, "state", self->text, sizeof(self->text)));
	EXPECT_LINE("queue 3");
	EXPECT_LINE("index-elements 3");
	EXPECT_LINE("tags-elements 1");
	EXPECT_LINE("reserved-elements 1");
	EXPECT_LINE("generation 3");
	EXPECT_LINE("data 200");
	EXPECT_LINE("fds 1");
	EXPECT_EQ(used, number(self->text, "\nused "));
	EXPECT_EQ(expires, number(self->text, "\nexpires-first "));
	EXPECT_LT(0, number(self->text, "index-buckets "));
	ASSERT_OK(read_file(self->s.name, "tags", self->text, sizeof(self->text)));
	EXPECT_EQ(0, strncmp(self->text, "7 users 2 used ", 15));
	EXPECT_NE(NULL, strstr(self->text, " linked 2 "));
	EXPECT_NE(NULL, strstr(self->text, " sweeping 0 again 0 hard 0 soft 0\n"));
	ASSERT_OK(read_file(self->s.name, "reserved", self->text, sizeof(self->text)));
	snprintf(want, sizeof(want), "refs 1 waited 0 ended 0 key a\\x0a\\x01z\n");
	EXPECT_STREQ(want, self->text);
	close(fill);
	ASSERT_OK(read_file(self->s.name, "reserved", self->text, sizeof(self->text)));
	EXPECT_STREQ("", self->text);
}

/* A list ends somewhere. */
TEST_F(debugfs, long_list)
{
	unsigned int lines = 0;
	char *p;
	__u64 i;

	for (i = 1; i <= 1100; i++)
		ASSERT_OK(zct_tag_set(&self->s, i, MiB, ZCT_KEEP));
	/* a table that grows meanwhile is walked anew */
	do {
		p = realloc(NULL, 1 << 20);
		ASSERT_NE(NULL, p);
		ASSERT_OK(read_file(self->s.name, "tags", p, 1 << 20));
		for (lines = 0, i = 0; p[i]; i++)
			lines += p[i] == '\n';
		EXPECT_EQ(1025, lines);
		EXPECT_STREQ("\n...\n", p + strlen(p) - 5);
		i = !!strstr(p, "again\n");
		free(p);
	} while (i);
	for (i = 1; i <= 1100; i++)
		ASSERT_OK(zct_tag_set(&self->s, i, 0, ZCT_KEEP));
}

static void look(struct __test_metadata *_metadata, const struct zct_store *s, long arg)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++)
		EXPECT_EQ(-EACCES, open_file(s->name, files[i]));
	(void)arg;
}

TEST_F(debugfs, permission)
{
	char path[128];
	struct stat sb;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), ROOT "/%s/%s", self->s.name, files[i]);
		ASSERT_OK(stat(path, &sb));
		EXPECT_EQ(S_IFREG | 0400, sb.st_mode);
		EXPECT_EQ(0, sb.st_uid);
	}
	AS(user, look, &self->s, 0);
}

/* Who has one open when the store goes reads no more, and holds nothing. */
TEST_F(debugfs, outlives)
{
	const struct zc_nl_cfg cfg = { .name = "debugfs-gone", .capacity = MiB };
	int fds[ARRAY_SIZE(files)];
	unsigned int i, turn;
	char byte;

	for (turn = 0; turn < 2; turn++) {
		ASSERT_OK(zc_nl_store_new(&cfg));
		for (i = 0; i < ARRAY_SIZE(files); i++) {
			fds[i] = open_file(cfg.name, files[i]);
			ASSERT_FD(fds[i]);
		}
		EXPECT_EQ(1, read(fds[0], &byte, 1));
		ASSERT_OK(zc_nl_store_del(cfg.name, false));
		for (i = 0; i < ARRAY_SIZE(files); i++) {
			EXPECT_EQ(-1, read(fds[i], &byte, 1));
			EXPECT_EQ(EIO, errno);
			close(fds[i]);
			EXPECT_EQ(-ENOENT, open_file(cfg.name, files[i]));
		}
	}
}

struct reader {
	pthread_t thread;
	const char *store;
	bool stop;
	unsigned int reads, err;
};

/* While it is there a file can be read; then there is none, or it ends. */
static void *keep_reading(void *arg)
{
	static __thread char text[1 << 16];
	struct reader *r = arg;
	unsigned int i = 0;
	int err;

	while (!__atomic_load_n(&r->stop, __ATOMIC_RELAXED)) {
		err = read_file(r->store, files[i++ % ARRAY_SIZE(files)], text, sizeof(text));
		if (!err)
			__atomic_add_fetch(&r->reads, 1, __ATOMIC_RELAXED);
		else if (err != -ENOENT && err != -EIO)
			r->err = -err;
	}
	return NULL;
}

TEST_F(debugfs, in_use)
{
	const struct zc_nl_cfg cfg = { .name = "debugfs-race", .capacity = MiB };
	struct reader r[2] = { { .store = cfg.name }, { .store = cfg.name } };
	unsigned int i, k, times = zct_times(20), seen;
	struct zc_purge purge;
	char key[16];
	int fd, fill;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&r[i].thread, NULL, keep_reading, &r[i]));
	for (i = 0; i < times; i++) {
		ASSERT_OK(zc_nl_store_new(&cfg));
		fd = open("/dev/zcache/debugfs-race", O_RDWR | O_CLOEXEC);
		ASSERT_FD(fd);
		fill = zct_fill_key(fd, "f", 10, ZC_PUT_RESERVE);
		ASSERT_FD(fill);
		for (k = 0; k < 40; k++) {
			snprintf(key, sizeof(key), "%u", k);
			ASSERT_OK(zct_put_tag(fd, key, 50000, 1 + k % 5));
		}
		ASSERT_OK(zct_purge_tag(fd, 1, 0, &purge));
		/* each life of the store is looked at */
		seen = __atomic_load_n(&r[0].reads, __ATOMIC_RELAXED);
		while (__atomic_load_n(&r[0].reads, __ATOMIC_RELAXED) == seen)
			sched_yield();
		close(fill);
		close(fd);
		ASSERT_OK(zc_nl_store_del(cfg.name, false));
	}
	for (i = 0; i < 2; i++) {
		__atomic_store_n(&r[i].stop, true, __ATOMIC_RELAXED);
		pthread_join(r[i].thread, NULL);
		EXPECT_EQ(0, r[i].err);
		EXPECT_LT(0, r[i].reads);
	}
}

TEST_HARNESS_MAIN
