// SPDX-License-Identifier: GPL-2.0-only
/* The fill fd: every way to write to it, and every way to end it. */
#include <fcntl.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "zc_harness.h"

ZCT_STORE_FIXTURE(fill, .capacity = 32 * MiB)

#define EXPECT_GONE() \
	do { \
		EXPECT_EQ(0, zct_used(&self->s)); \
		EXPECT_EQ(0, zct_objects(&self->s)); \
	} while (0)

static int commit_err(int fill)
{
	return zct_commit_fd(fill, NULL);
}

TEST_F(fill, sizes)
{
	static const size_t sizes[] = { 0, 1, 2047, 2048, 2049, 4095, 4096, 4097, 65537,
					1 * MiB, 2 * MiB + 1, 5 * MiB - 3 };
	unsigned char *buf = zct_alloc(5 * MiB);
	unsigned int i;
	__u64 gen, last = 0;
	int fd;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		zct_pattern(buf, sizes[i], 1, i + 1, 0);
		fd = zct_fill_key(self->s.fd, "k", sizes[i], 0);
		ASSERT_FD(fd);
		EXPECT_EQ(FD_CLOEXEC, fcntl(fd, F_GETFD));
		/* invisible: the version of before is served */
		if (i) {
			EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, i, sizes[i - 1]));
		}
		if (sizes[i]) {
			EXPECT_ERR(ENODATA, commit_err(fd));
		}
		EXPECT_EQ((ssize_t)sizes[i], write(fd, buf, sizes[i]));
		if (i) {
			EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, i, sizes[i - 1]));
		}
		EXPECT_OK(zct_commit_fd(fd, &gen));
		EXPECT_LT(last, gen);
		last = gen;
		EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, i + 1, sizes[i]))
			TH_LOG("size %zu", sizes[i]);
		close(fd);
		EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, i + 1, sizes[i]));
	}
	EXPECT_EQ(1, zct_objects(&self->s));
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_GONE();
}

/* Chunks of random lengths in random order, some twice, some with other bytes first. */
static int random_fill(int fill, const unsigned char *want, size_t size, unsigned int seed)
{
	static unsigned char junk[300000];
	size_t cut[200], n = 0, i, k, at = 0, tmp;

	memset(junk, 0x55, sizeof(junk));
	while (at < size && n < ARRAY_SIZE(cut) - 1) {
		cut[n++] = at;
		at += 1 + zct_random(&seed) % (zct_random(&seed) % 3 ? 9000 : 60000);
	}
	cut[n] = size;
	size_t order[ARRAY_SIZE(cut)];

	for (i = 0; i < n; i++)
		order[i] = i;
	for (i = n - 1; i > 0; i--) {
		k = zct_random(&seed) % (i + 1);
		tmp = order[i];
		order[i] = order[k];
		order[k] = tmp;
	}
	for (i = 0; i < n; i++) {
		size_t from = cut[order[i]], len = cut[order[i] + 1] - from;

		if (len < sizeof(junk) && zct_random(&seed) % 4 == 0 &&
		    pwrite(fill, junk, len, from) != (ssize_t)len)
			return -1;
		if (pwrite(fill, want + from, len, from) != (ssize_t)len)
			return -2;
		/* once more, and over its neighbour's start: the same bytes */
		if (zct_random(&seed) % 4 == 0 && from + len + 10 <= size && i == n - 1 &&
		    pwrite(fill, want + from, len + 10, from) != (ssize_t)len + 10)
			return -3;
		if (i < n - 1 && commit_err(fill) != -ENODATA)
			return -4;
	}
	return 0;
}

TEST_F(fill, random_order)
{
	unsigned int seed = zct_seed(), i, rounds = zct_times(40);
	unsigned char *want = zct_alloc(3 * MiB);
	size_t size;
	int fd;

	for (i = 1; i <= rounds; i++) {
		size = 1 + zct_random(&seed) % (i % 3 ? 200000 : 3 * MiB);
		zct_pattern(want, size, 5, i, 0);
		fd = zct_fill_key(self->s.fd, "k", size, 0);
		ASSERT_FD(fd);
		ASSERT_EQ(0, random_fill(fd, want, size, zct_random(&seed)));
		ASSERT_OK(commit_err(fd));
		close(fd);
		ASSERT_OK(zct_verify_key(self->s.fd, "k", 5, i, size))
			TH_LOG("round %u, size %zu", i, size);
	}
}

