// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ghost.h"
#include "sketch.h"

#define ROWS 4
#define PER_WORD 16
/* Of few objects too it remembers for a while: two KiB a row cost nothing. */
#define WIDTH_MIN 16384
#define WIDTH_MAX (1u << 31)
#define USES_PER_COUNTER (10 / 4.)

static uint32_t width_for(uint32_t objects)
{
	uint32_t width = WIDTH_MIN;
	uint64_t wanted = 4ull * objects;

	while (width < wanted && width < WIDTH_MAX)
		width *= 2;
	return width;
}

static size_t row_words(uint32_t width)
{
	return width / PER_WORD;
}

/**
 * zp_sketch_init - begins with no use
 * @s: what to set up
 * @objects: how many it is to tell apart
 * Return: 0 or -ENOMEM
 */
int zp_sketch_init(struct zp_sketch *s, uint32_t objects)
{
	*s = (struct zp_sketch){ .width = width_for(objects) };
	s->words = calloc(ROWS * row_words(s->width), sizeof(*s->words));
	return s->words ? 0 : -ENOMEM;
}

/**
 * zp_sketch_exit - frees it
 * @s: what zp_sketch_init() made
 */
void zp_sketch_exit(struct zp_sketch *s)
{
	free(s->words);
}

/**
 * zp_sketch_grow - makes rows as wide as there are objects
 * @s: the sketch
 * @objects: how many
 *
 * A counter's place in a wide row is its place in the narrow one plus some more bits
 * of the hash, so a copy for each value of these keeps all counts.
 */
void zp_sketch_grow(struct zp_sketch *s, uint32_t objects)
{
	uint32_t width = width_for(objects);
	size_t from = row_words(s->width), to = row_words(width), row, at;
	uint64_t *words;

	if (width <= s->width)
		return;
	words = calloc(ROWS * to, sizeof(*words));
	if (!words)
		return;
	for (row = 0; row < ROWS; row++)
		for (at = 0; at < to; at += from)
			memcpy(words + row * to + at, s->words + row * from,
			       from * sizeof(*words));
	free(s->words);
	s->words = words;
	s->width = width;
}

/* The word of a counter; *shift is its place there. */
static uint64_t *counter(const struct zp_sketch *s, uint64_t hash, unsigned int row,
			 unsigned int *shift)
{
	uint32_t at = ((uint32_t)hash + row * ((uint32_t)(hash >> 32) | 1)) & (s->width - 1);

	*shift = at % PER_WORD * 4;
	return s->words + row * row_words(s->width) + at / PER_WORD;
}

static unsigned int lowest(const struct zp_sketch *s, uint64_t hash)
{
	unsigned int least = ZP_SKETCH_MAX, row, shift, n;
	const uint64_t *word;

	for (row = 0; row < ROWS; row++) {
		word = counter(s, hash, row, &shift);
		n = *word >> shift & ZP_SKETCH_MAX;
		if (n < least)
			least = n;
	}
	return least;
}

static void halve(struct zp_sketch *s)
{
	size_t i;

	for (i = 0; i < ROWS * row_words(s->width); i++)
		s->words[i] = s->words[i] >> 1 & 0x7777777777777777;
	s->uses /= 2;
}

/**
 * zp_sketch_add - counts uses
 * @s: the sketch
 * @id: of what
 * @n: how many
 *
 * Counters that are above the lowest already count somebody else too, and stay.
 */
void zp_sketch_add(struct zp_sketch *s, uint64_t id, unsigned int n)
{
	uint64_t hash = zp_hash(id), *word;
	unsigned int to = lowest(s, hash), row, shift;

	to = n < ZP_SKETCH_MAX - to ? to + n : ZP_SKETCH_MAX;
	for (row = 0; row < ROWS; row++) {
		word = counter(s, hash, row, &shift);
		if ((*word >> shift & ZP_SKETCH_MAX) < to)
			*word = (*word & ~((uint64_t)ZP_SKETCH_MAX << shift)) |
				(uint64_t)to << shift;
	}
	s->uses += n;
	if (s->uses >= USES_PER_COUNTER * s->width)
		halve(s);
}

/**
 * zp_sketch_get - how often something was used
 * @s: the sketch
 * @id: what
 * Return: 0 to ZP_SKETCH_MAX
 */
unsigned int zp_sketch_get(const struct zp_sketch *s, uint64_t id)
{
	return lowest(s, zp_hash(id));
}
