// SPDX-License-Identifier: GPL-2.0-only
/* The ring: the same by io_uring and by preadv. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "io_util.h"
#include "tap.h"
#include "util.h"

#define SIZE 1000003

static unsigned char *want;
static unsigned int flags;
static const char *kind;

static struct zc_ring *ring_of(unsigned int depth, unsigned int sqpoll, unsigned int alignment)
{
	struct zc_ring_conf conf;
	struct zc_ring *ring = NULL;

	zc_ring_conf_init(&conf);
	conf.flags = flags;
	conf.queue_depth = depth;
	conf.sqpoll_idle_ms = sqpoll;
	conf.alignment = alignment;
	is_int(zc_ring_new(&conf, &ring), 0, "a ring");
	is_str(zc_ring_kind(ring), kind, "works as it is to");
	return ring;
}

/* Batches of random reads, each from and to a place of its own. */
static void batches(unsigned int depth, unsigned int sqpoll, bool registered)
{
	struct zc_ring_op op[40];
	struct zc_ring_done done[40];
	size_t expect[40];
	struct zc_ring *ring = ring_of(depth, sqpoll, 0);
	struct zc_pool *pool;
	struct zc_ring_info info;
	uint64_t seed = depth + sqpoll, submitted = 0;
	int fd = io_file(want, SIZE, 0), round, i, n, good = 0, all = 0;
	void *buf[40];
	char name[100];

	if (zc_pool_new(20000, 40, 0, &pool))
		exit(1);
	for (i = 0; i < 40; i++)
		zc_pool_get(pool, 0, &buf[i]);
	if (registered) {
		is_int(zc_ring_register(ring, pool), 0, "its buffers are registered");
		is_int(zc_ring_register(ring, pool), -EBUSY, "but once");
	}
	for (round = 0; round < 100; round++) {
		int nr = 1 + io_random(&seed, 40), first = 0, left = nr;

		for (i = 0; i < nr; i++) {
			op[i] = (struct zc_ring_op){
				.op = ZC_RING_READ, .fd = fd, .tag = i, .buf = buf[i],
				.offset = io_random(&seed, SIZE + 100),
				.len = io_random(&seed, 20001),
			};
			expect[i] = op[i].offset >= SIZE ? 0 : SIZE - op[i].offset < op[i].len ?
				SIZE - op[i].offset : op[i].len;
		}
		while (left) {
			if (first < nr) {
				n = zc_ring_submit(ring, op + first, nr - first);
				if (n == -EAGAIN)
					n = 0;
				if (n < 0)
					break;
				first += n;
				submitted += n;
			}
			n = zc_ring_complete(ring, done, 40, 1);
			if (n <= 0)
				break;
			for (left -= n, i = 0; i < n; i++) {
				unsigned int t = done[i].tag;

				good += done[i].result == (int64_t)expect[t] &&
					!memcmp(buf[t], want + op[t].offset, expect[t]);
			}
		}
		all += nr;
	}
	snprintf(name, sizeof(name), "%s, depth %u, %s%s: each read has its bytes", kind, depth,
		 sqpoll ? "a thread of the kernel, " : "", registered ? "registered" : "plain");
	is_int(good, all, name);
	zc_ring_info(ring, &info);
	is_int(info.operations, submitted, "all were counted");
	is_int(info.operations, all, "once");
	is_int(info.in_flight, 0, "none is left");
	is_int(info.fixed, registered && !strcmp(kind, "io_uring") ? all : 0,
	       "those to registered buffers pin no pages");
	is_int(zc_ring_complete(ring, done, 40, 1), 0, "nothing under way is nothing to wait for");
	for (i = 0; i < 40; i++)
		zc_pool_put(pool, buf[i]);
	if (registered) {
		is_int(zc_pool_free(pool), -EBUSY, "a registered pool stays");
		is_int(zc_ring_unregister(ring), 0, "until it is not registered any more");
		is_int(zc_ring_unregister(ring), -ENXIO, "which it is once");
	}
	is_int(zc_pool_free(pool), 0, "then it goes");
	zc_ring_free(ring);
	close(fd);
}

