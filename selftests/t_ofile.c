// SPDX-License-Identifier: GPL-2.0-only
/*
 * The object fd is a file that nobody can change. Each test runs on an object
 * in pages, one that ends at a page, an inline one and an empty one.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "zc_harness.h"

FIXTURE(ofile) {
	struct zct_store s;
	int fd;
	__u64 used;
	char mark[96];
};

FIXTURE_VARIANT(ofile) {
	size_t size;
};

FIXTURE_VARIANT_ADD(ofile, pages) { .size = 3 * MiB + 1234 };
FIXTURE_VARIANT_ADD(ofile, whole_pages) { .size = 65536 };
FIXTURE_VARIANT_ADD(ofile, tiny) { .size = 100 };
FIXTURE_VARIANT_ADD(ofile, empty) { .size = 0 };

FIXTURE_SETUP(ofile)
{
	ZCT_START(ofile);
	ASSERT_OK(zct_store_new(&self->s, NULL));
	ASSERT_OK(zct_put_pattern(self->s.fd, "k", 5, 6, variant->size, NULL));
	self->fd = zct_open_key(self->s.fd, "k");
	ASSERT_FD(self->fd);
	self->used = zct_used(&self->s);
}

FIXTURE_TEARDOWN(ofile)
{
	if (self->fd >= 0)
		close(self->fd);
	if (zct_objects(&self->s) == 1)
		EXPECT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_EQ(0, zct_used(&self->s));
	EXPECT_OK(zct_store_end(&self->s));
	ZCT_END();
}

#define SIZE		(variant->size)
#define MAP_LEN		((SIZE + 4095) & ~4095ULL)
/* What nobody did to the object must not show in it. */
#define EXPECT_UNCHANGED()	EXPECT_OK(zct_verify_fd(self->fd, 5, 6, SIZE))

TEST_F(ofile, pread)
{
	unsigned char *buf = zct_alloc(SIZE + 8192);
	const ssize_t size = SIZE;
	ssize_t at, len, want, k, m;

	for (k = 0; k < 12; k++)
		for (m = 0; m < 6; m++) {
			at = (const ssize_t[]){ 0, 1, 99, 100, 4095, 4096, 65535, 65536,
						size / 2, size - 1, size, size + 4096 }[k];
			len = (const ssize_t[]){ 0, 1, 100, 4097, 70000, size + 1 }[m];
			if (at < 0)
				continue;
			want = at >= size ? 0 : size - at < len ? size - at : len;
			ASSERT_EQ(want, pread(self->fd, buf, len, at))
				TH_LOG("%zd bytes from %zd", len, at);
			ASSERT_EQ(-1, zct_check(buf, want, 5, 6, at));
		}
	EXPECT_EQ(-1, pread(self->fd, buf, 1, -1));
	EXPECT_EQ(EINVAL, errno);
	if (SIZE) {
		EXPECT_EQ(-1, pread(self->fd, zct_at(ZC_BAD_KERNEL), 10, 0));
		EXPECT_EQ(EFAULT, errno);
	}
	/* read(2) moves the position */
	lseek(self->fd, 0, SEEK_SET);
	for (at = 0; (k = read(self->fd, buf, 12345)) > 0; at += k)
		ASSERT_EQ(-1, zct_check(buf, k, 5, 6, at));
	EXPECT_EQ(0, k);
	EXPECT_EQ(size, at);
}

