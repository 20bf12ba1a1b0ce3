/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the system's own files are; tests put another root in its place. */
#ifndef SYSTEM_H
#define SYSTEM_H

#include <limits.h>

/* fmt begins with a slash, buf has PATH_MAX bytes. Returns buf. */
const char *sys_path(char *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif /* SYSTEM_H */
