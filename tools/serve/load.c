// SPDX-License-Identifier: GPL-2.0-only
/*
 * Loading a directory: one walk to count, one to load. The tree may change under
 * both, so each file is opened beneath the directory again and looked at anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "mime.h"
#include "progress.h"
#include "serve.h"
#include "text.h"

/* A file that changes each time it is read is left out. */
#define TRIES 3

struct load {
	struct zc_cache *cache;
	char *dir;
	size_t prefix;			/* bytes of a file's path before its key */
	int dir_fd;
	uint64_t files, bytes, skipped;
	struct progress progress;
};

typedef int (*visit_fn)(struct load *l, const FTSENT *e);

/* The root must be walked into, or all that it names would seem to be empty. */
static int check_root(const FTSENT *e)
{
	switch (e->fts_info) {
	case FTS_D:
	case FTS_DP:
		return 0;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return -e->fts_errno;
	default:
		return -ENOTDIR;
	}
}

static int walk(struct load *l, visit_fn visit)
{
	char *const roots[] = { l->dir, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR, NULL);
	int err = 0;
	FTSENT *e;

	if (!fts)
		return -errno;
	while (!err) {
		errno = 0;
		e = fts_read(fts);
		if (!e) {
			err = -errno;
			break;
		}
		err = e->fts_level == FTS_ROOTLEVEL ? check_root(e) : visit(l, e);
	}
	fts_close(fts);
	return err;
}

static int count(struct load *l, const FTSENT *e)
{
	if (e->fts_info == FTS_F) {
		l->files++;
		l->bytes += e->fts_statp->st_size;
	} else if (e->fts_info == FTS_SL) {
		l->files++;
	}
	return 0;
}

/* Links that lead out of the directory do not open. */
static int open_beneath(const struct load *l, const char *path)
{
	struct open_how how = {
		/* A pipe that took a file's place must not block. */
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int fd = syscall(SYS_openat2, l->dir_fd, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static int piece(void *arg, uint64_t done)
{
	struct progress *p = arg;

	progress_show(p, p->bytes + done);
	return 0;
}

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* One version of the file becomes the object, or none. */
static int put_once(struct load *l, const char *key, int fd, const struct stat *st)
{
	char etag[64], header[512];
	const char *type = mime_type(key);
	struct zc_put put = { 0 };
	struct stat after;
	int err;

	put.etag_len = snprintf(etag, sizeof(etag), "\"%jx-%jx%08lx-%jx\"",
				(uintmax_t)st->st_size, (uintmax_t)st->st_mtim.tv_sec,
				st->st_mtim.tv_nsec, (uintmax_t)st->st_ino);
	put.header_len = snprintf(header, sizeof(header),
				  "HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %ju\r\n"
				  "ETag: %s\r\nAccept-Ranges: bytes\r\n",
				  type, (uintmax_t)st->st_size, etag);
	put.type_len = strlen(type);
	put.key = zc_ptr(key);
	put.key_len = strlen(key);
	put.etag = zc_ptr(etag);
	put.header = zc_ptr(header);
	put.type = zc_ptr(type);
	put.data_len = st->st_size;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	err = zc_put_file(l->cache, &put, fd, piece, &l->progress);
	if (err)
		return err == -ENODATA ? -EAGAIN : err;
	if (fstat(fd, &after))
		return -errno;
	if (!same(st, &after)) {
		struct zc_delete del = {
			.key = put.key,
			.key_len = put.key_len,
			.generation = put.generation,
		};

		zc_delete(l->cache, &del);
		return -EAGAIN;
	}
	return 0;
}

static int put_fd(struct load *l, const char *key, int fd)
{
	struct stat st;
	int tries, err = -EAGAIN;

	for (tries = 0; err == -EAGAIN && tries < TRIES; tries++) {
		if (fstat(fd, &st))
			return -errno;
		if (!S_ISREG(st.st_mode))
			return -EINVAL;
		err = put_once(l, key, fd, &st);
	}
	if (!err)
		l->progress.bytes += st.st_size;
	return err;
}

static const char *reason(int err)
{
	switch (err) {
	case -EAGAIN:
		return "it changes while it is read";
	case -EINVAL:
		return "it is not a regular file";
	case -EXDEV:
		return "the link leads out of the directory";
	case -EFBIG:
		return "it is larger than the store takes";
	case -ENAMETOOLONG:
		return "its path is longer than the store's keys";
	case -ENOSPC:
		return "the store has no room for it";
	default:
		return strerror(-err);
	}
}

static void skip(struct load *l, const char *path, int err)
{
	char *text = escape_bytes(path, strlen(path));

	l->skipped++;
	progress_clear(&l->progress);
	say("skipped %s: %s", text ?: "a file", reason(err));
	free(text);
}

static int load(struct load *l, const FTSENT *e)
{
	const char *key;
	int fd, err;

	switch (e->fts_info) {
	case FTS_F:
	case FTS_SL:
		break;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		skip(l, e->fts_path, -e->fts_errno);
		return 0;
	case FTS_DEFAULT:
		skip(l, e->fts_path, -EINVAL);
		return 0;
	default:
		return 0;
	}
	/* The path begins with the directory as it was named, then comes the key. */
	key = e->fts_path + l->prefix;
	fd = open_beneath(l, key + 1);
	err = fd < 0 ? fd : put_fd(l, key, fd);
	if (fd >= 0)
		close(fd);
	/* Without the store, or the right to write, the others will fare no better. */
	if (err == -ENODEV || err == -EBADF)
		return err;
	if (err)
		skip(l, e->fts_path, err);
	else
		l->progress.files++;
	progress_show(&l->progress, l->progress.bytes);
	return 0;
}

static void warn_if_too_much(const struct load *l)
{
	struct zc_info info = { 0 };

	if (!zc_info(l->cache, &info) && l->bytes > info.capacity)
		say("the files have %" PRIu64 " bytes and the store %" PRIu64 ", so some will be evicted",
		    l->bytes, (uint64_t)info.capacity);
}

static int load_all(struct load *l)
{
	int err;

	l->dir_fd = open(l->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (l->dir_fd < 0)
		return -errno;
	err = walk(l, count);
	if (!err) {
		warn_if_too_much(l);
		progress_begin(&l->progress, l->files, l->bytes);
		err = walk(l, load);
		progress_end(&l->progress, l->skipped);
	}
	close(l->dir_fd);
	return err;
}

int load_directory(struct zc_cache *cache, const char *dir)
{
	struct load l = { .cache = cache, .prefix = strlen(dir) };
	int err;

	/* fts(3) would keep slashes at the end, and the keys have just one. */
	while (l.prefix && dir[l.prefix - 1] == '/')
		l.prefix--;
	l.dir = l.prefix ? strndup(dir, l.prefix) : strdup(*dir ? "/" : "");
	err = l.dir ? load_all(&l) : -ENOMEM;
	free(l.dir);
	if (err)
		say("cannot load %s: %s", dir, err == -ENOTDIR ?
		    "right is a directory, or a link to one" : strerror(-err));
	return err;
}
