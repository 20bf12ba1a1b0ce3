/* SPDX-License-Identifier: GPL-2.0-only */
/* Mirrors in the test's folder. */
#ifndef MIRROR_UTIL_H
#define MIRROR_UTIL_H

#include <zcache.h>

#include "../lib/mirror.h"

/* The path of a file in the test's folder; valid until the next call. */
const char *mirror_path(const char *name);

/* Opens the mirror of a folder in it, or makes it first. */
struct zc_cache *mirror_open(const char *name, int flags);
struct zc_cache *mirror_new(const char *name, const struct zc_mirror_conf *conf);

/* Regular files below a folder in it. */
int files_in(const char *name);

/* One counter. */
uint64_t counted(struct zc_cache *c, enum zc_counter counter);

/*
 * Whether the mirror is what it says it is: the counts agree with the objects and with
 * the files, nothing is left over, and each object has the bytes that put_seeded() gave
 * it. NULL, or what is wrong.
 */
const char *mirror_wrong(struct zc_cache *c, const char *name);

/* Puts len bytes that are known by the seed, which is noted as the entity tag. */
int put_seeded(struct zc_cache *c, const char *key, size_t len, unsigned int seed);

/* Whether what is looked up has no other bytes than that; 1 if not, or if it is not there. */
int check_seeded(struct zc_cache *c, const char *key);

/* Nanoseconds from now as a time to expire. */
int64_t from_now(int64_t ns);

/* Whether a key can be read. */
int get_key(struct zc_cache *c, const char *key, uint32_t flags);

uint64_t used(struct zc_cache *c);
uint64_t objects(struct zc_cache *c);

#endif /* MIRROR_UTIL_H */
