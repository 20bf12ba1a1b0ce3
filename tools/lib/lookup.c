// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * An object's bytes as an address. Here for the module: a mapping of an object fd, or
 * a copy made by GET.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend.h"

/* Found again by another version each time: somebody puts it without end. */
#define TRIES	64

/**
 * struct held - what a lookup of the module's holds
 * @map: the mapping, or NULL
 * @len: its bytes
 * @bytes: the copy, where there is no mapping
 */
struct held {
	void *map;
	size_t len;
	char bytes[];
};

static struct held *copy(struct zc_cache *cache, const struct zc_lookup *lookup,
			 const struct zc_stat *stat, int *err)
{
	struct held *held = malloc(sizeof(*held) + stat->data_len);
	struct zc_get get = {
		.flags = lookup->flags & ZC_LOOKUP_EXPIRED_OK ? ZC_GET_EXPIRED_OK : 0,
		.key = zc_ptr(lookup->key), .key_len = lookup->key_len,
		.generation = stat->generation, .buf_len = stat->data_len,
		.miss_tag = lookup->miss_tag,
	};

	*err = -ENOMEM;
	if (!held)
		return NULL;
	held->map = NULL;
	get.buf = zc_ptr(held->bytes);
	*err = zc_get(cache, &get);
	if (!*err)
		return held;
	free(held);
	return NULL;
}

static struct held *map(struct zc_cache *cache, const struct zc_lookup *lookup,
			const struct zc_stat *stat, int *err)
{
#ifdef ZC_NO_MMAP
	return copy(cache, lookup, stat, err);
#else
	struct held *held = malloc(sizeof(*held));
	struct zc_open open = {
		.flags = lookup->flags & ZC_LOOKUP_EXPIRED_OK ? ZC_OPEN_EXPIRED_OK : 0,
		.key = zc_ptr(lookup->key), .key_len = lookup->key_len,
		.generation = stat->generation, .miss_tag = lookup->miss_tag,
	};
	int fd;

	*err = -ENOMEM;
	if (!held)
		return NULL;
	fd = zc_open_object(cache, &open);
	*err = fd < 0 ? fd : 0;
	if (fd >= 0) {
		held->len = open.data_len;
		held->map = mmap(NULL, held->len, PROT_READ, MAP_SHARED, fd, 0);
		if (held->map == MAP_FAILED)
			*err = -errno;
		close(fd);
	}
	if (!*err)
		return held;
	free(held);
	return NULL;
#endif
}

/* STAT counts no misses. -EAGAIN: it has come meanwhile. */
static int count_miss(struct zc_cache *cache, const struct zc_lookup *lookup)
{
	struct zc_get get = {
		.flags = lookup->flags & ZC_LOOKUP_EXPIRED_OK ? ZC_GET_EXPIRED_OK : 0,
		.key = zc_ptr(lookup->key), .key_len = lookup->key_len,
		.miss_tag = lookup->miss_tag,
	};
	int err = zc_get(cache, &get);

	return err ? err : -EAGAIN;
}

/**
 * zc_lookup_calls() - zc_lookup() of a back end that has no better way
 * @cache: the store
 * @lookup: the call
 * @threshold: objects of so many bytes and more are mapped
 *
 * The version is asked for first, which counts nothing; then that one is fetched.
 *
 * Return: 0 or -errno, see zcache.h.
 */
int zc_lookup_calls(struct zc_cache *cache, struct zc_lookup *lookup, uint64_t threshold)
{
	struct held *held = NULL;
	struct zc_stat stat;
	int err, tries = 0;

	do {
		stat = (struct zc_stat) {
			.flags = lookup->flags & ZC_LOOKUP_EXPIRED_OK ? ZC_STAT_EXPIRED_OK : 0,
			.key = zc_ptr(lookup->key), .key_len = lookup->key_len,
			.generation = lookup->generation,
		};
		err = zc_stat(cache, &stat);
		if (err == -ENOENT)
			err = count_miss(cache, lookup);
		if (err == -EAGAIN)
			continue;
		if (err)
			return err;
		if (stat.data_len && stat.data_len >= threshold &&
		    !(stat.state & ZC_STATE_INLINE))
			held = map(cache, lookup, &stat, &err);
		else
			held = copy(cache, lookup, &stat, &err);
	} while (!held && (err == -EAGAIN || (err == -ESTALE && !lookup->generation)) &&
		 ++tries < TRIES);
	if (!held)
		return err == -EAGAIN ? -ENOENT : err;
	lookup->data = held->map ? held->map : held->bytes;
	lookup->mapped = held->map != NULL;
	lookup->data_len = stat.data_len;
	lookup->generation = stat.generation;
	lookup->expires_ns = stat.expires_ns;
	lookup->state = stat.state;
	lookup->held = held;
	return 0;
}

/** zc_release_calls() - the end of zc_lookup_calls() */
void zc_release_calls(struct zc_lookup *lookup)
{
	struct held *held = lookup->held;

	if (held->map)
		munmap(held->map, held->len);
	free(held);
}
