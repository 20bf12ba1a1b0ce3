/* SPDX-License-Identifier: GPL-2.0-only */
/* Folders, programs and a fake store for the tests. */
#ifndef UTIL_H
#define UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <zcache.h>

/* A new folder, removed at exit; with a fake store "web" if that is asked for. */
const char *test_folder(void);
void test_store(void);
struct zc_cache *test_open(void);

/* Writes a file below the folder and returns its path, valid until the next call. */
const char *test_file(const char *name, const void *data, size_t len);

/* The program's path: $BIN/name, or $BIN/tests/name for one with -fake at its end. */
const char *test_program(const char *name);

struct result {
	int code;			/* exit code, or 128 + signal */
	char out[65536], err[4096];
	size_t out_len, err_len;
};

/* Runs a program to its end; in may be NULL. The last argument is NULL. */
void run(struct result *r, const char *in, const char *program, ...)
	__attribute__((sentinel));

/* Starts it with its standard output on *out and standard error on *err. */
pid_t start(const char *const *argv, int in, int *out, int *err);

/*
 * For tests of processes that die with a lock: whether the next one is told. Emulators
 * of another processor have no such thing; a test ends there with test_skip().
 */
bool test_robust(void);
int test_skip(const char *why);

/* An object whose bytes follow from seed. */
void fill_pattern(char *buf, size_t len, unsigned int seed);
int put_object(struct zc_cache *c, const char *key, const void *data, size_t len,
	       const char *header, const char *etag, const char *type);
/* What of an object is not as it should be, or NULL. *stat tells the rest of it. */
const char *object_differs(struct zc_cache *c, const char *key, const char *data,
			   const char *header, const char *etag, const char *type,
			   struct zc_stat *stat);

/* Five bytes that have tags. */
int put_tagged(struct zc_cache *c, const char *key, const uint64_t *tags, uint32_t nr);

/* zc_wait() for a key; and whether its fd, or another, can be read within that time. */
int wait_for(struct zc_cache *c, const char *key, uint32_t flags, int timeout_ms);
bool readable(int fd, int timeout_ms);

#endif /* UTIL_H */
