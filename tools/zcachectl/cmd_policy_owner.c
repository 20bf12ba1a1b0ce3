// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl policy show, status: who decides what leaves a store, and how well it goes. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/zcache_netlink.h>

#include <zcache.h>
#include <zcache_owner.h>

#include "ctl.h"
#include "mirror.h"
#include "nl.h"
#include "out.h"
#include "stores.h"
#include "text.h"

/* What the kernel itself evicts by. */
#define BY_KERNEL "sieve"

static struct nla_policy owner_policy[ZCACHE_A_POLICY_MAX + 1] = {
	[ZCACHE_A_POLICY_NAME] = { .type = NLA_STRING, .maxlen = POLICY_ROOM },
	[ZCACHE_A_POLICY_WATCHDOG] = { .type = NLA_U32 },
	[ZCACHE_A_POLICY_OWNER] = { .type = NLA_U32 },
	[ZCACHE_A_POLICY_LATE] = { .type = NLA_FLAG },
};

/* Of no owner the port is 0, which is the kernel's own. */
struct owner {
	char name[POLICY_ROOM];
	uint32_t port, watchdog;
	bool late;
};

static const enum zc_counter shown[] = {
	ZC_C_POLICY_EVICTIONS, ZC_C_POLICY_EVICTED_BYTES, ZC_C_POLICY_SPARED, ZC_C_TOUCHES_LOST,
	ZC_C_EVICTIONS,
};

static int take_owner(struct nlmsghdr *nlh, void *arg)
{
	struct nlattr *a[ZCACHE_A_POLICY_MAX + 1];
	struct owner *o = arg;

	if (genlmsg_parse(nlh, 0, a, ZCACHE_A_POLICY_MAX, owner_policy) ||
	    !a[ZCACHE_A_POLICY_NAME] || !a[ZCACHE_A_POLICY_WATCHDOG] || !a[ZCACHE_A_POLICY_OWNER])
		return 1;
	nla_strlcpy(o->name, a[ZCACHE_A_POLICY_NAME], sizeof(o->name));
	o->watchdog = nla_get_u32(a[ZCACHE_A_POLICY_WATCHDOG]);
	o->port = nla_get_u32(a[ZCACHE_A_POLICY_OWNER]);
	o->late = a[ZCACHE_A_POLICY_LATE];
	return 0;
}

