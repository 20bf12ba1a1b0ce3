// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl tag: over netlink; a list is printed while the dump runs. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <linux/zcache_netlink.h>

#include "ctl.h"
#include "mirror.h"
#include "nl.h"
#include "out.h"
#include "text.h"

/* What a mirror lacks, and where its tags are told of. */
#define LIMITS "limits and counters of tags"
#define FOR_TAGS OF_THE_MODULE ", or 'object list' with 'tag ID'"

static struct nla_policy tag_policy[ZCACHE_A_TAG_MAX + 1] = {
	[ZCACHE_A_TAG_ID] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_QUOTA] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_FLOOR] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_USED] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_OBJECTS] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_HITS] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_HIT_BYTES] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_SENT_BYTES] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_COMMITS] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_FILL_BYTES] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_EXPIRED] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_EVICTIONS] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_EVICTED_BYTES] = { .type = NLA_U64 },
	[ZCACHE_A_TAG_MISSES] = { .type = NLA_U64 },
};

enum count {
	HITS, HIT_BYTES, MISSES, EXPIRED, SENT_BYTES, COMMITS, FILL_BYTES, EVICTIONS,
	EVICTED_BYTES, COUNTS
};

static const struct {
	const char *name, *unit;
	int attr;
} counts[COUNTS] = {
	[HITS] = { "hits", "lookups", ZCACHE_A_TAG_HITS },
	[HIT_BYTES] = { "hit-bytes", "bytes", ZCACHE_A_TAG_HIT_BYTES },
	[MISSES] = { "misses", "lookups", ZCACHE_A_TAG_MISSES },
	[EXPIRED] = { "expired", "lookups", ZCACHE_A_TAG_EXPIRED },
	[SENT_BYTES] = { "sent-bytes", "bytes", ZCACHE_A_TAG_SENT_BYTES },
	[COMMITS] = { "commits", "objects", ZCACHE_A_TAG_COMMITS },
	[FILL_BYTES] = { "fill-bytes", "bytes", ZCACHE_A_TAG_FILL_BYTES },
	[EVICTIONS] = { "evictions", "objects", ZCACHE_A_TAG_EVICTIONS },
	[EVICTED_BYTES] = { "evicted-bytes", "bytes", ZCACHE_A_TAG_EVICTED_BYTES },
};

struct tag {
	uint64_t id, quota, floor, used, objects, count[COUNTS];
};

static uint64_t u64_of(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

static int parse_tag(struct nlmsghdr *nlh, struct tag *t)
{
	struct nlattr *a[ZCACHE_A_TAG_MAX + 1];
	size_t i;

	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_TAG_MAX, tag_policy) || !a[ZCACHE_A_TAG_ID])
		return -EBADMSG;
	t->id = u64_of(a[ZCACHE_A_TAG_ID]);
	t->quota = u64_of(a[ZCACHE_A_TAG_QUOTA]);
	t->floor = u64_of(a[ZCACHE_A_TAG_FLOOR]);
	t->used = u64_of(a[ZCACHE_A_TAG_USED]);
	t->objects = u64_of(a[ZCACHE_A_TAG_OBJECTS]);
	for (i = 0; i < COUNTS; i++)
		t->count[i] = u64_of(a[counts[i].attr]);
	return 0;
}

static void print_limit(const char *name, uint64_t bytes)
{
	if (bytes || out_json())
		out_size(name, bytes);
	else
		out_str(name, "none");
}

static void print_members(const struct tag *t)
{
	size_t i;

	out_u64("id", t->id, NULL);
	print_limit("quota", t->quota);
	print_limit("floor", t->floor);
	out_size("used", t->used);
	out_u64("objects", t->objects, NULL);
	for (i = 0; i < COUNTS; i++)
		out_u64(counts[i].name, t->count[i], counts[i].unit);
}

static const char *format_limit(uint64_t bytes, char buf[SIZE_TEXT])
{
	return bytes ? format_size(bytes, buf) : "none";
}

static void print_row(const struct tag *t)
{
	char quota[SIZE_TEXT], floor[SIZE_TEXT], used[SIZE_TEXT];

	printf("%20" PRIu64 " %12s %12s %12s %12" PRIu64 " %12" PRIu64 " %12" PRIu64
	       " %12" PRIu64 "\n", t->id,
	       format_limit(t->quota, quota), format_limit(t->floor, floor),
	       format_size(t->used, used), t->objects, t->count[HITS],
	       t->count[MISSES], t->count[EVICTIONS]);
}

struct listing {
	const char *store;
	bool begun;
	int err;
};

static void begin(struct listing *l)
{
	l->begun = true;
	if (out_json()) {
		out_str("store", l->store);
		out_stream_begin("tags");
	} else {
		printf("%20s %12s %12s %12s %12s %12s %12s %12s\n", "ID", "QUOTA", "FLOOR", "USED",
		       "OBJECTS", "HITS", "MISSES", "EVICTIONS");
	}
}

static int print_tag(struct nlmsghdr *nlh, void *arg)
{
	struct listing *l = arg;
	struct tag t;

	l->err = parse_tag(nlh, &t);
	if (l->err)
		return 1;
	if (!l->begun)
		begin(l);
	if (out_json()) {
		out_stream_item_begin();
		print_members(&t);
		out_stream_item_end();
	} else {
		print_row(&t);
	}
	return 0;
}

