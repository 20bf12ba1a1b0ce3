// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl object list: printed while the dump runs, whatever its length. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <linux/zcache_netlink.h>
#include <zcache.h>

#include "ctl.h"
#include "mirror.h"
#include "nl.h"
#include "objects.h"
#include "out.h"
#include "text.h"

struct listing {
	const char *store;
	struct key prefix;		/* of the keys that are wanted; may be empty */
	uint64_t min_size, max_size, min_age, max_age, tag;
	uint32_t expired, resident;
	uint64_t limit, printed;
	int err;
};

static struct {
	const char *prefix, *limit, *min_size, *max_size, *min_age, *max_age, *expired, *tag, *resident;
} given;

const struct keyword list_keywords[] = {
	{ "prefix", &given.prefix, NULL },
	{ "limit", &given.limit, NULL },
	{ "min-size", &given.min_size, NULL },
	{ "max-size", &given.max_size, NULL },
	{ "min-age", &given.min_age, NULL },
	{ "max-age", &given.max_age, NULL },
	{ "expired", &given.expired, NULL },
	{ "tag", &given.tag, NULL },
	{ "resident", &given.resident, NULL },
	{ NULL, NULL, NULL },
};

static struct nla_policy object_policy[ZCACHE_A_OBJECT_MAX + 1] = {
	[ZCACHE_A_OBJECT_KEY] = { .type = NLA_UNSPEC, .minlen = 1, .maxlen = ZC_KEY_MAX },
	[ZCACHE_A_OBJECT_GENERATION] = { .type = NLA_U64 },
	[ZCACHE_A_OBJECT_SIZE] = { .type = NLA_U64 },
	[ZCACHE_A_OBJECT_CHARGE] = { .type = NLA_U64 },
	[ZCACHE_A_OBJECT_HITS] = { .type = NLA_U64 },
	[ZCACHE_A_OBJECT_CREATED] = { .type = NLA_U64 },
	[ZCACHE_A_OBJECT_EXPIRES] = { .type = NLA_U64 },
	[ZCACHE_A_OBJECT_TAGS] = { .type = NLA_UNSPEC, .maxlen = 8 * ZC_TAGS_MAX },
	[ZCACHE_A_OBJECT_RESIDENT_BYTES] = { .type = NLA_U64 },
};

