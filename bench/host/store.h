/* SPDX-License-Identifier: GPL-2.0-only */
/* A mirror, and beside it the same bytes as plain files, as who has no cache keeps them. */
#ifndef HOST_STORE_H
#define HOST_STORE_H

#include <stddef.h>
#include <stdint.h>

struct zc_cache;

/**
 * store_open() - makes the folder and an empty mirror
 *
 * Both are removed at the end of the process.
 *
 * Return: 0 or -errno.
 */
int store_open(void);

/**
 * store_cache() - the mirror
 *
 * Return: its handle.
 */
struct zc_cache *store_cache(void);

/**
 * store_add() - puts an object into the mirror and writes a file
 * @name: of both; the key without a terminating 0
 * @data: the bytes of both
 * @size: their number
 *
 * Return: 0 or -errno.
 */
int store_add(const char *name, const void *data, size_t size);

/**
 * store_path() - the file of a name
 * @name: of the file
 * @path: gets the path
 * @room: bytes there
 */
void store_path(const char *name, char *path, size_t room);

#endif /* HOST_STORE_H */