TEST_F(fill, byte_by_byte_backwards)
{
	const size_t size = 5000;
	unsigned char want[5000];
	ssize_t i;
	int fd;

	zct_pattern(want, size, 2, 2, 0);
	fd = zct_fill_key(self->s.fd, "k", size, 0);
	ASSERT_FD(fd);
	for (i = size - 1; i >= 0; i--)
		ASSERT_EQ(1, pwrite(fd, want + i, 1, i));
	EXPECT_OK(commit_err(fd));
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 2, 2, size));
	close(fd);
}

/* Every other piece, all over the object, before the rest: many holes at once. */
TEST_F(fill, many_holes)
{
	const size_t size = 4 * MiB;
	unsigned char *want = zct_alloc(size);
	size_t at;
	int fd;

	zct_pattern(want, size, 2, 3, 0);
	fd = zct_fill_key(self->s.fd, "k", size, 0);
	ASSERT_FD(fd);
	for (at = 0; at < size; at += 8192)
		ASSERT_EQ(4099, pwrite(fd, want + at, 4099, at));
	EXPECT_ERR(ENODATA, commit_err(fd));
	for (at = 4096; at < size; at += 8192)
		ASSERT_EQ(4096, pwrite(fd, want + at, 4096, at));
	EXPECT_OK(commit_err(fd));
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 2, 3, size));
	close(fd);
}

TEST_F(fill, vectors_and_position)
{
	unsigned char *want = zct_alloc(100000);
	struct iovec iov[3] = {
		{ want, 10 }, { want + 10, 70000 }, { want + 70010, 29990 },
	};
	int fd;

	zct_pattern(want, 100000, 3, 3, 0);
	fd = zct_fill_key(self->s.fd, "k", 100000, 0);
	ASSERT_FD(fd);
	/* write(2) goes on where it stopped; pwrite(2) does not move that */
	ASSERT_EQ(10, write(fd, want, 10));
	ASSERT_EQ(5, pwrite(fd, want + 50000, 5, 50000));
	ASSERT_EQ(90, write(fd, want + 10, 90));
	EXPECT_ERR(ENODATA, commit_err(fd));
	ASSERT_EQ(100000, pwritev(fd, iov, 3, 0));
	EXPECT_OK(commit_err(fd));
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 3, 3, 100000));
	close(fd);
}

TEST_F(fill, splice)
{
	const size_t size = 300000;
	unsigned char *want = zct_alloc(size);
	size_t done = 0;
	ssize_t n;
	int fd, p[2];

	zct_pattern(want, size, 4, 1, 0);
	ASSERT_OK(pipe(p));
	fd = zct_fill_key(self->s.fd, "k", size, 0);
	ASSERT_FD(fd);
	while (done < size) {
		size_t left = size - done, part = left < 40000 ? left : 40000;

		ASSERT_EQ((ssize_t)part, write(p[1], want + done, part));
		while (part) {
			n = splice(p[0], NULL, fd, NULL, part, SPLICE_F_MOVE);
			ASSERT_LT(0, n);
			part -= n;
			done += n;
		}
	}
	/* the program's own pages, given away, then changed: object unmoved */
	EXPECT_OK(commit_err(fd));
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 4, 1, size));
	close(fd);

	fd = zct_fill_key(self->s.fd, "k", 4096, 0);
	ASSERT_FD(fd);
	zct_pattern(want, 4096, 4, 2, 0);
	ASSERT_EQ(4096, vmsplice(p[1], &(struct iovec){ want, 4096 }, 1, SPLICE_F_GIFT));
	ASSERT_EQ(4096, splice(p[0], NULL, fd, NULL, 4096, SPLICE_F_MOVE));
	memset(want, 0, 4096);
	EXPECT_OK(commit_err(fd));
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 4, 2, 4096));
	close(fd);
	close(p[0]);
	close(p[1]);
}

