// SPDX-License-Identifier: GPL-2.0-only
/* Mirrors to run operations on, each in a folder of its own, in memory if there is a place. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <zcache.h>

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

static int open_mirror(struct subject *s)
{
	char *name;
	int err;

	if (asprintf(&name, "mirror:%s", (char *)s->own) < 0)
		return -ENOMEM;
	err = zc_open(name, O_RDWR, &s->cache);
	free(name);
	return err;
}

/* The index is made from the files if it is missing. */
static int mirror_reopen(struct subject *s, bool bare)
{
	char *index;

	zc_close(s->cache);
	s->cache = NULL;
	if (bare) {
		if (asprintf(&index, "%s/index", (char *)s->own) < 0)
			return -ENOMEM;
		unlink(index);
		free(index);
		s->bare = true;
	}
	return open_mirror(s);
}

void mirror_stop(struct subject *s)
{
	zc_close(s->cache);
	nftw(s->own, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(s->own);
}

int mirror_start(struct subject *s, const struct model_conf *conf)
{
	const struct zc_mirror_conf c = {
		.size = sizeof(c), .capacity = conf->capacity,
		.max_object_size = conf->max_object_size, .max_key_len = conf->max_key_len,
		.default_ttl_ms = conf->default_ttl_ms, .grace_ms = conf->grace_ms,
	};
	static struct calls calls;
	char *folder;
	int err;

	if (asprintf(&folder, "%s/zc-model-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm") < 0)
		return -ENOMEM;
	if (!mkdtemp(folder)) {
		err = -errno;
		free(folder);
		return err;
	}
	s->own = folder;
	err = zc_mirror_create(folder, &c) ?: open_mirror(s);
	if (err) {
		mirror_stop(s);
		return err;
	}
	calls = library_calls;
	calls.counters = mirror_counters;
	calls.reopen = mirror_reopen;
	s->calls = &calls;
	s->late_aborts = true;
	return 0;
}
