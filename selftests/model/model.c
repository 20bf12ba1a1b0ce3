// SPDX-License-Identifier: GPL-2.0-only
/* The model of a store: making and reading, and what descriptors are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model_int.h"

static void *zalloc(size_t len)
{
	void *p = calloc(1, len ? len : 1);

	if (!p)
		abort();
	return p;
}

struct model *model_new(const struct model_conf *conf)
{
	struct model *m = zalloc(sizeof(*m));

	m->conf = *conf;
	m->hand = NO_HAND;
	return m;
}

static void version_free(struct version *v)
{
	free(v->data);
	free(v);
}

void model_free(struct model *m)
{
	unsigned int i;

	for (i = 0; i < MODEL_FDS; i++)
		model_close(m, i);
	for (i = 0; i < m->nr; i++)
		version_free(m->version[i]);
	free(m->version);
	free(m->received);
	free(m);
}

/* --- time, keys and versions */

int64_t model_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

bool model_expired(const struct version *v)
{
	return v->expires_ns && v->expires_ns <= model_now();
}

int model_check_key(const struct model *m, uint32_t key_len)
{
	if (!key_len)
		return -EINVAL;
	return key_len > m->conf.max_key_len ? -ENAMETOOLONG : 0;
}

struct version *model_current(struct model *m, const void *key, uint32_t key_len)
{
	unsigned int i;

	for (i = 0; i < m->nr; i++) {
		struct version *v = m->version[i];

		if (v->current && v->key_len == key_len && !memcmp(v->key, key, key_len))
			return v;
	}
	return NULL;
}

static struct handle *handle_of(struct model *m, int fd)
{
	if (fd < 0 || fd >= MODEL_FDS || m->handle[fd].kind == CLOSED)
		return NULL;
	return &m->handle[fd];
}

int model_new_handle(struct model *m, enum handle_kind kind)
{
	int fd;

	for (fd = 0; m->handle[fd].kind != CLOSED; fd++)
		if (fd == MODEL_FDS - 1)
			abort();
	m->handle[fd] = (struct handle){ .kind = kind };
	return fd;
}

/* --- finding */

void model_count_hit(struct model *m, struct version *v)
{
	v->visited |= !m->trial;
	m->count[ZC_C_HITS]++;
	m->count[ZC_C_HIT_BYTES] += v->data_len;
}

int model_find(struct model *m, const struct name *name, enum counting counting,
	       struct version **found)
{
	struct version *v;
	struct handle *h;
	int err;

	if (name->by_fd) {
		if (name->key || name->key_len)
			return -EINVAL;
		h = handle_of(m, name->fd);
		if (!h)
			return -EBADF;
		if (h->kind != OBJECT)
			return h->kind == FOREIGN ? -EXDEV : -EINVAL;
		v = h->version;
	} else {
		if (name->fd)
			return -EINVAL;
		err = model_check_key(m, name->key_len);
		if (err)
			return err;
		v = model_current(m, at(name->key), name->key_len);
	}
	if (!v || (!name->expired_ok && model_expired(v))) {
		if (counting != COUNTS_NOTHING) {
			m->count[ZC_C_MISSES]++;
			m->count[ZC_C_EXPIRED] += !!v;
		}
		return -ENOENT;
	}
	if (name->generation && name->generation != v->generation)
		return -ESTALE;
	if (counting == COUNTS)
		model_count_hit(m, v);
	*found = v;
	return 0;
}

/* --- making */

static int check_tags(const struct zc_put *put)
{
	const uint64_t *tags = at(put->tags);
	uint32_t i, k;

	for (i = 0; i < put->nr_tags; i++) {
		if (!tags[i])
			return -EINVAL;
		for (k = 0; k < i; k++)
			if (tags[k] == tags[i])
				return -EINVAL;
	}
	return 0;
}

static uint64_t charge_of(const struct model *m, const struct zc_put *put)
{
	return m->conf.charge ? m->conf.charge(put) : 0;
}

