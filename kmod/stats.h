/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_STATS_H
#define ZC_STATS_H

#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/types.h>
#include <uapi/linux/zcache_counters.h>

/* What is timed. */
enum zc_latency {
	ZC_LATENCY_SEND,
	ZC_LATENCY_FILL,
	ZC_LATENCY_NR
};

/*
 * The first bucket is of less than 1024 ns, each next one of less than twice the
 * time, the last but one of less than 275 s, and the last of all others.
 */
#define ZC_LATENCY_FIRST	10	/* log2 */
#define ZC_LATENCY_BUCKETS	30

/**
 * struct zc_stats - the counters of one store on one CPU
 * @counter: one for each line of ZC_COUNTERS
 * @latency: for each thing that is timed, how many took how long
 */
struct zc_stats {
	u64 counter[ZC_C_NR];
	u64 latency[ZC_LATENCY_NR][ZC_LATENCY_BUCKETS];
};

void zc_stats_get(const struct zc_stats __percpu *stats, u64 *sums);
void zc_stats_get_latency(const struct zc_stats __percpu *stats,
			  enum zc_latency what, u64 *sums);

/**
 * zc_stats_add() - add to a counter
 * @stats: the counters
 * @id: which
 * @n: how much
 *
 * Context: any. Writes no cache line of another CPU.
 */
static inline void zc_stats_add(struct zc_stats __percpu *stats,
				enum zc_counter id, u64 n)
{
	this_cpu_add(stats->counter[id], n);
}

/**
 * zc_stats_time() - count how long something took
 * @stats: the counters
 * @what: what
 * @ns: nanoseconds
 *
 * Context: any. Writes no cache line of another CPU.
 */
static inline void zc_stats_time(struct zc_stats __percpu *stats,
				 enum zc_latency what, u64 ns)
{
	unsigned int bucket = fls64(ns >> ZC_LATENCY_FIRST);

	bucket = min(bucket, ZC_LATENCY_BUCKETS - 1U);
	this_cpu_inc(stats->latency[what][bucket]);
}

#endif /* ZC_STATS_H */