static uint64_t u64_of(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

static void print_json(const struct zc_mirror_object *o, uint64_t resident)
{
	out_stream_item_begin();
	out_key(o->key, o->key_len);
	out_u64("generation", o->generation, NULL);
	out_size("size", o->data_len);
	out_size("resident", resident);
	out_size("charge", o->charge);
	out_u64("hits", o->hits, NULL);
	out_time("created", o->created_ns, NULL);
	out_time("expires", o->expires_ns, NULL);
	out_u64s("tags", o->tags, o->nr_tags);
	out_stream_item_end();
}

static int print_row(const struct zc_mirror_object *o)
{
	char created_text[TIME_TEXT], expires_text[TIME_TEXT];
	char *key = escape_bytes(o->key, o->key_len);

	if (!key)
		return -ENOMEM;
	printf("%12" PRIu64 " %14" PRIu64 " %14" PRIu64 " %10" PRIu64 " %20s %20s %s\n",
	       o->generation, o->data_len, o->charge, o->hits,
	       format_time(o->created_ns, created_text),
	       o->expires_ns ? format_time(o->expires_ns, expires_text) : "never", key);
	free(key);
	return 0;
}

static void begin(const struct listing *l)
{
	if (out_json()) {
		out_str("store", l->store);
		out_stream_begin("objects");
	} else {
		printf("%12s %14s %14s %10s %20s %20s %s\n", "GENERATION", "SIZE", "CHARGE",
		       "HITS", "CREATED", "EXPIRES", "KEY");
	}
}

static int print_object(struct listing *l, const struct zc_mirror_object *o, uint64_t resident)
{
	if (!l->printed++)
		begin(l);
	if (!out_json())
		return print_row(o);
	print_json(o, resident);
	return 0;
}

/* An object without tags comes without the attribute. */
static int take_object(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *a[ZCACHE_A_OBJECT_MAX + 1], *key, *tags;
	struct zc_mirror_object o = { 0 };
	struct listing *l = arg;

	if (l->printed == l->limit)
		return 1;
	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_OBJECT_MAX, object_policy) ||
	    !a[ZCACHE_A_OBJECT_KEY]) {
		l->err = -EBADMSG;
		return 1;
	}
	key = a[ZCACHE_A_OBJECT_KEY];
	tags = a[ZCACHE_A_OBJECT_TAGS];
	o.key_len = nla_len(key);
	memcpy(o.key, nla_data(key), o.key_len);
	o.generation = u64_of(a[ZCACHE_A_OBJECT_GENERATION]);
	o.data_len = u64_of(a[ZCACHE_A_OBJECT_SIZE]);
	o.charge = u64_of(a[ZCACHE_A_OBJECT_CHARGE]);
	o.hits = u64_of(a[ZCACHE_A_OBJECT_HITS]);
	o.created_ns = u64_of(a[ZCACHE_A_OBJECT_CREATED]);
	o.expires_ns = u64_of(a[ZCACHE_A_OBJECT_EXPIRES]);
	o.nr_tags = tags ? nla_len(tags) / 8 : 0;
	if (o.nr_tags)
		memcpy(o.tags, nla_data(tags), 8 * o.nr_tags);
	l->err = print_object(l, &o, u64_of(a[ZCACHE_A_OBJECT_RESIDENT_BYTES]));
	return l->err;
}

static int parse_words(struct listing *l)
{
	int code = arg_u64("limit", given.limit, UINT64_MAX, &l->limit);

	if (!code && given.prefix)
		code = arg_key(given.prefix, &l->prefix);
	if (!code)
		code = arg_size("min-size", given.min_size, &l->min_size);
	if (!code)
		code = arg_size("max-size", given.max_size, &l->max_size);
	if (!code)
		code = arg_duration("min-age", given.min_age, TTL_MAX, &l->min_age);
	if (!code)
		code = arg_duration("max-age", given.max_age, TTL_MAX, &l->max_age);
	if (!code)
		code = arg_yes("expired", given.expired, &l->expired);
	if (!code)
		code = arg_yes("resident", given.resident, &l->resident);
	if (!code && given.tag)
		code = arg_tag(given.tag, &l->tag);
	return code;
}

/* The kernel picks: what is not wanted is not even copied. */
static int put_filters(struct nl_msg *msg, const struct listing *l)
{
	int err = 0;

	if (l->prefix.len)
		err = nla_put(msg, ZCACHE_A_OBJECT_KEY, l->prefix.len, l->prefix.bytes);
	if (!err && given.min_size)
		err = nla_put_u64(msg, ZCACHE_A_OBJECT_MIN_SIZE, l->min_size);
	if (!err && given.max_size)
		err = nla_put_u64(msg, ZCACHE_A_OBJECT_MAX_SIZE, l->max_size);
	if (!err && given.min_age)
		err = nla_put_u64(msg, ZCACHE_A_OBJECT_MIN_AGE, l->min_age);
	if (!err && given.max_age)
		err = nla_put_u64(msg, ZCACHE_A_OBJECT_MAX_AGE, l->max_age);
	if (!err && given.expired)
		err = nla_put_u32(msg, ZCACHE_A_OBJECT_EXPIRED, l->expired);
	if (!err && given.tag)
		err = nla_put_u64(msg, ZCACHE_A_OBJECT_TAG, l->tag);
	if (!err && given.resident)
		err = nla_put_u32(msg, ZCACHE_A_OBJECT_RESIDENT, l->resident);
	return err;
}

