// SPDX-License-Identifier: GPL-2.0-only
/* The model of a store: how versions end, and waiting for them to begin. */
#include <errno.h>
#include <string.h>

#include "model_int.h"

static bool has_tag(const struct version *v, uint64_t tag)
{
	uint32_t i;

	for (i = 0; i < v->nr_tags; i++)
		if (v->tags[i] == tag)
			return true;
	return false;
}

static void expire_now(struct version *v)
{
	if (!model_expired(v))
		v->expires_ns = model_now();
}

int model_delete(struct model *m, struct zc_delete *del)
{
	const struct name name = {
		.expired_ok = true, .key = del->key, .key_len = del->key_len,
		.generation = del->generation,
	};
	struct version *v;
	int err;

	if (del->flags & ~ZC_DELETE_SOFT || del->__reserved)
		return -EINVAL;
	err = model_find(m, &name, COUNTS_NOTHING, &v);
	if (err)
		return err;
	if (del->flags & ZC_DELETE_SOFT)
		expire_now(v);
	else
		model_unlink(m, v);
	del->generation = v->generation;
	m->count[ZC_C_DELETES]++;
	return 0;
}

static int check_purge(const struct model *m, const struct zc_purge *purge)
{
	bool by_tag = purge->flags & ZC_PURGE_TAG;

	if (purge->flags & ~(ZC_PURGE_SOFT | ZC_PURGE_TAG) || purge->__reserved ||
	    by_tag != !!purge->tag)
		return -EINVAL;
	if (by_tag)
		return purge->key || purge->key_len ? -EINVAL : 0;
	if (purge->key_len > m->conf.max_key_len)
		return -ENAMETOOLONG;
	return purge->key && !purge->key_len ? -EINVAL : 0;
}

static bool purge_takes(const struct zc_purge *purge, const struct version *v)
{
	if (purge->flags & ZC_PURGE_TAG)
		return has_tag(v, purge->tag);
	return v->key_len >= purge->key_len &&
	       (!purge->key_len || !memcmp(v->key, at(purge->key), purge->key_len));
}

int model_purge(struct model *m, struct zc_purge *purge)
{
	bool soft = purge->flags & ZC_PURGE_SOFT, expired;
	uint64_t taken = 0, told = 0, bytes = 0;
	unsigned int i;
	int err;

	err = check_purge(m, purge);
	if (err)
		return err;
	for (i = 0; i < m->nr; i++) {
		struct version *v = m->version[i];

		if (!purge_takes(purge, v))
			continue;
		if (!v->current) {
			v->vague |= soft && purge->flags & ZC_PURGE_TAG;
			continue;
		}
		expired = model_expired(v);
		/* By tag, those that had expired are told of all the same. */
		told += !soft || !expired || purge->flags & ZC_PURGE_TAG;
		taken += !soft || !expired;
		bytes += !soft || !expired || purge->flags & ZC_PURGE_TAG ? v->charge : 0;
		if (soft)
			expire_now(v);
		else
			model_unlink(m, v);
	}
	purge->objects = told;
	purge->bytes = bytes;
	m->count[ZC_C_PURGES]++;
	m->count[ZC_C_PURGED_OBJECTS] += taken;
	return 0;
}

int model_touch(struct model *m, struct zc_touch *touch)
{
	const struct name name = {
		.expired_ok = touch->flags & ZC_TOUCH_EXPIRED_OK,
		.key = touch->key, .key_len = touch->key_len, .generation = touch->generation,
	};
	struct version *v;
	int err;

	if (touch->flags & ~(ZC_TOUCH_EXPIRES | ZC_TOUCH_EXPIRED_OK) || touch->__reserved ||
	    touch->expires_ns < 0 || (touch->expires_ns && !(touch->flags & ZC_TOUCH_EXPIRES)))
		return -EINVAL;
	err = model_find(m, &name, COUNTS_NOTHING, &v);
	if (err)
		return err;
	v->visited = true;
	if (touch->flags & ZC_TOUCH_EXPIRES)
		v->expires_ns = touch->expires_ns;
	touch->generation = v->generation;
	touch->expires_ns = v->expires_ns;
	return 0;
}

int model_wait(struct model *m, struct zc_wait *wait)
{
	bool fd = wait->flags & ZC_WAIT_FD;
	int err, fill;

	if (wait->flags & ~ZC_WAIT_FD || wait->__reserved || wait->fd ||
	    wait->timeout_ms < -1 || (fd && wait->timeout_ms))
		return -EINVAL;
	err = model_check_key(m, wait->key_len);
	if (err)
		return err;
	fill = model_reserver(m, at(wait->key), wait->key_len);
	if (fill < 0)
		return -ENOENT;
	/* Nobody else is there to end it. */
	if (!fd)
		return -ETIMEDOUT;
	wait->fd = model_new_handle(m, WAIT);
	m->handle[wait->fd].awaits = fill;
	m->handle[wait->fd].version = m->handle[fill].version;
	return wait->fd;
}
