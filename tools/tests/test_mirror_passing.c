// SPDX-License-Identifier: GPL-2.0-only
/* The mirror: an index that is made anew while a call fails once; the files stay. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zcache.h>

#include "mirror_util.h"
#include "tap.h"
#include "util.h"

#define OBJECTS 5

/* The call that fails next, counted down, and how. */
static int left, error;

static bool fails(void)
{
	if (left && !--left) {
		errno = error;
		return true;
	}
	return false;
}

ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t at);
ssize_t __real_pread(int fd, void *buf, size_t len, off_t at);

ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t at)
{
	return fails() ? -1 : __real_pread(fd, buf, len, at);
}

int __wrap_openat(int dir, const char *path, int flags, ...);
int __real_openat(int dir, const char *path, int flags, ...);

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, int) : 0;
	va_end(ap);
	/* Folders are very many. */
	return !(flags & O_DIRECTORY) && fails() ? -1 : __real_openat(dir, path, flags, mode);
}

int __wrap_fstatat(int dir, const char *path, struct stat *st, int flags);
int __real_fstatat(int dir, const char *path, struct stat *st, int flags);

int __wrap_fstatat(int dir, const char *path, struct stat *st, int flags)
{
	return fails() ? -1 : __real_fstatat(dir, path, st, flags);
}

int __wrap_flock(int fd, int operation);
int __real_flock(int fd, int operation);

int __wrap_flock(int fd, int operation)
{
	return fails() ? -1 : __real_flock(fd, operation);
}

/* Opens it without an index, with the nth of these calls failing. Returns zc_open()'s. */
static int open_amid(const char *name, int n, int err, struct zc_cache **c)
{
	char spec[620];
	int ret;

	snprintf(spec, sizeof(spec), "mirror:%s", mirror_path(name));
	unlink(mirror_path("passing/index"));
	left = n;
	error = err;
	ret = zc_open(spec, O_RDWR, c);
	return ret;
}

static void fill_mirror(void)
{
	struct zc_cache *c = mirror_new("passing", NULL);
	char key[8];
	int i;

	for (i = 0; i < OBJECTS; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		is_int(put_seeded(c, key, 1000 * (i + 1), i), 0, "an object");
	}
	zc_close(c);
}

/* Whether all is there, with no call that fails, and an index that is made anew. */
static bool whole(void)
{
	struct zc_mirror_status st = { .size = sizeof(st) };
	struct zc_cache *c;
	bool good;

	if (open_amid("passing", 0, 0, &c))
		return false;
	good = objects(c) == OBJECTS && !zc_mirror_status(c, &st) && !st.corrupt && !st.orphans &&
	       !mirror_wrong(c, "passing");
	zc_close(c);
	return good;
}

static void each_call(int err)
{
	unsigned int lost = 0, wrong = 0, failed = 0;
	struct zc_cache *c;
	int n, ret;

	/* Until all calls of an open are over. */
	for (n = 1; n < 5000; n++) {
		ret = open_amid("passing", n, err, &c);
		if (!ret)
			zc_close(c);
		failed += ret == -err;
		wrong += ret && ret != -err;
		if (left) {
			left = 0;
			break;
		}
		lost += !whole();
	}
	printf("# %s: %d calls, %u opens failed\n", strerror(err), n - 1, failed);
	ok(n > 4 * OBJECTS && n < 5000, "a call fails after the other");
	is_int(wrong, 0, "an open fails with what the system says or not at all");
	ok(err == EIO || failed >= 4 * OBJECTS, "at what is about an object it does");
	is_int(lost, 0, "nothing is lost");
}

/* While the disk has an error there is no such object, and the others are. */
static void disk_error(void)
{
	unsigned int one_less = 0;
	struct zc_cache *c;
	int n;

	for (n = 1; n < 5000; n++) {
		if (!open_amid("passing", n, EIO, &c)) {
			struct zc_mirror_status st = { .size = sizeof(st) };

			one_less += objects(c) == OBJECTS - 1 && !zc_mirror_status(c, &st) &&
				    st.corrupt == 1 && !st.orphans;
			zc_close(c);
		}
		if (left)
			break;
	}
	left = 0;
	is_int(one_less, 4 * OBJECTS, "an object is missing when its file cannot be read");
	ok(whole(), "and there again");
}

/* A fill that somebody has stays as well. */
static void fill_stays(void)
{
	struct zc_put fill = { .key = zc_ptr("filled"), .key_len = 6, .data_len = 4096 };
	struct zc_cache *c = mirror_open("passing", O_RDWR), *other;
	unsigned int gone = 0;
	int fd, n;

	fd = zc_fill(c, &fill);
	ok(fd >= 0, "a fill");
	is_int(ftruncate(fd, 4096), 0, "of some bytes");
	zc_close(c);
	for (n = 1; n < 5000; n++) {
		if (!open_amid("passing", n, EMFILE, &other))
			zc_close(other);
		if (left)
			break;
		gone += files_in("passing/fill") != 2;
	}
	left = 0;
	is_int(gone, 0, "at no call the fill is removed");
	close(fd);
}

int main(void)
{
	fill_mirror();
	each_call(ESTALE);
	each_call(EMFILE);
	each_call(EPERM);
	each_call(EIO);
	disk_error();
	fill_stays();
	return tap_end();
}
