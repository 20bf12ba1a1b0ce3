// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"

const char *fuzz_file(const uint8_t *data, size_t size)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("input", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	must(!ftruncate(fd, 0));
	must(pwrite(fd, data, size, 0) == (ssize_t)size);
	return path;
}

int fuzz_words(const uint8_t *data, size_t size, const char *program, char **argv)
{
	static char text[4096], name[32];
	char *next = text;
	int argc = 0;

	if (size >= sizeof(text))
		size = sizeof(text) - 1;
	memcpy(text, data, size);
	text[size] = '\0';
	/* a word ends at a NUL as well, as any does */
	argv[argc++] = strcpy(name, program);
	while (next < text + size && argc < FUZZ_WORDS_MAX) {
		argv[argc++] = next;
		next += strcspn(next, "\n");
		*next++ = '\0';
	}
	argv[argc] = NULL;
	return argc;
}
