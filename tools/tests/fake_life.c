// SPDX-License-Identifier: GPL-2.0-only
/* DELETE, TOUCH and PURGE of the stand-in for the module, see fake_kmod.c. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_kmod.h"

/* The bytes stay: somebody may be about to open them. */
static void end(int dir, const char *name, struct meta *m, bool soft)
{
	char file[100];

	if (soft && fake_expired(m))
		return;
	if (soft) {
		m->expires_ns = fake_now();
		fake_write_meta(dir, name, m);
		return;
	}
	snprintf(file, sizeof(file), "%s.m", name);
	unlinkat(dir, file, 0);
}

static int find(int dir, uint64_t key, uint32_t len, uint64_t generation, bool expired_ok,
		char name[80], struct meta *m)
{
	int err, data;

	err = fake_find(dir, 0, false, key, len, generation, expired_ok, m, &data);
	if (err)
		return err;
	close(data);
	return fake_hex_name(key, len, name);
}

int fake_delete(int dir, const struct fd *node, struct zc_delete *d)
{
	struct meta m;
	char name[80];
	int err;

	if (!node->writable)
		return -EBADF;
	if (d->size != sizeof(*d) || d->flags & ~ZC_DELETE_SOFT || d->__reserved)
		return -EINVAL;
	err = find(dir, d->key, d->key_len, d->generation, true, name, &m);
	if (err)
		return err;
	end(dir, name, &m, d->flags & ZC_DELETE_SOFT);
	d->generation = m.generation;
	return 0;
}

int fake_touch(int dir, const struct fd *node, struct zc_touch *t)
{
	struct meta m;
	char name[80];
	int err;

	if (!node->writable)
		return -EBADF;
	if (t->size != sizeof(*t) || t->flags & ~(ZC_TOUCH_EXPIRES | ZC_TOUCH_EXPIRED_OK) ||
	    t->__reserved || t->expires_ns < 0 ||
	    (t->expires_ns && !(t->flags & ZC_TOUCH_EXPIRES)))
		return -EINVAL;
	err = find(dir, t->key, t->key_len, t->generation, t->flags & ZC_TOUCH_EXPIRED_OK, name,
		   &m);
	if (err)
		return err;
	if (t->flags & ZC_TOUCH_EXPIRES) {
		m.expires_ns = t->expires_ns;
		fake_write_meta(dir, name, &m);
	}
	t->generation = m.generation;
	t->expires_ns = m.expires_ns;
	return 0;
}

/* file is "KEY.m" of a key with this prefix, both in hex; then name is its KEY. */
static bool wanted(const char *file, const char *prefix, char name[80])
{
	size_t len = strlen(file);

	if (len < 3 || len > 80 || strcmp(file + len - 2, ".m") ||
	    strncmp(file, prefix, strlen(prefix)))
		return false;
	memcpy(name, file, len - 2);
	name[len - 2] = '\0';
	return true;
}

static bool has_tag(const struct meta *m, uint64_t tag)
{
	uint32_t i;

	for (i = 0; i < m->nr_tags; i++)
		if (m->tags[i] == tag)
			return true;
	return false;
}

int fake_purge(int dir, const struct fd *node, struct zc_purge *p)
{
	bool soft = p->flags & ZC_PURGE_SOFT, by_tag = p->flags & ZC_PURGE_TAG;
	char prefix[80] = "", name[80];
	struct dirent *e;
	struct meta m;
	DIR *folder;
	int err;

	if (!node->writable)
		return -EBADF;
	if (p->size != sizeof(*p) || p->flags & ~(ZC_PURGE_SOFT | ZC_PURGE_TAG) ||
	    p->__reserved || (p->key && !p->key_len) || by_tag != !!p->tag ||
	    (by_tag && p->key_len))
		return -EINVAL;
	err = p->key_len ? fake_hex_name(p->key, p->key_len, prefix) : 0;
	if (err)
		return err;
	folder = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	if (!folder)
		abort();
	p->objects = p->bytes = 0;
	while ((e = readdir(folder))) {
		if (!wanted(e->d_name, prefix, name) || fake_read_meta(dir, name, &m) ||
		    (soft && fake_expired(&m)) || (by_tag && !has_tag(&m, p->tag)))
			continue;
		end(dir, name, &m, soft);
		p->objects++;
		p->bytes += m.data_len;
	}
	closedir(folder);
	return 0;
}