TEST_F(fill, sendfile)
{
	const size_t size = 1 * MiB + 77;
	unsigned char *want = zct_alloc(size);
	char path[] = "/tmp/zct-XXXXXX";
	int file, object, fd;
	size_t done;
	ssize_t n;

	zct_pattern(want, size, 6, 1, 0);
	file = mkstemp(path);
	ASSERT_FD(file);
	unlink(path);
	ASSERT_OK(zct_write_all(file, want, size));
	fd = zct_fill_key(self->s.fd, "a", size, 0);
	ASSERT_FD(fd);
	lseek(file, 0, SEEK_SET);
	for (done = 0; done < size; done += n) {
		n = sendfile(fd, file, NULL, size - done);
		ASSERT_LT(0, n);
	}
	EXPECT_OK(commit_err(fd));
	close(fd);
	/* the file's pages are the file's */
	ASSERT_EQ(4, pwrite(file, "xxxx", 4, 5000));
	close(file);
	EXPECT_OK(zct_verify_key(self->s.fd, "a", 6, 1, size));

	/* and from one object into another */
	object = zct_open_key(self->s.fd, "a");
	ASSERT_FD(object);
	fd = zct_fill_key(self->s.fd, "b", size, 0);
	ASSERT_FD(fd);
	for (done = 0; done < size; done += n) {
		n = sendfile(fd, object, NULL, size - done);
		ASSERT_LT(0, n);
	}
	EXPECT_OK(commit_err(fd));
	close(fd);
	close(object);
	ASSERT_OK(zct_delete_key(self->s.fd, "a"));
	EXPECT_OK(zct_verify_key(self->s.fd, "b", 6, 1, size));
}

TEST_F(fill, past_the_end)
{
	unsigned char buf[6000] = { 1 };
	int fd, p[2];

	fd = zct_fill_key(self->s.fd, "k", 5000, 0);
	ASSERT_FD(fd);
	EXPECT_EQ(-1, pwrite(fd, buf, 1, 5000));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_EQ(-1, pwrite(fd, buf, 1, 1ULL << 40));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_EQ(-1, pwrite(fd, buf, 10, 0x7fffffffffffffffLL - 5));
	EXPECT_TRUE(errno == EFBIG || errno == EINVAL || errno == EOVERFLOW);
	EXPECT_EQ(-1, pwrite(fd, buf, 1, -1));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(100, pwrite(fd, buf, 101, 4900));
	EXPECT_EQ(5000, write(fd, buf, sizeof(buf)));
	EXPECT_EQ(-1, write(fd, buf, 1));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_EQ(0, pwrite(fd, buf, 0, 0));
	ASSERT_OK(pipe(p));
	ASSERT_EQ(10, write(p[1], buf, 10));
	EXPECT_EQ(-1, splice(p[0], NULL, fd, &(loff_t){ 5000 }, 10, 0));
	EXPECT_EQ(EFBIG, errno);
	EXPECT_OK(commit_err(fd));
	close(fd);
	close(p[0]);
	close(p[1]);
}

TEST_F(fill, committed_twice)
{
	unsigned char buf[100];
	int fd;

	zct_pattern(buf, 100, 1, 1, 0);
	fd = zct_fill_key(self->s.fd, "k", 100, 0);
	ASSERT_FD(fd);
	ASSERT_EQ(100, write(fd, buf, 100));
	ASSERT_OK(commit_err(fd));
	EXPECT_ERR(EALREADY, commit_err(fd));
	EXPECT_EQ(-1, pwrite(fd, "zzz", 3, 0));
	EXPECT_EQ(EALREADY, errno);
	EXPECT_EQ(-1, pwrite(fd, "zzz", 3, 1000));
	EXPECT_EQ(EALREADY, errno);
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, 1, 100));
	/* also when the object is gone since */
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_ERR(EALREADY, commit_err(fd));
	close(fd);
	EXPECT_GONE();
}

