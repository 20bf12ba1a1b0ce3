// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that is not to be had: each allocation of each constructor fails in turn, and what
 * it had taken by then is given back.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "io_util.h"
#include "tap.h"
#include "util.h"

/* The allocation that fails, counted from 1, or 0; how many there were, and are left. */
static int failing, allocations, left;

static bool fails(void)
{
	return ++allocations == failing;
}

/* As the linker names them: --wrap. */
void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_malloc(size_t n)
{
	void *p = fails() ? NULL : __real_malloc(n);

	left += !!p;
	return p;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	void *p = fails() ? NULL : __real_calloc(n, size);

	left += !!p;
	return p;
}

int __real_posix_memalign(void **p, size_t alignment, size_t size);
int __wrap_posix_memalign(void **p, size_t alignment, size_t size);
int __wrap_posix_memalign(void **p, size_t alignment, size_t size)
{
	int err = fails() ? ENOMEM : __real_posix_memalign(p, alignment, size);

	left += !err;
	return err;
}

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	left -= !!p;
	__real_free(p);
}

static int fd;
static char sink[200000];

static int make_aligned(void)
{
	struct zc_aligned buf;
	int err = zc_aligned_alloc(&buf, 1, 0);

	if (!err)
		zc_aligned_free(&buf);
	return err;
}

static int make_pool(void)
{
	struct zc_pool *pool;
	int err = zc_pool_new(1, 1, 0, &pool);

	return err ? err : zc_pool_free(pool);
}

static int ring(uint32_t flags)
{
	struct iovec iov = { sink, 10 };
	struct zc_ring_conf conf;
	struct zc_ring *r;
	ssize_t n;
	int err;

	zc_ring_conf_init(&conf);
	conf.flags = flags;
	err = zc_ring_new(&conf, &r);
	if (err)
		return err;
	n = zc_ring_readv_at(r, fd, &iov, 1, 0);
	zc_ring_free(r);
	return n < 0 ? (int)n : 0;
}

static int make_ring(void)
{
	return ring(0);
}

static int make_plain_ring(void)
{
	return ring(ZC_RING_NO_URING);
}

static int make_map(void)
{
	struct zc_map *map;
	int err = zc_map_open(fd, NULL, &map);

	if (!err)
		zc_map_close(map);
	return err == -EOPNOTSUPP ? 0 : err;
}

static int make_writer(void)
{
	int file = io_file("", 0, 0), err;
	struct zc_writer *w;

	err = zc_writer_new(file, NULL, &w);
	if (!err)
		err = zc_writer_write(w, sink, 1000);
	if (!err)
		err = zc_writer_close(w, NULL);
	close(file);
	return err;
}

static int reader(int use_io_uring, int use_mmap)
{
	struct zc_reader_conf conf;
	struct zc_reader *r;
	int err;

	zc_reader_conf_init(&conf);
	conf.use_io_uring = use_io_uring;
	conf.use_mmap = use_mmap;
	conf.prefetch_size = 65536;
	err = zc_open_reader_fd(fd, &conf, &r);
	if (err)
		return err;
	err = zc_reader_read(r, sink, sizeof(sink)) == sizeof(sink) ? 0 : -EIO;
	zc_reader_close(r);
	return err;
}

static int make_reader(void)
{
	return reader(1, 1);
}

static int make_ring_reader(void)
{
	return reader(1, 0);
}

static int make_map_reader(void)
{
	return reader(0, 1);
}

static int make_pread_reader(void)
{
	return reader(0, 0);
}

static void sweep(const char *name, int (*make)(void))
{
	int i, before, err, nr, bad = 0, refused = 0;
	char text[100];

	/* Once for what is made once and for all. */
	failing = 0;
	make();
	allocations = 0;
	err = make();
	nr = allocations;
	if (err)
		bad++;
	for (i = 1; i <= nr; i++) {
		before = left;
		allocations = 0;
		failing = i;
		err = make();
		failing = 0;
		/* Another way may have been taken instead; nothing else may be said. */
		bad += (err && err != -ENOMEM) || left != before;
		refused += !!err;
	}
	snprintf(text, sizeof(text), "%s: each of %d allocations fails, nothing is lost", name, nr);
	is_int(bad, 0, text);
	ok(refused || nr == 0, "and that is told");
}

int main(void)
{
	unsigned char *want;

	test_folder();
	want = io_bytes(sizeof(sink));
	fd = io_file(want, sizeof(sink), 0);
	free(want);
	sweep("aligned", make_aligned);
	sweep("pool", make_pool);
	sweep("ring", make_ring);
	sweep("ring without io_uring", make_plain_ring);
	sweep("map", make_map);
	sweep("writer", make_writer);
	sweep("reader", make_reader);
	sweep("reader by a ring", make_ring_reader);
	sweep("reader by a map", make_map_reader);
	sweep("reader by pread", make_pread_reader);
	close(fd);
	return tap_end();
}
