/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/* What rings know of a pool; the library's own, not installed. */
#ifndef ZC_POOL_H
#define ZC_POOL_H

#include "zcache_io.h"

/**
 * zcp_index() - finds the buffer that memory lies in
 * @pool: whose buffer
 * @p: first byte
 * @len: how much
 *
 * Return: the index, or -1 if it is not all in one buffer.
 */
int zcp_index(const struct zc_pool *pool, const void *p, uint64_t len);

/**
 * zcp_buffer() - where a buffer is
 * @pool: whose
 * @index: which
 *
 * Return: its address.
 */
void *zcp_buffer(const struct zc_pool *pool, unsigned int index);

/**
 * zcp_hold() - keeps a pool from being freed
 * @pool: which
 */
void zcp_hold(struct zc_pool *pool);

/**
 * zcp_release() - undoes zcp_hold()
 * @pool: which
 */
void zcp_release(struct zc_pool *pool);

#endif /* ZC_POOL_H */
