// SPDX-License-Identifier: GPL-2.0-only
/* Aligned buffers, and the pool of buffers with many threads. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "io_util.h"
#include "tap.h"

static void aligned(void)
{
	static const size_t alignments[] = { 8, 64, 512, 4096, 65536, 2 << 20 };
	struct zc_aligned buf = { .size = 7 };
	size_t i, k;
	int zeros = 0, good = 0;

	for (i = 0; i < 6; i++) {
		if (zc_aligned_alloc(&buf, alignments[i] + 1, alignments[i]))
			continue;
		good += !((uintptr_t)buf.data % alignments[i]) && buf.size == 2 * alignments[i] &&
			buf.alignment == alignments[i];
		for (k = 0; k < buf.size && !((char *)buf.data)[k]; k++)
			;
		zeros += k == buf.size;
		memset(buf.data, 1, buf.size);
		zc_aligned_free(&buf);
	}
	is_int(good, 6, "address and size are multiples of each alignment");
	is_int(zeros, 6, "all is zero");
	ok(!buf.data && !buf.size, "freeing clears it");
	zc_aligned_free(&buf);
	zc_aligned_free(NULL);
	is_int(zc_aligned_alloc(&buf, 1, 0), 0, "there is a default");
	is_int(buf.size, 4096, "of 4096");
	zc_aligned_free(&buf);
	is_int(zc_aligned_alloc(&buf, 1, 4), -EINVAL, "4 is too small");
	is_int(zc_aligned_alloc(&buf, 1, 24), -EINVAL, "24 is no power of two");
	is_int(zc_aligned_alloc(&buf, 0, 0), -EINVAL, "nothing has no buffer");
	is_int(zc_aligned_alloc(&buf, SIZE_MAX, 0), -EINVAL, "nor has everything");
	is_int(zc_aligned_alloc(NULL, 1, 0), -EINVAL, "it needs a place for the result");
}

static void one_thread(void)
{
	struct zc_pool *pool = NULL;
	void *buf[4], *more = &buf;
	int i, good = 0;

	is_int(zc_pool_new(0, 1, 0, &pool), -EINVAL, "buffers have a size");
	is_int(zc_pool_new((1 << 30) + 1UL, 1, 0, &pool), -EINVAL, "of at most 1 GiB");
	is_int(zc_pool_new(1, 0, 0, &pool), -EINVAL, "there is one at least");
	is_int(zc_pool_new(1, 16385, 0, &pool), -EINVAL, "and 16384 at most");
	is_int(zc_pool_new(1, 1, 3, &pool), -EINVAL, "with an alignment that is one");
	ok(!pool, "the result stays as it was");
	is_int(zc_pool_new(5000, 4, 512, &pool), 0, "a pool");
	is_int(zc_pool_buffer_size(pool), 5120, "rounds the size up");
	is_int(zc_pool_count(pool), 4, "has so many");
	for (i = 0; i < 4; i++) {
		good += zc_pool_get(pool, 0, &buf[i]) == i && !((uintptr_t)buf[i] % 512);
		memset(buf[i], i, 5120);
	}
	is_int(good, 4, "gives each out, aligned");
	is_int(zc_pool_free_count(pool), 0, "then none is left");
	is_int(zc_pool_get(pool, 0, &more), -EAGAIN, "and none is to be had");
	is_int(zc_pool_get(pool, 5, &more), -EAGAIN, "nor after 5 ms");
	is_int(zc_pool_get(pool, -2, &more), -EINVAL, "a time cannot be below -1");
	ok(more == &buf, "the address stays as it was");
	is_int(zc_pool_free(pool), -EBUSY, "it cannot be ended meanwhile");
	is_int(zc_pool_put(pool, buf[2]), 0, "one comes back");
	is_int(zc_pool_put(pool, buf[2]), -EALREADY, "but once");
	is_int(zc_pool_put(pool, (char *)buf[1] + 8), -EINVAL, "within a buffer is no buffer");
	is_int(zc_pool_put(pool, &pool), -EINVAL, "nor is something else");
	is_int(zc_pool_put(pool, NULL), -EINVAL, "or nothing");
	is_int(zc_pool_put(pool, (char *)buf[0] + 4 * 5120), -EINVAL, "or what is behind the last");
	is_int(zc_pool_free_count(pool), 1, "so one is in");
	is_int(zc_pool_get(pool, -1, &more), 2, "and goes out again");
	ok(more == buf[2] && ((char *)more)[5119] == 2, "as it was left");
	for (i = 0; i < 4; i++)
		zc_pool_put(pool, buf[i]);
	is_int(zc_pool_free(pool), 0, "when all are in it ends");
	is_int(zc_pool_free(NULL), 0, "ending nothing is allowed");
}

enum { THREADS = 6, BUFFERS = 3, ROUNDS = 20000 };
static atomic_int owners[BUFFERS], clashes, twice;

static void *take_turns(void *arg)
{
	struct zc_pool *pool = arg;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		int *buf, index = zc_pool_get(pool, -1, (void **)&buf);

		if (index < 0 || atomic_fetch_add(&owners[index], 1))
			atomic_fetch_add(&clashes, 1);
		/* Unlocked: ThreadSanitizer sees it if two ever have the buffer. */
		buf[0]++;
		atomic_fetch_sub(&owners[index], 1);
		if (zc_pool_put(pool, buf))
			atomic_fetch_add(&clashes, 1);
	}
	return NULL;
}