/* Takes the room as well; what is evicted for it is gone whatever comes of it. */
static int check_put(struct model *m, const struct zc_put *put, uint32_t flags)
{
	int err;

	if (put->flags & ~flags || put->fd || put->__reserved || put->__reserved2)
		return -EINVAL;
	err = model_check_key(m, put->key_len);
	if (err)
		return err;
	if (put->header_len > ZC_HEADER_MAX || put->etag_len > ZC_ETAG_MAX ||
	    put->type_len > ZC_TYPE_MAX || put->nr_tags > ZC_TAGS_MAX || put->expires_ns < 0)
		return -EINVAL;
	if (put->data_len > m->conf.max_object_size)
		return -EFBIG;
	err = model_never_fits(m, charge_of(m, put)) ? -ENOSPC : check_tags(put);
	if (!err)
		err = model_reserve(m, charge_of(m, put));
	m->count[ZC_C_REFUSALS] += err == -ENOSPC;
	return err;
}

static struct version *version_new(const struct model *m, const struct zc_put *put)
{
	struct version *v = zalloc(sizeof(*v));

	v->key_len = put->key_len;
	v->charge = charge_of(m, put);
	v->header_len = put->header_len;
	v->etag_len = put->etag_len;
	v->type_len = put->type_len;
	v->nr_tags = put->nr_tags;
	v->expires_ns = put->expires_ns;
	v->data_len = put->data_len;
	v->data = zalloc(put->data_len);
	memcpy(v->key, at(put->key), put->key_len);
	if (put->header_len)
		memcpy(v->header, at(put->header), put->header_len);
	if (put->etag_len)
		memcpy(v->etag, at(put->etag), put->etag_len);
	if (put->type_len)
		memcpy(v->type, at(put->type), put->type_len);
	if (put->nr_tags)
		memcpy(v->tags, at(put->tags), put->nr_tags * sizeof(v->tags[0]));
	return v;
}

/* The commit of a PUT or a fill: the version is its key's from now on. */
static int publish(struct model *m, struct version *v, bool excl)
{
	struct version *old = model_current(m, v->key, v->key_len);
	bool missing = !old || model_expired(old);

	if (excl && !missing)
		return -EEXIST;
	if (missing)
		m->count[ZC_C_MISS_BYTES] += v->data_len;
	if (old) {
		model_unlink(m, old);
		m->count[ZC_C_REPLACES]++;
	}
	v->current = true;
	v->generation = ++m->generation;
	v->created_ns = model_now();
	if (!v->expires_ns && m->conf.default_ttl_ms)
		v->expires_ns = v->created_ns + m->conf.default_ttl_ms * 1000000;
	m->version = realloc(m->version, (m->nr + 1) * sizeof(m->version[0]));
	if (!m->version)
		abort();
	m->version[m->nr++] = v;
	m->count[ZC_C_FILL_BYTES] += v->data_len;
	return 0;
}

int model_put(struct model *m, struct zc_put *put)
{
	struct version *v;
	int err;

	err = check_put(m, put, ZC_PUT_EXCL);
	if (err)
		return err;
	v = version_new(m, put);
	if (v->data_len)
		memcpy(v->data, at(put->data), v->data_len);
	err = publish(m, v, put->flags & ZC_PUT_EXCL);
	if (err) {
		version_free(v);
		return err;
	}
	m->count[ZC_C_PUTS]++;
	put->generation = v->generation;
	return 0;
}

int model_reserver(struct model *m, const void *key, uint32_t key_len)
{
	int fd;

	for (fd = 0; fd < MODEL_FDS; fd++) {
		const struct handle *h = &m->handle[fd];

		if (h->kind == FILL && h->reserves && h->version->key_len == key_len &&
		    !memcmp(h->version->key, key, key_len))
			return fd;
	}
	return -1;
}

int model_fill(struct model *m, struct zc_put *put)
{
	const struct version *v;
	struct handle *h;
	int err;

	if (put->data || put->flags & ~(ZC_PUT_EXCL | ZC_PUT_RESERVE) || put->fd ||
	    put->__reserved || put->__reserved2)
		return -EINVAL;
	if (put->flags & ZC_PUT_RESERVE) {
		err = model_check_key(m, put->key_len);
		if (err)
			return err;
		v = model_current(m, at(put->key), put->key_len);
		if (v && !model_expired(v))
			return -EEXIST;
		if (model_reserver(m, at(put->key), put->key_len) >= 0)
			return -EBUSY;
	}
	err = check_put(m, put, ZC_PUT_EXCL | ZC_PUT_RESERVE);
	if (err)
		return err;
	put->fd = model_new_handle(m, FILL);
	h = &m->handle[put->fd];
	h->version = version_new(m, put);
	h->written = zalloc(put->data_len);
	h->excl = put->flags & ZC_PUT_EXCL;
	h->reserves = put->flags & ZC_PUT_RESERVE;
	m->count[ZC_C_FILLS]++;
	return put->fd;
}

