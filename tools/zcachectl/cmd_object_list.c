// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl object list: printed while the dump runs, whatever its length. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/zcache.h>
#include <linux/zcache_netlink.h>

#include "ctl.h"
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

/* An object without tags comes without the attribute. */
static void print_tags(struct nlattr *attr)
{
	size_t n = attr ? nla_len(attr) / 8 : 0;
	uint64_t tags[ZC_TAGS_MAX];

	if (n)
		memcpy(tags, nla_data(attr), 8 * n);
	out_u64s("tags", tags, n);
}

static void print_json(struct nlattr **a)
{
	out_stream_item_begin();
	out_key(nla_data(a[ZCACHE_A_OBJECT_KEY]), nla_len(a[ZCACHE_A_OBJECT_KEY]));
	out_u64("generation", u64_of(a[ZCACHE_A_OBJECT_GENERATION]), NULL);
	out_size("size", u64_of(a[ZCACHE_A_OBJECT_SIZE]));
	out_size("resident", u64_of(a[ZCACHE_A_OBJECT_RESIDENT_BYTES]));
	out_size("charge", u64_of(a[ZCACHE_A_OBJECT_CHARGE]));
	out_u64("hits", u64_of(a[ZCACHE_A_OBJECT_HITS]), NULL);
	out_time("created", u64_of(a[ZCACHE_A_OBJECT_CREATED]), NULL);
	out_time("expires", u64_of(a[ZCACHE_A_OBJECT_EXPIRES]), NULL);
	print_tags(a[ZCACHE_A_OBJECT_TAGS]);
	out_stream_item_end();
}

static int print_row(struct nlattr **a)
{
	int64_t expires = u64_of(a[ZCACHE_A_OBJECT_EXPIRES]);
	char created_text[TIME_TEXT], expires_text[TIME_TEXT];
	char *key = escape_bytes(nla_data(a[ZCACHE_A_OBJECT_KEY]),
				 nla_len(a[ZCACHE_A_OBJECT_KEY]));

	if (!key)
		return -ENOMEM;
	printf("%12" PRIu64 " %14" PRIu64 " %14" PRIu64 " %10" PRIu64 " %20s %20s %s\n",
	       u64_of(a[ZCACHE_A_OBJECT_GENERATION]), u64_of(a[ZCACHE_A_OBJECT_SIZE]),
	       u64_of(a[ZCACHE_A_OBJECT_CHARGE]), u64_of(a[ZCACHE_A_OBJECT_HITS]),
	       format_time(u64_of(a[ZCACHE_A_OBJECT_CREATED]), created_text),
	       expires ? format_time(expires, expires_text) : "never", key);
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

static int print_object(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *a[ZCACHE_A_OBJECT_MAX + 1];
	struct listing *l = arg;

	if (l->printed == l->limit)
		return 1;
	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_OBJECT_MAX, object_policy) ||
	    !a[ZCACHE_A_OBJECT_KEY]) {
		l->err = -EBADMSG;
		return 1;
	}
	if (!l->printed++)
		begin(l);
	if (out_json())
		print_json(a);
	else
		l->err = print_row(a);
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
	err = nlc_call(nlc, msg, print_object, l);
	return err ? err : l->err;
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
