/* SPDX-License-Identifier: LGPL-2.1-only OR MIT */
/* What readers know of a map; the library's own, not installed. */
#ifndef ZC_MAP_H
#define ZC_MAP_H

#include "zcache_io.h"

/**
 * zcf_window() - where the window is
 * @map: whose
 * @offset: gets the offset in the file of its first byte
 * @len: gets its length, 0 if there is none
 *
 * Return: the address of the first byte.
 */
void *zcf_window(const struct zc_map *map, uint64_t *offset, size_t *len);

#endif /* ZC_MAP_H */
