/* SPDX-License-Identifier: GPL-2.0-only */
/* How a program ends that could not do what it was asked, and what it says. */
#ifndef FAIL_H
#define FAIL_H

/* Documented in the manual pages; scripts rely on them. */
enum exit_code {
	CTL_OK = 0,
	CTL_USAGE = 1,
	CTL_REFUSED = 2,
	CTL_NOT_FOUND = 3,
	CTL_NO_MODULE = 4,
};

/* Each program has these two: "NAME: ..." to stderr; the first returns code. */
int fail(enum exit_code code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Appended to a message: "Invalid argument (EINVAL)". err is -errno. */
const char *error_name(int err);

#endif /* FAIL_H */