enum model_gap model_fill_lacks(struct model *m, int fd)
{
	const struct handle *h = handle_of(m, fd);
	enum model_gap gap = MODEL_COMPLETE;
	uint64_t i, len, missing = 0;

	if (!h || h->kind != FILL)
		return MODEL_COMPLETE;
	len = h->version->data_len;
	for (i = 0; i < len; i++) {
		if (i % 4096 == 0)
			missing = 0;
		if (h->written[i])
			continue;
		missing++;
		if (missing == 4096 || i == len - 1)
			return MODEL_GAP;
		gap = MODEL_FINE_GAP;
	}
	return gap;
}

bool model_filling(struct model *m, int fd)
{
	const struct handle *h = handle_of(m, fd);

	return h && h->kind == FILL && !h->committed;
}

uint64_t model_fill_len(struct model *m, int fd)
{
	return model_filling(m, fd) ? handle_of(m, fd)->version->data_len : 0;
}

int model_commit(struct model *m, int fd, uint64_t *generation)
{
	struct handle *h = handle_of(m, fd);
	int err;

	if (h->committed)
		return -EALREADY;
	if (model_fill_lacks(m, fd) != MODEL_COMPLETE)
		return -ENODATA;
	err = publish(m, h->version, h->excl);
	if (err)
		return err;
	h->committed = true;
	h->reserves = false;
	m->count[ZC_C_COMMITS]++;
	*generation = h->version->generation;
	return 0;
}

/* --- reading */

int model_info(struct model *m, struct zc_info *info)
{
	unsigned int i;

	if (info->flags || info->__reserved)
		return -EINVAL;
	info->abi = ZC_ABI_VERSION;
	info->capacity = m->conf.capacity;
	info->max_object_size = m->conf.max_object_size;
	info->max_key_len = m->conf.max_key_len;
	info->used = model_used(m);
	info->objects = 0;
	for (i = 0; i < m->nr; i++)
		info->objects += m->version[i]->current;
	return 0;
}

static bool room_ok(uint32_t room, uint32_t len)
{
	return !room || room >= len;
}

int model_stat(struct model *m, struct zc_stat *stat)
{
	const struct name name = {
		.by_fd = stat->flags & ZC_STAT_FD,
		.expired_ok = stat->flags & ZC_STAT_EXPIRED_OK,
		.key = stat->key, .key_len = stat->key_len, .fd = stat->fd,
		.generation = stat->generation,
	};
	struct version *v;
	int err;

	if (stat->flags & ~(ZC_STAT_FD | ZC_STAT_EXPIRED_OK) || stat->__reserved ||
	    stat->__reserved2 || stat->__reserved3)
		return -EINVAL;
	err = model_find(m, &name, COUNTS_NOTHING, &v);
	if (err)
		return err;
	if (!room_ok(stat->header_len, v->header_len) || !room_ok(stat->etag_len, v->etag_len) ||
	    !room_ok(stat->type_len, v->type_len) || !room_ok(stat->nr_tags, v->nr_tags))
		err = -EMSGSIZE;
	if (!err && stat->header_len)
		memcpy(at(stat->header), v->header, v->header_len);
	if (!err && stat->etag_len)
		memcpy(at(stat->etag), v->etag, v->etag_len);
	if (!err && stat->type_len)
		memcpy(at(stat->type), v->type, v->type_len);
	if (!err && stat->nr_tags)
		memcpy(at(stat->tags), v->tags, v->nr_tags * sizeof(v->tags[0]));
	stat->generation = v->generation;
	stat->data_len = v->data_len;
	stat->charge = v->charge;
	stat->expires_ns = v->expires_ns;
	stat->created_ns = v->created_ns;
	stat->state = model_expired(v) ? ZC_STATE_EXPIRED : 0;
	stat->header_len = v->header_len;
	stat->etag_len = v->etag_len;
	stat->type_len = v->type_len;
	stat->nr_tags = v->nr_tags;
	return err;
}

