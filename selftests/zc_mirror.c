// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands between a test and the kernel, so that the test's stores are mirrors: nodes
 * are opened, called and configured as ever, and the library does what is asked. A
 * program is linked with it by --wrap; mirror.list tells which are, and which of their
 * tests need the kernel itself.
 */
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/ioctl.h>

#include <zcache.h>

#include "zc_tag.h"
#include "zc_test.h"

int __real_open(const char *path, int flags, ...);
int __real_ioctl(int fd, unsigned long cmd, void *arg);

#define NODES "/dev/zcache/"

/* A store, and a node of it that was opened. Both stay where they are: threads look. */
#define STORES	64
static struct store {
	char name[ZC_NAME_MAX + 1];
	char folder[64];
	struct zc_cache *cache;		/* which counts, and finds who owns a fill */
} stores[STORES];

__attribute__((constructor))
static void begin(void)
{
	zct_state_inline = 0;
}

#define FDS	1024
static struct zc_cache *nodes[FDS];

static struct store *store_of(const char *name)
{
	unsigned int i;

	for (i = 0; i < STORES; i++)
		if (stores[i].cache && !strcmp(stores[i].name, name))
			return &stores[i];
	return NULL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int open_mirror(const struct store *s, int flags, struct zc_cache **cache)
{
	char name[80];

	snprintf(name, sizeof(name), "mirror:%s", s->folder);
	return zc_open(name, flags, cache);
}

/* --- the netlink family */

int __wrap_zc_nl_store_new(const struct zc_nl_cfg *cfg)
{
	const struct zc_mirror_conf conf = {
		.size = sizeof(conf), .capacity = cfg->capacity,
		.max_object_size = cfg->max_object_size,
		.splice_threshold = cfg->splice_threshold, .max_key_len = cfg->max_key_len,
		.default_ttl_ms = cfg->default_ttl,
		.grace_ms = cfg->set & ZC_NL_SET(GRACE) && !cfg->grace ? ZC_MIRROR_NO_GRACE :
			    cfg->grace,
	};
	struct store *s;
	int err;

	for (s = stores; s->cache; s++)
		if (s == &stores[STORES - 1])
			return -ENFILE;
	snprintf(s->name, sizeof(s->name), "%s", cfg->name);
	snprintf(s->folder, sizeof(s->folder), "%s/zc-%s",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm", cfg->name);
	/* The name has this process's number: one that is there a killed one left. */
	nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	err = zc_mirror_create(s->folder, &conf);
	return err ?: open_mirror(s, O_RDWR, &s->cache);
}

int __wrap_zc_nl_store_del(const char *name, bool force)
{
	struct store *s = store_of(name);

	(void)force;
	if (!s)
		return -ENOENT;
	zc_close(s->cache);
	s->cache = NULL;
	nftw(s->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}

int __wrap_zc_nl_store_get(const char *name, struct zc_nl_store *out)
{
	struct store *s = store_of(name);
	struct zc_info info = { 0 };
	uint64_t count[ZC_C_NR];
	int err;

	memset(out, 0, sizeof(*out));
	if (!s)
		return -ENOENT;
	err = zc_info(s->cache, &info) ?: zc_counters(s->cache, count, ZC_C_NR);
	if (err)
		return err;
	snprintf(out->name, sizeof(out->name), "%s", name);
	out->capacity = info.capacity;
	out->max_object_size = info.max_object_size;
	out->max_key_len = info.max_key_len;
	out->splice_threshold = info.splice_threshold;
	out->used = info.used;
	out->objects = info.objects;
	memcpy(out->count, count, sizeof(count));
	out->counters = ZC_C_NR;
	return 0;
}

int __wrap_zc_nl_store_set(const struct zc_nl_cfg *cfg)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf) };
	struct store *s = store_of(cfg->name);
	int err;

	if (!s)
		return -ENOENT;
	err = zc_mirror_get(s->cache, &conf);
	if (err)
		return err;
	if (cfg->set & ZC_NL_SET(CAPACITY))
		conf.capacity = cfg->capacity;
	if (cfg->set & ZC_NL_SET(MAX_OBJECT_SIZE))
		conf.max_object_size = cfg->max_object_size;
	if (cfg->set & ZC_NL_SET(DEFAULT_TTL))
		conf.default_ttl_ms = cfg->default_ttl;
	if (cfg->set & ZC_NL_SET(GRACE))
		conf.grace_ms = cfg->grace ? cfg->grace : ZC_MIRROR_NO_GRACE;
	return zc_mirror_set(s->cache, &conf);
}

/* A mirror's tags have no limits to take away. */
int __wrap_zct_tag_set(const struct zct_store *store, __u64 id, __u64 quota, __u64 floor)
{
	(void)store;
	(void)id;
	return quota || floor ? -EOPNOTSUPP : 0;
}

