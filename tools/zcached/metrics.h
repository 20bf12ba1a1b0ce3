/* SPDX-License-Identifier: GPL-2.0-only */
/* What Prometheus and its kin read. */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct managed;
struct store;

/**
 * struct view - a store as it is now
 * @store: what the kernel tells
 * @managed: what the daemon does; NULL if it does not know the store yet
 */
struct view {
	const struct store *store;
	struct managed *managed;
};

/* As OpenMetrics 1.0, or in the text form 0.0.4 of Prometheus. */
void metrics_print(FILE *f, bool openmetrics, const struct view *views, size_t n);

#endif /* METRICS_H */
