// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The mapped reader: a position, and a window that moves to it. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "map.h"
#include "map_fault.h"

void zc_map_conf_init(struct zc_map_conf *conf)
{
	*conf = (struct zc_map_conf){
		.size = sizeof(*conf),
		.advice = ZC_ADVICE_SEQUENTIAL,
	};
}

#ifdef ZC_NO_MMAP
int zc_map_open(int fd, const struct zc_map_conf *conf, struct zc_map **result)
{
	(void)fd;
	(void)conf;
	(void)result;
	return -EOPNOTSUPP;
}

/* Nobody has a map to call these for. */
void zc_map_close(struct zc_map *map) { (void)map; }
int zc_map_seek(struct zc_map *map, uint64_t offset) { (void)map; (void)offset; return -EIO; }
uint64_t zc_map_tell(const struct zc_map *map) { (void)map; return 0; }
uint64_t zc_map_size(const struct zc_map *map) { (void)map; return 0; }
uint64_t zc_map_remaining(const struct zc_map *map) { (void)map; return 0; }
int zc_map_advise(struct zc_map *map, unsigned int advice) { (void)map; (void)advice; return -EIO; }
int zc_map_check(struct zc_map *map) { (void)map; return -EIO; }

int zc_map_data(struct zc_map *map, const void **data, size_t *len)
{
	(void)map;
	(void)data;
	(void)len;
	return -EIO;
}

ssize_t zc_map_read(struct zc_map *map, void *buf, size_t len)
{
	(void)map;
	(void)buf;
	(void)len;
	return -EIO;
}

void *zcf_window(const struct zc_map *map, uint64_t *offset, size_t *len)
{
	(void)map;
	*offset = 0;
	*len = 0;
	return NULL;
}
#else

/* What page tables can map at once, if the file's pages are that large. */
#define LARGE (2ULL << 20)

struct zc_map {
	int fd;
	struct zcf_range *range;
	char *base;		/* the window, or NULL */
	size_t len;		/* of the window */
	uint64_t start;		/* its offset in the file */
	uint64_t size, pos;
	uint64_t max;		/* of len; a multiple of the page size */
	unsigned int flags, advice;
	bool shorter;		/* found by its size and not by a fault */
};

static bool failed(const struct zc_map *map)
{
	return map->shorter || zcf_failed(map->range);
}

int zc_map_check(struct zc_map *map)
{
	struct stat st;

	if (!failed(map) && fstat(map->fd, &st))
		return -errno;
	if (!failed(map) && (uint64_t)st.st_size < map->size)
		map->shorter = true;
	return failed(map) ? -EIO : 0;
}

static void unmap(struct zc_map *map)
{
	if (!map->base)
		return;
	/* The address may be another mapping's as soon as it is not this one's. */
	zcf_set(map->range, NULL, 0);
	munmap(map->base, map->len);
	if (map->advice == ZC_ADVICE_DONTNEED)
		posix_fadvise(map->fd, map->start, map->len, POSIX_FADV_DONTNEED);
	map->base = NULL;
}

/* Advice is a hint: that a file does not take one is no reason not to read it. */
static void advise(struct zc_map *map)
{
	static const int advices[] = {
		[ZC_ADVICE_NORMAL] = MADV_NORMAL,
		[ZC_ADVICE_SEQUENTIAL] = MADV_SEQUENTIAL,
		[ZC_ADVICE_RANDOM] = MADV_RANDOM,
		[ZC_ADVICE_WILLNEED] = MADV_WILLNEED,
		[ZC_ADVICE_DONTNEED] = MADV_SEQUENTIAL,
	};

	if (map->base)
		madvise(map->base, map->len, advices[map->advice]);
}

static int move_window(struct zc_map *map)
{
	uint64_t start = 0, len = map->size;
	void *base;
	int err;

	if (len > map->max) {
		uint64_t unit = map->max >= 2 * LARGE ? LARGE : (uint64_t)sysconf(_SC_PAGESIZE);

		start = map->pos & ~(unit - 1);
		len = map->size - start < map->max ? map->size - start : map->max;
	}
	unmap(map);
	err = zc_map_check(map);
	if (err)
		return err;
	base = mmap(NULL, len, PROT_READ,
		    MAP_SHARED | (map->flags & ZC_MAP_POPULATE ? MAP_POPULATE : 0), map->fd, start);
	if (base == MAP_FAILED)
		return -errno;
	map->base = base;
	map->start = start;
	map->len = len;
	zcf_set(map->range, base, len);
	if (map->advice != ZC_ADVICE_NORMAL)
		advise(map);
	return 0;
}

