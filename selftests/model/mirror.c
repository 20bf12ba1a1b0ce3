// SPDX-License-Identifier: GPL-2.0-only
/* Mirrors to run operations on, each in a folder of its own, in memory if there is a place. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zcache.h>
#include "mirror_format.h"

#include "run.h"

static int mirror_counters(struct subject *s, uint64_t *count)
{
	return zc_counters(s->cache, count, ZC_C_NR);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

uint64_t mirror_charge(const struct zc_put *put)
{
	uint64_t meta = sizeof(struct zcm_meta) + put->key_len + put->header_len +
			put->etag_len + put->type_len;

	return (put->data_len + 4095) / 4096 * 4096 + (meta + 4095) / 4096 * 4096;
}

/* A mirror's handle on the one in the folder @name of the maker's own. */
static int open_mirror(const char *own, const char *name, struct zc_cache **cache)
{
	char *text;
	int err;

	if (asprintf(&text, "mirror:%s/%s", own, name) < 0)
		return -ENOMEM;
	err = zc_open(text, O_RDWR, cache);
	free(text);
	return err;
}

static int create_mirror(const char *own, const char *name, const struct zc_mirror_conf *conf)
{
	char *path;
	int err;

	if (asprintf(&path, "%s/%s", own, name) < 0)
		return -ENOMEM;
	err = zc_mirror_create(path, conf);
	free(path);
	return err;
}

/* The index is made from the files if it is missing. */
static int mirror_reopen(struct subject *s, bool bare)
{
	char *index;

	zc_close(s->cache);
	s->cache = NULL;
	if (bare) {
		if (asprintf(&index, "%s/store/index", (char *)s->own) < 0)
			return -ENOMEM;
		unlink(index);
		free(index);
		s->bare = true;
	}
	return open_mirror(s->own, "store", &s->cache);
}

/* A fill that was given up has room until somebody looks. */
static void close_and_look(struct subject *s, int fd)
{
	struct zc_info info = { .size = sizeof(info) };

	close(fd);
	zc_info(s->cache, &info);
}

static void leave(struct subject *s)
{
	zc_close(s->cache);
	s->cache = NULL;
	if (s->foreign >= 0)
		close(s->foreign);
	s->foreign = -1;
}

static void mirror_leave(struct subject *s)
{
	leave(s);
	free(s->own);
}

static void mirror_stop(struct subject *s)
{
	leave(s);
	nftw(s->own, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(s->own);
}

static int open_foreign(struct subject *s)
{
	struct zc_open open = { .size = sizeof(open), .key = (uintptr_t)"a", .key_len = 1 };
	struct zc_cache *other;
	int err = open_mirror(s->own, "other", &other);

	if (err)
		return err;
	s->foreign = zc_open_object(other, &open);
	zc_close(other);
	return s->foreign < 0 ? s->foreign : 0;
}

/* Another mirror, with an object. */
static int make_other(const char *own)
{
	struct zc_put put = { .size = sizeof(put), .key = (uintptr_t)"a", .key_len = 1 };
	struct zc_cache *other;
	int err = create_mirror(own, "other", NULL) ?: open_mirror(own, "other", &other);

	if (err)
		return err;
	err = zc_put(other, &put);
	zc_close(other);
	return err;
}

static int mirror_join(struct subject *s, const struct model_conf *conf, const char *own)
{
	static struct calls calls;
	int err;

	s->foreign = -1;
	s->own = strdup(own);
	if (!s->own)
		return -ENOMEM;
	err = open_mirror(own, "store", &s->cache) ?: open_foreign(s);
	if (err) {
		mirror_leave(s);
		return err;
	}
	calls = library_calls;
	calls.counters = mirror_counters;
	calls.reopen = mirror_reopen;
	if (conf->charge || conf->follows)
		calls.close = close_and_look;
	s->calls = &calls;
	s->late_aborts = !conf->charge && !conf->follows;
	return 0;
}

static int mirror_start(struct subject *s, const struct model_conf *conf)
{
	const struct zc_mirror_conf c = {
		.size = sizeof(c), .capacity = conf->capacity,
		.max_object_size = conf->max_object_size, .max_key_len = conf->max_key_len,
		.default_ttl_ms = conf->default_ttl_ms, .grace_ms = conf->grace_ms,
	};
	char *folder;
	int err;

	if (asprintf(&folder, "%s/zc-model-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm") < 0)
		return -ENOMEM;
	if (!mkdtemp(folder))
		err = -errno;
	else
		err = create_mirror(folder, "store", &c) ?: make_other(folder) ?:
		      mirror_join(s, conf, folder);
	if (err)
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(folder);
	return err;
}

const struct maker mirror_maker = {
	.name = "mirror", .start = mirror_start, .stop = mirror_stop, .join = mirror_join,
	.leave = mirror_leave,
};