static void vectors(void)
{
	static unsigned char buf[3][5000];
	struct iovec iov[4] = {
		{ buf[0], 1 }, { NULL, 0 }, { buf[1], 4097 }, { buf[2], 5000 },
	};
	struct zc_ring *ring = ring_of(4, 0, 0);
	int fd = io_file(want, SIZE, 0);
	struct zc_ring_op op = {
		.op = ZC_RING_READ, .fd = fd, .offset = 7, .iov = iov, .nr_iov = 4, .tag = 5,
	};
	struct zc_ring_done done;

	is_int(zc_ring_readv_at(ring, fd, iov, 4, 99), 9098, "a vectored read");
	ok(!memcmp(buf[0], want + 99, 1) && !memcmp(buf[1], want + 100, 4097) &&
	   !memcmp(buf[2], want + 4197, 5000), "has its bytes in their places");
	is_int(zc_ring_readv_at(ring, fd, iov, 4, SIZE - 3), 3, "it ends with the file");
	is_int(zc_ring_submit(ring, &op, 1), 1, "one under way");
	memset(iov, 0, sizeof(iov));
	is_int(zc_ring_complete(ring, &done, 1, 1), 1, "keeps its own vector");
	is_int(done.result, 9098, "and has all");
	is_int(done.tag, 5, "with the caller's tag");
	ok(!memcmp(buf[2], want + 7 + 4098, 5000), "and bytes");
	zc_ring_free(ring);
	close(fd);
}

static void writes(void)
{
	struct zc_ring *ring = ring_of(8, 0, 0);
	int fd = io_file("", 0, 0), i;
	struct zc_ring_done done[8];
	struct zc_ring_op op[8];
	unsigned char *back = malloc(8000);
	struct iovec iov[2] = { { want, 500 }, { want + 500, 500 } };

	for (i = 0; i < 8; i++)
		op[i] = (struct zc_ring_op){
			.op = ZC_RING_WRITE, .fd = fd, .offset = i * 1000,
			.buf = want + i * 1000, .len = 1000,
		};
	op[0].buf = NULL;
	op[0].len = 0;
	op[0].iov = iov;
	op[0].nr_iov = 2;
	is_int(zc_ring_submit(ring, op, 8), 8, "eight writes");
	is_int(zc_ring_submit(ring, op, 1), -EAGAIN, "there is room for no more");
	is_int(zc_ring_read_at(ring, fd, back, 1, 0), -EAGAIN, "nor for a read");
	is_int(zc_ring_complete(ring, done, 3, 3), 3, "three of them are told");
	is_int(zc_ring_complete(ring, done + 3, 8, 8), 5, "then the rest");
	for (i = 0; i < 8 && done[i].result == 1000; i++)
		;
	is_int(i, 8, "each is whole");
	is_int(pread(fd, back, 8000, 0), 8000, "the file has them");
	is_mem(back, 8000, want, 8000, "in their places");
	free(back);
	zc_ring_free(ring);
	close(fd);
}

static void others_wait(void)
{
	struct zc_ring *ring = ring_of(4, 0, 0);
	int fd = io_file(want, SIZE, 0);
	unsigned char a[100], b[100];
	struct zc_ring_op op = { .op = ZC_RING_READ, .fd = fd, .buf = a, .len = 100, .tag = 9 };
	struct zc_ring_done done;

	is_int(zc_ring_submit(ring, &op, 1), 1, "a read under way");
	is_int(zc_ring_read_at(ring, fd, b, 100, 1000), 100, "another that is waited for");
	is_mem(b, 100, want + 1000, 100, "with its bytes");
	is_int(zc_ring_complete(ring, &done, 1, 1), 1, "the first is still told");
	is_int(done.tag, 9, "as what it is");
	is_mem(a, 100, want, 100, "with its bytes");
	is_int(zc_ring_submit(ring, &op, 1), 1, "one that nobody asks for");
	/* Its memory is done with before the ring is gone. */
	zc_ring_free(ring);
	close(fd);
}

