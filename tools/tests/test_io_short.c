// SPDX-License-Identifier: GPL-2.0-only
/*
 * A kernel that gives and takes less than it is asked for, and that is interrupted: all
 * bytes come through, and an error amid them is told with what came before.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "io_util.h"
#include "tap.h"
#include "util.h"

#define SIZE 300007

/* What one call of the kernel moves at most; and calls that move nothing, but say so. */
#define CALL_MAX 0x7ffff000UL
static bool hollow;

static bool meddle;
static uint64_t seed = 5;
static unsigned int calls;
/* The call that fails, counted from 1, or 0; and how. */
static unsigned int failing;
static int failure;

/* How much of a call is done: -1, nothing and an error; else at most len, and not none. */
static ssize_t cut(size_t len)
{
	calls++;
	if (failing && calls >= failing) {
		errno = failure;
		return -1;
	}
	if (!meddle || !len)
		return len;
	if (!io_random(&seed, 4)) {
		errno = EINTR;
		return -1;
	}
	return 1 + io_random(&seed, len);
}

/* As the linker names them: --wrap. */
ssize_t __real_pread(int fd, void *buf, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t at)
{
	ssize_t n;

	if (hollow)
		return len < CALL_MAX ? len : CALL_MAX;
	n = cut(len);
	return n < 0 ? n : __real_pread(fd, buf, n, at);
}

ssize_t __real_pwrite(int fd, const void *buf, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t at)
{
	ssize_t n = cut(len);

	return n < 0 ? n : __real_pwrite(fd, buf, n, at);
}

/* Of a vector, a part of the first piece that has any bytes. */
ssize_t __wrap_preadv(int fd, const struct iovec *iov, int nr, off_t at);
ssize_t __wrap_preadv(int fd, const struct iovec *iov, int nr, off_t at)
{
	while (nr > 1 && !iov->iov_len) {
		iov++;
		nr--;
	}
	return __wrap_pread(fd, iov->iov_base, iov->iov_len, at);
}

ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int nr, off_t at);
ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int nr, off_t at)
{
	while (nr > 1 && !iov->iov_len) {
		iov++;
		nr--;
	}
	return __wrap_pwrite(fd, iov->iov_base, iov->iov_len, at);
}

static unsigned char *want, *back;
static struct zc_ring *ring;

static void rings(void)
{
	struct zc_ring_conf conf;
	struct zc_ring_info info;
	struct iovec iov[3];
	struct zc_ring_op op = { .op = ZC_RING_WRITE, .iov = iov, .nr_iov = 3, .offset = 9 };
	struct zc_ring_done done;
	int fd = io_file(want, SIZE, 0), empty = io_file("", 0, 0);

	zc_ring_conf_init(&conf);
	conf.flags = ZC_RING_NO_URING;
	is_int(zc_ring_new(&conf, &ring), 0, "a ring");
	meddle = true;
	is_int(zc_ring_read_at(ring, fd, back, SIZE, 0), SIZE, "short reads become one");
	ok(!memcmp(back, want, SIZE), "with all bytes");
	iov[0] = (struct iovec){ back, 1000 };
	iov[1] = (struct iovec){ NULL, 0 };
	iov[2] = (struct iovec){ back + 1000, 99000 };
	memset(back, 0, SIZE);
	is_int(zc_ring_readv_at(ring, fd, iov, 3, 77), 100000, "of a vector as well");
	ok(!memcmp(back, want + 77, 100000), "in their places");
	op.fd = empty;
	is_int(zc_ring_submit(ring, &op, 1), 1, "a write of a vector");
	is_int(zc_ring_complete(ring, &done, 1, 1), 1, "is complete");
	is_int(done.result, 100000, "and whole");
	meddle = false;
	memset(back, 0, SIZE);
	is_int(pread(empty, back, SIZE, 9), 100000, "the file has it");
	ok(!memcmp(back, want + 77, 100000), "as it was");
	zc_ring_info(ring, &info);
	ok(info.resumed > 0, "what went on is counted");

	meddle = true;
	calls = 0;
	failing = 6;
	failure = EIO;
	ok(zc_ring_read_at(ring, fd, back, SIZE, 0) > 0, "an error after some bytes has them");
	is_int(zc_ring_read_at(ring, fd, back, SIZE, 0), -EIO, "the next read has the error");
	failing = 0;
	meddle = false;
	zc_ring_free(ring);
	close(fd);
	close(empty);
}

