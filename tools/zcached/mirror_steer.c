// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include <zcache_owner.h>

#include "mirror_steer.h"

/* Of one answer, as the module has it. */
#define RECORDS 1000

/* Nobody waits for us, so nobody minds silence. */
static int own(void *at, const char *store, const char *policy, uint32_t watchdog)
{
	(void)store;
	(void)watchdog;
	return zc_policy_own(at, policy);
}

static int release(void *at, const char *store)
{
	(void)store;
	return zc_policy_release(at);
}

static int drain(void *at, const char *store, struct drained *d)
{
	static struct zc_policy_record records[RECORDS];
	struct zc_policy_drain drain = { .room = RECORDS, .records = records };
	uint32_t i;
	int err = zc_policy_drain(at, &drain);

	(void)store;
	d->told = !err;
	if (err)
		return err;
	d->used = drain.used;
	d->capacity = drain.capacity;
	d->high = drain.high;
	d->low = drain.low;
	d->more = drain.more;
	d->resync = drain.resync;
	d->err = d->resync ? d->begin(d->arg) : 0;
	for (i = 0; i < drain.nr && !d->err; i++)
		d->err = d->fn(&records[i], d->arg);
	return d->err;
}

static int call_evict(void *at, struct zc_policy_evict *evict, struct evicted *e)
{
	int err = zc_policy_evict(at, evict);

	memset(e, 0, sizeof(*e));
	if (!err)
		*e = (struct evicted){
			.evicted = evict->evicted, .bytes = evict->bytes,
			.spared = evict->spared, .gone = evict->gone, .used = evict->used,
		};
	return err;
}

static int evict_expired(void *at, const char *store, uint64_t target, struct evicted *e)
{
	struct zc_policy_evict evict = { .flags = ZC_POLICY_EVICT_EXPIRED, .target = target };

	(void)store;
	return call_evict(at, &evict, e);
}

static int evict(void *at, const char *store, const struct zc_policy_victim *v, size_t n,
		 const uint64_t *target, struct evicted *e)
{
	struct zc_policy_evict evict = {
		.victims = v, .nr = n, .target = target ? *target : 0,
	};

	(void)store;
	return call_evict(at, &evict, e);
}

static const char *words(const void *at)
{
	(void)at;
	return "";
}

const struct steer mirror_steer = {
	.alone = "the library",
	.own = own,
	.release = release,
	.drain = drain,
	.evict_expired = evict_expired,
	.evict = evict,
	.words = words,
};
