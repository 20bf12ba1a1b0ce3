// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* A pool of buffers: one piece of memory, and a stack of the indices that are in. */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "pool.h"

#define MAX_COUNT 16384
#define MAX_SIZE (1ULL << 30)

/*
 * memory, buffer_size and count are not written after zc_pool_new(), so a ring looks at
 * them without the lock.
 */
struct zc_pool {
	struct zc_aligned memory;
	size_t buffer_size;
	unsigned int count;
	pthread_mutex_t lock;	/* protects all below */
	pthread_cond_t back;	/* a buffer came back */
	unsigned int nr_in;	/* of stack, the indices of the buffers that are in */
	unsigned int holders;
	unsigned int *stack;
	bool *out;
};

static void release(struct zc_pool *pool)
{
	zc_aligned_free(&pool->memory);
	free(pool->stack);
	free(pool->out);
	free(pool);
}

int zc_pool_new(size_t buffer_size, unsigned int count, size_t alignment, struct zc_pool **result)
{
	pthread_condattr_t clock;
	struct zc_pool *pool;
	unsigned int i;
	int err;

	if (!alignment)
		alignment = 4096;
	if (!result || !buffer_size || buffer_size > MAX_SIZE || !count || count > MAX_COUNT ||
	    alignment > MAX_SIZE || (alignment & (alignment - 1)))
		return -EINVAL;
	buffer_size = (buffer_size + alignment - 1) & ~(alignment - 1);
	if (buffer_size > SIZE_MAX / 4 / count)
		return -ENOMEM;
	pool = calloc(1, sizeof(*pool));
	if (!pool)
		return -ENOMEM;
	pool->buffer_size = buffer_size;
	pool->count = count;
	pool->nr_in = count;
	pool->stack = calloc(count, sizeof(*pool->stack));
	pool->out = calloc(count, sizeof(*pool->out));
	err = pool->stack && pool->out ?
		zc_aligned_alloc(&pool->memory, buffer_size * count, alignment) : -ENOMEM;
	if (err) {
		release(pool);
		return err;
	}
	/* The lowest index is the first to go out, and what came back last the next. */
	for (i = 0; i < count; i++)
		pool->stack[i] = count - 1 - i;
	pthread_mutex_init(&pool->lock, NULL);
	/* Time outs do not depend on somebody setting the clock. */
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->back, &clock);
	pthread_condattr_destroy(&clock);
	*result = pool;
	return 0;
}

int zc_pool_free(struct zc_pool *pool)
{
	bool busy;

	if (!pool)
		return 0;
	pthread_mutex_lock(&pool->lock);
	busy = pool->holders || pool->nr_in != pool->count;
	pthread_mutex_unlock(&pool->lock);
	if (busy)
		return -EBUSY;
	pthread_cond_destroy(&pool->back);
	pthread_mutex_destroy(&pool->lock);
	release(pool);
	return 0;
}

static struct timespec deadline(int timeout_ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += timeout_ms / 1000;
	t.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

int zc_pool_get(struct zc_pool *pool, int timeout_ms, void **buf)
{
	struct timespec until;
	int index = -EAGAIN, err = 0;

	if (!buf || timeout_ms < -1)
		return -EINVAL;
	if (timeout_ms > 0)
		until = deadline(timeout_ms);
	pthread_mutex_lock(&pool->lock);
	while (!pool->nr_in && timeout_ms && !err)
		err = timeout_ms < 0 ? pthread_cond_wait(&pool->back, &pool->lock) :
			pthread_cond_timedwait(&pool->back, &pool->lock, &until);
	if (pool->nr_in) {
		index = pool->stack[--pool->nr_in];
		pool->out[index] = true;
		*buf = zcp_buffer(pool, index);
	}
	pthread_mutex_unlock(&pool->lock);
	return index;
}

int zc_pool_put(struct zc_pool *pool, void *buf)
{
	int index = zcp_index(pool, buf, pool->buffer_size), err = 0;

	/* Which it is not either if it is some byte within a buffer. */
	if (index < 0)
		return -EINVAL;
	pthread_mutex_lock(&pool->lock);
	if (pool->out[index]) {
		pool->out[index] = false;
		pool->stack[pool->nr_in++] = index;
		pthread_cond_signal(&pool->back);
	} else {
		err = -EALREADY;
	}
	pthread_mutex_unlock(&pool->lock);
	return err;
}

size_t zc_pool_buffer_size(const struct zc_pool *pool)
{
	return pool->buffer_size;
}

unsigned int zc_pool_count(const struct zc_pool *pool)
{
	return pool->count;
}

unsigned int zc_pool_free_count(struct zc_pool *pool)
{
	unsigned int n;

	pthread_mutex_lock(&pool->lock);
	n = pool->nr_in;
	pthread_mutex_unlock(&pool->lock);
	return n;
}

int zcp_index(const struct zc_pool *pool, const void *p, uint64_t len)
{
	uintptr_t at = (uintptr_t)p - (uintptr_t)pool->memory.data;

	/* An address below the memory is far above it after the subtraction. */
	if (at >= pool->buffer_size * pool->count ||
	    len > pool->buffer_size - at % pool->buffer_size)
		return -1;
	return at / pool->buffer_size;
}

void *zcp_buffer(const struct zc_pool *pool, unsigned int index)
{
	return (char *)pool->memory.data + pool->buffer_size * index;
}

void zcp_hold(struct zc_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->holders++;
	pthread_mutex_unlock(&pool->lock);
}

void zcp_release(struct zc_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	pool->holders--;
	pthread_mutex_unlock(&pool->lock);
}
