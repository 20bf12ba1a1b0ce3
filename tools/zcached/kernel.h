/* SPDX-License-Identifier: GPL-2.0-only */
/* The calls by which the owner of a store's policy hears of it and steers it. */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/zcache_policy.h>

struct nlc;

/* As many as one call takes. */
#define VICTIMS_MAX 1024

/**
 * struct drained - one answer to a drain
 * @fn: called for each record, in order
 * @begin: called before the first one if all that was told is void
 * @arg: for both
 * @used: bytes in use
 * @capacity: bytes there are
 * @high: bytes in use from which room is to be made
 * @low: and down to which
 * @resync: @begin was called
 * @more: there is more to drain
 * @told: there was an answer, whose records are not told again
 * @err: what @fn or @begin returned, which ends the records
 */
struct drained {
	int (*fn)(const struct zc_policy_record *r, void *arg);
	int (*begin)(void *arg);
	void *arg;
	uint64_t used, capacity, high, low;
	bool resync, more, told;
	int err;
};

/**
 * struct evicted - what became of victims
 * @evicted: how many left
 * @bytes: their charge
 * @spared: how many stay
 * @gone: how many were not there any more
 * @used: bytes in use now
 */
struct evicted {
	uint64_t evicted, bytes, spared, gone, used;
};

/* Each returns 0 or -errno; nlc->sentence has the kernel's words. */
int kernel_own(struct nlc *nlc, const char *store, const char *policy, uint32_t watchdog);
int kernel_release(struct nlc *nlc, const char *store);
int kernel_drain(struct nlc *nlc, const char *store, struct drained *d);
/* What has expired, and is kept for the grace of the store only. */
int kernel_evict_expired(struct nlc *nlc, const char *store, uint64_t target, struct evicted *e);
/* target NULL: all of them */
int kernel_evict(struct nlc *nlc, const char *store, const struct zc_policy_victim *v, size_t n,
		 const uint64_t *target, struct evicted *e);

#endif /* KERNEL_H */
