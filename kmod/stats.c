// SPDX-License-Identifier: GPL-2.0
/* zcache: counters, and how long things took. */

#include "stats.h"

/**
 * zc_stats_get() - add up the counters of all CPUs
 * @stats: the counters
 * @sums: room for ZC_C_NR sums
 *
 * The CPUs go on counting meanwhile, so two sums need not be of one instant.
 *
 * Context: any.
 */
void zc_stats_get(const struct zc_stats __percpu *stats, u64 *sums)
{
	int cpu, id;

	for (id = 0; id < ZC_C_NR; id++)
		sums[id] = 0;
	for_each_possible_cpu(cpu) {
		const struct zc_stats *one = per_cpu_ptr(stats, cpu);

		for (id = 0; id < ZC_C_NR; id++)
			sums[id] += READ_ONCE(one->counter[id]);
	}
}

/**
 * zc_stats_get_latency() - add up a histogram of all CPUs
 * @stats: the counters
 * @what: of what
 * @sums: room for ZC_LATENCY_BUCKETS sums
 *
 * Context: any.
 */
void zc_stats_get_latency(const struct zc_stats __percpu *stats,
			  enum zc_latency what, u64 *sums)
{
	int cpu, i;

	for (i = 0; i < ZC_LATENCY_BUCKETS; i++)
		sums[i] = 0;
	for_each_possible_cpu(cpu) {
		const struct zc_stats *one = per_cpu_ptr(stats, cpu);

		for (i = 0; i < ZC_LATENCY_BUCKETS; i++)
			sums[i] += READ_ONCE(one->latency[what][i]);
	}
}
