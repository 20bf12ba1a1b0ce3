// SPDX-License-Identifier: GPL-2.0-only
/* A cache that holds no bytes, before a policy that does not know. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "sim.h"

#define TELL_EVERY 65536

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Down to the low mark, if there is one, and until the object fits. */
static void make_room(struct sim_run *r, struct zp *zp, uint32_t *refs, uint64_t size)
{
	uint64_t capacity = r->options.capacity, limit = capacity - size;
	uint32_t ref;

	if (zp->used <= limit)
		return;
	if (r->batch > 0 && capacity * (1 - r->batch) < limit)
		limit = capacity * (1 - r->batch);
	while (zp->used > limit && (ref = zp_victim(zp))) {
		refs[zp_entry(zp, ref)->id] = ZP_NONE;
		zp_del(zp, ref);
	}
}

static int miss(struct sim_run *r, struct zp *zp, uint32_t *refs, const struct sim_request *q)
{
	int err;

	r->misses++;
	r->missed_bytes += q->size;
	if (q->size > r->options.capacity || q->size > zp_largest(zp))
		return 0;
	make_room(r, zp, refs, q->size);
	err = zp_add(zp, q->object, q->size, &refs[q->object]);
	if (err)
		refs[q->object] = ZP_NONE;
	return err == -EFBIG ? 0 : err;
}

/* An object keeps the size that it came with; a hit has the bytes of its request. */
int sim_run(struct sim_run *r, const struct sim_trace *t, sim_progress *progress, void *arg)
{
	uint32_t *refs = calloc(t->objects, sizeof(*refs));
	double started = cpu_seconds();
	const struct sim_request *q;
	struct zp zp;
	uint64_t i;
	int err;

	r->misses = 0;
	r->missed_bytes = 0;
	err = refs ? zp_init(&zp, r->ops, &r->options) : -ENOMEM;
	if (err) {
		free(refs);
		return err;
	}
	for (i = 0; !err && i < t->nr; i++) {
		q = &t->requests[i];
		if (refs[q->object])
			zp_hit(&zp, refs[q->object], 1);
		else
			err = miss(r, &zp, refs, q);
		if (progress && i % TELL_EVERY == 0)
			progress(i, arg);
	}
	zp_exit(&zp);
	free(refs);
	r->seconds = cpu_seconds() - started;
	return err;
}
