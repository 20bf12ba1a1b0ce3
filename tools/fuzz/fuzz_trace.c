// SPDX-License-Identifier: GPL-2.0-only
/*
 * Traces of requests for "zcachectl policy simulate". The first byte chooses the
 * format, what makes an object, and whether columns are named; the others are the file.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "fuzz.h"
#include "sim.h"

static char said[4096];

int fail(enum exit_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(said, sizeof(said), fmt, ap);
	va_end(ap);
	return code;
}

static void check(const struct sim_trace *t)
{
	uint64_t bytes = 0, i;

	must(t->nr && t->objects && t->objects <= t->nr);
	must(t->format > SIM_AUTO && t->format <= SIM_IDS);
	for (i = 0; i < t->nr; i++) {
		must(t->requests[i].object < t->objects);
		bytes += t->requests[i].size;
	}
	must(bytes == t->bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const columns[] = { NULL, NULL, "2,3", "key,size" };
	struct sim_trace t;
	uint8_t how;

	if (!size)
		return 0;
	how = data[0];
	said[0] = '\0';
	if (sim_trace_read(fuzz_file(data + 1, size - 1), how % 5, columns[how >> 4 & 3],
			   how >> 6 & 1 ? SIM_BY_ID : SIM_BY_FORMAT, &t)) {
		must(said[0]);
		return 0;
	}
	check(&t);
	sim_trace_free(&t);
	return 0;
}
