// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "metrics.h"
#include "store.h"
#include "stores.h"

#define NAME_ROOM 96

/* Counters that are parts of one thing, told apart by a label. */
struct family {
	const char *name, *unit, *label, *help;
};

enum { LOOKUPS, LOOKUP_BYTES, REQUESTS, SEND_BYTES, FALLBACKS, EVICTIONS, EVICTED_BYTES, FAMILIES };

static const struct family families[FAMILIES] = {
	[LOOKUPS] = { "lookups", "", "result", "Lookups of objects." },
	[LOOKUP_BYTES] = { "lookup_bytes", "bytes", "result",
			   "Bytes of the objects that lookups found, or that were committed after a miss." },
	[REQUESTS] = { "send_requests", "", "result", "SEND calls that found their object." },
	[SEND_BYTES] = { "send_bytes", "bytes", "path",
			 "Bytes given to sockets, by reference or by copy." },
	[FALLBACKS] = { "send_fallbacks", "", "reason",
			"SEND calls that copied what was long enough to go by reference." },
	[EVICTIONS] = { "evictions", "", "reason",
			"Objects evicted: by the kernel as the store was full or memory short, or by the policy." },
	[EVICTED_BYTES] = { "evicted_bytes", "bytes", "reason", "Charge of the objects evicted." },
};

/* A counter that is not here has a name of its own, made from the kernel's. */
static const struct place {
	const struct family *family;
	const char *value;
} places[ZC_C_NR] = {
	[ZC_C_HITS] = { &families[LOOKUPS], "hit" },
	[ZC_C_MISSES] = { &families[LOOKUPS], "miss" },
	[ZC_C_HIT_BYTES] = { &families[LOOKUP_BYTES], "hit" },
	[ZC_C_MISS_BYTES] = { &families[LOOKUP_BYTES], "miss" },
	[ZC_C_SENDS] = { &families[REQUESTS], "complete" },
	[ZC_C_SENDS_PARTIAL] = { &families[REQUESTS], "partial" },
	[ZC_C_SENDS_FAILED] = { &families[REQUESTS], "failed" },
	[ZC_C_SPLICED_BYTES] = { &families[SEND_BYTES], "splice" },
	[ZC_C_COPIED_BYTES] = { &families[SEND_BYTES], "copy" },
	[ZC_C_FALLBACKS_ROUTE] = { &families[FALLBACKS], "route" },
	[ZC_C_FALLBACKS_UNIX] = { &families[FALLBACKS], "unix" },
	[ZC_C_FALLBACKS_LOCAL] = { &families[FALLBACKS], "local" },
	[ZC_C_FALLBACKS_ASKED] = { &families[FALLBACKS], "asked" },
	[ZC_C_FALLBACKS_INLINE] = { &families[FALLBACKS], "inline" },
	[ZC_C_EVICTIONS] = { &families[EVICTIONS], "capacity" },
	[ZC_C_SHRINKS] = { &families[EVICTIONS], "memory" },
	[ZC_C_POLICY_EVICTIONS] = { &families[EVICTIONS], "policy" },
	[ZC_C_EVICTED_BYTES] = { &families[EVICTED_BYTES], "capacity" },
	[ZC_C_SHRUNK_BYTES] = { &families[EVICTED_BYTES], "memory" },
	[ZC_C_POLICY_EVICTED_BYTES] = { &families[EVICTED_BYTES], "policy" },
};

static const char *const sentences[ZC_C_NR] = {
#define SENTENCE(id, name, unit, sentence) sentence,
	ZC_COUNTERS(SENTENCE)
#undef SENTENCE
};

struct page {
	FILE *f;
	bool openmetrics;
	const struct view *views;
	size_t n;
};

/* Prometheus' own form has the suffix in the name that is described, and no units. */
static void head(const struct page *p, const char *name, const char *type, const char *unit,
		 const char *help)
{
	const char *suffix = "";

	if (!p->openmetrics && !strcmp(type, "counter"))
		suffix = "_total";
	if (!p->openmetrics && !strcmp(type, "info")) {
		suffix = "_info";
		type = "gauge";
	}
	fprintf(p->f, "# HELP zcache_%s%s %s\n# TYPE zcache_%s%s %s\n", name, suffix, help, name,
		suffix, type);
	if (p->openmetrics && unit[0])
		fprintf(p->f, "# UNIT zcache_%s %s\n", name, unit);
}

static void put_family(const struct page *p, const struct family *family)
{
	size_t i;
	int c;

	head(p, family->name, "counter", family->unit, family->help);
	for (i = 0; i < p->n; i++)
		for (c = 0; c < ZC_C_NR; c++)
			if (places[c].family == family)
				fprintf(p->f, "zcache_%s_total{store=\"%s\",%s=\"%s\"} %" PRIu64 "\n",
					family->name, p->views[i].store->name, family->label,
					places[c].value, p->views[i].store->counter[c]);
}

static void put_counter(const struct page *p, int c)
{
	bool bytes = !strcmp(counters[c].unit, "bytes");
	char name[NAME_ROOM], *s;
	size_t i;

	snprintf(name, sizeof(name), "%s", counters[c].name);
	for (s = name; *s; s++)
		if (*s == '-')
			*s = '_';
	head(p, name, "counter", bytes ? "bytes" : "", sentences[c]);
	for (i = 0; i < p->n; i++)
		fprintf(p->f, "zcache_%s_total{store=\"%s\"} %" PRIu64 "\n", name,
			p->views[i].store->name, p->views[i].store->counter[c]);
}

