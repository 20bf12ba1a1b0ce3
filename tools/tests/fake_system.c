// SPDX-License-Identifier: GPL-2.0-only
/*
 * Puts another root below the files of the system that zcachectl looks at.
 *
 * FAKE_SYSTEM   the folder; none if not set
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *__wrap_sys_path(char *buf, const char *fmt, ...);

const char *__wrap_sys_path(char *buf, const char *fmt, ...)
{
	int n = snprintf(buf, PATH_MAX, "%s", getenv("FAKE_SYSTEM") ?: "");
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + n, PATH_MAX - n, fmt, ap);
	va_end(ap);
	return buf;
}
