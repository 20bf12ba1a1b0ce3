/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tags of a store may use, and what is kept for them, as the configuration says. */
#ifndef LIMIT_H
#define LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nlc;

/**
 * struct limit - that of one tag
 * @tag: the tag, not 0
 * @quota: bytes that its objects may use; 0 for as many as there are
 * @floor: bytes that are kept for them; 0 for none
 */
struct limit {
	uint64_t tag, quota, floor;
};

/**
 * struct limits - those that the kernel has of us for one store
 * @v: the limits
 * @n: how many
 * @due: not all are as they are to be
 * @told: that was said
 */
struct limits {
	struct limit *v;
	size_t n;
	bool due, told;
};

/*
 * Takes back the limits that are not wanted any more, and sets those that are. What could
 * not be done is told, and due.
 */
void limits_set(struct limits *l, struct nlc *nlc, const char *store, const struct limit *want,
		size_t n);

/* Forgets them; the kernel keeps them. */
void limits_end(struct limits *l);

#endif /* LIMIT_H */
