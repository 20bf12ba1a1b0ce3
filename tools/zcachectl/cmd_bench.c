// SPDX-License-Identifier: GPL-2.0-only
/* zcachectl bench: what zcache gains on this machine, in a few seconds. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <zcache.h>

#include "bench.h"
#include "ctl.h"
#include "mirror.h"
#include "out.h"
#include "stop.h"
#include "text.h"

#define TURNS 9		/* of each way that count, after one that does not */
#define SECONDS_MAX 3600
#define REQUESTS_MAX (UINT64_C(1) << 24)
#define WIDE 0.2	/* a spread above this is that of something else */

#define NOT_MEASURED "networks and their drivers, TLS, many connections, objects that are not in memory"

struct turn {
	double seconds, cpu;	/* of a request */
};

struct summary {
	double median, spread;	/* the middle half of all, as a part of the median */
};

static struct {
	const char *size, *seconds;
} given;

static const struct keyword bench_keywords[] = {
	{ "size", &given.size, NULL },
	{ "seconds", &given.seconds, NULL },
	{ NULL, NULL, NULL },
};

static struct {
	uint64_t requests;	/* that make a turn */
	struct turn turn[TURNS];
	struct summary time, cpu;
} result[WAYS];

static double now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* The sender waits until all is received, so both clocks have all of its work. */
static int take_turn(struct bench *b, int way, uint64_t requests, struct turn *turn)
{
	double seconds = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	int code = bench_send(b, &ways[way], requests, false);

	turn->cpu = (now(CLOCK_PROCESS_CPUTIME_ID) - cpu) / requests;
	turn->seconds = (now(CLOCK_MONOTONIC) - seconds) / requests;
	return code;
}

/* The turn that does not count: so many requests as are needed to tell their time. */
static int try_turn(struct bench *b, int way, double length)
{
	uint64_t n = 1;
	struct turn t;
	int code;

	for (;;) {
		code = take_turn(b, way, n, &t);
		if (code || stopped() || t.seconds * n >= length / 2 || n >= REQUESTS_MAX)
			break;
		n *= 2;
	}
	if (!code && t.seconds * n < length && n < REQUESTS_MAX)
		n *= 2;
	result[way].requests = n;
	return code;
}

/*
 * The ways take turns, and each round begins with another, so that what changes
 * meanwhile changes for all of them.
 */
