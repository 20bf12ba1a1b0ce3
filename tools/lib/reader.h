/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/* The ways of a reader; the library's own, not installed. */
#ifndef ZC_READER_H
#define ZC_READER_H

#include <stdbool.h>

#include "zcache_io.h"

/**
 * struct zcr_way - a way to get at bytes
 * @open: makes ready; after an error the next way is tried
 * @peek: finds the bytes at the reader's position, which is not the end: at least one. They
 *        stay until the next peek.
 * @copied: called after bytes were copied from there: 0, or -errno if they were not good.
 *          May be NULL.
 * @read_at: copies bytes, all of which lie in the file: their number or -errno
 * @check: as zc_reader_check(). May be NULL: compare the size of the file.
 * @close: undoes open, also one that failed
 */
struct zcr_way {
	int (*open)(struct zc_reader *r);
	int (*peek)(struct zc_reader *r, const void **data, size_t *len);
	int (*copied)(struct zc_reader *r);
	ssize_t (*read_at)(struct zc_reader *r, void *buf, size_t len, uint64_t offset);
	int (*check)(struct zc_reader *r);
	void (*close)(struct zc_reader *r);
};

extern const struct zcr_way zcr_way_map, zcr_way_map_ring, zcr_way_ring, zcr_way_pread;

struct zcr_pieces;
struct zcr_ahead;

/**
 * struct zc_reader - a reader
 * @way: how it gets at bytes
 * @kind: the name of that
 * @fd: its own
 * @size: of the file, when it was opened
 * @pos: the cursor
 * @conf: as configured, checked
 * @map: of the ways that map
 * @ring: of the ways with a ring
 * @ahead: of the way with both
 * @pieces: of the way that reads by a ring
 * @buf: of the way that reads by pread
 * @buf_at: offset in the file of @buf
 * @buf_len: bytes in it
 */
struct zc_reader {
	const struct zcr_way *way;
	const char *kind;
	int fd;
	uint64_t size, pos;
	struct zc_reader_conf conf;
	struct zc_map *map;
	struct zc_ring *ring;
	struct zcr_ahead *ahead;
	struct zcr_pieces *pieces;
	struct zc_aligned buf;
	uint64_t buf_at;
	size_t buf_len;
};

/**
 * zcr_open_ring() - gives the reader a ring
 * @r: the reader
 * @depth: operations under way
 *
 * Return: 0 or -errno: also if there is none but by preadv, which has no use here.
 */
int zcr_open_ring(struct zc_reader *r, unsigned int depth);

/**
 * zcr_hint_ahead() - asks the kernel for pages after some bytes, if that is configured
 * @r: the reader
 * @offset: where they begin
 */
void zcr_hint_ahead(struct zc_reader *r, uint64_t offset);

/**
 * zcr_hint_passed() - tells the kernel of bytes that are not wanted again, if so configured
 * @r: the reader
 * @offset: of the first
 * @len: how many
 */
void zcr_hint_passed(struct zc_reader *r, uint64_t offset, uint64_t len);

/**
 * zcr_pread() - reads bytes that are in the file
 * @r: the reader
 * @buf: where to
 * @len: how many
 * @offset: of the first
 *
 * Return: 0, -EIO if the file is shorter now, or -errno.
 */
int zcr_pread(struct zc_reader *r, void *buf, size_t len, uint64_t offset);

#endif /* ZC_READER_H */
