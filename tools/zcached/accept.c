// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "accept.h"

#define BLANK " \t"

/* "q=0.5" among the parameters of one range, which ends at end. */
static double quality(const char *p, const char *end)
{
	while ((p = memchr(p, ';', end - p))) {
		p++;
		p += strspn(p, BLANK);
		if (p + 2 <= end && !strncasecmp(p, "q=", 2))
			return atof(p + 2);
	}
	return 1;
}

static bool is(const char *p, const char *end, const char *type)
{
	size_t len = strlen(type);

	return (size_t)(end - p) >= len && !strncasecmp(p, type, len) &&
	       (p + len == end || strchr(";" BLANK, p[len]));
}

bool accept_openmetrics(const char *field)
{
	double openmetrics = 0, text = 0;
	const char *p = field ?: "";

	while (*p) {
		const char *end;

		p += strspn(p, "," BLANK);
		end = p + strcspn(p, ",");
		if (is(p, end, "application/openmetrics-text") && quality(p, end) > openmetrics)
			openmetrics = quality(p, end);
		if (is(p, end, "text/plain") && quality(p, end) > text)
			text = quality(p, end);
		p = end;
	}
	return openmetrics > 0 && openmetrics >= text;
}
