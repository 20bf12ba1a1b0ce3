/* SPDX-License-Identifier: GPL-2.0-only */
/* What the daemon says, kept here. */
#ifndef SAID_H
#define SAID_H

#include <stdarg.h>
#include <stdio.h>

#include "fail.h"

static char said[1024];

int fail(enum exit_code code, const char *fmt, ...)
{
	(void)fmt;
	return code;
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
}

#endif /* SAID_H */
