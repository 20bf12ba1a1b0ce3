// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl stats: all that is counted and timed, over netlink or of a mirror. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "ctl.h"
#include "mirror.h"
#include "nl.h"
#include "out.h"
#include "stores.h"
#include "text.h"

void print_counters(const struct store *s)
{
	size_t i;

	out_object_begin("counters");
	for (i = 0; i < ZC_C_NR; i++)
		out_u64(counters[i].name, s->counter[i], counters[i].unit);
	out_object_end();
}

static void print_ratio(const char *name, uint64_t hits, uint64_t misses, const char *unit)
{
	if (hits + misses)
		printf("  %-20s %.1f %% of %" PRIu64 " %s\n", name,
		       100.0 * hits / (hits + misses), hits + misses, unit);
}

static uint64_t total(const struct latency *l)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < l->n; i++)
		sum += l->count[i];
	return sum;
}

/* The last bucket has no end, so it is told by where it begins. */
static void print_latency(const char *name, const struct latency *l)
{
	uint64_t all = total(l);
	char bound[NS_TEXT];
	size_t i;

	/* A mirror does not time them. */
	if (!l->n)
		return;
	printf("  %-20s %" PRIu64 " calls\n", name, all);
	for (i = 0; i < l->n; i++) {
		bool last = i == l->n - 1;

		if (!l->count[i])
			continue;
		format_ns(last && i ? latency_bound(i - 1) : last ? 0 : latency_bound(i), bound);
		printf("    %-2s %-15s %12" PRIu64 " %5.1f %%\n", last ? ">=" : "<", bound,
		       l->count[i], 100.0 * l->count[i] / all);
	}
}

static void print_buckets(const char *name, const struct latency *l)
{
	size_t i;

	out_array_begin(name);
	for (i = 0; i < l->n; i++) {
		out_object_begin(NULL);
		if (i < l->n - 1)
			out_u64("below-ns", latency_bound(i), NULL);
		else
			out_null("below-ns");
		out_u64("count", l->count[i], NULL);
		out_object_end();
	}
	out_array_end();
}

static void print_json(const char *name, const struct store *s)
{
	out_object_begin(NULL);
	out_str("name", name);
	print_counters(s);
	print_buckets("send-latency", &s->send_latency);
	print_buckets("fill-latency", &s->fill_latency);
	out_object_end();
}

static void print_text(const char *name, const struct store *s)
{
	out_object_begin(name);
	print_counters(s);
	out_object_end();
	print_ratio("hit-ratio", s->counter[ZC_C_HITS], s->counter[ZC_C_MISSES], "lookups");
	print_ratio("byte-hit-ratio", s->counter[ZC_C_HIT_BYTES], s->counter[ZC_C_MISS_BYTES],
		    "bytes");
	print_ratio("mmap-efficiency", s->counter[ZC_C_MMAP_READS],
		    s->counter[ZC_C_MMAP_SKIPPED], "object fds");
	print_latency("send-latency", &s->send_latency);
	print_latency("fill-latency", &s->fill_latency);
}

static void print_stores(const struct stores *stores, bool inconsistent)
{
	size_t i;

	if (out_json())
		out_array_begin("stores");
	for (i = 0; i < stores->n; i++) {
		if (out_json())
			print_json(stores->v[i].name, &stores->v[i]);
		else
			print_text(stores->v[i].name, &stores->v[i]);
	}
	if (out_json())
		out_array_end();
	if (inconsistent && out_json())
		out_bool("inconsistent", true);
	out_finish();
}

static int show_mirror(const char *store)
{
	struct store s = { 0 };
	bool durable;
	int code = mirror_read(store, &s, NULL, &durable);

	if (code)
		return code;
	if (out_json()) {
		out_array_begin("stores");
		print_json(store, &s);
		out_array_end();
	} else {
		print_text(store, &s);
	}
	out_finish();
	return CTL_OK;
}

static int run_show(int argc, char **argv)
{
	const char *name = argc ? argv[0] : NULL;
	struct stores stores = { 0 };
	char what[64] = "cannot list the stores";
	struct nlc nlc;
	int code, err;

	code = argc ? parse_keywords(argc - 1, argv + 1, NULL) : CTL_OK;
	if (!code && name && mirror_folder(name))
		return show_mirror(name);
	if (!code)
		code = nlc_open(&nlc);
	if (code)
		return code;
	err = get_stores(&nlc, name, &stores);
	if (name)
		snprintf(what, sizeof(what), "store %s", name);
	if (err)
		code = nlc_fail(&nlc, err, what);
	else
		print_stores(&stores, nlc.inconsistent);
	if (!err && nlc.inconsistent)
		note_inconsistent();
	free(stores.v);
	nlc_close(&nlc);
	return code;
}

const struct command stats_commands[] = {
	{ "show", 0, "[STORE]",
	  "Show the counters, hit ratios and latencies of a store, or of all.", NULL, run_show },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
