// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/*
 * An object of a mirror gets another time to expire: metadata that is renamed onto the
 * old one. With ZC_MIRROR_DURABLE it is on the disk before, and nobody waits for that
 * with the index's lock: it is written without a name, and gets one with the lock. Who
 * is killed in between leaves nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "mirror.h"

/* So often another was faster; then the sync is done with the lock. */
#define TRIES	8

/**
 * zcm_change_prepare() - write what zcm_set_expires() asked for
 * @m: the mirror, not locked
 * @change: what is to change
 *
 * Where a file cannot be without a name, or anything else is wrong, it is left to
 * zcm_set_expires(), which tells.
 */
void zcm_change_prepare(struct zc_mirror *m, struct zcm_change *change)
{
	char name[ZCM_NAME];
	struct zcm_info *info;

	zcm_change_end(change);
	change->tries++;
	zcm_meta_name(name, &change->hash);
	if (zcm_info_read(m, name, &info))
		return;
	if (info->meta.generation == change->generation) {
		info->meta.expires_ns = change->expires_ns;
		info->meta.flags |= ZCM_META_CHANGED;
		change->fd = zcm_info_write_unnamed(m, info);
		if (change->fd < 0)
			change->tries = TRIES;
	}
	zcm_info_put(info);
}

/** zcm_change_end() - the end of a change; it may be prepared again */
void zcm_change_end(struct zcm_change *change)
{
	if (change->fd >= 0)
		close(change->fd);
	change->fd = -1;
}

/* Makes the metadata file that takes the old one's place. */
static int make_file(struct zc_mirror *m, const char *old, const char *fresh, uint64_t generation,
		     const struct zcm_change *change)
{
	struct zcm_info *info;
	char proc[32];
	int err;

	if (change->fd >= 0 && change->generation == generation) {
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", change->fd);
		if (!linkat(AT_FDCWD, proc, m->dir, fresh, AT_SYMLINK_FOLLOW))
			return 0;
	}
	err = zcm_info_read(m, old, &info);
	if (err)
		return err == -ENOENT ? -EUCLEAN : err;
	info->meta.expires_ns = change->expires_ns;
	info->meta.flags |= ZCM_META_CHANGED;
	err = zcm_info_write(m, fresh, info, zcm_durable(m));
	zcm_info_put(info);
	return err;
}

/**
 * zcm_set_expires() - give an object another time
 * @m: the mirror, locked
 * @i: its entry
 * @expires_ns: the time, 0 for never
 * @change: ZCM_NO_CHANGE at first; with it no more than one object gets another time.
 *	zcm_change_end() is called after the last call
 *
 * Also in its file, so that it has it after a rebuild.
 *
 * Return: 0; -EAGAIN: unlock, zcm_change_prepare(), and look again; -EUCLEAN if its file is
 * damaged, or -errno; then it has the old time.
 */
int zcm_set_expires(struct zc_mirror *m, uint32_t i, int64_t expires_ns,
		    struct zcm_change *change)
{
	struct zcm_entry *e = &m->entry[i];
	char name[ZCM_NAME], fresh[ZCM_NAME];
	int err;

	if (change->fd < 0 || change->generation != e->generation) {
		change->hash = e->hash;
		change->generation = e->generation;
		change->expires_ns = expires_ns;
		if (zcm_durable(m) && change->tries < TRIES)
			return -EAGAIN;
		zcm_change_end(change);
	}
	zcm_meta_name(name, &e->hash);
	zcm_fill_name(fresh, ++m->head->fill_id, true);
	zcm_dirty(m);
	err = make_file(m, name, fresh, e->generation, change);
	if (!err && renameat(m->dir, fresh, m->dir, name))
		err = -errno;
	if (err)
		zcm_unlink(m, fresh);
	else
		zcm_entry_expires(m, i, change->expires_ns);
	e->changed |= !err;
	zcm_clean(m);
	return err;
}
