/* SPDX-License-Identifier: GPL-2.0-only */
/* "object list" stands alone among the object commands in using netlink. */
#ifndef OBJECTS_H
#define OBJECTS_H

#include "ctl.h"

extern const struct keyword list_keywords[];
int run_list(int argc, char **argv);

#endif /* OBJECTS_H */
