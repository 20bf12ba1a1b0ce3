// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The mirror's files: how they are called, metadata, and the mark of data files. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mirror.h"

#define NS_PER_S	1000000000ULL

/** zcm_meta_name() - the metadata file of a key; name has room for ZCM_NAME */
void zcm_meta_name(char *name, const struct zcm_hash *hash)
{
	snprintf(name, ZCM_NAME, "meta/%02x/%016" PRIx64 "%016" PRIx64,
		 (unsigned int)(hash->w[0] >> 56), hash->w[0], hash->w[1]);
}

/** zcm_data_name() - the data file of a version; name has room for ZCM_NAME */
void zcm_data_name(char *name, uint64_t generation)
{
	snprintf(name, ZCM_NAME, "data/%02x/%016" PRIx64, (unsigned int)(generation & 0xff),
		 generation);
}

/** zcm_fill_name() - the file of a fill, or of its metadata; room as above */
void zcm_fill_name(char *name, uint64_t id, bool meta)
{
	snprintf(name, ZCM_NAME, "fill/%016" PRIx64 "%s", id, meta ? ".m" : "");
}

static uint64_t round_up(uint64_t n)
{
	return n > UINT64_MAX - ZCM_PAGE ? UINT64_MAX : (n + ZCM_PAGE - 1) / ZCM_PAGE * ZCM_PAGE;
}

static size_t body_len(const struct zcm_meta *meta)
{
	return (size_t)meta->key_len + meta->etag_len + meta->type_len + meta->header_len;
}

/** zcm_meta_charge() - Return: what an object takes of the capacity */
uint64_t zcm_meta_charge(const struct zcm_meta *meta)
{
	uint64_t data = round_up(meta->data_len), own = round_up(sizeof(*meta) + body_len(meta));

	return data > UINT64_MAX - own ? UINT64_MAX : data + own;
}

/** zcm_info_alloc() - Return: metadata of 0 with one reference, or NULL: no memory */
struct zcm_info *zcm_info_alloc(size_t body)
{
	struct zcm_info *info = calloc(1, sizeof(*info) + body);

	if (info)
		info->refs = 1;
	return info;
}

/**
 * zcm_info_new() - metadata of an object to be
 * @m: where
 * @put: what the user says of it, checked
 *
 * Return: the metadata with one reference, or NULL: no memory.
 */
struct zcm_info *zcm_info_new(const struct zc_mirror *m, const struct zc_put *put)
{
	const struct {
		uint64_t addr;
		uint32_t len;
	} part[] = {
		{ put->key, put->key_len },
		{ put->etag, put->etag_len },
		{ put->type, put->type_len },
		{ put->header, put->header_len },
	};
	struct zcm_info *info;
	size_t len = 0, i;

	for (i = 0; i < 4; i++)
		len += part[i].len;
	info = zcm_info_alloc(len);
	if (!info)
		return NULL;
	len = 0;
	for (i = 0; i < 4; i++) {
		if (part[i].len)
			memcpy(info->body + len, (void *)(uintptr_t)part[i].addr, part[i].len);
		len += part[i].len;
	}
	info->meta = (struct zcm_meta) {
		.magic = ZCM_META_MAGIC, .version = ZCM_VERSION,
		.nr_tags = put->nr_tags, .key_len = put->key_len, .etag_len = put->etag_len,
		.type_len = put->type_len, .header_len = put->header_len, .flags = put->flags,
		.data_len = put->data_len, .expires_ns = put->expires_ns,
		.body_crc = zcm_crc(0, info->body, len),
	};
	/* They are checked later. */
	if (put->nr_tags && put->tags)
		memcpy(info->meta.tags, (void *)(uintptr_t)put->tags, 8 * put->nr_tags);
	zcm_hash(m, info->body, put->key_len, &info->hash);
	return info;
}

/** zcm_info_get() - Return: the metadata, with another reference */
struct zcm_info *zcm_info_get(struct zcm_info *info)
{
	if (info)
		__atomic_fetch_add(&info->refs, 1, __ATOMIC_RELAXED);
	return info;
}

/** zcm_info_put() - drop a reference; NULL is allowed */
void zcm_info_put(struct zcm_info *info)
{
	if (info && __atomic_sub_fetch(&info->refs, 1, __ATOMIC_ACQ_REL) == 0)
		free(info);
}

