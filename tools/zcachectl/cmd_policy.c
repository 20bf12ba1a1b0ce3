// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl policy: what policies there are, and would make of a trace of requests. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "out.h"
#include "sim.h"
#include "text.h"

#define LIST_MAX 64
#define BAR_WIDTH 30
#define SHOW_EVERY 0.1

#define SIZES "1%,10%"
#define SIZES_OF_PLOT "0.1%,0.2%,0.5%,1%,2%,5%,10%,20%,50%"

static struct {
	const char *format, *columns, *object, *policy, *size, *batch, *optimise, *exponent;
	const char *large, *admission, *admit_size, *plot;
} given;

static const struct keyword simulate_keywords[] = {
	{ "format", &given.format, NULL },
	{ "columns", &given.columns, NULL },
	{ "object", &given.object, NULL },
	{ "policy", &given.policy, NULL },
	{ "size", &given.size, NULL },
	{ "batch", &given.batch, NULL },
	{ "optimise", &given.optimise, NULL },
	{ "exponent", &given.exponent, NULL },
	{ "large", &given.large, NULL },
	{ "admission", &given.admission, NULL },
	{ "admit-size", &given.admit_size, NULL },
	{ "plot", &given.plot, NULL },
	{ NULL, NULL, NULL },
};

/* What is to be run: each of the policies with each of the sizes. */
struct plan {
	const struct zp_ops *policy[LIST_MAX];
	const char *size[LIST_MAX];
	int policies, sizes;
	struct zp_options options;
	double batch;
	struct sim_run *runs;
};

/* The words of a list, which is written to. */
static int arg_list(const char *what, char *text, const char **words)
{
	char *word;
	int n = 0;

	while ((word = strsep(&text, ","))) {
		if (!*word)
			return fail(CTL_USAGE, "an empty word among the values of '%s'", what), -1;
		if (n == LIST_MAX)
			return fail(CTL_USAGE, "'%s' takes up to %d values", what, LIST_MAX), -1;
		words[n++] = word;
	}
	return n;
}

/* One of words, which end with NULL; absent text keeps *out. */
static int arg_choice(const char *what, const char *text, const char *const *words, int *out)
{
	char all[128] = "";
	size_t used = 0;
	int i;

	for (i = 0; text && words[i]; i++) {
		if (!strcmp(words[i], text)) {
			*out = i;
			return CTL_OK;
		}
		used += snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", words[i]);
	}
	if (!text)
		return CTL_OK;
	return fail(CTL_USAGE, "%s '%s' is none of %s", what, text, all);
}

static int arg_policies(struct plan *p)
{
	const char *words[LIST_MAX];
	int i;

	if (!given.policy || !strcmp(given.policy, "all")) {
		while (zp_all[p->policies]) {
			p->policy[p->policies] = zp_all[p->policies];
			p->policies++;
		}
		return CTL_OK;
	}
	p->policies = arg_list("policy", (char *)given.policy, words);
	if (p->policies < 0)
		return CTL_USAGE;
	for (i = 0; i < p->policies; i++) {
		p->policy[i] = zp_find(words[i]);
		if (!p->policy[i])
			return fail(CTL_USAGE, "no policy '%s'; 'zcachectl policy list' lists them",
				    words[i]);
	}
	return CTL_OK;
}

/* "12.5%" as millionths of a percent, so that sizes are exact. */
static int parse_percent(const char *text, uint64_t *millionths)
{
	size_t whole = strspn(text, "0123456789");
	const char *p = text + whole;
	uint64_t v = 0, scale = 1000000;

	if (!whole || whole > 9)
		return -EINVAL;
	for (; text < p; text++)
		v = v * 10 + (*text - '0');
	v *= scale;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9' && scale > 1; p++)
			v += (*p - '0') * (scale /= 10);
	if (strcmp(p, "%"))
		return -EINVAL;
	*millionths = v;
	return 0;
}

static int arg_capacity(const char *text, const struct sim_trace *t, uint64_t *capacity)
{
	uint64_t part;
	int code;

	if (!parse_percent(text, &part)) {
		*capacity = (unsigned __int128)t->footprint * part / 100000000;
		/* a part of a byte is one */
		if (part && !*capacity)
			*capacity = 1;
	} else {
		code = strchr(text, '%') ?
			fail(CTL_USAGE, "size '%s' is neither a percentage nor bytes", text) :
			arg_size("size", text, capacity);
		if (code)
			return code;
	}
	if (!*capacity)
		return fail(CTL_USAGE, "size '%s' is no byte", text);
	return CTL_OK;
}

