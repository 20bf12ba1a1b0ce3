// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl store: over netlink, so it needs CAP_NET_ADMIN; mirrors need nothing. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/zcache.h>
#include <linux/zcache_netlink.h>

#include "ctl.h"
#include "mirror.h"
#include "nl.h"
#include "node.h"
#include "out.h"
#include "stores.h"
#include "text.h"

static const char *const copies[] = {
	[ZCACHE_COPY_NEVER] = "never",
	[ZCACHE_COPY_LOCAL] = "local",
	[ZCACHE_COPY_ALWAYS] = "always",
};

#define COPIES (sizeof(copies) / sizeof(copies[0]))

void print_hit_ratio(const struct store *s)
{
	uint64_t lookups = s->counter[ZC_C_HITS] + s->counter[ZC_C_MISSES];

	if (lookups)
		printf("    %-18s %.1f %% of %" PRIu64 " lookups\n", "hit-ratio",
		       100.0 * s->counter[ZC_C_HITS] / lookups, lookups);
}

static void print_members(const struct store *s)
{
	out_size("capacity", s->capacity);
	out_size("used", s->used);
	out_size("data", s->data);
	out_size("metadata", s->metadata);
	out_size("pinned", s->pinned);
	out_u64("high-watermark", s->high_watermark, "percent");
	out_u64("low-watermark", s->low_watermark, "percent");
	out_u64("objects", s->objects, NULL);
	out_size("max-object-size", s->max_object_size);
	out_u64("max-key-len", s->max_key_len, "bytes");
	out_u64("inline-limit", s->inline_limit, "bytes");
	out_size("splice-threshold", s->splice_threshold);
	out_bool("object-events", s->object_events);
	out_name("policy", s->policy);
	out_str("copy", s->copy < COPIES ? copies[s->copy] : "unknown");
	out_duration("default-ttl", s->default_ttl, "never");
	out_duration("grace", s->grace, "none");
	out_mode("mode", s->mode);
	out_u64("uid", s->uid, NULL);
	out_u64("gid", s->gid, NULL);
	out_u64("opens", s->opens, NULL);
	print_counters(s);
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
	print_hit_ratio(s);
}

