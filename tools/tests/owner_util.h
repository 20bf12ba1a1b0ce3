/* SPDX-License-Identifier: GPL-2.0-only */
/* A mirror whose policy the test owns, and what it is told, as text. */
#ifndef OWNER_UTIL_H
#define OWNER_UTIL_H

#include <stdio.h>
#include <string.h>

#include <zcache_owner.h>

#include "mirror_util.h"
#include "util.h"

#define ROOM	1000
#define CHARGE	8192	/* of what has up to 4096 bytes, and metadata */

static const struct zc_mirror_conf conf = {
	.size = sizeof(conf), .capacity = 100 * CHARGE, .grace_ms = 3600000,
};

static uint32_t room = ROOM;

static inline int put(struct zc_cache *c, const char *key)
{
	return put_object(c, key, "bytes", 5, NULL, NULL, NULL);
}

static inline int put_numbers(struct zc_cache *c, int from, int to)
{
	char key[16];
	int i, err = 0;

	for (i = from; i < to && !err; i++) {
		snprintf(key, sizeof(key), "%d", i);
		err = put(c, key);
	}
	return err;
}

static inline int drop(struct zc_cache *c, const char *key)
{
	struct zc_delete d = { .key = zc_ptr(key), .key_len = strlen(key) };

	return zc_delete(c, &d);
}

static inline uint64_t generation_of(struct zc_cache *c, const char *key)
{
	struct zc_stat s = {
		.flags = ZC_STAT_EXPIRED_OK, .key = zc_ptr(key), .key_len = strlen(key),
	};

	return zc_stat(c, &s) ? 0 : s.generation;
}

static struct zc_policy_drain last;	/* of told() */

/*
 * What one drain tells, as text: "all" for a resync, +SLOT:VERSION, with /USES if there
 * are some, *SLOT:VERSION/USES, -SLOT:VERSION/REASON, and "more".
 */
static inline const char *told_once(struct zc_cache *c)
{
	static const char what[] = { [ZC_POLICY_NEW] = '+', [ZC_POLICY_TOUCHED] = '*',
				     [ZC_POLICY_GONE] = '-' };
	static struct zc_policy_record records[ROOM];
	static char text[ROOM * 20];
	uint32_t i;
	int n, err;

	last = (struct zc_policy_drain){ .room = room, .records = records };
	err = zc_policy_drain(c, &last);
	if (err)
		return strerror(-err);
	n = snprintf(text, sizeof(text), "%s", last.resync ? " all" : "");
	for (i = 0; i < last.nr; i++) {
		const struct zc_policy_record *r = &records[i];

		n += snprintf(text + n, sizeof(text) - n, " %c%u:%llu", what[r->what], r->slot,
			      (unsigned long long)r->generation);
		if (r->uses || r->reason)
			n += snprintf(text + n, sizeof(text) - n, "/%u", r->uses | r->reason);
		if ((r->what == ZC_POLICY_NEW) != !!r->id ||
		    (r->what != ZC_POLICY_GONE) != !!r->charge)
			n += snprintf(text + n, sizeof(text) - n, "!");
	}
	snprintf(text + n, sizeof(text) - n, "%s", last.more ? " more" : "");
	return text[0] ? text + 1 : text;
}

static struct zc_policy_evict evicted;	/* of evict() */

/* Has one object leave, if need be down to a target. */
static inline int evict(struct zc_cache *c, uint32_t slot, uint64_t generation, uint64_t target)
{
	const struct zc_policy_victim v = { .generation = generation, .slot = slot };

	evicted = (struct zc_policy_evict){ .victims = &v, .nr = 1, .target = target };
	return zc_policy_evict(c, &evicted);
}

#endif /* OWNER_UTIL_H */
