/* SPDX-License-Identifier: GPL-2.0-only */
/* Content negotiation, of two. */
#ifndef ACCEPT_H
#define ACCEPT_H

#include <stdbool.h>

/*
 * Whether an Accept field prefers OpenMetrics to plain text. Who names neither, or has
 * no such field (NULL), gets text, as other programs of this kind do.
 */
bool accept_openmetrics(const char *field);

#endif /* ACCEPT_H */
