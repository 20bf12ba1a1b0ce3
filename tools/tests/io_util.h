/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of zcache_io.h have in common. */
#ifndef IO_UTIL_H
#define IO_UTIL_H

#include <stddef.h>
#include <stdint.h>

#include <zcache_io.h>

/* Numbers that follow from a seed. */
uint32_t io_random(uint64_t *state, uint32_t below);

/* Bytes of which no two places look alike, which the caller frees. */
unsigned char *io_bytes(size_t len);

/* A new file with these bytes, whose name is gone already; opened with flags as well. */
int io_file(const void *data, size_t len, int flags);

/*
 * From now on io_uring_setup(2) fails with err in this process. For a child of the test.
 * 0, or -1 if that cannot be done here.
 */
int io_refuse_uring(int err);

/* Runs a function in a child, and returns what it returns, or 128 + the signal. */
int io_child(int (*run)(void));

/* Whether this kernel, and this build, have io_uring. */
int io_have_uring(void);

#endif /* IO_UTIL_H */