int model_get(struct model *m, struct zc_get *get)
{
	const struct name name = {
		.by_fd = get->flags & ZC_GET_FD,
		.expired_ok = get->flags & ZC_GET_EXPIRED_OK,
		.key = get->key, .key_len = get->key_len, .fd = get->fd,
		.generation = get->generation,
	};
	struct version *v;
	int err;

	if (get->flags & ~(ZC_GET_FD | ZC_GET_EXPIRED_OK))
		return -EINVAL;
	err = model_find(m, &name, COUNTS, &v);
	if (err)
		return err;
	if (get->offset > v->data_len)
		return -ERANGE;
	get->copied = v->data_len - get->offset;
	if (get->copied > get->buf_len)
		get->copied = get->buf_len;
	if (get->copied)
		memcpy(at(get->buf), v->data + get->offset, get->copied);
	get->generation = v->generation;
	get->data_len = v->data_len;
	m->count[ZC_C_GETS]++;
	m->count[ZC_C_GET_BYTES] += get->copied;
	return 0;
}

int model_open_version(struct model *m, struct version *v)
{
	int fd = model_new_handle(m, OBJECT);

	m->handle[fd].version = v;
	m->count[ZC_C_OPENS]++;
	return fd;
}

int model_open(struct model *m, struct zc_open *open)
{
	const struct name name = {
		.expired_ok = open->flags & ZC_OPEN_EXPIRED_OK,
		.key = open->key, .key_len = open->key_len, .fd = open->fd,
		.generation = open->generation,
	};
	struct version *v;
	int err;

	if (open->flags & ~ZC_OPEN_EXPIRED_OK)
		return -EINVAL;
	err = model_find(m, &name, COUNTS, &v);
	if (err)
		return err;
	if (m->conf.holds) {
		m->wanted = v;
		err = model_reserve(m, 0);
		m->wanted = NULL;
		if (err)
			return err;
	}
	open->generation = v->generation;
	open->data_len = v->data_len;
	open->fd = model_open_version(m, v);
	return open->fd;
}

/* --- descriptors */

int model_foreign(struct model *m)
{
	return model_new_handle(m, FOREIGN);
}

ssize_t model_write(struct model *m, int fd, const void *buf, size_t len, uint64_t offset)
{
	struct handle *h = handle_of(m, fd);

	memcpy(h->version->data + offset, buf, len);
	memset(h->written + offset, 1, len);
	return len;
}

ssize_t model_read(struct model *m, int fd, void *buf, size_t len, uint64_t offset)
{
	const struct version *v = handle_of(m, fd)->version;

	if (offset >= v->data_len)
		return 0;
	if (len > v->data_len - offset)
		len = v->data_len - offset;
	memcpy(buf, v->data + offset, len);
	return len;
}

bool model_readable(struct model *m, int fd)
{
	const struct handle *h = handle_of(m, fd), *fill = &m->handle[h->awaits];

	/* The number may be another fill's by now. */
	return fill->kind != FILL || fill->version != h->version || !fill->reserves;
}

void model_close(struct model *m, int fd)
{
	struct handle *h = handle_of(m, fd);

	if (!h)
		return;
	if (h->kind == FILL && !h->committed)
		m->count[ZC_C_ABORTS]++;
	free(h->written);
	/* A version that nobody sees stays for those who wait for it. */
	if (h->kind == FILL && !h->committed) {
		m->version = realloc(m->version, (m->nr + 1) * sizeof(m->version[0]));
		if (!m->version)
			abort();
		m->version[m->nr++] = h->version;
	}
	*h = (struct handle){ .kind = CLOSED };
}

/* --- what is known beforehand */

const uint64_t *model_counters(const struct model *m)
{
	return m->count;
}

uint64_t model_generation(struct model *m, const void *key, size_t key_len)
{
	const struct version *v = model_current(m, key, key_len);

	return v ? v->generation : 0;
}

uint64_t model_newest(const struct model *m)
{
	return m->generation;
}

bool model_vague(struct model *m, int fd)
{
	const struct handle *h = handle_of(m, fd);

	return h && h->kind == OBJECT && h->version->vague;
}
