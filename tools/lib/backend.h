/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/* What a back end provides; the library's own, not installed. */
#ifndef ZC_BACKEND_H
#define ZC_BACKEND_H

#include "zcache.h"

/*
 * A back end embeds this as the first member of its own state. It is not
 * written after open, but for what is atomic: so the calls are thread-safe.
 */
struct zc_cache {
	const struct zc_backend *be;
};

/*
 * The calls of zcache.h, with the size member already filled in. open gets the
 * name without the prefix. caps are ZC_CAP_*.
 */
struct zc_backend {
	const char *prefix;
	uint64_t caps;
	int (*open)(const char *name, int flags, struct zc_cache **cache);
	void (*close)(struct zc_cache *cache);
	int (*info)(struct zc_cache *cache, struct zc_info *info);
	int (*put)(struct zc_cache *cache, struct zc_put *put);
	int (*fill)(struct zc_cache *cache, struct zc_put *fill);
	int (*commit)(struct zc_cache *cache, int fill_fd, struct zc_commit *commit);
	int (*stat)(struct zc_cache *cache, struct zc_stat *stat);
	int (*get)(struct zc_cache *cache, struct zc_get *get);
	int (*open_object)(struct zc_cache *cache, struct zc_open *open);
	int (*send)(struct zc_cache *cache, struct zc_send *send);
	int (*send_batch)(struct zc_cache *cache, struct zc_send_batch *batch);
	int (*del)(struct zc_cache *cache, struct zc_delete *del);
	int (*purge)(struct zc_cache *cache, struct zc_purge *purge);
	int (*touch)(struct zc_cache *cache, struct zc_touch *touch);
	int (*wait)(struct zc_cache *cache, struct zc_wait *wait);
	int (*lookup)(struct zc_cache *cache, struct zc_lookup *lookup);
	void (*release)(struct zc_cache *cache, struct zc_lookup *lookup);
	int (*counters)(struct zc_cache *cache, uint64_t *values, unsigned int nr);
};

extern const struct zc_backend zc_backend_kmod;
extern const struct zc_backend zc_backend_mirror;
extern const struct zc_backend zc_backend_served;

/* lookup.c: zc_lookup() and zc_release() by the other calls. */
int zc_lookup_calls(struct zc_cache *cache, struct zc_lookup *lookup, uint64_t threshold);
void zc_release_calls(struct zc_lookup *lookup);

#endif /* ZC_BACKEND_H */