/* What its objects tell of a tag. */
int __wrap_zct_tag_get(const struct zct_store *store, __u64 id, struct zct_tag *t)
{
	struct zc_mirror_object object = { .size = sizeof(object) };
	struct store *s = store_of(store->name);
	uint64_t cursor = 0;
	uint32_t i;
	int err;

	*t = (struct zct_tag){ .id = id };
	if (!s || !id)
		return s ? -EINVAL : -ENOENT;
	while ((err = zc_mirror_list(s->cache, &cursor, &object)) > 0)
		for (i = 0; i < object.nr_tags; i++)
			if (object.tags[i] == id) {
				t->objects++;
				t->used += object.charge;
			}
	return err ? err : t->objects ? 0 : -ENOENT;
}

int __wrap_zct_tag_listed(const struct zct_store *store, __u64 tag)
{
	struct zct_tag t;
	int err = __wrap_zct_tag_get(store, tag, &t);

	return err && err != -ENOENT ? err : (int)t.objects;
}

/* Who dumps a store's objects does so to delete them, at the end of a test. */
int __wrap_zc_nl_object_dump(const char *name, const void *prefix, size_t prefix_len,
			     zc_nl_object_fn fn, void *arg)
{
	struct zc_wait wait = { .key = ZC_ADDR("-"), .key_len = 1 };
	struct zc_purge purge = { 0 };
	struct store *s = store_of(name);

	(void)prefix;
	(void)prefix_len;
	(void)fn;
	(void)arg;
	if (!s)
		return -ENOENT;
	/* A fill that was given up is noticed by who looks. */
	zc_wait(s->cache, &wait);
	return zc_purge(s->cache, &purge);
}

/* --- nodes */

int __wrap_open(const char *path, int flags, ...)
{
	struct store *s;
	mode_t mode = 0;
	va_list ap;
	int fd, err;

	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	/* The log of a kernel that has no part in it. */
	if (!strcmp(path, "/dev/kmsg"))
		path = "/dev/null";
	if (strncmp(path, NODES, strlen(NODES)))
		return __real_open(path, flags, mode);
	s = store_of(path + strlen(NODES));
	if (!s) {
		errno = ENOENT;
		return -1;
	}
	fd = __real_open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fd >= FDS)
		return fd;
	err = open_mirror(s, flags & O_ACCMODE, &nodes[fd]);
	if (err) {
		close(fd);
		errno = -err;
		return -1;
	}
	return fd;
}

/* The mirror that a fill's file is of. */
static struct zc_cache *cache_of_fill(int fd)
{
	char link[40], path[128];
	unsigned int i;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return NULL;
	path[n] = '\0';
	for (i = 0; i < STORES; i++)
		if (stores[i].cache && !strncmp(path, stores[i].folder, strlen(stores[i].folder)) &&
		    path[strlen(stores[i].folder)] == '/')
			return stores[i].cache;
	return NULL;
}

static int call(struct zc_cache *cache, int fd, unsigned long cmd, void *arg)
{
	struct zc_commit *commit = arg;
	uint64_t generation;
	int err;

	switch (cmd) {
	case ZC_IOC_INFO:
		return zc_info(cache, arg);
	case ZC_IOC_PUT:
		return zc_put(cache, arg);
	case ZC_IOC_FILL:
		return zc_fill(cache, arg);
	case ZC_IOC_STAT:
		return zc_stat(cache, arg);
	case ZC_IOC_GET:
		return zc_get(cache, arg);
	case ZC_IOC_OPEN:
		return zc_open_object(cache, arg);
	case ZC_IOC_SEND:
		return zc_send(cache, arg);
	case ZC_IOC_SEND_BATCH:
		return zc_send_batch(cache, arg);
	case ZC_IOC_DELETE:
		return zc_delete(cache, arg);
	case ZC_IOC_PURGE:
		return zc_purge(cache, arg);
	case ZC_IOC_TOUCH:
		return zc_touch(cache, arg);
	case ZC_IOC_WAIT:
		return zc_wait(cache, arg);
	case ZC_IOC_COMMIT:
		if (commit->flags)
			return -EINVAL;
		err = zc_commit(cache, fd, &generation);
		if (!err)
			commit->generation = generation;
		return err;
	default:
		return -ENOTTY;
	}
}

int __wrap_ioctl(int fd, unsigned long cmd, ...)
{
	struct zc_cache *cache = NULL;
	va_list ap;
	void *arg;
	int ret;

	va_start(ap, cmd);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (_IOC_TYPE(cmd) != ZC_IOC_TYPE)
		return __real_ioctl(fd, cmd, arg);
	if (cmd == ZC_IOC_COMMIT)
		cache = cache_of_fill(fd);
	else if (fd >= 0 && fd < FDS && fcntl(fd, F_GETFD) >= 0)
		cache = nodes[fd];
	ret = cache ? call(cache, fd, cmd, arg) : fcntl(fd, F_GETFD) < 0 ? -EBADF : -ENOTTY;
	if (ret >= 0)
		return 0;
	errno = -ret;
	return -1;
}
