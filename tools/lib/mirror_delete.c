// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * The end of a mirror. Only files that have names as a mirror gives them are removed,
 * and the superblock last: who is killed leaves a mirror, which can be deleted again.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "mirror.h"

#define META_DIGITS	32
#define DATA_DIGITS	16

static bool ours(const char *name, size_t digits)
{
	return strspn(name, "0123456789abcdef") == digits &&
	       (!name[digits] || !strcmp(name + digits, ".m"));
}

/* Calls fn with the mirror's files in a folder, as long as it returns 0. */
static int each(int dir, const char *folder, size_t digits, int (*fn)(int dir, const char *name))
{
	int fd = openat(dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct dirent *d;
	DIR *stream;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	stream = fdopendir(fd);
	if (!stream) {
		close(fd);
		return -ENOMEM;
	}
	errno = 0;
	while (!err && (d = readdir(stream))) {
		if (ours(d->d_name, digits))
			err = fn(fd, d->d_name);
		errno = 0;
	}
	if (!err)
		err = -errno;
	closedir(stream);
	return err;
}

static int there_is_one(int dir, const char *name)
{
	(void)dir;
	(void)name;
	return -ENOTEMPTY;
}

static int remove_file(int dir, const char *name)
{
	return unlinkat(dir, name, 0) && errno != ENOENT ? -errno : 0;
}

/* Who has the mirror open may put files there meanwhile; what is not ours stays. */
static int remove_folder(int dir, const char *folder, size_t digits)
{
	int err = each(dir, folder, digits, remove_file);

	while (!err && unlinkat(dir, folder, AT_REMOVEDIR)) {
		if (errno != ENOTEMPTY)
			return errno == ENOENT ? 0 : -errno;
		if (!each(dir, folder, digits, there_is_one))
			return -ENOTEMPTY;
		err = each(dir, folder, digits, remove_file);
	}
	return err;
}

static int of_256(int dir, const char *folder, size_t digits,
		  int (*fn)(int dir, const char *folder, size_t digits))
{
	char path[ZCM_NAME];
	unsigned int i;
	int err = 0;

	for (i = 0; i < 256 && !err; i++) {
		snprintf(path, sizeof(path), "%s/%02x", folder, i);
		err = fn(dir, path, digits);
	}
	return err;
}

static int is_empty(int dir, const char *folder, size_t digits)
{
	return each(dir, folder, digits, there_is_one);
}

/* fill first: nothing can be begun any more. */
static int remove_all(int dir)
{
	int err = remove_file(dir, "index");

	if (!err)
		err = remove_folder(dir, "fill", DATA_DIGITS);
	if (!err)
		err = of_256(dir, "meta", META_DIGITS, remove_folder);
	if (!err)
		err = remove_folder(dir, "meta", META_DIGITS);
	if (!err)
		err = of_256(dir, "data", DATA_DIGITS, remove_folder);
	if (!err)
		err = remove_folder(dir, "data", DATA_DIGITS);
	if (!err)
		err = remove_file(dir, "store.new");
	if (!err)
		err = remove_file(dir, "store");
	return err;
}

/* What is over goes when somebody looks, and does not count as an object. */
static void sweep(const char *path)
{
	struct zc_cache *cache;

	if (!zc_backend_mirror.open(path, O_RDWR, &cache))
		zc_close(cache);
}

/**
 * zc_mirror_delete() - remove the files of a mirror, and its folder if nothing else is in it
 * @path: the folder
 * @flags: 0 or ZC_MIRROR_FORCE
 *
 * Return: 0 or -errno, see zcache.h.
 */
int zc_mirror_delete(const char *path, unsigned int flags)
{
	bool force = flags & ZC_MIRROR_FORCE;
	struct zcm_super super;
	int dir, err;

	if (!path || !*path || flags & ~ZC_MIRROR_FORCE)
		return -EINVAL;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOTDIR ? -EMEDIUMTYPE : -errno;
	err = zcm_super_read(dir, &super);
	if (err == -EUCLEAN && force)
		err = 0;
	if (!err && !force)
		sweep(path);
	if (!err && flock(dir, LOCK_EX | LOCK_NB) && !force)
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	if (!err && !force)
		err = of_256(dir, "meta", META_DIGITS, is_empty);
	if (!err)
		err = remove_all(dir);
	close(dir);
	/* It may be one that was there before, and that nobody may remove. */
	if (!err)
		rmdir(path);
	return err;
}