TEST_F(fill, no_reading)
{
	char byte;
	int fd;

	fd = zct_fill_key(self->s.fd, "k", 4096, 0);
	ASSERT_FD(fd);
	EXPECT_EQ(-1, read(fd, &byte, 1));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(-1, pread(fd, &byte, 1, 0));
	EXPECT_EQ(EBADF, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_WRITE, MAP_SHARED, fd, 0));
	EXPECT_EQ(-1, ftruncate(fd, 0));
	close(fd);
}

TEST_F(fill, abandoned)
{
	static const size_t sizes[] = { 0, 10, 2048, 5000, 3 * MiB };
	unsigned char *buf = zct_alloc(3 * MiB);
	__u64 used, gen;
	unsigned int i;
	int fd;

	ASSERT_OK(zct_put_pattern(self->s.fd, "k", 1, 1, 1000, &gen));
	used = zct_used(&self->s);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		fd = zct_fill_key(self->s.fd, "k", sizes[i], 0);
		ASSERT_FD(fd);
		/* room is reserved from the start */
		EXPECT_LE(used + sizes[i], zct_used(&self->s));
		EXPECT_EQ(1, zct_objects(&self->s));
		ASSERT_EQ((ssize_t)sizes[i], write(fd, buf, sizes[i]));
		close(fd);
		EXPECT_EQ(used, zct_used(&self->s));
		EXPECT_OK(zct_verify_key(self->s.fd, "k", 1, 1, 1000));
		/* half written */
		fd = zct_fill_key(self->s.fd, "new", sizes[i], 0);
		ASSERT_FD(fd);
		ASSERT_EQ((ssize_t)sizes[i] / 2, write(fd, buf, sizes[i] / 2));
		EXPECT_ERR(ENOENT, zct_open_key(self->s.fd, "new"));
		close(fd);
		EXPECT_EQ(used, zct_used(&self->s));
	}
	EXPECT_EQ(1, zct_objects(&self->s));
}

TEST_F(fill, excl_at_commit)
{
	int fd, fd2;

	ASSERT_OK(zct_put_data(self->s.fd, "k", "x", 1, NULL));
	fd2 = zct_fill_key(self->s.fd, "n", 1, ZC_PUT_EXCL);
	ASSERT_FD(fd2);
	ASSERT_EQ(1, write(fd2, "2", 1));
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	fd = zct_fill_key(self->s.fd, "k", 1, ZC_PUT_EXCL);
	ASSERT_FD(fd);
	ASSERT_EQ(1, write(fd, "1", 1));
	/* it came while the fill was under way; the fill goes on */
	ASSERT_OK(zct_put_data(self->s.fd, "k", "x", 1, NULL));
	EXPECT_ERR(EEXIST, commit_err(fd));
	EXPECT_EQ(1, pwrite(fd, "3", 1, 0));
	EXPECT_ERR(EEXIST, commit_err(fd));
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_OK(commit_err(fd));
	EXPECT_OK(commit_err(fd2));
	close(fd);
	close(fd2);
	EXPECT_EQ(2, zct_objects(&self->s));
}

TEST_F(fill, two_of_one_key)
{
	__u64 gen1, gen2;
	char byte = 0;
	int fd1, fd2;

	fd1 = zct_fill_key(self->s.fd, "k", 1, 0);
	fd2 = zct_fill_key(self->s.fd, "k", 1, 0);
	ASSERT_FD(fd1);
	ASSERT_FD(fd2);
	ASSERT_EQ(1, write(fd1, "1", 1));
	ASSERT_EQ(1, write(fd2, "2", 1));
	/* begun first, committed last: it wins */
	EXPECT_OK(zct_commit_fd(fd2, &gen2));
	EXPECT_EQ(1, zct_get_data(self->s.fd, "k", &byte, 1, 0));
	EXPECT_EQ('2', byte);
	EXPECT_OK(zct_commit_fd(fd1, &gen1));
	EXPECT_LT(gen2, gen1);
	EXPECT_EQ(1, zct_get_data(self->s.fd, "k", &byte, 1, 0));
	EXPECT_EQ('1', byte);
	close(fd1);
	close(fd2);
	EXPECT_EQ(1, zct_objects(&self->s));
}