static int measure(struct bench *b, double length)
{
	int code = CTL_OK, way, round, i;

	for (way = 0; way < WAYS && !code && !stopped(); way++)
		code = bench_send(b, &ways[way], 1, true);
	for (way = 0; way < WAYS && !code && !stopped(); way++)
		code = try_turn(b, way, length);
	for (round = 0; round < TURNS; round++) {
		for (i = 0; i < WAYS && !code && !stopped(); i++) {
			way = (round + i) % WAYS;
			code = take_turn(b, way, result[way].requests,
					 &result[way].turn[round]);
		}
	}
	return code;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A clock that stood still is no reason to divide by 0. */
static double ratio(double a, double b)
{
	return b > 0 ? a / b : 0;
}

static struct summary sum_up(double v[TURNS])
{
	struct summary s;

	qsort(v, TURNS, sizeof(*v), compare);
	s.median = v[TURNS / 2];
	s.spread = ratio(v[TURNS - 1 - TURNS / 4] - v[TURNS / 4], s.median);
	return s;
}

static bool sum_up_all(void)
{
	double seconds[TURNS], cpu[TURNS];
	bool wide = false;
	int way, i;

	for (way = 0; way < WAYS; way++) {
		for (i = 0; i < TURNS; i++) {
			seconds[i] = result[way].turn[i].seconds;
			cpu[i] = result[way].turn[i].cpu;
		}
		result[way].time = sum_up(seconds);
		result[way].cpu = sum_up(cpu);
		wide |= result[way].time.spread > WIDE || result[way].cpu.spread > WIDE;
	}
	return wide;
}

static void print_json(const struct bench *b)
{
	int way;

	out_array_begin("ways");
	for (way = 0; way < WAYS; way++) {
		const struct summary *t = &result[way].time, *cpu = &result[way].cpu;

		out_object_begin(NULL);
		out_str("way", ways[way].name);
		out_number("time-us", t->median * 1e6, 3);
		out_number("cpu-us", cpu->median * 1e6, 3);
		out_number("mb-per-s", ratio(b->size / 1e6, t->median), 1);
		out_number("time-ratio", ratio(t->median, result[0].time.median), 3);
		out_number("cpu-ratio", ratio(cpu->median, result[0].cpu.median), 3);
		out_number("time-spread", t->spread, 3);
		out_number("cpu-spread", cpu->spread, 3);
		out_u64("requests", result[way].requests, NULL);
		out_object_end();
	}
	out_array_end();
}

static void print_table(const struct bench *b)
{
	char seconds[NS_TEXT], used[NS_TEXT];
	int way;

	printf("\n%-10s %10s %6s %10s %6s %9s %6s %6s\n", "WAY", "TIME", "SPREAD", "CPU",
	       "SPREAD", "MB/S", "TIME/Z", "CPU/Z");
	for (way = 0; way < WAYS; way++) {
		const struct summary *t = &result[way].time, *cpu = &result[way].cpu;

		printf("%-10s %10s %5.0f%% %10s %5.0f%% %9.0f %6.2f %6.2f\n", ways[way].name,
		       format_ns(t->median * 1e9, seconds), 100 * t->spread,
		       format_ns(cpu->median * 1e9, used), 100 * cpu->spread,
		       ratio(b->size / 1e6, t->median), ratio(t->median, result[0].time.median),
		       ratio(cpu->median, result[0].cpu.median));
	}
	puts("\nMedians of a request's time and of the sender's CPU time, and the spread of the\n"
	     "middle half of the turns; /Z: as a multiple of zcache's, above 1 zcache gains.");
}

static void print(const struct bench *b, const char *store, const struct zc_info *info)
{
	bool copied = b->size < info->splice_threshold || b->size <= info->inline_limit;
	bool wide = sum_up_all();

	out_str("store", store);
	out_size("size", b->size);
	out_u64("turns", TURNS, NULL);
	if (out_json()) {
		print_json(b);
		out_bool("wide", wide);
		out_bool("copied", copied);
		out_str("not-measured", NOT_MEASURED);
		out_finish();
		return;
	}
	print_table(b);
	if (wide)
		printf("The spread is above %.0f%%, so this means little; try again when less else runs, or\n"
		       "with more 'seconds'.\n", 100 * WIDE);
	if (copied)
		puts("Objects of this size are sent by copy, see splice-threshold and inline-limit.");
	puts("This was one connection over loopback, where a store with 'copy local' copies.\n"
	     "Not measured: " NOT_MEASURED ".\n"
	     "'make bench' in the source of zcache measures in full.");
}

/* Nothing is left before anything is printed or a signal ends this process. */
static int run_measured(struct bench *b, const char *store, double length)
{
	struct zc_info info = { 0 };
	int code = bench_open(b, store), left;

	if (!code && !stopped())
		code = measure(b, length);
	if (!code && !stopped())
		zc_info(b->cache, &info);
	left = bench_close(b);
	if (stopped())
		stop_now();
	if (!code)
		code = left;
	if (!code)
		print(b, store, &info);
	return code;
}

static int run_bench(int argc, char **argv)
{
	struct bench b = { .size = 1 << 20 };
	uint64_t seconds = 3;
	sigset_t usual;
	int code;

	code = parse_keywords(argc - 1, argv + 1, bench_keywords);
	if (!code)
		code = mirror_lacks(argv[0], "way to send but sendfile", OF_THE_MODULE);
	if (!code)
		code = arg_size("size", given.size, &b.size);
	if (!code && (!b.size || b.size > INT64_MAX))
		code = fail(CTL_USAGE, "size '%s' is not that of an object to send", given.size);
	if (!code)
		code = arg_u64("seconds", given.seconds, SECONDS_MAX, &seconds);
	if (!code && !seconds)
		code = fail(CTL_USAGE, "seconds '%s': one is the least", given.seconds);
	if (code)
		return code;
	/* they may come at any time, each call they interrupt is looked after */
	stop_on_signals(&usual);
	sigprocmask(SIG_SETMASK, &usual, NULL);
	signal(SIGPIPE, SIG_IGN);
	return run_measured(&b, argv[0], (double)seconds / (WAYS * (TURNS + 1)));
}

const struct command bench_commands[] = {
	{ NULL, 1, "STORE [size SIZE] [seconds N]",
	  "Compare zcache with sendfile and with read and write on this machine, with an object of its own.",
	  bench_keywords, run_bench },
	{ NULL, 0, NULL, NULL, NULL, NULL },
};
