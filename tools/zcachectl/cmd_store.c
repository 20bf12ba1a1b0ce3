// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl store: over netlink, so it needs CAP_NET_ADMIN. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/zcache.h>
#include <linux/zcache_counters.h>
#include <linux/zcache_netlink.h>

#include "ctl.h"
#include "nl.h"
#include "out.h"
#include "text.h"

/* A dump of so few messages is interrupted only while stores come and go. */
#define DUMP_TRIES 10

struct store {
	char name[ZC_NAME_MAX + 1];
	uint64_t capacity, max_object_size, splice_threshold, default_ttl, used, objects;
	uint32_t max_key_len, inline_limit, copy, grace, mode, uid, gid, opens;
	uint64_t counter[ZC_C_NR];
};

struct stores {
	struct store *v;
	size_t n;
	int err;
};

static const char *const copies[] = {
	[ZCACHE_COPY_NEVER] = "never",
	[ZCACHE_COPY_LOCAL] = "local",
	[ZCACHE_COPY_ALWAYS] = "always",
};

#define COPIES (sizeof(copies) / sizeof(copies[0]))

static const struct {
	const char *name, *unit;
	int attr;
} counters[] = {
#define COUNTER(id, name, unit, sentence) { name, unit, ZCACHE_A_STATS_##id },
	ZC_COUNTERS(COUNTER)
#undef COUNTER
};

static struct nla_policy store_policy[ZCACHE_A_STORE_MAX + 1] = {
	[ZCACHE_A_STORE_NAME] = { .type = NLA_STRING, .maxlen = ZC_NAME_MAX + 1 },
	[ZCACHE_A_STORE_CAPACITY] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_MAX_OBJECT_SIZE] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_MAX_KEY_LEN] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_INLINE_LIMIT] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_SPLICE_THRESHOLD] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_MODE] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_UID] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_GID] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_USED] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_OBJECTS] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_OPENS] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_STATS] = { .type = NLA_NESTED },
	[ZCACHE_A_STORE_COPY] = { .type = NLA_U32 },
	[ZCACHE_A_STORE_DEFAULT_TTL] = { .type = NLA_U64 },
	[ZCACHE_A_STORE_GRACE] = { .type = NLA_U32 },
};

static uint64_t u64_of(struct nlattr *attr)
{
	return attr && nla_len(attr) >= 8 ? nla_get_u64(attr) : 0;
}

static uint32_t u32_of(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static int parse_store(struct nlmsghdr *nlh, struct store *s)
{
	struct nlattr *a[ZCACHE_A_STORE_MAX + 1], *c[ZCACHE_A_STATS_MAX + 1];
	size_t i;

	memset(s, 0, sizeof(*s));
	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_STORE_MAX, store_policy) ||
	    !a[ZCACHE_A_STORE_NAME])
		return -EBADMSG;
	nla_strlcpy(s->name, a[ZCACHE_A_STORE_NAME], sizeof(s->name));
	s->capacity = u64_of(a[ZCACHE_A_STORE_CAPACITY]);
	s->max_object_size = u64_of(a[ZCACHE_A_STORE_MAX_OBJECT_SIZE]);
	s->splice_threshold = u64_of(a[ZCACHE_A_STORE_SPLICE_THRESHOLD]);
	s->default_ttl = u64_of(a[ZCACHE_A_STORE_DEFAULT_TTL]);
	s->used = u64_of(a[ZCACHE_A_STORE_USED]);
	s->objects = u64_of(a[ZCACHE_A_STORE_OBJECTS]);
	s->max_key_len = u32_of(a[ZCACHE_A_STORE_MAX_KEY_LEN]);
	s->inline_limit = u32_of(a[ZCACHE_A_STORE_INLINE_LIMIT]);
	s->copy = u32_of(a[ZCACHE_A_STORE_COPY]);
	s->grace = u32_of(a[ZCACHE_A_STORE_GRACE]);
	s->mode = u32_of(a[ZCACHE_A_STORE_MODE]);
	s->uid = u32_of(a[ZCACHE_A_STORE_UID]);
	s->gid = u32_of(a[ZCACHE_A_STORE_GID]);
	s->opens = u32_of(a[ZCACHE_A_STORE_OPENS]);
	if (!a[ZCACHE_A_STORE_STATS])
		return 0;
	if (nla_parse_nested(c, ZCACHE_A_STATS_MAX, a[ZCACHE_A_STORE_STATS], NULL))
		return -EBADMSG;
	for (i = 0; i < ZC_C_NR; i++)
		s->counter[i] = u64_of(c[counters[i].attr]);
	return 0;
}

