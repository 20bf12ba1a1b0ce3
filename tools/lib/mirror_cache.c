// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * What a process keeps of a mirror: versions that are open, so that who finds one
 * again opens nothing; and the metadata of those that it opened for its user, whose
 * object fd names a version also when its files are gone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mirror.h"

#define KNOWN_MIN	1024	/* of which so many are kept without asking who is open */

static struct zcm_version **bucket_of(struct zc_mirror *m, uint64_t generation)
{
	return &m->bucket[generation % ZCM_CACHE_MAX];
}

static void unlink_queue(struct zc_mirror *m, struct zcm_version *v)
{
	if (v->newer)
		v->newer->older = v->older;
	else
		m->newest = v->older;
	if (v->older)
		v->older->newer = v->newer;
	else
		m->oldest = v->newer;
}

static void link_queue(struct zc_mirror *m, struct zcm_version *v)
{
	v->newer = NULL;
	v->older = m->newest;
	if (m->newest)
		m->newest->newer = v;
	else
		m->oldest = v;
	m->newest = v;
}

/**
 * zcm_version_put() - drop a reference; with the last one files and bytes go
 * @v: the version
 */
void zcm_version_put(struct zcm_version *v)
{
	if (__atomic_sub_fetch(&v->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (v->mapped)
		munmap(v->bytes, v->data_len);
	else
		free(v->bytes);
	if (v->fd >= 0)
		close(v->fd);
	zcm_info_put(v->info);
	free(v);
}

/**
 * zcm_version_get() - find a version that is open
 * @m: the mirror
 * @generation: which
 *
 * Return: the version with a reference, or NULL.
 */
struct zcm_version *zcm_version_get(struct zc_mirror *m, uint64_t generation)
{
	struct zcm_version *v;

	pthread_mutex_lock(&m->lock);
	for (v = *bucket_of(m, generation); v; v = v->chain)
		if (v->generation == generation)
			break;
	if (v) {
		__atomic_fetch_add(&v->refs, 1, __ATOMIC_RELAXED);
		if (m->newest != v) {
			unlink_queue(m, v);
			link_queue(m, v);
		}
	}
	pthread_mutex_unlock(&m->lock);
	return v;
}

/* Takes a version out. The caller drops the reference when the lock is free. */
static void take(struct zc_mirror *m, struct zcm_version *v)
{
	struct zcm_version **link = bucket_of(m, v->generation);

	while (*link != v)
		link = &(*link)->chain;
	*link = v->chain;
	unlink_queue(m, v);
	m->nr_cached--;
	m->mapped -= v->data_len;
}

/**
 * zcm_cache_add() - keep a version open
 * @m: the mirror
 * @v: the version; the cache gets a reference of its own
 */
void zcm_cache_add(struct zc_mirror *m, struct zcm_version *v)
{
	struct zcm_version *out = NULL, *other;

	pthread_mutex_lock(&m->lock);
	for (other = *bucket_of(m, v->generation); other; other = other->chain)
		if (other->generation == v->generation)
			goto unlock;
	__atomic_fetch_add(&v->refs, 1, __ATOMIC_RELAXED);
	v->chain = *bucket_of(m, v->generation);
	*bucket_of(m, v->generation) = v;
	link_queue(m, v);
	m->nr_cached++;
	m->mapped += v->data_len;
	while (m->oldest != v &&
	       (m->nr_cached > ZCM_CACHE_MAX || m->mapped > ZCM_CACHE_BYTES)) {
		other = m->oldest;
		take(m, other);
		other->chain = out;
		out = other;
	}
unlock:
	pthread_mutex_unlock(&m->lock);
	while (out) {
		other = out;
		out = other->chain;
		zcm_version_put(other);
	}
}

/**
 * zcm_cache_drop() - do not keep a version open that has been replaced or deleted
 * @m: the mirror
 * @generation: which; nothing happens if it is not there
 *
 * Takes no lock of the index, and may be called with it.
 */
void zcm_cache_drop(struct zc_mirror *m, uint64_t generation)
{
	struct zcm_version *v;

	pthread_mutex_lock(&m->lock);
	for (v = *bucket_of(m, generation); v; v = v->chain)
		if (v->generation == generation)
			break;
	if (v)
		take(m, v);
	pthread_mutex_unlock(&m->lock);
	if (v)
		zcm_version_put(v);
}

/**
 * zcm_cache_check() - do not keep open what others have replaced or deleted
 * @m: the mirror; its index is not locked
 *
 * Looks at those used longest ago, a few a call: nobody asked for them since.
 */
void zcm_cache_check(struct zc_mirror *m)
{
	uint64_t generation[4] = { 0 };
	struct zcm_hash hash[4];
	struct zcm_version *v;
	bool gone[4] = { 0 };
	unsigned int nr = 0, i;

	pthread_mutex_lock(&m->lock);
	for (v = m->oldest; v && nr < 4; v = v->newer) {
		generation[nr] = v->generation;
		hash[nr++] = v->hash;
	}
	pthread_mutex_unlock(&m->lock);
	if (m->direct || zcm_lock(m))
		return;
	for (i = 0; i < nr; i++)
		gone[i] = m->entry[zcm_entry_find(m, &hash[i])].generation != generation[i];
	zcm_unlock(m);
	for (i = 0; i < nr; i++)
		if (gone[i])
			zcm_cache_drop(m, generation[i]);
}

/* Closes one that nobody uses now, of those used longest ago. Returns whether there was one. */
static bool drop_idle(struct zc_mirror *m)
{
	struct zcm_version *v;

	pthread_mutex_lock(&m->lock);
	/* Who else has one has found it here, or has it from who did. */
	for (v = m->oldest; v && __atomic_load_n(&v->refs, __ATOMIC_ACQUIRE) > 1; v = v->newer)
		;
	if (v)
		take(m, v);
	pthread_mutex_unlock(&m->lock);
	if (v)
		zcm_version_put(v);
	return v;
}

/**
 * zcm_open() - open a file, if need be in place of a version that is kept open for nobody
 * @m: the mirror; its index may be locked
 * @dir: the folder that the name is of
 * @name: the file
 * @flags: as of openat(2); O_CLOEXEC is added
 *
 * A process may have so many files open only. Those that the library keeps by itself
 * are not to be why the user has none.
 *
 * Return: the fd, or -errno.
 */
int zcm_open(struct zc_mirror *m, int dir, const char *name, int flags)
{
	int fd, err;

	do {
		fd = openat(dir, name, flags | O_CLOEXEC, 0666);
		err = fd < 0 ? -errno : 0;
	} while ((err == -EMFILE || err == -ENFILE) && drop_idle(m));
	return err ?: fd;
}

/** zcm_cache_exit() - the end of the cache; who has found a version keeps it */
void zcm_cache_exit(struct zc_mirror *m)
{
	while (m->newest)
		zcm_cache_drop(m, m->newest->generation);
}

/**
 * struct zcm_known - a version that was opened for the user
 * @next: the next one
 * @ino: of its data file
 * @mtime: its mark, which tells it from a later file with this inode
 * @info: its metadata, referenced
 */
struct zcm_known {
	struct zcm_known *next;
	ino_t ino;
	struct timespec mtime;
	struct zcm_info *info;
};

static struct zcm_known **known_bucket(struct zc_mirror *m, ino_t ino)
{
	return &m->known[ino % ZCM_KNOWN_BUCKETS];
}

static struct zcm_known **known_link(struct zc_mirror *m, const struct stat *st)
{
	struct zcm_known **link = known_bucket(m, st->st_ino);

	while (*link && ((*link)->ino != st->st_ino ||
			 (*link)->mtime.tv_sec != st->st_mtim.tv_sec ||
			 (*link)->mtime.tv_nsec != st->st_mtim.tv_nsec))
		link = &(*link)->next;
	return link;
}

static int cmp_ino(const void *a, const void *b)
{
	ino_t x = *(const ino_t *)a, y = *(const ino_t *)b;

	return x < y ? -1 : x > y;
}

/* The inodes of this mirror that are open in this process. Returns how many, or -1. */
static ssize_t open_inodes(const struct zc_mirror *m, ino_t **inodes)
{
	DIR *dir = opendir("/proc/self/fd");
	ssize_t nr = 0, room = 0;
	struct dirent *d;
	struct stat st;

	*inodes = NULL;
	if (!dir)
		return -1;
	while ((d = readdir(dir))) {
		/* By name: the fd may be another thread's, which closes it now. */
		if (d->d_name[0] == '.' || fstatat(dirfd(dir), d->d_name, &st, 0) ||
		    !zcm_stamped(m, &st))
			continue;
		if (nr == room) {
			ino_t *more = realloc(*inodes, (2 * room + 64) * sizeof(**inodes));

			if (!more) {
				nr = -1;
				break;
			}
			*inodes = more;
			room = 2 * room + 64;
		}
		(*inodes)[nr++] = st.st_ino;
	}
	closedir(dir);
	if (nr > 0)
		qsort(*inodes, nr, sizeof(**inodes), cmp_ino);
	return nr;
}

/* Nobody tells when the user closes an object fd: asks the system what is open. */
static void known_check(struct zc_mirror *m)
{
	struct zcm_known **link, *k;
	ino_t *inodes;
	ssize_t nr = open_inodes(m, &inodes);
	unsigned int i;

	for (i = 0; nr >= 0 && i < ZCM_KNOWN_BUCKETS; i++) {
		for (link = &m->known[i]; (k = *link);) {
			if (nr && bsearch(&k->ino, inodes, nr, sizeof(*inodes), cmp_ino)) {
				link = &k->next;
				continue;
			}
			*link = k->next;
			zcm_info_put(k->info);
			free(k);
			m->nr_known--;
		}
	}
	free(inodes);
	m->known_max = 2 * m->nr_known > KNOWN_MIN ? 2 * m->nr_known : KNOWN_MIN;
}

/**
 * zcm_known_add() - note that a version is open behind a fd of the user
 * @m: the mirror
 * @st: the data file
 * @info: its metadata; a reference is taken
 *
 * Without memory the version is known as long as its files have their names; as where the
 * file system keeps whole seconds, so that the mark does not tell it from a later file.
 */
void zcm_known_add(struct zc_mirror *m, const struct stat *st, struct zcm_info *info)
{
	struct zcm_known **link, *k;

	if (!zcm_marked(st, info->meta.generation))
		return;
	pthread_mutex_lock(&m->lock);
	link = known_link(m, st);
	if (*link) {
		/* The same, or an earlier file with the inode that had no mark. */
		zcm_info_put((*link)->info);
		(*link)->info = zcm_info_get(info);
		goto unlock;
	}
	k = malloc(sizeof(*k));
	if (!k)
		goto unlock;
	*k = (struct zcm_known) {
		.ino = st->st_ino, .mtime = st->st_mtim, .info = zcm_info_get(info),
	};
	*link = k;
	m->nr_known++;
	if (m->nr_known > m->known_max)
		known_check(m);
unlock:
	pthread_mutex_unlock(&m->lock);
}

/**
 * zcm_known_find() - find the version that a fd of the user names
 * @m: the mirror
 * @st: the file behind the fd
 *
 * Return: its metadata with a reference, or NULL.
 */
struct zcm_info *zcm_known_find(struct zc_mirror *m, const struct stat *st)
{
	struct zcm_known *k;
	struct zcm_info *info = NULL;

	if (st->st_dev != m->dev)
		return NULL;
	pthread_mutex_lock(&m->lock);
	k = *known_link(m, st);
	if (k)
		info = zcm_info_get(k->info);
	pthread_mutex_unlock(&m->lock);
	return info;
}

/** zcm_known_exit() - forget them all */
void zcm_known_exit(struct zc_mirror *m)
{
	struct zcm_known *k;
	unsigned int i;

	for (i = 0; i < ZCM_KNOWN_BUCKETS; i++) {
		while ((k = m->known[i])) {
			m->known[i] = k->next;
			zcm_info_put(k->info);
			free(k);
		}
	}
}