static int read_all(int fd, void *buf, size_t len, off_t pos)
{
	while (len) {
		ssize_t n = pread(fd, buf, len, pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EUCLEAN;
		buf = (char *)buf + n;
		len -= n;
		pos += n;
	}
	return 0;
}

static bool meta_good(const struct zc_mirror *m, const struct zcm_meta *meta)
{
	return meta->magic == ZCM_META_MAGIC && meta->version == ZCM_VERSION &&
	       meta->crc == zcm_crc(0, meta, offsetof(struct zcm_meta, crc)) &&
	       meta->key_len && meta->key_len <= m->super.max_key_len &&
	       meta->etag_len <= ZC_ETAG_MAX && meta->type_len <= ZC_TYPE_MAX &&
	       meta->header_len <= ZC_HEADER_MAX && meta->nr_tags <= ZC_TAGS_MAX &&
	       meta->data_len <= INT64_MAX && meta->expires_ns >= 0;
}

/**
 * zcm_info_read() - read a metadata file
 * @m: where
 * @name: the file
 * @info: set to the metadata, with one reference
 *
 * Return: 0, -EUCLEAN if it is damaged, or what the system says.
 */
int zcm_info_read(struct zc_mirror *m, const char *name, struct zcm_info **info)
{
	struct zcm_meta meta;
	struct stat st;
	int fd, err;

	fd = zcm_open(m, m->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return fd == -ELOOP || fd == -ENXIO || fd == -ENODEV ? -EUCLEAN : fd;
	err = read_all(fd, &meta, sizeof(meta), 0);
	/* A folder or the like in its place. */
	if (err && !fstat(fd, &st) && !S_ISREG(st.st_mode))
		err = -EUCLEAN;
	if (!err && !meta_good(m, &meta))
		err = -EUCLEAN;
	if (err)
		goto out;
	*info = zcm_info_alloc(body_len(&meta));
	if (!*info) {
		err = -ENOMEM;
		goto out;
	}
	(*info)->meta = meta;
	err = read_all(fd, (*info)->body, body_len(&meta), sizeof(meta));
	if (!err && meta.body_crc != zcm_crc(0, (*info)->body, body_len(&meta)))
		err = -EUCLEAN;
	if (err)
		zcm_info_put(*info);
	else
		zcm_hash(m, (*info)->body, meta.key_len, &(*info)->hash);
out:
	close(fd);
	return err;
}

static int write_fd(int fd, struct zcm_info *info, size_t body, bool sync)
{
	struct iovec iov[2] = {
		{ &info->meta, sizeof(info->meta) },
		{ info->body, body },
	};
	ssize_t n;

	info->meta.crc = zcm_crc(0, &info->meta, offsetof(struct zcm_meta, crc));
	do {
		n = writev(fd, iov, 2);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n < iov[0].iov_len + body)
		return -ENOSPC;
	return sync && fsync(fd) ? -errno : 0;
}

static int write_info(struct zc_mirror *m, const char *name, int flags, struct zcm_info *info,
		      size_t body, bool sync)
{
	int fd, err;

	flags |= O_WRONLY | O_NOFOLLOW | O_NONBLOCK;
	fd = zcm_open(m, m->dir, name, flags);
	/* What a killed process left; or a link, to a file that is not ours. */
	if (fd == -EEXIST && !unlinkat(m->dir, name, 0))
		fd = zcm_open(m, m->dir, name, flags);
	if (fd < 0)
		return fd;
	err = write_fd(fd, info, body, sync);
	close(fd);
	return err;
}

/**
 * zcm_info_write() - make a metadata file
 * @m: where
 * @name: the file, which is replaced
 * @info: what to write; the sum is set
 * @sync: have it on the disk
 *
 * Return: 0, or what the system says; then the file may be there in part.
 */
int zcm_info_write(struct zc_mirror *m, const char *name, struct zcm_info *info, bool sync)
{
	return write_info(m, name, O_CREAT | O_EXCL, info, body_len(&info->meta), sync);
}

/** zcm_info_rewrite() - write what changes of a metadata file that is there; not synced */
int zcm_info_rewrite(struct zc_mirror *m, const char *name, struct zcm_info *info)
{
	return write_info(m, name, 0, info, 0, false);
}

/**
 * zcm_info_write_unnamed() - write metadata to a file that can be given a name
 * @m: where
 * @info: what to write; the sum is set
 *
 * Return: the fd; what is written is on the disk. Or -errno.
 */
int zcm_info_write_unnamed(struct zc_mirror *m, struct zcm_info *info)
{
	int fd = zcm_open(m, m->dir, "fill", O_WRONLY | O_TMPFILE), err;

	if (fd < 0)
		return fd;
	err = write_fd(fd, info, body_len(&info->meta), true);
	if (!err)
		return fd;
	close(fd);
	return err;
}

/**
 * zcm_unlink() - remove a file that belongs to no object any more
 * @m: the mirror, locked and dirty
 * @name: the file
 *
 * If that fails the index stays dirty: who locks it next looks at all files again.
 */
void zcm_unlink(struct zc_mirror *m, const char *name)
{
	if (unlinkat(m->dir, name, 0) && errno != ENOENT)
		m->head->torn = 1;
}

/**
 * zcm_stamp() - mark a data file as a version of this mirror
 * @m: the mirror
 * @fd: the file, open for writing
 * @generation: the version
 *
 * The mark is the time of the last change, which no other file has and which goes
 * with the inode wherever it is called. Without it a version is known by its name
 * alone, as long as it has one; so an error, that the file is another user's, is none.
 */
void zcm_stamp(const struct zc_mirror *m, int fd, uint64_t generation)
{
	const struct timespec times[2] = {
		{ .tv_nsec = UTIME_OMIT },
		{ .tv_sec = m->super.id, .tv_nsec = generation % NS_PER_S },
	};

	(void)futimens(fd, times);
}

/** zcm_marked() - Return: whether the mark of a file of this mirror names this version */
bool zcm_marked(const struct stat *st, uint64_t generation)
{
	return st->st_mtim.tv_nsec == (long)(generation % NS_PER_S);
}

/** zcm_stamped() - Return: whether a file has the mark of this mirror */
bool zcm_stamped(const struct zc_mirror *m, const struct stat *st)
{
	return st->st_dev == m->dev && st->st_mtim.tv_sec == (time_t)m->super.id;
}
