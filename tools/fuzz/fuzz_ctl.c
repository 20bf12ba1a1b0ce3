// SPDX-License-Identifier: GPL-2.0-only
/*
 * Command lines of zcachectl, a word to a line: all that is done with them before
 * the kernel or a file would be opened, for neither is there.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <zcache.h>

#include "fail.h"
#include "fuzz.h"
#include "nl.h"
#include "out.h"

int zcachectl_main(int argc, char **argv);

/* libFuzzer's own files are to be found. */
static bool inside;

int __wrap_open(const char *path, int flags, ...);
int __real_open(const char *path, int flags, mode_t mode);
int __wrap_access(const char *path, int mode);
int __real_access(const char *path, int mode);
FILE *__wrap_fopen(const char *path, const char *mode);
FILE *__real_fopen(const char *path, const char *mode);
DIR *__wrap_opendir(const char *path);
DIR *__real_opendir(const char *path);
int __wrap_zc_open(const char *name, int flags, struct zc_cache **cache);
int __wrap_nlc_open(struct nlc *nlc);
void __wrap_out_finish(void);
void __real_out_finish(void);
struct passwd *__wrap_getpwnam(const char *name);
struct group *__wrap_getgrnam(const char *name);

/* Sets errno. */
static bool absent(void)
{
	errno = ENOENT;
	return inside;
}

int __wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return absent() ? -1 : __real_open(path, flags, mode);
}

int __wrap_access(const char *path, int mode)
{
	return absent() ? -1 : __real_access(path, mode);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
	return absent() ? NULL : __real_fopen(path, mode);
}

DIR *__wrap_opendir(const char *path)
{
	return absent() ? NULL : __real_opendir(path);
}

int __wrap_zc_open(const char *name, int flags, struct zc_cache **cache)
{
	(void)name;
	(void)flags;
	(void)cache;
	return -ENOENT;
}

int __wrap_nlc_open(struct nlc *nlc)
{
	memset(nlc, 0, sizeof(*nlc));
	return CTL_NO_MODULE;
}

static bool finished;

void __wrap_out_finish(void)
{
	finished = true;
	__real_out_finish();
}

struct passwd *__wrap_getpwnam(const char *name)
{
	(void)name;
	return NULL;
}

struct group *__wrap_getgrnam(const char *name)
{
	(void)name;
	return NULL;
}

extern char __start_ctl_bss[], __stop_ctl_bss[], __start_ctl_data[], __stop_ctl_data[];
static char *bss, *initialized;

/* Over what the sanitizer keeps between variables too, which no copy of its own may. */
__attribute__((no_sanitize("address"), no_builtin))
static void copy(volatile char *to, const volatile char *from, size_t len)
{
	while (len--)
		*to++ = *from++;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	bss = malloc(__stop_ctl_bss - __start_ctl_bss);
	initialized = malloc(__stop_ctl_data - __start_ctl_data);
	copy(bss, __start_ctl_bss, __stop_ctl_bss - __start_ctl_bss);
	copy(initialized, __start_ctl_data, __stop_ctl_data - __start_ctl_data);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *argv[FUZZ_WORDS_MAX + 1];
	int argc = fuzz_words(data, size, "zcachectl", argv), code;

	copy(__start_ctl_bss, bss, __stop_ctl_bss - __start_ctl_bss);
	copy(__start_ctl_data, initialized, __stop_ctl_data - __start_ctl_data);
	inside = true;
	finished = false;
	code = zcachectl_main(argc, argv);
	/* a program that ends frees nothing */
	if (out_json() && !finished)
		__real_out_finish();
	inside = false;
	must(code >= CTL_OK && code <= CTL_NO_MODULE);
	return 0;
}