static int add_store(struct nlmsghdr *nlh, void *arg)
{
	struct stores *stores = arg;
	struct store *v = realloc(stores->v, (stores->n + 1) * sizeof(*v));

	if (!v) {
		stores->err = -ENOMEM;
		return 1;
	}
	stores->v = v;
	stores->err = parse_store(nlh, &v[stores->n]);
	if (stores->err)
		return 1;
	stores->n++;
	return 0;
}

/* name NULL: all of them. */
static int get_stores(struct nlc *nlc, const char *name, struct stores *stores)
{
	int tries = 0, err;

	do {
		struct nl_msg *msg = nlc_msg(nlc, ZCACHE_CMD_STORE_GET, name ? 0 : NLM_F_DUMP);

		stores->n = 0;
		stores->err = 0;
		if (msg && name && nla_put_string(msg, ZCACHE_A_STORE_NAME, name)) {
			nlmsg_free(msg);
			return -EMSGSIZE;
		}
		err = nlc_call(nlc, msg, add_store, stores);
		if (!err)
			err = stores->err;
	} while (!err && nlc->inconsistent && ++tries < DUMP_TRIES);
	if (!err && name && stores->n != 1)
		err = -EBADMSG;
	return err;
}

static void print_ratio(const struct store *s)
{
	uint64_t lookups = s->counter[ZC_C_HITS] + s->counter[ZC_C_MISSES];

	if (lookups)
		printf("    %-18s %.1f %% of %" PRIu64 " lookups\n", "hit-ratio",
		       100.0 * s->counter[ZC_C_HITS] / lookups, lookups);
}

static void print_members(const struct store *s)
{
	size_t i;

	out_size("capacity", s->capacity);
	out_size("used", s->used);
	out_u64("objects", s->objects, NULL);
	out_size("max-object-size", s->max_object_size);
	out_u64("max-key-len", s->max_key_len, "bytes");
	out_u64("inline-limit", s->inline_limit, "bytes");
	out_size("splice-threshold", s->splice_threshold);
	out_str("copy", s->copy < COPIES ? copies[s->copy] : "unknown");
	out_duration("default-ttl", s->default_ttl, "never");
	out_duration("grace", s->grace, "none");
	out_mode("mode", s->mode);
	out_u64("uid", s->uid, NULL);
	out_u64("gid", s->gid, NULL);
	out_u64("opens", s->opens, NULL);
	out_object_begin("counters");
	for (i = 0; i < ZC_C_NR; i++)
		out_u64(counters[i].name, s->counter[i], counters[i].unit);
	out_object_end();
}

static void print_store(const struct store *s)
{
	if (out_json()) {
		out_str("name", s->name);
		print_members(s);
		return;
	}
	out_object_begin(s->name);
	print_members(s);
	out_object_end();
	print_ratio(s);
}

static void print_table(const struct stores *stores)
{
	char capacity[SIZE_TEXT], used[SIZE_TEXT];
	size_t i;

	if (!stores->n)
		return;
	printf("%-16s %12s %12s %12s %5s\n", "NAME", "CAPACITY", "USED", "OBJECTS", "MODE");
	for (i = 0; i < stores->n; i++) {
		const struct store *s = &stores->v[i];

		printf("%-16s %12s %12s %12" PRIu64 "  %04o\n", s->name,
		       format_size(s->capacity, capacity), format_size(s->used, used),
		       s->objects, s->mode);
	}
}

static int run_list(int argc, char **argv)
{
	struct stores stores = { 0 };
	struct nlc nlc;
	size_t i;
	int code, err;

	code = parse_keywords(argc, argv, NULL);
	if (!code)
		code = nlc_open(&nlc);
	if (code)
		return code;
	err = get_stores(&nlc, NULL, &stores);
	if (err) {
		code = nlc_fail(&nlc, err, "cannot list the stores");
	} else if (out_json()) {
		out_array_begin("stores");
		for (i = 0; i < stores.n; i++) {
			out_object_begin(NULL);
			print_store(&stores.v[i]);
			out_object_end();
		}
		out_array_end();
		if (nlc.inconsistent)
			out_bool("inconsistent", true);
		out_finish();
	} else {
		print_table(&stores);
	}
	if (!err && nlc.inconsistent)
		note("stores come and go faster than they can be listed; the list may be incomplete");
	free(stores.v);
	nlc_close(&nlc);
	return code;
}

