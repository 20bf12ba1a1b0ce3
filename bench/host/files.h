/* SPDX-License-Identifier: GPL-2.0-only */
/* Files for the programs. */
#ifndef HOST_FILES_H
#define HOST_FILES_H

#include <stdint.h>

/**
 * hb_file() - a file in hb_dir() that is in the page cache and on the disk
 * @size: its size, a multiple of @piece
 * @piece: it is written in pieces of that size: larger ones get larger pages in the cache
 *
 * It is removed when the program ends.
 *
 * Return: its path, or NULL with errno.
 */
const char *hb_file(uint64_t size, uint64_t piece);

#endif /* HOST_FILES_H */
