// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>

#include "fail.h"

const char *error_name(int err)
{
	static __thread char buf[128];
	const char *name = strerrorname_np(-err);

	snprintf(buf, sizeof(buf), "%s (%s)", strerrordesc_np(-err) ?: "unknown error",
		 name ?: "unknown");
	return buf;
}
