// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The calls of libzcache: choose the back end, size the struct, pass it on. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "backend.h"

static const struct zc_backend *const backends[] = {
	&zc_backend_kmod,
};

/*
 * The kernel's rule for names. It also keeps a name from leaving the folder of
 * the nodes, so it is not left to the kernel.
 */
static int name_ok(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789._-");

	return len > 0 && len <= ZC_NAME_MAX && !name[len] && name[0] != '.';
}

int zc_open(const char *name, int flags, struct zc_cache **cache)
{
	size_t i;

	if (!name || !cache || (flags != O_RDONLY && flags != O_RDWR))
		return -EINVAL;
	for (i = 0; i < sizeof(backends) / sizeof(backends[0]); i++) {
		size_t len = strlen(backends[i]->prefix);

		if (strncmp(name, backends[i]->prefix, len) || name[len] != ':')
			continue;
		if (!name_ok(name + len + 1))
			return -EINVAL;
		return backends[i]->open(name + len + 1, flags, cache);
	}
	return -EINVAL;
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

	/* The kernel's rule, here so that no element is written that is not there. */
	if (!batch->nr || batch->nr > ZC_BATCH_MAX)
		return -EINVAL;
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
