// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * Making the index of a mirror from its files, which are right: metadata says which
 * version a key has; data without it, and fills whose lock nobody holds, are what a
 * killed process left, and go.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mirror.h"

#define META_DIGITS	32

/**
 * struct found - objects that have whole files
 * @info: their metadata
 * @nr: how many
 * @room: for how many
 * @bound: no generation above it was ever given
 * @unread: some could not be read; their data is not known to be nobody's
 */
struct found {
	struct zcm_info **info;
	size_t nr;
	size_t room;
	uint64_t bound;
	bool unread;
};

/**
 * struct file - a file in a folder of the mirror
 * @dir: the folder
 * @name: what it is called there
 * @path: and in the mirror's folder
 */
struct file {
	int dir;
	const char *name;
	const char *path;
};

typedef int (*file_fn)(struct zc_mirror *m, const struct file *file, void *arg);

#define FOLDER	(O_RDONLY | O_DIRECTORY | O_NOFOLLOW)

/* Opens a folder, or one in it. A link leads to files of others, so none is followed. */
static int open_folder(struct zc_mirror *m, const char *folder)
{
	const char *sub = strchr(folder, '/');
	size_t len = sub ? (size_t)(sub - folder) : strlen(folder);
	char top[ZCM_NAME] = "";
	int fd, in;

	memcpy(top, folder, len < sizeof(top) ? len : sizeof(top) - 1);
	fd = zcm_open(m, m->dir, top, FOLDER);
	if (fd < 0 || !sub)
		return fd;
	in = zcm_open(m, fd, sub + 1, FOLDER);
	close(fd);
	return in;
}

/* Calls back with each name in a folder of the mirror, but those with a dot in front. */
static int each(struct zc_mirror *m, const char *folder, file_fn fn, void *arg)
{
	int fd = open_folder(m, folder), err = 0;
	char path[2 * ZCM_NAME + 256];
	struct dirent *d;
	DIR *dir;

	/* What is no folder, or a link to one, has no files of ours. */
	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP ? 0 : fd;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	errno = 0;
	while (!err && (d = readdir(dir))) {
		/* What is longer is none of ours. */
		if (d->d_name[0] != '.' && strlen(d->d_name) < ZCM_NAME) {
			const struct file file = { fd, d->d_name, path };

			snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
			err = fn(m, &file, arg);
		}
		errno = 0;
	}
	if (!err)
		err = -errno;
	closedir(dir);
	return err;
}

static void remove_file(struct zc_mirror *m, const struct file *file, uint64_t *counter)
{
	if (!m->direct && !unlinkat(file->dir, file->name, 0))
		++*counter;
}

/* What has another name was put there by somebody else, and is not ours to remove. */
static bool meta_form(const char *name)
{
	return strlen(name) == META_DIGITS &&
	       strspn(name, "0123456789abcdef") == META_DIGITS;
}

/*
 * What becomes of metadata that cannot be used. What is damaged goes; where the disk has
 * an error there is no such object as long as it lasts, and nothing is removed. All else
 * says nothing about the file, and comes to an end: until then there is no index.
 */
static int spoilt(struct zc_mirror *m, const struct file *file, struct found *found, int err)
{
	if (err == -ENOENT)
		return 0;
	if (err == -EUCLEAN) {
		remove_file(m, file, &m->head->corrupt);
		return 0;
	}
	if (err != -EIO)
		return err;
	m->head->corrupt++;
	found->unread = true;
	return 0;
}

/* Whether an error means that a fill cannot be committed any more. */
static bool useless(int err)
{
	return err == -ENOENT || err == -EUCLEAN || err == -EIO;
}

/* Whether the data is there as the metadata says. */
static int check_bytes(struct zc_mirror *m, const struct zcm_info *info)
{
	char data[ZCM_NAME];
	struct stat st;

	zcm_data_name(data, info->meta.generation);
	if (fstatat(m->dir, data, &st, AT_SYMLINK_NOFOLLOW))
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP ? -EUCLEAN : -errno;
	return S_ISREG(st.st_mode) && (uint64_t)st.st_size == info->meta.data_len ? 0 : -EUCLEAN;
}

