// SPDX-License-Identifier: GPL-2.0-only
/* Histograms of latencies, and the summary of a row's turns. */
#include <stdlib.h>
#include <string.h>

#include "send_bench.h"

/* HIST_SUB buckets for each power of two; below HIST_SUB one for each value. */
static unsigned int bucket_of(uint64_t ns)
{
	unsigned int e, i;

	if (ns < HIST_SUB)
		return ns;
	e = 63 - __builtin_clzll(ns) - 6;
	i = (e + 1) * HIST_SUB + (ns >> e) - HIST_SUB;
	return MIN(i, HIST_BUCKETS - 1);
}

static double bucket_middle(unsigned int i)
{
	unsigned int e = i / HIST_SUB;

	if (!e)
		return i;
	return ((i % HIST_SUB + HIST_SUB) + 0.5) * (1ULL << (e - 1));
}

void hist_add(struct histogram *h, int64_t ns)
{
	h->n++;
	h->bucket[bucket_of(ns > 0 ? ns : 0)]++;
}

void hist_merge(struct histogram *to, const struct histogram *from)
{
	unsigned int i;

	to->n += from->n;
	for (i = 0; i < HIST_BUCKETS; i++)
		to->bucket[i] += from->bucket[i];
}

/* The latency that a part of all requests does not exceed, microseconds. */
double hist_us(const struct histogram *h, double part)
{
	uint64_t seen = 0;
	unsigned int i;

	for (i = 0; i < HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen && seen >= part * h->n)
			return bucket_middle(i) / 1000;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(const double *sorted, unsigned int nr, double part)
{
	double at = part * (nr - 1);
	unsigned int i = at;

	if (i + 1 >= nr)
		return sorted[nr - 1];
	return sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]);
}

struct summary summarize(const double *v, unsigned int nr)
{
	double sorted[MAX_REPS];

	memcpy(sorted, v, nr * sizeof(*v));
	qsort(sorted, nr, sizeof(*sorted), compare);
	return (struct summary){
		.median = quantile(sorted, nr, 0.5),
		.min = sorted[0],
		.q1 = quantile(sorted, nr, 0.25),
		.q3 = quantile(sorted, nr, 0.75),
		.max = sorted[nr - 1],
	};
}
