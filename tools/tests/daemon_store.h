/* SPDX-License-Identifier: GPL-2.0-only */
/* A store that the daemon owns, against a model of the kernel. */
#ifndef DAEMON_STORE_H
#define DAEMON_STORE_H

#include <stdlib.h>

#include "fake_policy.h"
#include "kernel.h"
#include "nl.h"
#include "said.h"
#include "store.h"
#include "tap.h"

#define CAPACITY 1000000

static struct nlc nlc = { .family = 99 };
static struct managed s;
static struct model *m;
static uint64_t now;		/* milliseconds */

static struct choice policy(const char *name)
{
	return (struct choice){ .ops = name ? zp_find(name) : NULL,
				.options = { .a = -1, .large_main = true } };
}

static void begin(const char *name)
{
	struct choice c = policy(name);

	model_batch = 1000;
	m = model_new("web", CAPACITY);
	store_begin(&s, &kernel_steer, &nlc, "web", &c, 10000);
}

static void end(void)
{
	store_end(&s);
	model_del(m);
}

/* Until there is nothing more; long after what was done before. */
static void steps(void)
{
	now += 10000;
	while (!store_step(&s, now))
		;
}

/* What the daemon knows is what the kernel has. */
static bool agrees(void)
{
	uint64_t used = 0;
	uint32_t slot;

	if (tracked_objects(&s.tracked) != m->objects)
		return false;
	for (slot = 0; slot < MODEL_SLOTS; slot++) {
		const struct model_object *o = &m->slot[slot];
		uint32_t ref = slot < s.tracked.nr_slots ? s.tracked.ref[slot] : 0;

		if (o->there != !!ref)
			return false;
		if (!o->there)
			continue;
		used += o->charge;
		if (s.tracked.generation[slot] != o->generation)
			return false;
		/* one that was refused has no entry */
		if (ref < s.tracked.nr_refs &&
		    (s.tracked.slot[ref] != slot || zp_entry(&s.tracked.zp, ref)->id != o->id ||
		     zp_entry(&s.tracked.zp, ref)->size != o->charge))
			return false;
	}
	return used == m->used && s.used == m->used;
}

#endif /* DAEMON_STORE_H */