static int run_show(int argc, char **argv)
{
	struct stores stores = { 0 };
	struct nlc nlc;
	char what[64];
	int code, err;

	code = parse_keywords(argc - 1, argv + 1, NULL);
	if (!code)
		code = nlc_open(&nlc);
	if (code)
		return code;
	err = get_stores(&nlc, argv[0], &stores);
	if (err) {
		snprintf(what, sizeof(what), "store %s", argv[0]);
		code = nlc_fail(&nlc, err, what);
	} else {
		print_store(&stores.v[0]);
		out_finish();
	}
	free(stores.v);
	nlc_close(&nlc);
	return code;
}

/* The words of create and set. */
static struct {
	const char *capacity, *max_object, *max_key, *inline_limit, *splice_threshold, *copy;
	const char *default_ttl, *grace, *mode, *owner, *group;
} given;

static const struct keyword create_keywords[] = {
	{ "capacity", &given.capacity, NULL },
	{ "max-object", &given.max_object, NULL },
	{ "max-key", &given.max_key, NULL },
	{ "inline-limit", &given.inline_limit, NULL },
	{ "splice-threshold", &given.splice_threshold, NULL },
	{ "copy", &given.copy, NULL },
	{ "default-ttl", &given.default_ttl, NULL },
	{ "grace", &given.grace, NULL },
	{ "mode", &given.mode, NULL },
	{ "owner", &given.owner, NULL },
	{ "group", &given.group, NULL },
	{ NULL, NULL, NULL },
};

static const struct keyword set_keywords[] = {
	{ "capacity", &given.capacity, NULL },
	{ "max-object", &given.max_object, NULL },
	{ "inline-limit", &given.inline_limit, NULL },
	{ "splice-threshold", &given.splice_threshold, NULL },
	{ "copy", &given.copy, NULL },
	{ "default-ttl", &given.default_ttl, NULL },
	{ "grace", &given.grace, NULL },
	{ NULL, NULL, NULL },
};

/* The words as the kernel takes them. */
struct config {
	uint64_t capacity, max_object, max_key, inline_limit, splice_threshold;
	uint64_t default_ttl, grace;
	uint32_t copy, mode, uid, gid;
};

static int arg_copy(const char *text, uint32_t *out)
{
	uint32_t i;

	if (!text)
		return CTL_OK;
	for (i = 0; i < COPIES; i++)
		if (!strcmp(text, copies[i]))
			break;
	if (i == COPIES)
		return fail(CTL_USAGE, "copy '%s' is none of never, local and always", text);
	*out = i;
	return CTL_OK;
}

static int arg_default_ttl(const char *text, uint64_t *ms)
{
	if (!text || strcmp(text, "never"))
		return arg_duration("default-ttl", text, TTL_MAX, ms);
	*ms = 0;
	return CTL_OK;
}

static int parse_config(struct config *c)
{
	int code;

	code = arg_size("capacity", given.capacity, &c->capacity);
	if (!code)
		code = arg_size("max-object", given.max_object, &c->max_object);
	if (!code)
		code = arg_u64("max-key", given.max_key, ZC_KEY_MAX, &c->max_key);
	if (!code)
		code = arg_u64("inline-limit", given.inline_limit, UINT32_MAX, &c->inline_limit);
	if (!code)
		code = arg_size("splice-threshold", given.splice_threshold, &c->splice_threshold);
	if (!code)
		code = arg_copy(given.copy, &c->copy);
	if (!code)
		code = arg_default_ttl(given.default_ttl, &c->default_ttl);
	if (!code)
		code = arg_duration("grace", given.grace, UINT32_MAX, &c->grace);
	if (!code)
		code = arg_mode(given.mode, &c->mode);
	if (!code)
		code = arg_owner(given.owner, &c->uid);
	if (!code)
		code = arg_group(given.group, &c->gid);
	return code;
}

