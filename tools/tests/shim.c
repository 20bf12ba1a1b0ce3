// SPDX-License-Identifier: GPL-2.0-only
/* Faults in system calls, see shim.h. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "shim.h"

enum {
#define SHIM_ENUM(call) CALL_##call,
	SHIM_CALLS(SHIM_ENUM)
	NR_CALLS
};

static const char *const names[] = {
#define SHIM_NAME(call) #call,
	SHIM_CALLS(SHIM_NAME)
};

/* See shim.h. */
#define SHIM_ERRORS(X) \
	X(EINTR) X(EAGAIN) X(EIO) X(ENOSPC) X(EROFS) X(EACCES) X(ENOSYS) X(EINVAL) X(EXDEV) \
	X(EOPNOTSUPP) X(ENOMEM) X(EPIPE) X(ECONNRESET) X(EFBIG) X(EDQUOT) X(EMFILE) X(ENODEV) \
	X(ENOENT) X(EPERM) X(EBADF) X(EEXIST) X(EMLINK) X(ETXTBSY) X(ESPIPE) X(EISDIR)

static const struct {
	const char *name;
	int number;
} errors[] = {
#define SHIM_ERROR(error) { #error, error },
	SHIM_ERRORS(SHIM_ERROR)
};

enum what { NOTHING, FAIL, FAIL_AFTER, SHORT, KILL, KILL_AFTER };

struct rule {
	int call;
	unsigned int from, to;
	enum what what;
	size_t n;		/* errno, or bytes */
};

static struct rule rules[32];
static unsigned int nr_rules;
static atomic_uint made[NR_CALLS];
static const char *only;	/* $ZC_SHIM_PATH */

static int number_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (!strcmp(errors[i].name, name))
			return errors[i].number;
	return atoi(name);
}

static bool parse_what(struct rule *r, const char *what)
{
	if (!strncmp(what, "short=", 6)) {
		r->what = SHORT;
		r->n = strtoul(what + 6, NULL, 0);
		return true;
	}
	if (!strcmp(what, "kill") || !strcmp(what, "killed")) {
		r->what = what[4] ? KILL_AFTER : KILL;
		return true;
	}
	r->what = FAIL;
	if (!strncmp(what, "after=", 6)) {
		r->what = FAIL_AFTER;
		what += 6;
	}
	r->n = number_of(what);
	return r->n;
}

static bool parse_rule(struct rule *r, char *text)
{
	char *call = strtok_r(text, ":", &text), *which = strtok_r(NULL, ":", &text), *end;

	if (!which || !text)
		return false;
	for (r->call = 0; r->call < NR_CALLS && strcmp(names[r->call], call); r->call++)
		;
	r->from = 1;
	r->to = ~0U;
	if (strcmp(which, "*")) {
		r->from = r->to = strtoul(which, &end, 10);
		if (*end == '+')
			r->to = ~0U;
		else if (*end == '-')
			r->to = strtoul(end + 1, NULL, 10);
	}
	return r->call < NR_CALLS && r->from && parse_what(r, text);
}

int shim_plan(const char *plan)
{
	char text[1024], *rule, *rest = text;
	size_t i;

	nr_rules = 0;
	for (i = 0; i < NR_CALLS; i++)
		made[i] = 0;
	snprintf(text, sizeof(text), "%s", plan ? plan : "");
	for (rule = strtok_r(text, ",", &rest); rule; rule = strtok_r(NULL, ",", &rest)) {
		if (nr_rules == sizeof(rules) / sizeof(rules[0]) ||
		    !parse_rule(&rules[nr_rules], rule)) {
			nr_rules = 0;
			return -1;
		}
		nr_rules++;
	}
	return 0;
}

int shim_calls(const char *name)
{
	size_t i;

	for (i = 0; i < NR_CALLS; i++)
		if (!strcmp(names[i], name))
			return made[i];
	return -1;
}

/* Whether this file is looked at; readlink is no call that can be made to fail. */
static bool looked_at(int fd, const char *path)
{
	char link[64], target[4096];
	ssize_t n;

	if (!only)
		return true;
	if (path)
		return strstr(path, only);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = 0;
	return strstr(target, only);
}

/* What is to happen with this call; sets errno for a failure. */
static struct rule meet(int call, int fd, const char *path)
{
	struct rule none = { .what = NOTHING };
	unsigned int nr, i;

	if (!looked_at(fd, path))
		return none;
	nr = ++made[call];
	for (i = 0; i < nr_rules; i++) {
		const struct rule *r = &rules[i];

		if (r->call != call || nr < r->from || nr > r->to)
			continue;
		if (r->what == KILL)
			kill(getpid(), SIGKILL);
		if (r->what == FAIL)
			errno = r->n;
		return *r;
	}
	return none;
}

static void afterwards(const struct rule *r)
{
	if (r->what == KILL_AFTER)
		kill(getpid(), SIGKILL);
	if (r->what == FAIL_AFTER)
		errno = r->n;
}

static size_t shorter(const struct rule *r, size_t len)
{
	return r->what == SHORT && len > r->n ? r->n : len;
}

#ifdef SHIM_PRELOAD
#define SHIM(call) call
#define REAL(call) ((__typeof__(&call))dlsym(RTLD_NEXT, #call))

__attribute__((constructor)) static void begin(void)
{
	only = getenv("ZC_SHIM_PATH");
	if (shim_plan(getenv("ZC_SHIM"))) {
		fprintf(stderr, "ZC_SHIM is no plan\n");
		_exit(99);
	}
}
#else
#define SHIM(call) __wrap_##call
#define REAL(call) __real_##call
#define SHIM_REAL(call) extern __typeof__(call) __real_##call, __wrap_##call;
SHIM_CALLS(SHIM_REAL)
#endif