/* To have none is no error; nor has a store one that is gone since it was told. */
static int get_owner(struct nlc *nlc, const char *store, struct owner *o)
{
	struct nl_msg *msg = nlc_msg(nlc, ZCACHE_CMD_POLICY_GET, 0);
	int err;

	memset(o, 0, sizeof(*o));
	if (msg && nla_put_string(msg, ZCACHE_A_POLICY_STORE, store)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	err = nlc_call(nlc, msg, take_owner, o);
	if (err == -ENOENT)
		return 0;
	return !err && !o->port ? -EBADMSG : err;
}

static const char *state_of(const struct owner *o)
{
	return !o->port ? "none" : o->late ? "silent" : "active";
}

static void print_members(const struct store *s, const struct owner *o)
{
	size_t i;

	out_str("store", s->name);
	out_name("wanted", s->policy);
	if (o->port || out_json())
		out_str("running", o->port ? o->name : BY_KERNEL);
	else
		out_str("running", BY_KERNEL " (by the kernel; nobody owns the policy)");
	if (o->port) {
		out_u64("owner", o->port, NULL);
		out_duration("watchdog", o->watchdog, "none");
	} else if (out_json()) {
		out_null("owner");
		out_null("watchdog_ms");
	} else {
		out_str("owner", "none");
	}
	out_str("state", state_of(o));
	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		out_u64(counters[shown[i]].name, s->counter[shown[i]], counters[shown[i]].unit);
}

/* What the kernel evicted by itself, of all that was: the less the better. False without any. */
static bool fallback_share(const struct store *s, double *percent, uint64_t *all)
{
	*all = s->counter[ZC_C_EVICTIONS] + s->counter[ZC_C_POLICY_EVICTIONS];
	*percent = *all ? 100.0 * s->counter[ZC_C_EVICTIONS] / *all : 0;
	return *all;
}

static void print_one(const struct store *s, const struct owner *o)
{
	double percent;
	uint64_t all;

	print_members(s, o);
	if (!out_json() && fallback_share(s, &percent, &all))
		printf("%-18s %.1f %% of %" PRIu64 " evictions\n", "fallback-share", percent, all);
	out_finish();
}

static void print_row(const struct store *s, const struct owner *o)
{
	char port[16] = "-", watchdog[DURATION_TEXT] = "-", share[16] = "-";
	double percent;
	uint64_t all;

	if (o->port) {
		snprintf(port, sizeof(port), "%" PRIu32, o->port);
		format_duration(o->watchdog, watchdog);
	}
	if (fallback_share(s, &percent, &all))
		snprintf(share, sizeof(share), "%.1f%%", percent);
	printf("%-16s %-10s %-10s %-6s %10s %8s %12" PRIu64 " %12" PRIu64 " %12" PRIu64
	       " %12" PRIu64 " %8s\n", s->name, s->policy[0] ? s->policy : "default",
	       o->port ? o->name : BY_KERNEL, state_of(o), port, watchdog,
	       s->counter[ZC_C_POLICY_EVICTIONS], s->counter[ZC_C_POLICY_SPARED],
	       s->counter[ZC_C_TOUCHES_LOST], s->counter[ZC_C_EVICTIONS], share);
}

static void print_all(const struct stores *stores, const struct owner *owners, bool inconsistent)
{
	size_t i;

	if (out_json())
		out_array_begin("stores");
	else if (stores->n)
		printf("%-16s %-10s %-10s %-6s %10s %8s %12s %12s %12s %12s %8s\n", "STORE",
		       "WANTED", "RUNNING", "STATE", "OWNER", "WATCHDOG", "POLICY-EVICT",
		       "SPARED", "TOUCHES-LOST", "EVICTIONS", "FALLBACK");
	for (i = 0; i < stores->n; i++) {
		if (!out_json()) {
			print_row(&stores->v[i], &owners[i]);
			continue;
		}
		out_object_begin(NULL);
		print_members(&stores->v[i], &owners[i]);
		out_object_end();
	}
	if (out_json()) {
		out_array_end();
		if (inconsistent)
			out_bool("inconsistent", true);
		out_finish();
	}
	if (inconsistent)
		note_inconsistent();
}

/* A mirror knows who owns its policy by name; the store itself asks for none. */
static int show_mirror(const char *name)
{
	char running[ZC_POLICY_NAME_ROOM];
	struct store s = { 0 };
	struct zc_cache *cache;
	int code, owned;
	bool durable;
	size_t i;

	code = mirror_read(name, &s, NULL, &durable);
	if (!code)
		code = mirror_open(name, O_RDONLY, &cache);
	if (code)
		return code;
	owned = zc_policy_owner(cache, running);
	zc_close(cache);
	if (owned < 0)
		return mirror_refused(name, owned, "read");
	out_str("store", name);
	if (out_json()) {
		out_null("wanted");
		out_str("running", owned ? running : BY_KERNEL);
		out_null("owner");
		out_null("watchdog_ms");
	} else {
		out_str("running", owned ? running :
			BY_KERNEL " (by the library; nobody owns the policy)");
	}
	out_str("state", owned ? "active" : "none");
	for (i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		out_u64(counters[shown[i]].name, s.counter[shown[i]], counters[shown[i]].unit);
	out_finish();
	return CTL_OK;
}

int run_policy_show(int argc, char **argv)
{
	struct stores stores = { 0 };
	struct owner owner;
	struct nlc nlc;
	char what[64];
	int code, err;

	code = parse_keywords(argc - 1, argv + 1, NULL);
	if (!code && mirror_folder(argv[0]))
		return show_mirror(argv[0]);
	if (!code)
		code = nlc_open(&nlc);
	if (code)
		return code;
	err = get_stores(&nlc, argv[0], &stores);
	if (!err)
		err = get_owner(&nlc, argv[0], &owner);
	if (err) {
		snprintf(what, sizeof(what), "policy of store %s", argv[0]);
		code = nlc_fail(&nlc, err, what);
	} else {
		print_one(&stores.v[0], &owner);
	}
	free(stores.v);
	nlc_close(&nlc);
	return code;
}

/* Each store is asked for singly: of a dump that was interrupted some could be missing. */
static int get_owners(struct nlc *nlc, const struct stores *stores, struct owner **owners)
{
	int err = 0;
	size_t i;

	*owners = calloc(stores->n + 1, sizeof(**owners));
	if (!*owners)
		return -ENOMEM;
	for (i = 0; i < stores->n && !err; i++)
		err = get_owner(nlc, stores->v[i].name, &(*owners)[i]);
	return err;
}

int run_policy_status(int argc, char **argv)
{
	struct stores stores = { 0 };
	struct owner *owners = NULL;
	bool inconsistent;
	struct nlc nlc;
	int code, err;

	code = parse_keywords(argc, argv, NULL);
	if (!code)
		code = nlc_open(&nlc);
	if (code)
		return code;
	err = get_stores(&nlc, NULL, &stores);
	/* the calls that follow say it of themselves */
	inconsistent = nlc.inconsistent;
	if (!err)
		err = get_owners(&nlc, &stores, &owners);
	if (err)
		code = nlc_fail(&nlc, err, "cannot list the policies");
	else
		print_all(&stores, owners, inconsistent);
	free(owners);
	free(stores.v);
	nlc_close(&nlc);
	return code;
}
