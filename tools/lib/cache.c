// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The calls of libzcache: choose the back end, size the struct, pass it on. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "backend.h"

static const struct zc_backend *const backends[] = {
	&zc_backend_kmod,
	&zc_backend_mirror,
	&zc_backend_served,
};

static int open_auto(const char *name, int flags, struct zc_cache **cache)
{
	const char *dir = strchr(name, ',');
	char node[ZC_NAME_MAX + 1];
	int err;

	if (!dir || !dir[1] || (size_t)(dir - name) >= sizeof(node))
		return -EINVAL;
	memcpy(node, name, dir - name);
	node[dir - name] = '\0';
	err = zc_backend_kmod.open(node, flags, cache);
	if (err != -ENOENT && err != -ENXIO && err != -ENODEV)
		return err;
	return zc_backend_mirror.open(dir + 1, flags, cache);
}

int zc_open(const char *name, int flags, struct zc_cache **cache)
{
	size_t i;

	if (!name || !cache || (flags != O_RDONLY && flags != O_RDWR))
		return -EINVAL;
	if (!strncmp(name, "auto:", 5))
		return open_auto(name + 5, flags, cache);
	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		size_t len = strlen(backends[i]->prefix);

		if (strncmp(name, backends[i]->prefix, len) || name[len] != ':')
			continue;
		if (!name[len + 1])
			return -EINVAL;
		return backends[i]->open(name + len + 1, flags, cache);
	}
	return -EINVAL;
}

const char *zc_backend(const struct zc_cache *cache)
{
	return cache->be->prefix;
}

uint64_t zc_caps(const struct zc_cache *cache)
{
	return cache->be->caps;
}

int zc_counters(struct zc_cache *cache, uint64_t *values, unsigned int nr)
{
	return cache->be->counters(cache, values, nr);
}

void zc_close(struct zc_cache *cache)
{
	if (cache)
		cache->be->close(cache);
}

int zc_info(struct zc_cache *cache, struct zc_info *info)
{
	info->size = sizeof(*info);
	return cache->be->info(cache, info);
}

int zc_put(struct zc_cache *cache, struct zc_put *put)
{
	put->size = sizeof(*put);
	return cache->be->put(cache, put);
}

int zc_fill(struct zc_cache *cache, struct zc_put *fill)
{
	fill->size = sizeof(*fill);
	return cache->be->fill(cache, fill);
}

int zc_commit(struct zc_cache *cache, int fill_fd, uint64_t *generation)
{
	struct zc_commit commit = { .size = sizeof(commit) };
	int err = cache->be->commit(cache, fill_fd, &commit);

	if (!err && generation)
		*generation = commit.generation;
	return err;
}

int zc_stat(struct zc_cache *cache, struct zc_stat *stat)
{
	stat->size = sizeof(*stat);
	return cache->be->stat(cache, stat);
}

int zc_get(struct zc_cache *cache, struct zc_get *get)
{
	get->size = sizeof(*get);
	return cache->be->get(cache, get);
}

int zc_open_object(struct zc_cache *cache, struct zc_open *open)
{
	open->size = sizeof(*open);
	return cache->be->open_object(cache, open);
}

int zc_send(struct zc_cache *cache, struct zc_send *send)
{
	send->size = sizeof(*send);
	return cache->be->send(cache, send);
}

int zc_send_batch(struct zc_cache *cache, struct zc_send_batch *batch)
{
	struct zc_send *sends = (void *)(uintptr_t)batch->sends;
	uint32_t i;

	/* The kernel's rules, here so that no element is written that is not there. */
	if (batch->flags || batch->__reserved || !batch->nr || batch->nr > ZC_BATCH_MAX)
		return -EINVAL;
	if (!sends || !batch->results)
		return -EFAULT;
	batch->size = sizeof(*batch);
	batch->send_size = sizeof(*sends);
	for (i = 0; i < batch->nr; i++)
		sends[i].size = sizeof(*sends);
	return cache->be->send_batch(cache, batch);
}

int zc_delete(struct zc_cache *cache, struct zc_delete *del)
{
	del->size = sizeof(*del);
	return cache->be->del(cache, del);
}

int zc_purge(struct zc_cache *cache, struct zc_purge *purge)
{
	purge->size = sizeof(*purge);
	return cache->be->purge(cache, purge);
}

int zc_touch(struct zc_cache *cache, struct zc_touch *touch)
{
	touch->size = sizeof(*touch);
	return cache->be->touch(cache, touch);
}

int zc_wait(struct zc_cache *cache, struct zc_wait *wait)
{
	wait->size = sizeof(*wait);
	return cache->be->wait(cache, wait);
}

int zc_lookup(struct zc_cache *cache, struct zc_lookup *lookup)
{
	lookup->size = sizeof(*lookup);
	if (lookup->flags & ~ZC_LOOKUP_EXPIRED_OK || lookup->__reserved)
		return -EINVAL;
	return cache->be->lookup(cache, lookup);
}

void zc_release(struct zc_cache *cache, struct zc_lookup *lookup)
{
	if (lookup->held)
		cache->be->release(cache, lookup);
	lookup->held = NULL;
	lookup->data = NULL;
}