TEST_F(ofile, mmap)
{
	int mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	unsigned char *map;
	size_t k;

	if (!SIZE) {
		/* as with any empty file, only the length is wrong */
		EXPECT_EQ(MAP_FAILED, mmap(NULL, 0, PROT_READ, MAP_SHARED, self->fd, 0));
		EXPECT_EQ(EINVAL, errno);
		return;
	}
	ASSERT_FD(mem);
	map = mmap(NULL, MAP_LEN, PROT_READ, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, zct_check(map, SIZE, 5, 6, 0));
	for (k = SIZE; k < MAP_LEN; k++)
		ASSERT_EQ(0, map[k]);
	/* it stays what it is, also to a debugger */
	EXPECT_EQ(-1, pwrite(mem, "x", 1, (off_t)(uintptr_t)map));
	EXPECT_EQ(-1, mprotect(map, MAP_LEN, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	munmap(map, MAP_LEN);

	EXPECT_EQ(MAP_FAILED, mmap(NULL, MAP_LEN, PROT_READ | PROT_WRITE, MAP_SHARED,
				   self->fd, 0));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, MAP_LEN, PROT_WRITE, MAP_SHARED, self->fd, 0));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, MAP_LEN, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE,
				   self->fd, 0));
	EXPECT_EQ(EACCES, errno);

	/* a private copy is the program's own */
	map = mmap(NULL, MAP_LEN, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(-1, zct_check(map, SIZE, 5, 6, 0));
	memset(map, 0x77, MAP_LEN);
	EXPECT_UNCHANGED();
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 5, 6, SIZE));
	munmap(map, MAP_LEN);
	map = mmap(NULL, MAP_LEN, PROT_READ, MAP_PRIVATE, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(1, pwrite(mem, "x", 1, (off_t)(uintptr_t)map));
	EXPECT_EQ('x', map[0]);
	EXPECT_UNCHANGED();
	munmap(map, MAP_LEN);

	/* from the middle */
	if (SIZE > 8192) {
		map = mmap(NULL, MAP_LEN - 4096, PROT_READ, MAP_PRIVATE, self->fd, 4096);
		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(-1, zct_check(map, SIZE - 4096, 5, 6, 4096));
		munmap(map, MAP_LEN - 4096);
	}
}

static sigjmp_buf bus;

static void on_bus(int sig)
{
	(void)sig;
	siglongjmp(bus, 1);
}

TEST_F(ofile, mmap_past_the_end)
{
	volatile unsigned char *map;
	volatile int faults = 0;

	signal(SIGBUS, on_bus);
	map = mmap(NULL, MAP_LEN + 8192, PROT_READ, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)map);
	if (sigsetjmp(bus, 1))
		faults++;
	else
		(void)map[MAP_LEN];
	EXPECT_EQ(1, faults);
	if (SIZE) {
		EXPECT_EQ(-1, zct_check((void *)map, SIZE, 5, 6, 0));
	}
	munmap((void *)map, MAP_LEN + 8192);
}

TEST_F(ofile, sendfile)
{
	const size_t size = SIZE;
	char path[] = "/tmp/zct-XXXXXX";
	struct zct_rx rx = { 0 };
	int sv[2], file;
	size_t done;
	ssize_t n;

	ASSERT_OK(zct_tcp_pair(ZCT_V4, sv));
	ASSERT_OK(zct_rx_start(&rx, sv[1]));
	for (done = 0; (n = sendfile(sv[0], self->fd, NULL, 1 << 20)) > 0; done += n)
		;
	EXPECT_EQ(0, n);
	EXPECT_EQ(size, done);
	close(sv[0]);
	EXPECT_OK(zct_rx_join(&rx));
	EXPECT_EQ(size, rx.len);
	EXPECT_EQ(-1, zct_check(rx.data, rx.len, 5, 6, 0));
	zct_rx_free(&rx);
	close(sv[1]);

	file = mkstemp(path);
	ASSERT_FD(file);
	unlink(path);
	for (off_t at = 0; (n = sendfile(file, self->fd, &at, 1 << 20)) > 0;)
		;
	EXPECT_EQ(0, n);
	EXPECT_OK(zct_verify_fd(file, 5, 6, size));
	close(file);
	EXPECT_UNCHANGED();
}