static void print_table(const struct stores *stores)
{
	char capacity[SIZE_TEXT], used[SIZE_TEXT];
	char data[SIZE_TEXT], metadata[SIZE_TEXT], pinned[SIZE_TEXT];
	size_t i;

	if (!stores->n)
		return;
	printf("%-16s %12s %12s %12s %5s %4s %4s %12s %12s %12s\n", "NAME", "CAPACITY", "USED",
	       "OBJECTS", "MODE", "HIGH", "LOW", "DATA", "METADATA", "PINNED");
	for (i = 0; i < stores->n; i++) {
		const struct store *s = &stores->v[i];

		printf("%-16s %12s %12s %12" PRIu64 "  %04o %3u%% %3u%% %12s %12s %12s\n", s->name,
		       format_size(s->capacity, capacity), format_size(s->used, used),
		       s->objects, s->mode, s->high_watermark, s->low_watermark,
		       format_size(s->data, data), format_size(s->metadata, metadata),
		       format_size(s->pinned, pinned));
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
		note_inconsistent();
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
	if (!code && mirror_folder(argv[0]))
		return mirror_show(argv[0]);
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
static struct store_words given;

static const struct keyword create_keywords[] = {
	{ "capacity", &given.capacity, NULL },
	{ "max-object", &given.max_object, NULL },
	{ "max-key", &given.max_key, NULL },
	{ "inline-limit", &given.inline_limit, NULL },
	{ "splice-threshold", &given.splice_threshold, NULL },
	{ "copy", &given.copy, NULL },
	{ "default-ttl", &given.default_ttl, NULL },
	{ "grace", &given.grace, NULL },
	{ "high-watermark", &given.high_watermark, NULL },
	{ "low-watermark", &given.low_watermark, NULL },
	{ "object-events", &given.object_events, NULL },
	{ "policy", &given.policy, NULL },
	{ "mode", &given.mode, NULL },
	{ "owner", &given.owner, NULL },
	{ "group", &given.group, NULL },
	{ "durable", &given.durable, NULL },
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
	{ "high-watermark", &given.high_watermark, NULL },
	{ "low-watermark", &given.low_watermark, NULL },
	{ "object-events", &given.object_events, NULL },
	{ "policy", &given.policy, NULL },
	{ "mode", &given.mode, NULL },
	{ "owner", &given.owner, NULL },
	{ "group", &given.group, NULL },
	{ "durable", &given.durable, NULL },
	{ NULL, NULL, NULL },
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

static int arg_percent(const char *what, const char *text, uint64_t min, uint64_t *out)
{
	if (!text || (!parse_u64(text, 100, out) && *out >= min))
		return CTL_OK;
	return fail(CTL_USAGE, "%s '%s' is not a number of percent from %" PRIu64 " to 100", what,
		    text, min);
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
		code = arg_percent("high-watermark", given.high_watermark, 1, &c->high_watermark);
	if (!code)
		code = arg_percent("low-watermark", given.low_watermark, 0, &c->low_watermark);
	if (!code)
		code = arg_yes("object-events", given.object_events, &c->object_events);
	if (!code)
		code = arg_mode(given.mode, &c->mode);
	if (!code)
		code = arg_owner(given.owner, &c->uid);
	if (!code)
		code = arg_group(given.group, &c->gid);
	if (!code)
		code = arg_yes("durable", given.durable, &c->durable);
	return code;
}

static bool of_mirrors(const char *word)
{
	static const char *const words[] = { "capacity", "max-object", "max-key",
					     "splice-threshold", "default-ttl", "grace",
					     "durable" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(word, words[i]))
			return true;
	return false;
}

static int check_words(const char *store, const struct keyword *k)
{
	if (!mirror_folder(store))
		return given.durable ? fail(CTL_USAGE, "%s is a store of the module, which has no durable; right is 'mirror:' and a folder",
					    store) : CTL_OK;
	for (; k->name; k++)
		if (*k->value && !of_mirrors(k->name))
			return mirror_lacks(store, k->name, OF_THE_MODULE);
	/* The longest of all is how a mirror is told that there is none. */
	return arg_duration("grace", given.grace, UINT32_MAX - 1, &(uint64_t) { 0 });
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
	if (!err && given.high_watermark)
		err = nla_put_u32(msg, ZCACHE_A_STORE_HIGH_WATERMARK, c->high_watermark);
	if (!err && given.low_watermark)
		err = nla_put_u32(msg, ZCACHE_A_STORE_LOW_WATERMARK, c->low_watermark);
	if (!err && given.object_events)
		err = nla_put_u32(msg, ZCACHE_A_STORE_OBJECT_EVENTS, c->object_events);
	if (!err && given.policy)
		err = nla_put_string(msg, ZCACHE_A_STORE_POLICY,
				     strcmp(given.policy, "default") ? given.policy : "");
	if (!err && given.mode)
		err = nla_put_u32(msg, ZCACHE_A_STORE_MODE, c->mode);
	if (!err && given.owner)
		err = nla_put_u32(msg, ZCACHE_A_STORE_UID, c->uid);
	if (!err && given.group)
		err = nla_put_u32(msg, ZCACHE_A_STORE_GID, c->gid);
	return err;
}

/* The module notes whose a node is to be; the node of a store that exists is changed here. */
static int set_node(struct nlc *nlc, const char *name)
{
	struct stores stores = { 0 };
	int err = get_stores(nlc, name, &stores);

	if (!err)
		err = node_apply(&stores.v[0]);
	free(stores.v);
	if (err)
		return fail(CTL_REFUSED, "store %s was changed, but not its node /dev/zcache/%s: %s",
			    name, name,
			    err == -ENXIO ? "what is there is not its node" : error_name(err));
	return CTL_OK;
}

static int do_store(int cmd, const char *verb, const char *name, const struct config *c,
		    bool force)
{
	char what[64], sentence[sizeof(((struct nlc *)0)->sentence)];
	struct nl_msg *msg;
	struct nlc nlc;
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
	snprintf(sentence, sizeof(sentence), "%s", nlc.sentence);
	if (err) {
		snprintf(what, sizeof(what), "cannot %s store %s", verb, name);
		code = nlc_fail(&nlc, err, what);
	} else if (cmd == ZCACHE_CMD_STORE_SET && (given.mode || given.owner || given.group)) {
		code = set_node(&nlc, name);
	}
	if (!code && out_json()) {
		out_str("name", name);
		if (sentence[0])
			out_str("note", sentence);
		out_finish();
	}
	if (!err && sentence[0])
		note("store %s: %s", name, sentence);
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
		code = check_words(argv[0], create_keywords);
	if (!code && mirror_folder(argv[0]))
		return mirror_create(argv[0], &given, &c);
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
		code = check_words(argv[0], set_keywords);
	if (!code && mirror_folder(argv[0]))
		return mirror_set(argv[0], &given, &c);
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

	if (!code && mirror_folder(argv[0]))
		return mirror_delete(argv[0], force);
	if (!code)
		code = do_store(ZCACHE_CMD_STORE_DEL, "delete", argv[0], NULL, force);
	return code;
}

const struct command store_commands[] = {
	{ "create", 1,
	  "NAME capacity SIZE [max-object SIZE] [max-key N] [inline-limit N] [splice-threshold SIZE] [copy never|local|always] [default-ttl TIME|never] [grace TIME] [high-watermark PERCENT] [low-watermark PERCENT] [object-events yes|no] [policy POLICY|none|default] [mode OCTAL] [owner USER] [group GROUP] [durable yes|no]",
	  "Make a store and its node /dev/zcache/NAME, or a mirror.", create_keywords, run_create },
	{ "delete", 1, "STORE [force]",
	  "Delete a store with all its objects; force also while it is in use.",
	  delete_keywords, run_delete },
	{ "list", 0, "", "List the stores.", NULL, run_list },
	{ "set", 1,
	  "STORE [capacity SIZE] [max-object SIZE] [inline-limit N] [splice-threshold SIZE] [copy never|local|always] [default-ttl TIME|never] [grace TIME] [high-watermark PERCENT] [low-watermark PERCENT] [object-events yes|no] [policy POLICY|none|default] [mode OCTAL] [owner USER] [group GROUP] [durable yes|no]",
	  "Change a store that is in use.", set_keywords, run_set },
	{ "show", 1, "STORE", "Show the limits and counters of a store.", NULL, run_show },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
