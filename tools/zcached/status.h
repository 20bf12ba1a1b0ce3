/* SPDX-License-Identifier: GPL-2.0-only */
/* What the status page asks for once a second. */
#ifndef STATUS_H
#define STATUS_H

#include <stddef.h>
#include <stdint.h>

struct top_tags;
struct view;

/* JSON text that the caller frees, NULL without memory. tags has one for each view. */
char *status_json(const struct view *views, const struct top_tags *const *tags, size_t n,
		  uint64_t now_ms);

#endif /* STATUS_H */