/* Nanoseconds as seconds, without the zeros at the end. */
static void put_seconds(FILE *f, uint64_t ns)
{
	char text[32];
	size_t n = snprintf(text, sizeof(text), "%" PRIu64 ".%09" PRIu64, ns / 1000000000,
			    ns % 1000000000);

	while (text[n - 1] == '0' && text[n - 2] != '.')
		text[--n] = '\0';
	fputs(text, f);
}

/*
 * The kernel adds up no times, so there is no sum, and none is made up. OpenMetrics has the
 * count if and only if it has the sum; the older form always has the count.
 */
static void put_histogram(const struct page *p, const char *name, size_t offset, const char *help)
{
	size_t i, b;

	head(p, name, "histogram", "seconds", help);
	for (i = 0; i < p->n; i++) {
		const struct store *s = p->views[i].store;
		const struct latency *l = (const struct latency *)((const char *)s + offset);
		uint64_t sum = 0;

		for (b = 0; b < l->n; b++) {
			sum += l->count[b];
			fprintf(p->f, "zcache_%s_bucket{store=\"%s\",le=\"", name, s->name);
			if (b + 1 < l->n)
				put_seconds(p->f, latency_bound(b));
			else
				fputs("+Inf", p->f);
			fprintf(p->f, "\"} %" PRIu64 "\n", sum);
		}
		if (l->n && !p->openmetrics)
			fprintf(p->f, "zcache_%s_count{store=\"%s\"} %" PRIu64 "\n", name, s->name,
				sum);
	}
}

static const struct gauge {
	const char *name, *unit, *help;
	size_t offset;
} gauges[] = {
	{ "capacity_bytes", "bytes", "Bytes the store may use.", offsetof(struct store, capacity) },
	{ "used_bytes", "bytes", "Bytes of the capacity that are in use.",
	  offsetof(struct store, used) },
	{ "data_bytes", "bytes", "Bytes of the objects themselves.", offsetof(struct store, data) },
	{ "metadata_bytes", "bytes", "Charge of the objects beyond their bytes.",
	  offsetof(struct store, metadata) },
	{ "pinned_bytes", "bytes",
	  "Bytes held by fills under way, by tags, and by objects that left and are still in use.",
	  offsetof(struct store, pinned) },
	{ "objects", "", "Objects in the store.", offsetof(struct store, objects) },
};

static void put_gauge(const struct page *p, const struct gauge *g)
{
	size_t i;

	head(p, g->name, "gauge", g->unit, g->help);
	for (i = 0; i < p->n; i++) {
		const char *s = (const char *)p->views[i].store;

		fprintf(p->f, "zcache_%s{store=\"%s\"} %" PRIu64 "\n", g->name,
			p->views[i].store->name, *(const uint64_t *)(s + g->offset));
	}
}

/* What the daemon itself knows. */
static void put_policy(const struct page *p)
{
	size_t i;

	head(p, "policy", "info", "", "The eviction policy, and who decides by it.");
	for (i = 0; i < p->n; i++) {
		const struct managed *m = p->views[i].managed;

		if (m)
			fprintf(p->f, "zcache_policy_info{store=\"%s\",policy=\"%s\",state=\"%s\"} 1\n",
				m->name, m->choice.ops ? m->choice.ops->name : "none",
				store_state_name(m->state));
	}
	head(p, "policy_objects", "gauge", "", "Objects that the policy knows.");
	for (i = 0; i < p->n; i++)
		if (p->views[i].managed)
			fprintf(p->f, "zcache_policy_objects{store=\"%s\"} %" PRIu64 "\n",
				p->views[i].store->name,
				tracked_objects(&p->views[i].managed->tracked));
	head(p, "policy_resyncs", "counter", "",
	     "Times that the kernel had to tell the policy of all objects.");
	for (i = 0; i < p->n; i++)
		if (p->views[i].managed)
			fprintf(p->f, "zcache_policy_resyncs_total{store=\"%s\"} %" PRIu64 "\n",
				p->views[i].store->name, p->views[i].managed->resyncs);
}

void metrics_print(FILE *f, bool openmetrics, const struct view *views, size_t n)
{
	const struct page p = { .f = f, .openmetrics = openmetrics, .views = views, .n = n };
	size_t i;

	for (i = 0; i < FAMILIES; i++)
		put_family(&p, &families[i]);
	for (i = 0; i < ZC_C_NR; i++)
		if (!places[i].family)
			put_counter(&p, i);
	put_histogram(&p, "send_duration_seconds", offsetof(struct store, send_latency),
		      "How long SEND calls took that found their object and had something to send.");
	put_histogram(&p, "fill_duration_seconds", offsetof(struct store, fill_latency),
		      "How long fills took from FILL to COMMIT.");
	for (i = 0; i < sizeof(gauges) / sizeof(gauges[0]); i++)
		put_gauge(&p, &gauges[i]);
	put_policy(&p);
	if (openmetrics)
		fputs("# EOF\n", f);
}
