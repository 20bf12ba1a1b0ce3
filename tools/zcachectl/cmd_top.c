// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl top: what the stores do right now, over and over. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl.h"
#include "nl.h"
#include "out.h"
#include "screen.h"
#include "stop.h"
#include "stores.h"
#include "text.h"

#define INTERVAL_MIN 100
#define INTERVAL_MAX 86400000

struct sample {
	struct stores stores;
	struct timespec when;
};

/* A store, and what it did in a second since the last sample, if it was there. */
struct row {
	const struct store *s;
	bool rates;
	double hits, misses, sent, evictions;
};

static struct {
	const char *interval, *count;
} given;

static const struct keyword top_keywords[] = {
	{ "interval", &given.interval, NULL },
	{ "count", &given.count, NULL },
	{ NULL, NULL, NULL },
};

static struct {
	uint64_t interval, limit, samples, shown;
	bool screen;		/* else lines */
	sigset_t during;
	struct sample now, before;
} top;

static const struct store *find_before(const char *name)
{
	size_t i;

	for (i = 0; i < top.before.stores.n; i++)
		if (!strcmp(top.before.stores.v[i].name, name))
			return &top.before.stores.v[i];
	return NULL;
}

/* A counter that is less than it was is that of a new store of the same name. */
static double grown(const struct store *s, const struct store *before, enum zc_counter id)
{
	uint64_t a = before->counter[id], b = s->counter[id];

	return b < a ? b : b - a;
}

static struct row make_row(const struct store *s)
{
	const struct store *before = find_before(s->name);
	struct row r = { .s = s };
	double seconds;

	seconds = top.now.when.tv_sec - top.before.when.tv_sec +
		  (top.now.when.tv_nsec - top.before.when.tv_nsec) / 1e9;
	if (!before || seconds <= 0)
		return r;
	r.rates = true;
	r.hits = grown(s, before, ZC_C_HITS) / seconds;
	r.misses = grown(s, before, ZC_C_MISSES) / seconds;
	r.sent = (grown(s, before, ZC_C_SPLICED_BYTES) +
		  grown(s, before, ZC_C_COPIED_BYTES)) / seconds;
	r.evictions = grown(s, before, ZC_C_EVICTIONS) / seconds;
	return r;
}

static const char *rate_text(const struct row *r, double rate, char buf[SIZE_TEXT])
{
	if (r->rates)
		snprintf(buf, SIZE_TEXT, "%.*f", rate < 100, rate);
	else
		strcpy(buf, "-");
	return buf;
}

#define COLUMNS "%10s %10s %9s %6s %9s %10s %7s"

static void head_line(char *line, size_t size, int width)
{
	snprintf(line, size, "%-*s " COLUMNS, width, "NAME", "USED", "CAPACITY", "OBJECTS",
		 "HIT%", "HITS/S", "SENT/S", "EVICT/S");
}

static void row_line(char *line, size_t size, int width, const struct row *r)
{
	char used[SIZE_TEXT], capacity[SIZE_TEXT], objects[SIZE_TEXT], ratio[SIZE_TEXT] = "-";
	char hits[SIZE_TEXT], sent[SIZE_TEXT] = "-", evictions[SIZE_TEXT];

	snprintf(objects, sizeof(objects), "%" PRIu64, r->s->objects);
	if (r->hits + r->misses > 0)
		snprintf(ratio, sizeof(ratio), "%.1f", 100 * r->hits / (r->hits + r->misses));
	if (r->rates)
		format_size(r->sent, sent);
	snprintf(line, size, "%-*s " COLUMNS, width, r->s->name,
		 format_size(r->s->used, used), format_size(r->s->capacity, capacity), objects,
		 ratio, rate_text(r, r->hits, hits), sent,
		 rate_text(r, r->evictions, evictions));
}

static int name_width(void)
{
	size_t width = strlen("NAME"), i;

	for (i = 0; i < top.now.stores.n; i++)
		if (strlen(top.now.stores.v[i].name) > width)
			width = strlen(top.now.stores.v[i].name);
	return width;
}

static void draw(void)
{
	const struct stores *stores = &top.now.stores;
	char line[256], every[DURATION_TEXT];
	int width = name_width();
	struct row r;
	size_t i;

	screen_frame_begin();
	snprintf(line, sizeof(line), "%zu stores, every %s; q quits, space looks at once",
		 stores->n, format_duration(top.interval, every));
	screen_line(line);
	screen_line("");
	head_line(line, sizeof(line), width);
	screen_line(line);
	for (i = 0; i < stores->n; i++) {
		if (screen_room() == 1 && i < stores->n - 1) {
			snprintf(line, sizeof(line), "and %zu more", stores->n - i);
			screen_line(line);
			break;
		}
		r = make_row(&stores->v[i]);
		row_line(line, sizeof(line), width, &r);
		screen_line(line);
	}
	screen_frame_end();
}

