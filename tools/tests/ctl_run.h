/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs of zcachectl, of which r is the outcome, and what they ask of the stand-ins. */
#ifndef CTL_RUN_H
#define CTL_RUN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "util.h"

static struct result r;
static char log_file[128];

#define ctl(...) run(&r, NULL, "zcachectl", __VA_ARGS__, NULL)
#define fake(...) run(&r, NULL, "zcachectl-fake", __VA_ARGS__, NULL)

/* The exit code, the sentence on standard error, and nothing on standard output. */
#define refused(code, sentence, name) ctl_refused(code, sentence, name, __FILE__, __LINE__)

static inline void ctl_refused(int code, const char *sentence, const char *name, const char *file,
			       int line)
{
	tap_int(r.code, code, name, file, line);
	tap_str(r.err, sentence, name, file, line);
	tap_int(r.out_len, 0, name, file, line);
}

/* The stand-in that reads this variable writes there what it is asked. */
static inline void log_requests(const char *variable)
{
	snprintf(log_file, sizeof(log_file), "%s/requests", test_folder());
	setenv(variable, log_file, 1);
}

static inline void forget_requests(void)
{
	remove(log_file);
}

/* What was asked since this or forget_requests() was called. */
#define requested(want, name) ctl_requested(want, name, __FILE__, __LINE__)

static inline void ctl_requested(const char *want, const char *name, const char *file, int line)
{
	FILE *f = fopen(log_file, "r");
	char text[1024];
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

	tap_mem(text, n, want, strlen(want), name, file, line);
	if (f)
		fclose(f);
	forget_requests();
}

#endif /* CTL_RUN_H */