static int dump(struct nlc *nlc, struct listing *l)
{
	struct nl_msg *msg = nlc_msg(nlc, ZCACHE_CMD_OBJECT_GET, NLM_F_DUMP);
	int err;

	if (msg && (nla_put_string(msg, ZCACHE_A_OBJECT_STORE, l->store) ||
		    put_filters(msg, l))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = nlc_call(nlc, msg, take_object, l);
	return err ? err : l->err;
}

static bool has_tag(const struct zc_mirror_object *o, uint64_t tag)
{
	uint32_t i;

	for (i = 0; i < o->nr_tags; i++)
		if (o->tags[i] == tag)
			return true;
	return false;
}

/* As the kernel picks, also where the clock was set back since; all bytes are resident. */
static bool wanted(const struct listing *l, const struct zc_mirror_object *o)
{
	struct timespec now;
	uint64_t age_ms = 0;
	int64_t now_ns;

	clock_gettime(CLOCK_REALTIME, &now);
	now_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	if (now_ns > o->created_ns)
		age_ms = (now_ns - o->created_ns) / 1000000;
	return o->key_len >= l->prefix.len && !memcmp(o->key, l->prefix.bytes, l->prefix.len) &&
	       o->data_len >= l->min_size && (!given.max_size || o->data_len <= l->max_size) &&
	       age_ms >= l->min_age && (!given.max_age || age_ms <= l->max_age) &&
	       (!given.expired || !!(o->state & ZC_STATE_EXPIRED) == l->expired) &&
	       (!given.tag || has_tag(o, l->tag)) && (!given.resident || l->resident);
}

static int walk(struct zc_cache *cache, struct listing *l)
{
	struct zc_mirror_object o;
	uint64_t cursor = 0;
	int err = 0;

	while (!err && l->printed < l->limit) {
		err = zc_mirror_list(cache, &cursor, &o);
		if (err <= 0)
			break;
		err = wanted(l, &o) ? print_object(l, &o, o.data_len) : 0;
	}
	return err;
}

static int refuse(const struct listing *l, const char *sentence, int err)
{
	return fail(CTL_REFUSED, "cannot list the objects of store %s: %s%s", l->store, sentence,
		    error_name(err));
}

static int list_mirror(struct listing *l)
{
	struct zc_cache *cache;
	int code, err;

	if (given.max_size && l->min_size > l->max_size)
		return refuse(l, "min-size must be at most max-size: ", -EINVAL);
	if (given.max_age && l->min_age > l->max_age)
		return refuse(l, "min-age must be at most max-age: ", -EINVAL);
	code = mirror_open(l->store, O_RDONLY, &cache);
	if (code)
		return code;
	err = walk(cache, l);
	zc_close(cache);
	if (out_json() && (l->printed || !err)) {
		if (!l->printed)
			begin(l);
		out_stream_end(err, false);
		out_finish();
	}
	return err ? refuse(l, err == -EAGAIN ? "its index was made anew meanwhile, try again: " : "",
			    err) : CTL_OK;
}

int run_list(int argc, char **argv)
{
	struct listing l = { .store = argv[0], .limit = UINT64_MAX };
	struct nlc nlc;
	char what[64];
	int code, err;

	code = parse_keywords(argc - 1, argv + 1, list_keywords);
	if (!code)
		code = parse_words(&l);
	if (!code && mirror_folder(l.store))
		return list_mirror(&l);
	if (!code)
		code = nlc_open(&nlc);
	if (code)
		return code;
	err = dump(&nlc, &l);
	if (out_json() && (l.printed || !err)) {
		if (!l.printed)
			begin(&l);
		out_stream_end(err, nlc.inconsistent);
		out_finish();
	}
	if (err) {
		snprintf(what, sizeof(what), "cannot list the objects of store %s", l.store);
		code = nlc_fail(&nlc, err, what);
	} else if (nlc.inconsistent) {
		note("objects came or went meanwhile; the list may miss some or show some twice");
	}
	nlc_close(&nlc);
	return code;
}
