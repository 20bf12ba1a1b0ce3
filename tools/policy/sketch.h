/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How often something was used lately, of far more ids than are here: a count-min
 * sketch of four rows of counters of four bits. An id is never counted too low but
 * at halving, and too high only if others share its counters in all rows.
 */
#ifndef ZP_SKETCH_H
#define ZP_SKETCH_H

#include <stdint.h>

/** ZP_SKETCH_MAX - as far as a counter counts */
#define ZP_SKETCH_MAX 15

/**
 * struct zp_sketch - the counters
 * @words: rows one after the other, sixteen counters a word
 * @width: counters of a row, a power of 2
 * @uses: counted since the last halving
 */
struct zp_sketch {
	uint64_t *words;
	uint32_t width;
	uint64_t uses;
};

/* Room for so many objects at first; 0 or -ENOMEM. */
int zp_sketch_init(struct zp_sketch *s, uint32_t objects);
void zp_sketch_exit(struct zp_sketch *s);

/* There are so many objects now; without memory it stays as narrow as it is. */
void zp_sketch_grow(struct zp_sketch *s, uint32_t objects);
/* Halves all counters after ten uses a counter of a row, so that the past fades. */
void zp_sketch_add(struct zp_sketch *s, uint64_t id, unsigned int n);
unsigned int zp_sketch_get(const struct zp_sketch *s, uint64_t id);

#endif /* ZP_SKETCH_H */
