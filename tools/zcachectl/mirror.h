/* SPDX-License-Identifier: GPL-2.0-only */
/* Stores that are mirrors: "mirror:FOLDER" where a name could stand. */
#ifndef MIRROR_H
#define MIRROR_H

#include "ctl.h"

struct store;
struct zc_cache;
struct zc_mirror_status;

/* NULL if it is the name of a store of the module. */
const char *mirror_folder(const char *store);

/* Whether a name is that of a mirror which is read through its owner's socket. */
bool mirror_served(const char *store);

/* Those that follow return an exit code, having said what is wrong. */

/* Is it a folder that can be told of? */
int mirror_check(const char *store);
/* Why verb did not work. */
int mirror_refused(const char *store, int err, const char *verb);
int mirror_open(const char *store, int flags, struct zc_cache **cache);

/* Refuses a mirror, as it has no such thing; CTL_OK if it is none. */
int mirror_lacks(const char *store, const char *what, const char *right);
#define OF_THE_MODULE "the name of a store of the module"

/*
 * The words of store create and set as they were given, and as values. What only one
 * back end has the other refuses.
 */
struct store_words {
	const char *capacity, *max_object, *max_key, *inline_limit, *splice_threshold, *copy;
	const char *default_ttl, *grace, *high_watermark, *low_watermark, *mode, *owner, *group;
	const char *object_events, *policy, *durable;
};

struct config {
	uint64_t capacity, max_object, max_key, inline_limit, splice_threshold;
	uint64_t default_ttl, grace, high_watermark, low_watermark;
	uint32_t copy, mode, uid, gid, object_events, durable;
};

int mirror_create(const char *store, const struct store_words *given, const struct config *c);
int mirror_set(const char *store, const struct store_words *given, const struct config *c);
int mirror_delete(const char *store, bool force);
int mirror_show(const char *store);

/* Sets what of s a mirror has; status may be NULL. */
int mirror_read(const char *store, struct store *s, struct zc_mirror_status *status,
		bool *durable);

/* cmd_store.c and cmd_stats.c: of all stores. */
void print_counters(const struct store *s);
void print_hit_ratio(const struct store *s);

#endif /* MIRROR_H */
