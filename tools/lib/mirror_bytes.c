// SPDX-License-Identifier: LGPL-2.1-only OR MIT
/* The bytes of objects of a mirror: read, or in memory. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mirror.h"

/**
 * zcm_read() - read bytes of an object
 * @obj: the object
 * @offset: first byte; with @len within the object
 * @buf: where to
 * @len: how many
 *
 * Return: 0; -EIO if the file is shorter; -EFAULT and others of pread(2).
 */
int zcm_read(const struct zcm_object *obj, uint64_t offset, void *buf, uint64_t len)
{
	while (len) {
		ssize_t n = pread(obj->fd, buf, len < SSIZE_MAX ? len : SSIZE_MAX, offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		buf = (char *)buf + n;
		offset += n;
		len -= n;
	}
	return 0;
}

static int bytes_of(const struct zcm_object *obj, bool map, void **bytes)
{
	int err;

	if (map) {
		*bytes = mmap(NULL, obj->data_len, PROT_READ, MAP_SHARED, obj->fd, 0);
		return *bytes == MAP_FAILED ? -errno : 0;
	}
	*bytes = malloc(obj->data_len);
	if (!*bytes)
		return -ENOMEM;
	err = zcm_read(obj, 0, *bytes, obj->data_len);
	if (err)
		free(*bytes);
	return err;
}

/**
 * zcm_map() - get at an object's bytes in memory
 * @m: the mirror
 * @obj: the object, found by its key
 * @map: by a mapping, and not by a copy; where the build has no mmap by a copy
 * @bytes: set to their address; "" for none
 *
 * Return: 1 if they are mapped, 0 if they are a copy, or -errno.
 */
int zcm_map(struct zc_mirror *m, struct zcm_object *obj, bool map, const void **bytes)
{
	struct zcm_version *v = obj->version;
	void *mine;
	int err;

#ifdef ZC_NO_MMAP
	map = false;
#endif
	*bytes = "";
	if (!obj->data_len)
		return 0;
	pthread_mutex_lock(&m->lock);
	mine = v->bytes;
	pthread_mutex_unlock(&m->lock);
	if (!mine) {
		err = bytes_of(obj, map, &mine);
		if (err)
			return err;
		pthread_mutex_lock(&m->lock);
		if (!v->bytes) {
			v->bytes = mine;
			v->mapped = map;
		} else if (map) {
			munmap(mine, obj->data_len);
		} else {
			free(mine);
		}
		pthread_mutex_unlock(&m->lock);
	}
	*bytes = v->bytes;
	return v->mapped;
}