/* Only what was given is sent: the kernel knows the rest. */
static int put_config(struct nl_msg *msg, const struct config *c)
{
	int err = 0;

	if (given.capacity)
		err = nla_put_u64(msg, ZCACHE_A_STORE_CAPACITY, c->capacity);
	if (!err && given.max_object)
		err = nla_put_u64(msg, ZCACHE_A_STORE_MAX_OBJECT_SIZE, c->max_object);
	if (!err && given.max_key)
		err = nla_put_u32(msg, ZCACHE_A_STORE_MAX_KEY_LEN, c->max_key);
	if (!err && given.inline_limit)
		err = nla_put_u32(msg, ZCACHE_A_STORE_INLINE_LIMIT, c->inline_limit);
	if (!err && given.splice_threshold)
		err = nla_put_u64(msg, ZCACHE_A_STORE_SPLICE_THRESHOLD, c->splice_threshold);
	if (!err && given.copy)
		err = nla_put_u32(msg, ZCACHE_A_STORE_COPY, c->copy);
	if (!err && given.default_ttl)
		err = nla_put_u64(msg, ZCACHE_A_STORE_DEFAULT_TTL, c->default_ttl);
	if (!err && given.grace)
		err = nla_put_u32(msg, ZCACHE_A_STORE_GRACE, c->grace);
	if (!err && given.mode)
		err = nla_put_u32(msg, ZCACHE_A_STORE_MODE, c->mode);
	if (!err && given.owner)
		err = nla_put_u32(msg, ZCACHE_A_STORE_UID, c->uid);
	if (!err && given.group)
		err = nla_put_u32(msg, ZCACHE_A_STORE_GID, c->gid);
	return err;
}

static int do_store(int cmd, const char *verb, const char *name, const struct config *c,
		    bool force)
{
	struct nl_msg *msg;
	struct nlc nlc;
	char what[64];
	int code, err;

	code = nlc_open(&nlc);
	if (code)
		return code;
	msg = nlc_msg(&nlc, cmd, 0);
	if (msg && (nla_put_string(msg, ZCACHE_A_STORE_NAME, name) ||
		    (force && nla_put_flag(msg, ZCACHE_A_STORE_FORCE)) ||
		    (c && put_config(msg, c)))) {
		nlmsg_free(msg);
		msg = NULL;
	}
	err = nlc_call(&nlc, msg, NULL, NULL);
	if (err) {
		snprintf(what, sizeof(what), "cannot %s store %s", verb, name);
		code = nlc_fail(&nlc, err, what);
	} else if (out_json()) {
		out_str("name", name);
		if (nlc.sentence[0])
			out_str("note", nlc.sentence);
		out_finish();
	}
	if (!err && nlc.sentence[0])
		note("store %s: %s", name, nlc.sentence);
	nlc_close(&nlc);
	return code;
}

static int run_create(int argc, char **argv)
{
	struct config c = { 0 };
	int code;

	code = parse_keywords(argc - 1, argv + 1, create_keywords);
	if (!code && !given.capacity)
		code = fail(CTL_USAGE, "a store needs 'capacity SIZE'");
	if (!code)
		code = parse_config(&c);
	if (!code)
		code = do_store(ZCACHE_CMD_STORE_NEW, "create", argv[0], &c, false);
	return code;
}

static bool nothing_given(const struct keyword *k)
{
	for (; k->name; k++)
		if (*k->value)
			return false;
	return true;
}

static int run_set(int argc, char **argv)
{
	struct config c = { 0 };
	int code;

	code = parse_keywords(argc - 1, argv + 1, set_keywords);
	if (!code && nothing_given(set_keywords))
		code = fail(CTL_USAGE, "what is to be changed? 'zcachectl help store' lists what can be");
	if (!code)
		code = parse_config(&c);
	if (!code)
		code = do_store(ZCACHE_CMD_STORE_SET, "change", argv[0], &c, false);
	return code;
}

static bool force;

static const struct keyword delete_keywords[] = {
	{ "force", NULL, &force },
	{ NULL, NULL, NULL },
};

static int run_delete(int argc, char **argv)
{
	int code = parse_keywords(argc - 1, argv + 1, delete_keywords);

	if (!code)
		code = do_store(ZCACHE_CMD_STORE_DEL, "delete", argv[0], NULL, force);
	return code;
}

const struct command store_commands[] = {
	{ "create", 1,
	  "NAME capacity SIZE [max-object SIZE] [max-key N] [inline-limit N] [splice-threshold SIZE] [copy never|local|always] [default-ttl TIME|never] [grace TIME] [mode OCTAL] [owner USER] [group GROUP]",
	  "Make a store and its node /dev/zcache/NAME.", create_keywords, run_create },
	{ "delete", 1, "NAME [force]",
	  "Delete a store with all its objects; force also while it is in use.",
	  delete_keywords, run_delete },
	{ "list", 0, "", "List the stores.", NULL, run_list },
	{ "set", 1,
	  "NAME [capacity SIZE] [max-object SIZE] [inline-limit N] [splice-threshold SIZE] [copy never|local|always] [default-ttl TIME|never] [grace TIME]",
	  "Change a store that is in use.", set_keywords, run_set },
	{ "show", 1, "NAME", "Show the limits and counters of a store.", NULL, run_show },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