static int prepare(struct zc_map *map, int fd)
{
	struct stat st;
	int err;

	map->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (map->fd < 0 || fstat(map->fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (map->max > SIZE_MAX / 2) {
		if ((uint64_t)st.st_size > SIZE_MAX / 2)
			return -EOVERFLOW;
		map->max = SIZE_MAX / 2;
	}
	map->size = st.st_size;
	err = zcf_add(&map->range);
	/* So that a file that cannot be mapped is known as such now. */
	return err || !map->size ? err : move_window(map);
}

int zc_map_open(int fd, const struct zc_map_conf *conf, struct zc_map **result)
{
	uint64_t page = sysconf(_SC_PAGESIZE);
	struct zc_map_conf defaults;
	struct zc_map *map;
	int err;

	if (!conf) {
		zc_map_conf_init(&defaults);
		conf = &defaults;
	}
	if (!result || conf->size != sizeof(*conf) || conf->flags & ~ZC_MAP_POPULATE ||
	    conf->advice > ZC_ADVICE_DONTNEED || conf->reserved)
		return -EINVAL;
	map = calloc(1, sizeof(*map));
	if (!map)
		return -ENOMEM;
	map->max = conf->max_bytes && conf->max_bytes < UINT64_MAX - page ?
		(conf->max_bytes + page - 1) & ~(page - 1) : UINT64_MAX;
	map->flags = conf->flags;
	map->advice = conf->advice;
	err = prepare(map, fd);
	if (err) {
		zc_map_close(map);
		return err;
	}
	*result = map;
	return 0;
}

void zc_map_close(struct zc_map *map)
{
	if (!map)
		return;
	unmap(map);
	zcf_del(map->range);
	if (map->fd >= 0)
		close(map->fd);
	free(map);
}

int zc_map_data(struct zc_map *map, const void **data, size_t *len)
{
	int err = failed(map) ? -EIO : 0;

	if (!err && map->pos == map->size) {
		err = zc_map_check(map);
		if (!err)
			*len = 0;
		return err;
	}
	if (!err && (!map->base || map->pos < map->start || map->pos - map->start >= map->len))
		err = move_window(map);
	if (err)
		return err;
	*data = map->base + (map->pos - map->start);
	*len = map->len - (map->pos - map->start);
	return 0;
}

ssize_t zc_map_read(struct zc_map *map, void *buf, size_t len)
{
	uint64_t from = map->pos;
	size_t done = 0, n;
	const void *data;
	int err = 0;

	if (len > SIZE_MAX / 2)
		len = SIZE_MAX / 2;
	while (!err && done < len) {
		err = zc_map_data(map, &data, &n);
		if (err || !n)
			break;
		if (n > len - done)
			n = len - done;
		memcpy((char *)buf + done, data, n);
		done += n;
		map->pos += n;
		/* The bytes may be the zeros of a fault, or of a last page that was cut. */
		if (map->pos == map->size)
			err = zc_map_check(map);
		else if (failed(map))
			err = -EIO;
	}
	if (!err)
		return done;
	map->pos = from;
	return err;
}

int zc_map_seek(struct zc_map *map, uint64_t offset)
{
	if (failed(map))
		return -EIO;
	if (offset > map->size)
		return -EINVAL;
	map->pos = offset;
	return 0;
}

uint64_t zc_map_tell(const struct zc_map *map)
{
	return map->pos;
}

uint64_t zc_map_size(const struct zc_map *map)
{
	return map->size;
}

uint64_t zc_map_remaining(const struct zc_map *map)
{
	return map->size - map->pos;
}

int zc_map_advise(struct zc_map *map, unsigned int advice)
{
	if (advice > ZC_ADVICE_DONTNEED)
		return -EINVAL;
	if (failed(map))
		return -EIO;
	map->advice = advice;
	advise(map);
	return 0;
}

void *zcf_window(const struct zc_map *map, uint64_t *offset, size_t *len)
{
	*offset = map->start;
	*len = map->base ? map->len : 0;
	return map->base;
}
#endif
