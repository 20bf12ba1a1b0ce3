// SPDX-License-Identifier: GPL-2.0-only
/* Options, turns, goals. */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host_bench.h"

static struct hb_options opt = { .reps = 9, .dir = "/tmp", .count = true };
static struct hb_result results[HB_MAX_CELLS][HB_MAX_ROWS];
static const struct hb_claim *claim;
static unsigned int missed;

static double seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

const char *hb_dir(void)
{
	return opt.dir;
}

uint64_t hb_sum(const void *p, size_t len)
{
	const uint64_t *v = p;
	uint64_t sum[4] = { 0 };
	size_t i, n = len / 8;

	for (i = 0; i + 4 <= n; i += 4) {
		sum[0] += v[i];
		sum[1] += v[i + 1];
		sum[2] += v[i + 2];
		sum[3] += v[i + 3];
	}
	for (; i < n; i++)
		sum[0] += v[i];
	return sum[0] + sum[1] + sum[2] + sum[3];
}

static struct hb_result *result_of(unsigned int cell, const char *row)
{
	unsigned int i;

	for (i = 0; i < claim->nr_rows; i++)
		if (!strcmp(claim->rows[i].name, row) && results[cell][i].measured)
			return &results[cell][i];
	return NULL;
}

double hb_ratio(unsigned int cell, const char *row, const char *base, bool cpu)
{
	struct hb_result *r = result_of(cell, row), *b = result_of(cell, base);

	if (!r || !b)
		return 0;
	return cpu ? hb_median_ratio(b->cpu, r->cpu, opt.reps) :
		hb_median_ratio(b->seconds, r->seconds, opt.reps);
}

long hb_syscalls(unsigned int cell, const char *row)
{
	struct hb_result *r = result_of(cell, row);

	return r ? r->syscalls : -1;
}

void hb_goal(bool reached, const char *format, ...)
{
	va_list args;

	missed += !reached;
	printf("%s  ", reached ? "reached" : "MISSED ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
}

static int turn(unsigned int row, const struct hb_cell *cell, void *state, uint64_t *want,
		struct hb_result *result, unsigned int rep)
{
	double real = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
	uint64_t digest = 0;
	int err = claim->rows[row].turn(cell, state, &digest);

	result->cpu[rep] = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	result->seconds[rep] = seconds(CLOCK_MONOTONIC) - real;
	if (err) {
		fprintf(stderr, "%s, %s: %s\n", claim->rows[row].name, cell->name, strerror(-err));
		return err;
	}
	if (digest && *want && digest != *want) {
		fprintf(stderr, "%s, %s: not the same bytes as the rows before it\n",
			claim->rows[row].name, cell->name);
		return -EBADMSG;
	}
	if (digest)
		*want = digest;
	return 0;
}

static int measure(unsigned int c)
{
	const struct hb_cell *cell = &claim->cells[c];
	struct hb_result *r = results[c];
	void *state[HB_MAX_ROWS] = { NULL };
	unsigned int i, nr = claim->nr_rows, rep;
	uint64_t digest = 0;
	int err = 0;

	for (i = 0; i < nr; i++) {
		const struct hb_row *row = &claim->rows[i];
		const char *why = "";
		int no = 0;

		if (opt.rows && fnmatch(opt.rows, row->name, FNM_EXTMATCH))
			continue;
		if (row->open)
			no = row->open(cell, &state[i], &why);
		if (no) {
			snprintf(r[i].why, sizeof(r[i].why), "%s%s%s", why, *why ? ": " : "",
				 strerror(-no));
			continue;
		}
		r[i].measured = true;
		r[i].syscalls = opt.count ? hb_count(row, cell) : -1;
	}
	for (i = 0; i < nr && !err; i++)
		if (r[i].measured)
			err = turn(i, cell, state[i], &digest, &r[i], 0);
	for (rep = 0; rep < opt.reps; rep++) {
		for (i = 0; i < nr && !err; i++) {
			unsigned int row = (rep + i) % nr;

			if (r[row].measured)
				err = turn(row, cell, state[row], &digest, &r[row], rep);
		}
	}
	for (i = 0; i < nr; i++)
		if (r[i].measured && claim->rows[i].close)
			claim->rows[i].close(state[i]);
	return err;
}

static void usage(const char *program)
{
	printf("usage: %s [--reps N] [--dir FOLDER] [--json FILE] [--cells PATTERN]\n"
	       "          [--rows PATTERN] [--no-count] [--gate]\n", program);
}

static int parse(int argc, char **argv)
{
	static const struct option options[] = {
		{ "reps", required_argument, NULL, 'r' },
		{ "dir", required_argument, NULL, 'd' },
		{ "json", required_argument, NULL, 'j' },
		{ "cells", required_argument, NULL, 'c' },
		{ "rows", required_argument, NULL, 'w' },
		{ "no-count", no_argument, NULL, 'n' },
		{ "gate", no_argument, NULL, 'g' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'r':
			opt.reps = strtoul(optarg, NULL, 10);
			break;
		case 'd':
			opt.dir = optarg;
			break;
		case 'j':
			opt.json = optarg;
			break;
		case 'c':
			opt.cells = optarg;
			break;
		case 'w':
			opt.rows = optarg;
			break;
		case 'n':
			opt.count = false;
			break;
		case 'g':
			opt.gate = true;
			break;
		case 'h':
			usage(argv[0]);
			exit(0);
		default:
			return -1;
		}
	}
	return optind == argc && opt.reps && opt.reps <= HB_MAX_REPS ? 0 : -1;
}

int hb_main(const struct hb_claim *c, int argc, char **argv)
{
	unsigned int i;
	int err;

	claim = c;
	if (parse(argc, argv) || c->nr_cells > HB_MAX_CELLS || c->nr_rows > HB_MAX_ROWS) {
		usage(argv[0]);
		return 1;
	}
	err = c->prepare ? c->prepare() : 0;
	if (err) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-err));
		return 1;
	}
	printf("%s: %s\n", c->id, c->title);
	for (i = 0; i < c->nr_cells; i++) {
		if (opt.cells && fnmatch(opt.cells, c->cells[i].name, FNM_EXTMATCH))
			continue;
		if (measure(i))
			return 1;
		hb_table(c, i, results[i], opt.reps);
		hb_json(opt.json, c, i, results[i], opt.reps);
	}
	if (c->verdict) {
		putchar('\n');
		c->verdict();
	}
	return opt.gate && missed;
}
