// SPDX-License-Identifier: GPL-2.0-only
/* send_bench: checks every cell that was asked for, then measures each. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "send_bench.h"

static bool usable[MAX_ROWS];
static pid_t sender;

void die(const char *what)
{
	fail("%s: %s", what, strerror(errno));
}

void fail(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "send_bench: ");
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	if (getpid() == sender)
		data_release();
	_exit(1);
}

double clock_seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void open_rows(void)
{
	const char *why = "";
	unsigned int i;
	int err;

	for (i = 0; i < nr_rows; i++) {
		if (!opt.row[i])
			continue;
		err = rows[i]->open ? rows[i]->open(&why) : 0;
		if (err)
			output_skipped(rows[i], why, -err);
		usable[i] = !err;
	}
}

static void close_rows(void)
{
	unsigned int i;

	for (i = 0; i < nr_rows; i++)
		if (usable[i] && rows[i]->close)
			rows[i]->close();
}

/* Calls a function for each size of a kind: ranges have one size of their own. */
static void each_size(const struct kind *kind,
		      void (*call)(const struct kind *kind, size_t size))
{
	unsigned int s;

	if (kind->range) {
		call(kind, RANGE_LEN);
		return;
	}
	for (s = 0; s < opt.nr_sizes; s++)
		call(kind, opt.sizes[s]);
}

static struct peer checker;

static void check(const struct kind *kind, size_t size)
{
	check_cell(&checker, kind, size, usable);
}

static unsigned int cell_conns;
static enum receiver cell_receiver;

static void measure(const struct kind *kind, size_t size)
{
	measure_cell(cell_conns, cell_receiver, kind, size, usable);
}

/* Everything is checked before anything is timed. */
static void run(void)
{
	unsigned int c, k, r;

	for (c = 0; c < opt.nr_conns; c++) {
		peer_start(&checker, opt.conns[c], RECEIVER_HASH);
		for (k = 0; k < nr_kinds; k++)
			if (opt.kind[k])
				each_size(&kinds[k], check);
		peer_stop(&checker);
	}
	output_checked(checks_done());

	for (c = 0; c < opt.nr_conns; c++) {
		cell_conns = opt.conns[c];
		for (r = 0; r < ARRAY_SIZE(opt.receiver); r++) {
			cell_receiver = r;
			for (k = 0; k < nr_kinds; k++)
				if (opt.receiver[r] && opt.kind[k])
					each_size(&kinds[k], measure);
		}
	}
}

static void interrupted(int signal)
{
	if (getpid() == sender)
		data_release();
	_exit(128 + signal);
}

int main(int argc, char **argv)
{
	options_parse(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, interrupted);
	signal(SIGTERM, interrupted);
	sender = getpid();
	output_open(argc, argv);
	pin_to(server_cpu());
	data_prepare();
	output_environment();
	open_rows();
	run();
	close_rows();
	data_release();
	output_close();
	return 0;
}