static int arg_batch(double *batch)
{
	uint64_t part;

	if (!given.batch)
		return CTL_OK;
	if (parse_percent(given.batch, &part) || part > 99000000)
		return fail(CTL_USAGE, "batch '%s' is not a percentage from 0%% to 99%%", given.batch);
	*batch = part / 1e8;
	return CTL_OK;
}

static int arg_exponent(double *a)
{
	char *end;

	*a = -1;
	if (!given.exponent)
		return CTL_OK;
	errno = 0;
	*a = strtod(given.exponent, &end);
	if (errno || *end || end == given.exponent || !(*a >= 0 && *a <= 1))
		return fail(CTL_USAGE, "exponent '%s' is not a number from 0 to 1", given.exponent);
	return CTL_OK;
}

static int read_arguments(struct plan *p, enum sim_format *format, enum sim_object *object)
{
	static const char *const goals[] = { "balanced", "objects", "bytes", NULL };
	static const char *const larges[] = { "refuse", "main", NULL };
	static const char *const admissions[] = { "none", "frequency", NULL };
	static const char *const by[] = { "id", "id-size", NULL };
	int goal = ZP_BALANCED, large = 1, admission = 0, object_by = -1, code;
	static char sizes[64];

	*format = given.format ? sim_format_find(given.format) : SIM_AUTO;
	if (given.format && *format == SIM_AUTO)
		return fail(CTL_USAGE, "format '%s' is none of csv, tr, ids, oraclegeneral",
			    given.format);
	snprintf(sizes, sizeof(sizes), "%s", given.plot ? SIZES_OF_PLOT : SIZES);
	p->sizes = arg_list("size", given.size ? (char *)given.size : sizes, p->size);
	if (p->sizes < 0)
		return CTL_USAGE;
	code = arg_policies(p);
	if (!code)
		code = arg_batch(&p->batch);
	if (!code)
		code = arg_choice("optimise", given.optimise, goals, &goal);
	if (!code)
		code = arg_choice("large", given.large, larges, &large);
	if (!code)
		code = arg_choice("admission", given.admission, admissions, &admission);
	if (!code && given.admit_size && strcmp(given.admit_size, "none"))
		code = arg_size("admit-size", given.admit_size, &p->options.admit_size);
	if (!code)
		code = arg_choice("object", given.object, by, &object_by);
	p->options.goal = goal;
	p->options.large_main = large;
	p->options.frequency = admission;
	*object = SIM_BY_FORMAT + 1 + object_by;
	return code ? code : arg_exponent(&p->options.a);
}

/* Progress on a terminal, of all runs together. */
struct bar {
	uint64_t before, all;
	double shown;
	const char *policy;
};

static void show_bar(uint64_t done, void *arg)
{
	struct bar *b = arg;
	struct timespec t;
	double now;
	int full;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = t.tv_sec + t.tv_nsec / 1e9;
	if (now - b->shown < SHOW_EVERY)
		return;
	b->shown = now;
	done += b->before;
	full = BAR_WIDTH * done / b->all;
	fprintf(stderr, "\r[%.*s%.*s] %3d %%  %s\033[K", full, "##############################",
		BAR_WIDTH - full, "..............................", (int)(100 * done / b->all),
		b->policy);
}

static int run_all(struct plan *p, const struct sim_trace *t)
{
	int nr = p->policies * p->sizes, i, err = 0;
	bool terminal = isatty(STDERR_FILENO);
	struct bar bar = { .all = t->nr * nr };

	for (i = 0; i < nr && !err; i++) {
		bar.policy = p->runs[i].ops->name;
		err = sim_run(&p->runs[i], t, terminal ? show_bar : NULL, &bar);
		bar.before += t->nr;
	}
	if (terminal)
		fputs("\r\033[K", stderr);
	if (err)
		return fail(CTL_REFUSED, "cannot simulate: %s", error_name(err));
	return CTL_OK;
}

