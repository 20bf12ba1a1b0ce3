// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Finding objects of a mirror that another process owns. It says which version a key has,
 * and sends a fd of it if this process has none: bytes it sends never.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "served.h"

/* The version that a key had last, if it still is open; with a reference. */
static struct zcm_version *guess(struct zc_mirror *m, const struct zcm_hash *hash)
{
	uint64_t generation = __atomic_load_n(&m->served->guess[hash->w[0] % ZCS_GUESSES],
					      __ATOMIC_RELAXED);
	struct zcm_version *v = generation ? zcm_version_get(m, generation) : NULL;

	if (v && (v->hash.w[0] != hash->w[0] || v->hash.w[1] != hash->w[1])) {
		zcm_version_put(v);
		v = NULL;
	}
	return v;
}

/* Nobody can write what is sent, whatever becomes of the owner. */
static int check_fd(int fd, uint64_t len, struct stat *st)
{
	int mode = fcntl(fd, F_GETFL);

	if (fstat(fd, st) || mode < 0)
		return -errno;
	return S_ISREG(st->st_mode) && (uint64_t)st->st_size == len &&
	       (mode & (O_ACCMODE | O_PATH)) == O_RDONLY ? 0 : -EPROTO;
}

static void take_found(struct zc_mirror *m, struct zcm_object *obj, const struct zcs_found *found)
{
	obj->hash = found->hash;
	obj->generation = found->generation;
	obj->data_len = found->data_len;
	obj->charge = found->charge;
	obj->hits = found->hits;
	obj->created_ns = found->created_ns;
	obj->expires_ns = found->expires_ns;
	obj->state = found->state;
	obj->nr_tags = found->nr_tags;
	memcpy(obj->tags, found->tags, sizeof(obj->tags));
	__atomic_store_n(&m->head->splice_threshold, found->splice_threshold, __ATOMIC_RELAXED);
}

static struct zcm_info *make_info(const struct zcs_answer_msg *answer, const void *key,
				  size_t key_len)
{
	const struct zcs_found *found = &answer->found;
	size_t blobs = found->etag_len + found->type_len + found->header_len;
	struct zcm_info *info = zcm_info_alloc(key_len + blobs);

	if (!info)
		return NULL;
	info->meta = (struct zcm_meta) {
		.magic = ZCM_META_MAGIC, .version = ZCM_VERSION,
		.nr_tags = found->nr_tags, .key_len = key_len, .etag_len = found->etag_len,
		.type_len = found->type_len, .header_len = found->header_len,
		.generation = found->generation, .data_len = found->data_len,
		.created_ns = found->created_ns, .expires_ns = found->expires_ns,
	};
	memcpy(info->meta.tags, found->tags, sizeof(info->meta.tags));
	memcpy(info->body, key, key_len);
	memcpy(info->body + key_len, answer->blobs, blobs);
	info->hash = found->hash;
	return info;
}

/* The version of an answer that has brought a fd, which becomes the version's. */
static struct zcm_version *take_version(struct zc_mirror *m, const struct zcm_object *obj,
					const struct zcm_hash *hash, int fd, int *err)
{
	struct zcm_version *v;
	struct stat st;

	*err = check_fd(fd, obj->data_len, &st);
	/* Another key may be in its place of the guesses, or another thread was faster. */
	v = *err ? NULL : zcm_version_get(m, obj->generation);
	if (v || *err) {
		close(fd);
	} else {
		v = zcm_version_new(obj, fd, &st);
		if (v) {
			v->hash = *hash;
			zcm_cache_add(m, v);
		} else {
			close(fd);
			*err = -ENOMEM;
		}
	}
	if (v)
		__atomic_store_n(&m->served->guess[hash->w[0] % ZCS_GUESSES], obj->generation,
				 __ATOMIC_RELAXED);
	return v;
}

/* Another thread may have made the metadata of this version, which then is the same. */
static int give_info(struct zc_mirror *m, struct zcm_object *obj,
		     const struct zcs_answer_msg *answer, const void *key, size_t key_len)
{
	struct zcm_version *v = obj->version;
	struct zcm_info *info;

	pthread_mutex_lock(&m->lock);
	info = zcm_info_get(v->info);
	pthread_mutex_unlock(&m->lock);
	if (!info) {
		info = make_info(answer, key, key_len);
		if (!info)
			return -ENOMEM;
		pthread_mutex_lock(&m->lock);
		if (!v->info)
			v->info = zcm_info_get(info);
		pthread_mutex_unlock(&m->lock);
	}
	zcm_use_info(obj, info);
	return 0;
}