static void many_threads(void)
{
	pthread_t thread[THREADS];
	struct zc_pool *pool;
	int i, sum = 0, *buf[BUFFERS];

	if (zc_pool_new(64, BUFFERS, 64, &pool))
		exit(1);
	for (i = 0; i < THREADS; i++)
		pthread_create(&thread[i], NULL, take_turns, pool);
	for (i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	is_int(clashes, 0, "no buffer is with two threads");
	for (i = 0; i < BUFFERS; i++) {
		zc_pool_get(pool, 0, (void **)&buf[i]);
		sum += buf[i][0];
	}
	is_int(sum, THREADS * ROUNDS, "and each turn had one");
	for (i = 0; i < BUFFERS; i++)
		zc_pool_put(pool, buf[i]);
	is_int(zc_pool_free(pool), 0, "all came back");
}

struct both {
	struct zc_pool *pool;
	void *buf;
};

static void *put_it(void *arg)
{
	struct both *b = arg;

	if (zc_pool_put(b->pool, b->buf) == -EALREADY)
		atomic_fetch_add(&twice, 1);
	return NULL;
}

static void put_twice_at_once(void)
{
	struct both b;
	pthread_t thread[2];
	int i;

	if (zc_pool_new(64, 2, 64, &b.pool))
		exit(1);
	for (i = 0; i < 200; i++) {
		zc_pool_get(b.pool, 0, &b.buf);
		pthread_create(&thread[0], NULL, put_it, &b);
		pthread_create(&thread[1], NULL, put_it, &b);
		pthread_join(thread[0], NULL);
		pthread_join(thread[1], NULL);
	}
	is_int(twice, 200, "of two threads that give one buffer back, one is refused");
	is_int(zc_pool_free_count(b.pool), 2, "and there are no more than before");
	zc_pool_free(b.pool);
}

static void *wait_for_one(void *arg)
{
	void *buf;

	return (void *)(intptr_t)zc_pool_get(arg, -1, &buf);
}

static void woken(void)
{
	struct zc_pool *pool;
	pthread_t thread;
	void *buf, *index;

	if (zc_pool_new(64, 1, 64, &pool))
		exit(1);
	zc_pool_get(pool, 0, &buf);
	pthread_create(&thread, NULL, wait_for_one, pool);
	sched_yield();
	zc_pool_put(pool, buf);
	pthread_join(thread, &index);
	is_int((intptr_t)index, 0, "who waits gets what comes back");
	zc_pool_put(pool, buf);
	zc_pool_free(pool);
}

int main(void)
{
	aligned();
	one_thread();
	many_threads();
	put_twice_at_once();
	woken();
	return tap_end();
}
