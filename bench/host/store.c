// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zcache.h>

#include "host_bench.h"
#include "store.h"

static char folder[500];
static struct zc_cache *cache;
static pid_t owner;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void remove_all(void)
{
	/* Not those of whoever forked. */
	if (getpid() != owner)
		return;
	zc_close(cache);
	nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int store_open(void)
{
	char name[600];
	int err;

	snprintf(folder, sizeof(folder), "%s/zcache-bench-XXXXXX", hb_dir());
	if (!mkdtemp(folder))
		return -errno;
	owner = getpid();
	atexit(remove_all);
	snprintf(name, sizeof(name), "%s/mirror", folder);
	err = zc_mirror_create(name, NULL);
	if (err)
		return err;
	snprintf(name, sizeof(name), "mirror:%s/mirror", folder);
	return zc_open(name, O_RDWR, &cache);
}

struct zc_cache *store_cache(void)
{
	return cache;
}

void store_path(const char *name, char *path, size_t room)
{
	snprintf(path, room, "%s/%s", folder, name);
}

int store_add(const char *name, const void *data, size_t size)
{
	struct zc_put put = {
		.key = zc_ptr(name), .key_len = strlen(name), .data = zc_ptr(data),
		.data_len = size,
	};
	int err = zc_put(cache, &put), fd;
	char path[600];

	if (err)
		return err;
	store_path(name, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, data, size) != (ssize_t)size)
		err = -EIO;
	/* What is still to be written would be, while rows have their turns. */
	if (!err && fsync(fd))
		err = -errno;
	close(fd);
	return err;
}
