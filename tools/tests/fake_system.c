// SPDX-License-Identifier: GPL-2.0-only
/*
 * Puts another root below the files of the system that zcachectl looks at, and
 * another clock.
 *
 * FAKE_SYSTEM   the folder; none if not set
 * FAKE_NODE_LOG a file that is told of nodes that are given another mode or owner,
 *               which is not done
 * FAKE_CLOCK    seconds by which CLOCK_MONOTONIC is later each time it is read
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <time.h>

const char *__wrap_sys_path(char *buf, const char *fmt, ...);
int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);

int __wrap_chmod(const char *path, mode_t mode);
int __wrap_fchownat(int fd, const char *path, uid_t uid, gid_t gid, int flags);

static int log_node(const char *fmt, ...)
{
	FILE *f = fopen(getenv("FAKE_NODE_LOG"), "a");
	va_list ap;

	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	fclose(f);
	return 0;
}

int __wrap_chmod(const char *path, mode_t mode)
{
	(void)path;
	return log_node("mode %04o\n", mode);
}

int __wrap_fchownat(int fd, const char *path, uid_t uid, gid_t gid, int flags)
{
	(void)fd;
	(void)path;
	(void)flags;
	return log_node("owner %u:%u\n", uid, gid);
}

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
	const char *step = getenv("FAKE_CLOCK");
	static time_t now;

	if (!step || id != CLOCK_MONOTONIC)
		return __real_clock_gettime(id, ts);
	now += atol(step);
	*ts = (struct timespec){ .tv_sec = now };
	return 0;
}

const char *__wrap_sys_path(char *buf, const char *fmt, ...)
{
	int n = snprintf(buf, PATH_MAX, "%s", getenv("FAKE_SYSTEM") ?: "");
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(buf + n, PATH_MAX - n, fmt, ap);
	va_end(ap);
	return buf;
}