/**
 * zcs_find() - zcm_find(), of a mirror that is served
 * @m: the mirror
 * @key: the key, checked
 * @key_len: its bytes
 * @generation: the version wanted, 0 for any
 * @flags: ZCM_*
 * @obj: set to the object
 *
 * Return: 0 or -errno: also that of zcs_ask().
 */
int zcs_find(struct zc_mirror *m, const void *key, size_t key_len, uint64_t generation,
	     unsigned int flags, struct zcm_object **obj)
{
	struct zcs_request ask = {
		.op = ZCS_FIND, .flags = flags, .body_len = key_len, .generation = generation,
	};
	struct zcs_answer_msg answer;
	struct zcm_object *found;
	struct zcm_version *v;
	struct zcm_hash hash;
	int err, fd;

	found = calloc(1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	zcs_tell_due(m);
	zcm_hash(m, key, key_len, &hash);
	v = guess(m, &hash);
	ask.have = v ? v->generation : 0;
	err = zcs_ask(m, &ask, key, &answer, &fd);
	/* What nobody finds any more has no reason to stay on the disk. */
	if (v && (err == -ENOENT || (!err && !(answer.head.flags & ZCS_SAME)))) {
		zcm_cache_drop(m, v->generation);
		zcm_version_put(v);
		v = NULL;
	}
	if (!err) {
		take_found(m, found, &answer.found);
		if (!v)
			v = take_version(m, found, &hash, fd, &err);
		/* Its bytes are in memory, as many as it had when it came. */
		if (v && v->data_len != found->data_len)
			err = -EPROTO;
	}
	found->version = v;
	if (!err && !(flags & ZCM_BARE))
		err = give_info(m, found, &answer, key, key_len);
	if (err) {
		zcm_put(m, found);
		return err;
	}
	found->fd = v->fd;
	*obj = found;
	return 0;
}

/**
 * zcs_held() - zcm_find_held(), of a mirror that is served
 * @m: the mirror
 * @obj: see there
 * @generation: see there
 * @flags: see there
 *
 * Return: as there, and that of zcs_ask().
 */
int zcs_held(struct zc_mirror *m, struct zcm_object *obj, uint64_t generation,
	     unsigned int flags)
{
	struct zcs_request ask = {
		.op = ZCS_HELD, .flags = flags, .generation = generation,
		.have = obj->generation, .hash = obj->hash, .data_len = obj->data_len,
		.expires_ns = obj->expires_ns,
	};
	struct zcs_answer_msg answer;
	int err;

	zcs_tell_due(m);
	err = zcs_ask(m, &ask, NULL, &answer, NULL);
	if (err)
		return err;
	obj->expires_ns = answer.found.expires_ns;
	obj->state = answer.found.state;
	obj->hits = answer.found.hits;
	return 0;
}

/** zcs_hit() - zcm_hit(), of a mirror that is served; what cannot be told is not counted */
void zcs_hit(struct zc_mirror *m, const struct zcm_object *obj)
{
	struct zcs_request ask = {
		.op = ZCS_HIT, .have = obj->generation, .hash = obj->hash,
		.data_len = obj->data_len,
	};

	(void)zcs_ask(m, &ask, NULL, NULL, NULL);
}

/**
 * zcs_open() - have the owner open an object once more
 * @m: the mirror
 * @obj: the object
 *
 * Return: the fd, or -errno; -ENOENT: it has been replaced or deleted.
 */
int zcs_open(struct zc_mirror *m, const struct zcm_object *obj)
{
	struct zcs_request ask = {
		.op = ZCS_OPEN, .have = obj->generation, .hash = obj->hash,
	};
	struct zcs_answer_msg answer;
	struct stat st;
	int fd, err = zcs_ask(m, &ask, NULL, &answer, &fd);

	if (!err)
		err = check_fd(fd, obj->data_len, &st);
	if (!err)
		return fd;
	if (fd >= 0)
		close(fd);
	return err;
}