/* id 0 is none. */
static struct nl_msg *tag_msg(struct nlc *nlc, int cmd, int flags, const char *store, uint64_t id)
{
	struct nl_msg *msg = nlc_msg(nlc, cmd, flags);

	if (msg && (nla_put_string(msg, ZCACHE_A_TAG_STORE, store) ||
		    (id && nla_put_u64(msg, ZCACHE_A_TAG_ID, id)))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return msg;
}

static int run_list(int argc, char **argv)
{
	struct listing l = { .store = argv[0] };
	struct nlc nlc;
	char what[96];
	int code, err;

	code = parse_keywords(argc - 1, argv + 1, NULL);
	if (!code)
		code = mirror_lacks(argv[0], LIMITS, FOR_TAGS);
	if (!code)
		code = nlc_open(&nlc);
	if (code)
		return code;
	err = nlc_call(&nlc, tag_msg(&nlc, ZCACHE_CMD_TAG_GET, NLM_F_DUMP, l.store, 0), print_tag,
		       &l);
	if (!err)
		err = l.err;
	if (out_json() && (l.begun || !err)) {
		if (!l.begun)
			begin(&l);
		out_stream_end(err, nlc.inconsistent);
		out_finish();
	}
	if (err) {
		snprintf(what, sizeof(what), "cannot list the tags of store %s", l.store);
		code = nlc_fail(&nlc, err, what);
	} else if (nlc.inconsistent) {
		note("tags came or went meanwhile; the list may miss some or show some twice");
	}
	nlc_close(&nlc);
	return code;
}

/* Without an answer the id stays 0. */
static int take_tag(struct nlmsghdr *nlh, void *arg)
{
	return parse_tag(nlh, arg);
}

static int run_show(int argc, char **argv)
{
	struct tag t = { 0 };
	uint64_t id = 0;
	struct nlc nlc;
	char what[96];
	int code, err;

	code = parse_keywords(argc - 2, argv + 2, NULL);
	if (!code)
		code = arg_tag(argv[1], &id);
	if (!code)
		code = mirror_lacks(argv[0], LIMITS, FOR_TAGS);
	if (!code)
		code = nlc_open(&nlc);
	if (code)
		return code;
	err = nlc_call(&nlc, tag_msg(&nlc, ZCACHE_CMD_TAG_GET, 0, argv[0], id), take_tag, &t);
	if (!err && !t.id)
		err = -EBADMSG;
	if (err) {
		snprintf(what, sizeof(what), "tag %" PRIu64 " of store %s", id, argv[0]);
		code = nlc_fail(&nlc, err, what);
	} else {
		out_str("store", argv[0]);
		print_members(&t);
		out_finish();
	}
	nlc_close(&nlc);
	return code;
}

static struct {
	const char *quota, *floor;
} given;

static const struct keyword set_keywords[] = {
	{ "quota", &given.quota, NULL },
	{ "floor", &given.floor, NULL },
	{ NULL, NULL, NULL },
};

static int arg_limit(const char *what, const char *text, uint64_t *out)
{
	if (!text || strcmp(text, "none"))
		return arg_size(what, text, out);
	*out = 0;
	return CTL_OK;
}

static int set(const char *store, uint64_t id, uint64_t quota, uint64_t floor)
{
	struct nl_msg *msg;
	struct nlc nlc;
	char what[96];
	int code, err;

	code = nlc_open(&nlc);
	if (code)
		return code;
	msg = tag_msg(&nlc, ZCACHE_CMD_TAG_SET, 0, store, id);
	if (msg && ((given.quota && nla_put_u64(msg, ZCACHE_A_TAG_QUOTA, quota)) ||
		    (given.floor && nla_put_u64(msg, ZCACHE_A_TAG_FLOOR, floor)))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = nlc_call(&nlc, msg, NULL, NULL);
	if (err) {
		snprintf(what, sizeof(what), "cannot change tag %" PRIu64 " of store %s", id, store);
		code = nlc_fail(&nlc, err, what);
	} else if (out_json()) {
		out_str("store", store);
		out_u64("id", id, NULL);
		if (nlc.sentence[0])
			out_str("note", nlc.sentence);
		out_finish();
	}
	if (!err && nlc.sentence[0])
		note("tag %" PRIu64 " of store %s: %s", id, store, nlc.sentence);
	nlc_close(&nlc);
	return code;
}

static int run_set(int argc, char **argv)
{
	uint64_t id = 0, quota = 0, floor = 0;
	int code;

	code = parse_keywords(argc - 2, argv + 2, set_keywords);
	if (!code)
		code = arg_tag(argv[1], &id);
	if (!code && !given.quota && !given.floor)
		code = fail(CTL_USAGE, "what is to be changed? it takes 'quota SIZE', 'floor SIZE' or both");
	if (!code)
		code = arg_limit("quota", given.quota, &quota);
	if (!code)
		code = arg_limit("floor", given.floor, &floor);
	if (!code)
		code = mirror_lacks(argv[0], LIMITS, FOR_TAGS);
	return code ? code : set(argv[0], id, quota, floor);
}

const struct command tag_commands[] = {
	{ "list", 1, "STORE", "List the tags of a store that have objects or limits, in no order.",
	  NULL, run_list },
	{ "show", 2, "STORE ID", "Show the limits and counters of a tag.", NULL, run_show },
	{ "set", 2, "STORE ID [quota SIZE|none] [floor SIZE|none]",
	  "Bound what the objects with a tag use, or keep that much of them from eviction for others.",
	  set_keywords, run_set },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
