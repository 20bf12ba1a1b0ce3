// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Finding objects of the mirror: the index says which version a key has, the files
 * have the rest. They may go between the two; then the index is asked again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "served.h"

/* An entry whose files are not there was changed so often, or somebody removed them. */
#define TRIES	16
/* So often it was changed again, or cannot be taken out. */
#define TRIES_MAX	64

/** zcm_version_new() - Return: an open version of @obj with one reference, or NULL */
struct zcm_version *zcm_version_new(const struct zcm_object *obj, int fd, const struct stat *st)
{
	struct zcm_version *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->refs = 1;
	v->fd = fd;
	v->hash = obj->hash;
	v->generation = obj->generation;
	v->data_len = obj->data_len;
	v->dev = st->st_dev;
	v->ino = st->st_ino;
	return v;
}

/* -ENOENT: not there any more; -EUCLEAN: not as long as it should be. */
static int data_open(struct zc_mirror *m, uint64_t generation, uint64_t len, struct stat *st)
{
	char name[ZCM_NAME];
	int fd, err = 0;

	zcm_data_name(name, generation);
	fd = zcm_open(m, m->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return fd == -ELOOP || fd == -ENXIO ? -EUCLEAN : fd;
	if (fstat(fd, st))
		err = -errno;
	else if (!S_ISREG(st->st_mode) || (uint64_t)st->st_size != len)
		err = -EUCLEAN;
	if (!err)
		return fd;
	close(fd);
	return err;
}

/* The metadata of a version, which has gone if the file is of another. */
static int info_of(struct zc_mirror *m, const struct zcm_hash *hash, uint64_t generation,
		   struct zcm_info **info)
{
	char name[ZCM_NAME];
	int err;

	zcm_meta_name(name, hash);
	err = zcm_info_read(m, name, info);
	if (!err && (*info)->meta.generation != generation) {
		zcm_info_put(*info);
		*info = NULL;
		err = -ENOENT;
	}
	return err;
}

/** zcm_use_info() - let an object tell what its metadata has; the reference is its */
void zcm_use_info(struct zcm_object *obj, struct zcm_info *info)
{
	const struct zcm_meta *meta = &info->meta;

	obj->info = info;
	obj->etag = info->body + meta->key_len;
	obj->type = obj->etag + meta->etag_len;
	obj->header = obj->type + meta->type_len;
	obj->etag_len = meta->etag_len;
	obj->type_len = meta->type_len;
	obj->header_len = meta->header_len;
	obj->nr_tags = meta->nr_tags;
	memcpy(obj->tags, meta->tags, sizeof(obj->tags));
}

/* Opens what the index named. -ENOENT: it has gone meanwhile. */
static int load(struct zc_mirror *m, struct zcm_object *obj, unsigned int flags)
{
	struct zcm_version *v = zcm_version_get(m, obj->generation);
	struct zcm_info *info = NULL;
	struct stat st;
	int fd, err = 0;

	if (!v) {
		fd = data_open(m, obj->generation, obj->data_len, &st);
		if (fd < 0)
			return fd;
		v = zcm_version_new(obj, fd, &st);
		if (!v) {
			close(fd);
			return -ENOMEM;
		}
		zcm_cache_check(m);
		zcm_cache_add(m, v);
	}
	if (!(flags & ZCM_BARE)) {
		pthread_mutex_lock(&m->lock);
		info = zcm_info_get(v->info);
		pthread_mutex_unlock(&m->lock);
		if (!info)
			err = info_of(m, &obj->hash, obj->generation, &info);
		if (err) {
			zcm_version_put(v);
			return err;
		}
		pthread_mutex_lock(&m->lock);
		if (!v->info)
			v->info = zcm_info_get(info);
		pthread_mutex_unlock(&m->lock);
		zcm_use_info(obj, info);
	}
	obj->version = v;
	obj->fd = v->fd;
	return 0;
}

static void missed(struct zc_mirror *m, unsigned int flags)
{
	if (!(flags & ZCM_NO_COUNT))
		zcm_count(m, ZC_C_MISSES, 1);
}

/* What the index says of an object, found with the lock, goes to @obj. */
static void take_entry(struct zcm_object *obj, const struct zcm_entry *e, int64_t now)
{
	obj->hash = e->hash;
	obj->generation = e->generation;
	obj->data_len = e->data_len;
	obj->charge = e->charge;
	obj->hits = e->hits;
	obj->created_ns = e->created_ns;
	obj->expires_ns = e->expires_ns;
	/* Whoever may write the index can change it at any time. */
	obj->nr_tags = e->nr_tags < ZC_TAGS_MAX ? e->nr_tags : ZC_TAGS_MAX;
	memcpy(obj->tags, e->tags, sizeof(obj->tags));
	obj->state = zcm_expired(e->expires_ns, now) ? ZC_STATE_EXPIRED : 0;
}

static void take_info(struct zcm_object *obj, const struct zcm_info *info, int64_t now)
{
	obj->hash = info->hash;
	obj->generation = info->meta.generation;
	obj->data_len = info->meta.data_len;
	obj->charge = zcm_meta_charge(&info->meta);
	obj->created_ns = info->meta.created_ns;
	obj->expires_ns = info->meta.expires_ns;
	obj->state = zcm_expired(obj->expires_ns, now) ? ZC_STATE_EXPIRED : 0;
}

/* As zc_ioctl_find() of the module has it: first the time, then the version. */
static int judge(struct zc_mirror *m, const struct zcm_object *obj, uint64_t generation,
		 unsigned int flags)
{
	if (obj->state & ZC_STATE_EXPIRED && !(flags & ZCM_EXPIRED_OK)) {
		if (!(flags & ZCM_NO_COUNT))
			zcm_count(m, ZC_C_EXPIRED, 1);
		missed(m, flags);
		return -ENOENT;
	}
	if (generation && generation != obj->generation)
		return -ESTALE;
	return 0;
}

static bool counts(unsigned int flags)
{
	return !(flags & (ZCM_NO_COUNT | ZCM_HIT_LATER));
}

static void use_entry(struct zc_mirror *m, uint32_t i, unsigned int flags)
{
	if (counts(flags))
		m->entry[i].hits++;
	if (counts(flags) || flags & ZCM_USE)
		zcm_use(m, i);
}

/* Asks the index. The entry's state goes to @obj, which then is what the user wants. */
static int ask_index(struct zc_mirror *m, const struct zcm_hash *hash, uint64_t generation,
		     unsigned int flags, struct zcm_object *obj)
{
	struct zcm_entry *e;
	int64_t now = zcm_now();
	uint32_t i;
	int err;

	err = zcm_lock(m);
	if (err)
		return err;
	i = zcm_entry_live(m, hash, now);
	e = &m->entry[i];
	if (i) {
		take_entry(obj, e, now);
		err = judge(m, obj, generation, flags);
		if (!err)
			use_entry(m, i, flags);
	}
	zcm_unlock(m);
	if (!i) {
		missed(m, flags);
		err = -ENOENT;
	}
	return err;
}

static int ask_file(struct zc_mirror *m, const struct zcm_hash *hash, uint64_t generation,
		    unsigned int flags, struct zcm_object *obj)
{
	struct zcm_info *info;
	int64_t now = zcm_now();
	char name[ZCM_NAME];
	int err;

	zcm_meta_name(name, hash);
	err = zcm_info_read(m, name, &info);
	if (!err && zcm_over(m, info->meta.expires_ns, now)) {
		zcm_info_put(info);
		err = -ENOENT;
	}
	if (err == -EUCLEAN)
		err = -ENOENT;
	if (err) {
		missed(m, err == -ENOENT ? flags : ZCM_NO_COUNT);
		return err;
	}
	take_info(obj, info, now);
	zcm_info_put(info);
	return judge(m, obj, generation, flags);
}

/* The files of an entry are not what it says: takes it out, if it still is that one. */
static void drop_damaged(struct zc_mirror *m, const struct zcm_object *obj)
{
	uint32_t i;

	if (zcm_lock(m))
		return;
	i = zcm_entry_find(m, &obj->hash);
	if (i && m->entry[i].generation == obj->generation) {
		zcm_dirty(m);
		if (!zcm_remove(m, i, ZC_POLICY_GONE_OTHER))
			m->head->corrupt++;
		zcm_clean(m);
	}
	zcm_unlock(m);
	zcm_cache_drop(m, obj->generation);
}

/**
 * zcm_hit() - count that an object was found
 * @m: the mirror
 * @obj: the object, found with ZCM_HIT_LATER
 */
void zcm_hit(struct zc_mirror *m, const struct zcm_object *obj)
{
	uint32_t i;

	if (m->served) {
		zcs_hit(m, obj);
		return;
	}
	zcm_count(m, ZC_C_HITS, 1);
	zcm_count(m, ZC_C_HIT_BYTES, obj->data_len);
	if (m->direct || zcm_lock(m))
		return;
	i = zcm_entry_find(m, &obj->hash);
	if (m->entry[i].generation == obj->generation)
		use_entry(m, i, 0);
	zcm_unlock(m);
}

/**
 * zcm_key_check() - check a key that the user gives
 * @m: the mirror
 * @key: the key
 * @len: its bytes
 *
 * Return: 0, -EINVAL, -ENAMETOOLONG or -EFAULT.
 */
int zcm_key_check(const struct zc_mirror *m, const void *key, size_t len)
{
	if (!len)
		return -EINVAL;
	if (len > m->super.max_key_len)
		return -ENAMETOOLONG;
	return key ? 0 : -EFAULT;
}

/**
 * zcm_find() - find the object of a key
 * @m: the mirror
 * @key: the key
 * @key_len: its bytes
 * @generation: the version wanted, 0 for any
 * @miss_tag: whose a miss is; a mirror counts no tags
 * @flags: ZCM_*
 * @obj: set to the object
 *
 * Return: 0 or -errno, see mirror.h.
 */
int zcm_find(struct zc_mirror *m, const void *key, size_t key_len, uint64_t generation,
	     uint64_t miss_tag, unsigned int flags, struct zcm_object **obj)
{
	unsigned int tries = 0, asked = flags;
	struct zcm_object *found;
	struct zcm_hash hash;
	int err;

	(void)miss_tag;
	err = zcm_key_check(m, key, key_len);
	if (err)
		return err;
	if (m->served)
		return zcs_find(m, key, key_len, generation, flags, obj);
	found = calloc(1, sizeof(*found));
	if (!found)
		return -ENOMEM;
	zcm_hash(m, key, key_len, &hash);
	for (;;) {
		err = m->direct ? ask_file(m, &hash, generation, asked, found) :
				  ask_index(m, &hash, generation, asked, found);
		if (err)
			break;
		/* A hit is one, however often the object is replaced meanwhile. */
		asked = (flags & ~ZCM_USE) | ZCM_HIT_LATER;
		err = load(m, found, flags);
		if (err != -EUCLEAN && err != -ENOENT)
			break;
		tries++;
		if ((m->direct && (err == -EUCLEAN || tries >= TRIES)) || tries == TRIES_MAX) {
			missed(m, flags);
			err = -ENOENT;
			break;
		}
		if (err == -EUCLEAN || tries >= TRIES)
			drop_damaged(m, found);
	}
	if (err) {
		free(found);
		return err;
	}
	if (counts(flags)) {
		zcm_count(m, ZC_C_HITS, 1);
		zcm_count(m, ZC_C_HIT_BYTES, found->data_len);
	}
	*obj = found;
	return 0;
}

/* The version that a file of this mirror is called after, 0 if it is none. */
static uint64_t generation_of_fd(const struct zc_mirror *m, int fd, bool *other)
{
	size_t len = strlen(m->path);
	char proc[32], path[PATH_MAX];
	uint64_t generation;
	unsigned int low;
	const char *tail;
	ssize_t n;
	int end = 0;

	*other = false;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	n = readlink(proc, path, sizeof(path) - 1);
	/* "/data/00/0000000000000000", and whatever is before and behind. */
	if (n < 25)
		return 0;
	path[n] = '\0';
	tail = strstr(path, "/data/");
	for (; tail; tail = strstr(tail + 1, "/data/")) {
		unsigned long long g;

		end = 0;
		if (sscanf(tail, "/data/%2x/%16llx%n", &low, &g, &end) != 2 || end != 25 ||
		    (tail[end] && strcmp(tail + end, " (deleted)")))
			continue;
		generation = g;
		*other = (size_t)(tail - path) != len || strncmp(path, m->path, len);
		return *other || tail[end] ? 0 : generation;
	}
	return 0;
}

/* Metadata of a version whose key nobody knows: of an fd from another process. */
static int info_of_generation(struct zc_mirror *m, uint64_t generation, struct zcm_info **info)
{
	struct zcm_hash hash;
	bool there;
	uint32_t i;
	int err;

	if (m->direct)
		return -EXDEV;
	err = zcm_lock(m);
	if (err)
		return err;
	for (i = 1; i < m->slots && m->entry[i].generation != generation; i++)
		;
	there = i < m->slots;
	if (there)
		hash = m->entry[i].hash;
	zcm_unlock(m);
	if (!there)
		return -EXDEV;
	err = info_of(m, &hash, generation, info);
	return err == -ENOENT || err == -EUCLEAN ? -EXDEV : err;
}

static int known(struct zc_mirror *m, int fd, const struct stat *st, struct zcm_info **info)
{
	struct stat named;
	uint64_t generation;
	bool other;
	int err, named_fd;

	*info = zcm_known_find(m, st);
	if (*info)
		return 0;
	if (m->served)
		return zcm_stamped(m, st) ? -EXDEV : -EINVAL;
	generation = generation_of_fd(m, fd, &other);
	if (!generation)
		return other || zcm_stamped(m, st) ? -EXDEV : -EINVAL;
	named_fd = data_open(m, generation, st->st_size, &named);
	if (named_fd < 0)
		return -EXDEV;
	close(named_fd);
	if (named.st_ino != st->st_ino || named.st_dev != st->st_dev)
		return -EXDEV;
	err = info_of_generation(m, generation, info);
	if (!err)
		zcm_known_add(m, st, *info);
	return err;
}

/* It may have been made expire before it went. */
static void take_past(struct zc_mirror *m, struct zcm_object *obj, int64_t now)
{
	obj->expires_ns = zcm_past_expires(m, obj->generation, obj->expires_ns);
	obj->state = zcm_expired(obj->expires_ns, now) ? ZC_STATE_EXPIRED : 0;
}

/**
 * zcm_find_held() - ask the index about a version that is open, and may have gone
 * @m: the mirror, with an index
 * @obj: the object, as far as its metadata tells; set to what the index knows better
 * @generation: the version wanted, 0 for any
 * @flags: ZCM_*
 *
 * Return: 0, -ENOENT, -ESTALE, or why the index cannot be asked.
 */
int zcm_find_held(struct zc_mirror *m, struct zcm_object *obj, uint64_t generation,
		  unsigned int flags)
{
	uint64_t held = obj->generation;
	int64_t now = zcm_now();
	int err = zcm_lock(m);
	uint32_t i;

	if (err)
		return err;
	i = zcm_entry_find(m, &obj->hash);
	if (m->entry[i].generation == held)
		take_entry(obj, &m->entry[i], now);
	else
		take_past(m, obj, now);
	err = judge(m, obj, generation, flags);
	if (!err && m->entry[i].generation == held)
		use_entry(m, i, flags);
	zcm_unlock(m);
	if (!err && counts(flags)) {
		zcm_count(m, ZC_C_HITS, 1);
		zcm_count(m, ZC_C_HIT_BYTES, obj->data_len);
	}
	return err;
}

static int direct_held(struct zc_mirror *m, const struct zcm_object *obj, uint64_t generation,
		       unsigned int flags)
{
	int err = judge(m, obj, generation, flags);

	if (!err && counts(flags)) {
		zcm_count(m, ZC_C_HITS, 1);
		zcm_count(m, ZC_C_HIT_BYTES, obj->data_len);
	}
	return err;
}

/**
 * zcm_find_fd() - find the version that an object fd names
 * @m: the mirror
 * @fd: the fd
 * @generation: the version wanted, 0 for any
 * @flags: ZCM_*
 * @obj: set to the object
 *
 * Return: 0 or -errno, see mirror.h.
 */
int zcm_find_fd(struct zc_mirror *m, int fd, uint64_t generation, unsigned int flags,
		struct zcm_object **obj)
{
	int64_t now = zcm_now();
	struct zcm_object *found;
	struct zcm_info *info;
	struct stat st;
	int err, mode;

	if (fstat(fd, &st))
		return -errno;
	mode = fcntl(fd, F_GETFL);
	/* A fill fd is of the same file, but no object fd. */
	if (!S_ISREG(st.st_mode) || mode < 0 || (mode & O_ACCMODE) != O_RDONLY)
		return -EINVAL;
	err = known(m, fd, &st, &info);
	if (err)
		return err;
	found = calloc(1, sizeof(*found));
	if (!found) {
		zcm_info_put(info);
		return -ENOMEM;
	}
	take_info(found, info, now);
	zcm_use_info(found, info);
	found->fd = fd;
	if (m->served)
		err = zcs_held(m, found, generation, flags);
	else if (m->direct)
		err = direct_held(m, found, generation, flags);
	else
		err = zcm_find_held(m, found, generation, flags);
	if (err)
		zcm_put(m, found);
	else
		*obj = found;
	return err;
}

/**
 * zcm_put() - end what zcm_find() gave
 * @m: the mirror
 * @obj: the object
 */
void zcm_put(struct zc_mirror *m, struct zcm_object *obj)
{
	(void)m;
	if (obj->version)
		zcm_version_put(obj->version);
	zcm_info_put(obj->info);
	free(obj);
}

/**
 * zcm_reopen() - open an object's file once more
 * @m: the mirror
 * @obj: the object
 *
 * Return: the fd, with a position of its own, or -errno.
 */
int zcm_reopen(struct zc_mirror *m, const struct zcm_object *obj)
{
	char proc[32];
	struct stat st;
	int fd;

	/* By its fd, so that it is this version and also one without a name. */
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", obj->fd);
	fd = zcm_open(m, AT_FDCWD, proc, O_RDONLY);
	if (fd != -ENOENT || m->dir < 0)
		return fd;
	return data_open(m, obj->generation, obj->data_len, &st);
}