static int add_meta(struct zc_mirror *m, const struct file *file, void *arg)
{
	struct found *found = arg;
	struct zcm_info *info;
	char want[ZCM_NAME];
	int err;

	if (!meta_form(file->name))
		return 0;
	err = zcm_info_read(m, file->path, &info);
	if (err)
		return spoilt(m, file, found, err);
	zcm_meta_name(want, &info->hash);
	if (strcmp(want, file->path) || !info->meta.generation ||
	    info->meta.generation > found->bound)
		err = -EUCLEAN;
	else
		err = check_bytes(m, info);
	if (err) {
		zcm_info_put(info);
		return spoilt(m, file, found, err);
	}
	if (found->nr == found->room) {
		size_t room = 2 * found->room + 1024;
		struct zcm_info **more = realloc(found->info, room * sizeof(*more));

		if (!more) {
			zcm_info_put(info);
			return -ENOMEM;
		}
		found->info = more;
		found->room = room;
	}
	/* There may be very many: of each only what its entry has is kept. */
	found->info[found->nr++] = realloc(info, sizeof(*info) + ZCM_KEY_START) ?: info;
	return 0;
}

static int cmp_generation(const void *a, const void *b)
{
	uint64_t x = (*(struct zcm_info *const *)a)->meta.generation;
	uint64_t y = (*(struct zcm_info *const *)b)->meta.generation;

	return x < y ? -1 : x > y;
}

static bool has_generation(const struct found *found, uint64_t generation)
{
	struct zcm_info key = { .meta.generation = generation }, *want = &key;

	return found->nr &&
	       bsearch(&want, found->info, found->nr, sizeof(want), cmp_generation);
}

static int check_data(struct zc_mirror *m, const struct file *file, void *arg)
{
	uint64_t generation = strtoull(file->name, NULL, 16);
	char good[ZCM_NAME];

	zcm_data_name(good, generation);
	if (strcmp(good, file->path))
		return 0;
	if (!has_generation(arg, generation))
		remove_file(m, file, &m->head->orphans);
	return 0;
}

/*
 * Who was killed in the middle of a commit left the data with a version's name, and the
 * metadata with the fill's: it was not committed. The fill gets its data back, and goes
 * on if somebody else has its fd.
 */
static int restore_fill(struct zc_mirror *m, const struct file *file, void *arg)
{
	uint64_t id = strtoull(file->name, NULL, 16);
	char name[ZCM_NAME], data[ZCM_NAME];
	const struct found *found = arg;
	struct zcm_info *info;
	struct stat st;
	int err;

	zcm_fill_name(name, id, true);
	if (strcmp(name, file->path))
		return 0;
	zcm_fill_name(name, id, false);
	err = fstatat(m->dir, name, &st, AT_SYMLINK_NOFOLLOW) ? -errno : 0;
	if (err != -ENOENT)
		return err;
	err = zcm_info_read(m, file->path, &info);
	if (err)
		return useless(err) ? 0 : err;
	zcm_data_name(data, info->meta.generation);
	/* Of an object that was to have another time this is metadata, and no fill's. */
	if (!(info->meta.flags & ZCM_META_CHANGED) && info->meta.generation &&
	    !has_generation(found, info->meta.generation))
		(void)renameat(m->dir, data, m->dir, name);
	zcm_info_put(info);
	return 0;
}

/*
 * A fill that somebody still has keeps its place, and the room it was given. Return: 1 if
 * it does, 0 if nobody has it or it cannot be committed, or -errno if that is not known.
 */
