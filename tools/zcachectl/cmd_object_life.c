// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl object touch, delete and purge: how long objects stay. */
#include <fcntl.h>
#include <string.h>

#include <zcache.h>

#include "ctl.h"
#include "objects.h"
#include "out.h"

static struct {
	const char *ttl;
	bool expired_ok;
} touch;

const struct keyword touch_keywords[] = {
	{ "ttl", &touch.ttl, NULL },
	{ "expired-ok", NULL, &touch.expired_ok },
	{ NULL, NULL, NULL },
};

int run_touch(int argc, char **argv)
{
	struct zc_touch t = { 0 };
	struct zc_cache *cache;
	int64_t expires = 0;
	struct key key;
	int code, err;

	code = parse_keywords(argc - 2, argv + 2, touch_keywords);
	if (!code && touch.ttl && strcmp(touch.ttl, "never"))
		code = arg_ttl(touch.ttl, &expires);
	if (!code)
		code = open_store_key(argv, O_RDWR, &cache, &key);
	if (code)
		return code;
	t.flags = (touch.ttl ? ZC_TOUCH_EXPIRES : 0) |
		  (touch.expired_ok ? ZC_TOUCH_EXPIRED_OK : 0);
	t.key = zc_ptr(key.bytes);
	t.key_len = key.len;
	t.expires_ns = expires;
	err = zc_touch(cache, &t);
	if (err) {
		code = refused(cache, err, "touch", argv[1]);
	} else if (out_json()) {
		begin_result(argv[0], &key);
		out_u64("generation", t.generation, NULL);
		out_time("expires", t.expires_ns, NULL);
		out_finish();
	}
	zc_close(cache);
	return code;
}

static bool soft;

const struct keyword delete_keywords[] = {
	{ "soft", NULL, &soft },
	{ NULL, NULL, NULL },
};

int run_delete(int argc, char **argv)
{
	struct zc_delete d = { 0 };
	struct zc_cache *cache;
	struct key key;
	int code, err;

	code = parse_keywords(argc - 2, argv + 2, delete_keywords);
	if (!code)
		code = open_store_key(argv, O_RDWR, &cache, &key);
	if (code)
		return code;
	d.flags = soft ? ZC_DELETE_SOFT : 0;
	d.key = zc_ptr(key.bytes);
	d.key_len = key.len;
	err = zc_delete(cache, &d);
	if (err) {
		code = refused(cache, err, "delete", argv[1]);
	} else if (out_json()) {
		begin_result(argv[0], &key);
		out_u64("generation", d.generation, NULL);
		out_finish();
	}
	zc_close(cache);
	return code;
}

static struct {
	const char *prefix, *tag;
	bool all;
} purge;

/* Without a word there would be one slip between a prefix and all there is. */
const struct keyword purge_keywords[] = {
	{ "prefix", &purge.prefix, NULL },
	{ "tag", &purge.tag, NULL },
	{ "all", NULL, &purge.all },
	{ "soft", NULL, &soft },
	{ NULL, NULL, NULL },
};

int run_purge(int argc, char **argv)
{
	struct key prefix = { .len = 0 };
	struct zc_purge p = { 0 };
	struct zc_cache *cache;
	uint64_t tag = 0;
	int code, err;

	code = parse_keywords(argc - 1, argv + 1, purge_keywords);
	if (!code && !!purge.prefix + !!purge.tag + purge.all != 1)
		code = fail(CTL_USAGE, "what is to be purged? it takes one of 'prefix KEY', 'tag ID' and 'all'");
	if (!code && purge.prefix)
		code = arg_key(purge.prefix, &prefix);
	if (!code && purge.tag)
		code = arg_tag(purge.tag, &tag);
	if (!code)
		code = open_store(argv[0], O_RDWR, &cache);
	if (code)
		return code;
	p.flags = (soft ? ZC_PURGE_SOFT : 0) | (purge.tag ? ZC_PURGE_TAG : 0);
	p.tag = tag;
	p.key = purge.prefix ? zc_ptr(prefix.bytes) : 0;
	p.key_len = prefix.len;
	err = zc_purge(cache, &p);
	if (err) {
		code = refused(cache, err, "purge", purge.prefix ?: purge.tag ?: "all");
	} else {
		out_str("store", argv[0]);
		out_u64("objects", p.objects, NULL);
		out_size("bytes", p.bytes);
		out_finish();
	}
	zc_close(cache);
	return code;
}
