// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The mirror's superblock DIR/store, and making a mirror. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mirror.h"

#define MAGIC		"zcmirror"
#define CAPACITY	(1ULL << 30)
#define THRESHOLD	ZCM_PAGE
/* How long to wait for another who makes a mirror of the same folder. */
#define TRIES		1000
#define TRIES_US	10000
#define GRACE_MS	10000	/* as the module has it */

/**
 * zcm_super_read() - read and check a superblock
 * @dir: the folder
 * @super: set to it
 *
 * Return: 0; -EMEDIUMTYPE if the folder is no mirror, -EPROTONOSUPPORT if it is one
 * of another version or machine, -EUCLEAN if it is damaged; what open(2) and
 * read(2) say.
 */
int zcm_super_read(int dir, struct zcm_super *super)
{
	int fd = openat(dir, "store", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT || errno == ELOOP ? -EMEDIUMTYPE : -errno;
	do {
		n = read(fd, super, sizeof(*super));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return n;
	if (n < (ssize_t)sizeof(super->magic) ||
	    memcmp(super->magic, MAGIC, sizeof(super->magic)))
		return -EMEDIUMTYPE;
	if (n < (ssize_t)sizeof(*super))
		return -EUCLEAN;
	if (super->version != ZCM_VERSION || super->size != sizeof(*super))
		return -EPROTONOSUPPORT;
	if (super->crc != zcm_crc(0, super, offsetof(struct zcm_super, crc)) ||
	    !super->max_key_len || super->max_key_len > ZC_KEY_MAX ||
	    super->capacity > INT64_MAX || super->max_object_size > INT64_MAX ||
	    super->default_ttl_ms > ZCM_TTL_MAX_MS)
		return -EUCLEAN;
	return 0;
}

static int write_synced(int fd, const void *data, size_t len)
{
	ssize_t n = write(fd, data, len);

	if (n < 0)
		return -errno;
	if ((size_t)n < len)
		return -ENOSPC;
	return fsync(fd) ? -errno : 0;
}

/**
 * zcm_super_write() - write a superblock in one step
 * @dir: the folder
 * @super: what to write; its sum is set
 * @create: only if there is none
 *
 * Return: 0, -EEXIST, or what the file system says.
 */
int zcm_super_write(int dir, struct zcm_super *super, bool create)
{
	int fd, err;

	super->crc = zcm_crc(0, super, offsetof(struct zcm_super, crc));
	/*
	 * What a killed process left may be another name of store itself, and what
	 * somebody else put there a link: neither is to be written to.
	 */
	if (unlinkat(dir, "store.new", 0) && errno != ENOENT)
		return -errno;
	fd = openat(dir, "store.new", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return -errno;
	err = write_synced(fd, super, sizeof(*super));
	close(fd);
	if (!err && create && linkat(dir, "store.new", dir, "store", 0))
		err = -errno;
	if (!err && !create && renameat(dir, "store.new", dir, "store"))
		err = -errno;
	/* So that the name is on the disk before a generation above it is given. */
	if (!err && fsync(dir))
		err = -errno;
	if (create || err)
		unlinkat(dir, "store.new", 0);
	return err;
}

static int make_folders(int dir, const char *name)
{
	char path[ZCM_NAME];
	unsigned int i;

	if (mkdirat(dir, name, 0777) && errno != EEXIST)
		return -errno;
	for (i = 0; i < 256; i++) {
		snprintf(path, sizeof(path), "%s/%02x", name, i);
		if (mkdirat(dir, path, 0777) && errno != EEXIST)
			return -errno;
	}
	return 0;
}

/*
 * Whether a folder has nothing in it, but perhaps empty folders as make_folders() makes
 * them: the mirror will take each file in it for one of its own.
 */
static int check_empty(int dir, const char *name, bool folders)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), err = 0;
	struct dirent *d;
	DIR *stream;

	if (fd < 0)
		return errno == ENOENT ? 0 :
		       errno == ENOTDIR || errno == ELOOP ? -ENOTEMPTY : -errno;
	stream = fdopendir(fd);
	if (!stream) {
		close(fd);
		return -ENOMEM;
	}
	errno = 0;
	while (!err && (d = readdir(stream))) {
		const char *n = d->d_name;

		if (!strcmp(n, ".") || !strcmp(n, ".."))
			continue;
		if (folders && strlen(n) == 2 && strspn(n, "0123456789abcdef") == 2)
			err = check_empty(fd, n, false);
		else
			err = -ENOTEMPTY;
		errno = 0;
	}
	if (!err)
		err = -errno;
	closedir(stream);
	return err;
}

/* An index is written to, and files are removed, when the mirror is opened. */
static int check_unused(int dir)
{
	int err = check_empty(dir, "meta", true);
	struct stat st;

	if (!err)
		err = check_empty(dir, "data", true);
	if (!err)
		err = check_empty(dir, "fill", false);
	if (!err && !fstatat(dir, "index", &st, AT_SYMLINK_NOFOLLOW))
		err = -ENOTEMPTY;
	return err;
}

/**
 * zcm_conf_check() - take a configuration into a superblock
 * @super: where to; max_key_len stays unless it is 0
 * @conf: the configuration
 *
 * Return: 0 or -EINVAL, -E2BIG.
 */
int zcm_conf_check(struct zcm_super *super, const struct zc_mirror_conf *conf)
{
	if (conf->size != sizeof(*conf))
		return conf->size < sizeof(*conf) ? -EINVAL : -E2BIG;
	if (conf->flags & ~ZC_MIRROR_DURABLE || conf->max_key_len > ZC_KEY_MAX ||
	    conf->default_ttl_ms > ZCM_TTL_MAX_MS ||
	    conf->capacity > INT64_MAX || conf->max_object_size > INT64_MAX)
		return -EINVAL;
	super->capacity = conf->capacity ?: CAPACITY;
	super->max_object_size = conf->max_object_size ?: super->capacity;
	super->splice_threshold = conf->splice_threshold ?: THRESHOLD;
	super->default_ttl_ms = conf->default_ttl_ms;
	super->grace_ms = conf->grace_ms == ZC_MIRROR_NO_GRACE ? 0 : conf->grace_ms ?: GRACE_MS;
	super->flags = conf->flags;
	if (!super->max_key_len)
		super->max_key_len = conf->max_key_len ?: ZC_KEY_MAX;
	return 0;
}

static bool there_is(int dir)
{
	struct stat st;

	return !fstatat(dir, "store", &st, AT_SYMLINK_NOFOLLOW);
}

/* Has the folder's lock alone, where no mirror is. */
static int alone(int dir)
{
	unsigned int tries = 0;

	while (!there_is(dir)) {
		if (!flock(dir, LOCK_EX | LOCK_NB))
			return there_is(dir) ? -EEXIST : 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return -errno;
		if (++tries == TRIES)
			return -EBUSY;
		usleep(TRIES_US);
	}
	return -EEXIST;
}

/**
 * zc_mirror_create() - make a mirror of a folder
 * @path: the folder; made if it is missing
 * @conf: what it is to be; NULL for all defaults
 *
 * Return: 0 or -errno, see zcache.h.
 */
int zc_mirror_create(const char *path, const struct zc_mirror_conf *conf)
{
	struct zc_mirror_conf defaults = { .size = sizeof(defaults) };
	struct zcm_super super = { .magic = MAGIC, .version = ZCM_VERSION, .size = sizeof(super) };
	int dir, err;

	if (!path || !*path)
		return -EINVAL;
	err = zcm_conf_check(&super, conf ?: &defaults);
	if (err)
		return err;
	if (getrandom(super.hash_key, sizeof(super.hash_key), 0) != sizeof(super.hash_key) ||
	    getrandom(&super.id, sizeof(super.id), 0) != sizeof(super.id))
		return -EIO;
	/* A time that any file system can keep, and that is no time of today. */
	super.id = super.id % 0x30000000 + 1;
	super.high_water = 0;
	if (mkdir(path, 0777) && errno != EEXIST)
		return -errno;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	/* One at a time: each would remove or write what another has begun. */
	err = alone(dir);
	if (!err)
		err = check_unused(dir);
	if (!err)
		err = make_folders(dir, "meta");
	if (!err)
		err = make_folders(dir, "data");
	if (!err && mkdirat(dir, "fill", 0777) && errno != EEXIST)
		err = -errno;
	if (!err)
		err = zcm_super_write(dir, &super, true);
	close(dir);
	return err;
}
