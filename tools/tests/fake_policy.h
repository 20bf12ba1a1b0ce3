/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A model of the kernel's side of policies, below nlc_call(): stores, their objects,
 * and what their owner is told of these.
 */
#ifndef FAKE_POLICY_H
#define FAKE_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/zcache.h>
#include <linux/zcache_counters.h>
#include <linux/zcache_policy.h>

struct nlc;

#define MODEL_SLOTS 4096
#define MODEL_TAGS 12
#define MODEL_BUCKETS 30

struct model_object {
	uint64_t generation, id, charge;
	uint8_t uses;			/* since it was told last */
	bool there, pinned, expired;
};

struct model_tag {
	uint64_t id, quota, floor;
};

#define MODEL_LIMITS 16

struct model {
	char name[33], policy[32];	/* policy: what the store asks for */
	char owner[32];			/* the policy its owner runs, "" without an owner */
	bool foreign;			/* another process owns it */
	bool broken;			/* nobody else can */
	uint64_t splice_threshold;
	uint64_t capacity, used, high, low, objects;
	uint64_t evictions, policy_evictions, policy_evicted_bytes, hits;
	uint64_t more[ZC_C_NR];		/* of each counter, beyond these four */
	uint64_t took[MODEL_BUCKETS];	/* sends and fills, by how long they took */
	uint64_t tag_hits[MODEL_TAGS];	/* of tag 1 and on */
	struct model_object slot[MODEL_SLOTS];
	struct zc_policy_record *log;
	size_t nr_log;
	bool resync;			/* the next drain begins anew */
	bool restless;			/* no drain tells all, whatever it tells */
	struct model_tag tag[MODEL_LIMITS];	/* those that have limits */
	size_t nr_tags;
	int calls, drains, evicts, owns, limits, sweeps;	/* since it was made */
	struct model *next;
};

extern struct model *models;

/* At most so many records in an answer; 1000. */
extern size_t model_batch;
/* The next so many drains or evictions fail with this. */
extern int model_fail, model_error;
/* And so many tries to own. */
extern int model_fail_own;
/* Called after an answer to a drain. */
extern void (*model_drained)(struct nlc *nlc);
/* Called after victims left. */
extern void (*model_evicted)(struct model *m);
/* Called when its threshold was set. */
extern void (*model_split)(const struct model *m);
/* Called when limits of a tag were set. */
extern void (*model_limited)(const struct model *m, const struct model_tag *t);

struct model *model_new(const char *name, uint64_t capacity);
struct model *model_find(const char *name);
void model_del(struct model *m);
/* Returns the slot. Evicts by itself, the lowest slot first, if there is no room. */
uint32_t model_put(struct model *m, uint64_t id, uint64_t charge);
void model_remove(struct model *m, uint32_t slot, int reason);
void model_touch(struct model *m, uint32_t slot);
/* What was logged is lost. */
void model_overflow(struct model *m);
/* Tells the owner something it knows better already. */
void model_old_news(struct model *m, const struct zc_policy_record *r);

#endif /* FAKE_POLICY_H */
