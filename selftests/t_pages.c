// SPDX-License-Identifier: GPL-2.0-only
/*
 * What others do to an object's pages and inode: the memory management that
 * splits and moves, and whoever comes by /proc/PID/fd.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "zc_harness.h"

#ifndef MADV_HWPOISON
#define MADV_HWPOISON	100
#endif
#ifndef MADV_COLD
#define MADV_COLD	20
#endif

#define BIG		(2 * MiB + 64 * KiB + 8 * KiB)

FIXTURE(pages) {
	struct zct_store s;
	int fd;
	char proc[40];
	char mark[96];
};

FIXTURE_SETUP(pages)
{
	ZCT_START(pages);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	ASSERT_OK(zct_put_pattern(self->s.fd, "k", 1, 1, BIG, NULL));
	self->fd = zct_open_key(self->s.fd, "k");
	ASSERT_FD(self->fd);
	snprintf(self->proc, sizeof(self->proc), "/proc/self/fd/%d", self->fd);
}

FIXTURE_TEARDOWN(pages)
{
	if (self->fd >= 0)
		close(self->fd);
	if (zct_objects(&self->s) == 1)
		EXPECT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_EQ(0, zct_used(&self->s));
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

/* A path holds the inode after the object fd and the object are gone. */
TEST_F(pages, path_keeps_charge)
{
	int path = open(self->proc, O_PATH);
	__u64 used;

	ASSERT_LE(0, path);
	EXPECT_OK(zct_delete_key(self->s.fd, "k"));
	close(self->fd);
	self->fd = -1;
	used = zct_used(&self->s);
	EXPECT_LE(BIG, used);
	EXPECT_GT(BIG + 64 * KiB, used);
	close(path);
	EXPECT_EQ(0, zct_used(&self->s));
}

/* The store's last reference may be that of a path. */
TEST_F(pages, path_outlives_store)
{
	struct zct_store s;
	int fd, path;

	ASSERT_OK(zct_store_new(&s, NULL));
	ASSERT_OK(zct_put_pattern(s.fd, "k", 1, 1, BIG, NULL));
	fd = zct_open_key(s.fd, "k");
	ASSERT_FD(fd);
	snprintf(self->proc, sizeof(self->proc), "/proc/self/fd/%d", fd);
	path = open(self->proc, O_PATH);
	ASSERT_LE(0, path);
	close(fd);
	close(s.fd);
	EXPECT_OK(zc_nl_store_del(s.name, false));
	close(path);
}

/* A watch would hold the inode when its file system goes. */
TEST_F(pages, no_watch)
{
	int watch = inotify_init1(IN_CLOEXEC);

	ASSERT_LE(0, watch);
	EXPECT_EQ(-1, inotify_add_watch(watch, self->proc, IN_ALL_EVENTS));
	EXPECT_EQ(EACCES, errno);
	close(watch);
	EXPECT_EQ(-1, open(self->proc, O_RDONLY));
	EXPECT_EQ(EACCES, errno);
}

/* Advice about a part of a mapping splits large folios, of two pages too. */
TEST_F(pages, split)
{
	static const size_t sizes[] = { 8192, 16384, 65536, BIG };
	unsigned char *map;
	unsigned int i;
	size_t at;
	int fd;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		ASSERT_OK(zct_put_pattern(self->s.fd, "s", 2, 1, sizes[i],
					  NULL));
		fd = zct_open_key(self->s.fd, "s");
		ASSERT_FD(fd);
		map = mmap(NULL, sizes[i], PROT_READ, MAP_SHARED, fd, 0);
		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(-1, zct_check(map, sizes[i], 2, 1, 0));
		for (at = 4096; at < sizes[i]; at += 64 * KiB + 4096)
			madvise(map + at, 4096, MADV_COLD);
		EXPECT_EQ(-1, zct_check(map, sizes[i], 2, 1, 0));
		EXPECT_OK(zct_verify_key(self->s.fd, "s", 2, 1, sizes[i]));
		munmap(map, sizes[i]);
		EXPECT_OK(zct_verify_fd(fd, 2, 1, sizes[i]));
		close(fd);
	}
	EXPECT_OK(zct_delete_key(self->s.fd, "s"));
}

/* How many there are, and how many of them are "k". */
static void count_object(const struct zc_nl_object *o, void *arg)
{
	unsigned int *n = arg;

	n[0]++;
	n[1] += o->key_len == 1 && o->key[0] == 'k';
}

