/* SPDX-License-Identifier: GPL-2.0-only */
/* The tags of a store that are used most. */
#ifndef TAGS_H
#define TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tag_look;

#define TOP_TAGS 10

/**
 * struct tag - one tag
 * @id: its number
 * @used: charge of the objects that have it
 * @objects: how many these are
 * @hits: lookups that found one
 * @sent: bytes of them sent
 */
struct tag {
	uint64_t id, used, objects, hits, sent;
};

/**
 * struct top_tags - those with the most hits, the most first
 * @v: the tags
 * @n: how many
 * @all: how many the store has
 * @next: CLOCK_MONOTONIC nanoseconds from which it is worth to look again
 * @look: one that is not at its end yet; NULL if there is none
 */
struct top_tags {
	struct tag v[TOP_TAGS];
	size_t n;
	uint64_t all, next;
	struct tag_look *look;
};

/*
 * Begins to look at all tags, unless that was done just now: a store may have a million,
 * and a page that shows ten of them is neither to cost much nor to keep others waiting.
 * What does not take long is done at once; else what was seen last stays until
 * tags_go_on() has come to the end. 0 or -errno.
 */
int tags_update(const char *store, struct top_tags *t);

/* Goes on for a moment with a look. Returns whether it is not at its end. */
bool tags_go_on(struct top_tags *t);

void tags_end(struct top_tags *t);

#endif /* TAGS_H */
