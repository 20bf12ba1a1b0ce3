// SPDX-License-Identifier: GPL-2.0-only
/* Command lines of zcache-serve, an argument to a line. */
#include <setjmp.h>
#include <stdbool.h>

#include "fuzz.h"

#define main serve_main
#include "../serve/main.c"
#undef main

void __wrap_exit(int code) __attribute__((noreturn));
void __real_exit(int code) __attribute__((noreturn));

static jmp_buf ended;
static bool parsing;

void __wrap_exit(int code)
{
	if (!parsing)
		__real_exit(code);
	longjmp(ended, 1 + code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *argv[FUZZ_WORDS_MAX + 1];
	struct options o = { .workers = 1, .keep_alive_timeout = 60, .client_timeout = 30,
			     .max_connections = 1 };
	int argc = fuzz_words(data, size, "zcache-serve", argv), code;

	/* its scan begins anew, in full */
	optind = 0;
	parsing = true;
	code = setjmp(ended);
	if (!code)
		parse_options(argc, argv, &o);
	parsing = false;
	if (code) {
		must(code - 1 == EXIT_OK || code - 1 == EXIT_USAGE);
		return 0;
	}
	must(o.store != NULL);
	must(o.workers >= 1 && o.workers <= WORKERS_MAX);
	must(o.keep_alive_timeout >= 1 && o.client_timeout >= 1 && o.max_connections >= 1);
	return 0;
}
