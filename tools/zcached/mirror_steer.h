/* SPDX-License-Identifier: GPL-2.0-only */
/* Mirrors, by the library. */
#ifndef MIRROR_STEER_H
#define MIRROR_STEER_H

#include "steer.h"

/* Of a struct zc_cache, a mirror that is open for writing. */
extern const struct steer mirror_steer;

#endif /* MIRROR_STEER_H */