static int keep_fill(struct zc_mirror *m, uint64_t id, const char *path)
{
	struct zcm_head *h = m->head;
	struct zcm_info *info;
	char name[ZCM_NAME];
	struct stat st;
	int fd, err;

	if (h->nr_fills == ZCM_FILLS_MAX)
		return 0;
	fd = zcm_open(m, m->dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return useless(fd) || fd == -ELOOP || fd == -ENXIO ? 0 : fd;
	err = flock(fd, LOCK_SH | LOCK_NB) ? -errno : -ENOENT;
	if (err == -EWOULDBLOCK)
		err = fstat(fd, &st) ? -errno : 0;
	close(fd);
	zcm_fill_name(name, id, true);
	if (!err)
		err = zcm_info_read(m, name, &info);
	if (err)
		return useless(err) ? 0 : err;
	h->fill[h->nr_fills++] = (struct zcm_fill) {
		.id = id, .dev = st.st_dev, .ino = st.st_ino, .hash = info->hash,
		.data_len = info->meta.data_len, .charge = zcm_meta_charge(&info->meta),
		.flags = info->meta.flags,
	};
	h->used += zcm_meta_charge(&info->meta);
	zcm_info_put(info);
	return 1;
}

static void see_id(struct zcm_head *h, uint64_t id)
{
	if (id > h->fill_id)
		h->fill_id = id;
}

static int check_fill(struct zc_mirror *m, const struct file *file, void *arg)
{
	uint64_t id = strtoull(file->name, NULL, 16);
	char good[ZCM_NAME];
	int kept;

	(void)arg;
	zcm_fill_name(good, id, true);
	/* Metadata goes with its fill, see remove_metas(). */
	if (!strcmp(good, file->path)) {
		see_id(m->head, id);
		return 0;
	}
	zcm_fill_name(good, id, false);
	if (strcmp(good, file->path))
		return 0;
	see_id(m->head, id);
	kept = keep_fill(m, id, file->path);
	if (!kept)
		remove_file(m, file, &m->head->orphans);
	return kept < 0 ? kept : 0;
}

static int remove_metas(struct zc_mirror *m, const struct file *file, void *arg)
{
	uint64_t id = strtoull(file->name, NULL, 16);
	char good[ZCM_NAME];
	uint32_t i;

	(void)arg;
	zcm_fill_name(good, id, true);
	if (strcmp(good, file->path))
		return 0;
	for (i = 0; i < m->head->nr_fills; i++)
		if (m->head->fill[i].id == id)
			return 0;
	remove_file(m, file, &m->head->orphans);
	return 0;
}

static int each_of_256(struct zc_mirror *m, const char *folder, file_fn fn, void *arg)
{
	char path[ZCM_NAME];
	unsigned int i;
	int err = 0;

	for (i = 0; i < 256 && !err; i++) {
		snprintf(path, sizeof(path), "%s/%02x", folder, i);
		err = each(m, path, fn, arg);
	}
	return err;
}

/* Oldest first, so that the queue is in the order of the commits. */
static int add_all(struct zc_mirror *m, const struct found *found)
{
	struct zcm_head *h = m->head;
	size_t i;
	int err = 0;

	for (i = 0; i < found->nr && !err; i++) {
		const struct zcm_info *info = found->info[i];

		err = zcm_entry_room(m);
		if (err)
			break;
		zcm_entry_add(m, info);
		if (info->meta.generation > h->generation)
			h->generation = info->meta.generation;
	}
	return err;
}

/**
 * zcm_rebuild() - make the index from the files
 * @m: the mirror, locked, or nobody else has it
 *
 * Return: 0, and the index is clean; or -errno, and it is dirty as before.
 */
int zcm_rebuild(struct zc_mirror *m)
{
	struct found found = { .bound = UINT64_MAX };
	struct zcm_super super;
	size_t i;
	int err;

	/* Who has no index does not hear of it when others raise it. */
	if (!m->direct) {
		err = zcm_super_read(m->dir, &super);
		if (err)
			return err;
		found.bound = super.high_water;
	}
	zcm_dirty(m);
	zcm_index_clear(m);
	err = each_of_256(m, "meta", add_meta, &found);
	if (!err && found.nr)
		qsort(found.info, found.nr, sizeof(*found.info), cmp_generation);
	if (!err)
		err = add_all(m, &found);
	/* Who cannot write leaves the rest to those who can. */
	if (!err && !m->direct && !found.unread)
		err = each(m, "fill", restore_fill, &found);
	if (!err && !m->direct && !found.unread)
		err = each_of_256(m, "data", check_data, &found);
	if (!err && !m->direct)
		err = each(m, "fill", check_fill, NULL);
	if (!err && !m->direct)
		err = each(m, "fill", remove_metas, NULL);
	for (i = 0; i < found.nr; i++)
		zcm_info_put(found.info[i]);
	free(found.info);
	if (err)
		return err;
	m->head->rebuilds++;
	/* What cannot be removed now cannot be helped. */
	m->head->torn = 0;
	zcm_clean(m);
	return 0;
}
