// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "node.h"
#include "stores.h"
#include "system.h"

/* The number that the kernel gave the store. */
static int number_of(const char *name, dev_t *number)
{
	unsigned int major, minor;
	char path[PATH_MAX];
	FILE *f;
	int n;

	f = fopen(sys_path(path, "/sys/class/zcache/zcache!%s/dev", name), "re");
	if (!f)
		return -errno;
	n = fscanf(f, "%u:%u", &major, &minor);
	fclose(f);
	if (n != 2)
		return -EBADMSG;
	*number = makedev(major, minor);
	return 0;
}

/* The file itself, whatever its name comes to mean meanwhile. */
static int open_node(const char *name, struct stat *st)
{
	char path[PATH_MAX];
	dev_t number = 0;
	int err, fd;

	err = number_of(name, &number);
	if (err)
		return err;
	fd = open(sys_path(path, "/dev/zcache/%s", name), O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, st))
		err = -errno;
	else if (!S_ISCHR(st->st_mode) || st->st_rdev != number)
		err = -ENXIO;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* fchmod() does not take a descriptor without rights on the file. */
static int set_mode(int fd, mode_t mode)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return chmod(path, mode) ? -errno : 0;
}

int node_apply(const struct store *s)
{
	struct stat st;
	mode_t mode;
	int fd, err = 0;

	fd = open_node(s->name, &st);
	if (fd < 0)
		return fd;
	mode = st.st_mode & 07777;
	if (st.st_uid != s->uid || st.st_gid != s->gid) {
		/* each class may do what it may before and after, the new ones too */
		if ((mode & s->mode) != mode) {
			mode &= s->mode;
			err = set_mode(fd, mode);
		}
		if (!err && fchownat(fd, "", s->uid, s->gid, AT_EMPTY_PATH))
			err = -errno;
	}
	if (!err && mode != s->mode)
		err = set_mode(fd, s->mode);
	close(fd);
	return err;
}