TEST_F(fill, delete_under_way)
{
	int fd;

	ASSERT_OK(zct_put_data(self->s.fd, "k", "x", 1, NULL));
	fd = zct_fill_key(self->s.fd, "k", 1, 0);
	ASSERT_FD(fd);
	ASSERT_EQ(1, write(fd, "n", 1));
	ASSERT_OK(zct_delete_key(self->s.fd, "k"));
	EXPECT_ERR(ENOENT, zct_delete_key(self->s.fd, "k"));
	EXPECT_OK(commit_err(fd));
	close(fd);
	EXPECT_EQ(1, zct_objects(&self->s));
}

TEST_F(fill, bad_memory)
{
	const size_t size = 5 * 4096;
	struct zc_stat st;
	unsigned char *mem;
	__u64 used;
	ssize_t n;
	int fd;

	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, mem);
	zct_pattern(mem, size, 8, 1, 0);
	fd = zct_fill_key(self->s.fd, "k", size, 0);
	ASSERT_FD(fd);
	used = zct_used(&self->s);
	EXPECT_EQ(-1, write(fd, zct_at(ZC_BAD_KERNEL), 4096));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-1, write(fd, zct_at(ZC_BAD_LOW), 4096));
	EXPECT_EQ(EFAULT, errno);
	ASSERT_OK(mprotect(mem + 3 * 4096, 4096, PROT_NONE));
	n = write(fd, mem, size);
	/* up to the bad page, or less, and only that much counts as written */
	EXPECT_TRUE(n == -1 || (n > 0 && n <= 3 * 4096)) TH_LOG("%zd", n);
	if (n < 0) {
		EXPECT_EQ(EFAULT, errno);
		n = 0;
	}
	EXPECT_ERR(ENODATA, commit_err(fd));
	ASSERT_OK(mprotect(mem + 3 * 4096, 4096, PROT_READ));
	EXPECT_EQ((ssize_t)size - n, pwrite(fd, mem + n, size - n, n));
	EXPECT_OK(commit_err(fd));
	EXPECT_OK(zct_verify_key(self->s.fd, "k", 8, 1, size));
	close(fd);
	/* nothing is charged but the object, and no more than was reserved */
	ASSERT_OK(zct_stat_key(self->s.fd, "k", &st));
	EXPECT_EQ(st.charge, zct_used(&self->s));
	EXPECT_LE(st.charge, used);
	munmap(mem, size);
}

/* Bytes that nobody wrote are nobody's: the rest of the last page is zero. */
TEST_F(fill, page_tail_is_zero)
{
	static const size_t sizes[] = { 2049, 4097, 5000, 65537, 2 * MiB + 100 };
	unsigned char *want = zct_alloc(2 * MiB + 8192), *map;
	unsigned int i;
	size_t k, end;
	int fd;

	/* memory that has been something else before */
	for (i = 0; i < 8; i++)
		ASSERT_OK(zct_put_pattern(self->s.fd, "old", 9, 9, 3 * MiB, NULL));
	ASSERT_OK(zct_delete_key(self->s.fd, "old"));
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		zct_pattern(want, sizes[i], 7, i + 1, 0);
		fd = zct_fill_key(self->s.fd, "k", sizes[i], 0);
		ASSERT_FD(fd);
		ASSERT_EQ((ssize_t)sizes[i], write(fd, want, sizes[i]));
		ASSERT_OK(commit_err(fd));
		close(fd);
		fd = zct_open_key(self->s.fd, "k");
		ASSERT_FD(fd);
		end = (sizes[i] + 4095) & ~4095ULL;
		map = mmap(NULL, end, PROT_READ, MAP_SHARED, fd, 0);
		ASSERT_NE(MAP_FAILED, map);
		EXPECT_EQ(-1, zct_check(map, sizes[i], 7, i + 1, 0));
		for (k = sizes[i]; k < end; k++)
			ASSERT_EQ(0, map[k]) TH_LOG("byte %zu of size %zu", k, sizes[i]);
		munmap(map, end);
		close(fd);
	}
}

TEST_HARNESS_MAIN
