/* SPDX-License-Identifier: GPL-2.0-only */
/* How the owner of a store's policy hears of it and steers it, whatever keeps the store. */
#ifndef STEER_H
#define STEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/zcache_policy.h>

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

/**
 * struct steer - the calls; all but @words return 0 or -errno
 * @alone: who decides what leaves if nobody owns the policy
 * @own: owns it, or changes its name; milliseconds after which the store may say that we
 *	are silent
 * @release: owns it no more
 * @drain: hears what happened
 * @evict_expired: evicts what has expired, and is kept for the grace of the store only
 * @evict: evicts these; target NULL: all of them
 * @words: what the store said of the last call that failed, or ""
 */
struct steer {
	const char *alone;
	int (*own)(void *at, const char *store, const char *policy, uint32_t watchdog);
	int (*release)(void *at, const char *store);
	int (*drain)(void *at, const char *store, struct drained *d);
	int (*evict_expired)(void *at, const char *store, uint64_t target, struct evicted *e);
	int (*evict)(void *at, const char *store, const struct zc_policy_victim *v, size_t n,
		     const uint64_t *target, struct evicted *e);
	const char *(*words)(const void *at);
};

#endif /* STEER_H */
