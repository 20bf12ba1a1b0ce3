// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * A mirror that another process owns, as a back end: a struct zc_mirror without files,
 * which asks the owner what the others ask their index. For reading.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "zcache_xfer.h"
#include "served.h"

static int set_address(struct zcm_served *s, const char *path)
{
	size_t len = strlen(path);

	if (len >= sizeof(s->address.sun_path))
		return -ENAMETOOLONG;
	s->address.sun_family = AF_UNIX;
	memcpy(s->address.sun_path, path, len + 1);
	s->address_len = offsetof(struct sockaddr_un, sun_path) + len + 1;
	return 0;
}

static void served_close(struct zc_cache *cache)
{
	struct zc_mirror *m = zcm_mirror(cache);

	if (m->served && m->served->process)
		zcs_end(m);
	zcm_cache_exit(m);
	zcm_known_exit(m);
	if (m->served)
		pthread_mutex_destroy(&m->served->telling);
	free(m->served);
	free(m->head);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

static int served_open(const char *path, int flags, struct zc_cache **cache)
{
	struct zc_mirror *m;
	int err;

	if (flags != O_RDONLY)
		return -EROFS;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->cache.be = &zc_backend_served;
	m->dir = -1;
	m->index = -1;
	m->send_path = ZC_XFER_AUTO;
	m->direct = true;
	pthread_mutex_init(&m->lock, NULL);
	m->head = calloc(1, sizeof(*m->head));
	m->served = calloc(1, sizeof(*m->served));
	if (m->served)
		pthread_mutex_init(&m->served->telling, NULL);
	err = m->head && m->served ? set_address(m->served, path) : -ENOMEM;
	if (!err)
		err = zcs_begin(m);
	if (err) {
		served_close(&m->cache);
		return err;
	}
	*cache = &m->cache;
	return 0;
}

static int served_info(struct zc_cache *cache, struct zc_info *info)
{
	struct zc_mirror *m = zcm_mirror(cache);
	struct zcs_request ask = { .op = ZCS_INFO };
	struct zcs_answer_msg answer;
	int err;

	if (info->flags || info->__reserved)
		return -EINVAL;
	err = zcs_ask(m, &ask, NULL, &answer, NULL);
	if (err)
		return err;
	info->abi = ZC_ABI_VERSION;
	info->inline_limit = 0;
	info->features = 0;
	info->capacity = answer.info.capacity;
	info->used = answer.info.used;
	info->objects = answer.info.objects;
	info->max_object_size = answer.info.max_object_size;
	info->splice_threshold = answer.info.splice_threshold;
	info->max_key_len = answer.info.max_key_len;
	memset(info->name, 0, sizeof(info->name));
	memcpy(info->name, answer.info.name,
	       strnlen(answer.info.name, sizeof(info->name) - 1));
	return 0;
}

static int served_counters(struct zc_cache *cache, uint64_t *values, unsigned int nr)
{
	struct zc_mirror *m = zcm_mirror(cache);
	struct zcs_request ask = { .op = ZCS_COUNTERS };
	struct zcs_answer_msg answer;
	unsigned int i;
	int err;

	/* Those of this process come first, on the same connection or one before it. */
	zcs_tell_counters(m);
	err = zcs_ask(m, &ask, NULL, &answer, NULL);
	if (err)
		return err;
	for (i = 0; i < nr; i++)
		values[i] = i < ZC_C_NR ? answer.numbers[i] : 0;
	return 0;
}

const struct zc_backend zc_backend_served = {
	.prefix = "served",
	.caps = ZC_CAP_PERSISTENT | ZC_CAP_COUNTERS,
	.open = served_open,
	.close = served_close,
	.info = served_info,
	.put = zcm_call_put,
	.fill = zcm_call_fill,
	.commit = zcm_call_commit,
	.stat = zcm_call_stat,
	.get = zcm_call_get,
	.open_object = zcm_call_open,
	.send = zcm_call_send,
	.send_batch = zcm_call_send_batch,
	.del = zcm_call_delete,
	.purge = zcm_call_purge,
	.touch = zcm_call_touch,
	.wait = zcm_call_wait,
	.lookup = zcm_call_lookup,
	.release = zcm_call_release,
	.counters = served_counters,
};
