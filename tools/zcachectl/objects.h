/* SPDX-License-Identifier: GPL-2.0-only */
/* The object commands: those of the other files, and what they share. */
#ifndef OBJECTS_H
#define OBJECTS_H

#include "ctl.h"

struct zc_cache;

/* Each returns an exit code, having said what is wrong. */
int open_store(const char *name, int flags, struct zc_cache **cache);
/* Store and key are the first two words. */
int open_store_key(char **argv, int flags, struct zc_cache **cache, struct key *key);
/* Why verb did not work on the key as it was typed. */
int refused(struct zc_cache *cache, int err, const char *verb, const char *key);
/* The time that is so far from now; absent text keeps *ns. */
int arg_ttl(const char *text, int64_t *ns);

void begin_result(const char *store, const struct key *key);

extern const struct keyword list_keywords[];
int run_list(int argc, char **argv);

extern const struct keyword touch_keywords[], delete_keywords[], purge_keywords[];
int run_touch(int argc, char **argv);
int run_delete(int argc, char **argv);
int run_purge(int argc, char **argv);

#endif /* OBJECTS_H */
