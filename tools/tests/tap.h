/* SPDX-License-Identifier: GPL-2.0-only */
/* Results as TAP, one line per assertion; the plan comes last. */
#ifndef TAP_H
#define TAP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

static inline bool tap_ok(bool good, const char *name, const char *file, int line)
{
	tap_count++;
	if (!good) {
		tap_failed++;
		printf("# %s:%d: failed\n", file, line);
	}
	printf("%sok %d - %s\n", good ? "" : "not ", tap_count, name);
	fflush(stdout);
	return good;
}

static inline bool tap_int(int64_t got, int64_t want, const char *name, const char *file, int line)
{
	if (got != want)
		printf("# %s:%d: got %" PRId64 ", want %" PRId64 "\n", file, line, got, want);
	return tap_ok(got == want, name, file, line);
}

static inline bool tap_mem(const void *got, size_t got_len, const void *want, size_t want_len,
			   const char *name, const char *file, int line)
{
	bool same = got_len == want_len && !memcmp(got, want, want_len);

	if (!same)
		printf("# %s:%d: got %zu bytes '%.*s', want %zu bytes '%.*s'\n", file, line,
		       got_len, got_len > 2000 ? 2000 : (int)got_len, (const char *)got, want_len,
		       want_len > 2000 ? 2000 : (int)want_len, (const char *)want);
	return tap_ok(same, name, file, line);
}

static inline bool tap_str(const char *got, const char *want, const char *name, const char *file,
			   int line)
{
	return tap_mem(got, strlen(got), want, strlen(want), name, file, line);
}

#define ok(good, name) tap_ok(good, name, __FILE__, __LINE__)
#define is_int(got, want, name) tap_int(got, want, name, __FILE__, __LINE__)
#define is_mem(got, len, want, want_len, name) \
	tap_mem(got, len, want, want_len, name, __FILE__, __LINE__)
/* want is a literal, which may hold any bytes. */
#define is_lit(got, len, want, name) is_mem(got, len, want, sizeof(want) - 1, name)
#define is_str(got, want, name) tap_str(got, want, name, __FILE__, __LINE__)

/* What main() returns. */
static inline int tap_end(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

#endif /* TAP_H */