static void out_rate(const struct row *r, const char *name, double rate)
{
	if (r->rates)
		out_number(name, rate, 1);
	else
		out_null(name);
}

static void print_json(int64_t now)
{
	size_t i;

	out_time("time", now, NULL);
	out_array_begin("stores");
	for (i = 0; i < top.now.stores.n; i++) {
		struct row r = make_row(&top.now.stores.v[i]);

		out_object_begin(NULL);
		out_str("name", r.s->name);
		out_size("used", r.s->used);
		out_size("capacity", r.s->capacity);
		out_u64("objects", r.s->objects, NULL);
		out_rate(&r, "hits-per-s", r.hits);
		out_rate(&r, "misses-per-s", r.misses);
		out_rate(&r, "sent-bytes-per-s", r.sent);
		out_rate(&r, "evictions-per-s", r.evictions);
		out_object_end();
	}
	out_array_end();
	out_finish();
	/* the next line is a document of its own */
	out_init(true);
}

static void print_lines(int64_t now)
{
	char line[256], text[TIME_TEXT];
	size_t i;

	if (!top.shown) {
		head_line(line, sizeof(line), ZC_NAME_MAX);
		printf("%-20s %s\n", "TIME", line);
	}
	for (i = 0; i < top.now.stores.n; i++) {
		struct row r = make_row(&top.now.stores.v[i]);

		row_line(line, sizeof(line), ZC_NAME_MAX, &r);
		printf("%-20s %s\n", format_time(now, text), line);
	}
}

/* Without a screen the first sample is only what the second is compared with. */
static void show(void)
{
	struct timespec now;

	if (top.screen) {
		draw();
	} else if (top.samples > 1) {
		clock_gettime(CLOCK_REALTIME, &now);
		if (out_json())
			print_json(now.tv_sec * INT64_C(1000000000) + now.tv_nsec);
		else
			print_lines(now.tv_sec * INT64_C(1000000000) + now.tv_nsec);
		fflush(stdout);
	} else {
		return;
	}
	top.shown++;
}

static int take_sample(struct nlc *nlc)
{
	int err;

	free(top.before.stores.v);
	top.before = top.now;
	memset(&top.now, 0, sizeof(top.now));
	err = get_stores(nlc, NULL, &top.now.stores);
	clock_gettime(CLOCK_MONOTONIC, &top.now.when);
	top.samples++;
	return err;
}

/* Whether there is to be another sample; a window of another size gets the same anew. */
static bool wait_for_next(void)
{
	struct timespec t = { top.interval / 1000, top.interval % 1000 * 1000000 };
	struct pollfd p = { .fd = top.screen ? STDIN_FILENO : -1, .events = POLLIN };
	char key;

	for (;;) {
		int n = ppoll(&p, 1, &t, &top.during);

		if (stopped() || (n < 0 && errno != EINTR))
			return false;
		if (!n)
			return true;
		if (n < 0) {
			if (top.screen)
				draw();
			continue;
		}
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q')
			return false;
		if (key == ' ')
			return true;
	}
}

static int watch(struct nlc *nlc)
{
	int err = 0;

	stop_on_signals(&top.during);
	if (top.screen)
		screen_begin();
	while (!err && top.shown < top.limit && !ferror(stdout)) {
		err = take_sample(nlc);
		if (!err)
			show();
		if (err || top.shown == top.limit || !wait_for_next())
			break;
	}
	if (top.screen)
		screen_end();
	free(top.before.stores.v);
	free(top.now.stores.v);
	/* then the family's number means nothing any more */
	if (err == -ENOENT)
		return fail(CTL_NO_MODULE, "the zcache module was unloaded");
	return err ? nlc_fail(nlc, err, "cannot list the stores") : CTL_OK;
}

static int run_top(int argc, char **argv)
{
	struct nlc nlc;
	int code;

	top.interval = 2000;
	top.limit = UINT64_MAX;
	code = parse_keywords(argc, argv, top_keywords);
	if (!code)
		code = arg_duration("interval", given.interval, INTERVAL_MAX, &top.interval);
	if (!code && top.interval < INTERVAL_MIN)
		code = fail(CTL_USAGE, "interval '%s' is shorter than 100ms", given.interval);
	if (!code)
		code = arg_u64("count", given.count, UINT64_MAX, &top.limit);
	if (!code)
		code = nlc_open(&nlc);
	if (code)
		return code;
	top.screen = !out_json() && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
	code = watch(&nlc);
	nlc_close(&nlc);
	return code;
}

const struct command top_commands[] = {
	{ NULL, 0, "[interval TIME] [count N]",
	  "Show what the stores do right now, again after each interval; q quits.", top_keywords,
	  run_top },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