TEST_F(ofile, splice)
{
	unsigned char *buf = zct_alloc(65536);
	loff_t at = 0;
	ssize_t n;
	int p[2];

	ASSERT_OK(pipe(p));
	while ((n = splice(self->fd, &at, p[1], NULL, 65536, 0)) > 0) {
		ASSERT_OK(zct_read_all(p[0], buf, n));
		ASSERT_EQ(-1, zct_check(buf, n, 5, 6, at - n));
	}
	EXPECT_EQ(0, n);
	EXPECT_EQ(SIZE, at);
	/* from the middle of a page, and past the end */
	at = SIZE / 2 + 1;
	n = splice(self->fd, &at, p[1], NULL, 3000, 0);
	if (SIZE / 2 + 1 < SIZE) {
		ASSERT_LT(0, n);
		ASSERT_OK(zct_read_all(p[0], buf, n));
		EXPECT_EQ(-1, zct_check(buf, n, 5, 6, SIZE / 2 + 1));
	} else {
		EXPECT_EQ(0, n);
	}
	/* a pipe's writer cannot get at the pages */
	at = 0;
	n = splice(self->fd, &at, p[1], NULL, 50, 0);
	ASSERT_EQ(SIZE < 50 ? SIZE : 50, n);
	ASSERT_EQ(4, write(p[1], "xxxx", 4));
	EXPECT_UNCHANGED();
	close(p[0]);
	close(p[1]);
}

/* Spliced bytes wait in a pipe while the object goes. */
TEST_F(ofile, splice_outlives)
{
	unsigned char buf[4096];
	size_t n;
	int p[2];

	ASSERT_OK(pipe(p));
	n = splice(self->fd, &(loff_t){ 0 }, p[1], NULL, 4096, 0);
	ASSERT_EQ(SIZE < 4096 ? SIZE : 4096, n);
	close(self->fd);
	self->fd = -1;
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	/* memory that is used for other things now */
	ASSERT_OK(zct_put_pattern(self->s.fd, "x", 9, 9, 4 * MiB, NULL));
	ASSERT_OK(zct_delete_key(self->s.fd, "x"));
	EXPECT_EQ(0, zct_used(&self->s));
	ASSERT_OK(zct_read_all(p[0], buf, n));
	EXPECT_EQ(-1, zct_check(buf, n, 5, 6, 0));
	close(p[0]);
	close(p[1]);
}

TEST_F(ofile, fstat_lseek)
{
	const off_t size = SIZE;
	struct stat st;
	int bytes;

	ASSERT_OK(fstat(self->fd, &st));
	EXPECT_EQ(size, st.st_size);
	EXPECT_TRUE(S_ISREG(st.st_mode));
	EXPECT_EQ(0, st.st_mode & 0333);
	EXPECT_EQ(size, lseek(self->fd, 0, SEEK_END));
	EXPECT_EQ(0, lseek(self->fd, 0, SEEK_SET));
	EXPECT_EQ(5, lseek(self->fd, 5, SEEK_CUR));
	EXPECT_EQ(4, lseek(self->fd, -1, SEEK_CUR));
	EXPECT_EQ(-1, lseek(self->fd, -5, SEEK_CUR));
	EXPECT_EQ(EINVAL, errno);
	if (size) {
		/* one run of data, then the hole that every file ends with */
		EXPECT_EQ(0, lseek(self->fd, 0, SEEK_DATA));
		EXPECT_EQ(size, lseek(self->fd, 0, SEEK_HOLE));
		EXPECT_EQ(size - 1, lseek(self->fd, size - 1, SEEK_DATA));
		EXPECT_EQ(size, lseek(self->fd, size / 2, SEEK_HOLE));
	}
	EXPECT_EQ(-1, lseek(self->fd, size, SEEK_DATA));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, lseek(self->fd, size, SEEK_HOLE));
	EXPECT_EQ(ENXIO, errno);
	EXPECT_EQ(-1, lseek(self->fd, 0, 77));
	EXPECT_EQ(EINVAL, errno);
	/* nothing to wait for */
	EXPECT_TRUE(ioctl(self->fd, FIONREAD, &bytes) == 0 || errno == ENOTTY);
}

#define EXPECT_REFUSED(call) \
	do { \
		errno = 0; \
		EXPECT_EQ(-1, call); \
		EXPECT_NE(0, errno); \
	} while (0)

