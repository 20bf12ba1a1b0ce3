// SPDX-License-Identifier: GPL-2.0-only
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "progress.h"
#include "text.h"

#define BAR_WIDTH 24
#define SHOW_EVERY 0.1

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

void progress_begin(struct progress *p, uint64_t all_files, uint64_t all_bytes)
{
	memset(p, 0, sizeof(*p));
	p->all_files = all_files;
	p->all_bytes = all_bytes;
	p->started = seconds();
	p->terminal = isatty(STDERR_FILENO);
}

static void show(struct progress *p, uint64_t bytes)
{
	double done = p->all_bytes ? (double)bytes / p->all_bytes : 1;
	double took = seconds() - p->started;
	double rate = took > 0 ? bytes / took : 0;
	uint64_t left = p->all_bytes > bytes ? p->all_bytes - bytes : 0;
	unsigned long eta = rate > 0 ? left / rate : 0;
	char bar[BAR_WIDTH + 1], size[SIZE_TEXT], per_second[SIZE_TEXT];
	int full;

	/* Files may have grown since they were counted. */
	if (done > 1)
		done = 1;
	full = done * BAR_WIDTH;
	memset(bar, '#', full);
	memset(bar + full, '.', BAR_WIDTH - full);
	bar[BAR_WIDTH] = '\0';
	fprintf(stderr, "\r[%s] %3d %%  %" PRIu64 "/%" PRIu64 " files  %s  %s/s  ETA %lu:%02lu\033[K",
		bar, (int)(done * 100), p->files, p->all_files, format_size(bytes, size),
		format_size(rate, per_second), eta / 60, eta % 60);
}

void progress_show(struct progress *p, uint64_t bytes)
{
	double now;

	if (!p->terminal)
		return;
	now = seconds();
	if (now - p->shown < SHOW_EVERY)
		return;
	p->shown = now;
	show(p, bytes);
}

void progress_clear(const struct progress *p)
{
	if (p->terminal)
		fputs("\r\033[K", stderr);
}

void progress_end(struct progress *p, uint64_t skipped)
{
	double took = seconds() - p->started;
	char size[SIZE_TEXT], per_second[SIZE_TEXT];

	if (p->terminal) {
		show(p, p->bytes);
		fputc('\n', stderr);
	}
	if (!p->terminal || skipped)
		fprintf(stderr, "zcache-serve: loaded %" PRIu64 " files, %s in %.1f s (%s/s), %" PRIu64 " skipped\n",
			p->files, format_size(p->bytes, size), took,
			format_size(took > 0 ? p->bytes / took : 0, per_second), skipped);
}
