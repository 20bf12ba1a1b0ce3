/* SPDX-License-Identifier: GPL-2.0 */
#ifndef ZC_STATS_H
#define ZC_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>
#include <uapi/linux/zcache_counters.h>

/**
 * struct zc_stats - the counters of one store on one CPU
 * @counter: one for each line of ZC_COUNTERS
 */
struct zc_stats {
	u64 counter[ZC_C_NR];
};

void zc_stats_get(const struct zc_stats __percpu *stats, u64 *sums);

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

#endif /* ZC_STATS_H */
