// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl store for a mirror: no module is asked, and the folder's mode decides. */
#include <errno.h>
#include <fcntl.h>

#include <zcache.h>

#include "mirror.h"
#include "out.h"
#include "stores.h"

/* JSON has the member in any case, so that who reads it finds it. */
static void none(const char *name)
{
	if (out_json())
		out_null(name);
}

static void print_members(const struct store *s, const struct zc_mirror_status *status,
			  bool durable)
{
	out_size("capacity", s->capacity);
	out_size("used", s->used);
	out_size("data", status->data);
	out_size("metadata", status->metadata);
	out_size("pinned", status->pinned);
	none("high-watermark");
	none("low-watermark");
	out_u64("objects", s->objects, NULL);
	out_size("max-object-size", s->max_object_size);
	out_u64("max-key-len", s->max_key_len, "bytes");
	none("inline-limit");
	out_size("splice-threshold", s->splice_threshold);
	none("object-events");
	none("policy");
	none("copy");
	out_duration("default-ttl", s->default_ttl, "never");
	out_duration("grace", s->grace, "none");
	out_mode("mode", s->mode);
	out_u64("uid", s->uid, NULL);
	out_u64("gid", s->gid, NULL);
	none("opens");
	out_bool("durable", durable);
	out_u64("fills", status->fills, NULL);
	out_u64("rebuilds", status->rebuilds, NULL);
	out_u64("corrupt", status->corrupt, NULL);
	out_u64("orphans", status->orphans, NULL);
	print_counters(s);
}

int mirror_show(const char *store)
{
	struct zc_mirror_status status;
	struct store s = { 0 };
	bool durable;
	int code = mirror_read(store, &s, &status, &durable);

	if (code)
		return code;
	if (out_json())
		out_str("name", store);
	else
		out_object_begin(store);
	print_members(&s, &status, durable);
	if (!out_json()) {
		out_object_end();
		print_hit_ratio(&s);
	}
	out_finish();
	return CTL_OK;
}

static int changed(const char *store, const char *sentence)
{
	if (out_json()) {
		out_str("name", store);
		if (sentence)
			out_str("note", sentence);
		out_finish();
	}
	if (sentence)
		note("store %s: %s", store, sentence);
	return CTL_OK;
}

static int bad(const char *store, const char *verb, const char *sentence)
{
	return fail(CTL_REFUSED, "cannot %s store %s: %s: %s", verb, store, sentence,
		    error_name(-EINVAL));
}

/* By the module's rules: 0 is no default here, but the value itself. */
static int take(const char *store, const char *verb, const struct store_words *given,
		const struct config *c, struct zc_mirror_conf *conf)
{
	bool whole = conf->max_object_size == conf->capacity;

	if (given->capacity)
		conf->capacity = c->capacity;
	if (!conf->capacity || conf->capacity > INT64_MAX)
		return bad(store, verb, "capacity must be 1 to 9223372036854775807 bytes");
	if (whole || conf->max_object_size > conf->capacity)
		conf->max_object_size = conf->capacity;
	if (given->max_object)
		conf->max_object_size = c->max_object;
	if (!conf->max_object_size || conf->max_object_size > conf->capacity)
		return bad(store, verb, "max-object-size must be 1 byte to the capacity");
	if (given->max_key)
		conf->max_key_len = c->max_key;
	if (given->max_key && !c->max_key)
		return bad(store, verb, "max-key-len must be 1 to 1024");
	if (given->splice_threshold)
		conf->splice_threshold = c->splice_threshold ?: 1;
	if (given->default_ttl)
		conf->default_ttl_ms = c->default_ttl;
	if (given->grace)
		conf->grace_ms = c->grace ?: ZC_MIRROR_NO_GRACE;
	if (given->durable)
		conf->flags = c->durable ? ZC_MIRROR_DURABLE : 0;
	return CTL_OK;
}

int mirror_create(const char *store, const struct store_words *given, const struct config *c)
{
	struct zc_mirror_conf conf = { .size = sizeof(conf) };
	int code = mirror_check(store), err;

	if (!code)
		code = take(store, "create", given, c, &conf);
	if (code)
		return code;
	err = zc_mirror_create(mirror_folder(store), &conf);
	if (err)
		return fail(CTL_REFUSED, "cannot create store %s: %s", store, error_name(err));
	return changed(store, NULL);
}

/* What fills under way have is not taken from them. */
static bool above_capacity(struct zc_cache *cache)
{
	struct zc_info info = { 0 };

	return !zc_info(cache, &info) && info.used > info.capacity;
}

int mirror_set(const char *store, const struct store_words *given, const struct config *c)
{
	struct zc_mirror_conf was, conf;
	struct zc_cache *cache;
	int code = mirror_open(store, O_RDWR, &cache), err;

	if (code)
		return code;
	do {
		err = zc_mirror_get(cache, &was);
		conf = was;
		if (!err)
			code = take(store, "change", given, c, &conf);
		if (!err && !code)
			err = zc_mirror_swap(cache, &was, &conf);
	} while (err == -EAGAIN);
	if (err)
		code = mirror_refused(store, err, "change");
	if (!code)
		code = changed(store, above_capacity(cache) ?
			       "fills under way use more than the new capacity" : NULL);
	zc_close(cache);
	return code;
}

int mirror_delete(const char *store, bool force)
{
	int code = mirror_check(store), err;

	if (code)
		return code;
	err = zc_mirror_delete(mirror_folder(store), force ? ZC_MIRROR_FORCE : 0);
	if (err == -ENOTEMPTY)
		return fail(CTL_REFUSED, "cannot delete store %s: %s: %s", store, force ?
			    "there are files of others among its own" :
			    "it has objects, 'force' deletes them too", error_name(err));
	if (err == -EBUSY)
		return fail(CTL_REFUSED, "cannot delete store %s: it is open, 'force' deletes it all the same: %s",
			    store, error_name(err));
	if (err)
		return mirror_refused(store, err, "delete");
	return changed(store, NULL);
}
