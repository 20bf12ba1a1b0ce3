/* SPDX-License-Identifier: GPL-2.0-only */
/* What the fuzzers have in common. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* What libFuzzer calls: once, and with one input after another. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What holds whatever the bytes are. */
static inline void must(int holds)
{
	if (!holds)
		abort();
}

/* The bytes as a file of no folder, for parsers that open one by its name. */
const char *fuzz_file(const uint8_t *data, size_t size);

/*
 * The lines as words of a command line, the program's name before them and NULL at
 * the end. Returns argc; the words are valid until the next call.
 */
#define FUZZ_WORDS_MAX 64
int fuzz_words(const uint8_t *data, size_t size, const char *program, char **argv);

#endif /* FUZZ_H */