static int smaller(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* By policy, and from the smallest size to the largest, as curves need it. */
static int make_runs(struct plan *p, const struct sim_trace *t)
{
	uint64_t capacity[LIST_MAX];
	struct sim_run *r;
	int i, k, code;

	for (k = 0; k < p->sizes; k++) {
		code = arg_capacity(p->size[k], t, &capacity[k]);
		if (code)
			return code;
	}
	qsort(capacity, p->sizes, sizeof(capacity[0]), smaller);
	p->runs = calloc(p->policies * p->sizes, sizeof(*p->runs));
	if (!p->runs)
		return fail(CTL_REFUSED, "cannot simulate: %s", error_name(-ENOMEM));
	for (i = 0; i < p->policies; i++) {
		for (k = 0; k < p->sizes; k++) {
			r = &p->runs[i * p->sizes + k];
			r->ops = p->policy[i];
			r->options = p->options;
			r->options.capacity = capacity[k];
			r->batch = p->batch;
		}
	}
	return CTL_OK;
}

static void print_run(const struct sim_run *r, const struct sim_trace *t)
{
	double objects = (double)r->misses / t->nr;
	double bytes = (double)r->missed_bytes / t->bytes;
	double rate = r->seconds > 0 ? t->nr / r->seconds : 0;

	if (!out_json()) {
		printf("%-12s %16" PRIu64 " %12" PRIu64 " %18" PRIu64 "   %.4f  %.4f %12.0f\n",
		       r->ops->name, r->options.capacity, r->misses, r->missed_bytes, objects,
		       bytes, rate);
		return;
	}
	out_object_begin(NULL);
	out_str("policy", r->ops->name);
	out_size("capacity", r->options.capacity);
	out_u64("misses", r->misses, NULL);
	out_size("missed-bytes", r->missed_bytes);
	out_number("object-miss-ratio", objects, 6);
	out_number("byte-miss-ratio", bytes, 6);
	out_number("requests-per-second", rate, 0);
	out_object_end();
}

static void print_all(const struct plan *p, const struct sim_trace *t, const char *file)
{
	int i;

	out_bytes("trace", file, strlen(file));
	out_str("format", sim_format_name(t->format));
	out_u64("requests", t->nr, NULL);
	out_size("requested-bytes", t->bytes);
	out_u64("objects", t->objects, NULL);
	out_size("footprint", t->footprint);
	if (out_json())
		out_array_begin("runs");
	else
		printf("\n%-12s %16s %12s %18s   %-6s  %-6s %12s\n", "policy", "capacity", "misses",
		       "missed bytes", "object", "byte", "requests/s");
	for (i = 0; i < p->policies * p->sizes; i++)
		print_run(&p->runs[i], t);
	if (out_json())
		out_array_end();
	out_finish();
}

static int plot(const struct plan *p, const struct sim_trace *t)
{
	int err;

	if (!given.plot)
		return CTL_OK;
	err = sim_plot(given.plot, t, p->runs, p->policies * p->sizes);
	if (err)
		return fail(CTL_REFUSED, "cannot write %s: %s", given.plot, error_name(err));
	return CTL_OK;
}

static int run_simulate(int argc, char **argv)
{
	struct plan p = { 0 };
	enum sim_format format = SIM_AUTO;
	enum sim_object object = SIM_BY_FORMAT;
	struct sim_trace t;
	int code;

	code = parse_keywords(argc - 1, argv + 1, simulate_keywords);
	if (!code)
		code = read_arguments(&p, &format, &object);
	if (!code)
		code = sim_trace_read(argv[0], format, given.columns, object, &t);
	if (code)
		return code;
	code = make_runs(&p, &t);
	if (!code)
		code = run_all(&p, &t);
	if (!code) {
		print_all(&p, &t, argv[0]);
		code = plot(&p, &t);
	}
	free(p.runs);
	sim_trace_free(&t);
	return code;
}

static int run_list(int argc, char **argv)
{
	const struct zp_ops *const *ops;
	int code = parse_keywords(argc, argv, NULL);

	if (code)
		return code;
	if (out_json())
		out_array_begin("policies");
	for (ops = zp_all; *ops; ops++) {
		if (!out_json()) {
			printf("%-12s %s\n", (*ops)->name, (*ops)->summary);
			continue;
		}
		out_object_begin(NULL);
		out_str("name", (*ops)->name);
		out_str("summary", (*ops)->summary);
		out_object_end();
	}
	if (out_json())
		out_array_end();
	out_finish();
	return CTL_OK;
}

const struct command policy_commands[] = {
	{ "list", 0, "", "List the eviction policies.", NULL, run_list },
	{ "show", 1, "STORE",
	  "Show which policy decides what leaves a store, whose it is, and what it does.", NULL,
	  run_policy_show },
	{ "status", 0, "", "Show that of all stores.", NULL, run_policy_status },
	{ "simulate", 1,
	  "FILE [format csv|tr|ids|oraclegeneral] [columns ID,SIZE] [object id|id-size] [policy POLICY|all] [size SIZE|PERCENT] [batch PERCENT] [optimise objects|bytes|balanced] [exponent A] [large main|refuse] [admission none|frequency] [admit-size SIZE|none] [plot FILE]",
	  "Show what policies would miss of the requests in a trace, with caches of some sizes; POLICY, SIZE and PERCENT may be several, with commas between.",
	  simulate_keywords, run_simulate },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
