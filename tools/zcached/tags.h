/* SPDX-License-Identifier: GPL-2.0-only */
/* The tags of a store that are used most. */
#ifndef TAGS_H
#define TAGS_H

#include <stddef.h>
#include <stdint.h>

struct nlc;

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
 */
struct top_tags {
	struct tag v[TOP_TAGS];
	size_t n;
	uint64_t all, next;
};

/*
 * Looks at all tags, unless that was done just now: a store may have a million, and a
 * page that shows ten of them is not to cost much. 0 or -errno.
 */
int tags_update(struct nlc *nlc, const char *store, struct top_tags *t);

#endif /* TAGS_H */
