// SPDX-License-Identifier: GPL-2.0-only
/* Medians, the table, and JSON lines. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host_bench.h"

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double hb_median(const double *v, unsigned int nr, double *least, double *most)
{
	double sorted[HB_MAX_REPS];

	memcpy(sorted, v, nr * sizeof(*v));
	qsort(sorted, nr, sizeof(*sorted), compare);
	if (least)
		*least = sorted[0];
	if (most)
		*most = sorted[nr - 1];
	return nr % 2 ? sorted[nr / 2] : (sorted[nr / 2 - 1] + sorted[nr / 2]) / 2;
}

double hb_median_ratio(const double *above, const double *below, unsigned int nr)
{
	double ratio[HB_MAX_REPS];
	unsigned int i;

	for (i = 0; i < nr; i++)
		ratio[i] = above[i] / below[i];
	return hb_median(ratio, nr, NULL, NULL);
}

void hb_table(const struct hb_claim *claim, unsigned int cell, const struct hb_result *results,
	      unsigned int reps)
{
	const struct hb_cell *c = &claim->cells[cell];
	const struct hb_result *base = NULL;
	unsigned int i;

	printf("\n%s (%u times %" PRIu64 " bytes in a turn, %u turns)\n", c->name, c->ops, c->size,
	       reps);
	printf("%-26s %12s %12s %12s %10s %12s %6s %13s %7s\n", "", "us/op", "least", "most",
	       "MB/s", "CPU us/op", "CPU %", "syscalls/turn", "times");
	for (i = 0; i < claim->nr_rows; i++) {
		const struct hb_result *r = &results[i];
		double t, least, most, cpu;
		char calls[24] = "?";

		if (!r->measured) {
			if (r->why[0])
				printf("%-26s skipped: %s\n", claim->rows[i].name, r->why);
			continue;
		}
		if (!base)
			base = r;
		t = hb_median(r->seconds, reps, &least, &most);
		cpu = hb_median(r->cpu, reps, NULL, NULL);
		if (r->syscalls >= 0)
			snprintf(calls, sizeof(calls), "%ld", r->syscalls);
		printf("%-26s %12.2f %12.2f %12.2f %10.0f %12.2f %6.0f %13s %7.2f\n",
		       claim->rows[i].name, t / c->ops * 1e6, least / c->ops * 1e6,
		       most / c->ops * 1e6, (double)c->size * c->ops / t * 1e-6, cpu / c->ops * 1e6,
		       cpu / t * 100, calls, hb_median_ratio(base->seconds, r->seconds, reps));
	}
	fflush(stdout);
}

static void values(FILE *to, const char *name, const double *v, unsigned int nr)
{
	unsigned int i;

	fprintf(to, ",\"%s\":[", name);
	for (i = 0; i < nr; i++)
		fprintf(to, "%s%.9f", i ? "," : "", v[i]);
	putc(']', to);
}

void hb_json(const char *path, const struct hb_claim *claim, unsigned int cell,
	     const struct hb_result *results, unsigned int reps)
{
	const struct hb_cell *c = &claim->cells[cell];
	FILE *to = path ? fopen(path, "a") : NULL;
	unsigned int i;

	if (!to) {
		if (path)
			perror(path);
		return;
	}
	for (i = 0; i < claim->nr_rows; i++) {
		const struct hb_result *r = &results[i];

		if (!r->measured)
			continue;
		fprintf(to, "{\"type\":\"claim\",\"claim\":\"%s\",\"cell\":\"%s\",\"row\":\"%s\",\"size\":%" PRIu64
			",\"depth\":%u,\"ops\":%u,\"syscalls\":%ld", claim->id, c->name,
			claim->rows[i].name, c->size, c->depth, c->ops, r->syscalls);
		values(to, "seconds", r->seconds, reps);
		values(to, "cpu_seconds", r->cpu, reps);
		fputs("}\n", to);
	}
	fclose(to);
}