static void readers(void)
{
	struct zc_reader_conf conf;
	struct zc_reader *r;
	int fd = io_file(want, SIZE, 0);

	zc_reader_conf_init(&conf);
	conf.use_io_uring = 0;
	conf.use_mmap = 0;
	conf.prefetch_size = 65536;
	is_int(zc_open_reader_fd(fd, &conf, &r), 0, "a reader");
	meddle = true;
	is_int(zc_reader_read(r, back, SIZE), SIZE, "has all");
	ok(!memcmp(back, want, SIZE), "of its bytes");
	is_int(zc_reader_seek(r, 65536), 0, "again from a piece on");
	meddle = false;
	calls = 0;
	failing = 2;
	failure = EIO;
	is_int(zc_reader_read(r, back, 65536 * 4), 65536, "what was before an error");
	is_int(zc_reader_read(r, back, 65536 * 4), -EIO, "which is told after it");
	meddle = true;
	failing = 0;
	is_int(zc_reader_seek(r, 65536), 0, "and over");
	is_int(zc_reader_read(r, back, SIZE), SIZE - 65536, "then the rest is there");
	ok(!memcmp(back, want + 65536, SIZE - 65536), "with its bytes");
	meddle = false;
	zc_reader_close(r);
	close(fd);
}

static void writers(void)
{
	struct zc_writer_conf conf;
	struct zc_writer *w;
	uint64_t written = 0;
	int fd = io_file("", 0, 0), err = 0;
	size_t at, n;

	zc_writer_conf_init(&conf);
	conf.use_io_uring = 0;
	conf.extent = 8192;
	is_int(zc_writer_new(fd, &conf, &w), 0, "a writer");
	meddle = true;
	for (at = 0; at < SIZE && !err; at += n) {
		n = 1 + io_random(&seed, 20000);
		if (n > SIZE - at)
			n = SIZE - at;
		err = zc_writer_write(w, want + at, n);
	}
	is_int(err, 0, "short writes become whole ones");
	is_int(zc_writer_close(w, &written), 0, "close");
	meddle = false;
	is_int(written, SIZE, "all was written");
	ok(pread(fd, back, SIZE + 1, 0) == SIZE && !memcmp(back, want, SIZE), "as it was given");

	conf.offset = SIZE;
	is_int(zc_writer_new(fd, &conf, &w), 0, "another");
	calls = 0;
	failing = 3;
	failure = EDQUOT;
	is_int(zc_writer_write(w, want, 8192), 0, "an extent");
	is_int(zc_writer_write(w, want + 8192, 8192), 0, "another one");
	is_int(zc_writer_write(w, want, 100), 0, "some bytes");
	is_int(zc_writer_flush(w), -EDQUOT, "the third write fails");
	is_int(zc_writer_close(w, &written), 0, "which is told once");
	failing = 0;
	is_int(written, 16384, "what was before it counts");
	close(fd);
}

/* The kernel ends a call before 2 GiB, at a page and not at what O_DIRECT may want. */
static void beyond_a_call(void)
{
	const size_t len = 3UL << 30;
	char *memory = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct iovec iov[2] = { { memory, len }, { memory, 8192 } };
	struct zc_reader_conf conf;
	struct zc_ring_conf rings;
	struct zc_reader *r;
	int fd = io_file("", 0, O_DIRECT);

	if (fd < 0 || memory == MAP_FAILED || ftruncate(fd, len + 8192)) {
		ok(true, "3 GiB # SKIP no such file or memory");
		return;
	}
	hollow = true;
	zc_reader_conf_init(&conf);
	conf.direct = 1;
	conf.use_io_uring = 0;
	conf.alignment = 8192;
	is_int(zc_open_reader_fd(fd, &conf, &r), 0, "a reader past the page cache");
	is_int(zc_reader_read_at(r, memory, len, 0), len, "reads 3 GiB");
	zc_reader_close(r);
	zc_ring_conf_init(&rings);
	rings.flags = ZC_RING_NO_URING;
	rings.alignment = 8192;
	is_int(zc_ring_new(&rings, &ring), 0, "and a ring");
	is_int(zc_ring_readv_at(ring, fd, iov, 2, 0), len + 8192, "as a vector as well");
	is_int(zc_ring_read_at(ring, fd, memory, len, 0), len, "and in one piece");
	zc_ring_free(ring);
	hollow = false;
	munmap(memory, len);
	close(fd);
}

int main(void)
{
	test_folder();
	want = io_bytes(SIZE);
	back = malloc(SIZE + 1);
	rings();
	readers();
	writers();
	beyond_a_call();
	free(want);
	free(back);
	return tap_end();
}