TEST_F(ofile, no_way_to_write)
{
	char path[64], byte = 'x';
	int p[2], fd, fill;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	EXPECT_EQ(-1, write(self->fd, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, pwrite(self->fd, &byte, 1, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_REFUSED(ftruncate(self->fd, 0));
	EXPECT_REFUSED(ftruncate(self->fd, SIZE + 1));
	EXPECT_REFUSED(truncate(path, 0));
	EXPECT_REFUSED(truncate(path, SIZE));
	EXPECT_REFUSED(open(path, O_RDWR));
	EXPECT_REFUSED(open(path, O_WRONLY));
	EXPECT_REFUSED(open(path, O_RDONLY | O_TRUNC));
	EXPECT_REFUSED(open(path, O_WRONLY | O_APPEND));
	EXPECT_REFUSED(fchmod(self->fd, 0666));
	EXPECT_REFUSED(chmod(path, 0666));
	EXPECT_REFUSED(fallocate(self->fd, 0, 0, 4096));
	EXPECT_REFUSED(fallocate(self->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
	EXPECT_REFUSED(fsetxattr(self->fd, "user.x", "y", 1, 0));
	ASSERT_OK(pipe(p));
	ASSERT_EQ(1, write(p[1], &byte, 1));
	EXPECT_REFUSED(splice(p[0], NULL, self->fd, NULL, 1, 0));
	EXPECT_REFUSED(sendfile(self->fd, self->fd, NULL, 1));
	EXPECT_REFUSED(copy_file_range(self->fd, NULL, self->fd, NULL, 1, 0));
	/* the flags that F_SETFL can set make it no more writable */
	fcntl(self->fd, F_SETFL, O_APPEND | O_NONBLOCK | O_NOATIME);
	EXPECT_EQ(-1, write(self->fd, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	fcntl(self->fd, F_SETFL, 0);
	close(p[0]);
	close(p[1]);
	/* through /proc it may be opened to read, and pins the same bytes */
	fd = open(path, O_RDONLY);
	if (fd >= 0) {
		EXPECT_OK(zct_verify_fd(fd, 5, 6, SIZE));
		close(self->fd);
		self->fd = fd;
		ASSERT_OK(zct_delete_key(self->s.fd, "k"));
		EXPECT_EQ(self->used, zct_used(&self->s));
	}
	EXPECT_UNCHANGED();
	/* nor from a fill of the same key */
	fill = zct_fill_key(self->s.fd, "k", SIZE, 0);
	ASSERT_FD(fill);
	ASSERT_EQ((ssize_t)SIZE, write(fill, zct_alloc(SIZE), SIZE));
	ASSERT_OK(zct_commit_fd(fill, NULL));
	close(fill);
	EXPECT_UNCHANGED();
}

TEST_F(ofile, nothing_drops_the_bytes)
{
	unsigned char *map = MAP_FAILED;

	if (SIZE) {
		map = mmap(NULL, MAP_LEN, PROT_READ, MAP_SHARED, self->fd, 0);
		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(-1, zct_check(map, SIZE, 5, 6, 0));
	}
	posix_fadvise(self->fd, 0, 0, POSIX_FADV_DONTNEED);
	EXPECT_UNCHANGED();
	if (SIZE) {
		madvise(map, MAP_LEN, MADV_DONTNEED);
		EXPECT_EQ(-1, zct_check(map, SIZE, 5, 6, 0));
		madvise(map, MAP_LEN, 21 /* MADV_PAGEOUT */);
		EXPECT_EQ(-1, zct_check(map, SIZE, 5, 6, 0));
		madvise(map, MAP_LEN, MADV_REMOVE);
		madvise(map, MAP_LEN, MADV_FREE);
		EXPECT_EQ(-1, zct_check(map, SIZE, 5, 6, 0));
		/* another that reads ahead */
		posix_fadvise(self->fd, 0, 0, POSIX_FADV_WILLNEED);
		readahead(self->fd, 0, SIZE);
		posix_fadvise(self->fd, 0, 0, POSIX_FADV_RANDOM);
	}
	ASSERT_OK(zct_write_file("/proc/sys/vm/drop_caches", "1"));
	ASSERT_OK(zct_write_file("/proc/sys/vm/drop_caches", "3"));
	EXPECT_EQ(self->used, zct_used(&self->s));
	EXPECT_UNCHANGED();
	if (SIZE) {
		EXPECT_EQ(-1, zct_check(map, SIZE, 5, 6, 0));
		munmap(map, MAP_LEN);
	}
}

TEST_F(ofile, outlives_delete)
{
	__u64 small;

	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_EQ(0, zct_objects(&self->s));
	EXPECT_EQ(self->used, zct_used(&self->s));
	EXPECT_UNCHANGED();
	/* replaced after that: two versions are there, the old one to its fd only */
	ASSERT_OK(zct_put_pattern(self->s.fd, "k", 1, 1, 10, NULL));
	small = zct_used(&self->s) - self->used;
	EXPECT_UNCHANGED();
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, 1, 10));
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(small, zct_used(&self->s));
}

TEST_F(ofile, mapping_outlives_fd)
{
	unsigned char *map, *part;

	if (!SIZE)
		SKIP(return, "nothing to map");
	map = mmap(NULL, MAP_LEN, PROT_READ, MAP_SHARED, self->fd, 0);
	ASSERT_NE(MAP_FAILED, map);
	close(self->fd);
	self->fd = -1;
	ASSERT_OK(zct_put_pattern(self->s.fd, "k", 1, 1, 10, NULL));
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_EQ(self->used, zct_used(&self->s));
	EXPECT_EQ(-1, zct_check(map, SIZE, 5, 6, 0));
	/* also in part, and in a child */
	part = mremap(map, MAP_LEN, 4096, 0);
	ASSERT_NE(MAP_FAILED, part);
	EXPECT_EQ(-1, zct_check(part, SIZE < 4096 ? SIZE : 4096, 5, 6, 0));
	EXPECT_EQ(self->used, zct_used(&self->s));
	munmap(part, 4096);
	EXPECT_EQ(0, zct_used(&self->s));
}

TEST_F(ofile, outlives_store)
{
	struct zct_store gone;
	unsigned char *map = NULL;
	int fd;

	ASSERT_OK(zct_store_new(&gone, NULL));
	ASSERT_OK(zct_put_pattern(gone.fd, "k", 3, 2, SIZE, NULL));
	fd = zct_open_key(gone.fd, "k");
	ASSERT_FD(fd);
	if (SIZE) {
		map = mmap(NULL, MAP_LEN, PROT_READ, MAP_SHARED, fd, 0);
		ASSERT_NE(MAP_FAILED, map);
	}
	close(gone.fd);
	EXPECT_ERR(EBUSY, zc_nl_store_del(gone.name, false));
	EXPECT_OK(zc_nl_store_del(gone.name, true));
	EXPECT_OK(zct_verify_fd(fd, 3, 2, SIZE));
	close(fd);
	if (SIZE) {
		EXPECT_EQ(-1, zct_check(map, SIZE, 3, 2, 0));
		munmap(map, MAP_LEN);
	}
}

TEST_F(ofile, forked)
{
	int status;
	pid_t pid;

	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid)
		_exit(zct_verify_fd(self->fd, 5, 6, SIZE) ? 1 : 0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_UNCHANGED();
}

/* An fd cannot be turned into a file that has a name. */
TEST_F(ofile, no_link)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", self->fd);
	EXPECT_REFUSED(linkat(AT_FDCWD, path, AT_FDCWD, "/tmp/zct-link", AT_SYMLINK_FOLLOW));
	EXPECT_REFUSED(linkat(self->fd, "", AT_FDCWD, "/tmp/zct-link", AT_EMPTY_PATH));
	unlink("/tmp/zct-link");
}

/* What has no page in part is like what has one, but at its end. */
ZCT_MAIN_SLOW_WITHOUT("-Vwhole_pages")