static void errors(void)
{
	struct zc_ring_conf conf;
	struct zc_ring *ring = ring_of(4, 0, 512), *none = NULL;
	struct zc_aligned buf;
	int fd = io_file(want, SIZE, 0);
	struct zc_ring_op op = { .op = ZC_RING_READ, .fd = fd, .len = 512 }, two[2];
	struct zc_ring_done done;
	struct zc_ring_info info;

	if (zc_aligned_alloc(&buf, 4096, 4096))
		exit(1);
	op.buf = (char *)buf.data + 1;
	is_int(zc_ring_submit(ring, &op, 1), -EINVAL, "memory that is not aligned");
	op.buf = buf.data;
	op.len = 511;
	is_int(zc_ring_submit(ring, &op, 1), -EINVAL, "a length that is not");
	op.len = 512;
	op.offset = 256;
	is_int(zc_ring_submit(ring, &op, 1), -EINVAL, "an offset that is not");
	op.offset = 0;
	two[0] = two[1] = op;
	two[1].op = 2;
	is_int(zc_ring_submit(ring, two, 2), -EINVAL, "an operation that there is not");
	two[1].op = 16;
	is_int(zc_ring_submit(ring, two, 2), -EINVAL, "or is the library's own");
	two[1] = op;
	two[1].nr_iov = 1;
	is_int(zc_ring_submit(ring, two, 2), -EINVAL, "memory of two kinds");
	two[1].buf = NULL;
	two[1].nr_iov = 0;
	is_int(zc_ring_submit(ring, two, 2), -EINVAL, "or of none");
	two[1] = op;
	two[1].offset = INT64_MAX & ~511ULL;
	is_int(zc_ring_submit(ring, two, 2), -EINVAL, "an end that no file has");
	zc_ring_info(ring, &info);
	is_int(info.operations, 0, "none of all these was taken");
	is_int(zc_ring_submit(ring, &op, 0), 0, "nothing is not much");
	op.offset = SIZE / 512 * 512;
	is_int(zc_ring_submit(ring, &op, 1), 1, "a block at the end");
	is_int(zc_ring_complete(ring, &done, 1, 1), 1, "is read");
	is_int(done.result, SIZE % 512, "as far as the file goes");
	op.fd = -1;
	is_int(zc_ring_submit(ring, &op, 1), 1, "a file that is none");
	is_int(zc_ring_complete(ring, &done, 1, 1), 1, "is told");
	is_int(done.result, -EBADF, "as such");
	is_int(zc_ring_read_at(ring, fd, NULL, 512, 0), -EINVAL, "no memory, no read");
	zc_ring_free(ring);
	zc_ring_free(NULL);
	zc_ring_conf_init(&conf);
	conf.queue_depth = 0;
	is_int(zc_ring_new(&conf, &none), -EINVAL, "a ring has some depth");
	conf.queue_depth = 4097;
	is_int(zc_ring_new(&conf, &none), -EINVAL, "but not any");
	conf.queue_depth = 1;
	conf.alignment = 3;
	is_int(zc_ring_new(&conf, &none), -EINVAL, "3 is no alignment");
	conf.alignment = 0;
	conf.flags = 2;
	is_int(zc_ring_new(&conf, &none), -EINVAL, "no flag of this name");
	is_int(zc_ring_new(NULL, NULL), -EINVAL, "it needs a place for the result");
	ok(!none, "which stays as it was");
	zc_aligned_free(&buf);
	close(fd);
}

static void all(void)
{
	batches(1, 0, false);
	batches(8, 0, false);
	batches(32, 0, true);
	batches(40, 0, true);
	batches(16, 100, true);
	vectors();
	writes();
	others_wait();
	errors();
}

static int refusal;

static int refused_child(void)
{
	struct zc_ring_info info;
	struct zc_ring *ring;
	char buf[8];
	int fd = io_file("0123456789", 10, 0);

	if (io_refuse_uring(refusal))
		return 77;
	if (zc_ring_new(NULL, &ring))
		return 1;
	zc_ring_info(ring, &info);
	if (strcmp(zc_ring_kind(ring), "preadv") ||
	    (info.refused != -refusal && info.refused != -ENOSYS))
		return 2;
	if (zc_ring_read_at(ring, fd, buf, 8, 4) != 6 || memcmp(buf, "456789", 6))
		return 3;
	zc_ring_free(ring);
	return 0;
}

static void refused(int err)
{
	int code;

	refusal = err;
	code = io_child(refused_child);
	if (code == 77)
		ok(true, "a kernel that refuses # SKIP no seccomp");
	else
		is_int(code, 0, err == EPERM ? "a kernel that does not permit io_uring" :
		       "a kernel that has none");
}

int main(void)
{
	test_folder();
	want = io_bytes(SIZE);
	refused(EPERM);
	refused(ENOSYS);
	kind = "io_uring";
	if (io_have_uring())
		all();
	else
		ok(true, "io_uring # SKIP not here");
	kind = "preadv";
	flags = ZC_RING_NO_URING;
	all();
	free(want);
	return tap_end();
}
