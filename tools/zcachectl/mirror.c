// SPDX-License-Identifier: GPL-2.0-only
/* What the commands that take a mirror share. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <zcache.h>

#include "mirror.h"
#include "out.h"
#include "stores.h"
#include "text.h"

static const char prefix[] = "mirror:";

const char *mirror_folder(const char *store)
{
	return strncmp(store, prefix, strlen(prefix)) ? NULL : store + strlen(prefix);
}

bool mirror_served(const char *store)
{
	return !strncmp(store, "served:", strlen("served:"));
}

int mirror_check(const char *store)
{
	if (mirror_served(store) && !store[strlen("served:")])
		return fail(CTL_USAGE, "after 'served:' comes the socket of the mirror's owner");
	if (mirror_served(store))
		return CTL_OK;
	if (!*mirror_folder(store))
		return fail(CTL_USAGE, "after 'mirror:' comes the folder of the mirror");
	/* Where its name stands nothing tells how else it would be written. */
	if (out_json() && !utf8_valid(store, strlen(store)))
		return fail(CTL_USAGE, "--json needs a folder whose name is UTF-8");
	return CTL_OK;
}

int mirror_refused(const char *store, int err, const char *verb)
{
	switch (err) {
	case -ENOENT:
		return fail(CTL_NOT_FOUND, "no store %s: %s", store, error_name(err));
	case -EMEDIUMTYPE:
		return fail(CTL_NOT_FOUND, "no store %s: this is no mirror: %s", store,
			    error_name(err));
	case -EPROTONOSUPPORT:
		return fail(CTL_REFUSED, "cannot %s store %s: it is of another version: %s", verb,
			    store, error_name(err));
	case -EUCLEAN:
		return fail(CTL_REFUSED, "cannot %s store %s: it is damaged: %s", verb, store,
			    error_name(err));
	}
	return fail(CTL_REFUSED, "cannot %s store %s: %s", verb, store, error_name(err));
}

int mirror_open(const char *store, int flags, struct zc_cache **cache)
{
	int code = mirror_check(store), err;

	if (code)
		return code;
	err = zc_open(store, flags, cache);
	return err ? mirror_refused(store, err, "open") : CTL_OK;
}

int mirror_lacks(const char *store, const char *what, const char *right)
{
	if (!mirror_folder(store))
		return CTL_OK;
	return fail(CTL_USAGE, "%s is a mirror, which has no %s; right is %s", store, what, right);
}

static int read_open(struct zc_cache *cache, const char *folder, struct store *s,
		     struct zc_mirror_status *status, bool *durable)
{
	struct zc_mirror_conf conf;
	struct zc_info info = { 0 };
	struct stat st;
	int err;

	err = stat(folder, &st) ? -errno : zc_info(cache, &info);
	if (!err)
		err = zc_mirror_get(cache, &conf);
	if (!err)
		err = zc_counters(cache, s->counter, ZC_C_NR);
	if (!err && status)
		err = zc_mirror_status(cache, status);
	if (err)
		return err;
	s->capacity = conf.capacity;
	s->used = info.used;
	s->objects = info.objects;
	s->max_object_size = conf.max_object_size;
	s->max_key_len = conf.max_key_len;
	s->splice_threshold = conf.splice_threshold;
	s->default_ttl = conf.default_ttl_ms;
	s->grace = conf.grace_ms == ZC_MIRROR_NO_GRACE ? 0 : conf.grace_ms;
	s->mode = st.st_mode & 0777;
	s->uid = st.st_uid;
	s->gid = st.st_gid;
	*durable = conf.flags & ZC_MIRROR_DURABLE;
	return 0;
}

int mirror_read(const char *store, struct store *s, struct zc_mirror_status *status,
		bool *durable)
{
	struct zc_cache *cache;
	int code = mirror_open(store, O_RDONLY, &cache), err;

	if (code)
		return code;
	err = read_open(cache, mirror_folder(store), s, status, durable);
	if (err)
		code = mirror_refused(store, err, "read");
	zc_close(cache);
	return code;
}