/* Memory that fails is an error, never other bytes, and spares the rest. */
TEST_F(pages, memory_failure)
{
	unsigned char *map = mmap(NULL, BIG, PROT_READ, MAP_SHARED, self->fd, 0);
	unsigned char *buf = zct_alloc(BIG);
	const struct zc_nl_filter lacking = { .resident = 0, .set = ZC_NL_WANT(RESIDENT) };
	const struct zc_nl_filter whole = { .resident = 1, .set = ZC_NL_WANT(RESIDENT) };
	unsigned int lacks[2] = { 0 }, has[2] = { 0 };
	const size_t bad = 5 * 4096;
	struct zc_nl_object o;
	struct zc_stat st;

	ASSERT_NE(MAP_FAILED, map);
	if (madvise(map + bad, 4096, MADV_HWPOISON)) {
		munmap(map, BIG);
		SKIP(return, "no injection of memory failure in this kernel");
	}
	munmap(map, BIG);
	EXPECT_EQ(-EIO, zct_get_data(self->s.fd, "k", buf, 4096, bad));
	EXPECT_EQ(-EIO, zct_get_data(self->s.fd, "k", buf, BIG, 0));
	/* reading the file leaves an empty page there, which is not served */
	EXPECT_EQ(-1, pread(self->fd, buf, 4096, bad));
	EXPECT_EQ(EIO, errno);
	EXPECT_EQ(-EIO, zct_get_data(self->s.fd, "k", buf, 4096, bad));
	EXPECT_EQ(4096, zct_get_data(self->s.fd, "k", buf, 4096, 0));
	EXPECT_EQ(-1, zct_check(buf, 4096, 1, 1, 0));
	/* the page is missed, and those of a folio that could not be split */
	EXPECT_OK(zct_stat_key(self->s.fd, "k", &st));
	EXPECT_GE(BIG - 4096, st.resident);
	EXPECT_LE(BIG - 2 * MiB, st.resident);
	EXPECT_EQ(0, st.resident % 4096);
	EXPECT_OK(zc_nl_object_get(self->s.name, "k", 1, &o));
	EXPECT_EQ(st.resident, o.resident);
	EXPECT_OK(zct_put_pattern(self->s.fd, "whole", 1, 1, 100000, NULL));
	EXPECT_OK(zct_put_pattern(self->s.fd, "small", 1, 1, 100, NULL));
	EXPECT_OK(zc_nl_object_dump_filter(self->s.name, &lacking, count_object, lacks));
	EXPECT_EQ(1, lacks[0]);
	EXPECT_EQ(1, lacks[1]);
	EXPECT_OK(zc_nl_object_dump_filter(self->s.name, &whole, count_object, has));
	EXPECT_EQ(2, has[0]);
	EXPECT_EQ(0, has[1]);
	EXPECT_OK(zct_delete_key(self->s.fd, "whole"));
	EXPECT_OK(zct_delete_key(self->s.fd, "small"));
	EXPECT_OK(zct_put_pattern(self->s.fd, "k", 1, 2, BIG, NULL));
	EXPECT_OK(zct_stat_key(self->s.fd, "k", &st));
	EXPECT_EQ(BIG, st.resident);
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, 2, BIG));
}

/* While memory is compacted, what is written and read stays right. */
TEST_F(pages, compaction)
{
	static const size_t size = MiB + 4096;
	unsigned char *buf = zct_alloc(size);
	unsigned int n, times = zct_times(200);
	pid_t pid;
	size_t at;
	int fill;

	if (access("/proc/sys/vm/compact_memory", W_OK))
		SKIP(return, "no memory compaction in this kernel");
	zct_pattern(buf, size, 3, 1, 0);
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		for (;;)
			zct_write_file("/proc/sys/vm/compact_memory", "1");
	for (n = 0; n < times; n++) {
		fill = zct_fill_key(self->s.fd, "f", size, 0);
		ASSERT_FD(fill);
		for (at = 0; at < size; at += 4096)
			ASSERT_EQ(4096, pwrite(fill, buf + at, 4096, at));
		ASSERT_OK(zct_commit_fd(fill, NULL));
		close(fill);
		ASSERT_OK(zct_verify_key(self->s.fd, "f", 3, 1, size));
		ASSERT_OK(zct_verify_fd(self->fd, 1, 1, BIG));
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	EXPECT_OK(zct_delete_key(self->s.fd, "f"));
}

TEST_HARNESS_MAIN
