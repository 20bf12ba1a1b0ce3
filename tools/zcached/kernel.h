/* SPDX-License-Identifier: GPL-2.0-only */
/* Stores of the module, by netlink. */
#ifndef KERNEL_H
#define KERNEL_H

#include "steer.h"

/* Of a struct nlc. */
extern const struct steer kernel_steer;

#endif /* KERNEL_H */