/* One call: params as they are declared, then how the real one is called. */
#define DEFINE(type, bad, call, params, fd, path, ...) \
type SHIM(call) params \
{ \
	struct rule r = meet(CALL_##call, fd, path); \
	type ret; \
\
	if (r.what == FAIL) \
		return bad; \
	ret = REAL(call)(__VA_ARGS__); \
	afterwards(&r); \
	return r.what == FAIL_AFTER ? bad : ret; \
}

DEFINE(ssize_t, -1, read, (int fd, void *buf, size_t len), fd, NULL, fd, buf, shorter(&r, len))
DEFINE(ssize_t, -1, write, (int fd, const void *buf, size_t len), fd, NULL,
       fd, buf, shorter(&r, len))
DEFINE(ssize_t, -1, pread, (int fd, void *buf, size_t len, off_t off), fd, NULL,
       fd, buf, shorter(&r, len), off)
DEFINE(ssize_t, -1, pwrite, (int fd, const void *buf, size_t len, off_t off), fd, NULL,
       fd, buf, shorter(&r, len), off)
DEFINE(ssize_t, -1, send, (int fd, const void *buf, size_t len, int flags), fd, NULL,
       fd, buf, shorter(&r, len), flags)
DEFINE(ssize_t, -1, sendfile, (int out, int in, off_t *off, size_t len), in, NULL,
       out, in, off, shorter(&r, len))
DEFINE(ssize_t, -1, splice, (int in, off_t *in_off, int out, off_t *out_off, size_t len,
			     unsigned int flags), in, NULL,
       in, in_off, out, out_off, shorter(&r, len), flags)
DEFINE(ssize_t, -1, copy_file_range, (int in, off_t *in_off, int out, off_t *out_off,
				      size_t len, unsigned int flags), in, NULL,
       in, in_off, out, out_off, shorter(&r, len), flags)
DEFINE(int, -1, fsync, (int fd), fd, NULL, fd)
DEFINE(int, -1, fdatasync, (int fd), fd, NULL, fd)
DEFINE(int, -1, ftruncate, (int fd, off_t len), fd, NULL, fd, len)
DEFINE(int, -1, rename, (const char *from, const char *to), -1, to, from, to)
DEFINE(int, -1, renameat, (int fd, const char *from, int to_fd, const char *to), -1, to,
       fd, from, to_fd, to)
DEFINE(int, -1, link, (const char *from, const char *to), -1, to, from, to)
DEFINE(int, -1, linkat, (int fd, const char *from, int to_fd, const char *to, int flags), -1, to,
       fd, from, to_fd, to, flags)
DEFINE(int, -1, unlink, (const char *path), -1, path, path)
DEFINE(int, -1, unlinkat, (int fd, const char *path, int flags), -1, path, fd, path, flags)
DEFINE(int, -1, mkdir, (const char *path, mode_t mode), -1, path, path, mode)
DEFINE(int, -1, poll, (struct pollfd *fds, nfds_t nr, int timeout), -1, "", fds, nr, timeout)

/* Memory that is no file's is never refused: it is the test's own. */
void *SHIM(mmap)(void *addr, size_t len, int prot, int flags, int fd, off_t off)
{
	struct rule r = { .what = NOTHING };

#ifdef SHIM_PRELOAD
	/* What looks the real one up may map memory itself. */
#define REAL_MMAP(...) ((void *)syscall(SYS_mmap, __VA_ARGS__))
#else
#define REAL_MMAP(...) REAL(mmap)(__VA_ARGS__)
#endif
	if (!(flags & MAP_ANONYMOUS))
		r = meet(CALL_mmap, fd, NULL);
	if (r.what == FAIL)
		return MAP_FAILED;
	return REAL_MMAP(addr, len, prot, flags, fd, off);
}

/* The pieces of a call, made shorter if it is to be short; as many as fit. */
#define PIECES	64

static int pieces(const struct rule *r, const struct iovec *from, size_t nr, struct iovec *to)
{
	size_t i, left = r->n;

	for (i = 0; i < nr && i < PIECES; i++) {
		to[i] = from[i];
		if (r->what != SHORT)
			continue;
		if (to[i].iov_len > left)
			to[i].iov_len = left;
		left -= to[i].iov_len;
	}
	return i;
}

#define DEFINE_VECTOR(call) \
ssize_t SHIM(call)(int fd, const struct iovec *iov, int nr) \
{ \
	struct rule r = meet(CALL_##call, fd, NULL); \
	struct iovec some[PIECES]; \
	ssize_t ret; \
\
	if (r.what == FAIL) \
		return -1; \
	ret = REAL(call)(fd, some, pieces(&r, iov, nr, some)); \
	afterwards(&r); \
	return r.what == FAIL_AFTER ? -1 : ret; \
}

DEFINE_VECTOR(readv)
DEFINE_VECTOR(writev)

ssize_t SHIM(sendmsg)(int fd, const struct msghdr *msg, int flags)
{
	struct rule r = meet(CALL_sendmsg, fd, NULL);
	struct iovec some[PIECES];
	struct msghdr less = *msg;
	ssize_t ret;

	if (r.what == FAIL)
		return -1;
	less.msg_iov = some;
	less.msg_iovlen = pieces(&r, msg->msg_iov, msg->msg_iovlen, some);
	ret = REAL(sendmsg)(fd, &less, flags);
	afterwards(&r);
	return r.what == FAIL_AFTER ? -1 : ret;
}
